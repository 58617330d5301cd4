"""Classes that several calls hand to one function, which makes objects of them."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_NET = """\
class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! {block}
class Special(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! {special}
BLOCKS = {{"a": Block, "b": Special}}
class Layers(nn.Module):
    {make}
class Backbone(Layers):
    def __init__(self):
        super().__init__()
        self.layer1 = {first}
        self.load_state_dict(torch.load("resnet50-19c8e357.pth"))
class Head(Layers):
    def __init__(self, cfg):
        super().__init__()
        self.fuse = {second}
class Model(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.backbone = Backbone()
        self.head = Head(cfg)
"""
_MAKE = """\
def _make(self, c, block):
        layers = [block(c)]
        layers.append(block(c))
        return nn.Sequential(*layers)
"""


def _filled(make: str, first: str, second: str, block: str, special: str) -> str:
    names = {"make": make, "first": first, "second": second}
    return _NET.format(block=block, special=special, **names)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("self._make(8, Block)", "self._make(8, Special)"),
        ("self._make(8, block=Block)", "self._make(c=8, block=Special)"),
        ("self._make(8, Block)", "nn.ModuleList([self._make(8, Special) for _ in range(3)])"),
        ("nn.Sequential(self._make(8, Block))", "self._make(8, Special)[0]"),
    ],
)
def test_each_call_gives_objects_of_its_own_class(first: str, second: str) -> None:
    # Code of the backbone names the other class: so it is not converted.
    check(_filled(_MAKE, first, second, "keep", "unknown"))


def test_an_attribute_beside_the_loaded_ones_has_classes_of_its_own() -> None:
    check(
        """\
class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! keep
class Special(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! unknown
class PoseHRNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = self._make_layer(Block, 8)
        self.stage2 = self._make_layer(Block, 8)
        self.offset = self._make_head(Special)
    def _make_layer(self, block, c):
        return nn.Sequential(block(c))
    def _make_head(self, block):
        return nn.ModuleList([self._make_layer(block, 8) for _ in range(3)])
def net(path):
    model = PoseHRNet()
    own = model.state_dict()
    own.update({k: v for k, v in torch.load(path).items() if k in own})
    model.load_state_dict(own)
    return model
"""
    )


@pytest.mark.parametrize(
    ("make", "first", "second", "block", "special"),
    [
        # By a key that is not known, it may be any of them.
        (_MAKE, "self._make(8, Block)", "self._make(8, BLOCKS[cfg.block])", "conflict", "unknown"),
        (_MAKE, "self._make(8, BLOCKS['a'])", "self._make(8, Special)", "keep", "conflict"),
        # In one call both.
        (_MAKE, "self._make(8, Block if torch else Special)", "self._make(8, Special)",
         "keep", "conflict"),
        # Where an argument goes is not written there.
        (_MAKE, "self._make(*(8, Block))", "self._make(*(8, Special))", "conflict", "conflict"),
        (_MAKE, "self._make(*[8, Block])", "self._make(8, Special)", "keep", "conflict"),
        # The parameter may be something else by then.
        (_MAKE.replace("layers = [block", "block = block or Special\n        layers = [block"),
         "self._make(8, Block)", "self._make(8, Special)", "conflict", "conflict"),
        ("def _make(self, c, block):\n        return [block(c) for block in (block, Special)]",
         "self._make(8, Block)", "self._make(8, Special)", "conflict", "conflict"),
        # What the function makes beside it, every call gives.
        ("def _make(self, c, block):\n        return [block(c), Special(c)]",
         "self._make(8, Block)", "self._make(8, Special)", "keep", "conflict"),
        # A default.
        ("def _make(self, c, block=Special):\n        return nn.Sequential(block(c))",
         "self._make(8, Block)", "self._make(8)", "conflict", "unknown"),
        # What is kept somewhere else another call may give.
        ("def _make(self, c, block):\n        self.kept = block(c)\n        return [self.kept]",
         "self._make(8, Block)", "self._make(8, Special)", "conflict", "conflict"),
    ],
)  # fmt: skip
def test_where_a_call_may_give_more(
    make: str, first: str, second: str, block: str, special: str
) -> None:
    check(_filled(make, first, second, block, special))
