"""``freeze_backbone_bn(model, ...)`` between the model and its optimizer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bn2gn_codemod.generated import freezing
from bn2gn_codemod.plan import FreezeEdit
from bn2gn_codemod.rewrite.changes import Changes, NewCode
from bn2gn_codemod.rewrite.located import Located


def add_freezes(located: Located, edits: Sequence[FreezeEdit], changes: Changes) -> None:
    """Plan the freeze calls of one file."""
    count = _unused_name(located, "frozen_count")
    for edit in edits:
        call = located.style.render(
            f"{count} = {freezing.FREEZE}({{}}, {{}})\n"
            f"print(f'Frozen backbone BatchNorm layers: {{{{{count}}}}}')\n"
        ).format(*map(located.style.expression, (edit.model, edit.model_name)))
        statement = located.statement_at(edit.after)
        changes.of(statement).after.append(NewCode(call))


def _unused_name(located: Located, name: str) -> str:
    while re.search(rf"\b{name}\b", located.source.text) and freezing.FREEZE not in located.bound:
        name = f"bn_{name}"
    return name
