"""The sample repository, migrated and verified from one end to the other."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SAMPLE = Path(__file__).parents[2] / "fixtures" / "satmot"


def bn2gn(*arguments: str | Path, cwd: Path) -> tuple[int, dict[str, Any], str]:
    """Exit code, JSON report and stderr."""
    command = [sys.executable, "-m", "bn2gn_codemod", *map(str, arguments)]
    command[4:4] = ["--output-format", "json"]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample") / "satmot"
    shutil.copytree(SAMPLE, root)
    code, _, printed = bn2gn("migrate", "--verify", cwd=root)
    assert code == 0, printed
    return root


def test_every_model_is_found_and_verified(migrated: Path) -> None:
    code, report, _ = bn2gn("verify", "--before", SAMPLE, cwd=migrated)
    assert code == 0, report
    assert len(report["models"]) == 3
    for model in report["models"]:
        before, after = model["before"]["norms"], model["after"]["norms"]
        assert before.keys() == after.keys()
        for top, kinds in before.items():
            assert sum(kinds.values()) == sum(after[top].values())
            is_backbone = top in ("backbone", "base_layer", "base")
            assert set(after[top]) == {"BatchNorm2d" if is_backbone else "GroupNorm"}


@pytest.mark.parametrize("name", ["DLADCN", "ResFPN"])
def test_first_real_iteration(name: str, migrated: Path) -> None:
    training = [sys.executable, "train_satmtb.py", "--num_iters", "2", "--model_name", name]
    code, report, printed = bn2gn("verify", "--run", "--", *training, cwd=migrated)
    assert code == 0, (report, printed)
    (model,) = report["models"]
    assert [check["name"] for check in model["checks"]] == [
        "backbone mode",
        "frozen tensors",
        "optimizer",
    ]


def test_first_real_iteration_of_the_unmigrated_sample(tmp_path: Path) -> None:
    root = tmp_path / "satmot"
    shutil.copytree(SAMPLE, root)
    training = [sys.executable, "train.py", "--num_iters", "2"]
    code, report, _ = bn2gn("verify", "--run", "--", *training, cwd=root)
    assert code == 1
    (mode, *_) = report["models"][0]["checks"]
    assert not mode["passed"]
    assert "ran in train mode: model.backbone.base_layer.1" in mode["detail"]
