"""How each file comes by ``freeze_backbone_bn`` and ``eval_backbone_bn``."""

from __future__ import annotations

import ast
from typing import NamedTuple

from bn2gn_codemod.generated import freezing
from bn2gn_codemod.plan import FreezingDefinitions, NewFile
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.shared_import import NotPlaced, SharedImport
from bn2gn_codemod.survey.flow.top_names import TopNames
from bn2gn_codemod.survey.training.models import Names

_DEEPEST = 8  # a function handed on from module to module


class Source(NamedTuple):
    """Where a file has a function from; neither of both: it is there already."""

    define: bool
    import_from: str | None = None


class FreezingPlacement:
    """Finds or plans the functions, file by file."""

    def __init__(self, flow: Flow, repository: Repository, settings: Settings) -> None:
        self._flow = flow
        self._names = TopNames(flow)
        self._freeze: freezing.Freeze = "backbone" if settings.freeze == "backbone" else "bn"
        self._shared: SharedImport | None = None
        if settings.shared_module is not None:
            path = settings.shared_module
            self._shared = SharedImport(flow, repository, self._names, path)
        self._functions: dict[str, None] = {}  # that the shared module is to hold
        self._shared_names = Names(())

    def source(self, path: str, function: str, names: Names) -> Source:
        """Where the file at ``path`` has ``function`` for ``names`` from; raises ``NotPlaced``."""
        if self._names.of(path).get(function) or self._names.is_taken(path, function):
            self._require_ours(path, function, names)
            return Source(define=False)
        shared = self._shared
        if shared is None or shared.path == path:
            self._require_free_pattern(path, names)
            return Source(define=True)
        dotted = shared.name_for(path)
        self._want_in_shared(shared, function, names)
        return Source(define=False, import_from=dotted)

    def new_file(self) -> NewFile | None:
        """The shared module, where it is new and needed."""
        shared = self._shared
        if shared is None or not self._functions or shared.exists():
            return None
        return NewFile(
            shared.path,
            tuple(sorted(self._functions, reverse=True)),
            backbone=self._shared_names.backbone,
            wrappers=self._shared_names.wrappers,
            freeze=self._freeze,
        )

    def definitions(self) -> FreezingDefinitions | None:
        """What the shared module lacks, where it exists."""
        shared = self._shared
        if shared is None or not self._functions or not shared.exists():
            return None
        present = self._names.of(shared.path)
        missing = tuple(name for name in self._functions if name not in present)
        if not missing:
            return None
        names = self._shared_names
        return FreezingDefinitions(
            shared.path, missing, names.backbone, names.wrappers, self._freeze
        )

    def _want_in_shared(self, shared: SharedImport, function: str, names: Names) -> None:
        if shared.exists():
            if self._names.of(shared.path).get(function):
                self._require_ours(shared.path, function, names)
            else:
                self._require_free_pattern(shared.path, names)
        backbone = dict.fromkeys([*self._shared_names.backbone, *names.backbone])
        wrappers = dict.fromkeys([*self._shared_names.wrappers, *names.wrappers])
        self._shared_names = Names(tuple(backbone), tuple(wrappers))
        self._functions[function] = None

    def _require_ours(self, path: str, function: str, names: Names) -> None:
        """Raise unless the name means the generated function, for these very names."""
        found = self._recognise(path, function)
        line = next((b.line for b in self._names.of(path).get(function, ())), 0)
        where = f"{function} ({path}, line {line})" if line else f"{function} in {path}"
        if found is None:
            parts = ", ".join(names.backbone)
            mode = "eval mode" if function == freezing.EVAL else "eval mode, without gradient"
            raise NotPlaced(
                f"{where} already means something else: rename it, or let it put BatchNorm in "
                f"{parts} into {mode}"
            )
        if found.freeze not in (None, self._freeze):
            kind = "all parameters" if found.freeze == "backbone" else "only BatchNorm"
            raise NotPlaced(f"{where} freezes {kind}: delete it, and bn2gn writes the other one")
        if not found.covers(names.backbone, names.wrappers):
            raise NotPlaced(f"{where} matches another backbone: {freezing.PATTERN}")

    def _recognise(self, path: str, function: str, depth: int = 0) -> freezing.Matching | None:
        bindings = self._names.of(path).get(function, [])
        if len(bindings) != 1 or depth > _DEEPEST:
            return None
        [binding] = bindings
        if isinstance(binding.statement, ast.FunctionDef):
            tree = self._flow.by_path[path].tree
            recognise = (
                freezing.recognise_freeze
                if function == freezing.FREEZE
                else freezing.recognise_eval
            )
            return recognise(tree)
        if binding.module is not None and binding.name == function:
            return self._recognise(binding.module.path, function, depth + 1)
        return None

    def _require_free_pattern(self, path: str, names: Names) -> None:
        bindings = self._names.of(path).get(freezing.PATTERN)
        if not bindings:
            return
        pattern = freezing.read_pattern(self._flow.by_path[path].tree)
        if pattern is None or not freezing.Matching(pattern).covers(names.backbone, names.wrappers):
            raise NotPlaced(
                f"{freezing.PATTERN} ({path}, line {bindings[0].line}) matches another backbone"
            )
