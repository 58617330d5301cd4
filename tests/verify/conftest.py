"""A small detector before and after its migration, and snapshots made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bn2gn_codemod import verify as verification
from bn2gn_codemod.probing import Interpreter, Outcome, probe
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.verify import Before, Verification, verify
from bn2gn_codemod.verify.models import ModelRequest

BACKBONE = """\
import torch.utils.model_zoo as model_zoo
from torch import nn


class Backbone(nn.Module):
    def __init__(self, pretrained=True):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(8)
        if pretrained:
            self.load_state_dict(model_zoo.load_url('http://localhost:9/backbone-1234.pth'))

    def forward(self, x):
        return self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
"""

MODEL = """\
from torch import nn

from lib.backbone import Backbone
from ops.deform import DCN


class Neck(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = DCN(channels, 16, kernel_size=(3, 3), stride=1, padding=1)
        self.bn = nn.BatchNorm2d(16)

    def forward(self, x):
        return self.bn(self.conv(x)).relu()


class Detector(nn.Module):
    def __init__(self, heads):
        super().__init__()
        self.backbone = Backbone()
        self.neck = Neck(8)
        self.heads = heads
        for head, classes in heads.items():
            setattr(self, head, nn.Conv2d(16, classes, 1))

    def forward(self, x):
        x = self.neck(self.backbone(x))
        return {head: getattr(self, head)(x) for head in self.heads}


def get_model(heads):
    return Detector(heads)
"""

TRAIN = """\
import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lib.model import get_model


class ModelWithLoss(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, batch):
        return self.model(batch)['hm'].square().mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--epochs', type=int, default=3)
    opt = parser.parse_args()
    model = get_model({'hm': 1})
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    model_with_loss = ModelWithLoss(model)
    loader = DataLoader(TensorDataset(torch.randn(4, 3, 32, 32)), num_workers=1)
    for epoch in range(opt.epochs):
        model_with_loss.train()
        for (batch,) in loader:
            optimizer.zero_grad()
            model_with_loss(batch).backward()
            optimizer.step()
        print('finished epoch', epoch)


if __name__ == '__main__':
    main()
"""

HELPER = """

def get_group_norm(num_channels, num_groups=32, eps=1e-5, affine=True):
    num_groups = min(num_groups, num_channels)
    while num_channels % num_groups != 0 and num_groups > 1:
        num_groups -= 1
    return nn.GroupNorm(num_groups, num_channels, eps=eps, affine=affine)
"""

FREEZING = """

def freeze_backbone_bn(model, model_name):
    frozen = 0
    for module in model.backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
            module.weight.requires_grad = False
            module.bias.requires_grad = False
            frozen += 1
    return frozen


def eval_backbone_bn(model):
    for name, module in model.named_modules():
        if 'backbone' in name and isinstance(module, nn.BatchNorm2d):
            module.eval()
"""

_LAST_IMPORT_OF_MODEL = "from ops.deform import DCN\n"
_LAST_IMPORT_OF_TRAIN = "from lib.model import get_model\n"
_CREATION = "    model = get_model({'hm': 1})\n"
_TRAIN_CALL = "        model_with_loss.train()\n"

ORIGINAL = {
    "lib/__init__.py": "",
    "lib/backbone.py": BACKBONE,
    "lib/model.py": MODEL,
    "train.py": TRAIN,
}
MIGRATED = {
    **ORIGINAL,
    "lib/model.py": MODEL.replace(_LAST_IMPORT_OF_MODEL, _LAST_IMPORT_OF_MODEL + HELPER).replace(
        "nn.BatchNorm2d(16)", "get_group_norm(16)"
    ),
    "train.py": TRAIN.replace(_LAST_IMPORT_OF_TRAIN, _LAST_IMPORT_OF_TRAIN + FREEZING)
    .replace(
        _CREATION,
        _CREATION + "    frozen = freeze_backbone_bn(model, 'tiny')\n"
        "    print(f'Frozen BatchNorm layers of the backbone: {frozen}')\n",
    )
    .replace(_TRAIN_CALL, _TRAIN_CALL + "        eval_backbone_bn(model_with_loss)\n"),
}
TINY = ModelRequest("lib.model:get_model", ({"hm": 1, "wh": 2},), inputs=((1, 3, 32, 32),))

PATIENT = Interpreter(timeout=120)

Write = Callable[[str, Mapping[str, str]], Path]
Verify = Callable[..., Verification]


@pytest.fixture(autouse=True, scope="session")
def single_thread() -> Iterator[None]:
    """Tests share the machine: threads of torch would only wait for each other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture
def original() -> Mapping[str, str]:
    """The detector's files before its migration; its deformable convolution is not installed."""
    return ORIGINAL


@pytest.fixture
def migrated() -> Mapping[str, str]:
    """The same files after it."""
    return MIGRATED


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files into a folder of the given name and returns the folder."""

    def write(name: str, files: Mapping[str, str]) -> Path:
        for path, text in files.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path / name

    return write


@pytest.fixture(scope="session")
def earlier_outcomes() -> dict[str, Outcome]:
    """What probes of an earlier state saw: the same for every spoiled later one."""
    return {}


@pytest.fixture
def verified(
    write: Write, earlier_outcomes: dict[str, Outcome], monkeypatch: pytest.MonkeyPatch
) -> Verify:
    """Verifies the given files against the original ones, or those named ``before``."""

    def probe_once(request: Mapping[str, Any], root: Path, interpreter: Interpreter) -> Outcome:
        if root.name != "before":
            return probe(request, root, interpreter)
        texts = {str(p.relative_to(root)): p.read_text() for p in sorted(root.rglob("*.py"))}
        key = json.dumps([request, texts])
        if key not in earlier_outcomes:
            earlier_outcomes[key] = probe(request, root, interpreter)
        return earlier_outcomes[key]

    monkeypatch.setattr(verification, "probe", probe_once)

    def run(
        files: Mapping[str, str],
        models: tuple[ModelRequest, ...] = (TINY,),
        interpreter: Interpreter = PATIENT,
        before: Mapping[str, str] = ORIGINAL,
    ) -> Verification:
        earlier = write("before", before)
        after = write("after", files)
        return verify(after, Settings(), models, Before(folder=earlier), interpreter)

    return run
