"""Wrappers that keep their module, or its parts, under a name that the generated pattern knows."""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.syntax.nodes import call_name

_TRANSPARENT = re.compile(r"Parallel|DDP|FSDP|^Optimized|Compiled|^QuantWrapper$")


def keeps_names(call: ast.Call) -> bool:
    """Whether a call puts a model into such a wrapper."""
    return _TRANSPARENT.search(call_name(call)) is not None
