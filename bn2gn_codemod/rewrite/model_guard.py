"""``train(self, mode=True)`` of the class that owns the backbone."""

from __future__ import annotations

import ast

from bn2gn_codemod.generated import freezing
from bn2gn_codemod.plan import ModelGuardEdit
from bn2gn_codemod.rewrite.changes import Changes, NewCode
from bn2gn_codemod.rewrite.import_region import Preamble
from bn2gn_codemod.rewrite.located import Located, RewriteRefused, bound_by


def add_model_guard(
    located: Located, edit: ModelGuardEdit, changes: Changes, preamble: Preamble
) -> None:
    """Plan the override, at the end of the class."""
    class_ = located.statement_at(edit.place, ast.ClassDef)
    assert isinstance(class_, ast.ClassDef)
    for statement in class_.body:
        if "train" in bound_by(statement):
            raise RewriteRefused(
                f"line {statement.lineno}: {class_.name} has a train() of its own; "
                "keep the backbone's BatchNorm in eval mode there"
            )
    if not edit.by_name:
        preamble.need_import(freezing.NORM_IMPORT)
    attributes = () if edit.by_name else edit.backbone
    override = located.style.render(freezing.train_override(attributes))
    changes.of(class_.body[-1]).after.append(NewCode(override, blank_lines=1))
