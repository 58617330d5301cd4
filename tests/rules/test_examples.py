"""Each rule finds its ``before`` and leaves its ``after`` alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.rules import Example, Rule, all_rules
from tests.conftest import MakeRepository
from tests.migrating import plan_of

EXAMPLES = [
    pytest.param(rule, example, id=f"{rule.code}-{number}")
    for rule in all_rules()
    if rule.findings is not None
    for number, example in enumerate(rule.examples, 1)
]


def codes(root: Path) -> set[str]:
    return {finding.code for finding in plan_of(root).findings}


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_before_is_found(repository: MakeRepository, rule: Rule, example: Example) -> None:
    assert rule.code in codes(repository(example.files(example.before)))


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_after_is_not_found(repository: MakeRepository, rule: Rule, example: Example) -> None:
    assert rule.code not in codes(repository(example.files(example.after)))
