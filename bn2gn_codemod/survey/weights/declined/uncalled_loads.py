"""Loads of weights that no code comes to.

They stand in methods and factories that nothing in the repository names, or behind a test of a
parameter that is off by default, and that no call gives: ``def init_weights(self, path="")``.

What is loaded there keeps its verdict, for whoever calls the method. But a model
that is built today is not filled by it, and the report on its freeze says so.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_order import about
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.load_calls import spots_by_place
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.statements.run_conditions import conditions_at, passed
from bn2gn_codemod.survey.syntax.nodes import call_name, defaults_of, is_off, walk
from bn2gn_codemod.survey.values import Class, Function, Instance, Spot
from bn2gn_codemod.survey.weights.loads import Load

_DEEPEST = 4  # functions that hand on the model to the one that loads
# Code that may call what a text names.
_LOOKS_UP = re.compile(rb"globals\(|getattr\(|__dict__|eval\(|vars\(|locals\(|import_module")


class UncalledLoads:
    """Tells which loads never run.

    ``by_others``: whether what a module exports (``__all__``) may be called by others.
    """

    def __init__(self, flow: Flow, *, by_others: bool = True) -> None:
        self._flow = flow
        self._by_others = by_others
        self._sites = CallSites(flow)
        self._uncalled: dict[Function, bool] = {}
        self._not_given: dict[tuple[Function, str], bool] = {}

    def has(self, load: Load, cls: Class) -> bool:
        """Whether a load never runs for objects of a class, as far as names tell."""
        spots = self._spots_at.get(load.where, [])
        return bool(spots) and all(
            self._is_idle(one.function, cls, _DEEPEST) or self._missing(one) for one in spots
        )

    def is_uncalled(self, function: Function) -> bool:
        """Whether nothing in the repository names a method or factory that loads weights."""
        if function not in self._uncalled:
            self._uncalled[function] = True  # what calls itself is called by nobody else
            self._uncalled[function] = self._may_be_idle(function) and all(
                any(map(self.is_uncalled, around)) for around in self._mentions(function)
            )
        return self._uncalled[function]

    def missing(self, load: Load) -> str:
        """The parameter without which a load never runs, if no call gives it; ``""`` if none."""
        missing = [self._missing(spot) for spot in self._spots_at.get(load.where, [])]
        return missing[0] if missing and all(missing) else ""

    @functools.cached_property
    def _spots_at(self) -> dict[str, list[Spot]]:
        return spots_by_place(self._flow.load_calls)

    # ------------------------------------------------------ by a parameter

    def _missing(self, spot: Spot) -> str:
        """A parameter that must be given for the code at a place to run, and that no call gives."""
        function, node = spot.function, spot.function.node
        if not self._may_be_idle(function) or not isinstance(node, ast.FunctionDef):
            return ""
        asked = (
            one.text
            for one in conditions_at(function, spot.node)
            if one.holds and one.owner is function
        )
        off = {parameter.arg for parameter, value in defaults_of(node.args) if is_off(value)}
        name = next((text for text in sorted(asked) if text in off), "")
        if not name:
            return ""
        asked_of = function, name  # by each load in the function, for each model
        if asked_of not in self._not_given:
            self._not_given[asked_of] = self._is_never_given(*asked_of)
        return name if self._not_given[asked_of] else ""

    def _is_never_given(self, method: Function, parameter: str) -> bool:
        """Whether all that speaks of a method's name calls it without the parameter.

        What nothing speaks of is for others to call.
        """
        name, calls = _last(method), 0
        if any(name in file.text for file in self._flow.unread):
            return False
        for module in self._flow.modules:
            if name.encode() not in module.source.data:
                continue
            here = [node for node in walk(module.tree) if isinstance(node, ast.Call)]
            here = [call for call in here if call_name(call) == name]
            if len(here) < len(list(_lines(module, name))):
                return False
            for call in here:
                given = passed(method, call, parameter)
                if given is None or not is_off(given):
                    return False
            calls += len(here)
        return calls > 0

    def _is_idle(self, function: Function, cls: Class, depth: int) -> bool:
        if self.is_uncalled(function):
            return True
        if function.class_ is not None or depth == 0:
            return False
        handing = [
            caller for caller, call in self._sites.of(function) if self._hands_over(call, cls)
        ]
        return bool(handing) and all(self._is_idle(one, cls, depth - 1) for one in handing)

    def _hands_over(self, call: ast.Call, cls: Class) -> bool:
        family = {*cls.ancestors(), *cls.descendants()}
        return any(
            isinstance(value, Instance) and value.class_ in family
            for expr in about(call)
            for value in self._flow.value_of(expr)
        )

    # ------------------------------------------------------------- by name

    def _may_be_idle(self, function: Function) -> bool:
        """Whether nobody calls it but the code of the repository: no hook of a framework."""
        node, cls = function.node, function.class_
        if not isinstance(node, ast.FunctionDef) or node.decorator_list:
            return False
        if cls is None:
            return self._is_offered(function)
        bases = [base for one in cls.ancestors() for base in one.external_bases]
        is_own = all(base.startswith("torch.nn.") or base == "object" for base in bases)
        return is_own and not _last(function).startswith("_")

    def _is_offered(self, factory: Function) -> bool:
        """Whether a function gives a finished model, and no computed name comes to it either.

        One that gives none may be a script's own, which others start.
        """
        given = self._flow.values(self._flow.return_node(factory))
        gives_model = any(isinstance(one, Instance) and one.class_.is_module for one in given)
        return gives_model and not any(True for _ in self._sites.of(factory))

    def _mentions(self, function: Function) -> Iterator[list[Function]]:
        """For each place that speaks of the name, the functions that it stands in."""
        name = _last(function)
        if any(name in file.text for file in self._flow.unread):
            yield []
        for module in self._flow.modules:
            if name.encode() in module.source.data:
                for line in _lines(module, name, by_others=self._by_others):
                    yield [one for one in self._functions_of(module) if _spans(one, line)]

    def _functions_of(self, module: Module) -> list[Function]:
        return [one for one in self._flow.functions if one.module is module]


def _last(function: Function) -> str:
    return function.name.rpartition(".")[2]


def _spans(function: Function, line: int) -> bool:
    node = function.node
    return not isinstance(node, ast.Module) and node.lineno <= line <= (node.end_lineno or 0)


def _lines(module: Module, name: str, *, by_others: bool = True) -> Iterator[int]:
    """Where code, or a string that is one name, speaks of it; its definitions do not.

    Nor, where nothing looks up names, do the keys of a table of texts
    (``{"resnet34": "https://..."}``), and what the module exports if it is not ``by_others``.
    """
    nodes = walk(module.tree)
    listed: set[int] = set()
    for node in () if _LOOKS_UP.search(module.source.data) else nodes:
        match node:
            case ast.Dict(keys=keys, values=values) if all(map(_is_text, values)):
                listed.update(map(id, keys))
            case ast.Assign(targets=[ast.Name(id="__all__")], value=exported) if not by_others:
                listed.update(map(id, walk(exported)))
    for node in nodes:
        match node:
            case ast.Name(id=said) | ast.Attribute(attr=said) | ast.Constant(value=str(said)):
                if said == name and id(node) not in listed:
                    yield node.lineno


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
