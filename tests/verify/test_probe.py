"""What the probe does for code that was not made to run here."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bn2gn_codemod import probing
from bn2gn_codemod.probing import Interpreter, Outcome, probe
from bn2gn_codemod.problem import Problem
from bn2gn_codemod.snapshot import ModelSnapshot

Write = Callable[[str, Mapping[str, str]], Path]
OLDEST = (3, 8)
PROBE_FILES = sorted(probing.FOLDER.rglob("*.py"))


@pytest.mark.parametrize("file", PROBE_FILES, ids=lambda file: file.name)
def test_file_is_written_for_the_oldest_python(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"), feature_version=OLDEST)
    imported = {
        (node.module or "").partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and not node.level
    } | {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    allowed = sys.stdlib_module_names | {"torch", "numpy", "mmengine", "bn2gn_probe"}
    assert imported <= allowed
    assert "annotations" in {
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    } or not any(isinstance(node, ast.FunctionDef) for node in ast.walk(tree))


@pytest.fixture
def build(write: Write) -> Callable[..., Outcome]:
    """Runs a probe that builds ``lib.model:get_model`` of the given files."""

    def build(files: Mapping[str, str], **request: object) -> Outcome:
        root = write("repository", {"lib/__init__.py": "", **files})
        model = {"factory": "lib.model:get_model", "inputs": [[1, 3, 16, 16]]}
        stubs = bool(request.pop("stubs", True))
        return probe(
            {"models": [{**model, **request}], "paths": [""]},
            root,
            Interpreter(timeout=120, stubs=stubs),
        )

    return build


def model_of(outcome: Outcome) -> ModelSnapshot:
    assert not outcome.failure, (outcome.failure, outcome.output)
    (model,) = outcome.snapshot.models
    return model


CONV = "torch.nn.Conv2d(3, 4, 3)"

RUNS = {
    "cuda methods": f"""\
import torch
def get_model():
    model = {CONV}.cuda()
    return model.to('cuda').to(torch.device('cuda:0')).to(torch.zeros(1).cuda().device)
""",
    "cuda in forward": """\
import torch
class Net(torch.nn.Module):
    def forward(self, x):
        torch.cuda.synchronize()
        torch.cuda.set_device(0)
        torch.cuda.empty_cache()
        mask = torch.zeros(x.shape, device='cuda') + torch.ones(1).to('cuda', non_blocking=True)
        return x + mask + torch.arange(1, device=torch.device('cuda'))
def get_model():
    return Net()
""",
    "removed NumPy names": f"""\
import numpy as np
import torch
SCALES = np.array([1, 2], dtype=np.int) * np.float(1) + np.bool(0)
def get_model():
    assert np.isinf(np.Inf) and np.product([2, 3]) == 6
    return {CONV}
""",
    "missing modules": f"""\
import thop
import cv9.aruco as aruco
from progressbars.bar import Bar
from numba_that_is_missing import jit
import torch
@jit
def double(x):
    return 2 * x
@aruco.register(name='x')
class Registered(Bar):
    def __init__(self):
        self.value = double(21)
def get_model():
    with thop.profiler(device=aruco.DEVICE) as profiler:
        for _ in profiler.steps:
            pass
    assert Registered().value == 42
    return {CONV}
""",
    "deformable convolutions": """\
from torch import nn
from dcn.v2 import DCN, DCNv2
from tv.ops import DeformConv2d, deform_conv2d
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = DCN(3, 4, kernel_size=(3, 3), stride=2, padding=1, deformable_groups=1)
        self.b = DeformConv2d(4, 6, 3, 1, 1, bias=False)
        self.c = DCNv2(6, 6, 1, 1, 0)
    def forward(self, x):
        x = self.b(self.a(x), x, mask=None)
        x = deform_conv2d(self.c(x, None, None), None, self.c.weight, self.c.bias, padding=(1, 1))
        assert x.shape[1:] == (6, 10, 10), x.shape
        return x
def get_model():
    return Net()
""",
    "ready for a missing module": f"""\
import torch
try:
    from fastdcn import DCN
except ImportError:
    DCN = None
try:
    import also_missing
except Exception:
    also_missing = None
import importlib.util
import sympy  # which asks for flint, and for its version where there is one
def get_model():
    assert DCN is None and also_missing is None and str(sympy.Integer(6) / 4) == '3/2'
    assert importlib.util.find_spec('fastdcn') is None
    return {CONV}
""",
    "downloads": """\
import torch, torchless_names
from torch.hub import load_state_dict_from_url
from torch.utils import model_zoo
import urllib.request
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = torch.nn.BatchNorm2d(3)
        self.head = torch.nn.BatchNorm2d(3)
        weights = model_zoo.load_url('http://localhost:9/a.pth')
        classes = len(weights[list(weights.keys())[-1]])
        assert classes == 1000
        self.bn.load_state_dict(weights)
        state = self.bn.state_dict()
        state.update({k: v for k, v in load_state_dict_from_url('http://localhost:9/b.pth').items()
                      if k in state})
        self.bn.load_state_dict(state)
        try:
            urllib.request.urlopen('http://localhost:9/c')
        except OSError:
            pass
    def forward(self, x):
        return self.head(self.bn(x))
def get_model():
    return Net()
""",
}


@pytest.mark.parametrize("source", RUNS.values(), ids=RUNS.keys())
def test_code_of_another_time_and_place_runs(source: str, build: Callable[..., Outcome]) -> None:
    model = model_of(build({"lib/model.py": source}))
    assert model.error == ""
    assert [forward.error for forward in model.forwards] == ["", ""]


def test_skipped_weights_are_named_and_their_layers_known(build: Callable[..., Outcome]) -> None:
    model = model_of(build({"lib/model.py": RUNS["downloads"]}))
    names = ["a.pth", "b.pth", "c"]
    assert list(model.skipped_weights) == [f"http://localhost:9/{name}" for name in names]
    found = {layer.name: layer.norm.statistics for layer in model.norms if layer.norm}
    assert found == {"bn": "skipped", "head": "untrained"}


def test_cached_weights_are_used(
    build: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    save = (
        "import torch; m = torch.nn.BatchNorm2d(3); m.running_mean += 1; "
        f"torch.save(m.state_dict(), {str(cache / 'a.pth')!r})"
    )
    subprocess.run([sys.executable, "-c", save], check=True)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    source = (
        "import torch\nfrom torch.utils import model_zoo\n"
        "def get_model():\n    model = torch.nn.Sequential(torch.nn.BatchNorm2d(3))\n"
        "    model[0].load_state_dict(model_zoo.load_url('http://localhost:9/a.pth'))\n"
        "    return model\n"
    )
    model = model_of(build({"lib/model.py": source}))
    assert model.skipped_weights == ()
    assert [layer.norm.statistics for layer in model.norms if layer.norm] == ["trained"]


FAILS = {
    "module of its own that is missing": ("from lib.necks import Neck", "No module named"),
    "name that a module of its own lacks": ("from lib import Neck", "cannot import name 'Neck'"),
    "weights file that is missing": (
        "import torch\ndef get_model():\n    return torch.load('weights.pth')",
        "No such file or directory: 'weights.pth'",
    ),
    "no module": ("def get_model():\n    return 3", "gives a int, not a torch.nn.Module"),
}


@pytest.mark.parametrize(("source", "says"), FAILS.values(), ids=FAILS.keys())
def test_honest_errors(source: str, says: str, build: Callable[..., Outcome]) -> None:
    error = model_of(build({"lib/model.py": source + "\n"})).error
    assert says in error
    assert "\n" not in error


def test_stand_ins_can_be_forbidden(build: Callable[..., Outcome]) -> None:
    outcome = build({"lib/model.py": RUNS["missing modules"]}, stubs=False)
    assert "No module named 'thop'" in model_of(outcome).error


def test_classes_without_their_kernels_keep_their_parameters(
    build: Callable[..., Outcome],
) -> None:
    files = {
        "lib/dcn/__init__.py": "from .layer import DCNv2\n",
        "lib/dcn/layer.py": """\
import torch
from torch import nn
import _ext as kernels
class DCNv2(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.stride, self.padding, self.dilation = (2, 2), (1, 1), (1, 1)
        self.weight = nn.Parameter(torch.zeros(cout, cin, 3, 3))
        self.bias = nn.Parameter(torch.zeros(cout))
        self.offsets = nn.Conv2d(cin, 27, 3)
    def forward(self, x):
        return kernels.forward(x, self.offsets(x))
""",
        "lib/model.py": "from lib.dcn import DCNv2\ndef get_model():\n    return DCNv2(3, 5)\n",
    }
    outcome = build(files)
    model = model_of(outcome)
    assert [entry.key for entry in model.state] == [
        "weight",
        "bias",
        "offsets.weight",
        "offsets.bias",
    ]
    assert model.forwards[0].outputs[0].shape == (1, 5, 8, 8)
    assert [(s.module, s.kind) for s in outcome.snapshot.stubs] == [
        ("_ext", "deformable convolution")
    ]


def test_norm_layers_remember_the_lines_that_made_them(build: Callable[..., Outcome]) -> None:
    source = """\
from torch import nn


class InHouse(nn.BatchNorm2d):
    def __init__(self, channels):
        super().__init__(channels, eps=1e-3)


def helper(channels):
    return nn.GroupNorm(1, channels)


def get_model():
    return nn.Sequential(
        InHouse(3),
        helper(
            3
        ),
    )
"""
    model = model_of(build({"lib/model.py": source}))
    first, second = model.norms
    assert [str(frame) for frame in first.origin] == ["lib/model.py:15"]
    assert [str(frame) for frame in second.origin] == ["lib/model.py:10", "lib/model.py:16"]
    assert [layer.norm.kind for layer in model.norms if layer.norm] == ["BatchNorm2d", "GroupNorm"]


@pytest.mark.parametrize(
    ("python", "says"),
    [("/no/such/python", "cannot be started"), (None, "has no torch; name the interpreter")],
    ids=["missing", "without torch"],
)
def test_unusable_interpreter(python: str | None, says: str, tmp_path: Path, write: Write) -> None:
    if python is None:
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True
        )
        python = str(tmp_path / "venv/bin/python")
    with pytest.raises(Problem, match=says):
        probe({}, write("repository", {"a.py": ""}), Interpreter(python))
