"""Frozen for real: MMEngine's own Runner trains two epochs, and the backbone is as it was."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from tests import warm
from tests.audit.conftest import migrate

TRAINER = Path(__file__).with_name("trainer.py")
SYNTHETIC = "configs/llvip/stage2_kaist_synthetic.py"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a training left the same, by key of the state dict, and what it trained."""

    same: dict[str, bool]
    trainable: list[str]
    held: list[str]
    iter: int

    def moved(self, part: str) -> list[str]:
        return [key for key, same in self.same.items() if key.startswith(part) and not same]

    def still(self, part: str) -> list[str]:
        return [key for key, same in self.same.items() if key.startswith(part) and same]


def train(python: warm.Python, root: Path, config: str = SYNTHETIC, *launcher: str) -> Trained:
    done = python.run(*launcher, str(TRAINER), config, cwd=root, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr[-3000:]
    return Trained(**json.loads(done.stdout.splitlines()[-1]))


def test_unfixed_config_moves_the_backbones_statistics(python: warm.Python, sample: Path) -> None:
    trained = train(python, sample)
    moved = trained.moved("backbone")
    assert [key for key in moved if key.endswith(STATISTICS)]
    assert [name for name in trained.trainable if name.startswith("backbone")]


def test_migrated_config_keeps_the_backbone_bit_for_bit(
    python: warm.Python, migrated_sample: Path
) -> None:
    trained = train(python, migrated_sample)
    assert trained.iter == 6  # two epochs of three
    assert trained.moved("backbone") == []
    assert trained.still("neck") == []
    assert trained.still("rpn_head") == []
    assert trained.still("roi_head") == []
    assert not [name for name in trained.trainable if name.startswith("backbone")]


# A backbone that cannot freeze itself: its arguments are taken away.
WITHOUT_STAGES = """\
from mmengine.registry import MODELS

from irdet.resnet import ResNet


@MODELS.register_module()
class PlainNet(ResNet):
    def __init__(self):
        super().__init__(depth=50)
"""
PLAIN = """\
_base_ = ['./stage2_kaist_synthetic.py']
custom_imports = dict(imports=['irdet', 'irdet.plain'])
model = dict(backbone=dict(_delete_=True, type='PlainNet'))
optim_wrapper = dict(
    paramwise_cfg=dict(_delete_=True, custom_keys=KEYS))
"""
LOOPS = {
    "epochs": "",
    "iterations": "train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=6)\n"
    "param_scheduler = []\n",
}


@pytest.fixture
def hooked(sample: Path) -> Path:
    """The sample with the backbone that takes the hook, migrated."""
    (sample / "irdet/plain.py").write_text(WITHOUT_STAGES)
    for name, loop in LOOPS.items():
        text = PLAIN.replace("KEYS", "{'backbone': dict(lr_mult=0.0)}")
        (sample / f"configs/llvip/{name}.py").write_text(text + loop)
    keys = "{'backbone': dict(lr_mult=0.0), 'backbone.layer4': dict(lr_mult=1.0)}"
    (sample / "configs/llvip/last.py").write_text(PLAIN.replace("KEYS", keys))
    return migrate(sample)


@pytest.mark.parametrize("loop", LOOPS)
def test_hook_freezes(python: warm.Python, hooked: Path, loop: str) -> None:
    trained = train(python, hooked, f"configs/llvip/{loop}.py")
    assert trained.moved("backbone") == []
    assert trained.still("neck") == []
    assert not [name for name in trained.held if name.startswith("backbone")]


def test_hook_leaves_what_is_named_trainable(python: warm.Python, hooked: Path) -> None:
    trained = train(python, hooked, "configs/llvip/last.py")
    outside = [key for key in trained.moved("backbone") if not key.startswith("backbone.layer4")]
    assert outside == []
    assert trained.still("backbone.layer4") == []


def test_hook_freezes_under_distributed_data_parallel(python: warm.Python, hooked: Path) -> None:
    torchrun = ("-m", "torch.distributed.run", "--nproc_per_node=2", "--master_port=0")
    trained = train(python, hooked, "configs/llvip/epochs.py", *torchrun, "--rdzv-backend=c10d")
    assert trained.moved("backbone") == []
    assert trained.still("neck") == []


def test_hook_that_names_nothing_stops_the_training(python: warm.Python, hooked: Path) -> None:
    file = hooked / "configs/llvip/epochs.py"
    file.write_text(file.read_text().replace("names=['backbone']", "names=['bakcbone']"))
    done = python.run(str(TRAINER), "configs/llvip/epochs.py", cwd=hooked, env=ENVIRONMENT)
    assert done.returncode != 0
    assert "FreezeHook: no parameter is named ['bakcbone']" in done.stderr
