"""Loaders that are named after the network whose weights they read."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

POSE = """\
def dw(a, b):
    return nn.Sequential(nn.Conv2d(a, b, 1), nn.BatchNorm2d(b))  #! {trunk}
class Pose(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(dw(3, 8), dw(8, 16))
        self.initial = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
        self.cpm = nn.Sequential(nn.BatchNorm2d(8))  #! {cpm}
def {loader}(net, checkpoint):
    state = net.state_dict()
    for key in state:
        if key in checkpoint:
            state[key] = checkpoint[key]
    net.load_state_dict(state)
net = Pose()
{loader}(net, torch.load('weights.pth')['state_dict'])
"""


@pytest.mark.parametrize(
    ("loader", "trunk", "cpm"),
    [
        ("load_from_mobilenet", "keep", "unknown"),
        ("init_weights_from_resnet50", "keep", "keep"),
        ("copy_params_from_vgg16", "keep", "unknown"),
        ("load_from_checkpoint", "unknown", "unknown"),
        ("load_from_file", "unknown", "unknown"),
        ("load_mobilenet", "unknown", "unknown"),  # may be all of a model of that name
        ("make_from_mobilenet", "unknown", "unknown"),
    ],
)
def test_loader_with_the_name_of_another_network(loader: str, trunk: str, cpm: str) -> None:
    """It fills what may be that network, and whether more is not known."""
    text = POSE.format(loader=loader, trunk=trunk, cpm=cpm)
    if cpm == "keep":
        text = text.replace("#! unknown", "#! keep")
    check(text)


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [("path", "convert"), ("'https://e.org/detector.pth'", "unknown")],
    ids=["a file or a URL, as the user says", "one that is published"],
)
def test_model_that_a_url_is_loaded_into(asked: str, verdict: str) -> None:
    check(
        f"""\
        import torchvision
        class Detector(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torchvision.models.resnet18(pretrained=True)
                self.neck = nn.BatchNorm2d(8)  #! {verdict}
        def tune(path):
            net = Detector()
            if 'http' in path:
                state = torch.hub.load_state_dict_from_url({asked}, map_location='cpu')
            else:
                state = torch.load(path, map_location='cpu')
            net.load_state_dict(state, strict=False)
        """
    )


_OF_OTHERS = """\
import torchvision
from hub import HubMixin
class Net(nn.Module, HubMixin):
    def __init__(self, width=8):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.dec = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
        self.last = nn.Conv2d(8, 8, 1)
class Plain(nn.Module):
    @classmethod
    def from_pretrained(cls, path):
        return cls()
-- train.py --
from net import Net, Plain
from lab.nn import {names}
net = Net()
{script}
optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        # One part is loaded by code that is not here, or some of the model is left out.
        ("restore_weights(net.dec, 'a.h5')", "unknown"),
        ("load_into(net.dec, 'a.h5')", "unknown"),
        ("restore(net.dec, path)", "unknown"),
        ("net = restore(net, path, exclude=['last'])", "unknown"),
        ("net = load_weights(net, path, skip_keys=('last.weight', 'last.bias'))", "unknown"),
        ("net = Net.from_pretrained('me/net')", "unknown"),
        ("net = Net.from_pretrained('me/net', width=8)", "unknown"),
        # The whole model may go on, another part is loaded, or nothing is.
        ("restore(net, path)", "convert"),
        ("restore(net, path, exclude=['epoch'])", "convert"),
        ("restore(net, path, exclude=last)", "convert"),
        ("restore_weights(net.trunk, 'a.h5')", "convert"),
        ("load_into(net, 'a.h5')", "convert"),
        ("show(net.dec, 'a.h5')", "convert"),
        ("reloaded(net.dec)", "convert"),
        ("other = Plain.from_pretrained('me/net')", "convert"),
    ],
)
def test_loader_of_another_package(script: str, verdict: str) -> None:
    names = "restore, restore_weights, load_into, load_weights, show, reloaded"
    check(_OF_OTHERS.format(script=script, verdict=verdict, names=names))


def test_finished_model_of_a_hub() -> None:
    text = _OF_OTHERS.format(
        script="net = Net.from_pretrained('me/net').eval()", verdict="convert", names="show"
    )
    check(text.replace("optimizer = torch.optim.SGD(net.parameters(), 0.1)", ""))
