"""The documentation is the rules' own, and complete."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bn2gn_codemod.rules import Rule, all_rules
from bn2gn_codemod.rules.page import page

DOCS = Path(__file__).parents[2] / "docs" / "rules.md"
RULES = [pytest.param(rule, id=rule.code) for rule in all_rules()]


def test_page_is_up_to_date() -> None:
    assert DOCS.read_text(encoding="utf-8") == page(all_rules()), "run: make docs"


def test_command_writes_the_page(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bn2gn_codemod.rules"]
    subprocess.run([*command, str(tmp_path / "rules.md")], check=True)
    assert (tmp_path / "rules.md").read_text(encoding="utf-8") == page(all_rules())


def test_codes_are_unique_and_in_order() -> None:
    codes = [rule.code for rule in all_rules()]
    assert codes == sorted(set(codes))


@pytest.mark.parametrize("rule", RULES)
def test_rule_is_found_by_its_file_name(rule: Rule) -> None:
    folder = Path(sys.modules["bn2gn_codemod.rules"].__path__[0])
    (file,) = folder.glob(f"{rule.code.lower()}_*.py")
    assert f'code="{rule.code}"' in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", RULES)
def test_rule_is_documented(rule: Rule) -> None:
    assert re.fullmatch(r"BN[1-4]\d\d", rule.code)
    assert not rule.summary.endswith(".")
    assert "\n" not in rule.summary + rule.fix
    assert all(text.strip() for text in (rule.what, rule.why, rule.instead))
    assert rule.examples


@pytest.mark.parametrize("rule", RULES)
def test_examples_are_python(rule: Rule) -> None:
    for example in rule.examples:
        assert example.before != example.after
        for path, text in {**example.files(example.before), "after": example.after}.items():
            compile(text, path, "exec")
