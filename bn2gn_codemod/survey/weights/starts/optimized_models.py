"""Whose parameters an optimizer is given: those of one model, or of others alone.

A script that distills a teacher makes the optimizer of the student, one with a discriminator makes
two. That counts only where nothing is left open: each source of the parameters is written out, is
followed to modules of the repository, and these share nothing with the model.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.optimizer_calls import optimizer_call
from bn2gn_codemod.survey.statements.newest_value import newest_value
from bn2gn_codemod.survey.syntax.nodes import call_name, given_arguments, walk
from bn2gn_codemod.survey.values import Class, ExternalObject, Function, Instance, NormLayer, Value

_GIVES = ("parameters", "named_parameters")
_HANDS_ON = ("list", "tuple", "filter", "chain")
# Single layers of torch, which hold nothing that they are handed.
_LAYER = re.compile(r"torch\.nn\.(?:modules\.\w+\.)?(?:Linear|Conv\w+|Embedding|BatchNorm\w+)$")
_OF_TORCH = re.compile(r"torch\.nn\.")
_ADDS_LATER = b"add_param_group"


class OptimizedModels:
    """Tells optimizers of one model from those of others."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._flow = contents.flow

    @functools.cached_property
    def given(self) -> set[Value]:
        """What optimizers are given: ``SGD(net.parameters())``."""
        return {
            value
            for calls in self._flow.calls_in.values()
            for _, call in calls
            if optimizer_call(self._flow, call) is not None
            for given in given_arguments(call)
            for part in walk(given)
            if isinstance(part, (ast.Name, ast.Attribute))
            for value in self._flow.value_of(part)
        }

    def is_of_others(self, function: Function, call: ast.Call, models: Iterable[Value]) -> bool:
        """Whether an optimizer is for other models alone, in a repository that trains this one.

        Where nothing here trains it, its file is all that there is of it.
        """
        if self._adds_later or optimizer_call(self._flow, call) is None:
            return False
        classes = {one.class_ for one in models if isinstance(one, Instance)}
        classes = {cls for cls in classes if cls.is_module}
        trained = {one.class_ for one in self.given if isinstance(one, Instance)}
        if not classes or not all(trained.intersection(_kin(cls)) for cls in classes):
            return False
        owners = list(_owners(function, call))
        return bool(owners) and all(
            owner is not None and self._are_others(owner, classes) for owner in owners
        )

    @functools.cached_property
    def _adds_later(self) -> bool:
        modules = self._flow.by_path.values()
        return any(_ADDS_LATER in module.source.data for module in modules)

    def are_others(self, owner: ast.expr, models: Iterable[Value]) -> bool:
        """Whether all that an expression may give shares nothing with the models."""
        return self._are_others(owner, {one.class_ for one in models if isinstance(one, Instance)})

    def _are_others(self, owner: ast.expr, classes: set[Class]) -> bool:
        values = list(self._flow.value_of(owner))
        return bool(values) and all(
            (isinstance(value, ExternalObject) and _LAYER.match(value.name) is not None)
            or (
                isinstance(value, Instance)
                and value.class_.is_module
                and not value.weak
                and not any(self._share(value.class_, cls) for cls in classes)
            )
            for value in values
        )

    def _share(self, one: Class, other: Class) -> bool:
        """Whether one class is the other's kin, or holds it, or something that the other holds."""
        first = _kin(one).union(self._contents.below(one))
        second = _kin(other).union(self._contents.below(other))
        if not first.isdisjoint(second):
            return True
        inner, others = self._inside(one), self._inside(other)
        return not (inner.isdisjoint(others) and _libraries(inner).isdisjoint(_libraries(others)))

    def _inside(self, cls: Class) -> set[Value]:
        """What an object of a class holds, however deep: of one object two models may have it."""
        return {
            value
            for slot in self._contents.family_slots(cls)
            for value in self._contents.inside(slot)
            if isinstance(value, (Instance, NormLayer, ExternalObject))
        }


def _libraries(values: Iterable[Value]) -> set[str]:
    """The networks of libraries among some values."""
    return {
        value.name
        for value in values
        if isinstance(value, ExternalObject) and not _OF_TORCH.match(value.name)
    }


def _kin(cls: Class) -> set[Class]:
    return {*cls.ancestors(), *cls.descendants()}


def _owners(function: Function, call: ast.Call) -> Iterator[ast.expr | None]:
    """The objects whose parameters a call is given; ``None`` for what is not written out."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "params"]
    given = [*call.args[:1], *named]
    if not given:
        yield None
    for expr in given:
        yield from _owners_in(function, call, expr)


def _owners_in(
    function: Function, call: ast.Call, expr: ast.expr | None
) -> Iterator[ast.expr | None]:
    inner: list[ast.expr | None]
    match expr:
        case ast.Call(func=ast.Attribute(value=owner, attr=attr)) if attr in _GIVES:
            yield owner
            return
        case ast.Call(args=args) if call_name(expr) in _HANDS_ON:
            inner = [one for one in args if not isinstance(one, ast.Lambda)]
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            inner = list(elements)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            inner = [left, right]
        case ast.Dict(keys=keys, values=values):
            are_params = [isinstance(key, ast.Constant) and key.value == "params" for key in keys]
            inner = [value for value, is_one in zip(values, are_params, strict=True) if is_one]
            inner = inner if len(inner) == 1 and None not in keys else [None]
        case ast.ListComp(generators=[loop]) | ast.GeneratorExp(generators=[loop]):
            inner = [loop.iter]
        case ast.Name(id=name):
            inner = [newest_value(function.node, call, expr)]
            if any(_reads(node, name) and node is not expr for node in walk(function.node)):
                inner = [None]  # something may be added to the list
        case _:
            inner = [None]
    for one in inner or [None]:
        if one is None:
            yield None
        else:
            yield from _owners_in(function, call, one)


def _reads(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
