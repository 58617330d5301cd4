"""One file through all its rewrites."""

from __future__ import annotations

import dataclasses

from bn2gn_codemod.generated import group_norm
from bn2gn_codemod.plan import FileEdits
from bn2gn_codemod.rewrite import (
    checkpoint_loads,
    configs,
    freeze_call,
    freezing_functions,
    group_norm_helper,
    init_loops,
    loop_guard,
    model_guard,
    norm_calls,
    safety,
    sync_tests,
)
from bn2gn_codemod.rewrite.changes import Changes
from bn2gn_codemod.rewrite.import_region import Preamble, add_preamble
from bn2gn_codemod.rewrite.located import Located, RewriteRefused
from bn2gn_codemod.rewrite.pieces import carry_out
from bn2gn_codemod.sources import SourceFile
from bn2gn_codemod.sources.old_names import respelled


def rewrite_file(source: SourceFile, edits: FileEdits) -> str:
    """The new text of ``source``; raises ``RewriteRefused`` (one line, says why).

    All edits of the file are made, or none.
    """
    if "\r" in source.text and "\n" not in source.text:
        # The line ends of old Macs, some of which LibCST loses. The lines are the same.
        text = source.text.replace("\r", "\n")
        unix = dataclasses.replace(source, text=text, data=source.encode(text))
        return rewrite_file(unix, edits).replace("\n", "\r")
    spelled = respelled(source.text)
    if spelled is not None:
        # LibCST and the compiler know no such name.
        today = dataclasses.replace(source, text=spelled.text, data=source.encode(spelled.text))
        return spelled.original(rewrite_file(today, edits))
    try:
        located = Located(source)
        changes = _changes(located, edits)
        text = carry_out(located, changes)
        safety.check(located, changes, text)
    except SyntaxError as error:
        raise RewriteRefused(f"line {error.lineno}: cannot be parsed: {error.msg}") from None
    except RecursionError:
        raise RewriteRefused("cannot be parsed: nested too deeply") from None
    return text


def _changes(located: Located, edits: FileEdits) -> Changes:
    changes, preamble = Changes(), Preamble()
    helper = edits.helper.name if edits.helper else group_norm.NAME
    for norm in edits.norms:
        norm_calls.add_norm(located, norm, helper, changes)
    for loop in edits.init_loops:
        init_loops.add_init_loop(located, loop, changes)
    if edits.helper:
        group_norm_helper.add_helper(edits.helper, preamble)
    freezing_functions.add_functions(located, edits, preamble)
    freeze_call.add_freezes(located, edits.freezes, changes)
    loop_guard.add_loop_guards(located, edits.loop_guards, changes)
    sync_tests.add_sync_tests(located, edits.sync_tests, changes)
    for guard in edits.model_guards:
        model_guard.add_model_guard(located, guard, changes, preamble)
    for load in edits.loads:
        checkpoint_loads.add_load(located, load, changes)
    configs.add_configs(located, edits.configs, changes)
    add_preamble(located, preamble, changes)
    return changes
