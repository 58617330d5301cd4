"""Comments by which people decide a line themselves: ``# bn2gn: keep``, ``# bn2gn: convert``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.values import Spot

KEEP_COMMENT = "# bn2gn: keep   on this line"
EITHER_COMMENT = "# bn2gn: keep   or   # bn2gn: convert   on this line"
_COMMENT = re.compile(r"#\s*bn2gn:\s*(keep|convert)\b")


def comment_at(spot: Spot) -> str | None:
    """``keep`` or ``convert``, if a comment at the spot says so."""
    return comment_on(spot.module, spot.node)


def comment_on(module: Module, node: ast.expr | ast.stmt) -> str | None:
    """``keep`` or ``convert``, if a comment on the lines of the node says so."""
    return comment_in(module.source.lines[node.lineno - 1 : node.end_lineno or node.lineno])


def comment_in(lines: Iterable[str]) -> str | None:
    """``keep`` or ``convert``, if a comment on one of the lines says so."""
    found = filter(None, map(_COMMENT.search, lines))
    return next((match.group(1) for match in found), None)


def said(comment: str) -> str:
    """The reason that such a comment is."""
    return f"the comment # bn2gn: {comment} says so"
