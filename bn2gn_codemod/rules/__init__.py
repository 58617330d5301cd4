"""The rules: one module each, named by its code, found by being here.

A module ``bn<number>_<what>.py`` holds one ``RULE``: its code, its words, its
examples, and the pure function from a plan to findings. The examples are its
tests and its documentation (``docs/rules.md``, written by
``python -m bn2gn_codemod.rules``).
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from bn2gn_codemod.plan import Finding, Plan

if TYPE_CHECKING:
    from bn2gn_codemod.audit.evidence import Diagnosis, Evidence, Severity


@dataclasses.dataclass(frozen=True)
class Example:
    """A small repository that breaks a rule, and the same one without the finding.

    ``before`` and ``after`` are the text of ``path``; ``beside`` maps the paths
    of other files to their text.
    """

    before: str
    after: str
    path: str = "model.py"
    beside: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def files(self, text: str) -> dict[str, str]:
        """The repository, with ``text`` (``before`` or ``after``) in its place."""
        return {self.path: text, **self.beside}


@dataclasses.dataclass(frozen=True)
class Rule:
    """What a finding with this code means.

    ``summary`` is one line without a full stop. ``what``, ``why`` and
    ``instead`` are Markdown. ``severity`` is that of a static finding; an audit
    judges each case. ``fix`` says what ``bn2gn migrate`` does about it
    (``""``: nothing). ``findings`` decides it from a plan, ``diagnoses`` from
    what an audit found out.
    """

    code: str
    summary: str
    what: str
    why: str
    instead: str
    severity: Severity = "serious"
    fix: str = ""
    examples: tuple[Example, ...] = ()
    findings: Callable[[Plan], Iterator[Finding]] | None = None
    diagnoses: Callable[[Evidence], Iterator[Diagnosis]] | None = None


def all_rules() -> tuple[Rule, ...]:
    """Every rule, in the order of the codes."""
    return _rules(r"bn\d+")


def rule(code: str) -> Rule:
    """The rule with this code; raises ``ValueError`` if there is none."""
    (found,) = _rules(rf"{code.lower()}_")
    return found


@functools.cache
def _rules(named: str) -> tuple[Rule, ...]:
    names = sorted(found.name for found in pkgutil.iter_modules(__path__))
    modules = (
        importlib.import_module(f"{__name__}.{name}") for name in names if re.match(named, name)
    )
    return tuple(module.RULE for module in modules)


def findings(plan: Plan) -> tuple[Finding, ...]:
    """What every rule finds in the plan, ordered by place, then code.

    Findings that the plan already holds are kept.
    """
    found = set(plan.findings)
    # The rules of the audit are slow to import, and see only configs in a plan.
    for rule in all_rules() if plan.pretended_freezes else _rules(r"bn[124]\d+"):
        if rule.findings is not None:
            found.update(rule.findings(plan))
    return tuple(sorted(found, key=lambda finding: (finding.place, finding.code, finding.message)))


def diagnoses(evidence: Evidence) -> tuple[Diagnosis, ...]:
    """What every rule makes of an audit's evidence, the serious first, then by code."""
    order = ("serious", "warning", "advice")
    found = [
        diagnosis
        for rule in all_rules()
        if rule.diagnoses is not None
        for diagnosis in rule.diagnoses(evidence)
    ]
    return tuple(sorted(found, key=lambda each: (order.index(each.severity), each.code)))
