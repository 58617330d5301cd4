"""Norm classes that code chooses between: ``FrozenBatchNorm2d if freeze_bn else nn.BatchNorm2d``.

Where it chooses the first, nothing is left to freeze. A freeze is written all the same, as the
answer may be the other one, and the finding says when it is needed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.freezing.rebuilt_norms import has_buffers_alone
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.backbone_paths import BackbonePaths
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    ExternalObject,
    Instance,
    NormClass,
    NormLayer,
    Value,
)


class FrozenAlternatives:
    """Finds the tests that decide whether the norm layers of backbones are frozen ones."""

    def __init__(self, flow: Flow, roles: RoleMap, paths: BackbonePaths) -> None:
        self._flow = flow
        self._roles = roles
        self._paths = paths

    def caveat(self, models: Iterable[Class]) -> str:
        """When a freeze of these models finds no layers; ``""``: nothing says so."""
        for cls in models:
            for slot in self._backbones(cls):
                for norm in self._norm_classes(slot, set()):
                    found = self._frozen_if(norm)
                    if found:
                        return f"{found}: nothing is left to freeze then"
        return ""

    def _backbones(self, cls: Class) -> Iterator[Slot]:
        for one in (cls, *self._paths.held.below(cls)):
            for slot in self._paths.held.slots(one):
                if self._paths.is_backbone(slot):
                    yield slot

    def _norm_classes(self, slot: Slot, seen: set[Slot]) -> Iterator[NormClass]:
        """What the norm layers in an attribute, however deep, are made of, and where from."""
        if slot in seen:
            return
        seen.add(slot)
        for value in self._roles.contents[slot]:
            yield from self._origins(value)
            if isinstance(value, Instance):
                for inner in self._paths.held.slots(value.class_):
                    yield from self._norm_classes(inner, seen)

    def _origins(self, value: Value) -> Iterator[NormClass]:
        pending: list[NormClass] = []
        if isinstance(value, NormLayer):
            pending.append(value.norm)
        elif isinstance(value, ExternalObject) and isinstance(value.spot.node, ast.Call):
            given = (k.value for k in value.spot.node.keywords if k.arg == "norm_layer")
            found = (one for expr in given for one in self._flow.value_of(expr))
            pending += [one for one in found if isinstance(one, NormClass)]
        for norm in pending:
            pending += [one for one in norm.parents if one not in pending]
        yield from pending

    def _frozen_if(self, norm: NormClass) -> str:
        """The test by which a frozen class stands in the place of a norm class."""
        for node in walk(norm.spot.function.node):
            if not isinstance(node, ast.IfExp):
                continue
            test = ast.unparse(node.test)
            for branch, other, holds in (
                (node.orelse, node.body, True),
                (node.body, node.orelse, False),
            ):
                if branch is norm.spot.node and self._is_frozen(other):
                    words = f"its norm class is {ast.unparse(other)} where {test} is {holds}"
                    return f"{words} ({norm.spot.where})"
        return ""

    def _is_frozen(self, expr: ast.expr) -> bool:
        """Whether a name stands for a class that is never trained, here or in a library."""
        values = list(self._flow.value_of(expr))
        if values and all(isinstance(one, ClassValue) for one in values):
            return all(has_buffers_alone(v.class_) for v in values if isinstance(v, ClassValue))
        return ast.unparse(expr).rpartition(".")[2] == "FrozenBatchNorm2d"
