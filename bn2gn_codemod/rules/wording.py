"""How findings speak."""

from __future__ import annotations

from collections.abc import Sequence

from bn2gn_codemod.plan import Site

_MOST_PARTS = 12


def undecided(site: Site, question: str) -> str:
    """The ``question`` about a layer, or what cannot be done where that is no question."""
    words = f"cannot convert {site.name}" if site.is_new else question
    return f"{words}: {reasons(site)}"


def reasons(site: Site) -> str:
    """Why the site has its verdict, on one line."""
    return "; ".join(site.reasons) or "no evidence"


def fix_or_reason(fix: str, reason: str) -> str:
    """What the plan writes about a finding, or why it writes nothing."""
    return f"fix: {fix}" if fix else f"not fixed: {reason or 'not certain enough'}"


def parts(model: str, paths: Sequence[str]) -> str:
    """The backbone's attributes below a model; of very many only the first."""
    return listed([f"{model}.{path}" for path in paths])


def listed(names: Sequence[str]) -> str:
    """Names one after another; of very many only the first."""
    more = len(names) - _MOST_PARTS
    return ", ".join(names[:_MOST_PARTS]) + (f" and {more} more" if more > 0 else "")
