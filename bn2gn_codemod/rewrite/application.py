"""A whole plan, file by file: shown, or written."""

from __future__ import annotations

import dataclasses
import graphlib
from collections.abc import Iterator, Sequence

from bn2gn_codemod import sources
from bn2gn_codemod.generated.style import Style
from bn2gn_codemod.plan import FileEdits, Plan, Skipped
from bn2gn_codemod.rewrite.engine import rewrite_file
from bn2gn_codemod.rewrite.located import RewriteRefused
from bn2gn_codemod.rewrite.shared_module import module_source


@dataclasses.dataclass(frozen=True)
class Rewritten:
    """What became of one file of a plan: a new text, or a reason why not."""

    path: str
    before: str | None  # None: the file is new
    after: str | None = None
    refused: str | None = None


@dataclasses.dataclass(frozen=True)
class Applied:
    """The files that were written, and those that were left with the reason."""

    changed: tuple[str, ...]
    refused: tuple[Skipped, ...]


def rewrite_all(
    repository: sources.Repository, plan: Plan, unwritten: set[str] | None = None
) -> Iterator[Rewritten]:
    """Every file of the plan with its new text, in the order to write them; nothing is written.

    New files come first, and a file whose edits rest on those of others comes
    after them: whenever writing stops, what is written does no harm. Where one
    cannot be, those that rest on it are refused as well. The caller may add to
    ``unwritten``, their paths.
    """
    unwritten = set() if unwritten is None else unwritten
    for new in plan.new_files:
        if (repository.root / new.path).exists():
            unwritten.add(new.path)
            yield Rewritten(new.path, None, refused="already exists")
        else:
            yield Rewritten(new.path, None, module_source(new, Style()))
    files = {source.path: source for source in repository.files}
    for edits in _in_order(plan.files):
        source = files.get(edits.path)
        if source is None:
            unwritten.add(edits.path)
            yield Rewritten(edits.path, "", refused="is not among the files that were read")
            continue
        reason = _missing_import(edits, unwritten) or _missing_edit(edits, unwritten)
        if reason is None:
            try:
                yield Rewritten(edits.path, source.text, rewrite_file(source, edits))
                continue
            except RewriteRefused as error:
                reason = str(error)
        unwritten.add(edits.path)
        yield Rewritten(edits.path, source.text, refused=reason)


def _in_order(files: Sequence[FileEdits]) -> Iterator[FileEdits]:
    by_path = {edits.path: edits for edits in files}
    order = graphlib.TopologicalSorter({path: edits.after for path, edits in by_path.items()})
    return (by_path[path] for path in order.static_order() if path in by_path)


def preview(repository: sources.Repository, plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Path, text before and text after of every file that the plan changes."""
    for result in rewrite_all(repository, plan):
        if result.after is not None:
            yield result.path, result.before or "", result.after


def apply(repository: sources.Repository, plan: Plan) -> Applied:
    """Write every file of the plan, each atomically.

    A file that cannot be rewritten or written is left as it is and named in
    ``refused``; it stops no other one.
    """
    sources.remove_leftovers(repository.leftovers)
    changed: list[str] = []
    refused: list[Skipped] = []
    unwritten: set[str] = set()
    for result in rewrite_all(repository, plan, unwritten):
        reason = result.refused or _write(repository, result)
        if reason is None:
            changed.append(result.path)
            continue
        refused.append(Skipped(result.path, reason))
        unwritten.add(result.path)
    return Applied(tuple(changed), tuple(refused))


def _write(repository: sources.Repository, result: Rewritten) -> str | None:
    """Write one file; the reason why not."""
    assert result.after is not None
    try:
        if result.before is None:
            sources.create(repository.root, result.path, result.after)
        else:
            source = repository.file(result.path)
            assert source is not None
            sources.replace(repository.root, source, result.after)
    except sources.NotWritten as error:
        return str(error)
    return None


def _missing_import(edits: FileEdits, unwritten: set[str]) -> str | None:
    importing = [
        edits.helper,
        *edits.freezes,
        *edits.loop_guards,
        *edits.model_guards,
        *edits.configs,
    ]
    modules = {edit.import_from for edit in importing if edit is not None and edit.import_from}
    for path in sorted(unwritten):
        dotted = "." + path.removesuffix(".py").replace("/", ".")
        if any(dotted.endswith("." + module.lstrip(".")) for module in modules):
            return f"left as it is: {path}, which it would import, could not be written"
    return None


def _missing_edit(edits: FileEdits, unwritten: set[str]) -> str | None:
    for path in sorted(edits.after & unwritten):
        return f"left as it is: {path}, on which its change rests, could not be written"
    return None
