"""Starred arguments, and what stands behind them in a call."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_NET = """\
class Tracker(nn.Module):
    def __init__(self, {parameters}):
        super().__init__()
        self.base = nn.ModuleList(base)
        self.extra = nn.ModuleList(extra)
        self.head = nn.ModuleList(head)
        self.phase = phase
def base_layers():
    return [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)]  #! {base}
def extra_layers():
    return [nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8)]  #! {extra}
def head_layers():
    return [nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)]  #! {head}
{more}
def build(flag):
    return Tracker({call})
net = build('train')
net.base.load_state_dict(torch.load('vgg16_reducedfc.pth'))
"""


def _net(parameters: str, call: str, more: str, base: str, extra: str, head: str) -> str:
    names = {"parameters": parameters, "call": call, "more": more}
    return _NET.format(base=base, extra=extra, head=head, **names)


_SELECT = """\
def select(base, extra):
    return base, extra, [nn.Conv2d(8, 8, 1)]
"""
_PAIR = """\
def pair():
    return extra_layers(), head_layers()
"""


@pytest.mark.parametrize(
    ("parameters", "call", "more"),
    [
        ("base, extra, select, head, phase",
         "*select(base_layers(), extra_layers()), head_layers(), flag", _SELECT),
        ("phase, base, extra, select, head",
         "flag, *select(base_layers(), extra_layers()), head_layers()", _SELECT),
        ("extra, head, base, phase", "*pair(), base_layers(), flag", _PAIR),
        ("extra, head, base, phase", "*pair(), phase=flag, base=base_layers()", _PAIR),
        # By several returns of the same length.
        ("extra, head, base, phase", "*pair(), base_layers(), flag",
         "def pair(flag=1):\n    if flag:\n        return extra_layers(), head_layers()\n"
         "    return extra_layers(), head_layers()"),
    ],
)  # fmt: skip
def test_what_stands_behind_a_tuple_has_its_place(parameters: str, call: str, more: str) -> None:
    check(_net(parameters, call, more, "keep", "convert", "convert"))


@pytest.mark.parametrize(
    ("more", "others"),
    [
        # A list may have any length.
        ("def pair():\n    return [extra_layers(), head_layers()]", "conflict"),
        ("def pair():\n    yield extra_layers()\n    yield head_layers()", "conflict"),
        ("def pair():\n    return (*[extra_layers()], head_layers())", "unknown"),
        ("def pair(flag=1):\n    if flag:\n        return extra_layers(), head_layers()\n"
         "    return (extra_layers(),)", "unknown"),
        ("def twice(f):\n    return f\n@twice\ndef pair():\n"
         "    return extra_layers(), head_layers()", "unknown"),
    ],
)  # fmt: skip
def test_how_many_come_before_is_not_known(more: str, others: str) -> None:
    call = "*pair(), base_layers(), 1"
    check(_net("extra, head, base, phase", call, more, "conflict", others, others))
