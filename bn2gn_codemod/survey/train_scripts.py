"""Train scripts: whether the backbone is frozen by the time the optimizer is built."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from bn2gn_codemod.generated.freezing import FREEZE, recognise_freeze
from bn2gn_codemod.plan import Place, TrainScript
from bn2gn_codemod.survey.flow import Flow
from bn2gn_codemod.survey.freezing_code import FreezingCode
from bn2gn_codemod.survey.freezing_effects import (
    Coverage,
    Effect,
    Part,
    coverage,
    extent,
    thaws,
    without_options,
)
from bn2gn_codemod.survey.optimizers import Optimizer, Optimizers
from bn2gn_codemod.survey.scopes import (
    Scope,
    all_calls,
    assignments,
    binds,
    calls,
    is_docstring,
)
from bn2gn_codemod.survey.syntax import call_name, flat, walk
from bn2gn_codemod.survey.train_models import TrainedModels
from bn2gn_codemod.survey.values import Class, ClassValue, FunctionValue

_MODEL_NAME = re.compile(
    r"^(?:model_?name|arch|architecture|net_?name|model_?type|network|model|net|backbone|name)$"
)
# Wrappers that keep their module under a name that the generated pattern knows.
_TRANSPARENT = re.compile(r"Parallel|DDP|FSDP|^Optimized|Compiled")
# What waits for the gradients that are due when it is made: freeze before it.
_WAITS_FOR_GRADIENTS = {
    "DistributedDataParallel",
    "DDP",
    "FullyShardedDataParallel",
    "FSDP",
    "prepare",
    "prepare_model",
    "setup_module",
}

State = Literal["frozen", "late", "optional", "partly", "nothing", "unfrozen"]


class _Around(NamedTuple):
    """What is done to a model before its optimizer is built, after, and where it is made."""

    before: list[Effect]
    after: list[Effect]
    where_made: list[Effect]


class Insertion(NamedTuple):
    """Where a freeze call may go, and the model's source there."""

    scope: Scope
    after: ast.stmt
    model: str


class TrainScripts:
    """What is known of each optimizer and the models that it trains."""

    def __init__(
        self,
        flow: Flow,
        models: TrainedModels,
        code: FreezingCode,
        optimizers: Optimizers,
        whole: bool,
    ) -> None:
        """``whole``: all parameters of the backbone are to be frozen, not only BatchNorm's."""
        self._flow = flow
        self._models = models
        self._code = code
        self._optimizers = optimizers
        self._whole = whole
        self._followed: dict[Optimizer, _Around] = {}

    def script(self, entry: Optimizer) -> TrainScript:
        """The state of the backbone when the optimizer is built."""
        state = self.state(entry)
        return TrainScript(
            optimizer=entry.scope.place(entry.statement),
            model=entry.model,
            backbone=self._models.names(entry.models).backbone,
            state=state,
            option=self._option(entry) if state == "optional" else "",
            thaw=self._thaw(entry),
            classes=tuple(sorted(cls.module.place(cls.node) for cls in entry.models)),
        )

    # --------------------------------------------------------------- state

    def state(self, entry: Optimizer) -> State:
        """Judged for every class that the model may be; the worst counts."""
        if self._is_frozen_by_ours(entry):
            return "frozen"
        states = {self._state(entry, cls) for cls in entry.models}
        order: tuple[State, ...] = (
            "unfrozen",
            "nothing",
            "partly",
            "optional",
            "late",
            "frozen",
        )
        return next(state for state in order if state in states)

    def _is_frozen_by_ours(self, entry: Optimizer) -> bool:
        """Whether the generated call stands there already, on all that it would be written for.

        A script too tangled to follow must not get a second one.
        """
        names = self._models.names(entry.models)
        top = self._top_of(entry)
        for statement, call in [*entry.scope.calls, *(top.calls if top is not None else ())]:
            if call_name(call) == FREEZE and call.args and ast.unparse(call.args[0]) == entry.model:
                for value in self._flow.value_of(call.func):
                    if isinstance(value, FunctionValue) and statement is not entry.statement:
                        ours = recognise_freeze(value.function.module.tree)
                        if ours is not None and ours.covers(names.backbone, names.wrappers):
                            return True
        return False

    def _state(self, entry: Optimizer, cls: Class) -> State:
        if self._freezes_itself(cls):
            return "frozen"
        earlier, later = self._before(entry), self._after(entry)
        before = self._coverage(earlier, entry, cls)
        if before.freezes:
            return "frozen"
        where_made = self._effects_where_made(entry)
        made = self._coverage(where_made, entry, cls)
        if made.freezes:
            return "frozen"
        if self._coverage(earlier + later, entry, cls).freezes:
            return "late"
        if any(
            self._coverage(without_options(effects), entry, cls).freezes
            for effects in (earlier, where_made)
        ):
            return "optional"
        if before.touches or made.touches:
            return "partly"
        return "nothing" if before.misses or made.misses else "unfrozen"

    def _before(self, entry: Optimizer) -> list[Effect]:
        return self._around(entry).before

    def _after(self, entry: Optimizer) -> list[Effect]:
        return self._around(entry).after

    def _effects_where_made(self, entry: Optimizer) -> list[Effect]:
        return self._around(entry).where_made

    def _around(self, entry: Optimizer) -> _Around:
        """Followed once, and judged for each class that the model may be."""
        if entry not in self._followed:
            order, index = entry.scope.order, entry.scope.order.index(entry.statement)
            self._followed[entry] = _Around(
                self._effects(entry, order[:index]),
                self._effects(entry, order[index:]),
                self._follow_where_made(entry),
            )
        return self._followed[entry]

    def _option(self, entry: Optimizer) -> str:
        """The option that freezes the backbone, and where it is asked."""
        for effect in self._before(entry) + self._effects_where_made(entry):
            if effect.kind in ("eval", "no gradient") and effect.option is not None:
                where = f"{effect.module_path}:{effect.option.lineno}"
                return f"{ast.unparse(effect.option)} ({where})"
        return ""

    def _thaw(self, entry: Optimizer) -> Place | None:
        """Where some of the backbone gets its gradients back after the optimizer is built."""
        for cls in entry.models:
            found = thaws(self._after(entry), self._models.model(cls))
            if found is not None and found.node is not None:
                source = self._flow.by_path[found.module_path].source
                column = source.column(found.node.lineno, found.node.col_offset)
                return Place(found.module_path, found.node.lineno, column)
        return None

    def extent(self, entry: Optimizer, cls: Class) -> dict[str, str]:
        """What is without gradient when the optimizer is built, by part of the model."""
        effects = self._effects_where_made(entry) + self._before(entry)
        return extent(effects, self._models.model(cls, self._is_wrapped(entry)))

    def hidden(self, entry: Optimizer) -> Iterator[tuple[Effect, ast.Call]]:
        """Effects that a SyncBatchNorm conversion before them hides, and the conversion."""
        order = entry.scope.order
        for index, statement in enumerate(order):
            conversion = next(
                (c for c in calls(statement) if call_name(c) == "convert_sync_batchnorm"), None
            )
            if conversion is not None:
                effects = self._effects(entry, order[index + 1 :])
                for effect in dict.fromkeys(
                    effect
                    for cls in entry.models
                    for effect in self._coverage(effects, entry, cls).hidden
                ):
                    yield effect, conversion
                return

    def _coverage(self, effects: Iterable[Effect], entry: Optimizer, cls: Class) -> Coverage:
        # .train() is a matter of the loop and its guard.
        lasting = [effect for effect in effects if effect.kind != "train"]
        model = self._models.model(cls, self._is_wrapped(entry))
        return coverage(lasting, model._replace(whole=self._whole))

    def _is_wrapped(self, entry: Optimizer) -> bool:
        return any(
            call_name(call) in ("DataParallel", *_WAITS_FOR_GRADIENTS)
            for statement in entry.scope.before(entry.statement)
            if binds(statement, entry.model)
            for call in all_calls(statement)
        )

    def _effects(self, entry: Optimizer, statements: list[ast.stmt]) -> list[Effect]:
        roots = {source: Part(()) for source in self._aliases(entry)}
        own = set(statements)
        top = [s for s in statements if own.isdisjoint(entry.scope.around(s))]
        return self._code.effects(top, entry.scope.function, roots, entry.models)

    def _aliases(self, entry: Optimizer) -> set[str]:
        """The model's own name, and those that it had before it was wrapped."""
        found = {entry.model}
        for statement in reversed(entry.scope.order):
            for source in list(found):
                for _, value in assignments(statement, source):
                    if isinstance(value, ast.Name) and self._models.of(value):
                        found.add(value.id)
                    elif isinstance(value, ast.Call):
                        inner = self._inside_unknown(value) or _wrapped(value)
                        found |= {inner} if inner is not None else set()
        return found

    def _follow_where_made(self, entry: Optimizer) -> list[Effect]:
        """What the functions that make or hold the model do to it."""
        found: list[Effect] = []
        for statement in entry.scope.order:
            for call_statement, value in assignments(statement, entry.model):
                del call_statement
                if isinstance(value, ast.Call):
                    found.extend(self._effects_of_factory(value, entry))
        top = self._top_of(entry)
        if top is not None:
            roots = {entry.model: Part(())}
            found.extend(self._code.effects(top.body, top.function, roots, entry.models))
        cls = entry.scope.function.class_
        if cls is not None and entry.model.split(".")[0] == "self":
            for scope in self._methods(cls):
                makes_it = any(binds(statement, entry.model) for statement in scope.body)
                if scope.function.name.endswith(".__init__") and entry.model == "self":
                    makes_it = True
                if scope is not entry.scope and makes_it:
                    roots = {entry.model: Part(())}
                    found.extend(
                        self._code.effects(scope.body, scope.function, roots, entry.models)
                    )
        return found

    def _top_of(self, entry: Optimizer) -> Scope | None:
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

    def _effects_of_factory(self, call: ast.Call, entry: Optimizer) -> list[Effect]:
        """What a function that returns the model did to it."""
        found: list[Effect] = []
        for value in self._flow.value_of(call.func):
            if not isinstance(value, FunctionValue):
                continue
            node = value.function.node
            if isinstance(node, (ast.Module, ast.Lambda)):
                continue
            returned = {
                statement.value.id
                for statement in flat(node.body)
                if isinstance(statement, ast.Return) and isinstance(statement.value, ast.Name)
            }
            if len(returned) == 1:
                roots = {name: Part(()) for name in returned}
                found += self._code.effects(node.body, value.function, roots, entry.models)
        return found

    def _freezes_itself(self, cls: Class) -> bool:
        """Whether the class freezes its backbone when it is made, and keeps it so."""
        return self.keeps_eval(cls) and self._stops_gradient_when_made(cls)

    def _stops_gradient_when_made(self, cls: Class) -> bool:
        owners = self._models.owners(cls)
        return bool(owners) and all(
            self._method_coverage(owner, "__init__").stops_gradient for owner in owners
        )

    def keeps_eval(self, cls: Class) -> bool:
        """Whether ``train()`` of the class, or of the owner inside, keeps the backbone in eval."""
        if self._method_coverage(cls, "train").evaluates:
            return True
        owners = self._models.owners(cls)
        return bool(owners) and all(
            self._method_coverage(owner, "train").evaluates for owner in owners
        )

    def _method_coverage(self, cls: Class, name: str) -> Coverage:
        function = self._flow.find_method(cls, name)
        effects: list[Effect] = []
        if function is not None and not isinstance(function.node, (ast.Module, ast.Lambda)):
            roots = {"self": Part(())}
            effects = self._code.effects(function.node.body, function, roots, [cls])
        return coverage(effects, self._models.model(cls))

    # ----------------------------------------------------------- insertion

    def insertion(self, entry: Optimizer) -> Insertion | None:
        """After the last statement that makes or wraps the model, before the optimizer.

        And after those that give it its gradients back.
        """
        found = self._after_making(entry)
        if found is None or found.scope.function is not entry.scope.function:
            return found
        for statement in entry.scope.before(entry.use):
            if statement is found.after:
                break
            if any(effect.kind == "gradient" for effect in self._effects(entry, [statement])):
                return found._replace(after=statement)
        return found

    def obstacle(self, entry: Optimizer) -> str:
        """Why there is no :meth:`insertion`, and what to do."""
        for statement in entry.scope.before(entry.use):
            for made, _ in assignments(statement, entry.model):
                if self._waits_for_gradients(made):
                    return (
                        f"line {made.lineno} makes and wraps it at once: make it first, "
                        "then freeze it, then wrap it"
                    )
        return "where the model is made is not clear: freeze it before the optimizer"

    def _after_making(self, entry: Optimizer) -> Insertion | None:
        if entry.model == "self":
            return self._after_init(entry)
        found = self._after_binding(entry.scope, entry.scope.before(entry.use), entry.model)
        if found is not None:
            return found
        cls = entry.scope.function.class_
        if cls is not None and entry.model.startswith("self."):
            for scope in self._methods(cls):
                found = self._after_binding(scope, reversed(scope.body), entry.model)
                if found is not None:
                    return found
        top = self._top_of(entry)
        if top is not None:
            calls_of = [
                statement
                for scope, statement, _ in self._optimizers.callers(entry.scope.function)
                if scope is top
            ]
            # Else, no statement that may hold the whole training.
            plain = [s for s in reversed(top.body) if isinstance(s, (ast.Assign, ast.AnnAssign))]
            earlier = top.before(calls_of[0]) if calls_of else plain
            return self._after_binding(top, earlier, entry.model)
        if entry.scope.parameter(entry.model) is not None:
            for statement in entry.scope.before(entry.use):
                if not is_docstring(statement):
                    return Insertion(entry.scope, statement, entry.model)
        return None

    def _after_binding(
        self, scope: Scope, earlier: Iterable[ast.stmt], model: str
    ) -> Insertion | None:
        for statement in earlier:
            bindings = list(assignments(statement, model))
            if not bindings:
                continue
            around = [(made, self._inside_unknown(value)) for made, value in bindings]
            hidden = [(made, inside) for made, inside in around if inside is not None]
            if hidden:
                made, inside = hidden[0]
                return (
                    self._after_binding(scope, scope.before(made), inside)
                    if len(bindings) == 1
                    else None
                )
            wrap = next((b for b in bindings if self._waits_for_gradients(b[0])), None)
            if wrap is None:
                return Insertion(scope, statement, model)
            inner = wrap[1]
            if statement is wrap[0] and isinstance(inner, ast.Call):
                # ddp = DistributedDataParallel(net): it is net that is to be frozen
                model = _wrapped(inner) or model
        return None

    def _inside_unknown(self, value: ast.expr | None) -> str | None:
        """``backbone`` of ``Network(backbone, head)``, a class that is not in the repository.

        Under which name its modules lie there is not known.
        """
        if not isinstance(value, ast.Call) or not call_name(value)[:1].isupper():
            return None
        if _TRANSPARENT.search(call_name(value)):
            return None
        if any(isinstance(v, (ClassValue, FunctionValue)) for v in self._flow.value_of(value.func)):
            return None
        for argument in [*value.args, *(keyword.value for keyword in value.keywords)]:
            if isinstance(argument, (ast.Name, ast.Attribute)) and self._models.of(argument):
                return ast.unparse(argument)
        return None

    def inside_unknown(self, entries: Iterable[Optimizer]) -> set[Class]:
        """Models that lie in a module whose attributes are not known."""
        return {
            cls
            for entry in entries
            for statement in entry.scope.order
            for _, value in assignments(statement, entry.model)
            if self._inside_unknown(value) is not None
            for cls in entry.models
        }

    def _waits_for_gradients(self, statement: ast.stmt) -> bool:
        for call in calls(statement):
            if call_name(call) in _WAITS_FOR_GRADIENTS:
                return True
            for callee in self._flow.value_of(call.func):
                if isinstance(callee, FunctionValue):
                    body = callee.function.node
                    if any(
                        isinstance(inner, ast.Call)
                        and call_name(inner) in ("DistributedDataParallel", "DDP")
                        for inner in walk(body)
                    ):
                        return True
        return False

    def _after_init(self, entry: Optimizer) -> Insertion | None:
        """At the end of the constructor of a module that builds its own optimizer."""
        cls = entry.scope.function.class_
        init = self._flow.find_method(cls, "__init__") if cls is not None else None
        if init is None or isinstance(init.node, (ast.Module, ast.Lambda)):
            return None
        body = [s for s in init.node.body if not isinstance(s, ast.Return)]
        if init.class_ is not cls or not body or is_docstring(body[-1]):
            return None
        return Insertion(Scope(init, init.node.body), body[-1], "self")

    def _methods(self, cls: Class) -> Iterator[Scope]:
        methods = {m for ancestor in cls.ancestors() for m in ancestor.methods.values()}
        return (scope for scope in self._optimizers.scopes if scope.function in methods)

    def model_name(self, entry: Optimizer, insertion: Insertion) -> str:
        """An expression for messages: the option that chose the model, or its class's name."""
        if len(entry.models) == 1:
            return repr(entry.models[0].name)
        for statement in insertion.scope.order:
            for _, value in assignments(statement, insertion.model):
                for node in walk(value) if isinstance(value, ast.Call) else ():
                    if isinstance(node, ast.Attribute) and _MODEL_NAME.match(node.attr):
                        text = ast.unparse(node)
                        if "(" not in text and not self._models.of(node) and _is_option(node):
                            return text
        return f"type({insertion.model}).__name__"


def _is_option(node: ast.Attribute) -> bool:
    """Whether an attribute belongs to something like parsed arguments."""
    root: ast.expr = node
    while isinstance(root, ast.Attribute):
        root = root.value
    return (
        isinstance(root, ast.Name) and re.search(r"arg|opt|cfg|conf|flag|self", root.id) is not None
    )


def _wrapped(call: ast.Call) -> str | None:
    """The source of the module that a wrapper is called with."""
    for argument in [*call.args[:1], *(k.value for k in call.keywords if k.arg == "module")]:
        if isinstance(argument, (ast.Name, ast.Attribute)):
            return ast.unparse(argument)
        if isinstance(argument, ast.Call) and isinstance(argument.func, ast.Attribute):
            owner = argument.func.value  # DistributedDataParallel(net.cuda())
            if isinstance(owner, ast.Name):
                return owner.id
    return None
