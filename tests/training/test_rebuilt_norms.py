"""All BatchNorm of a model rebuilt as a class of the repository that is never trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

NETWORK = """
import torch
from torch import nn
from torchvision.models import resnet50

class FixedNorm(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.register_buffer("weight", torch.ones(n))
        self.register_buffer("bias", torch.zeros(n))
        self.register_buffer("running_mean", torch.zeros(n))
        self.register_buffer("running_var", torch.ones(n))

class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet50(pretrained=True)
        self.head = nn.Conv2d(8, 8, 1)

"""
FIX = """
def fix(module):
    mod = module
    if isinstance(module, nn.BatchNorm2d):
        mod = FixedNorm(module.num_features)
        mod.running_mean = module.running_mean
        if module.affine:
            mod.weight.data = module.weight.data.clone()
    for name, child in module.named_children():
        mod.add_module(name, fix(child))
    return mod
"""
IN_PLACE = """
def fix(module):
    res = module
    if isinstance(module, (nn.BatchNorm2d, nn.SyncBatchNorm)):
        res = FixedNorm(module.num_features)
    else:
        for name, child in module.named_children():
            new = fix(child)
            setattr(res, name, new)
    return res
"""
TRAIN = """
import torch
from net import Detector, fix

def main(data, flag):
    net = Detector()
    {call}
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    {late}
    net.train()
    for x in data:
        net(x).sum().backward()
        optimizer.step()
"""


def _plan(fix: str = FIX, call: str = "net = fix(net)", late: str = "pass") -> Plan:
    files = {"net.py": NETWORK + fix, "train.py": TRAIN.format(call=call, late=late)}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    return plan_repository(Repository(Path("/repository"), read), Settings())


def _codes(plan: Plan) -> list[str]:
    return [one.code for one in findings(plan) if one.code in ("BN201", "BN202")]


@pytest.mark.parametrize("fix", [FIX, IN_PLACE])
@pytest.mark.parametrize("call", ["net = fix(net)", "net = fix(net)\n    net = net.cuda()"])
def test_nothing_is_left_to_freeze(fix: str, call: str) -> None:
    plan = _plan(fix, call)
    assert _codes(plan) == []
    assert not [file for file in plan.files if file.freezes or file.loop_guards]


@pytest.mark.parametrize(
    "fix",
    [
        # What is made is trained, or may be.
        FIX.replace("FixedNorm(module", "nn.BatchNorm2d(module"),
        FIX.replace("FixedNorm(module", "unknown(module"),
        FIX + "class FixedNorm(nn.BatchNorm2d): pass\n",
        # Not for each child, or not for certain.
        FIX.replace("mod.add_module(name, fix(child))", "fix(child)"),
        FIX.replace("mod.add_module(name, fix(child))", "mod.add_module(name, child)"),
        FIX.replace(
            "        mod.add_module(name, fix(child))",
            "        if name != 'backbone': mod.add_module(name, fix(child))",
        ),
        FIX.replace(
            "    for name", "    if len(list(module.children())) > 3: return mod\n    for name"
        ),
        FIX.replace("    for name, child in module.named_children()", "    for name, child in []"),
        FIX.replace("    mod = module", "    if module.frozen: return module\n    mod = module", 1),
        FIX.replace("module.affine:", "module.affine:\n            mod = module"),
        # Other layers are.
        FIX.replace("nn.BatchNorm2d)", "nn.Conv2d)"),
        FIX.replace(
            "isinstance(module, nn.BatchNorm2d)", "isinstance(module, nn.BatchNorm2d) and X"
        ),
    ],
)
def test_what_may_be_left_is_frozen(fix: str) -> None:
    plan = _plan(fix)
    assert _codes(plan) == ["BN201", "BN202"]


@pytest.mark.parametrize(
    ("call", "late"),
    [
        ("pass", "net = fix(net)"),
        ("if flag: net = fix(net)", "pass"),
        ("fix(net.head)", "pass"),
        ("other = fix(Detector())", "pass"),
        ("net = fix(net)\n    net = Detector()", "pass"),
    ],
)
def test_another_model_or_too_late(call: str, late: str) -> None:
    assert "BN201" in _codes(_plan(call=call, late=late))


def test_buffers_that_a_loop_registers() -> None:
    start, _, rest = NETWORK.partition('        self.register_buffer("weight"')
    loop = """        for name in ("weight", "bias", "running_mean", "running_var"):
            self.register_buffer(name, torch.ones(n))
"""
    own = start + loop + rest[rest.index("\nclass Detector") :]
    files = {"net.py": own + FIX, "train.py": TRAIN.format(call="net = fix(net)", late="pass")}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    assert _codes(plan_repository(Repository(Path("/repository"), read), Settings())) == []


def test_parameters_of_its_own() -> None:
    own = NETWORK.replace(
        'self.register_buffer("weight", torch.ones(n))', "self.weight = nn.Parameter(n)"
    )
    files = {"net.py": own + FIX, "train.py": TRAIN.format(call="net = fix(net)", late="pass")}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert _codes(plan) == ["BN201", "BN202"]


FORWARD = """\
    def forward(self, x):
        {}

class Detector("""
CALL = "F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias"


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (f"return {CALL})", []),
        (f"return {CALL}, False, 0.1)", []),
        (f"return {CALL}, training=False)", []),
        ("return x * self.weight + self.bias - self.running_mean", []),
        # It takes the statistics of the batch, be it in train mode alone.
        (f"return {CALL}, self.training)", ["BN201", "BN202"]),
        (f"return {CALL}, training=self.training)", ["BN201", "BN202"]),
        (f"return {CALL}, True)", ["BN201", "BN202"]),
        (f"return {CALL}, **self.options)", ["BN201", "BN202"]),
        (
            "if self.training: self.running_mean.copy_(x)\n        return x - self.running_mean",
            ["BN201", "BN202"],
        ),
        ("return (x - x.mean(0)) * self.weight", ["BN201", "BN202"]),
    ],
)
def test_what_it_normalises_by(
    monkeypatch: pytest.MonkeyPatch, body: str, codes: list[str]
) -> None:
    text = NETWORK.replace("\nclass Detector(", FORWARD.format(body), 1)
    monkeypatch.setitem(globals(), "NETWORK", text)
    assert _codes(_plan()) == codes
