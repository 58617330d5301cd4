"""Functions of which one call may give what another call made or was handed."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

# Both a backbone and a neck are made by the function; what stands in the backbone is loaded.
TEXT = """\
from torch.utils.model_zoo import load_url
class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 1)
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {block}
kept = []
{function}
class Backbone(nn.Module):
    def __init__(self, stem):
        super().__init__()
        self.stem = stem
        self.load_state_dict(load_url("https://x.y/net.pth"))
class Net(nn.Module):
    def __init__(self, first):
        super().__init__()
        self.backbone = Backbone(first)
        self.neck = Block()
first, second = {calls}
net = Net(second)
"""
MAKE = "make(Block), make(Plain)"
GIVE = "give(Block()), give(Plain())"


def text(function: str, calls: str, block: str) -> str:
    return TEXT.format(function=function, calls=calls, block=block)


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        ("def make(cls):\n    kept.append(cls())\n    return kept[0]", MAKE),
        ("def make(cls, made=[]):\n    made += [cls()]\n    return made[0]", MAKE),
        ("def make(cls):\n    kept[len(kept):] = [cls()]\n    return kept[0]", MAKE),
        (
            "last = None\ndef make(cls):\n    global last\n    last = last or cls()\n"
            "    return last",
            MAKE,
        ),
        (
            "def make(cls, rest=()):\n    made = cls()\n    if rest:\n"
            "        made = nn.Sequential(made, make(rest[0]))\n    return made",
            "None, make(Plain, [Block])",
        ),
        ("def give(layer):\n    kept.append(layer)\n    return kept[0]", GIVE),
        (
            "made = {}\ndef give(layer):\n    if made:\n        return made['a']\n"
            "    made['a'] = layer\n    return layer",
            GIVE,
        ),
        (
            "def give(net, depth=1):\n    if depth == 0:\n        return net\n"
            "    return give(nn.Sequential(net, Block()), depth - 1)",
            "None, give(Plain())",
        ),
        (
            "def get(module, name, *args):\n    args = [Block() for _ in args]\n"
            "    return getattr(module, name)(*args)",
            "None, get(nn, 'Sequential', 1)",
        ),
    ],
)
def test_another_call_may_give_it(function: str, calls: str) -> None:
    check(text(function, calls, "conflict"))


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        ("def make(cls):\n    made = []\n    made.append(cls())\n    return made[0]", MAKE),
        ("def make(cls, width=1):\n    kept[0:] = width * 2\n    return [cls()][0]", MAKE),
        ("def give(layer):\n    kept.append(layer)\n    return layer", GIVE),
    ],
)
def test_each_call_gives_its_own(function: str, calls: str) -> None:
    check(text(function, calls, "convert"))
