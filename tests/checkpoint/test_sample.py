"""The sample repository's three models, and training that goes on from a converted checkpoint."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from tests import warm
from tests.checkpoint.conftest import SAMPLE

_HEADS = {"hm": 1, "wh": 2, "reg": 2, "dis": 2}
_SAVE = f"""
import importlib, sys, torch
module, factory, file = sys.argv[1:]
torch.manual_seed(0)
model = getattr(importlib.import_module(module), factory)({_HEADS})
for value in model.state_dict().values():
    if value.is_floating_point():
        value.normal_()
optimizer = torch.optim.Adam(model.parameters())
for parameter in model.parameters():
    parameter.grad = torch.ones_like(parameter)
optimizer.step()
content = {{"epoch": 1, "state_dict": model.state_dict(), "optimizer": optimizer.state_dict()}}
torch.save(content, file)
"""
_LOAD = f"""
import importlib, sys, torch
module, factory, file = sys.argv[1:]
model = getattr(importlib.import_module(module), factory)({_HEADS})
print(model.load_state_dict(torch.load(file)["state_dict"], strict=True))
"""


def run(python: warm.Python, root: Path, *command: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    env["http_proxy"] = "http://localhost:9"  # no weights are downloaded
    done = python.run(*command, cwd=root, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def states(python: warm.Python, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sample before and after its migration."""
    folder = tmp_path_factory.mktemp("sample")
    before, after = folder / "before", folder / "after"
    shutil.copytree(SAMPLE, before, ignore=shutil.ignore_patterns("exp", "__pycache__"))
    shutil.copytree(before, after)
    run(python, after, "-m", "bn2gn_codemod", "migrate")
    return before, after


@pytest.mark.parametrize(
    ("module", "factory", "layers"),
    [
        ("lib.models.dladcn_gru", "dla_dcn_net", 28),
        ("lib.models.resnet_fpn_dcn", "res_fpn_net", 13),
    ],
)
def test_old_checkpoint_loads_strictly(
    python: warm.Python,
    states: tuple[Path, Path],
    tmp_path: Path,
    module: str,
    factory: str,
    layers: int,
) -> None:
    before, after = states
    old, new = tmp_path / "old.pth", tmp_path / "new.pth"
    run(python, before, "-c", _SAVE, module, factory, str(old))
    options = ["--model", f"{module}:{factory}", "--args", json.dumps([_HEADS])]
    options += ["--before", str(before), "--output-format", "json"]
    report = json.loads(
        run(python, after, "-m", "bn2gn_codemod", "checkpoint", str(old), str(new), *options)
    )
    assert len(report["converted"]) == layers
    assert report["strict"]
    assert "All keys matched" in run(python, after, "-c", _LOAD, module, factory, str(new))
    was, now = torch.load(old)["state_dict"], torch.load(new)["state_dict"]
    assert len(was) - len(now) == 3 * layers
    assert all(torch.equal(value, was[name]) for name, value in now.items())


def test_training_goes_on(python: warm.Python, states: tuple[Path, Path], tmp_path: Path) -> None:
    before, after = states
    short = ["--model_name", "ResFPN", "--num_iters", "1", "--val_intervals", "0"]
    run(python, before, "train.py", *short, "--num_epochs", "1", "--save_dir", str(tmp_path))
    [old] = tmp_path.rglob("model_last.pth")
    new = old.with_name("model_new.pth")
    options = ["--model", "lib.models.stNet:get_det_net", "--before", str(before)]
    options += ["--args", json.dumps([_HEADS, "ResFPN"])]
    run(python, after, "-m", "bn2gn_codemod", "checkpoint", str(old), str(new), *options)
    again = ["--num_epochs", "2", "--load_model", str(new), "--resume", "--save_dir", ""]
    resumed = run(python, after, "train.py", *short, *again)
    assert "epoch 2: mean train loss" in resumed
    assert "epoch 1: mean" not in resumed
    assert "Drop parameter" not in resumed
    assert "No parameter" not in resumed
