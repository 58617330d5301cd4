"""A method that loads, in a base class of models and backbones: what it is called on is filled."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

TEXT = """\
class Base(nn.Module):
    def load_pretrained(self, path):
        have = self.state_dict()
        found = torch.load(path, map_location="cpu")
        have.update({{k: v for k, v in found.items() if k in have}})
        self.load_state_dict(have)
    {base}
class Trunk(Base):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! {trunk}
        self.layer1 = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {trunk}
        self.layer2 = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {trunk}
        self.layer3 = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {trunk}
        self.layer4 = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {trunk}
class Model(Base):
    def __init__(self, path):
        super().__init__()
        self.backbone = Trunk()
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {head}
        {fill}
    {method}
{script}
"""
FILL = "self.backbone.load_pretrained(path)"


def text(
    head: str,
    fill: str = FILL,
    base: str = "pass",
    method: str = "pass",
    script: str = "",
    trunk: str = "keep",
) -> str:
    return TEXT.format(head=head, fill=fill, base=base, method=method, script=script, trunk=trunk)


def test_what_stands_beside_the_backbone_is_new() -> None:
    check(text("convert"))


def test_what_a_method_calls_on_itself_is_what_that_is_called_on() -> None:
    start = "def start(self, path):\n        self.load_pretrained(path)"
    check(text("convert", "self.backbone.start(path)", base=start))


@pytest.mark.parametrize(
    "script",
    [
        'Model("a.pth").load_pretrained("b.pth")',
        "model = Model(a)\nmodel.load_pretrained(b)",
        # Of what is not followed it may be any of them.
        "make().load_pretrained(b)",
        "import models\nmodels.make().load_pretrained(b)",
        "def fill(model):\n    model.load_pretrained(b)",
        # Or others call it.
        "fill = Model.load_pretrained",
        'getattr(model, "load_pretrained")(path)',
        'def fill(model, step):\n    getattr(model, f"load_{step}")("b.pth")',
        'def fill(model, step):\n    getattr(model, "load_" + step)("b.pth")',
        "def fill(model, step):\n    getattr(model, step)('b.pth')",
    ],
)
def test_a_whole_model_that_may_be_filled(script: str) -> None:
    check(text("unknown", script=script))


@pytest.mark.parametrize(
    ("fill", "method"),
    [
        ("self.load_pretrained(path)", "pass"),
        ("pass", "def start(self, path):\n        self.load_pretrained(path)"),
        ("pass", "def load_pretrained(self, path):\n        super().load_pretrained(path)"),
    ],
)
def test_a_model_that_fills_itself(fill: str, method: str) -> None:
    check(text("unknown", f"{FILL}\n        {fill}", method=method))


def test_the_base_class_fills_whatever_it_is() -> None:
    start = "def start(self, path):\n        self.load_pretrained(path)"
    check(text("unknown", base=start))


def test_where_nothing_calls_it() -> None:
    check(text("convert", "pass"))


@pytest.mark.parametrize("library", ["mmengine.model.BaseModule", "lightning.LightningModule"])
def test_a_library_may_call_the_method_itself(library: str) -> None:
    package, _, name = library.rpartition(".")
    body = text("unknown").replace("class Base(nn.Module):", f"class Base({name}):")
    check(f"from {package} import {name}\n{body}")
