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
    def __init__(self):
        super().__init__()
        self.{attribute} = {made}
        self.head = nn.Conv2d(8, 4, 1)
        {net}

def main(path):
    net = Net()
    {more}
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""
SAID = "a backbone by its name alone (no load of weights into it alone is seen)"


def message(**parts: str) -> str:
    names = {"body": "", "net": "", "attribute": "backbone", "made": "Body()", "more": "pass"}
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
    ],
)
def test_names_alone(parts: dict[str, str]) -> None:
    assert SAID in message(**parts)


@pytest.mark.parametrize(
    "parts",
    [
        {"made": "torchvision.models.resnet18(weights='DEFAULT')"},
        {"body": "self.load_state_dict(torch.load('body.pth'))"},
        {"net": "self.backbone.load_state_dict(torch.load('body.pth'))"},
        {"more": "net.backbone.load_state_dict(torch.load(path))"},
        {"more": "net.load_state_dict(torch.hub.load_state_dict_from_url(path), strict=False)"},
    ],
)
def test_weights_that_are_loaded(parts: dict[str, str]) -> None:
    assert "a backbone by its name" not in message(**parts)
