"""A backbone that a method makes after the constructor is not frozen before there is one."""

from __future__ import annotations

import pytest

from tests.training.test_certain_freezes import plan_of

_MODEL = """
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
"""


def _frozen(begin: str = "pass", made: str = "pass") -> list[str]:
    plan = plan_of(_MODEL.format(begin=begin, made=made), "model.Net()")
    return [name for script in plan.train_scripts if script.fix for name in script.backbone]


def test_nothing_is_there_yet() -> None:
    assert _frozen() == []
    assert _frozen(made="self.backbone = None") == []


@pytest.mark.parametrize(
    ("begin", "made"),
    [
        ("self.build(4)", "pass"),
        ("pass", "self._make()"),
        ("pass", "self.build(4)"),
        ("pass", "self.backbone = torchvision.models.resnet34(pretrained=True)"),
    ],
)
def test_the_constructor_makes_it(begin: str, made: str) -> None:
    assert _frozen(begin, made) == ["backbone"]
