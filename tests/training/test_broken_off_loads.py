"""A network that a loop fills layer by layer is frozen where that loop comes to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

NET = """
import numpy as np
import torch
import torchvision
from torch import nn

def put(weights, start, conv, bn):
    end = start + bn.bias.numel()
    bn.bias.data.copy_(torch.from_numpy(weights[start:end]))
    bn.running_mean.copy_(torch.from_numpy(weights[start:end]))
    conv.weight.data.copy_(torch.from_numpy(weights[start:end]))
    return end

class Trunk(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.stages = nn.ModuleList()
        for size in sizes:
            self.stages.append(nn.Sequential(nn.Conv2d(3, size, 3), nn.BatchNorm2d(size)))
        {made}

    def load_weights(self, path, cutoff=None):
        weights = np.fromfile(path, dtype=np.float32)
        start = 0
        {load}

class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Trunk([8, 16])
        {detector}

def main(args):
    net = {net}
    {more}
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for x in args.data:
        net.train()
        net(x).sum().backward()
"""
PUT = "start = put(weights, start, stage[0], stage[1])"


def loop(over: str = "self.stages", before: str = "pass", after: str = "pass") -> str:
    lines = [f"for i, stage in enumerate({over}):", f"    {before}", f"    {PUT}", f"    {after}"]
    return "\n        ".join(lines)


def plan_of(load: str, settings: Settings | None = None, **parts: str) -> Plan:
    names = {"made": "pass", "detector": "pass", "net": "Trunk([8, 16])"}
    names["more"] = "net.load_weights(args.file)"
    text = NET.format(**{**names, **parts, "load": load})
    read = SourceFile.from_bytes("train.py", text.encode())
    return plan_repository(Repository(Path("/repository"), (read,)), settings or Settings())


def is_changed(plan: Plan) -> bool:
    return any(file.freezes or file.loop_guards or file.model_guards for file in plan.files)


BROKEN_OFF = [
    loop(before="if start >= weights.size: break"),
    loop(before="if start >= len(weights):\n                print(i)\n                break"),
    loop(before="if i == cutoff: break"),
    loop(over="self.stages[:cutoff]"),
    loop(over="self.stages[:2]"),
    loop(over="self.stages[:self.loaded]"),
    loop(over="islice(self.stages, 3)"),
    loop(before="if start >= weights.size: return"),
    loop(before="if start >= weights.size: continue"),
    loop(after="if start >= weights.size: break"),
    loop(before="if start:\n                pass\n            else:\n                break"),
    f"for stage in self.stages:\n            if start < weights.size:\n                {PUT}",
    f"for i in range(cutoff):\n            stage = self.stages[i]\n            {PUT}",
    f"for stage in self.stages:\n            try:\n                {PUT}"
    "\n            except ValueError:\n                break",
    "todo = iter(self.stages)\n        while start < weights.size:\n            stage = next(todo)"
    f"\n            {PUT}",
]
DETECTOR = {"net": "Detector()", "more": "net.backbone.load_weights(args.file)"}


@pytest.mark.parametrize("load", BROKEN_OFF)
@pytest.mark.parametrize("parts", [{}, DETECTOR])
def test_the_file_may_end_before_the_network_does(load: str, parts: dict[str, str]) -> None:
    plan = plan_of(load, None, **parts)
    assert not is_changed(plan)
    found = [one.message for one in findings(plan) if one.code in ("BN201", "BN202")]
    assert found
    assert all("may end the loads into Trunk before its last layers" in one for one in found)


@pytest.mark.parametrize("parts", [{}, DETECTOR])
@pytest.mark.parametrize(
    "load",
    [
        loop(),
        loop(over="self.stages[1:]"),
        # not the loop that goes over the layers, or only what comes after the load
        loop(before="for one in stage:\n                if one is None: break"),
        loop(after="if found: break"),
        loop(before="if not isinstance(stage[1], nn.BatchNorm2d): continue"),
        loop(over="list(self.children())[:-1]"),
        f"for i in range(len(self.stages)):\n            stage = self.stages[i]\n            {PUT}",
        f"for stage in self.stages:\n            if len(stage) > 1:\n                {PUT}",
        f"for stage in self.stages:\n            for key in weights:"
        f"\n                if key in stage:\n                    {PUT}\n                    break",
    ],
)
def test_all_of_it_is_filled(load: str, parts: dict[str, str]) -> None:
    assert is_changed(plan_of(load, None, **parts))


@pytest.mark.parametrize(
    "parts",
    [
        {"made": "self.load_state_dict(torch.load('trunk.pth'))"},
        {**DETECTOR, "detector": "self.backbone.load_state_dict(torch.load('trunk.pth'))"},
    ],
)
def test_another_file_fills_all_of_it(parts: dict[str, str]) -> None:
    assert is_changed(plan_of(BROKEN_OFF[0], None, **parts))


BLOCKS = """
import numpy as np
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.conv = nn.Conv2d(3, size, 3)
        self.bn = nn.BatchNorm2d(size)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Block(8), Block(16)])

    def load_weights(self, path):
        weights = np.fromfile(path, dtype=np.float32)
        start = 0
        for block in self.blocks:
            {test}
            end = start + block.bn.bias.numel()
            block.bn.bias.data.copy_(torch.from_numpy(weights[start:end]))
            block.bn.running_mean.copy_(torch.from_numpy(weights[start:end]))
            block.bn.running_var.copy_(torch.from_numpy(weights[start:end]))
            start = end

def main(args):
    net = Net()
    net.load_weights(args.file)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for x in args.data:
        net.train()
        net(x).sum().backward()
"""


@pytest.mark.parametrize(
    ("test", "is_frozen"), [("if start >= weights.size: break", False), ("pass", True)]
)
def test_the_layers_are_those_of_blocks(test: str, is_frozen: bool) -> None:
    read = SourceFile.from_bytes("train.py", BLOCKS.format(test=test).encode())
    plan = plan_repository(Repository(Path("/repository"), (read,)), Settings())
    assert is_changed(plan) is is_frozen


def test_a_setting_says_that_all_is_pretrained() -> None:
    assert is_changed(plan_of(BROKEN_OFF[0], Settings(backbone=("Trunk.stages",))))
