"""The first optimizer steps of a training command that is not ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

Write = Callable[[str, Mapping[str, str]], Path]

LIGHTNING = """\
import lightning
import torch
from torch import nn
from torch.utils.data import DataLoader

from lib.model import get_model
from train import freeze_backbone_bn


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = get_model({'hm': 1})
        freeze_backbone_bn(self.model, 'tiny')

    GUARD

    def training_step(self, batch, index):
        return self.model(batch)['hm'].square().mean()

    def configure_optimizers(self):
        return torch.optim.AdamW([p for p in self.parameters() if p.requires_grad], lr=0.01)


def main():
    trainer = lightning.Trainer(
        max_epochs=50, logger=False, enable_checkpointing=False, accelerator='cpu',
        enable_progress_bar=False)
    trainer.fit(Module(), DataLoader(torch.randn(4, 3, 32, 32)))
    print('finished')


if __name__ == '__main__':
    main()
"""
OVERRIDE = """\
def train(self, mode=True):
        super().train(mode)
        for module in self.model.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self
"""
THAW = """\
def on_train_epoch_start(self):
        self.train()
"""


@pytest.fixture
def ops() -> Mapping[str, str]:
    """A deformable convolution to import: a training command gets no stand-ins."""
    return {"ops/__init__.py": "", "ops/deform.py": "from torch.nn import Conv2d as DCN\n"}


@pytest.fixture
def trainable(ops: Mapping[str, str]) -> Callable[[Mapping[str, str]], Mapping[str, str]]:
    """Makes the detector train without its weights."""

    def of(files: Mapping[str, str]) -> Mapping[str, str]:
        model = files["lib/model.py"].replace("Backbone()", "Backbone(pretrained=False)")
        return {**files, **ops, "lib/model.py": model}

    return of


def verify_run(root: Path, *command: str, timeout: float = 120) -> tuple[int, dict[str, Any], str]:
    """Exit code, JSON report and stderr of ``bn2gn verify --run``."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bn2gn_codemod", "verify", "--output-format", "json"),
            *("--timeout", str(timeout), "--run", "--", *command),
        ],
        cwd=root,
        capture_output=True,
        text=True,
    )
    return done.returncode, json.loads(done.stdout), done.stderr


def results(report: Mapping[str, Any]) -> dict[str, bool]:
    (model,) = report["models"]
    return {check["name"]: check["passed"] for check in model["checks"]}


def details(report: Mapping[str, Any]) -> str:
    (model,) = report["models"]
    return "\n".join(check["detail"] for check in model["checks"])


def test_frozen_backbone_passes_and_the_run_is_ended(
    migrated: Mapping[str, str], trainable: Any, write: Write
) -> None:
    root = write("repository", trainable(migrated))
    code, report, printed = verify_run(root, sys.executable, "train.py", "--epochs", "1000")
    assert (code, report["passed"]) == (0, True), details(report)
    assert "Frozen BatchNorm layers of the backbone: 2" in printed  # its output is shown
    assert "finished epoch" not in printed
    assert "torch.optim.sgd.SGD" in details(report)


def test_backbone_in_train_mode_fails(
    original: Mapping[str, str], trainable: Any, write: Write
) -> None:
    root = write("repository", trainable(original))
    code, report, _ = verify_run(root, sys.executable, "train.py")
    assert (code, report["passed"]) == (1, False)
    assert results(report) == {"backbone mode": False, "frozen tensors": False, "optimizer": True}
    assert "2 backbone BatchNorms ran in train mode: model.backbone.bn1" in details(report)


def test_frozen_parameters_in_train_mode_fail(
    migrated: Mapping[str, str], trainable: Any, write: Write
) -> None:
    files = trainable(migrated)
    train = files["train.py"].replace("        eval_backbone_bn(model_with_loss)\n", "")
    code, report, _ = verify_run(
        write("repository", {**files, "train.py": train}), sys.executable, "train.py"
    )
    assert code == 1
    assert "running statistics moved: model.backbone.bn1, model.backbone.bn2" in details(report)
    assert "that still train" not in details(report)


@pytest.mark.parametrize(
    ("guard", "passes"), [(OVERRIDE, True), (THAW, False)], ids=["override", "no guard"]
)
def test_framework_that_calls_train_itself(
    guard: str, passes: bool, migrated: Mapping[str, str], trainable: Any, write: Write
) -> None:
    files = {**trainable(migrated), "fit.py": LIGHTNING.replace("GUARD\n", guard + "\n")}
    code, report, printed = verify_run(write("repository", files), sys.executable, "fit.py")
    assert results(report)["backbone mode"] is passes, details(report)
    assert code == (not passes)
    assert "finished" not in printed


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("-c", "print('no torch here')"), "no Python process of it imported torch"),
        (("-c", "import torch"), "the command ended before optimizer step 1"),
        (("-c", "import torch, sys; sys.exit(7)"), "ended with exit code 7 before"),
        (("-c", "import time, torch\nwhile True: time.sleep(1)"), "the command stopped after 10 s"),
    ],
    ids=["without torch", "without a step", "failing", "endless"],
)
def test_command_that_never_steps(
    command: tuple[str, ...], says: str, original: Mapping[str, str], write: Write
) -> None:
    root = write("repository", original)
    code, report, _ = verify_run(root, sys.executable, *command, timeout=10)
    assert (code, report["passed"]) == (1, False)
    assert says in report["checks"][0]["detail"]


def test_two_ranks_both_report(migrated: Mapping[str, str], trainable: Any, write: Write) -> None:
    root = write("repository", trainable(migrated))
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    code, report, _ = verify_run(root, sys.executable, *launcher, "train.py")
    assert code == 0
    assert len(report["models"]) == 2


def test_sitecustomize_of_the_user_still_runs(original: Mapping[str, str], write: Write) -> None:
    root = write("repository", {**original, "site/sitecustomize.py": "print('mine ran')\n"})
    done = subprocess.run(
        [sys.executable, "-m", "bn2gn_codemod", "verify", "--run", "--", sys.executable, "-c", ""],
        cwd=root,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "site"), *sys.path])},
    )
    assert "mine ran" in done.stderr
