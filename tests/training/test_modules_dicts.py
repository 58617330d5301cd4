"""Parts of a model that its constructor keeps in ``self._modules``."""

from __future__ import annotations

from tests.training.test_certain_freezes import frozen, plan_of

_MODEL = """
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


class A(nn.Module):
    def __init__(self):
        super().__init__()
        net = ResNet()
        net.load_state_dict(torch.hub.load_state_dict_from_url("http://a.org/resnet.pth"))
        {kept}
        self._modules["neck"] = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
"""


def test_a_part_that_is_new_is_not_frozen_for_those_around_it() -> None:
    kept = "for name, part in net._modules.items(): self._modules[name] = part"
    plan = plan_of(_MODEL.format(kept=kept), "model.A()")
    assert frozen(plan) == []
    assert plan.sites[-1].verdict == "convert"


def test_a_part_with_a_name_is_frozen_without_what_is_beside_it() -> None:
    assert frozen(plan_of(_MODEL.format(kept="self.backbone = net"), "model.A()")) == ["backbone"]
