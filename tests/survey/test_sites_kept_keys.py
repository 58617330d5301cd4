"""Published weights that are merged into a model's own state dict, under the names they have."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

MODEL = """\
from torch.utils import model_zoo
class SaliencyNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7)
        self.bn1 = nn.BatchNorm2d(64)  #! keep
        self.layer1 = nn.Sequential(nn.BatchNorm2d(64))  #! keep
        self.layer2 = nn.Sequential(nn.BatchNorm2d(64))  #! keep
        self.layer3 = nn.Sequential(nn.BatchNorm2d(64))  #! keep
        self.dem1 = nn.Sequential(nn.BatchNorm2d(64))  #! {added}
def saliency_net():
    net = SaliencyNet()
    url = 'https://download.pytorch.org/models/resnet50-19c8e357.pth'
{load}
    return net
"""


def model(load: str, added: str) -> str:
    return MODEL.format(load=textwrap.indent(load, " " * 4), added=added)


@pytest.mark.parametrize(
    "load",
    [
        "net.load_state_dict(model_zoo.load_url(url), strict=False)",
        "own = net.state_dict()\nread = model_zoo.load_url(url)\n"
        "read = {k: v for k, v in read.items() if k in own}\n"
        "own.update(read)\nnet.load_state_dict(own)",
        "own = net.state_dict()\nread = model_zoo.load_url(url)\n"
        "own.update({k: v for k, v in read.items() if k in own and 'fc' not in k})\n"
        "net.load_state_dict(own)",
        "own = net.state_dict()\nread = dict(model_zoo.load_url(url))\n"
        "for k, v in read.items():\n    if k in own:\n        own[k] = v\n"
        "net.load_state_dict(own)",
        "own = net.state_dict().copy()\nread = model_zoo.load_url(url)\n"
        "for k in read:\n    if k in own:\n        own[k] = read[k]\n"
        "print(own)\nnet.load_state_dict(own)",
        "read = model_zoo.load_url(url)\nnet.load_state_dict(read.copy(), strict=False)",
        "net.load_state_dict(dict(model_zoo.load_url(url)), strict=False)",
        "net.load_state_dict(model_zoo.load_url(url)['state_dict'], strict=False)",
        "import torchvision\n"
        "read = torchvision.models.resnet18(pretrained=True).state_dict()\n"
        "net.load_state_dict(read, strict=False)",
    ],
)
def test_names_are_kept(load: str) -> None:
    check(model(load, "convert"))


@pytest.mark.parametrize(
    "load",
    [
        # ``layer3`` may well fill ``dem1``.
        "own = net.state_dict()\nread = model_zoo.load_url(url)\n"
        "own.update({k.replace('layer3', 'dem1'): v for k, v in read.items()})\n"
        "net.load_state_dict(own)",
        "own = net.state_dict()\nread = model_zoo.load_url(url)\n"
        "read = {rename(k): v for k, v in read.items()}\n"
        "own.update(read)\nnet.load_state_dict(own)",
        "own = net.state_dict()\n"
        "for k, v in model_zoo.load_url(url).items():\n"
        "    own[k] = v\n    own[k.replace('layer3', 'dem1')] = v\n"
        "net.load_state_dict(own)",
        "own = net.state_dict()\nread = model_zoo.load_url(url)\n"
        "for k in own:\n    own[k] = read[k.replace('dem1', 'layer3')]\n"
        "net.load_state_dict(own)",
        "own = net.state_dict()\nread = model_zoo.load_url(url)\n"
        "for k, v in read.items():\n    k = k.replace('layer3', 'dem1')\n    own[k] = v\n"
        "net.load_state_dict(own)",
        "own, read = net.state_dict(), rename(model_zoo.load_url(url))\n"
        "own.update(read)\nnet.load_state_dict(own)",
        "own = net.state_dict()\nread = model_zoo.load_url(url)\n"
        "merge(own, read)\nown.update(read)\nnet.load_state_dict(own)",
        "own = net.state_dict()\nread = model_zoo.load_url(url)\n"
        "own.update({a: read[b] for a, b in zip(own, read)})\nnet.load_state_dict(own)",
        # What a function makes of them is not known,
        "net.load_state_dict(rename(model_zoo.load_url(url)), strict=False)",
        "net.load_state_dict(net.rename(model_zoo.load_url(url)), strict=False)",
        "read = dict(map(rename, model_zoo.load_url(url).items()))\n"
        "net.load_state_dict(read, strict=False)",
        "from collections import OrderedDict\n"
        "read = OrderedDict((rename(k), v) for k, v in model_zoo.load_url(url).items())\n"
        "net.load_state_dict(read, strict=False)",
        "own, read = net.state_dict(), model_zoo.load_url(url)\n"
        "own.update(zip(own, read.values()))\nnet.load_state_dict(own)",
        # and it is not enough that they keep their names once.
        "read = model_zoo.load_url(url)\nnet.load_state_dict(read, strict=False)\n"
        "net.load_state_dict({rename(k): v for k, v in read.items()}, strict=False)",
        "import torchvision\n"
        "read = torchvision.models.resnet18(pretrained=True).state_dict()\n"
        "net.load_state_dict({rename(k): v for k, v in read.items()}, strict=False)",
    ],
)
def test_names_may_change(load: str) -> None:
    check(model(load, "unknown"))


@pytest.mark.parametrize(
    "method",
    [
        "def _load_from_state_dict(self, state, prefix, *args):\n"
        "    super()._load_from_state_dict(renamed(state), prefix, *args)",
        "def load_state_dict(self, state, strict=True):\n"
        "    return super().load_state_dict(renamed(state), strict)",
        "def setup(self):\n    self._register_load_state_dict_pre_hook(renamed)",
    ],
)
def test_a_class_may_rename_what_is_loaded_into_it(method: str) -> None:
    load = "net.load_state_dict(model_zoo.load_url(url), strict=False)"
    text = model(load, "unknown")
    check(text.replace("def saliency_net", textwrap.indent(method, "    ") + "\ndef saliency_net"))


def test_who_is_handed_a_state_dict_does_not_know_its_names() -> None:
    text = model("fill(net, rename(model_zoo.load_url(url)))", "unknown")
    check(text + "def fill(net, state):\n    net.load_state_dict(state, strict=False)\n")
