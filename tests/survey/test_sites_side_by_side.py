"""What stands side by side in loops, and what a function gives back, is not mixed up."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

# A backbone and a head in a model that also gets other things into its hands.
MODEL = """\
import torchvision
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Block(), Block())
        self.load_state_dict(torch.hub.load_state_dict_from_url('https://example.com/net.pth'))
"""


@pytest.mark.parametrize(
    "loop",
    [
        "for part, other in zip([Net()], [Branch()]):\n            {body}",
        "for i, (part, other) in enumerate(zip([Net()], [Branch()])):\n            {body}",
        "for (i, part), other in zip(enumerate([Net()]), [Branch()]):\n            {body}",
        "parts, others = [Net()], [Branch()]\n"
        "        for part, other in zip(parts, reversed(others)):\n            {body}",
    ],
)
def test_loop_over_two_lists_at_once(loop: str) -> None:
    body = loop.format(body="self.backbone = part; self.head = other")
    check(
        f"""\
{MODEL}class Model(nn.Module):
    def __init__(self):
        super().__init__()
        {body}
"""
    )


@pytest.mark.parametrize(
    ("function", "result"),
    [
        ("def move(net):\n    return net.cuda()", "{}"),
        ("def move(net):\n    net = net.to('cuda')\n    return net", "{}"),
        ("def move(net, device='cpu'):\n    if device:\n        return net.to(device)\n"
         "    return net", "{}"),
        ("def move(net, device=0):\n    return net.to(device), device", "{}[0]"),
        ("def move(net, device=0):\n    return device, net.to(device)", "{}[1]"),
        ("move = lambda net: net.cuda()", "{}"),
    ],
)  # fmt: skip
def test_function_that_gives_back_what_it_is_given(function: str, result: str) -> None:
    check(
        f"""\
{MODEL}
{function}
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = {result.format("move(Net())")}
        self.head = {result.format("move(Branch())")}
"""
    )


def test_what_a_function_may_put_in_the_place_of_its_argument_is_not_lost() -> None:
    check(
        f"""\
{MODEL.replace("convert", "conflict")}
def choose(net, deep):
    if deep:
        net = Net()
    elif deep is None:
        return Branch()
    return net
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = choose(Net(), False)
        self.head = choose(Branch(), True)
"""
    )
