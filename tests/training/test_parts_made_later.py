"""A backbone that a method makes after the constructor is not frozen before there is one."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import plan_of

_MODEL = """\
-- net.py --
import torchvision
class Base(nn.Module):
    def __init__(self):
        super().__init__()
        {begin}
    def build(self, classes):
        self._make()
    def _make(self):
        raise NotImplementedError
class Net(Base):
    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(4, 4, 1)
        {made}
    def _make(self):
        self.backbone = torchvision.models.resnet18(pretrained=True)
-- train.py --
from net import Net
class Solver:
    def __init__(self, net):
        self.net = net
        {before}
    def start(self, loader):
        {later}
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1)
        self.net.train()
        for x in loader:
            self.net(x).sum().backward()
def main(loader):
    net = Net()
    {main}
    Solver(net).start(loader)
"""


def _is_frozen(**parts: str) -> bool:
    every = dict.fromkeys(("begin", "made", "before", "later", "main"), "pass")
    return any(file.freezes for file in plan_of(_MODEL.format(**{**every, **parts})).files)


def test_nothing_is_there_yet() -> None:
    assert not _is_frozen(later="self.net.build(4)")
    assert not _is_frozen(later="self.net.build(4)", made="self.backbone = None")


@pytest.mark.parametrize(
    "parts",
    [
        {"begin": "self.build(4)"},
        {"made": "self._make()"},
        {"made": "self.backbone = torchvision.models.resnet34(pretrained=True)"},
        {"main": "net.build(4)"},
    ],
)
def test_it_is_there(parts: dict[str, str]) -> None:
    assert _is_frozen(**parts)
