"""Files out of which a method fills several parts of its object, one by one.

Such a file is a whole model's: ``self.backbone.load_state_dict(state)`` and then
``self.head.load_state_dict(state)``. What is called a head comes with it only where the model
was trained for the same task: a load that need not fit does not say that it does.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.statements.guarding_tests import guarding_tests
from bn2gn_codemod.survey.syntax.nodes import given_arguments
from bn2gn_codemod.survey.values import Class, Function, Instance, Weights


class _Filling(NamedTuple):
    """A method, the part of its object that it fills, if it is one, and out of which files."""

    method: Function
    part: ast.expr | None
    files: frozenset[Weights]


class SharedFiles:
    """Tells what is filled together with other parts of the same object."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._call_sites = CallSites(flow)

    def fills_several_parts(self, call: LoadCall, cls: Class) -> bool:
        """Whether whatever fills an object of the class by a load fills others of the file."""
        fillings = list(self._fillings(call, cls))
        must_fit = _must_fit(call)
        return bool(fillings) and all(self._is_one_of_several(one, must_fit) for one in fillings)

    def may_lack(self, call: LoadCall) -> bool:
        """Whether a file is asked for what it has of several models, and may lack one of them.

        ``if name in saved: self.models[name].load_state_dict(saved[name])``
        """
        match call.spot.node:
            case ast.Call(
                func=ast.Attribute(value=ast.Subscript(slice=key)),
                args=[ast.Subscript(value=file, slice=asked), *_],
            ) if not isinstance(key, ast.Constant) and ast.dump(key) == ast.dump(asked):
                test = ast.dump(ast.Compare(left=key, ops=[ast.In()], comparators=[file]))
            case _:
                return False
        return any(
            ast.dump(one) == test for one in guarding_tests(call.spot.function, call.spot.node)
        )

    def _is_one_of_several(self, filling: _Filling, must_fit: bool) -> bool:
        if filling.part is None:
            return False
        if _is_any_of_several(filling.part):
            return True
        if must_fit:  # the file has all of the part, wherever it comes from
            return False
        parts = {
            ast.dump(other.part)
            for other in self._by_method.get(filling.method, ())
            if other.part is not None and not filling.files.isdisjoint(other.files)
        }
        return len(parts) > 1

    @functools.cached_property
    def _by_method(self) -> dict[Function, list[_Filling]]:
        found: dict[Function, list[_Filling]] = {}
        for call in self._flow.load_calls:
            for filling in self._fillings(call, None):
                found.setdefault(filling.method, []).append(filling)
        return found

    def _fillings(self, call: LoadCall, cls: Class | None) -> Iterator[_Filling]:
        """What fills objects of a class, or any, be it a call of the helper that loads."""
        function = call.spot.function
        match call.spot.node:
            case ast.Call(func=ast.Attribute(value=filled)):
                pass
            case _:
                return
        handed = [] if function.class_ is not None else list(self._call_sites.of(function))
        if not handed:
            yield _Filling(function, _part_of_self(filled, function), self._files(call, function))
        receivers = set(self._flow.values(call.receiver))
        for caller, site in handed:
            for given in given_arguments(site):
                if any(
                    isinstance(value, Instance) and cls in (None, value.class_)
                    for value in receivers.intersection(self._flow.value_of(given))
                ):
                    part = _part_of_self(given, caller)
                    yield _Filling(caller, part, self._files(call, caller))

    def _files(self, call: LoadCall, method: Function) -> frozenset[Weights]:
        """The files of a load that a method reads itself."""
        given = (value for node in call.weights for value in self._flow.values(node))
        return frozenset(
            value for value in given if isinstance(value, Weights) and value.spot.function is method
        )


def _part_of_self(filled: ast.expr, method: Function) -> ast.expr | None:
    """The first attribute, or its element, on the way from ``self`` to what is filled."""
    part = filled
    while method.class_ is not None:
        match part:
            case (
                ast.Attribute(value=ast.Name(id=owner))
                | ast.Subscript(value=ast.Attribute(value=ast.Name(id=owner)))
            ):
                return part if owner == method.first_parameter else None
            case ast.Attribute(value=inner) | ast.Subscript(value=inner):
                part = inner
            case _:
                break
    return None


def _is_any_of_several(part: ast.expr) -> bool:
    """``self.nets[key]``, whatever the key is."""
    return isinstance(part, ast.Subscript) and not isinstance(part.slice, ast.Constant)


def _must_fit(call: LoadCall) -> bool:
    """Whether a load fails where the file lacks anything: it is strict, and no option says so."""
    said = [
        keyword.value
        for keyword in getattr(call.spot.node, "keywords", ())
        if keyword.arg == "strict"
    ]
    return call.strict and all(isinstance(value, ast.Constant) for value in said)
