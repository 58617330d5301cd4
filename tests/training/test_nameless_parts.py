"""Pretrained layers below names that are not known, beside others that a pattern finds."""

from __future__ import annotations

import pytest

from tests.training.test_certain_freezes import plan_of

_MODEL = """
import torchvision


class Stage(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(4)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 7)
        self.bn1 = nn.BatchNorm2d(4)
        self.layer1 = Stage()
        self.layer2 = Stage()
        self.layer3 = Stage()


def resnet():
    net = ResNet()
    net.load_state_dict(torch.hub.load_state_dict_from_url("http://a.org/resnet.pth"))
    return net


class A(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        net = resnet()
        {more}
"""


def _plan(more: str) -> tuple[list[str], list[str]]:
    plan = plan_of(_MODEL.format(more=more), "model.A()")
    names = [name for script in plan.train_scripts if script.fix for name in script.backbone]
    return names, [script.reason for script in plan.train_scripts]


@pytest.mark.parametrize(
    "more",
    [
        "for name, part in net.named_children(): setattr(self, name, part)",
        "for name, part in net._modules.items(): self._modules[name] = part",
        "for name, part in net.named_children(): self.add_module(name, part)",
    ],
)
def test_no_freeze_passes_by_parts_without_a_name(more: str) -> None:
    names, reasons = _plan(more)
    assert names == []
    assert "below a name that is not known" in reasons[0]


@pytest.mark.parametrize(
    ("more", "names"),
    [
        # They have names elsewhere in the model,
        ("self.net = net\n        for key, part in net.named_children(): setattr(self, key, part)",
         ["backbone", "net"]),
        # or there are none that are pretrained.
        ("for name in ('up', 'down'): setattr(self, name, nn.BatchNorm2d(4))", ["backbone"]),
        ("for name in ('up', 'down'): self._modules[name] = nn.BatchNorm2d(4)", ["backbone"]),
        ("for name, part in net.named_children(): print(name)", ["backbone"]),
    ],
)  # fmt: skip
def test_what_has_a_name_is_frozen(more: str, names: list[str]) -> None:
    assert sorted(_plan(more)[0]) == names
