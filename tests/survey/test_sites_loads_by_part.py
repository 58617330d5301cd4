"""Loaders that go down a model from part to part, and how strict their callers ask them to be."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, only

_MODEL = """\
from loading import load_checkpoint
class Align(nn.Module):
    def __init__(self):
        super().__init__()
        self.pick = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
class ViT(nn.Module):
    def __init__(self):
        super().__init__()
        {store}
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 16, 16), nn.BatchNorm2d(8))  #! keep
        self.blocks = nn.ModuleList([nn.Linear(8, 8)])
    def init_weights(self, pretrained=None):
        if isinstance(pretrained, str):
            load_checkpoint(self, pretrained{asked})
class Seg(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = ViT()
        self.backbone.init_weights('vit.pth')
        self.head = nn.Conv2d(8, 2, 1)
-- loading.py --
{loader}
"""
_PLAIN = """\
def load_checkpoint(model, name, strict=False):
    model.load_state_dict(torch.load(name), strict=strict)
"""
_DOWN = """\
def load_state(module, state, strict=False):
    missing = []
    def load(module, prefix=''):
        if hasattr(module, 'module'):
            module = module.module
        module._load_from_state_dict(state, prefix, {{}}, True, missing, [], [])
        for name, child in module.{children}:
            if child is not None:
                load(child, prefix + name + '.')
    load(module)
    if strict and missing:
        raise RuntimeError(missing)
def load_checkpoint(model, name, strict=False):
    load_state(model, torch.load(name), strict)
"""
_LOADERS = [
    _PLAIN,
    _DOWN.format(children="_modules.items()"),
    _DOWN.format(children="named_children()"),
    _DOWN.format(children="_modules.items()").replace("module = module.module", "pass"),
]
_LIST = "self.align = []\n        for _ in range(4): self.align.append(Align())"


def _check(loader: str, store: str, verdict: str, asked: str = ", strict=False") -> list[str]:
    plan = check(_MODEL.format(loader=loader, store=store, verdict=verdict, asked=asked))
    return [reason for site in plan.sites for reason in site.reasons]


@pytest.mark.parametrize("loader", _LOADERS)
@pytest.mark.parametrize("asked", ["", ", strict=False"])
def test_a_plain_list_is_in_no_file(loader: str, asked: str) -> None:
    reasons = _check(loader, _LIST, "unknown", asked)
    assert any("ViT.align is a plain list" in one for one in reasons)
    _check(loader, "self.align = [Align() for _ in range(4)]", "unknown", asked)


@pytest.mark.parametrize("loader", _LOADERS)
@pytest.mark.parametrize(
    "store",
    [
        "self.align = nn.ModuleList([Align()])",
        "self.align = nn.ModuleList(); self.align.append(Align())",
        "self.align = [Align()]; self.align = nn.Sequential(*self.align)",
        "self.align = [Align()]; self.parts = nn.ModuleList(self.align)",
        "self.align = [Align()]; self.add_module('first', self.align[0])",
    ],
)
def test_other_parts_are(loader: str, store: str) -> None:
    assert not any("strictly" in one for one in _check(loader, store, "keep"))


@pytest.mark.parametrize("loader", _LOADERS[1:])
def test_a_part_is_loaded_with_its_model_alone(loader: str) -> None:
    """What has a new part's name may not be in the file."""
    _check(loader, "self.fpn = nn.ModuleList([Align()])", "unknown")


@pytest.mark.parametrize("asked", [", True", ", strict=True", ", strict=args.strict", ", **given"])
@pytest.mark.parametrize("loader", _LOADERS)
def test_a_load_that_may_be_strict(loader: str, asked: str) -> None:
    text = _MODEL.format(loader=loader, store="self.fpn = Align()", verdict="keep", asked=asked)
    plan = check(text.replace("class ViT", "class ResNet").replace("ViT()", "ResNet()"))
    assert all("strictly" in site.reasons[0] for site in only(plan, "keep"))


@pytest.mark.parametrize(
    "loader",
    [
        _PLAIN.replace("strict=False", "strict=True"),
        _PLAIN.replace("):\n", "):\n    strict = True\n"),
        _PLAIN + "def other(net):\n    load_checkpoint(net, 'a.pth', True)\n",
        _PLAIN.replace(", strict=strict", ""),
        _DOWN.format(children="_modules.items()").replace("name), strict)", "name), True)"),
    ],
)
def test_a_loader_that_may_be_strict(loader: str) -> None:
    text = _MODEL.format(loader=loader, store="self.fpn = Align()", verdict="keep", asked="")
    check(text.replace("class ViT", "class ResNet").replace("ViT()", "ResNet()"))


_RESNET = """\
from functools import partial
class ResNet(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 16, 16), nn.BatchNorm2d(8))  #! keep
        self.layer1 = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! keep
        self.fpn = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
        {load}
class Seg(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = ResNet('fpn.pth')
        self.head = nn.Conv2d(8, 2, 1)
"""
_METHOD = """\
    def load(self, name, prefix=None, strict=False):
        self.load_state_dict(torch.load(name), strict)
"""
_LISTING = """\
def load_checkpoint(model, name):
    missing = []
    def load(module, prefix=''):
        module._load_from_state_dict(torch.load(name), prefix, {}, True, missing, [], [])
        for name, child in module.named_children():
            load(child, prefix + name + '.')
    load(model)
"""
_GIVES = _PLAIN.replace("    model", "    return model")


@pytest.mark.parametrize(
    ("load", "rest"),
    [
        ("load_checkpoint(self, name)", _PLAIN),
        ("load_checkpoint(self, name)", _PLAIN + "def other(d):\n    d.load_checkpoint(1)\n"),
        ("self.load(name)", _METHOD),
        ("ResNet.load(self, name, True)", _METHOD),
        ("ResNet.load(self, name, True, False)", _METHOD),
        ("load_checkpoint(self, name)", _LISTING),
        ("load_checkpoint(self, name)", _LISTING + "    print(missing)\n"),
        ("load_checkpoint(self, name)", _LISTING + "    if missing:\n        print('missing')\n"),
        ("load_checkpoint(self, name)", "def fail(): raise OSError()\n" + _LISTING),
        ("load_checkpoint(self, name)", _LISTING + "    if not name:\n        raise OSError()\n"),
        ("print(load_checkpoint(self, name))", _GIVES),
        ("told = load_checkpoint(self, name); print(f'{told}')", _GIVES),
    ],
)
def test_a_load_that_is_lenient(load: str, rest: str) -> None:
    check(_with_loader(load, rest, "unknown"))


@pytest.mark.parametrize(
    ("load", "rest"),
    [
        ("load_all(self, name)", _PLAIN + "load_all = partial(load_checkpoint, strict=True)\n"),
        ("load = partial(load_checkpoint, strict=True); load(self, name)", _PLAIN),
        (
            "load_all(self, name)",
            _PLAIN + "load_all = lambda n, p: load_checkpoint(n, p, strict=True)\n",
        ),
        ("load_checkpoint(self, name)", "@made_strict\n" + _PLAIN),
        ("self.load(name)", _METHOD + "def other(m):\n    m.load('a.pth', strict=True)\n"),
        ("ResNet.load(self, name, False, True)", _METHOD),
        ("ResNet.load(self, name, False, True)", _METHOD + "    load = staticmethod(load)\n"),
        (
            "self.load(name)",
            _METHOD
            + "    def load_state_dict(self, state, strict=True):\n"
            + "        return super().load_state_dict(state, strict=True)\n",
        ),
        ("load_checkpoint(self, name)", _LISTING + "    assert not missing\n"),
        ("load_checkpoint(self, name)", _LISTING + "    if missing:\n        fail(missing)\n"),
        ("load_checkpoint(self, name)", _LISTING + "    if missing:\n        fail()\n"),
        (
            "load_checkpoint(self, name)",
            _LISTING + "    if not missing:\n        return\n    fail()\n",
        ),
        (
            "load_checkpoint(self, name)",
            _LISTING + "    left = list(missing)\n    assert not left\n",
        ),
        ("assert not load_checkpoint(self, name)", _LISTING + "    return missing\n"),
        ("missing = load_checkpoint(self, name)\n        if missing: raise OSError()", _GIVES),
        ("missing, _ = load_checkpoint(self, name)\n        assert not missing", _GIVES),
        ("if load_checkpoint(self, name)[0]: raise OSError()", _GIVES),
    ],
)
def test_a_load_that_is_as_good_as_strict(load: str, rest: str) -> None:
    check(_with_loader(load, rest, "keep"))


def _with_loader(load: str, rest: str, verdict: str) -> str:
    first, middle, last = _RESNET.format(load=load, verdict=verdict).partition("class Seg")
    return first + rest + middle + last


_BESIDE = """\
class Neck(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
def loader_of(model, state):
    def load(module, prefix=''):
        module._load_from_state_dict(state, prefix, {{}}, True, [], [], [])
        for name, child in module.named_children():
            load(child, prefix + name + '.')
    load(model)
    {then}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = Trunk()
        self.neck = Neck()
        load = loader_of(self.trunk, torch.hub.load_state_dict_from_url('https://a.org/a.pth'))
        {more}
"""


@pytest.mark.parametrize("then", ["return load", "give = load\n    return give"])
def test_a_loader_that_is_called_elsewhere(then: str) -> None:
    check(_BESIDE.format(then=then, more="load(self.neck, 'neck.')", verdict="keep"))


@pytest.mark.parametrize("then", ["pass", "load = None", "load(model, 'module.')"])
def test_a_loader_that_is_not(then: str) -> None:
    check(_BESIDE.format(then=then, more="pass", verdict="convert"))


def test_a_load_of_anything_else_is_no_call_of_a_function_of_its_name() -> None:
    """``net.load_state_dict(state)`` asks nobody's ``load_state_dict(model, ..., strict)``."""
    loader = _DOWN.format(children="_modules.items()").replace("load_state(", "load_state_dict(")
    other = "-- other.py --\nimport torchvision\nfrom net import Seg\ndef test(net, path):\n"
    other += "    net.load_state_dict(torch.load(path), strict=True)\n"
    other += "    build(path).load_state_dict(torch.load(path), strict=True)\n"
    other += "test(torchvision.models.resnet18(), 'a.pth')\nbest(Seg().load_state_dict)\n"
    text = _MODEL.format(
        loader=loader,
        store="self.fpn = Align()",
        verdict="unknown",
        asked=", strict=False",
    )
    plan = check(text + other)
    assert not any("strictly" in one for site in plan.sites for one in site.reasons)
