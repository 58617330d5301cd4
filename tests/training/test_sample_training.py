"""The sample repository, migrated and trained."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from bn2gn_codemod import sources
from bn2gn_codemod.rewrite import apply
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.survey import plan_repository
from tests import warm

SAMPLE = Path(__file__).parents[2] / "fixtures" / "satmot"
FROZEN = {"dla_dcn_net": 33, "res_fpn_net": 30, "get_pose_net": 39}

# Freezes each model, and stops run_epoch right after its model.train().
LOOK = """
import argparse, importlib, json, sys
import torch
models = json.loads(sys.argv[1])
sys.argv = ["train.py"]
import train
from lib.Trainer.base_trainer import BaseTrainer

class Stop(Exception):
    pass

class Trainer(BaseTrainer):
    def _get_losses(self, opt):
        return ["loss"], torch.nn.Identity()

def stop(*arguments):
    raise Stop

seen = {}
opt = argparse.Namespace(num_iters=0, gpus=[-1], device="cpu")
for module, name in models:
    model = getattr(importlib.import_module("lib.models." + module), name)(
        {"hm": 1, "wh": 2, "reg": 2, "dis": 2}
    )
    frozen = train.freeze_backbone_bn(model, name)
    trainer = Trainer(opt, model, torch.optim.SGD(model.parameters(), lr=1))
    trainer.model_with_loss = torch.nn.DataParallel(trainer.model_with_loss)
    trainer.model_with_loss.register_forward_pre_hook(stop)
    try:
        trainer.run_epoch("train", 1, [{"input": torch.zeros(1)}])
    except Stop:
        pass
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    seen[name] = {
        "frozen": frozen,
        "training": sum(m.training for m in norms),
        "with gradient": sum(m.weight.requires_grad or m.bias.requires_grad for m in norms),
        "tracking": sum(m.track_running_stats for m in norms),
        "model in train mode": model.training,
    }
json.dump(seen, open("seen.json", "w"))
"""


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("migrated") / "satmot"
    shutil.copytree(SAMPLE, root, ignore=shutil.ignore_patterns("__pycache__", "exp"))
    repository = sources.discover(root)
    assert apply(repository, plan_repository(repository, Settings())).refused == ()
    yield root
    shutil.rmtree(root)  # checkpoints are large


def run(python: warm.Python, root: Path, *arguments: str) -> str:
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "TORCH_HOME": str(root / "hub"),
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    done = python.run(*arguments, cwd=root, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_frozen_layers_and_their_mode_in_run_epoch(python: warm.Python, migrated: Path) -> None:
    modules = ["dladcn_gru", "resnet_fpn_dcn", "pose_dla_dcn"]
    run(python, migrated, "-c", LOOK, json.dumps(list(zip(modules, FROZEN, strict=True))))
    seen: dict[str, dict[str, Any]] = json.loads((migrated / "seen.json").read_text())
    for name, frozen in FROZEN.items():
        assert seen[name] == {
            "frozen": frozen,
            "training": 0,
            "with gradient": 0,
            "tracking": frozen,
            "model in train mode": True,
        }


def test_two_epochs_move_new_layers_only(python: warm.Python, migrated: Path) -> None:
    printed = run(python, migrated, "train_satmtb.py", "--num_iters", "3", "--save_all")
    assert f"Frozen backbone BatchNorm layers: {FROZEN['dla_dcn_net']}" in printed
    saved = migrated / "exp" / "train_satmtb" / "DLADCN"
    first, second = (torch.load(saved / f"model_{epoch}.pth")["state_dict"] for epoch in (1, 2))
    norms = {
        name.rpartition(".")[0]
        for name in first
        if name.startswith("backbone.") and name.endswith(".running_mean")
    }
    assert len(norms) == FROZEN["dla_dcn_net"]
    same = {name for name in first if torch.equal(first[name], second[name])}
    assert {name for name in first if name.rpartition(".")[0] in norms} <= same
    assert all(int(first[f"{norm}.num_batches_tracked"]) == 0 for norm in norms)
    assert {name for name in same if not name.startswith("backbone.")} == set()
