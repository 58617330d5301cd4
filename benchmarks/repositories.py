"""How the verdicts stand against known answers on clones of public repositories.

    python benchmarks/repositories.py CLONES benchmarks/answers

prints the rows of the last two tables of docs/repositories.md. ``CLONES/<name>`` is a clone, with
``owner+repository`` for its name, and ``ANSWERS/<name>.json`` what is known about
it: ``repo``, ``commit``, ``models`` (each with ``label`` and the numbers of norm
layers, ``keep`` and ``convert``, counted below attributes of the built model)
and ``sites`` (each with ``path``, ``line``, and in ``expect`` the verdicts that
are right there). Nothing of a clone gets into the table but numbers.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
from pathlib import Path
from typing import Any

from bn2gn_codemod import api
from bn2gn_codemod.plan import Plan, Verdict

OPEN = {"conflict", "unknown"}
HEAD = """\
| repository | commit | sites | convert | keep | conflict | unknown \
| wrong | open | missed | models |
|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|"""


@dataclasses.dataclass(frozen=True)
class Row:
    """One repository."""

    answers: dict[str, Any]
    plan: Plan

    def __str__(self) -> str:
        counts = " | ".join(str(self.plan.count(verdict)) for verdict in Verdict)
        judged = f"{self.wrong()} | {self.undecided()} | {self.missed()}"
        return (
            f"| {self.answers['repo']} | {self.answers['commit'][:8]} | {len(self.plan.sites)} "
            f"| {counts} | {judged} | {self.models()} |"
        )

    def accepted(self) -> dict[tuple[str, int], set[str]]:
        """The right verdicts of each line."""
        found: dict[tuple[str, int], set[str]] = collections.defaultdict(set)
        for site in self.answers["sites"]:
            found[site["path"], site["line"]].update(site["expect"])
        return found

    def others(self) -> list[str]:
        """The verdicts that are known to be others; one open verdict is as good as the other."""
        accepted = self.accepted()
        found = []
        for site in self.plan.sites:
            right = accepted.get((site.place.path, site.place.line))
            if right is None or str(site.verdict) in right:
                continue
            if str(site.verdict) not in OPEN or right.isdisjoint(OPEN):
                found.append(str(site.verdict))
        return found

    def wrong(self) -> int:
        """Lines that are converted or kept and must not be."""
        return sum(verdict not in OPEN for verdict in self.others())

    def undecided(self) -> int:
        """Lines that are left open though one can be certain."""
        return sum(verdict in OPEN for verdict in self.others())

    def missed(self) -> int:
        """Lines with a norm layer that the plan does not list."""
        listed = {(site.place.path, site.place.line) for site in self.plan.sites}
        wanted = {
            (site["path"], site["line"]) for site in self.answers["sites"] if not site["optional"]
        }
        return len(wanted - listed)

    def models(self) -> str:
        """``pose_dla_dcn (39 keep, 16 convert); ...``."""
        return "; ".join(
            f"{model['label']} ({_total(model, 'keep')} keep, {_total(model, 'convert')} convert)"
            for model in self.answers["models"]
        )


def _total(model: dict[str, Any], kind: str) -> int:
    return sum(model.get(kind, {}).values())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clones", type=Path)
    parser.add_argument("answers", type=Path)
    options = parser.parse_args()
    rows = []
    for file in sorted(options.answers.glob("*.json")):
        answers = json.loads(file.read_text())
        rows.append(Row(answers, api.plan(api.survey(options.clones / file.stem))))
    print(HEAD)
    for row in sorted(rows, key=lambda row: row.answers["repo"].lower()):
        print(row)
    total = collections.Counter(str(site.verdict) for row in rows for site in row.plan.sites)
    counts = " | ".join(str(total[str(verdict)]) for verdict in Verdict)
    wrong, undecided, missed = (
        sum(count(row) for row in rows) for count in (Row.wrong, Row.undecided, Row.missed)
    )
    sums = f"{total.total()} | {counts} | {wrong} | {undecided} | {missed}"
    print(f"| **{len(rows)} repositories** | | {sums} | |")


if __name__ == "__main__":
    main()
