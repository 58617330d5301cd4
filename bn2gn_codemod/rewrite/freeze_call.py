"""``freeze_backbone_bn(model, ...)`` between the model and its optimizer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bn2gn_codemod.generated import freezing
from bn2gn_codemod.plan import FreezeEdit, LoopGuardEdit
from bn2gn_codemod.rewrite.changes import Changes, NewCode
from bn2gn_codemod.rewrite.import_region import Preamble
from bn2gn_codemod.rewrite.located import Located, RewriteRefused


def add_freezes(
    located: Located, edits: Sequence[FreezeEdit], changes: Changes, preamble: Preamble
) -> None:
    """Plan the freeze calls of one file and the function that they call."""
    count = _unused_name(located, "frozen_count")
    for edit in edits:
        call = located.style.render(
            f"{count} = {freezing.FREEZE}({{}}, {{}})\n"
            f"print(f'Frozen backbone BatchNorm layers: {{{{{count}}}}}')\n"
        ).format(edit.model, edit.model_name)
        statement = located.statement_at(edit.after)
        changes.of(statement).after.append(NewCode(call))
        if edit.import_from is not None:
            preamble.need_import(f"from {edit.import_from} import {freezing.FREEZE}")
    defining = [edit for edit in edits if edit.define and edit.import_from is None]
    if defining:
        kinds = {edit.freeze for edit in defining}
        if len(kinds) > 1:
            raise RewriteRefused(
                f"line {defining[0].after.line}: two kinds of freezing in one file"
            )
        preamble.standard_imports |= {"re", "warnings"}
        preamble.need_import(freezing.NORM_IMPORT)
        preamble.define(freezing.FREEZE, freezing.freeze_definition(kinds.pop()))


def add_pattern(
    located: Located, edits: Sequence[FreezeEdit | LoopGuardEdit], preamble: Preamble
) -> None:
    """Plan the one pattern that the file's freeze and guard functions share."""
    defining = [edit for edit in edits if edit.define and edit.import_from is None]
    if not defining:
        return
    backbone = [path for edit in defining for path in edit.backbone]
    wrappers = [wrapper for edit in defining for wrapper in edit.wrappers]
    present = freezing.read_pattern(located.tree)
    if present is None:
        pattern = freezing.pattern_definition(backbone, wrappers)
        preamble.define(freezing.PATTERN, pattern)
    elif not freezing.Matching(present).covers(backbone, wrappers):
        line = located.bound[freezing.PATTERN].lineno
        raise RewriteRefused(f"line {line}: {freezing.PATTERN} matches another backbone")


def _unused_name(located: Located, name: str) -> str:
    while re.search(rf"\b{name}\b", located.source.text) and freezing.FREEZE not in located.bound:
        name = f"bn_{name}"
    return name
