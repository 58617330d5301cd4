"""``eval_backbone_bn(model)`` right after a train loop's ``model.train()``."""

from __future__ import annotations

from collections.abc import Sequence

from bn2gn_codemod.generated import freezing
from bn2gn_codemod.plan import LoopGuardEdit
from bn2gn_codemod.rewrite.changes import Changes, NewCode
from bn2gn_codemod.rewrite.located import Located


def add_loop_guards(located: Located, edits: Sequence[LoopGuardEdit], changes: Changes) -> None:
    """Plan the guard calls of one file."""
    for edit in edits:
        model = located.style.expression(edit.model)
        call = f"{freezing.EVAL}({model}){located.style.newline}"
        changes.of(located.statement_at(edit.after)).after.append(NewCode(call))
