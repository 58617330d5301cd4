"""Which files need ``get_group_norm``, and how each comes by it."""

from __future__ import annotations

import ast
from typing import NamedTuple

from bn2gn_codemod.generated.group_norm import NAME, GroupCount, read_group_count
from bn2gn_codemod.plan import HelperEdit, NewFile, NormEdit, Place, Site, Verdict
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.shared_import import NotPlaced, SharedImport
from bn2gn_codemod.survey.flow.top_names import Binding, TopNames
from bn2gn_codemod.survey.norms.sites import Decided
from bn2gn_codemod.survey.norms.uses import reached, spots_of
from bn2gn_codemod.survey.syntax.nodes import children
from bn2gn_codemod.survey.values import NormClass

_DEEPEST = 8  # a helper handed on from module to module


class Placement(NamedTuple):
    """The helper edits, and what is left of the conversions.

    A file that cannot have the helper loses its norm edits: ``decided`` says
    why, and holds only what is still converted.
    """

    decided: Decided
    helpers: tuple[HelperEdit, ...]
    new_files: tuple[NewFile, ...]


def place_helper(
    flow: Flow, repository: Repository, decided: Decided, settings: Settings
) -> Placement:
    """Plan the helper for every file with norm edits."""
    placing = _Placing(flow, repository, settings)
    paths = sorted({edit.place.path for edit in decided.edits})
    for path in paths:
        placing.place(path, [edit for edit in decided.edits if edit.place.path == path])
    return Placement(
        decided=_without(flow, decided, placing.refused),
        helpers=tuple(placing.helpers[path] for path in sorted(placing.helpers)),
        new_files=tuple(placing.new_files),
    )


class _Placing:
    def __init__(self, flow: Flow, repository: Repository, settings: Settings) -> None:
        self._flow = flow
        self._repository = repository
        self._count = GroupCount(settings.groups, settings.min_channels_per_group)
        self._names = TopNames(flow)
        self._shared: SharedImport | None = None
        if settings.shared_module is not None:
            self._shared = SharedImport(flow, repository, self._names, settings.shared_module)
        self._shared_problem: str | None = None
        self._is_shared_ready = False
        self.helpers: dict[str, HelperEdit] = {}
        self.new_files: list[NewFile] = []
        self.refused: dict[str, str] = {}

    def place(self, path: str, edits: list[NormEdit]) -> None:
        """Find the helper of one file, or the reason why it can have none."""
        try:
            if self._has_helper(path, edits):
                return
            if self._shared is None or self._shared.path == path:
                self.helpers[path] = self._definition(path)
            else:
                self.helpers[path] = self._import(path, self._shared)
        except NotPlaced as error:
            self.refused[path] = str(error)

    # ------------------------------------------------------------ one file

    def _has_helper(self, path: str, edits: list[NormEdit]) -> bool:
        """Whether the file has an equal helper; refuses for anything else of that name."""
        bindings = self._names.of(path).get(NAME, [])
        if not bindings:
            if self._names.is_taken(path, NAME):
                raise NotPlaced(f"a function of this file has a {NAME} of its own")
            return False
        count = self._count_of(bindings)
        where = f"line {bindings[-1].line}"
        if count is None:
            raise NotPlaced(f"{NAME} ({where}) already means something else")
        if count != self._count:
            raise NotPlaced(f"{NAME} ({where}) asks for {_words(count)}, not {_words(self._count)}")
        early = [edit for edit in edits if edit.place.line < bindings[-1].line]
        if early and early[0].place.line in _lines_run_on_import(self._flow.by_path[path].tree):
            raise NotPlaced(f"{NAME} ({where}) is defined below line {early[0].place.line}")
        return True

    def _count_of(self, bindings: list[Binding], depth: int = 0) -> GroupCount | None:
        """What the helper of these bindings asks for; ``None`` if they are not one helper."""
        if len(bindings) != 1 or depth > _DEEPEST:
            return None
        [binding] = bindings
        if isinstance(binding.statement, ast.FunctionDef):
            return read_group_count(binding.statement)
        if binding.module is not None:
            inner = self._names.of(binding.module.path).get(binding.name, [])
            return self._count_of(inner, depth + 1)
        return None

    def _definition(self, path: str) -> HelperEdit:
        nn_name = self._names.torch_nn(path)
        if nn_name is None and self._names.is_taken(path, "nn"):
            raise NotPlaced("nn does not mean torch.nn in this file")
        return self._edit(path, nn_name)

    def _edit(self, path: str, nn_name: str | None, import_from: str | None = None) -> HelperEdit:
        return HelperEdit(
            path, nn_name, import_from, self._count.groups, self._count.min_channels_per_group
        )

    # ------------------------------------------------------- shared module

    def _import(self, path: str, shared: SharedImport) -> HelperEdit:
        dotted = shared.name_for(path)
        self._prepare(shared.path)
        if self._shared_problem is not None:
            raise NotPlaced(self._shared_problem)
        return self._edit(path, self._names.torch_nn(path), dotted)

    def _prepare(self, shared: str) -> None:
        """Plan the helper in the shared module itself, once."""
        if self._is_shared_ready:
            return
        self._is_shared_ready = True
        source = self._repository.file(shared)
        if source is None:
            new = NewFile(shared, (NAME,), self._count.groups, self._count.min_channels_per_group)
            self.new_files.append(new)
            return
        try:
            if not source.tree.body:
                raise NotPlaced("is empty: remove it, and it will be written")
            self._names.read(shared, source.tree)
            if not self._has_helper(shared, []):
                self.helpers[shared] = self._definition(shared)
        except SyntaxError:
            self._shared_problem = f"{shared} does not parse"
        except NotPlaced as error:
            self._shared_problem = f"{shared}: {error}"


def _words(count: GroupCount) -> str:
    least = count.min_channels_per_group
    return f"{count.groups} groups" + (f" of at least {least} channels" if least > 1 else "")


def _lines_run_on_import(tree: ast.Module) -> set[int]:
    """Lines of expressions that run while the file is imported, defaults included."""
    lines: set[int] = set()
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.expr):
            lines.add(node.lineno)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            pending += [*node.args.defaults, *node.decorator_list]
            pending += [default for default in node.args.kw_defaults if default is not None]
        elif not isinstance(node, ast.Lambda):
            pending.extend(children(node))
    return lines


# ------------------------------------------------------- what is left of it


def _without(flow: Flow, decided: Decided, refused: dict[str, str]) -> Decided:
    """``decided`` without the edits of the refused files, and what followed from them."""
    if not refused:
        return decided
    by_place: dict[Place, list[NormClass]] = {}
    for norm in flow.norm_classes:
        by_place.setdefault(norm.spot.place, []).append(norm)
    kept: set[NormClass] = set()
    left: set[NormClass] = set()
    reasons: dict[NormClass, str] = {}
    for edit in decided.edits:
        path, below = edit.place.path, reached(by_place.get(edit.place, ()))
        if path not in refused:
            kept.update(below)
            continue
        left.update(below)
        for norm in below:
            where = "" if norm.spot.module.path == path else f"{path}: "
            reasons.setdefault(norm, f"left as it is: {where}{refused[path]}")
    by_site = {norm.spot.place: reason for norm, reason in reasons.items() if norm not in kept}
    changed, unchanged = spots_of(kept), spots_of(left)
    return decided._replace(
        sites=tuple(_with_reason(site, by_site.get(site.place)) for site in decided.sites),
        edits=tuple(edit for edit in decided.edits if edit.place.path not in refused),
        converted=(decided.converted & changed) - unchanged,
        divided=changed & (decided.divided | unchanged),
    )


def _with_reason(site: Site, reason: str | None) -> Site:
    if reason is None or site.verdict is not Verdict.CONVERT:
        return site
    return site._replace(
        reasons=(*site.reasons, reason),
        evidence=(*site.evidence, reason) if site.evidence else (),
        fixable=False,
    )
