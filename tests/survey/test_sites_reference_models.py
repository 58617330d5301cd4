"""Models that are loaded wherever one is made, in a repository that does not train them."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_TEXT = """\
import torchvision
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class Published(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.head = Head()
-- own.py --
import torchvision
class OwnHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
class Own(nn.Module):
    def __init__(self, head):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.head = head
-- train.py --
from own import Own, OwnHead
{train}
optimizer = torch.optim.SGD(net.parameters(), 0.1)
-- evaluate.py --
from net import Head, Published
{evaluate}
model.eval()
"""
_TRAIN = "net = Own(OwnHead())"
_LOADED = "model = Published()\nmodel.load_state_dict(torch.load(path)['model'])"


def verdict(expected: str, evaluate: str = _LOADED, train: str = _TRAIN) -> None:
    check(_TEXT.format(verdict=expected, evaluate=evaluate, train=train))


@pytest.mark.parametrize(
    "evaluate",
    [
        _LOADED,
        "def build(path):\n    model = Published()\n    saved = torch.load(path)\n"
        "    model.load_state_dict(saved)\n    return model.cuda()\nmodel = build(path)",
        "def build():\n    return Published()\nmodel = build()\n"
        "model.load_state_dict(torch.load(path))",
        "def fill(model):\n    model.load_state_dict(torch.load(path))\nmodel = Published()\n"
        "fill(model)",
        # It need not fit, but there is nothing else to evaluate.
        "model = Published()\nmodel.load_state_dict(torch.load(path), strict=False)",
    ],
)
def test_model_that_only_its_file_fills(evaluate: str) -> None:
    verdict("unknown", evaluate)


@pytest.mark.parametrize(
    "evaluate",
    [
        # The load is asked for, leaves parts out, or goes on;
        "model = Published()\nif path:\n    model.load_state_dict(torch.load(path))",
        "model = Published()\nsaved = {k: v for k, v in torch.load(path).items() if 'trunk' in k}\n"
        "model.load_state_dict(saved, strict=False)",
        "model = Published()\nmodel.load_state_dict(torch.load(args.resume))",
        "model = Published()",
        "def fill(model):\n    if path:\n        model.load_state_dict(torch.load(path))\n"
        "model = Published()\nfill(model)",
        # or there are others that are not loaded.
        f"{_LOADED}\nother = Published()",
        "def build():\n    return Published()\nmodel = build()\n"
        "model.load_state_dict(torch.load(path))\nother = build()",
    ],
)
def test_model_that_something_else_may_fill(evaluate: str) -> None:
    verdict("convert", evaluate)


@pytest.mark.parametrize(
    "train",
    [
        # Training has the model, or one with such a head.
        "from net import Published\nother = Own(OwnHead())\nnet = Published()",
        "from net import Head\nother = Own(OwnHead())\nnet = Own(Head())",
    ],
)
def test_model_that_is_evaluated_after_its_training(train: str) -> None:
    verdict("convert", train=train)


def test_part_that_the_model_has_twice() -> None:
    text = _TEXT.format(verdict="unknown", evaluate=_LOADED, train=_TRAIN)
    check(text.replace("self.head = Head()", "self.head = Head()\n        self.aux = Head()"))


@pytest.mark.parametrize(("mode", "verdict"), [("eval", "unknown"), ("half", "convert")])
def test_repository_that_trains_nothing(mode: str, verdict: str) -> None:
    """Code that evaluates is what the model is there for; else its users may train it."""
    text = _TEXT.format(verdict=verdict, evaluate=_LOADED, train=_TRAIN)
    text = text.replace("optimizer = torch.optim.SGD(net.parameters(), 0.1)\n", "")
    text = text.replace("model.eval()", f"model.{mode}()")
    check(text)


_OWN_METHOD = """\
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
    def {method}(self, state):
        self.head.load_state_dict({{k[5:]: v for k, v in state.items()}})
-- train.py --
from net import Net
class Trainer:
    def __init__(self, net):
        self.net = net
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1)
    def load_checkpoint(self, path):
        saved = torch.load(path)
        {load}
trainer = Trainer(Net())
trainer.load_checkpoint('last.pth')
"""
_RESTORED = "self.optimizer.load_state_dict(saved['optim'])"


@pytest.mark.parametrize(
    ("method", "load", "verdict"),
    [
        ("load_state_dict", f"self.net.load_state_dict(saved['net']); {_RESTORED}", "convert"),
        (
            "load_state_dict",
            "if self.resume:\n            self.net.load_state_dict(saved)",
            "convert",
        ),
        # Another file may be meant, too, or nothing calls it here, or its name says that it fills
        # the part.
        ("load_state_dict", "self.net.load_state_dict(saved)", "unknown"),
        (
            "load_state_dict",
            f"self.net.load_state_dict(saved['net']); {_RESTORED}\n"
            "    def start(self):\n        self.net.load_state_dict(torch.load('a.pth'))",
            "unknown",
        ),
        ("load_state_dict", "pass", "unknown"),
        ("load_head", f"self.net.load_head(saved['net']); {_RESTORED}", "unknown"),
    ],
)
def test_load_state_dict_of_the_model_s_own(method: str, load: str, verdict: str) -> None:
    check(_OWN_METHOD.format(method=method, load=load, verdict=verdict))


_LOADER = """\
-- loader.py --
from net import Published
def load_model(path):
    model = Published()
    model.load_state_dict(torch.load(path), strict=False)
    return model
-- evaluate.py --
from loader import load_model
"""


@pytest.mark.parametrize(
    ("evaluated", "expected"),
    [
        (
            "class Detector:\n    def __init__(self):\n        self.net = load_model(path)\n"
            "        self.net.eval()",
            "unknown",
        ),
        # What nothing evaluates may be there to be trained, and need not have all of it.
        ("net = load_model(path)", "convert"),
    ],
)
def test_loader_that_others_evaluate_with(evaluated: str, expected: str) -> None:
    text = _TEXT.partition("-- evaluate.py --")[0] + _LOADER + evaluated + "\n"
    text = text.replace("-- train.py --\n", "-- train.py --\nimport evaluate\n")
    check(text.format(verdict=expected, train=_TRAIN))


_INNER = """\
-- net.py --
import torchvision
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class Feature(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.up = Block()
class Published(nn.Module):
    def __init__(self):
        super().__init__()
        self.feature = Feature()
        self.head = Block()
{tried}
-- demo.py --
from net import Published
model = Published()
model.load_state_dict(torch.load(path))
model.eval()
{more}
"""
_TRIED = 'if __name__ == "__main__":\n    print(Feature())'


def _inner(verdict: str, more: str = "", tried: str = _TRIED) -> None:
    plan = check(_INNER.format(verdict=verdict, more=more, tried=tried))
    assert bool(plan.strict_loads) == (verdict == "convert")


def test_part_with_a_network_of_its_own_in_a_repository_that_trains_nothing() -> None:
    _inner("unknown")
    # What trains others is no reason either.
    _inner("unknown", "other = nn.Linear(8, 8)\nopt = torch.optim.SGD(other.parameters(), 0.1)")


@pytest.mark.parametrize(
    ("more", "tried"),
    [
        # The part is made, or trained, without the model; or the model without the file.
        ("from net import Feature\npart = Feature()", _TRIED),
        ("", "part = Feature()"),
        ("", f"{_TRIED}\n    part = Feature()\n    torch.optim.SGD(part.parameters(), 0.1)"),
        ("other = Published()", _TRIED),
    ],
)
def test_part_that_may_be_trained(more: str, tried: str) -> None:
    _inner("convert", more, tried)
