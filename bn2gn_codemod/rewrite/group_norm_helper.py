"""The helper ``get_group_norm``: written into a file, or imported by it."""

from __future__ import annotations

from bn2gn_codemod.generated import group_norm
from bn2gn_codemod.plan import HelperEdit
from bn2gn_codemod.rewrite.import_region import Preamble


def add_helper(edit: HelperEdit, preamble: Preamble) -> None:
    """Plan the helper's definition or its import."""
    if edit.import_from is not None:
        preamble.need_import(f"from {edit.import_from} import {edit.name}")
        return
    if edit.nn_name is None:
        preamble.need_import("from torch import nn")
    count = group_norm.GroupCount(edit.groups, edit.min_channels_per_group)
    source = group_norm.definition(edit.nn_name or "nn", count, edit.name)
    preamble.define(edit.name, source)
