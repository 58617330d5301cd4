"""Layers that are handed to the constructor of a block which serves both sides."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

_NETWORK = """\
class Block(nn.Module):
    def __init__(self, c, down=None):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! conflict
        {stored}
class Stage(nn.Module):
    def __init__(self, c):
        super().__init__()
        down = nn.Sequential(nn.Conv2d(c, c, 1), nn.BatchNorm2d(c))  #! {stage}
        self.branch = nn.Sequential(Block(c, down), Block(c))
class Decoder(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.block = block
class Net(nn.Module):
    def __init__(self, *args, **kwargs):
        super().__init__()
        self.backbone = Stage(64)
        self.backbone.load_state_dict(torch.load("imagenet.pth"))
        new = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {new}
        {head}
net = Net()
"""


def _repository(
    head: str, stage: str = "keep", new: str = "convert", stored: str = "self.down = down"
) -> str:
    return _NETWORK.format(head=head, stage=stage, new=new, stored=stored)


@pytest.mark.parametrize(
    "head",
    [
        "self.head = nn.Sequential(Block(64, new), Block(64))",
        "self.head = nn.Sequential(Block(64, down=new), Block(64, None))",
        "self.decoder = Decoder(Block(64, new))",
        "self.head = Block(64, new) if args else Block(64, down=new)",
    ],
)
def test_layer_is_in_the_objects_to_which_it_is_handed(head: str) -> None:
    check(_repository(head))


_SCRIPT = """\
def main(loader):
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for x in loader:
        model(x)
"""


@pytest.mark.parametrize(
    ("head", "new"),
    [
        ("self.head = nn.Sequential(Block(64, new), Block(64))", "convert"),
        ("self.depth_encoder = nn.Sequential(Block(64, new))", "unknown"),
    ],
)
def test_backbone_is_frozen_beside_a_layer_of_the_same_class(head: str, new: str) -> None:
    text = _repository(head, new=new)
    check(text)
    [made] = plan_of(text + _SCRIPT).train_scripts
    assert (made.backbone, made.reason) == (("backbone",), "")
    assert made.fix


@pytest.mark.parametrize(
    ("head", "stage", "new", "stored"),
    [
        # One object gets both, or both sides get one layer.
        ("self.head = self.backbone.branch = Block(64, new)",
         "keep", "conflict", "self.down = down"),
        ("self.head = Block(64, new); self.backbone.branch = Block(64, new)",
         "keep", "conflict", "self.down = down"),
        # It may come in by another way than a call that hands it over.
        ("self.head = Block(64, new); self.backbone.branch[0].down = new",
         "keep", "conflict", "self.down = down"),
        ("self.head = Block(64, *[new])", "conflict", "conflict", "self.down = down"),
        ("import functools; self.head = functools.partial(Block, down=new)(64)",
         "keep", "conflict", "self.down = down"),
        ("self.head = Block(64, new)", "conflict", "conflict",
         "down = nn.Sequential(down); self.down = down"),
        ("self.head = Block(64, new); self.head.put(new)", "conflict", "conflict",
         "self.put(down)\n    def put(self, down):\n        self.down = down"),
    ],
)  # fmt: skip
def test_layer_that_may_be_in_any_object(head: str, stage: str, new: str, stored: str) -> None:
    check(_repository(head, stage, new, stored))
