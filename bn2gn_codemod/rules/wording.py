"""How findings speak."""

from __future__ import annotations

from bn2gn_codemod.plan import Site


def layer(site: Site) -> str:
    """The layer by class and attribute, or as much of it as is known."""
    return ".".join(filter(None, (site.class_, site.attribute))) or "outside of a class"


def reasons(site: Site) -> str:
    """Why the site has its verdict, on one line."""
    return "; ".join(site.reasons) or "no evidence"


def fix_or_reason(fix: str, reason: str) -> str:
    """What the plan writes about a finding, or why it writes nothing."""
    return f"fix: {fix}" if fix else f"not fixed: {reason or 'not certain enough'}"
