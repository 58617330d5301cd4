"""Finished models, published for others: what they say of the model that is trained."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

_NET = """\
-- net.py --
from torch.utils.model_zoo import load_url
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
        {encoder}
class Matting(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Encoder()
        self.decoder = nn.BatchNorm2d(8)  #! {decoder}
"""
_LOADED = "self.load_state_dict(load_url('https://example.com/encoder.pth'))"
_HUB = """\
-- {path} --
from torch.hub import load_state_dict_from_url
from net import Matting
def matting(pretrained=True):
    model = Matting()
    if pretrained:
        model.load_state_dict(load_state_dict_from_url('https://example.com/matting.pth'))
    return model
"""
_TRAIN = """\
-- train.py --
{imported}
def main(loader):
    model = {made}
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for x in loader:
        model(x).sum().backward()
        optimizer.step()
"""


def _repository(
    decoder: str,
    encoder: str = _LOADED,
    path: str = "hubconf.py",
    imported: str = "from net import Matting",
    made: str = "Matting()",
) -> str:
    net = _NET.format(encoder=encoder, decoder=decoder)
    train = _TRAIN.format(imported=imported, made=made)
    return net + _HUB.format(path=path) + train


def test_model_offered_on_the_hub_and_trained_from_its_backbone() -> None:
    text = _repository("convert")
    check(text)
    [script] = plan_of(text).train_scripts
    assert script.backbone == ("backbone",)


def test_model_that_a_function_makes_for_the_training() -> None:
    text = _repository("convert", imported="from build import build", made="build()")
    check(text + "-- build.py --\nfrom net import Matting\ndef build():\n    return Matting()\n")


@pytest.mark.parametrize(
    "text",
    [
        # Any other file may be what the training starts from.
        _repository("unknown", path="models.py"),
        # The training starts from what the hub gives.
        _repository("unknown", imported="from hubconf import matting", made="matting()"),
        _repository("unknown", made="Matting() or torch.hub.load('me/matting', 'matting')"),
        # Nothing is loaded but the whole.
        _repository("unknown", encoder="pass"),
        # Nobody trains it.
        _NET.format(encoder=_LOADED, decoder="unknown") + _HUB.format(path="hubconf.py"),
    ],
)
def test_model_that_may_be_trained_from_the_finished_one(text: str) -> None:
    check(text)


def test_network_offered_on_the_hub_is_a_backbone() -> None:
    check(
        """\
        -- resnet.py --
        class ResNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn1 = nn.BatchNorm2d(8)  #! keep
                self.layer1 = nn.BatchNorm2d(8)  #! keep
                self.layer2 = nn.BatchNorm2d(8)  #! keep
                self.layer3 = nn.BatchNorm2d(8)  #! keep
        -- hubconf.py --
        from resnet import ResNet
        from torch.hub import load_state_dict_from_url
        def resnet():
            model = ResNet()
            model.load_state_dict(load_state_dict_from_url('https://example.com/resnet.pth'))
            return model
        -- train.py --
        from resnet import ResNet
        def main(loader):
            model = ResNet()
            optimizer = torch.optim.SGD(model.parameters(), 0.1)
            for x in loader:
                model(x).sum().backward()
        """
    )


_PART = """\
-- net.py --
class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class Seg(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = Layer()
        self.aspp = nn.Conv2d(8, 2, 1)
class Multi(nn.Module):
    def __init__(self, base):
        super().__init__()
        self.base = base
-- {path} --
from torch.hub import load_state_dict_from_url
from net import Multi, Seg
def seg(pretrained=True):
    model = Multi(Seg())
    model.load_state_dict(load_state_dict_from_url('https://example.com/seg.pth'))
    return model
-- train.py --
from net import Multi, Seg
def main(loader):
    model = Multi(Seg())
    model.base.load_state_dict(torch.load('init.pth'), strict=False)
    model = nn.DataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model.train()
    for x in loader:
        model(x).sum().backward()
        optimizer.step()
"""


def test_finished_model_hides_no_load_of_the_train_script() -> None:
    text = _PART.format(path="hubconf.py", verdict="keep")
    check(text)
    [script] = plan_of(text).train_scripts
    assert script.backbone == ("base",)
    check(_PART.format(path="hub.py", verdict="unknown"))


_NETWORK = """\
-- net.py --
class Pose(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! {verdict}
        self.layer1 = nn.BatchNorm2d(8)  #! {verdict}
        self.final_layer = nn.Conv2d(8, 17, 1)
    def init_weights(self, pretrained):
        own = self.state_dict()
        saved = {read}
        self.load_state_dict({{k: v for k, v in saved.items() if k in own}}, strict=False)
def get_pose(path):
    model = Pose()
    model.init_weights(path)
    return model
-- {path} --
from net import Pose
def pose(pretrained=True):
    model = Pose()
    if pretrained:
        model.load_state_dict(torch.load("pose.pth"), strict=True)
    return model
-- train.py --
from net import get_pose
{hub}
def main(loader, path):
    model = get_pose(path)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for x in loader:
        model(x).sum().backward()
        optimizer.step()
"""


def _network(
    verdict: str, path: str = "hubconf.py", read: str = "torch.load(pretrained)", hub: str = ""
) -> str:
    return _NETWORK.format(verdict=verdict, path=path, read=read, hub=hub)


def test_finished_network_hides_no_load_of_its_own() -> None:
    text = _network("keep")
    check(text)
    [script] = plan_of(text).train_scripts
    assert script.backbone == ("bn1", "layer1")


@pytest.mark.parametrize(
    "text",
    [
        # Any other file may be what the training starts from, and so may be what the hub gives.
        _network("unknown", path="models.py"),
        _network("unknown", hub="import hubconf"),
        # The network loads nothing.
        _network("unknown", read="own"),
        # Nobody trains it.
        _network("unknown").replace(".backward()", ".item()"),
    ],
)
def test_network_that_may_be_trained_from_the_finished_one(text: str) -> None:
    check(text)
