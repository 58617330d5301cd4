"""Checkpoints of before the migration, read by the probe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bn2gn_codemod.probing import Interpreter, probe
from bn2gn_codemod.snapshot import Load
from tests import warm

Write = Callable[[str, Mapping[str, str]], Path]

pytestmark = pytest.mark.usefixtures("warm_probes")

# Before, the model had BatchNorm in the place of GroupNorm.
SAVE = """\
import argparse, sys, torch
from torch import nn
state = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).state_dict()
path = sys.argv[1]
"""
MODEL = """\
from torch import nn

def get_model():
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.GroupNorm(2, 4))
"""
STATISTICS = ("1.running_mean", "1.running_var", "1.num_batches_tracked")


@pytest.fixture
def load(python: warm.Python, write: Write, tmp_path: Path) -> Callable[[str], Load]:
    """What becomes of a checkpoint that this statement saves."""

    def load(statement: str) -> Load:
        old = tmp_path / "old.pth"
        python.run("-c", SAVE + statement, str(old), cwd=tmp_path).check_returncode()
        model = {"factory": "model:get_model", "inputs": [[1, 3, 4, 4]], "checkpoint": str(old)}
        root = write("repository", {"model.py": MODEL})
        outcome = probe({"models": [model]}, root, Interpreter(timeout=120))
        found = outcome.snapshot.models[0].load
        assert found is not None
        return found

    return load


@pytest.mark.parametrize(
    "statement",
    [
        "torch.save(state, path)",
        "torch.save({'epoch': 3, 'state_dict': state}, path)",
        "torch.save({'model': {'module.' + k: v for k, v in state.items()}}, path)",
        "torch.save({'_orig_mod.' + k: v for k, v in state.items()}, path)",
        "torch.save(state, path, _use_new_zipfile_serialization=False)",
    ],
    ids=["bare", "state_dict", "model, wrapped", "compiled", "legacy format"],
)
def test_only_running_statistics_are_skipped(statement: str, load: Callable[[str], Load]) -> None:
    assert load(statement) == Load(unexpected=STATISTICS)


def test_missing_keys_are_named(load: Callable[[str], Load]) -> None:
    assert load("del state['0.weight']; torch.save(state, path)").missing == ("0.weight",)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("torch.save({'0.weight': torch.zeros(3)}, path)", "size mismatch for 0.weight"),
        ("torch.save({'options': argparse.Namespace()}, path)", "argparse.Namespace"),
        ("torch.save([1, 2], path)", "holds no state dict"),
        ("open(path, 'wb').write(b'junk')", "cannot be read with weights_only=True"),
        ("open(path, 'wb')", "cannot be read with weights_only=True"),
    ],
    ids=["wrong shape", "wants a global", "no state dict", "junk", "empty"],
)
def test_unusable_checkpoint_is_one_line(
    statement: str, says: str, load: Callable[[str], Load]
) -> None:
    error = load(statement).error
    assert says in error
    assert "\n" not in error
