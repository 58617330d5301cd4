"""Models that a table of classes gives by a key: which one a branch that asks for the key has."""

from __future__ import annotations

import pytest

from bn2gn_codemod.plan import Plan
from tests.survey.verdicts import check

MODELS = """
import torchvision

class Base(nn.Module):
    def __init__(self, depth):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)

class Plain(Base):
    def __init__(self, depth):
        super().__init__(depth)
        self.last = nn.Conv2d(8, 8, 1)

class Rich(Base):
    def __init__(self, depth):
        super().__init__(depth)
        self.top = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
        self.last = nn.Conv2d(8, 8, 1)

{above}
def make(args, name, table):
    {body}
    return net

def main(args):
    net = make(args, args.name, {{'plain': Plain, 'rich': Rich}})
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""
LOAD = "net.load_state_dict(torch.load('pretrained/all_of_it.pth'))"


def look(body: str, verdict: str, above: str = "") -> Plan:
    lines = body.replace("LOAD", LOAD).replace("; ", "\n    ")
    return check(MODELS.format(body=lines, verdict=verdict, above=above))


MADE = "kinds = {'plain': Plain, 'rich': Rich}; net = kinds[args.name](18); "


@pytest.mark.parametrize(
    "body",
    [
        MADE + "if args.name == 'plain': LOAD",
        MADE + "rate = 10\n    if args.name in ('plain',): LOAD",
        MADE + "if rate > 1 and args.name == 'plain': LOAD",
        MADE + "if args.pretrained:\n        if args.name == 'plain': LOAD",
        MADE.replace("args.name", "name") + "if name == 'plain': LOAD",
        MADE + "if args.name == 'plain': LOAD\n    net = nn.DataParallel(net)",
    ],
)
def test_a_branch_for_one_key(body: str) -> None:
    plan = look(body, "convert")
    assert [edit for file in plan.files for edit in file.loads] == []  # the load stays strict


def test_a_table_at_the_top_of_the_file() -> None:
    body = MADE.partition("; ")[2] + "if args.name == 'plain': LOAD"
    look(body, "convert", "kinds = {'plain': Plain, 'rich': Rich}")


@pytest.mark.parametrize(
    "body",
    [
        MADE + "if args.name == 'rich': LOAD",
        MADE + "if args.name in ('plain', 'rich'): LOAD",
        MADE + "if args.name in ('plain', other): LOAD",
        MADE + "if args.name != 'plain': LOAD",
        MADE + "if args.kind == 'plain': LOAD",
        MADE + "if args.name == 'plain' or args.all: LOAD",
        # the key or the variable is another one by then
        MADE + "args.name = 'plain'; if args.name == 'plain': LOAD",
        MADE + "settle(args); if args.name == 'plain': LOAD",
        MADE + "args.settle(); if args.name == 'plain': LOAD",
        MADE + "net = Rich(18); if args.name == 'plain': LOAD",
        MADE + "if args.name == 'plain':\n        net = Rich(18)\n        LOAD",
        MADE + "for args.name in every:\n        if args.name == 'plain': LOAD",
        # the table is another one
        MADE.replace("; net", "; kinds['plain'] = Rich; net") + "if args.name == 'plain': LOAD",
        MADE.replace("kinds[", "table[") + "if args.name == 'plain': LOAD",
        MADE.replace("Plain,", "Plain if args.old else Rich,") + "if args.name == 'plain': LOAD",
    ],
)
def test_branches_for_what_is_not_told(body: str) -> None:
    look(body, "unknown")
