"""The functions that freeze calls and guards of a file need: defined there, or imported."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from bn2gn_codemod.generated import freezing
from bn2gn_codemod.plan import FileEdits
from bn2gn_codemod.rewrite.import_region import Preamble
from bn2gn_codemod.rewrite.located import Located, RewriteRefused


@dataclasses.dataclass(frozen=True)
class _Need:
    function: str
    line: int
    backbone: tuple[str, ...]
    wrappers: tuple[str, ...] = ()
    freeze: freezing.Freeze = "bn"
    define: bool = True
    import_from: str | None = None


def add_functions(located: Located, edits: FileEdits, preamble: Preamble) -> None:
    """Plan the imports and definitions of one file, and the pattern that they share."""
    needs = list(_needs(edits))
    for need in needs:
        if need.import_from is not None:
            preamble.need_import(f"from {need.import_from} import {need.function}")
    defining = [need for need in needs if need.define and need.import_from is None]
    if not defining:
        return
    preamble.standard_imports.add("re")
    preamble.need_import(freezing.NORM_IMPORT)
    _add_pattern(located, defining, preamble)
    freezes = [need for need in defining if need.function == freezing.FREEZE]
    if freezes:
        kinds = {need.freeze for need in freezes}
        if len(kinds) > 1:
            raise RewriteRefused(f"line {freezes[0].line}: two kinds of freezing in one file")
        preamble.standard_imports.add("warnings")
        preamble.define(freezing.FREEZE, freezing.freeze_definition(kinds.pop()))
    if any(need.function == freezing.EVAL for need in defining):
        preamble.define(freezing.EVAL, freezing.eval_definition())


def _needs(edits: FileEdits) -> Iterator[_Need]:
    for freeze in edits.freezes:
        yield _Need(
            freezing.FREEZE,
            freeze.after.line,
            freeze.backbone,
            freeze.wrappers,
            freeze.freeze,
            freeze.define,
            freeze.import_from,
        )
    for loop in edits.loop_guards:
        yield _Need(
            freezing.EVAL,
            loop.after.line,
            loop.backbone,
            loop.wrappers,
            define=loop.define,
            import_from=loop.import_from,
        )
    for model in edits.model_guards:
        if model.by_name:
            yield _Need(
                freezing.EVAL,
                model.place.line,
                model.backbone,
                define=model.define,
                import_from=model.import_from,
            )
    if edits.freezing is not None:
        for function in edits.freezing.functions:
            wanted = edits.freezing
            yield _Need(function, 1, wanted.backbone, wanted.wrappers, wanted.freeze)


def _add_pattern(located: Located, needs: list[_Need], preamble: Preamble) -> None:
    backbone = [path for need in needs for path in need.backbone]
    wrappers = [wrapper for need in needs for wrapper in need.wrappers]
    present = freezing.read_pattern(located.tree)
    if present is None:
        pattern = freezing.pattern_definition(backbone, wrappers)
        preamble.define(freezing.PATTERN, pattern)
    elif not freezing.Matching(present).covers(backbone, wrappers):
        line = located.bound[freezing.PATTERN].lineno
        raise RewriteRefused(f"line {line}: {freezing.PATTERN} matches another backbone")
