"""Small repositories whose lines say in a comment what verdict they expect.

``self.bn = nn.BatchNorm2d(8)  #! keep`` is one site; a line without such a
comment has none. ``-- lib/models/net.py --`` starts the next file.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from bn2gn_codemod import survey
from bn2gn_codemod.plan import Plan, Site
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile

_EXPECTED = re.compile(r" *#! ([a-z, ]+)$", re.MULTILINE)
_FILE = re.compile(r"^-- (\S+) --\n", re.MULTILINE)
HEAD = "import torch\nimport torch.nn as nn\n"


def split(text: str) -> dict[str, str]:
    """The files of a repository by path; text before the first name is ``net.py``."""
    first, *rest = _FILE.split(textwrap.dedent(text))
    files = dict(zip(rest[::2], rest[1::2], strict=True))
    if first.strip():
        files["net.py"] = first
    return {path: HEAD + body for path, body in files.items()}


def plan_of(
    text: str,
    settings: Settings = Settings(),  # noqa: B008
    yaml_paths: tuple[str, ...] = (),
) -> Plan:
    """The plan for a repository; no file is written."""
    files = tuple(
        SourceFile.from_bytes(path, _EXPECTED.sub("", body).encode())
        for path, body in sorted(split(text).items())
    )
    repository = Repository(Path("/repository"), files, yaml_paths=yaml_paths)
    return survey.plan_repository(repository, settings)


def expected(text: str) -> list[str]:
    """The lines that the comments promise: ``net.py:5 keep self.bn = ...``."""
    found = []
    for path, body in sorted(split(text).items()):
        for number, line in enumerate(body.splitlines(), 1):
            match = _EXPECTED.search(line)
            if match is None:
                continue
            for verdict in match[1].split(", "):
                found.append(f"{path}:{number} {verdict:8s} {line[: match.start()].strip()}")
    return found


def listed(text: str, plan: Plan) -> list[str]:
    """The sites of a plan in the same form."""
    bodies = {path: body.splitlines() for path, body in split(text).items()}
    return [
        f"{site.place.path}:{site.place.line} {site.verdict:8s} "
        + _EXPECTED.sub("", bodies[site.place.path][site.place.line - 1]).strip()
        for site in plan.sites
    ]


def check(
    text: str,
    settings: Settings = Settings(),  # noqa: B008
    yaml_paths: tuple[str, ...] = (),
) -> Plan:
    """Assert that every line has the verdict that it says; return the plan."""
    plan = plan_of(text, settings, yaml_paths)
    assert listed(text, plan) == expected(text), _reasons(plan)
    return plan


def only(plan: Plan, verdict: str) -> list[Site]:
    """The sites with a verdict."""
    return [site for site in plan.sites if site.verdict == verdict]


def _reasons(plan: Plan) -> str:
    return "\n".join(f"{site.place} {site.verdict}: {site.reasons}" for site in plan.sites)
