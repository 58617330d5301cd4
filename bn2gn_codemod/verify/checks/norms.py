"""Every layer to convert is GroupNorm now, every backbone layer still BatchNorm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from bn2gn_codemod.plan import Verdict
from bn2gn_codemod.snapshot import Module
from bn2gn_codemod.verify.comparison import Check, Comparison, by_name
from bn2gn_codemod.wording import counted, listed

_NAME = "norms"


def check(comparison: Comparison) -> Check:
    problems = list(_problems(comparison))
    if problems:
        return Check(_NAME, False, "; ".join(problems))
    converted = counted(len(comparison.named(Verdict.CONVERT)), "layer")
    kept = counted(len(comparison.named(Verdict.KEEP)), "backbone BatchNorm")
    if comparison.before is None:
        return Check(_NAME, True, f"no layer left to convert, {kept} (nothing to compare with)")
    return Check(_NAME, True, f"{converted} converted, {kept} kept, nothing else changed class")


def _problems(comparison: Comparison) -> Iterator[str]:
    now = by_name(comparison.after.modules)
    yield from _named(comparison, now, Verdict.CONVERT, "still not GroupNorm", _is_group_norm)
    yield from _named(comparison, now, Verdict.KEEP, "no longer BatchNorm", _is_batch_norm)
    untracked = [
        name
        for name in comparison.named(Verdict.KEEP)
        if name in now and _is_batch_norm(now[name]) and not _tracks(now[name])
    ]
    if untracked:
        yield f"without track_running_stats: {listed(untracked)}"
    if comparison.before is not None:
        yield from _elsewhere(comparison, now)


def _named(
    comparison: Comparison,
    now: Mapping[str, Module],
    verdict: Verdict,
    problem: str,
    is_right: Callable[[Module], bool],
) -> Iterator[str]:
    wrong = [
        f"{name} ({_kind(now[name])})"
        for name in comparison.named(verdict)
        if name in now and not is_right(now[name])
    ]
    if wrong:
        yield f"{problem}: {listed(wrong)}"


def _elsewhere(comparison: Comparison, now: Mapping[str, Module]) -> Iterator[str]:
    assert comparison.before is not None
    was = by_name(comparison.before.modules)
    gone = [name for name in was if name not in now]
    if gone:
        yield f"no longer there: {listed(gone)}"
    new = [name for name in now if name not in was]
    if new:
        yield f"not there before: {listed(new)}"
    changed = [
        f"{name} ({_kind(was[name])} -> {_kind(now[name])})"
        for name in was
        if name in now
        and comparison.verdicts.get(name) not in (Verdict.CONVERT, Verdict.KEEP)
        and was[name].class_ != now[name].class_
    ]
    if changed:
        yield f"changed class: {listed(changed)}"


def _is_group_norm(layer: Module) -> bool:
    return layer.norm is not None and layer.norm.kind == "GroupNorm"


def _is_batch_norm(layer: Module) -> bool:
    return layer.norm is not None and layer.norm.is_batch_norm


def _tracks(layer: Module) -> bool:
    return layer.norm is not None and layer.norm.track_running_stats


def _kind(layer: Module) -> str:
    return layer.norm.kind if layer.norm is not None else layer.class_.rpartition(".")[2]
