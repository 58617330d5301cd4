"""Files that a training of another package starts from: fastai, Lightning, DeepSpeed, mmengine."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_NET = """\
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.dec = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
-- train.py --
import torch
{imports}
from net import Net
{script}
"""

_LIGHTNING = """\
class System(pl.LightningModule):
    def __init__(self, cfg):
        super().__init__()
        self.model = Net()
    def configure_optimizers(self):
        return torch.optim.Adam(self.model.parameters())
def main(cfg):
    system = System(cfg)
    {load}
    pl.Trainer().fit(system)
"""

_DEEPSPEED = """\
net = Net()
engine, optimizer, _, _ = deepspeed.initialize(model=net, model_parameters=net.parameters())
engine.load_checkpoint({given})
for batch in data:
    engine.backward(engine(batch))
    engine.step()
"""

_RUNNER = "runner = Runner(model=Net(), work_dir='w', {given})\nrunner.train()"
_LEARNER = "learn = Learner(data, Net())\n{load}\nlearn.fit_one_cycle(3)"


@pytest.mark.parametrize(
    ("imports", "script"),
    [
        ("from mmengine.runner import Runner", _RUNNER.format(given="load_from='w/seg.pth'")),
        ("from mmengine.runner import Runner", _RUNNER.format(given="load_from=args.file")),
        ("from fastai.learner import Learner", _LEARNER.format(load="learn.load('w/stage-1')")),
        ("import pytorch_lightning as pl", _LIGHTNING.format(
            load="system = System.load_from_checkpoint(cfg.file, cfg=cfg)"
        )),
        ("import pytorch_lightning as pl", _LIGHTNING.format(
            load="system = system.load_from_checkpoint(cfg.file, cfg=cfg, strict=False)"
        )),
        ("import deepspeed", _DEEPSPEED.format(given="folder, load_module_only=True")),
        ("import deepspeed", _DEEPSPEED.format(given="folder, load_optimizer_states=False")),
        (
            "import torch.distributed.checkpoint as dcp",
            "net = Net()\nstate = net.state_dict()\ndcp.load(state, checkpoint_id='pre/seg')\n"
            "net.load_state_dict(state)\noptimizer = torch.optim.SGD(net.parameters(), 0.1)",
        ),
    ],
)  # fmt: skip
def test_training_that_starts_from_a_file(imports: str, script: str) -> None:
    check("-- net.py --\n" + _NET.format(imports=imports, script=script, verdict="unknown"))


@pytest.mark.parametrize(
    ("imports", "script"),
    [
        # Nothing is loaded, or where training left off,
        ("from mmengine.runner import Runner", _RUNNER.format(given="load_from=None")),
        ("from mmengine.runner import Runner", _RUNNER.format(given="resume=True")),
        ("import deepspeed", _DEEPSPEED.format(given="folder")),
        ("import pytorch_lightning as pl", _LIGHTNING.format(load="print(cfg.file)")),
        # only if that is asked for,
        ("from fastai.learner import Learner", _LEARNER.format(
            load="if args.go_on:\n    learn.load('w/last')"
        )),
        ("import pytorch_lightning as pl", _LIGHTNING.format(
            load="if cfg.go_on:\n        system = System.load_from_checkpoint(cfg.file)"
        )),
        # or when all is over.
        (
            "from fastai.learner import Learner",
            "learn = Learner(data, Net())\nlearn.fit(3)\nlearn.load('w/best')",
        ),
    ],
)  # fmt: skip
def test_training_that_need_not_start_from_a_file(imports: str, script: str) -> None:
    check("-- net.py --\n" + _NET.format(imports=imports, script=script, verdict="convert"))


_OWN = """\
-- net.py --
import pytorch_lightning as pl
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! unknown
class ResNet(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7)
        self.bn1 = nn.BatchNorm2d(8)  #! unknown
        self.layer1 = nn.Sequential(Block())
        self.layer2 = nn.Sequential(Block())
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)
-- train.py --
import pytorch_lightning as pl
from fastai.learner import Learner
from mmengine.runner import Runner
from net import ResNet
{script}
"""


@pytest.mark.parametrize(
    "script",
    [
        "net = ResNet()\ntrainer = pl.Trainer()\ntrainer.fit(net)\n"
        "trainer.test(ResNet.load_from_checkpoint('best.ckpt'))",
        "net = ResNet.load_from_checkpoint('https://a.org/best.ckpt')\npl.Trainer().test(net)",
        "learn = Learner(data, ResNet())\nlearn.fit(3)\nlearn.save('runs/a')\nlearn.load('runs/a')",
        "runner = Runner(model=ResNet(), load_from='runs/a.pth')\nrunner.test()",
    ],
)
def test_what_a_training_has_made_is_no_pretrained_backbone(script: str) -> None:
    plan = check(_OWN.format(script=script))
    assert not [file for file in plan.files if file.freezes]
