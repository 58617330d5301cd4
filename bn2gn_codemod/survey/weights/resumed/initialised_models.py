"""Models that code fills with random values as a whole: training begins from scratch there.

``for name, p in model.named_parameters(): init.kaiming_normal_(p)``, in a script: whatever the
parts of the model are called, nothing pretrained is in them after that. A class that does so for
itself says nothing: every network does, and may be loaded then.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.statements.guarding_tests import guarding_tests
from bn2gn_codemod.survey.syntax.nodes import call_name, walk, walk_scope
from bn2gn_codemod.survey.values import Class, Function, Instance
from bn2gn_codemod.survey.weights.resumed.resumed_training import is_resumed

_PARAMETERS = frozenset({"parameters", "named_parameters"})
_INITIALISER = re.compile(
    r"^(?:(?:kaiming|xavier|trunc)_\w+|(?:normal|uniform|orthogonal|constant|sparse|fill|zero)_?)$"
)
# What the parameters of any network are called.
_COMMON = re.compile(r"^\W*(?:weight|bias|conv|bn|norm|batch_?norm)s?\W*$", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_]\w*")
_ASKS = frozenset({"len"})


class _InitLoop(NamedTuple):
    function: Function
    loop: ast.For
    models: frozenset[Class]
    passed_over: frozenset[str]  # words in the names of the parameters that it leaves alone

    @property
    def where(self) -> str:
        return f"{self.function.module.path}:{self.loop.lineno}"

    def passes_over(self, names: str) -> bool:
        """Whether one of these names may be that of a parameter that it leaves alone."""
        return any(part in names for word in self.passed_over for part in _NAME.findall(word))


class InitialisedModels:
    """Finds the loops by which scripts initialise the models that they train."""

    def __init__(self, flow: Flow) -> None:
        self._loops = list(_init_loops(flow))

    def where(self, contents: Contents, slot: Slot) -> str | None:
        """The loop over all of a model around an attribute that no certain load follows."""
        if not self._loops:
            return None
        inner = {
            name
            for value in contents.of_slot[slot]
            if isinstance(value, Instance)
            for cls in (value.class_, *contents.below(value.class_))
            for name in contents.names(cls)
        }
        return self.where_all(contents.around(slot[0]), " ".join((slot[1], *inner)))

    def where_all(self, classes: Collection[Class], names: str) -> str | None:
        """The loop over a model of one of the classes that passes none of these names over."""
        return next(
            (
                one.where
                for one in self._loops
                if not one.models.isdisjoint(classes) and not one.passes_over(names)
            ),
            None,
        )


def _init_loops(flow: Flow) -> Iterator[_InitLoop]:
    for function, calls in flow.calls_in.items():
        over = {call for _, call in calls if call_name(call) in _PARAMETERS}
        if not over or function.is_of_module:
            continue
        for loop in walk_scope(function.node):
            if isinstance(loop, ast.For) and isinstance(loop.iter, ast.Call) and loop.iter in over:
                words = _passed_over(loop)
                models = _models(flow, loop.iter)
                if (
                    words is not None
                    and models
                    and not _is_loaded_then(flow, function, loop, models)
                ):
                    yield _InitLoop(function, loop, models, words)


def _models(flow: Flow, call: ast.Call) -> frozenset[Class]:
    """The classes of what a loop goes over the parameters of."""
    match call.func:
        case ast.Attribute(value=receiver):
            held = flow.value_of(receiver)
            return frozenset(one.class_ for one in held if isinstance(one, Instance))
        case _:
            return frozenset()


def _passed_over(loop: ast.For) -> frozenset[str] | None:
    """The words by which a loop leaves parameters alone; ``None``: it is no init loop.

    Nor is one that initialises only what some words are in, or that asks for something else than
    the parameter and its name: what is in a file, a list of names.
    """
    own = {node.id for node in walk(loop.target) if isinstance(node, ast.Name)}
    tests = [node.test for node in walk(loop) if isinstance(node, ast.If)]
    known = own | _ASKS
    if any(
        isinstance(node, ast.Name) and node.id not in known for test in tests for node in walk(test)
    ):
        return None
    if not any(_initialises(node, own) for node in walk(loop) if not _is_for_some(loop, node)):
        return None
    return frozenset(word for test in tests for word in _words(test))


def _initialises(node: ast.AST, own: set[str]) -> bool:
    """``init.kaiming_normal_(p)``, ``p.data.normal_(0, 0.1)``."""
    if not isinstance(node, ast.Call) or _INITIALISER.match(call_name(node) or "") is None:
        return False
    match node.func:
        case ast.Attribute(value=ast.Name(id=name) | ast.Attribute(ast.Name(id=name), "data")):
            if name in own:
                return True
    match node.args:
        case [ast.Name(id=name) | ast.Attribute(ast.Name(id=name), "data"), *_]:
            return name in own
        case _:
            return False


def _is_for_some(loop: ast.For, node: ast.AST) -> bool:
    """Whether it is done where a name has some word in it that is not in any network's."""
    return any(
        next(_words(one.test), None) is not None and any(node in walk(part) for part in one.body)
        for one in walk(loop)
        if isinstance(one, ast.If)
    )


def _words(test: ast.expr) -> Iterator[str]:
    for node in walk(test):
        match node:
            case ast.Constant(value=str(text)) if _COMMON.match(text) is None:
                yield text
            case _:
                pass


def _is_loaded_then(
    flow: Flow, function: Function, loop: ast.For, models: frozenset[Class]
) -> bool:
    """Whether the same function loads the model after that, whatever its options are."""
    return any(
        call.spot.function is function
        and call.spot.node.lineno > loop.lineno
        and not any(True for _ in guarding_tests(function, call.spot.node))
        and not is_resumed(flow, call)
        and any(isinstance(v, Instance) and v.class_ in models for v in flow.values(call.receiver))
        for call in flow.load_calls
    )
