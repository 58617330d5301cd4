"""Which files a survey could have anything to say about: too many is slow, too few is wrong."""

from __future__ import annotations

import pytest

from bn2gn_codemod.relevance import concerned
from bn2gn_codemod.sources import discover
from tests.conftest import MakeRepository

REPOSITORY = {
    "lib/models/neck.py": "from torch import nn\n\nBN = nn.BatchNorm2d\n",
    "lib/models/blocks.py": "from .neck import BN\n\n\ndef norm(c):\n    return BN(c)\n",
    "lib/models/__init__.py": "",
    "lib/trainer.py": "def run(model):\n    model.train()\n",
    "lib/images.py": "import math\n",
    "train.py": "from lib.models.blocks import norm\nfrom lib.trainer import run\n",
    "nets/__init__.py": "from .parts import *\nfrom .weights import fill\n",
    "nets/registry.py": "def build(cfg):\n    return None\n",
    "nets/weights.py": "import torch\n\n\ndef fill(m):\n    m.load_state_dict(torch.load('x'))\n",
    "nets/parts/__init__.py": "from lib.models.blocks import norm\nfrom .detector import Net\n",
    "nets/parts/detector.py": "from torch import nn\n\n\nclass Net(nn.Module):\n    pass\n",
    "runner.py": "from nets.registry import build\n",
    "tools/notes.py": "import sys\n",
    "tools/trainer.py": "def run(model):\n    model.train()\n",
}


@pytest.mark.parametrize(
    ("path", "is_concerned"),
    [
        ("lib/models/neck.py", True),
        ("lib/models/blocks.py", True),  # makes layers and does not say of what
        ("train.py", True),
        ("lib/trainer.py", True),  # thaws what another file freezes
        ("nets/parts/detector.py", True),  # composes, and only packages import it
        ("nets/weights.py", True),  # loads, and says nothing of models
        ("runner.py", True),  # whoever imports a module imports the package around it
        ("nets/registry.py", False),
        ("lib/images.py", False),
        ("tools/notes.py", False),
        ("tools/trainer.py", False),  # nobody imports it, and it imports no model
    ],
)
def test_source(repository: MakeRepository, path: str, is_concerned: bool) -> None:
    assert concerned(discover(repository(REPOSITORY)), [path]) == is_concerned


@pytest.mark.parametrize(
    ("path", "text", "is_concerned"),
    [
        ("configs/other.py", "", True),  # in a folder of configs every file may be one
        ("stage1.py", "model = dict(type='FasterRCNN')\n", True),
        ("stage1.py", "_base_ = './stage2.py'\n", True),
        ("stage1.py", "optim_wrapper = dict()\n", True),
        ("stage1.py", "best_model = 3\n", False),
    ],
)
def test_config_beside_one_that_freezes(
    repository: MakeRepository, path: str, text: str, is_concerned: bool
) -> None:
    stage2 = "optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0))))"
    found = discover(repository({"stage2.py": stage2, path: text}))
    assert concerned(found, [path]) == is_concerned


BY_NAME = {
    "lib/models/neck.py": "from torch import nn\n\nBN = nn.BatchNorm2d\n",
    "lib/__init__.py": "from importlib import import_module\nmake = import_module('lib.models')\n",
    "main.py": "import solver\nfrom lib import make\nsolver.run(make(), 'Trainer')\n",
    "solver.py": "def run(model):\n    model.train()\n",
    "plot.py": "import lib\n",
    "other.py": "def run(model):\n    model.train()\n",
}


@pytest.mark.parametrize(
    ("path", "is_concerned"),
    [
        ("lib/__init__.py", True),
        ("main.py", True),  # trains what is built there
        ("solver.py", True),
        ("plot.py", False),
        ("other.py", False),
    ],
)
def test_models_that_are_imported_by_computed_names(
    repository: MakeRepository, path: str, is_concerned: bool
) -> None:
    assert concerned(discover(repository(BY_NAME)), [path]) == is_concerned


@pytest.mark.parametrize(
    ("importer", "is_concerned"),
    [
        ("import imp\ndef network(a, b):\n    return imp.load_source(a, b).build()\n", True),
        ("def model(name):\n    return import_module(name).build()\n", True),
        ("def data(name):\n    return import_module(name).build()\n", False),
        ("def model(name):\n    return import_module(name).build()\n" + "\n" * 50, False),
    ],
)
def test_short_files_that_give_networks_by_computed_names(
    repository: MakeRepository, importer: str, is_concerned: bool
) -> None:
    files = {
        "nets/neck.py": BY_NAME["lib/models/neck.py"],
        "lib/make.py": importer,
        "train.py": "import lib.make\nlib.make.model('a').train()\n",
    }
    assert concerned(discover(repository(files)), ["train.py"]) == is_concerned


def test_repository_without_norms(repository: MakeRepository) -> None:
    found = discover(repository({"train.py": "optimizer = 1\n", "configs/a.py": "model = {}\n"}))
    assert not concerned(found, ["train.py", "configs/a.py"])


@pytest.mark.parametrize(
    ("imports", "matters"),
    [
        ("import paddle.nn as nn\n", False),
        ("from tensorflow.keras.layers import BatchNormalization\n", False),
        ("# ported from torch\nimport paddle\n", False),
        ("import paddle\nimport torch\n", True),
        ("from layers import *\n", True),
    ],
)
def test_norms_of_other_frameworks_are_none(
    repository: MakeRepository, imports: str, matters: bool
) -> None:
    files = {"net.py": imports + "bn = nn.BatchNorm2D(8)\n"}
    assert concerned(discover(repository(files)), ["net.py"]) == matters


_BETWEEN = {
    "lib/models/neck.py": BY_NAME["lib/models/neck.py"],
    "train.py": "from lib.models.neck import BN\nfrom first import prepare\n",
    "first.py": "from second import fill\ndef prepare(net):\n    fill(net)\n",
    "second.py": "from last import load\ndef fill(net):\n    load(net)\n",
    "data.py": "def load(path):\n    return path\n",
    "plot.py": "from last import load\n",
}


@pytest.mark.parametrize(
    "last",
    [
        "import torch\ndef load(net):\n    net.load_state_dict(torch.load('x'))\n",
        "from mmcv.runner import load_checkpoint as load\n",
        "from safetensors.torch import load_model as load\n",
        "def load(net):\n    for p in net.parameters():\n        p.data.copy_(f())\n",
        "def load(net):\n    for p in net.parameters():\n        p.data = f()\n",
        "def load(net):\n    for p in net.parameters():\n        p.data=f()\n",
        "def load(net):\n    for p in net.parameters():\n        p.data[...] = f()\n",
        "def load(net):\n    for p in net.parameters():\n        p.set_(f())\n",
        "from fvcore.common.checkpoint import Checkpointer\n"
        "def load(net):\n    Checkpointer(net).load('x')\n",
        "def load(net):\n    f(net).backward()\n",
    ],
)
def test_files_between_a_model_and_what_loads_or_trains_it(
    repository: MakeRepository, last: str
) -> None:
    found = discover(repository({**_BETWEEN, "last.py": last}))
    assert all(concerned(found, [path]) for path in ("first.py", "second.py", "last.py"))
    assert not concerned(found, ["plot.py"])  # no model comes to it


@pytest.mark.parametrize(
    "last",
    [
        "from data import load\n",
        "import torch\ndef load(net):\n    return torch.rand(3)\n",
        "class Images:\n    def load(self, path):\n        self.data = path\n",
        "class Images:\n    def load(self, path):\n        self.data[0] = path\n",
        "def load(images):\n    return images.data == 1\n",
    ],
)
def test_files_between_a_model_and_what_leaves_it_alone(
    repository: MakeRepository, last: str
) -> None:
    found = discover(repository({**_BETWEEN, "last.py": last}))
    assert not any(concerned(found, [path]) for path in ("first.py", "second.py", "last.py"))


def test_file_between_that_writes_summaries_with_another_framework(
    repository: MakeRepository,
) -> None:
    last = "import torch\ndef load(net):\n    net.load_state_dict(torch.load('x'))\n"
    files = {
        **_BETWEEN,
        "last.py": last,
        "second.py": f"import tensorflow\n{_BETWEEN['second.py']}",
    }
    assert concerned(discover(repository(files)), ["second.py"])
    # Its own norms are none of torch's, whatever it calls besides.
    files["second.py"] += "bn = nn.BatchNorm2d(8)\n"
    assert not concerned(discover(repository(files)), ["second.py"])


STARRED = {
    "net.py": "from ops import *\n\nbn = nn.BatchNorm2d(8)\n",
    "plain.py": "from lib.images import resize\n",
    "train.py": "import net\nimport plain\n",
}


@pytest.mark.parametrize(
    ("text", "is_concerned"),
    [
        ("import torchvision\nimport random\n" + "\n" * 50, True),
        ("import torch\n", True),
        ("from torch import nn\n", True),
        ("import timm, math\n", True),
        ("import random\n", False),
        ("from PIL import Image\n", False),
        ("# as torchvision does it\n", False),
    ],
)
def test_modules_that_a_star_import_brings(
    repository: MakeRepository, text: str, is_concerned: bool
) -> None:
    found = discover(repository({**STARRED, "ops.py": text}))
    assert concerned(found, ["ops.py"]) == is_concerned


def test_what_no_star_import_brings_is_left_alone(repository: MakeRepository) -> None:
    files = {**STARRED, "ops.py": "", "plain.py": "import torchvision\n" + "\n" * 50}
    assert not concerned(discover(repository(files)), ["plain.py"])
