"""Backbones that run only under ``torch.no_grad()``: no gradient ever comes to their parameters.

``with torch.no_grad(): x = self.backbone(x)``, wherever the code takes the attribute. Then eval
mode is all that BatchNorm lacks to be frozen: no optimizer changes what has no gradient.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Literal

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.backbone_paths import BackbonePaths
from bn2gn_codemod.survey.syntax.nodes import call_name, children, dotted, has_decorator
from bn2gn_codemod.survey.values import Class, Instance

_NO_GRADIENT = frozenset({"no_grad", "inference_mode"})
# What is asked of a network that does not run it, and keeps nothing of it.
_RUNS_NOTHING = frozenset(
    {"eval", "train", "load_state_dict", "state_dict", "cuda", "cpu", "to", "requires_grad_"}
)
_TURNS_ON = (b"enable_grad", b"set_grad_enabled")
# What options are parsed into: ``args.backbone`` is what somebody asks for.
_OPTIONS = re.compile(r"^\w*(?:args?|opts?|options|cfg|config|conf|flags)$", re.IGNORECASE)
_Use = Literal["asked", "run"]


class WithoutGradient:
    """Looks at each place where the backbone of a model is taken out of it."""

    def __init__(self, flow: Flow, roles: RoleMap, paths: BackbonePaths) -> None:
        self._flow = flow
        self._roles = roles
        self._paths = paths

    def runs_so(self, owner: Class) -> bool:
        """Whether what a class itself holds as a backbone gets no gradient, for certain."""
        slots = [slot for slot in self._paths.held.slots(owner) if self._paths.is_backbone(slot)]
        return bool(slots) and all(
            self._is_held_here_alone(slot) and self._is_run_so(slot, owner) for slot in slots
        )

    def _is_held_here_alone(self, slot: Slot) -> bool:
        """Whether no other attribute holds it, from which it may be run as well."""
        held = set(self._roles.contents[slot])
        return all(
            slot == other or held.isdisjoint(values)
            for other, values in self._roles.contents.items()
        )

    def _is_run_so(self, slot: Slot, owner: Class) -> bool:
        kin, is_run = self._paths.held.kin(owner), False
        for module in self._flow.modules:
            data = module.source.data
            if any(word in data for word in _TURNS_ON):
                return False
            for taken, use in _taken(module.tree, slot[1]) if slot[1].encode() in data else ():
                if use is None and self._may_be(taken.value, kin):
                    return False
                is_run |= use == "run"
        if not is_run:  # it may be run by code that is not here
            return False
        # By another name than its own, as one of all children, it may be run anywhere.
        return not any(
            isinstance(node, ast.Call)
            and call_name(node) in ("children", "named_children", "getattr")
            for one in kin
            for method in one.methods.values()
            for node in ast.walk(method.node)
        )

    def _may_be(self, expr: ast.expr, kin: frozenset[Class]) -> bool:
        """Whether an expression may be such a model; what is not followed may be any."""
        values = list(self._flow.value_of(expr))
        if not values and _OPTIONS.search((dotted(expr) or "").rpartition(".")[2]):
            return False
        classes = [one.class_ for one in values if isinstance(one, Instance)]
        return len(classes) < len(values) or not values or not kin.isdisjoint(classes)


def _taken(tree: ast.AST, name: str) -> Iterator[tuple[ast.Attribute, _Use | None]]:
    """Where an attribute is read; ``None``: gradient may come to what it holds by that."""
    pending: list[tuple[ast.AST, ast.AST, ast.AST, bool]] = [(tree, tree, tree, False)]
    while pending:
        node, parent, above, is_without = pending.pop()
        if isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Load):
            is_asked = (
                isinstance(parent, ast.Attribute)
                and isinstance(above, ast.Call)
                and above.func is parent
                and parent.attr in _RUNS_NOTHING
            )
            # Run, or handed to what runs it; kept under another name it could be run later.
            is_run = is_without and isinstance(parent, ast.Call | ast.Attribute)
            yield node, "asked" if is_asked else "run" if is_run else None
        for child in children(node):
            pending.append((child, node, parent, _is_without(node, child, is_without)))


def _is_without(node: ast.AST, child: ast.AST, before: bool) -> bool:
    match node:
        case ast.With(items=items, body=body) if child in body:
            named = (one.context_expr for one in items)
            return before or any(
                isinstance(one, ast.Call) and call_name(one) in _NO_GRADIENT for one in named
            )
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            # What is only defined there may be called from anywhere.
            return has_decorator(node, *_NO_GRADIENT) or _is_decorated(node)
        case ast.Lambda() | ast.ClassDef():
            return False
        case _:
            return before


def _is_decorated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """``@torch.no_grad()``"""
    return any(
        isinstance(one, ast.Call) and call_name(one) in _NO_GRADIENT for one in node.decorator_list
    )
