"""The repository around the files of a LibCST run, read before the run writes any of them.

LibCST hands files to worker processes, which write them as they go. A worker
that read the repository later would see files half migrated or half written.
So it is read where LibCST computes its full-repository metadata, in the process
that starts the workers, and each of them gets what was read there.
"""

from __future__ import annotations

import dataclasses
import functools
import multiprocessing
import os
import pickle
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import libcst as cst
from libcst.metadata import BaseMetadataProvider

from bn2gn_codemod import api
from bn2gn_codemod.plan import Plan
from bn2gn_codemod.problem import Problem
from bn2gn_codemod.selection import Selection, common_root, without_links
from bn2gn_codemod.sources import SourceFile

_CONFIG = ".libcst.codemod.yaml"


class Surveyed:
    """A repository as it was when a run began."""

    def __init__(self, survey: api.Survey) -> None:
        self._survey = survey
        self._plans: dict[str, Plan] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @classmethod
    def around(cls, paths: Collection[str], root: Path | None = None) -> Surveyed:
        """Read the repository of files; raises ``Problem`` for settings that cannot be used.

        It is ``root`` if one of them lies in it, else what ``bn2gn migrate`` takes for it.
        """
        files = [without_links(Path(path)) for path in paths]
        if root is None or not any(file.is_relative_to(root) for file in files):
            root = common_root(files)
        return cls(api.survey(root))

    def source(self, filename: str) -> SourceFile:
        """The file as it was read; raises ``Problem`` that says why it was not."""
        path = os.path.relpath(without_links(Path(filename)), self._survey.root).replace(
            os.sep, "/"
        )
        source = self._survey.repository.file(path)
        if source is not None:
            return source
        if path.startswith("../"):
            raise Problem(f"lies outside of the repository that is read, {self._survey.root}")
        for skipped in self._survey.repository.skipped:
            if skipped.path == path:
                raise Problem(skipped.message)
        raise Problem("is left out: hidden, ignored by git, excluded by the settings, or a link")

    def with_file(self, source: SourceFile) -> Surveyed:
        """The same repository with another content of one file."""
        repository = self._survey.repository
        files = tuple(source if file.path == source.path else file for file in repository.files)
        repository = dataclasses.replace(repository, files=files)
        return Surveyed(dataclasses.replace(self._survey, repository=repository))

    def plan(self, settings: Mapping[str, Any], path: str) -> Plan:
        """The part of the plan that is about one file, under settings by field name."""
        key = repr(sorted(settings.items()))
        if key not in self._plans:
            self._plans[key] = api.plan(self._survey.under(settings))
        return Selection(self._survey.root, within=(path,)).narrow(self._plans[key])

    def __reduce__(self) -> tuple[Any, ...]:
        # LibCST sends this along with each file: as the name of a file that a
        # worker reads once, not as thousands of copies of the repository.
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="bn2gn-")
            Path(self._folder.name, "survey").write_bytes(pickle.dumps(self._survey))
        return _received, (str(Path(self._folder.name, "survey")),)


@functools.lru_cache(maxsize=1)
def _received(file: str) -> Surveyed:
    return Surveyed(pickle.loads(Path(file).read_bytes()))


class SurveyProvider(BaseMetadataProvider[Surveyed | None]):
    """The repository around the module, ``None`` where LibCST was given no repository root."""

    @classmethod
    def gen_cache(
        cls, root_path: Path, paths: Sequence[str], *_: object, **__: object
    ) -> Mapping[str, Surveyed]:
        """Read the repository, once for all ``paths``."""
        try:
            surveyed = Surveyed.around(paths, root_path if _is_chosen(root_path) else None)
        except Problem as problem:
            # LibCST would show a traceback, and this is about the user's settings.
            raise SystemExit(f"bn2gn: {problem}") from None
        return dict.fromkeys(paths, surveyed)

    def __init__(self, cache: object = None) -> None:
        super().__init__(() if cache is None else cache)  # it insists on one

    def _gen_impl(self, module: cst.Module) -> None:
        self.set_metadata(module, self.cache if isinstance(self.cache, Surveyed) else None)


def _is_chosen(root: Path) -> bool:
    """Whether the user named the repository's root; without, LibCST takes the current folder."""
    return root != Path.cwd() or (root / _CONFIG).is_file()


def survey_alone(filename: str) -> Surveyed:
    """The repository around one file, for a command that is run without LibCST's tool.

    Raises ``Problem`` in a worker process: others may be writing meanwhile.
    """
    if multiprocessing.parent_process() is not None:
        raise Problem("bn2gn reads the whole repository first: give LibCST a repo_root")
    return Surveyed.around([filename])
