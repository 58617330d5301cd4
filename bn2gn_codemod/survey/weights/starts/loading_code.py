"""The code that a load of a whole model is a step of: from the load up to where training begins.

That is the function that loads, if it makes the model; those that hand it the model or the object
that holds it; and those to which it gives what it has made and loaded, as a factory does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.statements.guarding_tests import guarding_tests
from bn2gn_codemod.survey.statements.made_object_uses import method_calls
from bn2gn_codemod.survey.statements.newest_value import newest_value
from bn2gn_codemod.survey.statements.run_conditions import (
    Conditions,
    conditions_above,
    conditions_at,
    passed,
)
from bn2gn_codemod.survey.syntax.nodes import given_arguments, root_of, walk, walk_scope
from bn2gn_codemod.survey.values import Class, Function, FunctionValue, Instance, Value, Weights
from bn2gn_codemod.survey.weights.files.files_read import files_read
from bn2gn_codemod.survey.weights.resumed.restored_optimizers import (
    is_helper_for,
    is_optimizer_load,
    restores_for,
)
from bn2gn_codemod.survey.weights.resumed.resumed_training import speaks_of_resuming
from bn2gn_codemod.survey.weights.starts.started_trainings import Models, StartedTrainings, holders

Place = tuple[Function, ast.AST]


class Step(NamedTuple):
    """A function, what was said of the load on the way there, and where the file is read."""

    function: Function
    words: str
    reading: list[Place]
    way: list[Place]  # what must run for the load to run, in the functions below
    models: Models  # the model, and what holds it
    conditions: Conditions  # under which the load runs
    # The model is its own, and not one that it is handed, which a test may do as well.
    is_its_own: bool = True


class LoadingCode:
    """Finds the steps of loads."""

    def __init__(self, flow: Flow, call_sites: CallSites, trainings: StartedTrainings) -> None:
        self._flow = flow
        self._call_sites = call_sites
        self._trainings = trainings

    def steps(self, call: LoadCall, value: Instance) -> Iterator[Step]:
        """The steps of one load into one model, the load's own function first."""
        function = call.spot.function
        here_read = files_read(self._flow, call)
        spots: list[ast.AST] = [spot.node for spot in here_read if spot.function is function]
        if call.loader and isinstance(call.spot.node, ast.Call):
            spots += _told_file(function, call.spot.node)
        read = self._not_resumed(function, spots, self._readers(function, call.spot.node))
        if read is None:
            return
        here = " ".join(_words(function, node) for node in (call.spot.node, *read))
        reading: list[Place] = [(function, node) for node in read]
        is_its_own = self._is_made_in(function, value)
        way: list[Place] = [(function, call.spot.node)]
        conditions = conditions_at(function, call.spot.node)
        models: Models = frozenset({value})
        pending = [Step(function, here, reading, way, models, conditions, is_its_own)]
        seen: set[ast.AST] = set()
        for step in pending:  # grows
            yield step
            for caller, site in self._call_sites.of(step.function):
                above = None if site in seen else self._above(call, value, step, caller, site)
                if above is not None:
                    seen.add(site)
                    pending.append(above)

    def is_for_the_model_alone(self, call: LoadCall, value: Instance) -> bool:
        """Whether a helper that may restore an optimizer does not do so for one of its calls."""
        function = call.spot.function
        return is_helper_for(function, value) and not all(
            restores_for(self._flow, function, site, caller)
            for caller, site in self._call_sites.of(function)
        )

    def _goes_on(self, call: LoadCall, value: Instance, caller: Function, site: ast.Call) -> bool:
        """Whether a call of the helper that loads restores an optimizer, too."""
        function = call.spot.function
        return is_helper_for(function, value) and restores_for(self._flow, function, site, caller)

    def _above(
        self, call: LoadCall, value: Instance, step: Step, caller: Function, site: ast.Call
    ) -> Step | None:
        """The step that a caller is, if the call is about the model."""
        function = step.function
        if function is call.spot.function and self._goes_on(call, value, caller, site):
            return None
        is_handed = any(value in self._flow.value_of(given) for given in given_arguments(site))
        is_own = function.class_ is not None and _are_kin(function.class_, caller.class_)
        is_its_method = value.spot is None and self._is_called_on(site, value)
        held: Models = frozenset()
        read: list[ast.AST] = [site]
        if is_handed or is_own or is_its_method:
            files = [] if _is_by_key(call) else files_read(self._flow, call)
            spots = [spot.node for spot in files if spot.function is caller]
            readers = self._readers(caller, site)
            read_here = self._not_resumed(caller, spots, readers, step.words)
            if read_here is None or speaks_of_resuming(caller, site, step.words):
                return None
            read += read_here
            words = " ".join(_words(caller, one) for one in read)
        else:
            held = self._holders(function, site)
            is_given = value in self._trainings.given_by(site) and self._is_made_in(function, value)
            if not (held or is_given):
                return None
            told = list(_file_given(step, site))
            if any(speaks_of_resuming(caller, one) for one in told):
                return None
            words = " ".join(map(ast.unparse, told))
        conditions = conditions_above(step.conditions, function, site, caller)
        if conditions is None or self._restores_optimizer(call, caller, site):
            return None
        return Step(
            caller,
            f"{step.words} {words}",
            [*step.reading, *((caller, one) for one in read)],
            [*step.way, (caller, site)],
            step.models | held,
            conditions | conditions_at(caller, site),
        )

    def _not_resumed(
        self,
        function: Function,
        spots: Sequence[ast.AST],
        readers: Sequence[ast.AST],
        below: str = "",
    ) -> list[ast.AST] | None:
        """What reads a file for a load, but for those files that a training goes on with.

        ``None`` where there is none but these, or what is made of any of them says so.
        """
        sources = [*spots, *(one for one in readers if not self._is_given_file(one))]
        resumed = {one for one in sources if speaks_of_resuming(function, one, below)}
        left = [one for one in (*spots, *readers) if one not in resumed]
        if (sources and len(resumed) == len(sources)) or any(
            speaks_of_resuming(function, one, below) for one in left
        ):
            return None
        return list(dict.fromkeys(left))

    def _is_given_file(self, node: ast.AST) -> bool:
        """Whether a call gets what is read already: ``strip(saved)``."""
        given = given_arguments(node) if isinstance(node, ast.Call) else ()
        return any(map(self._is_read, given))

    def _readers(self, function: Function, load: ast.AST) -> list[ast.AST]:
        """The calls of helpers that read what a call is handed: ``saved = load_file(path)``."""
        given = {node.id for node in walk(load) if isinstance(node, ast.Name)}
        found: list[ast.AST] = []
        names: set[str] = set()
        while given - names:
            names |= given
            for node in walk_scope(function.node):
                match node:
                    case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in names:
                        pass
                    case _:
                        continue
                if node.lineno > getattr(load, "lineno", 0) or not self._is_read(value):
                    continue
                given |= {one.id for one in walk(value) if isinstance(one, ast.Name)}
                found += (one for one in walk(value) if self._is_helper(one))
        return list(dict.fromkeys(found))

    def _is_read(self, value: ast.expr) -> bool:
        return any(isinstance(one, Weights) for one in self._flow.value_of(value))

    def _is_helper(self, node: ast.AST) -> bool:
        return (
            isinstance(node, ast.Call)
            and self._is_read(node)
            and any(isinstance(one, FunctionValue) for one in self._flow.value_of(node.func))
        )

    def _holders(self, function: Function, site: ast.Call) -> Models:
        """The objects that a call makes by their constructor, or whose method it calls."""
        if function.class_ is None:
            return frozenset()
        if function.is_constructor:
            return holders(self._flow.value_of(site), function)
        match site.func:
            case ast.Attribute(value=owner):
                return holders(self._flow.value_of(owner), function)
            case _:
                return frozenset()

    def _is_made_in(self, function: Function, value: Instance) -> bool:
        """Whether a function makes the model, or a call in it does: ``net = define_model()``.

        What it is handed it does not make, be that the model, what wraps it or what knows it.
        """
        if value.spot is None:
            return False
        if value.spot.function is function:
            return True
        handed = function.parameters
        if function.class_ is not None:
            handed = handed - {function.first_parameter}
        for _, call in self._flow.calls_in.get(function, ()):
            if value not in self._flow.value_of(call):
                continue
            root = root_of(call.func)
            is_known = isinstance(root, ast.Name) and root.id in handed
            given = (one for part in given_arguments(call) for one in self._flow.value_of(part))
            if not is_known and value not in given:
                return True
        return False

    def _is_called_on(self, site: ast.Call, own: Instance) -> bool:
        """Whether a call is ``net.load(file)``, for the ``self`` of that method."""
        kin = own.class_.descendants()
        return isinstance(site.func, ast.Attribute) and any(
            isinstance(one, Instance) and one.spot is not None and one.class_ in kin
            for one in self._flow.value_of(site.func.value)
        )

    def _restores_optimizer(self, call: LoadCall, caller: Function, site: ast.Call) -> bool:
        """Whether a caller gives an optimizer its state out of the file that the model is given."""
        files = {one for node in call.weights for one in self._weights(node)}
        around = set(guarding_tests(caller, site))
        return any(
            other.spot.function is caller
            and other.spot.node is not None
            and is_optimizer_load(other.spot.node)
            and not files.isdisjoint(one for node in other.weights for one in self._weights(node))
            and around == set(guarding_tests(caller, other.spot.node))
            for other in self._flow.load_calls
        )

    def _weights(self, node: int) -> Iterator[Value]:
        return (one for one in self._flow.values(node) if isinstance(one, Weights))


def _told_file(function: Function, loader: ast.Call) -> list[ast.Call]:
    """Where a loader is told its file: ``Checkpointer(net).load(path)`` or ``load(net, path)``."""
    called = {node.func: node for node in walk(function.node) if isinstance(node, ast.Call)}
    methods = [one for one in method_calls(function, loader) if isinstance(one, ast.Attribute)]
    loads = [called[one] for one in methods if one.attr in ("load", "resume_or_load")]
    return [one for one in loads if given_arguments(one)] or [loader]


def _is_by_key(call: LoadCall) -> bool:
    """Whether weights are put into single tensors: it is not said which of a file get anywhere."""
    return call.into_tensors or not isinstance(call.spot.node, ast.Call)


def _are_kin(cls: Class, other: Class | None) -> bool:
    """Whether a method of one class may be called on the ``self`` of the other one's."""
    return other is not None and (cls in other.ancestors() or other in cls.ancestors())


def _file_given(step: Step, site: ast.Call) -> Iterator[ast.expr]:
    """What a call gives for the parameters by which a function names its file."""
    named = {
        node.id
        for where, place in step.reading
        if where is step.function
        for node in walk(place)
        if isinstance(node, ast.Name) and node.id in step.function.parameters
    }
    for name in sorted(named):
        given = passed(step.function, site, name)
        if given is not None:
            yield given


def _words(function: Function, call: ast.AST) -> str:
    """A call, what it is given, the name of its function, and the tests that it stands under."""
    tests = map(ast.unparse, guarding_tests(function, call))
    made = (
        newest_value(function.node, call, one)
        for one in (given_arguments(call) if isinstance(call, ast.Call) else ())
        if isinstance(call, ast.Call) and isinstance(one, ast.Name)
    )
    bound = (
        value
        for one in (given_arguments(call) if isinstance(call, ast.Call) else ())
        if isinstance(one, ast.Name)
        for value in _bound_around(function, one)
    )
    paths = (one for one in made if one is not None and _names_path(one))
    values = map(ast.unparse, (*paths, *bound))
    # ``Trainer.init_model`` is no attribute that is read.
    return " ".join((function.name.replace(".", " "), ast.unparse(call), *values, *tests))


def _bound_around(function: Function, name: ast.Name) -> Iterator[ast.expr]:
    """``open(args.file)`` for its ``as f``; what a loop goes over that does not go on."""
    for node in walk(function.node):
        match node:
            case ast.With(items=items):
                for item in items:
                    bound = item.optional_vars
                    if isinstance(bound, ast.Name) and bound.id == name.id:
                        yield item.context_expr
            case ast.For(
                target=ast.Name(id=bound_name),
                iter=ast.List(elts=elements) | ast.Tuple(elts=elements),
            ) if bound_name == name.id:
                yield from (one for one in elements if not speaks_of_resuming(function, one))
            case _:
                pass


def _names_path(value: ast.expr) -> bool:
    """Whether a variable is given an option, or a path: ``path = getattr(cfg, "pretrained")``.

    What is made of a network or read from a file has words of its own.
    """
    match value:
        case ast.Call(func=ast.Name(id="getattr")) | ast.Attribute() | ast.Constant():
            return True
        case ast.Subscript() | ast.JoinedStr() | ast.BinOp():
            return True
        case ast.Call(func=ast.Attribute(attr="join" | "get")):
            return True
        case _:
            return False
