"""BN201 to BN205: what is said of train scripts and loops."""

from __future__ import annotations

import pytest

from bn2gn_codemod import rules
from bn2gn_codemod.plan import Finding, HiddenNorms, Place, Plan, TrainCall, TrainScript

SCRIPT = TrainScript(
    optimizer=Place("train.py", 30, 5),
    model="model",
    backbone=("backbone", "base_layer"),
    state="unfrozen",
    fix="freeze_backbone_bn(model)",
)
CALL = TrainCall(Place("trainer.py", 42, 13), "model", guarded=False, fix="a guard after it")
HIDDEN = HiddenNorms(Place("train.py", 20, 9), Place("train.py", 18, 5), fix="test for both")


def found(plan: Plan) -> list[tuple[str, Place, bool]]:
    return [(finding.code, finding.place, finding.fixable) for finding in rules.findings(plan)]


def of_script(**changes: object) -> Plan:
    return Plan("/r", train_scripts=(SCRIPT._replace(**changes),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("plan", "codes"),
    [
        (of_script(), ["BN201"]),
        (of_script(state="late"), ["BN201"]),
        (of_script(state="partly"), ["BN201"]),
        (of_script(state="nothing"), ["BN201", "BN204"]),
        (of_script(state="frozen"), []),
        (of_script(sibling="train_other.py"), ["BN201", "BN203"]),
        (of_script(state="optional", option="args.freeze (train.py:9)"), ["BN201"]),
        (of_script(state="frozen", sibling="train_other.py", difference="more"), ["BN203"]),
        (of_script(state="frozen", thaw=Place("train.py", 50, 9)), ["BN201"]),
        (of_script(fix="", thaw=Place("train.py", 50, 9)), ["BN201"]),
        (Plan("/r", train_calls=(CALL,)), ["BN202"]),
        (Plan("/r", train_calls=(CALL._replace(guarded=True),)), []),
        (Plan("/r", hidden_norms=(HIDDEN,)), ["BN205"]),
    ],
)
def test_codes(plan: Plan, codes: list[str]) -> None:
    assert [code for code, _, _ in found(plan)] == codes


@pytest.mark.parametrize(
    ("plan", "place"),
    [
        (of_script(), SCRIPT.optimizer),
        (Plan("/r", train_calls=(CALL,)), CALL.place),
        (Plan("/r", hidden_norms=(HIDDEN,)), HIDDEN.place),
    ],
)
def test_what_the_plan_fixes_is_fixable(plan: Plan, place: Place) -> None:
    assert [(at, fixable) for _, at, fixable in found(plan)] == [(place, True)]


@pytest.mark.parametrize(
    "plan",
    [
        of_script(fix="", reason="the optimizer is built in a library"),
        Plan(
            "/r",
            train_calls=(CALL._replace(fix="", reason="the optimizer is built in a library"),),
        ),
        Plan(
            "/r",
            hidden_norms=(HIDDEN._replace(fix="", reason="the optimizer is built in a library"),),
        ),
    ],
)
def test_what_the_plan_does_not_fix_says_why(plan: Plan) -> None:
    (finding,) = rules.findings(plan)
    assert not finding.fixable
    assert finding.message.endswith("not fixed: the optimizer is built in a library")


def message(plan: Plan, code: str) -> str:
    def is_it(finding: Finding) -> bool:
        return finding.code == code

    (finding,) = filter(is_it, rules.findings(plan))
    return finding.message


def test_messages_name_what_matters() -> None:
    assert "model.backbone, model.base_layer" in message(of_script(), "BN201")
    assert "train_other.py" in message(of_script(sibling="train_other.py"), "BN203")
    assert "backbone, base_layer" in message(of_script(state="nothing"), "BN204")
    assert "only an option freezes" in message(of_script(state="optional"), "BN201")
    differing = of_script(state="frozen", sibling="other.py", difference="a, this b")
    assert message(differing, "BN203") == "other.py freezes a, this b: let both freeze the same"
    assert "train.py:18" in message(Plan("/r", hidden_norms=(HIDDEN,)), "BN205")


def test_of_very_many_parts_only_the_first_are_named() -> None:
    [finding] = rules.findings(of_script(backbone=tuple(f"part{n}" for n in range(40))))
    assert "model.part0, model.part1" in finding.message
    assert finding.message.count("model.part") < 20
    assert "more" in finding.message
