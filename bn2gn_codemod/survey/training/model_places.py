"""Where the models of train scripts are made and wrapped, and a freeze call may go."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.statements.made_anew import is_made_anew, reads
from bn2gn_codemod.survey.statements.none_models import Binding, asks_for, given, may_be_none
from bn2gn_codemod.survey.statements.scopes import (
    Scope,
    assignments,
    binds,
    is_docstring,
)
from bn2gn_codemod.survey.syntax.nodes import blocks, is_super, walk
from bn2gn_codemod.survey.training.absent_models import AbsentModels, loops_around
from bn2gn_codemod.survey.training.model_wrappers import ModelWrappers
from bn2gn_codemod.survey.training.models import TrainedModels
from bn2gn_codemod.survey.training.optimizers import Optimizer, Optimizers

_MODEL_NAME = re.compile(
    r"^(?:model_?name|arch|architecture|net_?name|model_?type|network|model|net|backbone|name)$"
)


class Insertion(NamedTuple):
    """Where a freeze call may go, and the model's source there."""

    scope: Scope
    after: ast.stmt
    model: str


class ModelPlaces:
    """Finds the statements that make and wrap a model that is trained."""

    def __init__(self, flow: Flow, models: TrainedModels, optimizers: Optimizers) -> None:
        self._flow = flow
        self._models = models
        self._optimizers = optimizers
        self._absent = AbsentModels(flow, optimizers)
        self.wrappers = ModelWrappers(flow, models, optimizers)

    def top_of(self, entry: Optimizer) -> Scope | None:
        """The top level of the file, where a function takes the model from there."""
        scope = entry.scope
        root = entry.model.split(".")[0].split("[")[0]
        if isinstance(scope.function.node, ast.Module) or root in ("self", "cls"):
            return None
        if root in scope.function.parameters or any(binds(s, root) for s in scope.body):
            return None
        top = self._flow.top_level.get(scope.path)
        found = next((s for s in self._optimizers.scopes if s.function is top), None)
        is_there = found is not None and any(binds(s, entry.model) for s in found.body)
        return found if is_there else None

    def obstacle(self, entry: Optimizer) -> str:
        """Why :meth:`after_making` finds no place, and what to do."""
        found = self._after_making(entry)
        if found is not None and _comes_again(entry, found):
            return f"a loop makes {found.model} anew: freeze each of them before its optimizer"
        found = self.after_making(entry)
        if found is not None and not self.is_module(found):
            return f"{found.model} may be a list of parameters: freeze the model before it is made"
        for statement in entry.scope.before(entry.use):
            for made, _ in assignments(statement, entry.model):
                if self.wrappers.wait_for_gradients(made):
                    return (
                        f"line {made.lineno} makes and wraps it at once: make it first, "
                        "then freeze it, then wrap it"
                    )
        for statement in entry.scope.before(entry.use):
            if _making(statement, entry.model):
                if self._absent.is_absent(entry.scope, statement, entry.model):
                    return f"{entry.model} may be none there: freeze it where there is one"
                break
        return "where the model is made is not clear: freeze it before the optimizer"

    def is_module(self, place: Insertion) -> bool:
        """Whether a freeze would be called on a module for certain, and on no list of its parts."""
        expr = ast.parse(place.model, mode="eval").body
        return not self._optimizers.collections.may_be(place.scope, expr)

    def after_making(self, entry: Optimizer) -> Insertion | None:
        """After the last statement that makes or wraps the model, before the optimizer."""
        found = self._after_making(entry)
        if found is None or _asks_for_none(entry, found) or _comes_again(entry, found):
            return None
        return found

    def _after_making(self, entry: Optimizer) -> Insertion | None:
        if entry.model == "self":
            return self._after_init(entry)
        found = self._after_binding(entry.scope, entry.scope.before(entry.use), entry.model)
        if found is not None:
            return found
        cls = entry.scope.function.class_
        if cls is not None and entry.model.startswith("self."):
            for scope in self._optimizers.methods(cls):
                found = self._after_binding(scope, reversed(scope.body), entry.model)
                if found is not None:
                    return found
        top = self.top_of(entry)
        if top is not None:
            calls_of = self._calls_at(entry, top)
            # Else, no statement that may hold the whole training.
            plain = [s for s in reversed(top.body) if isinstance(s, (ast.Assign, ast.AnnAssign))]
            earlier = top.before(calls_of[0]) if calls_of else plain
            return self._after_binding(top, earlier, entry.model)
        if entry.scope.parameter(entry.model) is not None:
            return self._after_handing(entry)
        return None

    def _after_handing(self, entry: Optimizer) -> Insertion | None:
        """In a function that is handed the model: before the optimizer."""
        scope, model = entry.scope, entry.model
        places: Iterable[ast.stmt] = (s for s in scope.before(entry.use) if not is_docstring(s))
        if self._absent.may_be_handed_none(scope, model):
            found = self._absent.where_one_is(scope, places, model)
        else:
            found = next(iter(places), None)
        return Insertion(scope, found, model) if found is not None else None

    def _calls_at(self, entry: Optimizer, top: Scope) -> list[ast.stmt]:
        """Where the top level of a file calls the function that builds the optimizer."""
        callers = self._optimizers.callers(entry.scope.function)
        return [statement for scope, statement, _ in callers if scope is top]

    def until_called(self, entry: Optimizer, top: Scope) -> list[ast.stmt]:
        """The statements of the top level that come before the optimizer is built.

        ``train()``, and what ``else`` and the lines after it do to evaluate the model.
        """
        calls_of = self._calls_at(entry, top)
        if not calls_of:
            return top.body
        earlier = [*top.before(calls_of[0])][::-1]
        return [one for one in earlier if set(earlier).isdisjoint(top.around(one))]

    def _after_binding(
        self, scope: Scope, earlier: Iterable[ast.stmt], model: str
    ) -> Insertion | None:
        passed: list[ast.stmt] = []
        for statement in earlier:
            bindings = _making(statement, model)
            if not bindings:
                passed.append(statement)
                continue
            if model.endswith("]") and not _has_key_after(scope, statement, model):
                # Elsewhere the dict has nothing under that key.
                if len(bindings) != 1:
                    return None
                statement = bindings[0][0]
            if self._absent.is_absent(scope, statement, model):
                place = self._where_one_is(scope, statement, bindings, passed, model)
                if place is None:
                    return None
                statement = place
            around = [(made, self.wrappers.inside(value)) for made, value in bindings]
            hidden = [(made, inside) for made, inside in around if inside is not None]
            if hidden:
                made, inside = hidden[0]
                return (
                    self._after_binding(scope, scope.before(made), inside)
                    if len(bindings) == 1
                    else None
                )
            wrap = next((b for b in bindings if self.wrappers.wait_for_gradients(b[0])), None)
            if wrap is None:
                return Insertion(scope, statement, model)
            # ddp = DistributedDataParallel(net) if parallel else net: net is to be frozen
            inner = {self.wrappers.moved(value) for _, value in bindings}
            if len(inner) == 1:
                model = inner.pop() or model
        return None

    def _where_one_is(
        self,
        scope: Scope,
        making: ast.stmt,
        bindings: list[Binding],
        passed: list[ast.stmt],
        model: str,
    ) -> ast.stmt | None:
        """The first statement from the one that may make a model on, after which there is one.

        ``passed`` are those between it and the use, the last one first.
        """
        if any(may_be_none(value) for _, value in bindings):
            return None  # after a branch there may be nothing to freeze
        if not any(_making(one, model) for one in scope.before(making)):
            place = self._inside_branch(scope, making, model)
            if place is not None:
                return place
        loops = loops_around(scope, making)
        later = (one for one in reversed(passed) if loops_around(scope, one) <= loops)
        return self._absent.where_one_is(scope, [making, *later], model)

    def _inside_branch(self, scope: Scope, making: ast.stmt, model: str) -> ast.stmt | None:
        """Where there is a model in the one branch of a statement that makes any."""
        inside = [block for block in blocks(making) if any(_making(s, model) for s in block)]
        if not inside:
            is_none = any(self._absent.gives_none(one, model) for one in _making(making, model))
            return None if is_none else making
        if len(inside) > 1:
            return None
        *earlier, last = [statement for statement in inside[0] if _making(statement, model)]
        if not self._absent.is_absent(scope, last, model):
            return last
        place = self._absent.where_one_is(scope, [last, *scope.after(last)], model)
        return place if place or earlier else self._inside_branch(scope, last, model)

    def _after_init(self, entry: Optimizer) -> Insertion | None:
        """At the end of the constructor of a module that builds its own optimizer."""
        cls = entry.scope.function.class_
        init = cls.find_method("__init__") if cls is not None else None
        if init is None or isinstance(init.node, (ast.Module, ast.Lambda)):
            return None
        body = [s for s in init.node.body if not isinstance(s, ast.Return)]
        if init is entry.scope.function:
            found = self._after_parts(entry)
            if found is not None:
                return found
        if init.class_ is not cls or not body or is_docstring(body[-1]):
            return None
        return Insertion(Scope(init, init.node.body), body[-1], "self")

    def _after_parts(self, entry: Optimizer) -> Insertion | None:
        """In a constructor that builds the optimizer itself: where the backbone is all there."""
        scope = entry.scope
        paths = (path for cls in entry.models for path in self._models.paths_below(cls))
        parts = {f"self.{path.split('.')[0]}" for path in paths}
        earlier = list(scope.before(entry.use))
        later = [statement for statement in scope.order if statement.lineno > entry.use.lineno]
        if any(_makes(statement, part, parts) for statement in later for part in parts):
            return None
        made = (s for s in earlier if any(binds(s, part) for part in parts))
        found = next(made, None)
        return Insertion(scope, found, "self") if found is not None else None

    def overridden(self, place: Insertion) -> Iterator[Insertion]:
        """Where subclasses make the model instead, in a method that overrides the one of a place.

        ``Exp.get_model`` makes ``self.model``, and so does ``Nano.get_model``.
        """
        function = place.scope.function
        name = function.name.rsplit(".", 1)[-1]
        for cls in function.class_.descendants()[1:] if function.class_ is not None else ():
            for scope in self._optimizers.scopes:
                if scope.function is not cls.methods.get(name) or _calls_super(scope, name):
                    continue
                found = self._after_binding(scope, reversed(scope.body), place.model)
                if found is not None and any(
                    value is not None and self._models.of(value)
                    for _, value in assignments(found.after, found.model)
                ):
                    yield found

    def model_name(self, entry: Optimizer, insertion: Insertion) -> str:
        """An expression for messages: the option that chose the model, or its class's name."""
        is_one_of_many = bool(entry.others) and not insertion.model.endswith("]")
        if len(entry.models) == 1 and not is_one_of_many:
            return repr(entry.models[0].name)
        for statement in insertion.scope.order:
            for _, value in assignments(statement, insertion.model):
                for node in walk(value) if isinstance(value, ast.Call) else ():
                    if isinstance(node, ast.Attribute) and _MODEL_NAME.match(node.attr):
                        text = ast.unparse(node)
                        if "(" not in text and not self._models.of(node) and _is_option(node):
                            return text
        return f"type({insertion.model}).__name__"


def _making(statement: ast.stmt, model: str) -> list[Binding]:
    """The assignments in a statement that may make the model: ``self.model = None`` does not."""
    return [
        (made, value)
        for made, value in given(statement, model)
        if not isinstance(value, ast.Constant)
    ]


def _has_key_after(scope: Scope, statement: ast.stmt, model: str) -> bool:
    """Whether ``models["pose"]`` is there after a statement, whichever way was gone through it."""
    earlier = any(binds(one, model) for one in scope.before(statement))
    return earlier or _stores_key([statement], model)


def _stores_key(block: list[ast.stmt], model: str) -> bool:
    for statement in block:
        match statement:
            case ast.If(body=body, orelse=orelse):
                if _stores_key(body, model) and _stores_key(orelse, model):
                    return True
            case _ if binds(statement, model):
                return True
    return False


def _makes(statement: ast.stmt, source: str, parts: Collection[str]) -> bool:
    """Whether a statement gives an attribute something else than what it has, or a wrapper.

    What another one of the ``parts`` has is there already, as well.
    """
    return any(
        not (isinstance(made, ast.Assign) and reads(made.value, parts))
        for made, _ in assignments(statement, source)
    )


def _asks_for_none(entry: Optimizer, insertion: Insertion) -> bool:
    """Whether the optimizer is built only where there is a model, and the freeze stood outside."""
    if insertion.scope.function is not entry.scope.function:
        return False
    inside = set(insertion.scope.around(insertion.after))
    tests = [
        around.test
        for around in entry.scope.around(entry.use)
        if isinstance(around, ast.If) and around not in inside
    ]
    tests += [node.test for node in walk(entry.use) if isinstance(node, ast.IfExp)]
    return any(asks_for(test, entry.model) for test in tests)


def _comes_again(entry: Optimizer, insertion: Insertion) -> bool:
    """Whether a loop around the optimizer, not around the freeze, makes the model anew."""
    scope, after = insertion.scope, insertion.after
    if scope.function is not entry.scope.function or not scope.surely_before(after, entry.use):
        return False
    return is_made_anew(entry.scope, after, entry.use, insertion.model)


def _is_option(node: ast.Attribute) -> bool:
    """Whether an attribute belongs to something like parsed arguments."""
    root: ast.expr = node
    while isinstance(root, ast.Attribute):
        root = root.value
    return (
        isinstance(root, ast.Name) and re.search(r"arg|opt|cfg|conf|flag|self", root.id) is not None
    )


def _calls_super(scope: Scope, name: str) -> bool:
    """Whether a method leaves the work to the one that it overrides."""
    return any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr == name
        and is_super(call.func.value)
        for _, call in scope.calls
    )
