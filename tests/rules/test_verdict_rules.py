"""BN101, BN102 and BN103 say what a verdict means."""

from __future__ import annotations

import dataclasses

import pytest

from bn2gn_codemod import rules
from bn2gn_codemod.plan import Finding, Place, Plan, Site, Verdict

PLACE = Place("lib/neck.py", 9, 20)


def plan_of(verdict: Verdict, *, fixable: bool = False) -> Plan:
    reasons = ("first", "second")
    return Plan(
        "/r", sites=(Site(PLACE, "BatchNorm2d", "Neck", "bn", verdict, reasons, fixable=fixable),)
    )


@pytest.mark.parametrize(
    ("plan", "code", "fixable"),
    [
        (plan_of(Verdict.CONVERT, fixable=True), "BN101", True),
        (plan_of(Verdict.CONVERT), "BN101", False),
        (plan_of(Verdict.CONFLICT), "BN102", False),
        (plan_of(Verdict.UNKNOWN), "BN103", False),
    ],
)
def test_verdict_is_a_finding(plan: Plan, code: str, fixable: bool) -> None:
    (finding,) = rules.findings(plan)
    assert (finding.code, finding.place, finding.fixable) == (code, PLACE, fixable)
    assert "Neck.bn" in finding.message
    assert finding.message.endswith("first; second")


def test_backbone_is_no_finding() -> None:
    assert rules.findings(plan_of(Verdict.KEEP)) == ()


def test_a_layer_without_class_or_attribute_is_named_all_the_same() -> None:
    plan = plan_of(Verdict.UNKNOWN)
    bare = plan.sites[0]._replace(class_="", attribute="", reasons=())
    (finding,) = rules.findings(dataclasses.replace(plan, sites=(bare,)))
    assert f"line {PLACE.line}" in finding.message
    assert finding.message.endswith("no evidence")


@pytest.mark.parametrize(
    ("class_", "attribute", "scope", "named"),
    [
        ("", "", "conv_bn()", "whether conv_bn() is backbone"),
        ("", "bn", "conv_bn()", "whether bn of conv_bn() is backbone"),
        ("", "", "norm_cfg", "whether norm_cfg is backbone"),
        ("Neck", "", "", "whether Neck is backbone"),
    ],
)
def test_a_layer_outside_of_classes_goes_by_its_function(
    class_: str, attribute: str, scope: str, named: str
) -> None:
    plan = plan_of(Verdict.UNKNOWN)
    site = plan.sites[0]._replace(class_=class_, attribute=attribute, scope=scope)
    (finding,) = rules.findings(dataclasses.replace(plan, sites=(site,)))
    assert named in finding.message


@pytest.mark.parametrize("verdict", [Verdict.CONFLICT, Verdict.UNKNOWN])
def test_a_layer_that_is_new_for_certain_is_not_asked_about(verdict: Verdict) -> None:
    plan = plan_of(verdict)
    site = plan.sites[0]._replace(
        is_new=True, reasons=("a new layer, but it is named by a string",)
    )
    (finding,) = rules.findings(dataclasses.replace(plan, sites=(site,)))
    assert finding.message == "cannot convert Neck.bn: a new layer, but it is named by a string"


def test_findings_of_the_plan_are_kept_and_ordered_by_place() -> None:
    early = Finding("BN201", Place("lib/a.py", 3), "m")
    late = Finding("BN104", PLACE, "m")
    plan = dataclasses.replace(plan_of(Verdict.CONVERT), findings=(late, early))
    assert [found.code for found in rules.findings(plan)] == ["BN201", "BN101", "BN104"]
