"""A file called ``decoder.py`` says that its models are new; a load that one begins with wins."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_CODE = """\
import torchvision
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.bn = nn.BatchNorm2d(8)  #! convert
class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)
-- heads/seg.py --
class Seg(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
-- train.py --
import torch
from net import Encoder, Other
from heads.seg import Seg
{script}
-- finish.py --
import torch
from heads.seg import Seg
seg = Seg()
seg.load_state_dict(torch.load(path))
seg.eval()
"""


def _code(verdict: str, script: str) -> str:
    return _CODE.format(verdict=verdict, script=script)


@pytest.mark.parametrize(
    "script",
    [
        "seg = Seg()\nseg.load_state_dict(torch.load('seg.pth'))",
        "seg = Seg()\nif args.weights:\n    seg.load_state_dict(torch.load(args.weights))",
        # Whatever the file is called: it is the outcome of some training,
        "seg = Seg()\nseg.load_state_dict(torch.load('stage1/seg_epoch_20.pth'))",
        "seg = Seg()\nseg.load_state_dict(torch.load('snapshots/seg.pth'))",
        # and that of one which somebody names as a start is no other.
        "seg = Seg()\nif args.resume or args.pretrained:\n"
        "    seg.load_state_dict(torch.load(args.weights))",
        "def fill(net, path):\n    net.load_state_dict(torch.load(path))\n"
        "seg = Seg()\nfill(seg, args.weights)",
        "models = {'seg': Seg()}\nfor name in models:\n"
        "    models[name].load_state_dict(torch.load(name))",
        # Which of the models is loaded is not told,
        "encoder, seg = Encoder(), Seg()\nfor name in ('encoder', 'seg'):\n"
        "    locals()[name].load_state_dict(saved[name])",
        "class Trainer:\n    def __init__(self):\n        self.seg = Seg()\n"
        "        for name, net in vars(self).items():\n"
        "            net.load_state_dict(torch.load(name))",
        # nor what code elsewhere does with it.
        "import tools\nseg = Seg()\ntools.restore(seg)",
    ],
)
def test_model_that_something_may_fill(script: str) -> None:
    check(_code("unknown", script))


@pytest.mark.parametrize(
    "script",
    [
        "seg = Seg()",
        # A training goes on, as a test says, or the load, or all that ask for it.
        "seg = Seg()\nif args.resume:\n    seg.load_state_dict(torch.load(args.file))",
        "seg = Seg()\nif args.start_epoch:\n    seg.load_state_dict(torch.load(args.file))",
        "seg = Seg()\nif args.file:\n    seg.load_state_dict(torch.load('snapshots/seg.pth'))",
        "def resume(net, path):\n    net.load_state_dict(torch.load(path))\n"
        "seg = Seg()\nresume(seg, args.file)",
        "def fill(net, path):\n    net.load_state_dict(torch.load(path))\n"
        "seg = Seg()\nif args.last_epoch > 0:\n    fill(seg, args.file)",
        "seg = Seg()\nif args.resume:\n    for name in ('seg',):\n"
        "        locals()[name].load_state_dict(saved[name])",
        # Another model, or the state of what is no model.
        "seg, other = Seg(), Other()\nother.load_state_dict(torch.load('other.pth'))",
        "seg = Seg()\noptimizer = make(args)\noptimizer.load_state_dict(torch.load('a.pth'))",
        # Put into a container.
        "seg = Seg()\nnet = nn.Sequential()\nnet.add_module('seg', seg)",
    ],
)
def test_model_that_nothing_is_seen_to_fill(script: str) -> None:
    check(_code("convert", script))
