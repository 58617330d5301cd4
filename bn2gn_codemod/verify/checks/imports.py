"""Every rewritten file can be imported, as it could before, and needs nothing new."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.probing import Outcome
from bn2gn_codemod.verify.comparison import Check
from bn2gn_codemod.wording import counted, listed

_NAME = "imports"


def check(now: Outcome, then: Outcome | None) -> Check:
    """``then`` is the state before (``None``: nothing to compare with)."""
    problem = "; ".join(_problems(now, then))
    if problem:
        return Check(_NAME, False, problem)
    failed = [module for module in now.snapshot.imports if module.error]
    imported = counted(len(now.snapshot.imports) - len(failed), "file")
    same = [f"; {m.path} cannot be, nor could it before: {m.error}" for m in failed]
    return Check(_NAME, True, "".join((f"{imported} imported", *same)))


def _problems(now: Outcome, then: Outcome | None) -> Iterator[str]:
    if now.failure:
        yield now.failure
    if then is not None and then.failure:
        yield f"before the migration: {then.failure}"
    earlier = {module.path: module.error for module in then.snapshot.imports} if then else {}
    for module in now.snapshot.imports:
        if module.error and module.error != earlier.get(module.path):
            yield f"{module.path} cannot be imported: {module.error}"
    if then is not None and not then.failure:
        known = {stub.module for stub in then.snapshot.stubs}
        new = [s.module for s in now.snapshot.stubs if s.module not in known]
        if new:
            yield f"imported now, not before, and not to be found: {listed(new)}"
