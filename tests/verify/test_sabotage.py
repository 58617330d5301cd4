"""A migration that was spoiled is never verified, and never hangs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import pytest

from bn2gn_codemod.probing import Interpreter
from bn2gn_codemod.verify import Verification
from bn2gn_codemod.verify.comparison import Check

Verify = Callable[..., Verification]

pytestmark = pytest.mark.usefixtures("warm_probes")


@dataclasses.dataclass(frozen=True)
class Sabotage:
    """One replacement in one file, the check that has to fail, and what it has to say."""

    path: str
    old: str
    new: str
    check: str
    says: str


CASES = {
    "undo one conversion": Sabotage(
        "lib/model.py",
        "self.bn = get_group_norm(16)",
        "self.bn = nn.BatchNorm2d(16)",
        "norms",
        "neck.bn (BatchNorm2d)",
    ),
    "convert one backbone layer": Sabotage(
        "lib/backbone.py",
        "self.bn2 = nn.BatchNorm2d(8)",
        "self.bn2 = nn.GroupNorm(4, 8)",
        "norms",
        "backbone.bn2 (GroupNorm)",
    ),
    "backbone layer without statistics": Sabotage(
        "lib/backbone.py",
        "self.bn1 = nn.BatchNorm2d(8)",
        "self.bn1 = nn.BatchNorm2d(8, track_running_stats=False)",
        "norms",
        "without track_running_stats: backbone.bn1",
    ),
    "another layer changes class": Sabotage(
        "lib/model.py",
        "setattr(self, head, nn.Conv2d(16, classes, 1))",
        "setattr(self, head, nn.ConvTranspose2d(16, classes, 1))",
        "norms",
        "hm (Conv2d -> ConvTranspose2d)",
    ),
    "rename an attribute": Sabotage(
        "lib/model.py", "self.bn", "self.norm", "state dict", "lost: neck.bn.weight"
    ),
    "other shape": Sabotage(
        "lib/model.py",
        "setattr(self, head, nn.Conv2d(16, classes, 1))",
        "setattr(self, head, nn.Conv2d(16, classes + 1, 1))",
        "forward",
        "['hm'] was float32 1x1x8x8, is float32 1x2x8x8",
    ),
    "not finite": Sabotage(
        "lib/model.py",
        "return self.bn(self.conv(x)).relu()",
        "return self.bn(self.conv(x)).relu() / 0",
        "forward",
        "not finite: ['hm']",
    ),
    "one value in each group": Sabotage(
        "lib/model.py",
        "return self.bn(self.conv(x)).relu()",
        "return self.bn(self.conv(x).mean((2, 3), keepdim=True)).relu()",
        "forward",
        "constant output, one value in each group: neck.bn",
    ),
    "freeze misses a layer": Sabotage(
        "train.py",
        "for module in model.backbone.modules():",
        "for module in list(model.backbone.modules())[:3]:",
        "freeze",
        "does not freeze backbone.bn2",
    ),
    "freeze counts wrongly": Sabotage(
        "train.py", "return frozen", "return frozen + 1", "freeze", "returns 3, but 2 BatchNorm"
    ),
    "freeze without eval": Sabotage(
        "train.py",
        "            module.eval()\n            module.weight",
        "            module.weight",
        "freeze",
        "does not freeze backbone.bn1, backbone.bn2",
    ),
    "guard does nothing": Sabotage(
        "train.py", "if 'backbone' in name", "if 'spine' in name", "guard", "thawed by .train()"
    ),
    "no guard": Sabotage(
        "train.py", "def eval_backbone_bn(", "def nothing(", "guard", "no guard function"
    ),
    "break an import": Sabotage(
        "lib/model.py",
        "from lib.backbone import Backbone",
        "from lib.backbones import Backbone",
        "imports",
        "lib/model.py cannot be imported: ModuleNotFoundError: No module named 'lib.backbones'",
    ),
    "import something that is not installed": Sabotage(
        "lib/model.py",
        "from torch import nn",
        "import torch_that_is_not_there\nfrom torch import nn",
        "imports",
        "imported now, not before, and not to be found: torch_that_is_not_there",
    ),
    "syntax error": Sabotage(
        "lib/model.py", "class Neck(nn.Module):", "class Neck(nn.Module:", "imports", "SyntaxError"
    ),
    "leaves at import": Sabotage(
        "lib/model.py",
        "class Neck(nn.Module):",
        "import os\nos._exit(0)\nclass Neck(nn.Module):",
        "imports",
        "the interpreter ended with exit code 0 while importing lib/model.py",
    ),
    "sys.exit at import": Sabotage(
        "lib/model.py",
        "class Neck(nn.Module):",
        "import sys\nsys.exit(0)\nclass Neck(nn.Module):",
        "imports",
        "lib/model.py cannot be imported: SystemExit: 0",
    ),
    "eats memory": Sabotage(
        "lib/model.py",
        "self.heads = heads",
        "self.heads = heads\n        self.hoard = [bytearray(2**28) for _ in range(1000)]",
        "build",
        "MemoryError",
    ),
    "eats tensors": Sabotage(
        "lib/model.py",
        "self.heads = heads",
        "self.heads = heads\n        self.hoard = nn.Linear(2**20, 2**16)",
        "build",
        "allocate",
    ),
    "kills itself while it is built": Sabotage(
        "lib/model.py",
        "self.heads = heads",
        "import os, signal\n        os.kill(os.getpid(), signal.SIGKILL)",
        "imports",
        "was ended by SIGKILL while building lib.model:get_model",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_is_found(case: Sabotage, migrated: Mapping[str, str], verified: Verify) -> None:
    spoiled = migrated[case.path].replace(case.old, case.new)
    assert spoiled != migrated[case.path]
    result = verified(
        {**migrated, case.path: spoiled}, interpreter=Interpreter(timeout=120, memory=2 * 2**30)
    )
    assert not result.passed
    details = [check.detail for check in _failed(result) if check.name == case.check]
    assert any(case.says in detail for detail in details), _failed(result)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("    frozen = freeze_backbone_bn(model, 'tiny')\n", "    frozen = 0\n", "BN201"),
        ("        eval_backbone_bn(model_with_loss)\n", "", "BN202"),
    ],
    ids=["drop the freeze call", "drop the guard"],
)
def test_dropped_call_is_found(
    old: str, new: str, code: str, migrated: Mapping[str, str], verified: Verify
) -> None:
    assert old in migrated["train.py"]
    result = verified({**migrated, "train.py": migrated["train.py"].replace(old, new)})
    details = [check.detail for check in _failed(result) if check.name == "static check"]
    assert any(code in detail for detail in details), _failed(result)


def test_endless_loop_is_stopped(migrated: Mapping[str, str], verified: Verify) -> None:
    looping = migrated["lib/model.py"] + "\nwhile True:\n    pass\n"
    result = verified({**migrated, "lib/model.py": looping}, interpreter=Interpreter(timeout=5))
    assert not result.passed
    assert result.checks[0].detail.startswith("the interpreter stopped after 5 s")
    assert 'lib/model.py", line' in result.output  # where it hung


def _failed(result: Verification) -> list[Check]:
    every = [*result.checks, *(c for model in result.models for c in model.checks)]
    return [check for check in every if not check.passed]
