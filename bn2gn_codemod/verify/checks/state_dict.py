"""The state dict lost the running statistics of converted layers, and nothing else."""

from __future__ import annotations

from bn2gn_codemod.plan import Verdict
from bn2gn_codemod.verify.comparison import Check, Comparison
from bn2gn_codemod.wording import counted, listed

_NAME = "state dict"
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def check(comparison: Comparison) -> Check | None:
    if comparison.before is None:
        return None
    was = {entry.key: entry.shape for entry in comparison.before.state}
    now = {entry.key: entry.shape for entry in comparison.after.state}
    expected = {
        f"{name}.{statistic}"
        for name in comparison.named(Verdict.CONVERT)
        for statistic in _STATISTICS
    } & was.keys()
    lost = [key for key in was if key not in now]
    problems = {
        "lost": [key for key in lost if key not in expected],
        "still there": [key for key in was if key in expected and key in now],
        "new": [key for key in now if key not in was],
        "other shape": [key for key in was if key in now and was[key] != now[key]],
    }
    found = [f"{what}: {listed(keys)}" for what, keys in problems.items() if keys]
    if found:
        return Check(_NAME, False, "; ".join(found))
    kept = counted(len(now), "key")
    return Check(_NAME, True, f"{counted(len(lost), 'running statistic')} dropped, {kept} kept")
