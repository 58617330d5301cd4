"""The analysis ends on any input, and says when it did not see all."""

from __future__ import annotations

import ast

import hypothesis
import pytest
from hypothesis import strategies

from bn2gn_codemod.survey.flow import value_graph
from bn2gn_codemod.survey.flow.crowds import room_after
from tests.survey.verdicts import check, plan_of

MODEL = """\
import torchvision
import node
import numpy as np
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18()
        self.neck = nn.Sequential(nn.BatchNorm2d(8))  #! {verdict}
"""


@pytest.mark.parametrize(
    "code",
    [
        "x = node\nwhile x:\n    x = x.next\n",
        "x = node\nwhile x:\n    x = x.left\n    x = x.right\n    x = x.up\n    x = x.a\n",
        "x = np.nan\nfor _ in x:\n    x = x.shape\n",
        "x = (1, 2)\nwhile x:\n    x = (x, x)\ny = dict(x)\na, b = x\nnn.Sequential(x)\n",
        "x = (1, 2)\nwhile x:\n    x = (x, x)\nModel.sizes = x\n",
        "x = []\nx.append(x)\nx[0] = x\n",
        "x = []\nx.append(x)\nModel.parts = x\n",
        "def f(x=None):\n    return f(f)\ng = f(f(f))\n",
        "f = lambda g: g(g)\nf(f)\n",
        "def f(norm):\n    return f(norm)\nf(nn.BatchNorm2d)\n",
        "def f(n):\n    return g(n)\ndef g(n):\n    return f(n)\nf(nn.SyncBatchNorm)\n",
        "class A:\n    def __getattr__(self, k):\n        return getattr(self, k)\nA().a.b()\n",
        "class A(A):\n    pass\n",
        "class A(B):\n    pass\nclass B(A):\n    pass\nA().x\n",
        "def f(**kw):\n    return f(**kw)\nf(a=f, b=1)\n",
        "x = 'a'\nfor _ in range(9):\n    x = 'b' + x + 'c'\nglobals()[x]()\n",
        "eval(open('x').read())(eval)\n",
        "x = " + "+".join(["'a'"] * 600) + "\n",
        "x = " + "(" * 90 + "1" + ")" * 90 + "\n",
        "x" + ".a" * 900 + "\n",
        "f" + "(1)" * 900 + "\n",
    ],
)
def test_cycles_and_deep_code(code: str) -> None:
    norms = code.count("nn.BatchNorm2d") + code.count("nn.SyncBatchNorm")
    plan = plan_of(MODEL + code)
    verdicts = [str(site.verdict) for site in plan.sites if "neck" in site.attribute]
    assert verdicts == ["convert"]
    assert len(plan.sites) <= 1 + norms * 2


TANGLE = """\
import torchvision
def walk(module):  # mixes the layers of all models
    for child in module.children():
        walk(child)
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {head}
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = Head()
        self.neck = nn.Sequential(nn.BatchNorm2d(8))  #! {head}
class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.neck = nn.Sequential(nn.BatchNorm2d(8))  #! convert
OTHER = Other
walk(Model())
"""


def test_what_finds_no_room_is_not_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    check(TANGLE.format(head="convert"))
    monkeypatch.setattr(value_graph, "room_after", lambda moved: 3)
    plan = check(TANGLE.format(head="unknown"))
    reasons = " ".join(plan.sites[0].reasons)
    assert "child (net.py:" in reasons
    assert "where too much comes together to follow it" in reasons


CROWD = "".join(f"class C{i}(nn.Module):\n    pass\n" for i in range(9))


@pytest.mark.parametrize(
    "use",
    [
        # The norm class itself is lost on the way, or what makes the layers is.
        "ANY = [*CROWD, nn.BatchNorm2d]\nfor x in ANY:\n    x(8)\n",
        "class M(nn.Module):\n    def __init__(self, norm):\n        self.backbone = norm(8)\n"
        "ANY = [*CROWD, M]\nfor x in ANY:\n    x(nn.BatchNorm2d)\n",
        "ANY = [*CROWD, lambda norm: norm(8)]\nfor x in ANY:\n    C1().a = x(nn.BatchNorm2d)\n",
        "ANY = [c() for c in CROWD]\nfor x in ANY:\n    x.part = nn.BatchNorm2d(8)\n",
        "class M(nn.Module):\n    def __init__(self):\n        self.backbone = C1()\n"
        "        self.neck = nn.BatchNorm2d(8)\n"
        "ANY = [*[c() for c in CROWD], M()]\nfor x in ANY:\n"
        "    x.load_state_dict(torch.load(''))\n",
        "class M(nn.Module):\n    def __init__(self):\n        self.backbone = C1()\n"
        "        self.neck = nn.BatchNorm2d(8)\n"
        "from functools import partial\n"
        "ANY = [*CROWD, print]\nfor x in ANY:\n    partial(x, M())()\n",
    ],
)
@pytest.mark.parametrize("room", [1, 2, 4, 8])
def test_nothing_that_was_lost_is_converted(
    use: str, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(value_graph, "room_after", lambda moved: room)
    crowd = "CROWD = [" + ", ".join(f"C{i}" for i in range(9)) + "]\n"
    plan = plan_of("import torchvision\n" + CROWD + crowd + use)
    assert [str(site.verdict) for site in plan.sites] != []
    assert "convert" not in {str(site.verdict) for site in plan.sites}
    assert not plan.files


def test_room_gets_scarce_step_by_step() -> None:
    rooms = [room_after(moved) for moved in range(0, 2_000_000, 10_000)]
    assert rooms == sorted(rooms, reverse=True)
    assert rooms[0] > 100_000
    assert rooms[-1] == 8


def test_a_norm_class_handed_round_in_a_circle() -> None:
    blocks = "".join(
        f"class B{i}(nn.Module):\n"
        f"    def __init__(self, norm=nn.BatchNorm2d):\n"
        f"        super().__init__()\n"
        f"        self.bn = norm(8)\n"
        f"        self.next = B{(i + 1) % 100}(norm)\n"
        for i in range(100)
    )
    plan = plan_of(MODEL + blocks)
    # The default and the call of each class.
    assert sum(site.class_.startswith("B") for site in plan.sites) == 200


def test_code_that_is_not_followed_is_listed() -> None:
    check(
        """\
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        del self.bns[nn.BatchNorm2d(8)]  #! unknown
        raise ValueError(nn.BatchNorm2d(8))  #! unknown
"""
    )


def test_name_of_a_norm_that_stands_for_something_else() -> None:
    plan = check(
        """\
from functools import partial
from fused_layers import FusedStatistics
BatchNorm2d = partial(FusedStatistics, inplace=True)
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = BatchNorm2d(8)  #! unknown
"""
    )
    assert "stands for fused_layers.FusedStatistics here" in plan.sites[0].reasons[0]


def test_norm_that_code_in_a_string_makes_is_listed() -> None:
    check(
        """\
import operator, pydoc
class Model(nn.Module):
    def __init__(self, n):
        super().__init__()
        exec("self.bn = nn.BatchNorm2d(8)")  #! unknown
        for i in range(n):
            exec(f"self.bn{i} = nn.BatchNorm2d({i})")  #! unknown
        self.a = operator.attrgetter("BatchNorm2d")(nn)(8)  #! unknown
        self.b = operator.methodcaller("BatchNorm2d", 8)(nn)  #! unknown
        self.c = pydoc.locate("torch.nn.BatchNorm2d")(8)  #! unknown
"""
    )


def test_other_strings_that_name_a_norm_are_no_sites() -> None:
    plan = check(
        """\
import operator
import re
from re import compile
# self.bn = nn.BatchNorm2d(8)
class Model(nn.Module):
    \'\'\'self.bn = nn.BatchNorm2d(8)

    >>> exec("nn.BatchNorm2d(8)")
    \'\'\'
    def __init__(self):
        super().__init__()
        self.kind = "nn.BatchNorm2d(8)"
        print("nn.BatchNorm2d(8)", self.eval("nn.BatchNorm2d"))
        exec("self.conv = nn.Conv2d(8, 8, 1)")  # no nn.BatchNorm2d(8)
        re.compile("BatchNorm2d")
        compile("BatchNorm2d")
        self.a = operator.attrgetter("Conv2d")(nn)  # or BatchNorm2d
"""
    )
    assert not plan.sites


NAMES = strategies.sampled_from(["x", "y", "self", "nn", "Model", "torchvision", "f", "len", "zip"])


def _expressions() -> strategies.SearchStrategy[str]:
    return strategies.recursive(
        NAMES,
        lambda inner: strategies.one_of(
            inner.map(lambda e: f"{e}.next"),
            inner.map(lambda e: f"{e}[0]"),
            inner.map(lambda e: f"[{e} for x in y]"),
            inner.map(lambda e: f"(lambda x: {e})"),
            inner.map(lambda e: f"nn.BatchNorm2d({e})"),
            strategies.tuples(inner, inner).map(lambda e: f"{e[0]}({e[1]})"),
            strategies.tuples(inner, inner).map(lambda e: f"({e[0]}, {e[1]})"),
            strategies.tuples(inner, inner).map(lambda e: f"getattr({e[0]}, {e[1]})"),
            strategies.tuples(inner, inner).map(lambda e: f"({e[0]} or {e[1]})"),
        ),
        max_leaves=6,
    )


def _statements() -> strategies.SearchStrategy[str]:
    pairs = strategies.tuples(_expressions(), _expressions())
    return strategies.one_of(
        _expressions().map(lambda e: f"x = {e}"),
        _expressions().map(lambda e: f"y.attribute = {e}"),
        _expressions().map(lambda e: f"x, y = {e}"),
        _expressions().map(lambda e: f"y.append({e})"),
        pairs.map(lambda e: f"setattr({e[0]}, 'name', {e[1]})"),
        pairs.map(lambda e: f"for x in {e[0]}:\n    y = {e[1]}"),
        pairs.map(lambda e: f"def f(x={e[0]}):\n    return {e[1]}"),
    )


@hypothesis.settings(deadline=None, max_examples=60)
@hypothesis.given(strategies.lists(_statements(), max_size=12))
def test_every_norm_call_of_any_code_is_listed(statements: list[str]) -> None:
    code = "\n".join(statements)
    plan = plan_of(code or "pass\n")
    called = {
        (node.func.lineno, node.func.col_offset + 1)
        for node in ast.walk(ast.parse("import torch\nimport torch.nn as nn\n" + code))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "BatchNorm2d"
    }
    assert called <= {(site.place.line, site.place.column) for site in plan.sites}
    assert "convert" not in {str(site.verdict) for site in plan.sites}


VISIT = """\
import torchvision
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {head}
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = Head()
def visit(module):
    for child in module.children():
        visit(child)
{body}
class Wrapper(nn.Module):
    def __init__(self, whole):
        super().__init__()
        self.backbone = whole
Wrapper(visit(torchvision.models.resnet18()))
visit(Model())
"""


@pytest.mark.parametrize(
    "body",
    [
        "    return module\n",
        "    if isinstance(module, nn.Linear):\n        module.float()\n    return module\n",
        "    dtype = torch.half\n    module.to(dtype)\n    return module\n",
        "    module.pool = nn.Identity()\n    return module\n",
        "    setattr(module, 'pool', nn.Identity())\n    return module\n",
        "    module.update(pool=nn.Identity())\n    return module\n",
    ],
)
def test_children_that_are_visited_are_not_what_is_given(body: str) -> None:
    check(VISIT.format(head="convert", body=body))


@pytest.mark.parametrize(
    "body",
    [
        # A child is given back, or what is given is not the module.
        "    for child in module.children():\n        module = visit(child)\n    return module\n",
        "    return list(module.children())[0]\n",
    ],
)
def test_children_that_are_visited_and_may_be_given(body: str) -> None:
    check(VISIT.format(head="conflict", body=body))


def test_weights_that_are_loaded_into_children_are_seen() -> None:
    body = "    module.weight.data.copy_(torch.load('w.pt'))\n    return module\n"
    check(VISIT.format(head="keep", body=body))
