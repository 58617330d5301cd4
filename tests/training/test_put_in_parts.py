"""What code puts into a pretrained network is new: the freeze of the network would catch it."""

from __future__ import annotations

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.settings import Settings
from tests.training.test_certain_freezes import plan_of

_MODEL = """
from torchvision.models.resnet import BasicBlock


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(4)


class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = torchvision.models.resnet18(pretrained=True).layer1


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        self.load_state_dict(model_zoo.load_url("https://example.org/resnet18.pth"))


class Around(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer


def fused(layer, other):
    return layer or other


class Task(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = {made}
        {put_in}
        self.head = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
"""
_LIBRARY = "torchvision.models.resnet18(pretrained=True)"


def _plan(made: str, put_in: str, settings: Settings = Settings()) -> Plan:  # noqa: B008
    return plan_of(_MODEL.format(made=made, put_in=put_in), "model.Task()", settings)


def _frozen(plan: Plan) -> list[str]:
    return [name for script in plan.train_scripts if script.fix for name in script.backbone]


@pytest.mark.parametrize("made", [_LIBRARY, "Trunk()", "ResNet()"])
@pytest.mark.parametrize("part", ["Block()", "BasicBlock(4, 4)"])
def test_a_block_in_the_place_of_another(made: str, part: str) -> None:
    plan = _plan(made, f"self.backbone.layer1[0] = {part}")
    assert _frozen(plan) == []
    assert "it would freeze Task.backbone as well" in plan.train_scripts[0].reason
    put_in = [site for site in plan.sites if site.place.line in (13, 43)]
    assert "keep" not in {str(site.verdict) for site in put_in}
    assert "convert" not in {str(site.verdict) for site in put_in}


@pytest.mark.parametrize(
    "put_in",
    [
        "self.backbone.layer1 = nn.Sequential(Block())",
        "self.backbone.fc = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))",
        "self.backbone.bn1 = nn.BatchNorm2d(4)",
        "self.backbone.layer1.append(Block())",
        "self.backbone.layer1.add_module('2', Block())",
        "self.backbone.add_module('more', Block())",
        "setattr(self.backbone, 'more', Block())",
    ],
)
def test_other_ways_into_a_network_of_a_library(put_in: str) -> None:
    plan = _plan(_LIBRARY, put_in)
    assert _frozen(plan) == []
    reason = plan.train_scripts[0].reason
    assert "what is put there (model.py:43)" in reason
    settings = Settings(backbone=("Task.backbone",))
    assert 'backbone = ["Task.backbone"]' in reason
    assert _frozen(_plan(_LIBRARY, put_in, settings)) == ["backbone"]


@pytest.mark.parametrize(
    "put_in",
    [
        "pass",
        # No BatchNorm is in there.
        "self.backbone.conv1 = nn.Conv2d(4, 4, 1)",
        "self.backbone.fc = nn.Sequential(nn.Linear(4, 4), nn.ReLU())",
        "self.backbone.layer4 = nn.Identity()",
        # The network has them itself.
        "self.backbone.layer0 = nn.Sequential(self.backbone.conv1, self.backbone.bn1)",
        "self.backbone.out_channels = 512",
        "self.backbone.fc = Around(self.backbone.fc)",
        # That goes over the layers that are there.
        "for name, layer in self.backbone.named_children():\n"
        "            setattr(self.backbone, name, fused(layer, Block()))",
        # It is beside the network, not in it.
        "parts = [self.backbone]\n        parts[0] = Block()",
        # Weights of all of it come after that.
        "self.backbone.bn1 = nn.BatchNorm2d(4)\n        if self.training:\n"
        "            self.backbone.load_state_dict(model_zoo.load_url('https://x.org/r.pth'))",
        "self.backbone.bn1 = nn.BatchNorm2d(4)\n"
        "        self.backbone.load_state_dict(model_zoo.load_url('https://example.org/r.pth'))",
    ],
)
def test_what_changes_nothing(put_in: str) -> None:
    assert _frozen(_plan(_LIBRARY, put_in)) == ["backbone"]


@pytest.mark.parametrize("test", ["self.arch == 'inception'", "'inception' in self.arch"])
def test_weights_for_another_kind_of_network_are_not_for_the_block(test: str) -> None:
    put_in = f"""self.backbone.bn1 = nn.BatchNorm2d(4)
        if {test}:
            self.backbone.load_state_dict(model_zoo.load_url('https://example.org/r.pth'))"""
    plan = _plan(_LIBRARY, put_in)
    assert _frozen(plan) == []
    assert "what is put there (model.py:43)" in plan.train_scripts[0].reason
    settings = Settings(backbone=("Task.backbone",))
    assert _frozen(_plan(_LIBRARY, put_in, settings)) == ["backbone"]


@pytest.mark.parametrize("made", ["Trunk()", "ResNet()"])
def test_a_network_into_which_nothing_is_put(made: str) -> None:
    assert _frozen(_plan(made, "self.neck = Block()")) == ["backbone"]


def test_weights_that_are_loaded_after_that_are_for_the_block_too() -> None:
    model = _MODEL.replace(
        "        self.load_state_dict",
        "    def init(self):\n        pass\n        self.load_state_dict",
    )
    put_in = "self.backbone.layer1[0] = Block()\n        self.backbone.init()"
    plan = plan_of(model.format(made="ResNet()", put_in=put_in), "model.Task()")
    assert "backbone" in _frozen(plan)
