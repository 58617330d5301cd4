"""A backbone that is only called so is frozen, and the report says that no weights are seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

SCRIPT = """
import torch
import torchvision
from torch import nn

class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
        {body}

class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)

class Net(nn.Module):
    def __init__(self, pretrained=None):
        super().__init__()
        self.{attribute} = {made}
        self.head = nn.Conv2d(8, 4, 1)
        {net}

{helpers}
def main(path):
    net = Net()
    {more}
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    optimizer.step()
"""
LOAD = """
def load(net, path):
    net.load_state_dict(torch.load(path), strict=False)
    return net
"""
BUILD = """
def build(pretrained=None):
    body = Body()
    if pretrained is not None:
        body = load(body, pretrained)
    return body
"""
HUB = """
def detector(pretrained=False):
    net = Net()
    if pretrained:
        net.load_state_dict(torch.hub.load_state_dict_from_url('http://a.org/net.pth'))
    return net
"""
FILL = """pass

    def fill(self):
        self.load_state_dict(torch.load('body.pth'))
"""
INIT = """
    def init_weights(self, path):
        {code}
"""
SAID = "a backbone by its name alone (no load of weights into it alone is seen)"


def message(**parts: str) -> str:
    names = dict.fromkeys(("helpers", "body", "net"), "")
    names |= {"attribute": "backbone", "made": "Body()", "more": "pass"}
    text = SCRIPT.format(**{**names, **parts})
    read = SourceFile.from_bytes("train.py", text.encode())
    plan = plan_repository(Repository(Path("/repository"), (read,)), Settings())
    assert any(file.freezes for file in plan.files)
    [found] = [found.message for found in findings(plan) if found.code == "BN201"]
    return found


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"made": "ResNet()"},
        {"made": "ResNet()", "attribute": "base"},
        # of the finished model, or of what stands beside
        {"more": "net.load_state_dict(torch.load(path)['state'])"},
        {"more": "net.head.load_state_dict(torch.load(path))"},
        # of another object of the same kind
        {"more": "load(Body(), path)", "helpers": LOAD},
        # which goes into whole models as well
        {"made": "load(Body(), 1)", "more": "load(net, path)", "helpers": LOAD},
        # what nothing calls
        {"helpers": HUB},
        {"helpers": HUB, "more": "net.load_state_dict(torch.load(path)['state'])"},
        {"body": FILL},
        {"net": FILL.replace("self.load", "self.backbone.load")},
        {
            "body": INIT.format(code="load(self, path)"),
            "net": INIT.format(code="self.backbone.init_weights(path)"),
            "more": "load(net, path)",
            "helpers": LOAD,
        },
    ],
)
def test_names_alone(parts: dict[str, str]) -> None:
    assert SAID in message(**parts)


@pytest.mark.parametrize(
    "parts",
    [
        {"made": "torchvision.models.resnet18(weights='DEFAULT')"},
        {"body": "self.load_state_dict(torch.load('body.pth'))"},
        {"made": "build(pretrained)", "helpers": LOAD + BUILD},
        {
            "body": FILL,
            "more": "net.backbone.fill()",
        },
        {
            "body": FILL,
            "more": "getattr(net.backbone, 'fill')()",
        },
        {
            "body": INIT.format(code="load(self, path)"),
            "net": "self.init_weights(1)\n" + INIT.format(code="self.backbone.init_weights(path)"),
            "helpers": LOAD,
        },
        {"helpers": HUB, "more": "net = detector(True)"},
        {"helpers": HUB, "more": "net = globals()[path](True)"},
        {"helpers": f"{HUB}\nMAKERS = {{'net': detector}}"},
        {"helpers": f"{HUB}\n__all__ = ['detector']"},
        {"helpers": HUB.replace("    return net\n", "")},
        {"net": "self.backbone.load_state_dict(torch.load('body.pth'))"},
        {"more": "net.backbone.load_state_dict(torch.load(path))"},
        {"more": "net.load_state_dict(torch.hub.load_state_dict_from_url(path), strict=False)"},
    ],
)
def test_weights_that_are_loaded(parts: dict[str, str]) -> None:
    assert "a backbone by its name" not in message(**parts)


FROM_SCRATCH = "every load in the repository may be one that resumes"


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"more": "net.load_state_dict(torch.load(path)['state'])"},
        {"more": "if path:\n        net.load_state_dict(torch.load(path))"},
    ],
)
def test_nothing_is_loaded_but_to_resume(parts: dict[str, str]) -> None:
    found = message(**parts)
    assert SAID in found
    assert FROM_SCRATCH in found
    assert 'freeze = "none"' in found


@pytest.mark.parametrize(
    "parts",
    [
        # something is, though not into the backbone
        {"more": "other = torchvision.models.resnet18(weights='DEFAULT')"},
        {"more": "ResNet().load_state_dict(torch.hub.load_state_dict_from_url(path))"},
        {"body": FILL},
        # or it is
        {"net": "self.backbone.load_state_dict(torch.load('body.pth'))"},
    ],
)
def test_something_is_loaded(parts: dict[str, str]) -> None:
    assert FROM_SCRATCH not in message(**parts)


OTHER = """
class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
"""
OUTER = """
class Outer(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net
"""
UNSTARTED = "every load into this model may be one that resumes"


@pytest.mark.parametrize(
    ("parts", "is_unstarted"),
    [
        # another program of the repository has weights for its own model
        ({"more": "other = torchvision.models.resnet18(weights='DEFAULT')"}, True),
        (
            {
                "helpers": OTHER,
                "more": "Other().load_state_dict(torch.hub.load_state_dict_from_url(path))",
            },
            True,
        ),
        (
            {
                "helpers": OTHER,
                "more": "Other().body.load_state_dict(torch.hub.load_state_dict_from_url(path))",
            },
            True,
        ),
        # into what holds the model, into a part of it, or beside it
        (
            {
                "helpers": OUTER,
                "more": "Outer(net).load_state_dict(torch.hub.load_state_dict_from_url(path))",
            },
            False,
        ),
        ({"more": "net.head.load_state_dict(torch.hub.load_state_dict_from_url(path))"}, False),
        ({"more": "net.other = torchvision.models.resnet18(weights='DEFAULT')"}, False),
        ({"body": FILL}, False),
    ],
)
def test_loads_of_the_model_itself(parts: dict[str, str], is_unstarted: bool) -> None:
    assert (UNSTARTED in message(**parts)) is is_unstarted


RESTORED = """state = torch.load(path)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    net.load_state_dict(state['net'])
    optimizer.load_state_dict(state['optimizer'])"""
GUARDED = """optimizer = torch.optim.SGD(net.parameters(), 0.1)
    if path:
        state = torch.load(path)
        net.load_state_dict(state['net'])
        if 'optimizer' in state:
            optimizer.load_state_dict(state['optimizer'])"""
RESUME = """
def resume(net, path):
    net.load_state_dict(torch.load(path))
"""


def planned(parts: dict[str, str], settings: Settings = Settings()) -> tuple[bool, str]:  # noqa: B008
    """Whether a freeze is written for a model that speaks of no weights, and what is said."""
    names = dict.fromkeys(("helpers", "body", "net"), "")
    names |= {"attribute": "backbone", "made": "Body()", "more": "pass"}
    text = SCRIPT.format(**{**names, **parts}).replace("(self, pretrained=None)", "(self)")
    read = SourceFile.from_bytes("train.py", text.encode())
    plan = plan_repository(Repository(Path("/repository"), (read,)), settings)
    found = [found.message for found in findings(plan) if found.code == "BN201"]
    return any(file.freezes for file in plan.files), " ".join(found)


@pytest.mark.parametrize(
    "parts",
    [
        {"more": RESTORED},
        {"more": f"net = nn.DataParallel(net)\n    {RESTORED}"},
        {"more": "resume(net, path)", "helpers": RESUME},
        {"more": "if resume_path:\n        net.load_state_dict(torch.load(path))"},
        {"more": f"resume(net, path)\n    {RESTORED}", "helpers": RESUME},
    ],
)
def test_only_its_own_training_loads_it(parts: dict[str, str]) -> None:
    is_frozen, found = planned(parts)
    assert not is_frozen
    assert "what is loaded into Net only lets its training go on (train.py:" in found
    assert 'to settle it: backbone = ["Net.backbone"]' in found
    is_frozen, found = planned(parts, Settings(backbone=("Net.backbone",)))
    assert is_frozen
    assert "to settle it" not in found


@pytest.mark.parametrize(
    "parts",
    [
        # nothing is loaded at all, or what may be anything
        {},
        {"more": "net.load_state_dict(torch.load(path)['state'])"},
        {"more": GUARDED},
        # one load goes on with the training, another one may start it
        {"more": "net.load_state_dict(torch.load(path))\n    resume(net, path)", "helpers": RESUME},
        {"more": f"net.backbone.load_state_dict(torch.load(path))\n    {RESTORED}"},
        {"more": RESTORED, "body": "self.load_state_dict(torch.load('body.pth'))"},
        {"more": RESTORED, "made": "torchvision.models.resnet18(weights='DEFAULT')"},
        {"more": RESTORED, "net": "self.side = torchvision.models.resnet18(weights='DEFAULT')"},
        # the model says that there are weights
        {"more": RESTORED, "body": INIT.format(code="self.load(pretrained=path)")},
        # of another model
        {"more": f"other = nn.Linear(1, 1)\n    {RESTORED.replace('net.load', 'other.load')}"},
    ],
)
def test_more_than_its_own_training_may_load_it(parts: dict[str, str]) -> None:
    is_frozen, found = planned(parts)
    assert is_frozen
    assert "only lets its training go on" not in found
