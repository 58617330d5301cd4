"""Models that lie in an object of a library, below a name that they have there.

``FasterRCNN(Trunk(), 5)`` holds the trunk as ``backbone``: so do torchvision's other detectors and
segmentation networks. ``Wrap(Trunk())`` of a package that is not known has it anywhere.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Collection, Iterable, Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.certain_modules import BY_HAND
from bn2gn_codemod.survey.known.library_models import holds_as
from bn2gn_codemod.survey.known.transparent_wrappers import keeps_names
from bn2gn_codemod.survey.values import Class, External, ExternalObject, Instance


class ForeignHolders:
    """Tells what libraries put in front of the names of a model's parts."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def names_of(self, classes: Iterable[Class]) -> list[str]:
        """The attributes in which known detectors hold objects of some classes."""
        found = (name for cls in classes for name in self._names.get(cls, ()))
        return list(dict.fromkeys(found))

    def objection(self, exprs: Iterable[ast.expr], classes: Collection[Class]) -> str:
        """Why models that an expression may give have no names that are known; ``""``: they do."""
        around = (one for expr in exprs for one in self._flow.value_of(expr))
        for value in around:
            call = value.spot.node if isinstance(value, ExternalObject) else None
            if (
                isinstance(value, ExternalObject)
                and value.is_around
                and isinstance(call, ast.Call)
                and not keeps_names(call)
                and any(held.class_ in classes for held in self._given(call))
            ):
                words = f"line {call.lineno} puts it into {ast.unparse(call.func)}"
                return f"{words}, and under which name it lies there is not known: {BY_HAND}"
        return ""

    @functools.cached_property
    def _names(self) -> dict[Class, list[str]]:
        found: dict[Class, list[str]] = {}
        for calls in self._flow.calls_in.values():
            for _, call in calls:
                for value in self._flow.value_of(call.func):
                    names = holds_as(value.name) if isinstance(value, External) else ()
                    for name, expr in _bound(call, names):
                        for held in self._flow.value_of(expr):
                            if isinstance(held, Instance):
                                found.setdefault(held.class_, []).append(name)
        return found

    def _given(self, call: ast.Call) -> Iterator[Instance]:
        for expr in (*call.args, *(keyword.value for keyword in call.keywords)):
            for value in self._flow.value_of(expr):
                if isinstance(value, Instance):
                    yield value


def _bound(call: ast.Call, names: tuple[str, ...]) -> Iterator[tuple[str, ast.expr]]:
    """What a call hands over for each of some parameters."""
    yield from zip(names, call.args, strict=False)
    for keyword in call.keywords:
        if keyword.arg in names:
            yield keyword.arg, keyword.value
