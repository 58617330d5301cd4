"""A new module that holds the generated definitions once for the whole repository."""

from __future__ import annotations

from bn2gn_codemod.generated import freeze_hook, freezing, group_norm
from bn2gn_codemod.generated.style import Style
from bn2gn_codemod.plan import NewFile


def module_source(new: NewFile, style: Style) -> str:
    """The whole text of the module that ``new`` describes."""
    names = set(new.definitions)
    if freeze_hook.CLASS in names:
        return style.render(freeze_hook.DEFINITION)
    freezes, evaluates = freezing.FREEZE in names, freezing.EVAL in names
    standard, torch, definitions = [], [], []
    if group_norm.NAME in names:
        count = group_norm.GroupCount(new.groups, new.min_channels_per_group)
        torch.append("from torch import nn")
        definitions.append(group_norm.definition("nn", count))
    if freezes or evaluates:
        standard.append("import re")
        torch.append(freezing.NORM_IMPORT)
        definitions.append(freezing.pattern_definition(new.backbone, new.wrappers))
    if freezes:
        standard.append("import warnings")
        kind: freezing.Freeze = "backbone" if new.freeze == "backbone" else "bn"
        definitions.append(freezing.freeze_definition(kind))
    if evaluates:
        definitions.append(freezing.eval_definition())
    about = "GroupNorm for new layers, a frozen BatchNorm backbone."
    blocks = [[f'"""{about}"""'], standard, torch]
    top = "\n\n".join("\n".join(block) for block in blocks if block)
    gap = "\n\n\n" if definitions[0].startswith("def ") else "\n\n"
    return style.render(top + gap + "\n\n".join(definitions))
