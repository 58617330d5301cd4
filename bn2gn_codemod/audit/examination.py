"""The whole result of an audit: what a report shows, in the order in which it is shown."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Sequence

from bn2gn_codemod import rules
from bn2gn_codemod.audit import configuration, parameters
from bn2gn_codemod.audit.configuration import Fact
from bn2gn_codemod.audit.evidence import Diagnosis, Evidence, Severity
from bn2gn_codemod.audit.parameters import KeyParameter, NormCount, Row
from bn2gn_codemod.audit.wanted import Wanted
from bn2gn_codemod.problem import Problem
from bn2gn_codemod.rules import bn302_missing_weights
from bn2gn_codemod.survey.configs.values import dotted
from bn2gn_codemod.wording import counted, shapes_of


@dataclasses.dataclass(frozen=True)
class Examination:
    """A target, what is wrong with it, what it consists of, and what was verified as right."""

    evidence: Evidence
    diagnoses: tuple[Diagnosis, ...]
    rows: tuple[Row, ...]
    norms: tuple[NormCount, ...]
    key_parameters: tuple[KeyParameter, ...]
    facts: tuple[Fact, ...]
    passed: tuple[str, ...]
    next_steps: tuple[str, ...]

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def trainable(self) -> int:
        return sum(row.trainable for row in self.rows)

    @property
    def frozen(self) -> int:
        return self.parameters - self.trainable

    @property
    def is_clean(self) -> bool:
        """Whether everything could be looked at and nothing but advice was found."""
        bad = any(diagnosis.severity != "advice" for diagnosis in self.diagnoses)
        return not bad and not self.evidence.failure

    def of_severity(self, severity: Severity) -> tuple[Diagnosis, ...]:
        """The diagnoses of one severity."""
        return tuple(each for each in self.diagnoses if each.severity == severity)


def examine(evidence: Evidence, wanted: Wanted) -> Examination:
    """Judge the evidence. Raises ``Problem`` for a wanted module that is not there."""
    if evidence.model is not None:
        _require(wanted, evidence)
    diagnoses = rules.diagnoses(evidence)
    return Examination(
        evidence=evidence,
        diagnoses=diagnoses,
        rows=parameters.rows(evidence, wanted.modules),
        norms=parameters.norms(evidence),
        key_parameters=parameters.key_parameters(evidence, wanted.key_parameters),
        facts=configuration.facts(evidence),
        passed=tuple(_passed(evidence, diagnoses)),
        next_steps=tuple(_next_steps(evidence, diagnoses)),
    )


def _require(wanted: Wanted, evidence: Evidence) -> None:
    known = parameters.known_modules(evidence)
    for name in wanted.modules:
        if name in wanted.required and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise Problem(f"--module {name}: the model has no such module{hint}")
    names = [key.name for key in parameters.key_parameters(evidence, ["*"])]
    for glob in wanted.key_parameters:
        if glob in wanted.required and not parameters.matching(evidence, glob):
            near = difflib.get_close_matches(glob, names, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise Problem(f"--key-parameter {glob}: the model has no such parameter{hint}")


# ---------------------------------------------------------------- what is right


def _passed(evidence: Evidence, diagnoses: Sequence[Diagnosis]) -> Iterator[str]:
    found = {diagnosis.code for diagnosis in diagnoses}
    yield from _own_parts(evidence)
    yield from _training(evidence, found)
    for mode in evidence.snapshot.modes:
        if not mode.error:
            yield f"forward in mode {mode.mode!r} runs"
    for forward in evidence.built.forwards if evidence.built else ():
        if not forward.error:
            yield f"forward on an input of {shapes_of(forward.inputs)} runs"
    for fact in configuration.facts(evidence):
        if fact.is_good:
            found_out = f" ({fact.found})" if fact.found else ""
            yield f"{fact.name}: {fact.value}{found_out}"
    for keys, path in bn302_missing_weights.weights(evidence):
        if configuration.is_remote(path):
            yield f"{dotted(keys)}: {path} is fetched when training starts (not checked)"
        elif (evidence.root / path).is_file():
            yield f"{dotted(keys)}: {path} exists"


def _own_parts(evidence: Evidence) -> Iterator[str]:
    """The parts of the model whose class is the repository's own, with their options."""
    model = evidence.built
    if model is None or evidence.config is None:
        return
    packages = {path.name for path in evidence.root.iterdir() if (path / "__init__.py").is_file()}
    for module in model.modules:
        part = evidence.value("model", *module.name.split(".")) if module.name else None
        if not isinstance(part, dict) or module.class_.partition(".")[0] not in packages:
            continue
        options = ", ".join(
            f"{key}={value}"
            for key, value in part.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        )
        below = f"{module.name}."
        size = sum(p.numel for p in model.parameters if p.name.startswith(below))
        kind = module.class_.rpartition(".")[2]
        yield f"{module.name} is a {kind}({options}) with {counted(size, 'parameter')}"


def _training(evidence: Evidence, found: set[str]) -> Iterator[str]:
    run = evidence.run
    if run is None:
        return
    if run.steps:
        steps = counted(run.steps, "optimizer step")
        if run.frozen_changed:
            return
        frozen = sum(
            parameter.numel for parameter in run.model.parameters if not parameter.requires_grad
        )
        if frozen:
            yield f"{steps} left all {frozen:,} frozen parameters bit for bit as they were"
    if run.optimizers and not found & {"BN306"}:
        yield "every trainable parameter is in an optimizer, and no frozen one decays"
    if "BN304" not in found:
        yield "no BatchNorm layer with frozen parameters runs in train mode"


def _next_steps(evidence: Evidence, diagnoses: Sequence[Diagnosis]) -> Iterator[str]:
    if any(diagnosis.fixable for diagnosis in diagnoses):
        yield f"bn2gn migrate --diff {evidence.root}, read it, then bn2gn migrate"
    for diagnosis in diagnoses:
        if not diagnosis.fixable and diagnosis.severity != "advice":
            yield f"{diagnosis.code}: {diagnosis.remedy}"
    if evidence.failure:
        yield f"what could not be looked at: {evidence.failure}"
    if diagnoses or evidence.failure:
        yield "run this audit again"
    if evidence.config is not None:
        yield "in training, watch the first steps: bn2gn audit --run -- <your training command>"
