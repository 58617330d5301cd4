"""The rules on evidence made by hand: what is found, and what is rightly not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bn2gn_codemod import rules
from bn2gn_codemod.audit import parameters
from bn2gn_codemod.audit.evidence import Evidence
from bn2gn_codemod.snapshot import (
    ConfigValues,
    Group,
    LiveRun,
    ModelSnapshot,
    ModePass,
    Module,
    Norm,
    NormRun,
    Optimizer,
    Parameter,
    Snapshot,
    Statistics,
)


def batch_norm(name: str, statistics: Statistics = "trained", training: bool = True) -> Module:
    norm = Norm("BatchNorm2d", 8, track_running_stats=True, statistics=statistics)
    return Module(name, "torch.nn.modules.batchnorm.BatchNorm2d", training, norm)


def live(
    trainable: Mapping[str, bool],
    groups: Sequence[Group],
    norms: Sequence[Module] = (),
    ran: Sequence[NormRun] = (),
) -> Snapshot:
    """A watched training with these parameters of 8 elements and parameter groups."""
    found = tuple(Parameter(name, (8,), "float32", grad) for name, grad in trainable.items())
    model = ModelSnapshot("", modules=tuple(norms), parameters=found)
    optimizers = (Optimizer("torch.optim.SGD", tuple(groups)),)
    run = LiveRun(1, ("train.py",), 2, model, optimizers, norms=tuple(ran))
    return Snapshot(runs=(run,))


def group(*names: str, lr: float = 0.1, weight_decay: float = 0.0) -> Group:
    return Group(lr, weight_decay, names)


def found(snapshot: Snapshot, values: Mapping[str, Any] | None = None) -> list[tuple[str, str]]:
    evidence = Evidence("target", Path("/nowhere"), snapshot, values=values or {})
    return [(each.code, each.severity) for each in rules.diagnoses(evidence)]


NETWORK = {"backbone.bn.weight": True, "head.weight": True}

OPTIMIZERS = [
    pytest.param(NETWORK, [group(*NETWORK)], [], id="all_train"),
    pytest.param(
        NETWORK,
        [group("head.weight"), group("backbone.bn.weight", lr=0.0)],
        [("BN301", "serious")],
        id="a_group_without_learning_rate",
    ),
    pytest.param(NETWORK, [group(*NETWORK, lr=0.0)], [], id="a_warm_up_starts_at_0"),
    pytest.param(NETWORK, [group("head.weight")], [("BN306", "warning")], id="forgotten"),
    pytest.param(
        {**NETWORK, "backbone.bn.weight": False}, [group("head.weight")], [], id="frozen_and_out"
    ),
    pytest.param(
        {**NETWORK, "backbone.bn.weight": False},
        [group(*NETWORK, weight_decay=0.1)],
        [("BN306", "advice")],
        id="frozen_in_a_group_with_decay",
    ),
]


@pytest.mark.parametrize(("trainable", "groups", "expected"), OPTIMIZERS)
def test_optimizer(
    trainable: dict[str, bool], groups: list[Group], expected: list[tuple[str, str]]
) -> None:
    assert found(live(trainable, groups)) == expected


FROZEN = {"backbone.bn.weight": False, "head.weight": True}
IN_TRAIN, IN_EVAL = NormRun("backbone.bn", 2, 0), NormRun("backbone.bn", 0, 2)

STATISTICS = [
    pytest.param(FROZEN, "trained", IN_EVAL, [], id="frozen"),
    pytest.param(FROZEN, "trained", IN_TRAIN, [("BN304", "serious")], id="statistics_move"),
    pytest.param(NETWORK, "trained", IN_TRAIN, [], id="trains_as_a_whole"),
    pytest.param(FROZEN, "untrained", IN_EVAL, [("BN305", "warning")], id="never_trained"),
    pytest.param(FROZEN, "skipped", IN_EVAL, [], id="its_weights_were_not_downloaded"),
    pytest.param(NETWORK, "untrained", IN_EVAL, [], id="its_scale_can_learn"),
]


@pytest.mark.parametrize(("trainable", "statistics", "ran", "expected"), STATISTICS)
def test_batch_norm(
    trainable: dict[str, bool],
    statistics: Statistics,
    ran: NormRun,
    expected: list[tuple[str, str]],
) -> None:
    norms = [batch_norm("backbone.bn", statistics)]
    held = [name for name, grad in trainable.items() if grad]
    assert found(live(trainable, [group(*held)], norms, [ran])) == expected


MODES = [
    pytest.param(ModePass("predict", ("img_shape",)), [], id="runs"),
    pytest.param(
        ModePass("predict", ("img_shape",), "KeyError: x", ("flip",)),
        [("BN303", "serious")],
        id="lacks_metadata",
    ),
    pytest.param(
        ModePass("predict", ("img_shape",), "KeyError: flip", ("flip",), unmade=("flip",)),
        [("BN303", "serious")],
        id="is_told_to_pack_what_no_step_makes",
    ),
    pytest.param(
        ModePass("predict", ("img_shape",), "KeyError: flip", ("flip",), is_known=False),
        [("BN303", "warning")],
        id="there_is_no_pipeline",
    ),
    pytest.param(
        ModePass("loss", ("img_shape",), "KeyError: x"), [("BN303", "warning")], id="fails"
    ),
    pytest.param(
        ModePass("predict", ("img_shape", "flip"), "", ("flip",)),
        [("BN303", "advice")],
        id="needs_what_the_pipeline_packs",
    ),
]


@pytest.mark.parametrize(("mode", "expected"), MODES)
def test_forward_modes(mode: ModePass, expected: list[tuple[str, str]]) -> None:
    assert found(Snapshot(config=ConfigValues("c.py"), modes=(mode,))) == expected


WEIGHTS = [
    pytest.param({"load_from": "gone.pth"}, 1, id="load_from"),
    pytest.param({"load_from": None}, 0, id="none"),
    pytest.param({"load_from": "https://example.org/w.pth"}, 0, id="url"),
    pytest.param({"model": {"init_cfg": {"checkpoint": "torchvision://resnet50"}}}, 0, id="scheme"),
    pytest.param({"model": {"neck": {"init_cfg": {"checkpoint": "gone.pth"}}}}, 1, id="init_cfg"),
    pytest.param({"model": {"pretrained": "gone.pth"}}, 1, id="pretrained"),
    pytest.param({"load_from": "D:\\w.pth"}, 1, id="windows"),
]


@pytest.mark.parametrize(("values", "count"), WEIGHTS)
def test_weights(values: dict[str, Any], count: int) -> None:
    assert found(Snapshot(), values) == [("BN302", "serious")] * count


def test_weights_are_looked_for_where_training_runs(tmp_path: Path) -> None:
    (tmp_path / "w.pth").touch()
    evidence = Evidence("target", tmp_path, values={"load_from": "./w.pth"})
    assert not rules.diagnoses(evidence)


def loader(**dataset: Any) -> dict[str, Any]:
    return {"train_dataloader": {"dataset": dataset}}


DATA = [
    pytest.param(loader(data_root="gone/"), [("BN307", "serious")], id="root"),
    pytest.param(
        loader(data_root="gone/", ann_file="a.json"), [("BN307", "serious")], id="below_it_nothing"
    ),
    pytest.param(loader(data_root="C:/data/"), [("BN307", "warning")], id="windows"),
    pytest.param(loader(data_root="s3://bucket/"), [], id="remote"),
    pytest.param(loader(data_root="gone/", backend_args={"backend": "petrel"}), [], id="backend"),
    pytest.param(
        loader(type="Repeat", dataset={"data_root": "gone/"}), [("BN307", "serious")], id="wrapped"
    ),
    pytest.param(
        loader(type="Concat", datasets=[{"data_root": "gone/"}, {"data_root": "lost/"}]),
        [("BN307", "serious")] * 2,
        id="joined",
    ),
    pytest.param({"train_dataloader": None}, [], id="no_loader"),
]


@pytest.mark.parametrize(("values", "expected"), DATA)
def test_data(values: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert found(Snapshot(), values) == expected


def test_wrappers_are_no_part_of_a_name() -> None:
    trainable = {f"module.model.{name}": grad for name, grad in NETWORK.items()}
    evidence = Evidence("target", Path("/nowhere"), live(trainable, [group(*trainable)]))
    assert [row.name for row in parameters.rows(evidence)] == ["backbone", "head"]
    (key,) = parameters.key_parameters(evidence, ["head.*"])
    assert (key.name, key.in_optimizer) == ("head.weight", True)


def test_rows_are_disjoint() -> None:
    names = {"neck.gate.weight": True, "neck.gate.scale.weight": True, "neck.conv.weight": False}
    modules = [Module(name, "m.M", True) for name in ("neck", "neck.gate", "neck.gate.scale")]
    evidence = Evidence("target", Path("/nowhere"), live(names, [group(*names)], modules))
    rows = {row.name: row.parameters for row in parameters.rows(evidence, ["neck.gate"])}
    assert rows == {"neck.gate": 16, "neck": 8}
