"""What PATHs on the command line mean: which repository, and which of its files."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from bn2gn_codemod.plan import (
    FileEdits,
    Finding,
    HiddenNorms,
    Plan,
    PretendedFreeze,
    Site,
    StrictLoad,
    TrainCall,
)
from bn2gn_codemod.problem import Problem
from bn2gn_codemod.sources import find_root, is_root

# Scripts without a suffix are Python when they are named; of a notebook
# ``sources`` says that it cannot be read.
PYTHON_SUFFIXES = ("", ".py", ".pyw", ".pyt", ".tac", ".wsgi", ".ipynb")


_Placed = TypeVar("_Placed", Site, Finding, PretendedFreeze, TrainCall, HiddenNorms, StrictLoad)


@dataclasses.dataclass(frozen=True)
class Selection:
    """A repository, and the part of it that is reported and rewritten.

    ``root`` is absolute. ``within`` are files or directories relative to it,
    with ``/``; empty stands for the whole repository. ``named`` are the
    absolute paths of files that the user named. ``part_of`` is the repository
    that ``root`` lies in, when it looks like a part of one.
    """

    root: Path
    within: tuple[str, ...] = ()
    named: tuple[Path, ...] = ()
    part_of: Path | None = None

    def __contains__(self, path: str) -> bool:
        if not self.within:
            return True
        return any(path == part or path.startswith(f"{part}/") for part in self.within)

    def narrow(self, plan: Plan) -> Plan:
        """The plan without what lies outside of the selection.

        What a selected file imports stays, in a new file or in one of the
        repository: without it the file would not run.
        """
        kept = [edits for edits in map(self._narrowed, plan.files) if edits is not None]
        others = (edits.definitions for edits in plan.files if edits.path not in self)
        needed = [
            other
            for other in others
            if other is not None and any(edits.imports(other.path) for edits in kept)
        ]
        files = tuple(sorted([*kept, *needed], key=lambda edits: edits.path))
        return dataclasses.replace(
            plan,
            sites=self._placed(plan.sites),
            findings=self._placed(plan.findings),
            skipped=tuple(skipped for skipped in plan.skipped if skipped.path in self),
            files=files,
            new_files=tuple(
                new
                for new in plan.new_files
                if new.path in self or any(edits.imports(new.path) for edits in kept)
            ),
            pretended_freezes=self._placed(plan.pretended_freezes),
            train_scripts=tuple(
                script for script in plan.train_scripts if script.optimizer.path in self
            ),
            train_calls=self._placed(plan.train_calls),
            hidden_norms=self._placed(plan.hidden_norms),
            strict_loads=self._placed(plan.strict_loads),
        )

    def _narrowed(self, edits: FileEdits) -> FileEdits | None:
        """The edits of a selected file that do not rest on those of one that is not."""
        if edits.path not in self:
            return None
        if all(path in self for path in edits.after):
            return edits
        kept = tuple(edit for edit in edits.configs if all(path in self for path in edit.after))
        narrowed = dataclasses.replace(edits, configs=kept)
        return narrowed if narrowed != FileEdits(edits.path) else None

    def _placed(self, items: tuple[_Placed, ...]) -> tuple[_Placed, ...]:
        return tuple(item for item in items if item.place.path in self)


def select(paths: Sequence[Path]) -> Selection:
    """The selection that ``paths`` stand for.

    One directory is a repository. With files, several paths or a package (a
    directory with an ``__init__.py``), the surrounding repository is meant:
    who uses a layer is rarely said in the file that defines it. Raises
    ``Problem`` for a path that does not exist or is no Python file, and for
    paths that no repository holds all of.
    """
    for path in paths:
        if not path.exists():
            raise Problem(f"{path}: no such file or directory")
        if path.is_file() and path.suffix not in PYTHON_SUFFIXES:
            raise Problem(f"{path}: not a Python file")
    places = [without_links(path) for path in paths]
    if len(places) == 1 and places[0].is_dir() and not (places[0] / "__init__.py").exists():
        around = find_root(places[0] / "any.py")
        return Selection(places[0], part_of=around if around != places[0] else None)
    root = common_root(places)
    within = tuple(place.relative_to(root).as_posix() for place in places)
    files = tuple(place for place in places if place.is_file())
    return Selection(root, () if "." in within else within, files)


def common_root(places: Sequence[Path]) -> Path:
    """The repository around all of ``places``; around loose files, the folder that holds them."""
    common = Path(os.path.commonpath([p if p.is_dir() else p.parent for p in places]))
    root = find_root(common / "__init__.py")
    if not is_root(root):
        # Above a repository lies a home directory, or worse: nothing to be walked through.
        homes = [find_root(place / "any.py" if place.is_dir() else place) for place in places]
        for place, home in zip(places, homes, strict=True):
            if is_root(home):
                other = places[next(n for n, another in enumerate(homes) if another != home)]
                raise Problem(f"{place} and {other}: not of one repository; run once for each")
    return root


def without_links(path: Path) -> Path:
    """The absolute path; a file that is itself a link keeps its own name."""
    if path.is_dir():
        return Path(os.path.realpath(path))
    return Path(os.path.realpath(path.parent)) / path.name
