"""Models of libraries of which the backbone alone comes with weights, in attributes.

``self.net = smp.Unet("resnet34", encoder_weights="imagenet")``: the decoder is as new as any
other layer, though a library makes it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known.library_models import backbone_inside, library_model
from bn2gn_codemod.survey.statements.scopes import assignments
from bn2gn_codemod.survey.values import ExternalObject, Function, Value


class LibraryBackbones:
    """Tells which part of what an attribute holds is pretrained."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def inside(self, slot: Slot, value: Value) -> str | None:
        """Where the pretrained part of a library's model lies below an attribute.

        ``""``: it is all that is there. ``None``: what is there is another part of the model.
        """
        if not isinstance(value, ExternalObject) or library_model(value) is None:
            return ""
        part = backbone_inside(value)
        if not part:
            return ""
        taken = set(self._taken(slot, value))
        if not taken:
            return part
        return "" if taken == {part.partition(".")[0]} else None

    def _taken(self, slot: Slot, value: ExternalObject) -> Iterator[str]:
        """The attributes of the model that the class puts there: ``unet.encoder``."""
        cls, name = slot
        line = {*cls.ancestors(), *cls.descendants()}
        for method in {method for one in line for method in one.methods.values()}:
            for stored in self._stored(method, f"self.{name}"):
                yield from self._attributes(stored, value)

    def _stored(self, method: Function, source: str) -> Iterator[ast.expr]:
        """What a method assigns, and what it has assigned to the variables in that."""
        pending = [source]
        for one in pending:
            for statement in getattr(method.node, "body", ()):
                for _, value in assignments(statement, one):
                    if value is not None:
                        yield value
                        names = (n.id for n in ast.walk(value) if isinstance(n, ast.Name))
                        pending.extend(n for n in names if n not in pending)

    def _attributes(self, stored: ast.expr, value: ExternalObject) -> Iterator[str]:
        """The first names below the model in an expression."""
        called = [node.func for node in ast.walk(stored) if isinstance(node, ast.Call)]
        for node in ast.walk(stored):
            if node in called:  # unet.cuda()
                continue
            if isinstance(node, ast.Attribute) and self._is_in(value, node.value):
                base = node.value
                if not (isinstance(base, ast.Attribute) and self._is_in(value, base.value)):
                    yield node.attr

    def _is_in(self, value: ExternalObject, expr: ast.expr) -> bool:
        return any(value is one for one in self._flow.value_of(expr))
