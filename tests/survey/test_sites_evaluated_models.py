"""Finished models that scripts evaluate: they do not tell what training starts from."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_NET = """\
-- net.py --
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {head}
class ResNetSeg(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = self._make()
        self.layer2 = self._make()
        self.layer3 = self._make()
        self.layer4 = self._make()
        self.layer5 = Head()
    def _make(self):
        return nn.Sequential(Block())
{inner}"""
_TRAIN = """\
-- train.py --
from torch.utils import model_zoo
from net import ResNetSeg
{imported}
def main(args, loader):
    model = ResNetSeg()
    saved = model_zoo.load_url(args.init)
    own = model.state_dict().copy()
    for key in saved:
        if key.split('.')[0] != 'layer5':
            own[key] = saved[key]
    model.load_state_dict(own)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for x in loader:
        model(x).sum().backward()
        optimizer.step()
"""
_EVALUATE = """\
-- evaluate.py --
from torch.utils import model_zoo
from net import ResNetSeg
def main(args, loader):
    model = ResNetSeg()
    model.load_state_dict(model_zoo.load_url(args.restore_from))
    {evaluates}
    for x in loader:
        print(model(x))
"""


def _repository(
    head: str,
    evaluates: str = "model.eval()",
    train: str = _TRAIN.format(imported=""),
    inner: str = "",
) -> str:
    net = _NET.format(head=head, inner=inner)
    return net + train + _EVALUATE.format(evaluates=evaluates)


def test_what_is_evaluated_is_not_what_training_starts_from() -> None:
    check(_NET.format(head="unknown", inner="") + _TRAIN.format(imported=""))
    check(_repository("unknown"))
    check(_repository("unknown") + "-- colours.py --\nfrom evaluate import main\n")
    check(_repository("unknown", evaluates="torch.no_grad().__enter__()"))


def test_the_model_may_load_itself() -> None:
    inner = """\
    def init_weights(self, path):
        own = self.state_dict()
        own.update({k: v for k, v in torch.load(path).items() if 'layer5' not in k})
        self.load_state_dict(own)
"""
    check(_repository("unknown", train="", inner=inner))


@pytest.mark.parametrize(
    "text",
    [
        # Nothing else tells what it starts from.
        _repository("keep", train=""),
        # Nor does another script that trains nothing.
        _repository("keep", train=_TRAIN[: _TRAIN.index("    optimizer")].format(imported="")),
        # It may go on training.
        _repository("keep", evaluates="model.train(args.train)"),
        _repository("keep", evaluates="model.eval(); print(model(loader).sum().backward())"),
        # Nothing says what the script is for.
        _repository("keep", evaluates="pass"),
        # The training takes the model from there.
        _repository("keep", train=_TRAIN.format(imported="from evaluate import main")),
        _repository("keep", train=_TRAIN.format(imported="import evaluate")),
        _repository("keep", train=_TRAIN.format(imported="import tools"))
        + "-- tools.py --\nfrom evaluate import main\n",
    ],
)
def test_what_may_well_be_the_start_of_training_is_evidence(text: str) -> None:
    check(text)


def test_a_model_that_loads_itself_strictly_may_be_evaluated_in_its_own_file() -> None:
    inner = """\
    def init_weights(self, path):
        self.load_state_dict(torch.load(path))
def look(path):
    model = ResNetSeg()
    model.init_weights(path)
    return model.eval()
"""
    check(_NET.format(head="keep", inner=inner) + _TRAIN.format(imported=""))
