"""Text reports, against golden files that a person can read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.reports import text
from tests.reports.plans import CLEAN, EMPTY, PLAN, SITES, surveyed
from tests.reports.terminal import environment, on_a_terminal

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize(
    ("name", "plan"), [("check", PLAN), ("check_clean", CLEAN), ("check_empty", EMPTY)]
)
def test_check(capsys: pytest.CaptureFixture[str], name: str, plan: Plan) -> None:
    text.check(surveyed(plan), plan)
    assert capsys.readouterr().out == (GOLDEN / f"{name}.txt").read_text()


def test_explanation(capsys: pytest.CaptureFixture[str]) -> None:
    text.explanation(SITES[:1] + SITES[2:3])
    assert capsys.readouterr().out == (GOLDEN / "explanation.txt").read_text()


def shown_check(**variables: str) -> str:
    """What ``check`` shows on a terminal of 80 columns, escape sequences and all."""
    program = (
        "from tests.reports.plans import PLAN, surveyed; from bn2gn_codemod.reports import text"
    )
    arguments = ["-c", f"{program}; text.check(surveyed(PLAN), PLAN)"]
    return on_a_terminal(arguments, Path(__file__).parents[2], environment(**variables))


def test_verdicts_have_colours_on_a_terminal() -> None:
    shown = shown_check()
    assert re.search(r"\x1b\[33mconvert", shown)
    assert re.search(r"\x1b\[32mkeep", shown)


def test_no_color_is_respected_on_a_terminal() -> None:
    shown = shown_check(NO_COLOR="1")
    assert "convert" in shown
    assert "\x1b" not in shown


def test_long_reasons_are_wrapped_on_a_terminal() -> None:
    shown = shown_check(NO_COLOR="1")
    table = shown.partition("lib/models/dla.py")[2].partition("lib/models/neck.py")[0]
    assert max(map(len, table.splitlines())) <= 80
    assert "model_zoo" in "".join(table.split())
