"""The sample repository is what the rest of the tests and the demo take it for.

It runs in interpreters of its own: its packages are called ``lib``, as in many
research repositories, and must not meet another ``lib`` in this process.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import warm

SAMPLE = Path(__file__).parents[1] / "fixtures" / "satmot"

# What the migration is measured by: BatchNorm2d per top-level module.
NORMS = {
    "dladcn_gru.dla_dcn_net": {
        "backbone": 33,
        "dla_up": 20,
        "ida_up": 4,
        "deconv_gru": 2,
        "mask_prop1": 1,
        "mask_prop2": 1,
    },
    "resnet_fpn_dcn.res_fpn_net": {
        "backbone": 29,
        "base_layer": 1,
        "deconv_layer2": 2,
        "deconv_layer3": 2,
        "deconv_layer4": 2,
        "smooth_layer2": 1,
        "smooth_layer3": 1,
        "smooth_layer4": 1,
        "deconv_gru": 2,
        "mask_prop1": 1,
        "mask_prop2": 1,
    },
    "pose_dla_dcn.get_pose_net": {"base": 39, "dla_up": 30, "ida_up": 4},
}

CLIP_HEADS = {
    "hm_seq": [1, 2, 1, 64, 64],
    "hm": [1, 1, 64, 64],
    "wh": [1, 2, 64, 64],
    "reg": [1, 2, 64, 64],
    "dis": [1, 1, 2, 64, 64],
}
SHAPES = {
    "dladcn_gru.dla_dcn_net": ([1, 2, 3, 64, 64], CLIP_HEADS),
    "resnet_fpn_dcn.res_fpn_net": ([1, 2, 3, 64, 64], CLIP_HEADS),
    "pose_dla_dcn.get_pose_net": (
        [1, 3, 64, 64],
        {
            "hm": [1, 1, 64, 64],
            "wh": [1, 2, 64, 64],
            "reg": [1, 2, 64, 64],
            "dis": [1, 2, 64, 64],
        },
    ),
}

DESCRIBE = """
import collections, importlib, json, sys, torch
description = {}
for factory, shape in json.loads(sys.argv[1]).items():
    module, name = factory.split('.')
    build = getattr(importlib.import_module('lib.models.' + module), name)
    model = build({'hm': 1, 'wh': 2, 'reg': 2, 'dis': 2}).train()
    norms = [(n, m) for n, m in model.named_modules() if 'Norm' in type(m).__name__]
    outputs = model(torch.rand(shape))[-1]
    description[factory] = {
        'norms': collections.Counter(n.split('.')[0] for n, _ in norms),
        'classes': sorted({type(m).__qualname__ for _, m in norms}),
        'training': all(m.training for _, m in norms),
        'frozen': [n for n, p in model.named_parameters() if not p.requires_grad],
        'outputs': {head: list(x.shape) for head, x in outputs.items()},
    }
json.dump(description, open(sys.argv[2], 'w'))
"""


@dataclasses.dataclass(frozen=True)
class Copy:
    """A copy of the sample repository that reaches no network."""

    root: Path
    interpreter: warm.Python
    hub: Path  # where torch.hub keeps its weights, empty at first

    def python(self, *args: str, path: Path | None = None) -> str:
        """What a run prints on stdout; ``path`` is put on ``PYTHONPATH``."""
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(path or ""),
            "TORCH_HOME": str(self.hub),
            "http_proxy": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
            "no_proxy": "",
        }
        run = self.interpreter.run(*args, cwd=self.root, env=environment)
        assert run.returncode == 0, run.stderr
        return run.stdout


@pytest.fixture(scope="module")
def sample(python: warm.Python, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    place = tmp_path_factory.mktemp("satmot")
    root = place / "satmot"
    shutil.copytree(SAMPLE, root, ignore=shutil.ignore_patterns("__pycache__", "exp"))
    yield Copy(root, python, place / "hub")
    shutil.rmtree(place)  # checkpoints are large, and pytest would keep three generations


@pytest.fixture(scope="module")
def models(sample: Copy) -> Any:
    shapes = json.dumps({factory: shape for factory, (shape, _) in SHAPES.items()})
    sample.python("-c", DESCRIBE, shapes, "models.json")
    return json.loads((sample.root / "models.json").read_text())


@dataclasses.dataclass(frozen=True)
class Training:
    """Two epochs of two iterations, and the checkpoint after each of them."""

    stdout: str
    checkpoints: tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def training(sample: Copy) -> Training:
    stdout = sample.python("train_satmtb.py", "--num_iters", "2", "--save_all")
    saved = sample.root / "exp" / "train_satmtb" / "DLADCN"
    first, second = (torch.load(saved / f"model_{epoch}.pth") for epoch in (1, 2))
    return Training(stdout, (first, second))


def losses(stdout: str) -> list[float]:
    return [float(loss) for loss in re.findall(r"^train epoch.* loss=(\S+)", stdout, re.MULTILINE)]


# ---------------------------------------------------------------- models


@pytest.mark.parametrize("factory", NORMS)
def test_norm_layers_by_top_level_module(models: Any, factory: str) -> None:
    assert models[factory]["norms"] == NORMS[factory]
    assert models[factory]["classes"] == ["BatchNorm2d"]


@pytest.mark.parametrize("factory", NORMS)
def test_nothing_is_frozen_before_the_migration(models: Any, factory: str) -> None:
    assert models[factory]["training"]
    assert models[factory]["frozen"] == []


@pytest.mark.parametrize("factory", SHAPES)
def test_forward_shapes(models: Any, factory: str) -> None:
    assert models[factory]["outputs"] == SHAPES[factory][1]


def test_compiled_deformable_convolution_is_used_when_installed(
    sample: Copy, tmp_path: Path
) -> None:
    (tmp_path / "dcn_v2.py").write_text(
        "from torch import nn\n"
        "class DCN(nn.Conv2d):\n"
        "    def __init__(self, *args, deformable_groups, **kwargs):\n"
        "        super().__init__(*args, **kwargs)\n"
    )
    printed = sample.python(
        "-c",
        "from lib.models.pose_dla_dcn import DeformConv; "
        "print(type(DeformConv(4, 8).conv).__module__)",
        path=tmp_path,
    )
    assert printed == "dcn_v2\n"


def test_pretrained_weights_come_from_the_hub_cache(sample: Copy, tmp_path: Path) -> None:
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    mean = torch.full((64,), 0.25)
    torch.save({"bn1.running_mean": mean, "fc.bias": mean}, cache / "resnet34-333f7ec4.pth")
    printed = dataclasses.replace(sample, hub=tmp_path).python(
        "-c",
        "from lib.models.resnet_fpn_dcn import res_fpn_net; "
        "print(res_fpn_net({}).backbone.bn1.running_mean.unique().item())",
    )
    assert printed.splitlines() == [
        "=> loaded pretrained model https://download.pytorch.org/models/resnet34-333f7ec4.pth",
        "0.25",
    ]


# ---------------------------------------------------------------- training


def test_training_changes_the_weights(training: Training) -> None:
    before, after = (checkpoint["state_dict"] for checkpoint in training.checkpoints)
    # DLA computes two projections that nothing reads; their keys are in the published weights.
    unread = ("backbone.level3.project", "backbone.level4.project")
    same = [key for key in before if torch.equal(before[key], after[key])]
    assert {key for key in same if not key.startswith(unread)} == set()
    assert len(losses(training.stdout)) == 4
    assert all(0 < loss < 100 for loss in losses(training.stdout))


def test_running_statistics_of_the_backbone_move(training: Training) -> None:
    """The damage that the migration stops."""
    before, after = (checkpoint["state_dict"] for checkpoint in training.checkpoints)
    moved = [
        key
        for key in before
        if key.startswith("backbone.") and key.endswith("running_mean")
        if not torch.equal(before[key], after[key])
    ]
    assert len(moved) == NORMS["dladcn_gru.dla_dcn_net"]["backbone"]


def test_missing_network_is_said_in_one_line(training: Training) -> None:
    [line] = [line for line in training.stdout.splitlines() if "pretrained" in line]
    assert line.startswith("=> no pretrained weights, training dla34 from scratch: http://")


def test_the_same_seed_gives_the_same_run(sample: Copy, training: Training) -> None:
    again = sample.python(
        "train_satmtb.py", "--num_iters", "2", "--num_epochs", "1", "--save_dir", "again"
    )
    assert losses(again) == losses(training.stdout)[:2]
    saved = torch.load(sample.root / "again" / "train_satmtb" / "DLADCN" / "model_last.pth")
    expected = training.checkpoints[0]["state_dict"]
    assert all(torch.equal(saved["state_dict"][key], expected[key]) for key in expected)


def test_resume_goes_on_after_the_last_epoch(sample: Copy, training: Training) -> None:
    del training  # it saved what is resumed here
    printed = sample.python(
        "train_satmtb.py", "--num_iters", "1", "--num_epochs", "3", "--resume", "--save_all"
    )
    assert re.findall(r"^train epoch=(\d+)", printed, re.MULTILINE) == ["3"]
    assert "keeps its initial value" not in printed
    assert "Drop parameter" not in printed


def test_an_empty_save_dir_writes_nothing(sample: Copy) -> None:
    before = {path for path in sample.root.rglob("*") if "__pycache__" not in path.parts}
    printed = sample.python(
        *("train.py", "--model_name", "ResFPN", "--num_iters", "1", "--num_epochs", "1"),
        *("--save_dir", "", "--val_intervals", "1"),
    )
    assert "epoch 1: mean val loss" in printed
    after = {path for path in sample.root.rglob("*") if "__pycache__" not in path.parts}
    assert after == before


def test_the_train_scripts_differ_in_two_lines() -> None:
    icpr, satmtb = (
        (SAMPLE / name).read_text().splitlines() for name in ("train.py", "train_satmtb.py")
    )
    differing = [(a, b) for a, b in zip(icpr, satmtb, strict=True) if a != b]
    assert differing == [
        (
            "from lib.dataset.synthetic import ICPRClips as Clips",
            "from lib.dataset.synthetic import SatMTBClips as Clips",
        ),
        ("    val_set = Clips(opt, 'val')", "    val_set = Clips(opt, 'test')"),
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--input_size", "48"], "--input_size must be a multiple of 32"),
        (["--seq_len", "1"], "--seq_len must be at least 2"),
        (["--load_model", "none.pth"], "no checkpoint none.pth"),
    ],
)
def test_bad_options_are_refused(sample: Copy, arguments: list[str], complaint: str) -> None:
    run = subprocess.run(
        [sys.executable, "train.py", *arguments], cwd=sample.root, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1] == f"train.py: error: {complaint}"
