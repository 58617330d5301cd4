"""Weights that come only with a parameter which no call gives: training from scratch."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

NETWORK = """\
import os
import torch
from torch import nn

class HighResolutionNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)
        self.layer1 = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))

    def init_weights(self, {parameter}, zero=False):
        if {test}:
            own = self.state_dict()
            own.update({{k: v for k, v in torch.load(pretrained).items() if k in own}})
            self.load_state_dict(own)
"""
SCRIPT = """\
import torch
from net import HighResolutionNet
{more}
net = HighResolutionNet()
{call}
optimizer = torch.optim.SGD(net.parameters(), 0.1)
net.train()
"""


def plan_of(
    call: str = "net.init_weights()",
    parameter: str = "pretrained=''",
    test: str = "os.path.isfile(pretrained)",
    more: str = "",
) -> Plan:
    texts = {
        "net.py": NETWORK.format(parameter=parameter, test=test),
        "train.py": SCRIPT.format(call=call, more=textwrap.dedent(more)),
    }
    files = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in texts.items())
    return plan_repository(Repository(Path("/r"), files), Settings())


@pytest.mark.parametrize(
    ("parameter", "test"),
    [
        ("pretrained=''", "os.path.isfile(pretrained)"),
        ("pretrained=None", "pretrained"),
        ("pretrained=None", "pretrained is not None and os.path.exists(pretrained)"),
        ("pretrained=''", "pretrained != ''"),
    ],
)
@pytest.mark.parametrize(
    "call", ["net.init_weights()", "net.init_weights('')", "net.init_weights(zero=True)"]
)
def test_a_model_that_no_call_gives_its_weights_is_not_frozen(
    call: str, parameter: str, test: str
) -> None:
    plan = plan_of(call, parameter, test)
    [script] = plan.train_scripts
    assert not script.fix
    assert script.reason == (
        "weights come only with pretrained (net.py:16), which no call gives: "
        "trained from scratch, BatchNorm must learn"
    )
    assert not any(file.freezes or file.loop_guards or file.model_guards for file in plan.files)
    assert {site.verdict for site in plan.sites} == {"keep"}


@pytest.mark.parametrize(
    ("changed", "value"),
    [
        ("call", "net.init_weights('hrnet_w18.pth')"),
        ("call", "net.init_weights(pretrained=path)"),
        ("call", "net.init_weights(*paths)"),
        ("call", "net.init_weights(**paths)"),
        ("call", "net.init_weights()\nif path:\n    net.init_weights(path)"),
        ("call", "HighResolutionNet.init_weights(net, path)"),
        ("call", "start = net.init_weights\nstart(path)"),
        ("call", "net.init_weights()\ngetattr(net, 'init_weights')(path)"),
        ("parameter", "pretrained='hrnet_w18.pth'"),
        ("test", "not pretrained"),
        ("test", "pretrained or zero"),
        (
            "more",
            """
            class Wide(HighResolutionNet):
                def init_weights(self, path):
                    super().init_weights(path)
            """,
        ),
    ],
)
def test_a_model_that_some_call_may_give_them_is_frozen(changed: str, value: str) -> None:
    given = {changed: value}
    plan = plan_of(**given)
    [script] = plan.train_scripts
    assert script.fix, script.reason


def test_a_method_that_nothing_here_calls_is_for_whoever_calls_it() -> None:
    [script] = plan_of(call="").train_scripts
    assert script.fix, script.reason


def test_a_second_load_is_as_good_as_any() -> None:
    call = (
        "net.init_weights()\nnet.load_state_dict(torch.hub.load_state_dict_from_url('https://a/b'))"
    )
    [script] = plan_of(call).train_scripts
    assert script.fix, script.reason
