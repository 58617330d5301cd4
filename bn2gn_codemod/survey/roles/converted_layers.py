"""Layers that a migration has made GroupNorm already."""

from __future__ import annotations

import ast

from bn2gn_codemod.generated.group_norm import is_group_norm_helper
from bn2gn_codemod.survey.values import ExternalObject, Value


def is_group_norm(value: Value) -> bool:
    """Whether the helper made the value."""
    if not isinstance(value, ExternalObject) or not value.name.endswith("GroupNorm"):
        return False
    maker = value.spot.function.node
    return isinstance(maker, ast.FunctionDef) and is_group_norm_helper(maker)
