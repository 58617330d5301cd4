"""The page of a review as HTML: what is on it, and that nothing on it is alive."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from importlib import resources

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bn2gn_codemod import api
from bn2gn_codemod.migration import Migration
from bn2gn_codemod.plan import Finding, Place
from bn2gn_codemod.reports import review
from bn2gn_codemod.reports.visible import visible
from tests.conftest import MakeRepository
from tests.reports.plans import PLAN
from tests.reports.review.hostile import MARKUP, hostile
from tests.reports.review.snapshots import RUN, VERIFICATION
from tests.reports.review.test_trees import MODEL, TRAIN

_EMPTY = {"meta", "link", "input", "img", "br", "hr"}


class Page(HTMLParser):
    """Elements, attributes and texts of a page; it fails on tags that do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self._open[-1] if self._open else "", []).append(data)

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


REVIEWS = {
    "check": review.of_migration(Migration(PLAN), "check"),
    "verify": review.of_verification(VERIFICATION, "verify"),
    "run": review.of_run(RUN),
    "hostile": hostile(MARKUP),
}


@pytest.mark.parametrize("made", REVIEWS.values(), ids=REVIEWS)
def test_every_link_leads_to_a_place_on_the_page(made: review.Review) -> None:
    page = Page(review.page(made))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag in ("a", "use"):
        for attributes in page.of(tag):
            assert attributes["href"].startswith("#")
            assert attributes["href"][1:] in ids


def test_a_layer_and_its_line_of_the_diff_lead_to_each_other(repository: MakeRepository) -> None:
    survey = api.survey(repository({"model.py": MODEL, "train.py": TRAIN}))
    plan = api.plan(survey)
    migration = api.apply(survey, plan, dry_run=True)
    html = review.page(review.of_migration(migration, "migrate"))
    number, site = next(
        (number, site) for number, site in enumerate(plan.sites, 1) if site.class_ == "Neck"
    )
    line = f"diff-1-old-{site.place.line}"
    about_site = html.partition(f'id="site-{number}"')[2].partition("</li>")[0]
    assert f'href="#{line}"' in about_site
    of_diff = html.partition(f'id="{line}"')[2].partition("</tr>")[0]
    assert "nn.BatchNorm2d(8)" in of_diff
    assert f'href="#site-{number}"' in of_diff


def test_findings_of_verify_lead_to_the_lines_after_the_change() -> None:
    left = Finding("BN103", Place("lib/model.py", 2, 1), "cannot tell")
    html = review.page(dataclasses.replace(REVIEWS["verify"], findings=(left,)))
    assert 'href="#diff-1-new-2">lib/model.py:2</a>' in html


def test_checks_and_what_was_stood_in_for_are_named() -> None:
    page = Page(review.page(REVIEWS["verify"]))
    texts = " ".join(text for texts in page.texts.values() for text in texts)
    assert "Failed:" in texts
    assert "1 file cannot be imported" in texts
    assert "ops.deform (deformable convolution)" in texts


def test_only_what_the_policy_names_may_run() -> None:
    page = Page(review.page(REVIEWS["check"]))
    (policy,) = (
        meta["content"]
        for meta in page.of("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_it_is_the_same_page_each_time() -> None:
    assert review.page(REVIEWS["check"]) == review.page(REVIEWS["check"])


# --------------------------------------------------------------------- hostile names


def structure(html: str) -> list[str]:
    return [tag for tag, _ in Page(html).elements]


@settings(max_examples=40, deadline=None)
@given(
    text=st.text(min_size=1, max_size=40).filter(lambda text: "\n" not in text)
    | st.lists(
        st.sampled_from(
            ["<", ">", '"', "'", "&", "</script>", "<!--", "]]>", "{{", "{%", "`", "a"]
        ),
        min_size=1,
        max_size=8,
    ).map("".join)
)
@example(MARKUP)
@example("\u202egnp.exe\u2066")
@example("\x00\x1b[31m\x07\ud800\ufffe")
@example("{{ 7 * 7 }}{% raw %}")
def test_text_of_others_is_text_and_nothing_else(text: str) -> None:
    html = review.page(hostile(text))
    html.encode()
    page = Page(html)
    assert structure(html) == structure(review.page(hostile("a")))
    (script,) = page.texts["script"]
    assert script == resources.files(review).joinpath("templates/review.js").read_text()
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert visible(text) in "".join(page.texts["h1"])


@given(st.text())
def test_visible_text_hides_nothing(text: str) -> None:
    shown = visible(text)
    assert shown == visible(shown)
    assert re.sub(r"[\t\n]", "", shown).isprintable() or not text.isprintable()
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", shown
    )
    if text.isprintable():
        assert shown == text
