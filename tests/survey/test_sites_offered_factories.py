"""Factories that load a whole model for who asks for it: a training may, in whatever way."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_REPOSITORY = """\
-- net.py --
import torchvision
class Model(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.neck = nn.BatchNorm2d(8)  #! {verdict}
def build(pretrained=False, classes=2, **kwargs):
    model = Model(classes)
    if pretrained:
        model.load_state_dict(torch.load('model.pth'))
    return model
def build_more(classes=2, pretrained=False):
    return build(pretrained, classes)
-- loops.py --
def loop(model, optimizer, loader):
    model.train()
    for x in loader:
        model(x).sum().backward()
        optimizer.step()
-- train.py --
import functools
from functools import partial
import net
from loops import loop
def start(args, loader):
    model = {made}
    loop(model, torch.optim.SGD(model.parameters(), 0.1), loader)
"""


@pytest.mark.parametrize(
    "made",
    [
        "net.build(pretrained=True)",
        "net.build(True)",
        "net.build(args.pretrained, 5)",
        "net.build(*args.model)",
        "net.build(**args.model)",
        "net.build(**{'pretrained': True})",
        "partial(net.build, pretrained=True)()",
        "(lambda: net.build(True))()",
        "net.build_more(5, True)",
        "net.build_more(pretrained=args.pretrained)",
        "{'net': net.build}[args.name](pretrained=True)",
    ],
)
def test_a_training_may_ask_for_it(made: str) -> None:
    check(_REPOSITORY.format(verdict="unknown", made=made))


_USER = """\
-- show.py --
import net
def show(image):
    model = net.build(pretrained=True)
    model.eval()
    return model(image)
"""


@pytest.mark.parametrize(
    "made",
    [
        "net.build()",
        "net.build(False)",
        "net.build(classes=5)",
        "net.build_more(5)",
        "net.build_more(5, pretrained=False)",
        "partial(net.build, False)()",
    ],
)
@pytest.mark.parametrize("user", ["", _USER])
def test_no_training_asks_for_it(made: str, user: str) -> None:
    check(_REPOSITORY.format(verdict="convert", made=made) + user)
