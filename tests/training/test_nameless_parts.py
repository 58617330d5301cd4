"""Parts that a model has below names that are not known: what holds it is frozen as a whole."""

from __future__ import annotations

import pytest

from tests.training.test_certain_freezes import plan_of

_MODEL = """
from collections import OrderedDict


class Pyramid(nn.Module):
    def __init__(self):
        super().__init__()
        self.size = 3
        {own}
        layers = OrderedDict()
        source = torchvision.models.vgg16_bn(weights="DEFAULT").features
        for i, layer in enumerate(source.children()):
            layers["level_%d" % i] = layer
        {store}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.pyramid = Pyramid()
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))
"""
_STORES = [
    "self.__dict__['_modules'] = layers",
    "self._modules = layers",
    "[setattr(self, name, layer) for name, layer in layers.items()]",
    "for name, layer in layers.items(): self.add_module(name, layer)",
]


def _frozen(store: str, own: str = "pass", made: str = "model.Net()") -> list[str]:
    plan = plan_of(_MODEL.format(store=store, own=own), made)
    return [name for file in plan.files for freeze in file.freezes for name in freeze.backbone]


@pytest.mark.parametrize("store", _STORES)
def test_what_holds_them_is_frozen(store: str) -> None:
    assert _frozen(store) == ["pyramid"]


@pytest.mark.parametrize("store", _STORES)
def test_a_model_by_itself_has_no_name_for_them(store: str) -> None:
    assert _frozen(store, made="model.Pyramid()") == []


@pytest.mark.parametrize(
    "own",
    [
        # New layers have names of their own,
        "self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))",
        "self.neck = nn.BatchNorm2d(8)",
        # or none, either.
        "self.add_module(name, nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)))",
        "setattr(self, name, nn.BatchNorm2d(8))",
    ],
)
@pytest.mark.parametrize("store", _STORES)
def test_new_layers_are_in_there_as_well(own: str, store: str) -> None:
    assert _frozen(store, own) == []


_CELLS = 9
_TANGLE = "\n".join(
    [
        "def trunk():",
        '    return torchvision.models.resnet18(weights="DEFAULT")',
        *(f"class Cell{i}(nn.Module): pass" for i in range(_CELLS)),
        f"CELLS = [{', '.join(f'Cell{i}' for i in range(_CELLS))}]",
        "def cell(config):",
        "    made = CELLS[config]()",
        *(f"    made.part{i} = cell(config - 1)" for i in range(_CELLS)),
        "    made.trunk = trunk()",
        "    return made",
        "class Net(nn.Module):",
        "    def __init__(self):",
        "        super().__init__()",
        "        self.backbone = trunk()",
        "        self.neck = cell(3)",
        "        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))",
    ]
)


def test_where_everything_seems_to_hold_everything_no_freeze_is_written_and_that_is_said() -> None:
    plan = plan_of(_TANGLE, "model.Net()")
    [script] = plan.train_scripts
    assert script.backbone == ("backbone",)
    assert not script.fix
    assert "too much comes together in Net" in script.reason
    [call] = plan.train_calls
    assert call.reason == script.reason
    assert call.place.path == "train.py"
