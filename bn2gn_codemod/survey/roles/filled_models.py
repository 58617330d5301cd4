"""Models into which something may load weights that their training begins with.

A load says that it is none of these where a training goes on: an option or a test asks for it by
such a name, or it says so itself. What the file is called tells nothing of that: all files with
weights were written by some epoch.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable

from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.flow.optimizer_calls import optimizer_call
from bn2gn_codemod.survey.roles.evidence import Evidence
from bn2gn_codemod.survey.statements.guarding_tests import guarding_tests
from bn2gn_codemod.survey.syntax.nodes import call_name, given_arguments
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    External,
    ExternalObject,
    Function,
    FunctionValue,
    Instance,
    NormClass,
    NormLayer,
    Value,
)

# Code elsewhere that leaves the weights of what it is handed as they are.
_HARMLESS = frozenset({
    "DataParallel", "DistributedDataParallel", "convert_sync_batchnorm", "SyncBatchNorm", "print",
    "len", "isinstance", "type", "id", "str", "repr", "save", "summary", "zip", "enumerate",
    "list", "tuple", "dict", "append", "extend", "update", "ModuleList", "ModuleDict", "items",
    "state_dict", "watch", "hasattr", "getattr", "setattr", "filter", "sum", "chain",
    "clip_grad_norm_", "add_module", "register_module", "insert",
    "__init__",
})  # fmt: skip
# What a load says that goes on with a training of its own, and what it must not say.
_GOES_ON = re.compile(r"resum|snapshot|latest|last_|epoch|iter|continue", re.IGNORECASE)
_SAYS_SO = re.compile(r"resum|continu", re.IGNORECASE)
_OF_OWN_FILE = re.compile(r"snapshot", re.IGNORECASE)  # which says so where nobody has to load it
_STARTS = re.compile(r"pretrain|imagenet|init|coco|https?:|backbone", re.IGNORECASE)
# What has a state of its own, and no weights.
_NO_MODEL = re.compile(r"optim|sched|scaler|\bopt\b|_opt\b|sampler|loader|\bamp\b", re.IGNORECASE)


class FilledModels:
    """Tells them by all that loads objects of their classes."""

    def __init__(self, contents: Contents, evidence: Evidence) -> None:
        self._evidence = evidence
        self._flow = contents.flow
        self._call_sites = CallSites(contents.flow)

    def may_be(self, cls: Class, before: Iterable[Value] = ()) -> bool:
        """Whether a training of the class may begin with weights, for all that is seen.

        Where models come ``before`` it, a training of both goes on from files for both. What a
        test loads, of which nothing is trained, tells nothing.
        """
        made = self._flow.instances.get(cls, ())
        found = self._evidence.loaders(made)
        loaders = {one for one in found if not self._evidence.only_evaluates(one)}
        given = list(before)
        if given and not loaders <= self._evidence.loaders(given):
            return True
        loads = (
            call
            for call in self._flow.load_calls
            if call.spot.function in loaders
            and any(one in made for one in self._flow.values(call.receiver))
        )
        return not all(map(self._goes_on, loads)) or self._may_be_elsewhere(cls)

    def _may_be_elsewhere(self, cls: Class) -> bool:
        """Whether code that is not here gets an object, or a load is for models not followed."""
        return cls in self._handed_on or any(
            not {one.spot.function, one.spot.function.enclosing_class}.isdisjoint(self._unclear)
            for one in self._flow.instances.get(cls, ())
            if one.spot is not None
        )

    @functools.cached_property
    def _handed_on(self) -> set[Class]:
        """Classes whose objects are handed to code elsewhere that may load them."""
        return {
            value.class_
            for calls in self._flow.calls_in.values()
            for _, call in calls
            if call_name(call) not in _HARMLESS
            and optimizer_call(self._flow, call) is None
            and not any(_loads_nothing(value) for value in self._flow.value_of(call.func))
            for argument in given_arguments(call)
            for part in _elements(argument)
            if isinstance(part, (ast.Name, ast.Attribute, ast.Subscript))
            for value in self._flow.value_of(part)
            if isinstance(value, Instance)
        }

    @functools.cached_property
    def _unclear(self) -> set[Function | Class]:
        """Where any of the models that are made there may be loaded: ``locals()[name]``."""
        return {
            place
            for function, calls in self._flow.calls_in.items()
            for _, call in calls
            if isinstance(call.func, ast.Attribute)
            and call.func.attr == "load_state_dict"
            and not _NO_MODEL.search(ast.unparse(call.func.value))
            and not any(map(_is_followed, self._flow.value_of(call.func.value)))
            and not self._evidence.only_evaluates(function)
            and not self._is_said_to_go_on(function, call)
            for place in (function, function.enclosing_class)
            if place is not None
        }

    def _goes_on(self, load: LoadCall) -> bool:
        return self._is_said_to_go_on(load.spot.function, load.spot.node)

    def _is_said_to_go_on(self, function: Function, load: ast.AST) -> bool:
        """Whether a load, or what asks for it, speaks of a training that goes on."""
        sites = self._call_sites.of(function)
        tests = _text(guarding_tests(function, load))
        asked = [_text(guarding_tests(*one)) for one in sites]
        said = ast.unparse(load)
        if _STARTS.search(" ".join((said, tests, *asked))):
            return False
        is_asked_for = bool(asked) and all(map(_GOES_ON.search, asked))
        return (
            is_asked_for
            or _SAYS_SO.search(f"{function.name} {said}") is not None
            or _GOES_ON.search(tests) is not None
            or (bool(tests) and _OF_OWN_FILE.search(said) is not None)
        )


def _text(tests: Iterable[ast.expr]) -> str:
    return " ".join(map(ast.unparse, tests))


def _loads_nothing(callee: Value) -> bool:
    """Whether it is code that is followed, or a layer of PyTorch."""
    is_layer = isinstance(callee, External) and callee.name.startswith("torch.nn.")
    return is_layer or isinstance(callee, (FunctionValue, ClassValue, Instance, NormClass))


def _is_followed(value: Value) -> bool:
    return isinstance(value, (Instance, NormLayer, ExternalObject))


def _elements(expr: ast.expr) -> list[ast.expr]:
    """An argument, and what is written out in it: ``apply([net, fuse])``."""
    match expr:
        case ast.List(elts=inner) | ast.Tuple(elts=inner) | ast.Dict(values=inner):
            return [expr, *(part for one in inner for part in _elements(one))]
        case _:
            return [expr]
