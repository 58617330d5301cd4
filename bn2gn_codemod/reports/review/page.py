"""From a review to the HTML of the page.

The templates lie beside this file. Everything that they print is escaped, and
hidden characters of names and source are made visible.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import itertools
from collections.abc import Iterator
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bn2gn_codemod import __version__, rules
from bn2gn_codemod.plan import Finding, Place, Site, Verdict
from bn2gn_codemod.reports.review.content import Review
from bn2gn_codemod.reports.review.tree import Counts, Leaf, State, counted, worst
from bn2gn_codemod.reports.visible import visible
from bn2gn_codemod.wording import counted as in_words

# Up to here a part of the page is open when it loads.
_FEW_SITES = 40
_FEW_LINES = 400


def page(review: Review) -> str:
    """The whole page."""
    style, script = _text("review.css"), _text("review.js")
    return (
        _environment()
        .get_template("review.html")
        .render(
            review=review,
            links=_Links(review),
            version=__version__,
            states=tuple(State),
            verdicts=_verdicts(review),
            totals=_totals(review),
            files=_files(review),
            by_rule=tuple(_by_rule(review)),
            open_sites=len(review.sites) <= _FEW_SITES,
            open_diff=sum(len(diff.lines) for diff in review.diffs) <= _FEW_LINES,
            style=Markup(style),
            script=Markup(script),
            style_hash=_hash(style),
            script_hash=_hash(script),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code_spans"] = _code_spans
    environment.filters["in_words"] = in_words
    return environment


def _shown(value: Any) -> Any:
    return value if isinstance(value, Markup) else visible(str(value))


def _text(name: str) -> str:
    return (
        resources.files(__package__)
        .joinpath("templates")
        .joinpath(name)
        .read_text(encoding="utf-8")
    )


def _hash(text: str) -> str:
    """As a Content-Security-Policy names an inline script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _code_spans(text: str) -> Markup:
    """The one piece of Markdown in the words of the rules: code between backticks."""
    parts = visible(" ".join(text.split())).split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    )


# ------------------------------------------------------------------- figures


def _verdicts(review: Review) -> dict[str, int]:
    """How many sites have each verdict."""
    return {
        str(verdict): sum(site.verdict is verdict for site in review.sites) for verdict in Verdict
    }


@dataclasses.dataclass(frozen=True)
class _Totals:
    before: Counts
    after: Counts
    is_compared: bool

    @property
    def has_stays(self) -> bool:
        return State.STAYS in self.before or State.STAYS in self.after


def _totals(review: Review) -> _Totals:
    """Of all models; a line of source that serves several of them is counted once, at its worst."""
    leaves: dict[object, Leaf] = {}
    for number, model in enumerate(review.models):
        for key, leaf in model.tree.leaves.items():
            unique = key if isinstance(key, Place) else (number, key)
            leaves[unique] = worst(leaf, leaves.get(unique, leaf))
    return _Totals(
        counted(leaf.before for leaf in leaves.values()),
        counted(leaf.after for leaf in leaves.values()),
        any(model.is_compared for model in review.models),
    )


# ------------------------------------------------------------------ sections


def _files(review: Review) -> tuple[tuple[str, tuple[Site, ...]], ...]:
    """The sites of each file."""
    grouped = itertools.groupby(review.sites, key=lambda site: site.place.path)
    return tuple((path, tuple(sites)) for path, sites in grouped)


@dataclasses.dataclass(frozen=True)
class _RuleFindings:
    rule: rules.Rule
    findings: tuple[Finding, ...]

    @property
    def fixable(self) -> int:
        return sum(finding.fixable for finding in self.findings)


def _by_rule(review: Review) -> Iterator[_RuleFindings]:
    """The findings of each rule, in the order of the codes."""
    for rule in rules.all_rules():
        found = tuple(finding for finding in review.findings if finding.code == rule.code)
        if found:
            yield _RuleFindings(rule, found)


class _Links:
    """Where on the page a place of the repository is shown; ``""`` where it is not."""

    def __init__(self, review: Review) -> None:
        self._is_after = review.is_after
        self._site_of: dict[tuple[str, int], int] = {}
        self._at: dict[tuple[str, int], list[int]] = {}
        self._numbers: dict[Place, int] = {}
        for number, site in enumerate(review.sites, 1):
            self._numbers[site.place] = number
            self._site_of.setdefault((site.place.path, site.place.line), number)
            self._at.setdefault((site.place.path, site.place.line), []).append(number)
        self._diffs = {diff.path: number for number, diff in enumerate(review.diffs, 1)}
        self._old = {
            (diff.path, line.old) for diff in review.diffs for line in diff.lines if line.old
        }
        self._new = {
            (diff.path, line.new) for diff in review.diffs for line in diff.lines if line.new
        }

    def number(self, site: Site) -> int:
        """The number of a site on the page."""
        return self._numbers[site.place]

    def site(self, leaf: Leaf) -> str:
        """The link to the site that a layer comes from."""
        number = self._site_of.get(leaf.site) if leaf.site else None
        return f"#site-{number}" if number else ""

    def sites_at(self, path: str, line: int | None) -> list[int]:
        """The numbers of the sites on a line of the state before."""
        return self._at.get((path, line), []) if line is not None else []

    def before(self, place: Place) -> str:
        """The link to a line of the state before, in the diff."""
        if (place.path, place.line) in self._old:
            return f"#diff-{self._diffs[place.path]}-old-{place.line}"
        return ""

    def finding(self, place: Place) -> str:
        """The link to the line that a finding is about, in the diff."""
        if not self._is_after:
            return self.before(place)
        if (place.path, place.line) in self._new:
            return f"#diff-{self._diffs[place.path]}-new-{place.line}"
        return ""
