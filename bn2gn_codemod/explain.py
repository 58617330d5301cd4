"""``--explain PATH:LINE``: which sites are meant."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

from bn2gn_codemod.plan import Plan, Site
from bn2gn_codemod.problem import Problem


@dataclasses.dataclass(frozen=True)
class Question:
    """A line of a file."""

    path: Path
    line: int


def parse(text: str) -> Question:
    """The line that ``PATH:LINE`` names; a column after it is ignored."""
    found = re.fullmatch(r"(.+?):(\d+)(:\d+)?", text)
    if found is None:
        raise Problem(f"--explain wants PATH:LINE, as in lib/models/neck.py:41, not {text!r}")
    return Question(Path(found[1]), int(found[2]))


def sites_at(plan: Plan, question: Question) -> list[Site]:
    """The sites on that line; raises ``Problem`` that names the nearest ones if there is none.

    The path may be relative to the current directory or to the repository.
    """
    here = os.path.relpath(os.path.realpath(question.path), plan.root).replace(os.sep, "/")
    in_file = [site for site in plan.sites if site.place.path in (here, question.path.as_posix())]
    found = [site for site in in_file if site.place.line == question.line]
    if found:
        return found
    if not in_file:
        raise Problem(f"{question.path}: no norm layer in this file")
    lines = sorted({site.place.line for site in in_file}, key=lambda n: abs(n - question.line))
    nearest = ", ".join(str(line) for line in sorted(lines[:5]))
    raise Problem(f"{question.path}:{question.line}: no norm layer; the nearest are on {nearest}")
