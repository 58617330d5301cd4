"""A freeze is written where there is a model, whatever branches were taken on the way there."""

from __future__ import annotations

import ast

import pytest

from tests.training.test_certain_modules import HEAD, MODEL, plan_of

NONE_BEFORE_TWO_BRANCHES = """
def main(a, path=""):
    net, optimizer = None, None
    if a.train or path:
        if a.kind == "one":
            net = Detector()
        elif a.kind == "other":
            net = Detector().cuda()
        # here
        print(len(list(net.parameters())))
    if a.train:
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
    return net, optimizer
"""
READ_BY_A_FUNCTION = """
def count(net):
    print(sum(p.numel() for p in net.parameters()))

def main(a):
    net = None
    if a.train:
        if a.kind == "one":
            net = Detector()
        elif a.kind == "other":
            net = Detector().cuda()
        # here
        count(net)
    if a.more:
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""
UNBOUND = """
def main(a):
    if a.train:
        net = Detector()
        # here
    if a.optimize:
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""
UNBOUND_ATTRIBUTE = """
class Trainer:
    def __init__(self, a):
        if a.train:
            self.net = Detector()
            # here

    def start(self):
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1)
"""
MOVED_IN_A_BRANCH = """
def main(a):
    net = None
    if a.train:
        net = Detector()
    if a.cuda:
        net = net.cuda()
    print(a)
    if a.optimize:
        print(a)
        # here
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""
EARLY_RETURN_OF_A_FACTORY = """
def make(a):
    if not a.train:
        return None
    return Detector()

def main(a):
    net = make(a)
    if a.train:
        print(a)
        # here
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""
PART_OF_A_RESULT = """
def make(a):
    net = None
    if a.train:
        net = Detector()
    return net, a.kind

def main(a):
    net, kind = make(a)
    if a.train:
        print(a)
        # here
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""
FALLS_THROUGH = """
def make(a):
    if a.train:
        return Detector()

def main(a):
    net = make(a)
    # here
    net.to(0)
    if a.train:
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""
DEFAULT = """
def train(a, net=None):
    print(a)
    if a.train:
        print(a)
        # here
        optimizer = torch.optim.SGD(net.parameters(), 0.1)

train(1, Detector())
"""
HANDED_NONE = """
def train(a, net):
    print(a)
    if a.train:
        print(a)
        optimizer = torch.optim.SGD(net.parameters(), 0.1)

def start(a):
    net = None
    if a.train:
        net = Detector()
        # here
    train(a, net)

train(1, Detector())
"""
NOT_NONE = """
def main(a):
    net = None
    if net is None:
        net = Detector()
    # here
    if a.train:
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""
ALWAYS_MADE = """
def main(a):
    net = None
    try:
        net = Detector()
    except RuntimeError:
        raise SystemExit
    # here
    if a.train:
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""
PLACED = {name: text for name, text in globals().items() if "# here" in str(text)}

NO_PLACE = {
    "the optimizer comes first in its branch": """
def main(a):
    net = None
    if a.one:
        net = Detector()
    elif a.other:
        net = Detector().cuda()
    if a.train:
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
""",
    "a default, and the optimizer comes first": """
def train(a, net=None):
    print(a)
    if a.train:
        optimizer = torch.optim.SGD(net.parameters(), 0.1)

train(1, Detector())
""",
    "a function that may do without": """
def build(net):
    if net is not None:
        return torch.optim.SGD(net.parameters(), 0.1)

def main(a):
    net, other = None, 1
    if a.one:
        net = Detector()
    elif a.other:
        net = Detector().cuda()
    build(net)
""",
}


@pytest.mark.parametrize("name", PLACED)
def test_where_there_is_a_model(name: str) -> None:
    text = PLACED[name]
    source = (HEAD + MODEL + text).splitlines()
    edits = [edit for file in plan_of(MODEL + text).files for edit in file.freezes]
    assert len(edits) == 1
    after = next(
        node
        for node in ast.walk(ast.parse("\n".join(source)))
        if isinstance(node, ast.stmt) and node.lineno == edits[0].after.line
    )
    assert source[after.end_lineno or 0].strip() == "# here"


@pytest.mark.parametrize("name", NO_PLACE)
def test_nothing_is_written_where_there_may_be_none(name: str) -> None:
    plan = plan_of(MODEL + NO_PLACE[name])
    assert [edit for file in plan.files for edit in file.freezes] == []
