"""A whole plan, file by file: shown, or written."""

from __future__ import annotations

import graphlib
from collections.abc import Iterator, Sequence

from bn2gn_codemod import sources
from bn2gn_codemod.generated.style import Style
from bn2gn_codemod.migration import Change, Migration
from bn2gn_codemod.plan import FileEdits, NewFile, Plan, Skipped
from bn2gn_codemod.rewrite.engine import rewrite_file
from bn2gn_codemod.rewrite.located import RewriteRefused
from bn2gn_codemod.rewrite.shared_module import module_source


def apply(repository: sources.Repository, plan: Plan, *, dry_run: bool = False) -> Migration:
    """Write every file of the plan, each atomically; with ``dry_run`` write none.

    A file that cannot be rewritten or written is left as it is and named in
    ``refused``; it stops no other one. New files come first, and a file whose
    edits rest on those of others comes after them: whenever writing stops, what
    is written does no harm. Where one cannot be, those that rest on it are
    refused as well.
    """
    application = _Application(repository, dry_run)
    if not dry_run:
        sources.remove_leftovers(repository.leftovers)
    for new in plan.new_files:
        application.create(new)
    for edits in _in_order(plan.files):
        application.rewrite(edits)
    changes, refused = tuple(application.changes), tuple(application.refused)
    return Migration(plan, changes, refused, written=not dry_run)


def _in_order(files: Sequence[FileEdits]) -> Iterator[FileEdits]:
    by_path = {edits.path: edits for edits in files}
    definers = [edits for edits in files if not edits.imported and edits.definitions]
    order = graphlib.TopologicalSorter[str]()
    for edits in files:
        imported = (definer.path for definer in definers if edits.imports(definer.path))
        order.add(edits.path, *edits.after, *imported)
    return (by_path[path] for path in order.static_order() if path in by_path)


class _Application:
    def __init__(self, repository: sources.Repository, dry_run: bool) -> None:
        self._repository = repository
        self._files = {source.path: source for source in repository.files}
        self._dry_run = dry_run
        self.changes: list[Change] = []
        self.refused: list[Skipped] = []

    def create(self, new: NewFile) -> None:
        text = module_source(new, Style())
        try:
            if self._dry_run:
                sources.require_absent(self._repository.root, new.path)
            else:
                sources.create(self._repository.root, new.path, text)
        except sources.NotWritten as error:
            self.refused.append(Skipped(new.path, str(error)))
        else:
            self.changes.append(Change(new.path, None, text.encode()))

    def rewrite(self, edits: FileEdits) -> None:
        try:
            self.changes.append(self._rewritten(edits))
        except (RewriteRefused, sources.NotWritten) as error:
            self.refused.append(Skipped(edits.path, str(error)))

    def _rewritten(self, edits: FileEdits) -> Change:
        source = self._files.get(edits.path)
        if source is None:
            raise RewriteRefused("is not among the files that were read")
        self._require_its_grounds(edits)
        text = rewrite_file(source, edits)
        data = sources.encoded(source, text)
        if not self._dry_run:
            sources.replace(self._repository.root, source, text)
        return Change(edits.path, source.data, data)

    def _require_its_grounds(self, edits: FileEdits) -> None:
        """Raise ``RewriteRefused`` if a file that ``edits`` need could not be written."""
        for path in sorted(skipped.path for skipped in self.refused):
            if edits.imports(path):
                raise RewriteRefused(
                    f"left as it is: {path}, which it would import, could not be written"
                )
            if path in edits.after:
                raise RewriteRefused(
                    f"left as it is: {path}, on which its change rests, could not be written"
                )
