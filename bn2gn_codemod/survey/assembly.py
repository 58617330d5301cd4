"""From decisions to the edits of each file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from bn2gn_codemod.plan import (
    FileEdits,
    FreezeEdit,
    HelperEdit,
    InitLoopEdit,
    LoadEdit,
    LoopGuardEdit,
    ModelGuardEdit,
    NormEdit,
)

_Edit = TypeVar(
    "_Edit", bound=NormEdit | InitLoopEdit | FreezeEdit | LoopGuardEdit | ModelGuardEdit | LoadEdit
)


def assemble(
    norms: Iterable[NormEdit],
    helpers: Iterable[HelperEdit],
    init_loops: Iterable[InitLoopEdit],
    freezes: Iterable[FreezeEdit],
    loop_guards: Iterable[LoopGuardEdit],
    model_guards: Iterable[ModelGuardEdit],
    loads: Iterable[LoadEdit],
) -> tuple[FileEdits, ...]:
    """All planned edits, by file in the order of the paths."""
    by_norm, by_init = _by_path(norms), _by_path(init_loops)
    by_freeze, by_loop = _by_path(freezes), _by_path(loop_guards)
    by_model, by_load = _by_path(model_guards), _by_path(loads)
    by_helper = {helper.path: helper for helper in helpers}
    paths = {*by_norm, *by_helper, *by_init, *by_freeze, *by_loop, *by_model, *by_load}
    return tuple(
        FileEdits(
            path,
            norms=by_norm.get(path, ()),
            helper=by_helper.get(path),
            init_loops=by_init.get(path, ()),
            freezes=by_freeze.get(path, ()),
            loop_guards=by_loop.get(path, ()),
            model_guards=by_model.get(path, ()),
            loads=by_load.get(path, ()),
        )
        for path in sorted(paths)
    )


def _by_path(edits: Iterable[_Edit]) -> dict[str, tuple[_Edit, ...]]:
    found: dict[str, tuple[_Edit, ...]] = {}
    for edit in edits:
        path = edit.path if isinstance(edit, FreezeEdit | LoopGuardEdit) else edit.place.path
        found[path] = (*found.get(path, ()), edit)
    return found
