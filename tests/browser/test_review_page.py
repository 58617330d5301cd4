"""The page of a review in a real browser."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from bn2gn_codemod import api
from bn2gn_codemod.migration import Migration
from bn2gn_codemod.plan import Plan
from bn2gn_codemod.reports import review
from tests.browser.conftest import Open
from tests.conftest import MakeRepository, Run
from tests.reports.plans import PLAN
from tests.reports.review.hostile import MARKUP, hostile
from tests.reports.review.snapshots import RUN, VERIFICATION
from tests.reports.review.test_trees import MODEL, TRAIN

SCHEMES = ("light", "dark")
WIDTHS = (400, 1600)


@pytest.fixture
def migration(repository: MakeRepository) -> Migration:
    """What migrate would do with a small repository."""
    survey = api.survey(repository({"model.py": MODEL, "train.py": TRAIN}))
    return api.apply(survey, api.plan(survey), dry_run=True)


@pytest.fixture
def html(migration: Migration) -> str:
    """The review of all that a page can show: verdicts, findings, a diff, checks."""
    everything = dataclasses.replace(
        review.of_migration(migration, "check"),
        sites=PLAN.sites,
        findings=PLAN.findings,
        skipped=PLAN.skipped,
        checks=review.of_verification(VERIFICATION, "verify").checks,
        passed=False,
    )
    return review.page(everything)


# ----------------------------------------------------------------------- keyboard


def focused(page: Page) -> str:
    """The text or value of what has the focus."""
    return str(
        page.evaluate(
            "() => { const at = document.activeElement;"
            " return at.name === 'verdict' ? at.value : at.textContent.trim(); }"
        )
    )


def tab_to(page: Page, wanted: str) -> None:
    for _ in range(200):
        page.keyboard.press("Tab")
        if focused(page) == wanted:
            return
    pytest.fail(f"no way by Tab to {wanted}")


def shown_verdicts(page: Page) -> list[str]:
    layers = page.locator("#layers [data-verdict]:visible")
    return layers.evaluate_all("layers => layers.map(layer => layer.dataset.verdict)")  # type: ignore[no-any-return]


def test_the_filter_works_by_keyboard(open_page: Open, html: str) -> None:
    page = open_page(html)
    everything = [str(site.verdict) for site in PLAN.sites]
    assert shown_verdicts(page) == everything
    tab_to(page, "keep")
    page.keyboard.press("Space")
    assert shown_verdicts(page) == [verdict for verdict in everything if verdict != "keep"]
    assert page.locator("#filtered").inner_text() == "4 of 6 shown"
    assert not page.get_by_text("lib/models/dla.py", exact=True).is_visible()
    page.keyboard.press("Space")
    assert shown_verdicts(page) == everything


def test_the_first_tab_leads_past_the_contents(open_page: Open, html: str) -> None:
    page = open_page(html)
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the review"
    assert page.locator(".skip").bounding_box()["y"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_everything_is_reached_by_tab_in_order_and_shows_its_focus(
    open_page: Open, html: str
) -> None:
    page = open_page(html)
    expected = page.evaluate(
        "() => [...document.querySelectorAll('a, summary, button, input')]"
        ".filter(one => one.checkVisibility()).length"
    )
    seen: list[Any] = []
    for _ in range(expected):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                "() => { const at = document.activeElement; const style = getComputedStyle(at);"
                " const all = [...document.querySelectorAll('*')];"
                " return [all.indexOf(at), style.outlineStyle, parseFloat(style.outlineWidth)]; }"
            )
        )
    positions = [position for position, _, _ in seen]
    assert positions == sorted(set(positions))
    assert {style for _, style, _ in seen} == {"solid"}
    assert min(width for _, _, width in seen) >= 2


def test_parts_open_and_close_by_keyboard(open_page: Open, html: str) -> None:
    page = open_page(html)
    neck = page.locator("#models summary", has_text="neck")
    layer = page.locator("#models li", has_text="neck").locator(".leaf .chip.GROUP")
    assert not layer.is_visible()
    neck.focus()
    page.keyboard.press("Enter")
    assert layer.is_visible()
    page.get_by_role("button", name="Close all").first.press("Enter")
    assert not layer.is_visible()


def test_every_control_has_a_name(open_page: Open, html: str) -> None:
    page = open_page(html)
    for verdict in ("convert", "keep", "conflict", "unknown"):
        assert page.get_by_role("checkbox", name=verdict).count() == 1
    assert page.get_by_role("group", name="Show").count() == 1
    assert page.get_by_role("navigation", name="On this page").count() == 1
    assert page.get_by_role("table", name="The diff of model.py").count() == 1


# -------------------------------------------------------------------------- links


def test_a_link_shows_a_layer_that_was_filtered_out(open_page: Open, html: str) -> None:
    page = open_page(html)
    page.get_by_role("checkbox", name="keep").uncheck()
    assert not page.locator("#site-3").is_visible()
    page.evaluate("location.hash = 'site-3'")
    assert page.locator("#site-3").is_visible()
    assert page.get_by_role("checkbox", name="keep").is_checked()


def test_a_link_opens_what_its_line_lies_in(open_page: Open, migration: Migration) -> None:
    page = open_page(review.page(review.of_migration(migration, "migrate")))
    page.locator("#diff").get_by_role("button", name="Close all").click()
    page.locator("#layers").get_by_role("link", name="line 23").click()
    assert page.locator("[id^='diff-'][id$='-old-23']").is_visible()
    page.locator("#diff").get_by_role("link", name="convert: why").click()
    assert page.locator("#layers :target").is_visible()


def test_a_link_from_elsewhere_opens_its_line(open_page: Open, html: str) -> None:
    page = open_page(html, "#diff-1-old-23")
    assert page.locator("#diff-1-old-23").is_visible()


# ------------------------------------------------------------------------ content


def test_the_counts_are_those_of_the_json_report(
    open_page: Open, repository: MakeRepository, run: Run, tmp_path: Path
) -> None:
    root = repository({"model.py": MODEL, "train.py": TRAIN})
    file = tmp_path / "review.html"
    _, out, _ = run("check", root, "--output-format", "json", "--report", file)
    summary = json.loads(out)["summary"]
    page = open_page(file.read_text())
    for verdict in ("convert", "keep", "conflict", "unknown"):
        assert page.locator(f"[data-count={verdict}]").inner_text() == str(summary[verdict])
    assert page.locator("[data-after=GROUP]").inner_text() == str(summary["convert"])
    assert page.locator("[data-after=FROZEN]").inner_text() == str(summary["keep"])
    assert page.locator("#findings li").count() == summary["findings"]


@pytest.mark.parametrize("javascript", [True, False])
def test_names_of_others_do_nothing(open_page: Open, javascript: bool) -> None:
    page = open_page(review.page(hostile(MARKUP)), java_script_enabled=javascript)
    assert page.locator("img").count() == 0
    assert page.locator("h1").inner_text() == f"Review of {MARKUP}"


def test_without_scripts_only_the_filter_is_gone(open_page: Open, html: str) -> None:
    page = open_page(html, java_script_enabled=False)
    assert not page.locator(".filter").is_visible()
    assert page.locator("#layers [data-verdict]:visible").count() == len(PLAN.sites)
    page.locator("#findings summary").first.click()
    assert page.get_by_text("A new layer has no pretrained statistics").is_visible()


def test_a_long_page_is_closed_when_it_opens(open_page: Open) -> None:
    sites = tuple(
        site._replace(place=site.place._replace(line=line))
        for site in PLAN.sites
        for line in range(200)
    )
    plan = Plan(PLAN.root, sites=tuple(sorted(sites)))
    page = open_page(review.page(review.of_migration(Migration(plan), "check")))
    assert page.locator("[data-verdict]").count() == 1200
    assert page.locator("[data-verdict]:visible").count() == 0


@pytest.mark.parametrize(
    "made", [review.of_verification(VERIFICATION, "verify"), review.of_run(RUN)]
)
def test_counted_models_are_shown(open_page: Open, made: review.Review) -> None:
    page = open_page(review.page(made))
    page.get_by_role("button", name="Open all").first.click()
    assert page.locator("#models").get_by_text("GroupNorm(4, 8)").is_visible()


# ------------------------------------------------------------------------- looks

# Each piece of visible text whose contrast with what lies behind it is too low (WCAG AA).
TOO_FAINT = """() => {
  const channel = (value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = parts(color);
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (parts(color)[3] !== 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    const text = walk.currentNode.textContent.trim();
    if (!text || !element.checkVisibility() || element.closest(".vh, script, style")) continue;
    const style = getComputedStyle(element);
    const [one, other] = [luminance(style.color), luminance(behind(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (contrast < (isLarge ? 3 : 4.5)) found.push(`${contrast.toFixed(2)} ${text.slice(0, 40)}`);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", SCHEMES)
def test_all_text_stands_out_in_both_schemes(open_page: Open, html: str, scheme: str) -> None:
    page = open_page(html, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert page.evaluate(TOO_FAINT) == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    is_dark = sum(map(int, background[4:-1].split(","))) < 3 * 128
    assert is_dark == (scheme == "dark")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_sticks_out_of_the_window(
    open_page: Open, html: str, width: int, scheme: str
) -> None:
    page = open_page(html, color_scheme=scheme, viewport={"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (
        page.evaluate(
            "() => [...document.querySelectorAll('main *')].filter(one => one.checkVisibility()"
            " && !one.closest('.vh, .side-name') && !one.closest('svg')"
            " && one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML)"
        )
        == []
    )
    assert len(page.screenshot()) > 10_000
