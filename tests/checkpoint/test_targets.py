"""How it is known which layers are converted."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bn2gn_codemod.checkpoint import Source
from bn2gn_codemod.checkpoint.target import Target
from bn2gn_codemod.problem import Problem
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.verify import Before
from bn2gn_codemod.verify.models import ModelRequest

pytestmark = pytest.mark.usefixtures("warm_probes")


@pytest.fixture(scope="module")
def compared(source: Source) -> Target:
    [target] = source.targets
    return target


def test_the_model_before_and_after(compared: Target) -> None:
    assert compared.basis == "the model built before and after"
    assert compared.converted == {"neck.1"}
    assert compared.frozen == {"backbone.1.weight", "backbone.1.bias"}
    assert "neck.1.running_mean" not in compared.state
    assert "backbone.1.running_mean" in compared.state


def test_the_migrated_model_alone(source: Source, compared: Target) -> None:
    [target] = dataclasses.replace(source, before=Before()).targets
    assert target.basis == "the model as it is built now"
    assert dataclasses.replace(target, basis=compared.basis) == compared


def test_a_state_before_that_is_migrated_too(source: Source, compared: Target) -> None:
    [target] = dataclasses.replace(source, before=Before(folder=source.root)).targets
    assert target.basis == "the model as it is built now"
    assert target.converted == compared.converted


def test_the_plan_of_what_is_not_migrated_yet(source: Source, compared: Target) -> None:
    root = source.before.folder
    assert root is not None
    settings = Settings(backbone=("Detector.backbone",), convert=("Detector.neck",))
    planned = dataclasses.replace(source, root=root, before=Before(), settings=settings)
    [target] = planned.targets
    assert target.basis == "the plan: the code is not migrated yet"
    assert dataclasses.replace(target, basis=compared.basis) == compared


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (ModelRequest("net:Missing"), "net:Missing() cannot be built"),
        (ModelRequest("net:Detector", ("four",)), "cannot be built: TypeError"),
    ],
)
def test_a_model_that_cannot_be_built(source: Source, model: ModelRequest, said: str) -> None:
    with pytest.raises(Problem) as problem:
        _ = dataclasses.replace(source, models=[model], before=Before()).targets
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)


def test_nothing_is_converted(source: Source, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("from torch import nn\n\n\ndef net():\n    return nn.ReLU()\n")
    same = dataclasses.replace(
        source,
        root=tmp_path,
        models=[ModelRequest("net:net")],
        before=Before(),
        settings=Settings(),
    )
    with pytest.raises(Problem, match="no layer of net:net is converted"):
        _ = same.targets
