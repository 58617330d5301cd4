"""From decisions to the edits of each file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from bn2gn_codemod.plan import (
    FileEdits,
    FreezeEdit,
    FreezingDefinitions,
    HelperEdit,
    InitLoopEdit,
    LoadEdit,
    LoopGuardEdit,
    ModelGuardEdit,
    NewFile,
    NormEdit,
    SyncTestEdit,
)

_Edit = TypeVar(
    "_Edit",
    bound=NormEdit
    | InitLoopEdit
    | FreezeEdit
    | LoopGuardEdit
    | ModelGuardEdit
    | LoadEdit
    | SyncTestEdit,
)


def assemble(
    norms: Iterable[NormEdit],
    helpers: Iterable[HelperEdit],
    init_loops: Iterable[InitLoopEdit],
    freezes: Iterable[FreezeEdit],
    loop_guards: Iterable[LoopGuardEdit],
    model_guards: Iterable[ModelGuardEdit],
    loads: Iterable[LoadEdit],
    sync_tests: Iterable[SyncTestEdit],
    freezing: FreezingDefinitions | None,
) -> tuple[FileEdits, ...]:
    """All planned edits, by file in the order of the paths."""
    by_norm, by_init = _by_path(norms), _by_path(init_loops)
    by_freeze, by_loop = _by_path(freezes), _by_path(loop_guards)
    by_model, by_load = _by_path(model_guards), _by_path(loads)
    by_sync = _by_path(sync_tests)
    by_helper = {helper.path: helper for helper in helpers}
    by_functions = {freezing.path: freezing} if freezing is not None else {}
    paths = {*by_norm, *by_helper, *by_init, *by_freeze, *by_loop, *by_model, *by_load, *by_sync}
    paths |= set(by_functions)
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
            freezing=by_functions.get(path),
            sync_tests=by_sync.get(path, ()),
        )
        for path in sorted(paths)
    )


def combine(new_files: Iterable[NewFile]) -> tuple[NewFile, ...]:
    """The new modules, one for each path: what different edits want in it together."""
    found: dict[str, NewFile] = {}
    for new in new_files:
        other = found.get(new.path)
        if other is None:
            found[new.path] = new
            continue
        of_helper, of_freezing = (new, other) if new.backbone == () else (other, new)
        found[new.path] = of_freezing._replace(
            definitions=(*of_helper.definitions, *of_freezing.definitions),
            groups=of_helper.groups,
            min_channels_per_group=of_helper.min_channels_per_group,
        )
    return tuple(found.values())


def _by_path(edits: Iterable[_Edit]) -> dict[str, tuple[_Edit, ...]]:
    found: dict[str, tuple[_Edit, ...]] = {}
    for edit in edits:
        path = edit.path if isinstance(edit, FreezeEdit | LoopGuardEdit) else edit.place.path
        found[path] = (*found.get(path, ()), edit)
    return found
