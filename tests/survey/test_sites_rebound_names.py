"""A local name that a function gives one object after another."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

_NET = """\
import torchvision, pluggy_models
from torch.optim.swa_utils import AveragedModel
class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {block}
class Around(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net
def same(net):
    return net
def last():
    return last.net
def fresh():
    return Block(8)
class Net(nn.Module):
    def __init__(self, widths, part=None):
        super().__init__()
{body}
"""
_LOADED = "torchvision.models.resnet18(pretrained=True)"


def _net(body: str, block: str) -> str:
    return _NET.format(body=textwrap.indent(textwrap.dedent(body), 8 * " "), block=block)


@pytest.mark.parametrize(
    "body",
    [
        f"""\
        part = {_LOADED}
        self.backbone = part
        part = Block(8)
        self.head = part
        """,
        f"""\
        part = Block(widths[0] // 2)
        self.head = part
        part = {_LOADED}
        self.backbone = part
        """,
        f"""\
        self.backbone = nn.ModuleList()
        self.heads = nn.ModuleList()
        part = {_LOADED}
        self.backbone.append(part)
        for width in widths:
            part = Block(width)
            if width:
                self.heads.append(part)
        """,
        # The second one has the first one's name as a parameter.
        f"""\
        self.backbone = {_LOADED}
        part = Block(8)
        self.head = part
        Net([], {_LOADED})
        """,
        f"""\
        part = {_LOADED}
        self.backbone = part
        part = fresh()
        self.head = part
        """,
        """\
        part = Block(8)
        self.head = part
        part = torchvision.models.resnet18(pretrained=self.training)
        self.backbone = part
        """,
        f"""\
        part = Block(8)
        self.head = part
        part = nn.Conv2d(3, 8, 1)
        self.backbone = nn.Sequential({_LOADED}, part)
        """,
        # What the generator goes over is read at once.
        f"""\
        part = {_LOADED}
        self.backbone = part
        part = fresh()
        self.head = nn.Sequential(*(one for one in part))
        """,
        f"""\
        part = {_LOADED}
        self.backbone = part
        with torch.no_grad():
            part = Block(8)
            self.head = part
        """,
    ],
)
def test_what_a_name_was_given_last(body: str) -> None:
    check(_net(body, "convert"))


@pytest.mark.parametrize(
    "body",
    [
        f"""\
        try:
            part = {_LOADED}
        except OSError:
            part = Block(8)
        self.backbone = part
        """,
        # What is called later has the last one.
        f"""\
        part = {_LOADED}
        def fill():
            self.backbone = part
        part = Block(8)
        fill()
        """,
        f"""\
        part = {_LOADED}
        def fill():
            nonlocal part
            part = Block(8)
        fill()
        self.backbone = part
        """,
        # The second one holds the first, or is it.
        """\
        part = Block(8)
        part = Around(part)
        self.backbone = part
        """,
        """\
        part = Block(8)
        part = same(part)
        self.backbone = part
        """,
        # A generator runs later.
        f"""\
        part = {_LOADED}
        parts = (part for _ in range(2))
        part = Block(8)
        self.backbone = nn.Sequential(*parts)
        """,
        f"""\
        part = {_LOADED}
        parts = (nn.Sequential(part, one) for one in [nn.ReLU()] if part)
        part = Block(8)
        self.backbone = nn.Sequential(*parts)
        """,
        # It is not seen what the call gives.
        """\
        part = Block(8)
        torch.save(part, "part.pth")
        part = torch.load("part.pth")
        self.backbone = part
        """,
        """\
        part = Block(8)
        pluggy_models.register("part", part)
        part = pluggy_models.create("part")
        self.backbone = part
        """,
        """\
        part = Block(8)
        last.net = part
        part = last()
        self.backbone = part
        """,
        """\
        part = Block(8)
        part = AveragedModel(model=part)
        self.backbone = part
        """,
        """\
        part = Block(8)
        part = same(net=part)
        self.backbone = part
        """,
        f"""\
        part = {_LOADED}
        print(part := Block(8))
        self.backbone = part
        """,
        f"""\
        part = {_LOADED}
        for part in [Block(8)]:
            pass
        self.backbone = part
        """,
        f"""\
        part = {_LOADED}
        part, other = Block(8), 1
        self.backbone = part
        """,
    ],
)
def test_what_a_name_may_hold_is_not_lost(body: str) -> None:
    check(_net(body, "keep"))


def test_object_that_both_sides_hold() -> None:
    body = f"""\
    part = {_LOADED}
    part = Block(8)
    self.backbone = nn.Sequential({_LOADED}, part)
    self.head = part
    """
    check(_net(body, "conflict"))


@pytest.mark.parametrize(
    "body",
    [
        # It may be either of them.
        f"""\
        part = Block(8)
        if widths:
            part = {_LOADED}
        self.backbone = part
        self.head = nn.Sequential(part)
        """,
        f"""\
        for width in widths:
            self.add_module(f"head{{width}}", part)
            part = Block(8)
            self.backbone = {_LOADED} if width else part
        """,
    ],
)
def test_name_that_may_hold_either_of_them(body: str) -> None:
    check(_net(body, "conflict"))
