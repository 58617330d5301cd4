"""Nothing that ``bn2gn migrate`` would still change: freeze calls and guards are in place."""

from __future__ import annotations

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.verify.comparison import Check
from bn2gn_codemod.wording import counted

_NAME = "static check"
_SHOWN = 3
# A backbone that trains is a failure, whether or not migrate can mend it.
_THAWED = ("BN201", "BN202")


def check(plan: Plan, within: frozenset[str] | None = None) -> Check:
    """``plan`` is that of the migrated repository; ``within`` the files to look at (all)."""
    left = [
        finding
        for finding in plan.findings
        if (finding.fixable or finding.code in _THAWED)
        and (within is None or finding.place.path in within)
    ]
    if not left:
        return Check(_NAME, True, "no finding left that migrate mends")
    shown = "; ".join(
        f"{finding.place}: {finding.code} {finding.message}" for finding in left[:_SHOWN]
    )
    return Check(_NAME, False, f"{counted(len(left), 'finding')} left: {shown}")
