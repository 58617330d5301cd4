"""Containers that other code fills than makes them: by an argument, or under a second name."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

REPOSITORY = """\
from collections import OrderedDict, defaultdict, deque
import copy, functools, itertools
class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! {verdict}
{helper}
class Wrap(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
{body}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Encoder()
        self.backbone.load_state_dict(torch.load('imagenet.pth'))
        self.head = Block(8)
"""
FILL = "def fill(cells):\n    {}\n    return cells\n"


def repository(helper: str, body: str, verdict: str) -> str:
    body = textwrap.indent(textwrap.dedent(body), " " * 8)
    return REPOSITORY.format(helper=textwrap.dedent(helper), body=body, verdict=verdict)


@pytest.mark.parametrize(
    "made", ["[]", "list()", "nn.ModuleList()", "nn.Sequential()", "deque()", "[nn.ReLU()]"]
)
@pytest.mark.parametrize("use", ["{}\nfill(cells)\nself.layer1 = nn.Sequential(*cells)",
                                 "{}\nself.layer1 = nn.Sequential(*fill(cells))"])  # fmt: skip
def test_a_function_fills_what_it_is_handed(made: str, use: str) -> None:
    body = use.format(f"cells = {made}")
    check(repository(FILL.format("cells.append(Block(8))"), body, "conflict"))


@pytest.mark.parametrize(
    "filling",
    [
        "cells.extend([Block(8), Block(8)])",
        "cells += [Block(8)]",
        "cells.insert(0, Block(8))",
        "cells[len(cells):] = [Block(8)]",
        "for i in range(3): cells.append(Block(8))",
        "fill_more(cells)",
        "more = cells\n    more.append(Block(8))",
        "(lambda to: to.append(Block(8)))(cells)",
        "add = cells.append\n    add(Block(8))",
    ],
)
def test_ways_to_fill_a_list(filling: str) -> None:
    helper = FILL.format(filling) + "def fill_more(to):\n    to.append(Block(8))\n"
    body = "cells = []\nfill(cells)\nself.layer1 = nn.Sequential(*cells)"
    check(repository(helper, body, "conflict"))


@pytest.mark.parametrize(
    ("made", "filling", "use"),
    [
        ("{}", "cells['a'] = Block(8)", "nn.Sequential(*cells.values())"),
        ("OrderedDict()", "cells['a'] = Block(8)", "nn.Sequential(cells)"),
        ("dict(b=nn.ReLU())", "cells.update(a=Block(8))", "nn.ModuleDict(cells)"),
        ("nn.Sequential()", "cells.add_module('a', Block(8))", "cells"),
        ("nn.ModuleDict()", "cells['a'] = Block(8)", "cells"),
        ("defaultdict(list)", "cells['a'].append(Block(8))", "nn.Sequential(*cells['a'])"),
        ("{'a': []}", "cells['a'].append(Block(8))", "nn.Sequential(*cells['a'])"),
        ("{}", "cells.setdefault('a', []).append(Block(8))", "nn.Sequential(*cells['a'])"),
        ("[[], []]", "for cell in cells: cell.append(Block(8))", "nn.Sequential(*cells[0])"),
        ("[[], []]", "first, second = cells\n    first.append(Block(8))",
         "nn.Sequential(*cells[0])"),
    ],
)  # fmt: skip
def test_dicts_and_nested_containers(made: str, filling: str, use: str) -> None:
    body = f"cells = {made}\nfill(cells)\nself.layer1 = {use}"
    check(repository(FILL.format(filling), body, "conflict"))


@pytest.mark.parametrize(
    "body",
    [
        # a method of the same object, which is handed the list or finds it
        "cells = []\nself._fill(cells)\nself.layer1 = nn.Sequential(*cells)",
        "self.layer1 = nn.ModuleList()\nself._fill(self.layer1)",
        "self.layer1 = nn.ModuleList()\nlayers = self.layer1\nlayers.append(Block(8))",
        "layers = []\nself.cells = layers\nself.add()\nself.layer1 = nn.Sequential(*layers)",
        # other objects keep it
        "layers = []\nFiller(layers).run()\nself.layer1 = nn.Sequential(*layers)",
        "layers = []\nFiller(cells=layers).run()\nself.layer1 = nn.Sequential(*layers)",
        "filler = Filler([])\nfiller.run()\nself.layer1 = nn.Sequential(*filler.cells)",
        # a nested function, an element of a list, a partial, a choice
        "a, b = [], []\nfor part in (a, b):\n    part.append(Block(8))\n"
        "self.layer1 = nn.Sequential(*a)",
        "a, b = [], []\nself._fill(a or b)\nself.layer1 = nn.Sequential(*b)",
        "a = []\nfunctools.partial(self._fill, a)()\nself.layer1 = nn.Sequential(*a)",
        "a = []\n{'fill': self._fill}['fill'](a)\nself.layer1 = nn.Sequential(*a)",
        "a = []\nfor part in itertools.chain([a]):\n    part.append(Block(8))\n"
        "self.layer1 = nn.Sequential(*a)",
        "a = [[]]\nself._fill(copy.copy(a)[0])\nself.layer1 = nn.Sequential(*a[0])",
        "a = []\nself._fill(*[a])\nself.layer1 = nn.Sequential(*a)",
        "a = []\nself._fill(**{'cells': a})\nself.layer1 = nn.Sequential(*a)",
    ],
)
def test_aliases(body: str) -> None:
    helper = """\
        class Filler:
            def __init__(self, cells):
                self.cells = cells
            def run(self):
                self.cells.append(Block(8))
        """
    body += "\ndef"
    text = repository(helper, body.removesuffix("\ndef"), "conflict")
    methods = "    def _fill(self, cells):\n        cells.append(Block(8))\n"
    methods += "    def add(self):\n        self.cells.append(Block(8))\n"
    check(text.replace("class Net(", methods + "class Net("))


@pytest.mark.parametrize(
    "body",
    [
        # What is added to a copy, or to one of several lists, is in no other one.
        "cells = [nn.ReLU()]\nother = list(cells)\nother.append(Block(8))\n"
        "self.layer1 = nn.Sequential(*cells)",
        "cells, other = [nn.ReLU()], []\nfill(other)\nself.layer1 = nn.Sequential(*cells)",
        "cells = [nn.ReLU()]\nother = cells + []\nfill(other)\nself.layer1 = nn.Sequential(*cells)",
        "cells = [nn.ReLU()]\nother = cells[:]\nfill(other)\nself.layer1 = nn.Sequential(*cells)",
        "cells = [nn.ReLU()]\nother = cells.copy()\nfill(other)\n"
        "self.layer1 = nn.Sequential(*cells)",
        "cells = [[nn.ReLU()]]\nother = copy.deepcopy(cells)\nfill(other[0])\n"
        "self.layer1 = nn.Sequential(*cells[0])",
        "cells = [nn.ReLU()]\nother = nn.Sequential()\nother.add_module('a', Wrap(cells[0]))\n"
        "fill(other)\nself.layer1 = nn.Sequential(*cells)",
        "one = nn.Sequential(nn.ReLU())\ncells = [one]\nfill(cells)\nself.layer1 = one",
        "cells = [nn.ReLU()]\nself.layer1 = nn.Sequential(*cells)\nextra = nn.ModuleList(cells)\n"
        "extra.append(Block(8))",
    ],
)
def test_other_containers_do_not_get_it(body: str) -> None:
    body = body.replace("self.layer1 =", "self.backbone.layer1 =")
    text = repository(FILL.format("cells.append(Block(8))"), "pass", "convert")
    check(text + textwrap.indent(body, " " * 8) + "\n")


@pytest.mark.parametrize(
    "given",
    [
        "torch.load('imagenet.pth'), strict=False",
        "torch.hub.load_state_dict_from_url('https://e.org/imagenet.pth')",
    ],
)
def test_a_block_is_no_part_of_itself(given: str) -> None:
    """``add_module()`` on what holds blocks may seem to put one into another."""
    body = "cells = nn.Sequential()\nfill(cells)\nself.layer1 = cells"
    text = repository(FILL.format("cells.add_module('a', Block(8))"), body, "conflict")
    check(text.replace("torch.load('imagenet.pth')", given))
