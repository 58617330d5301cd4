"""Parts of a network that ``isinstance`` tells from those of the other networks it may be."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

REPOSITORY = """\
-- small.py --
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {block}
class Wide(Block):
    pass
class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(Block(), Wide())
-- large.py --
from torch.utils.model_zoo import load_url
class Stage(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {stage}
class BNInception(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage = Stage()
def large():
    net = BNInception()
    net.load_state_dict(load_url('http://x.org/bn.pth'))
    return net
-- excite.py --
class Excite(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net
        self.squeeze = nn.BatchNorm2d(4)  #! {excite}
-- net.py --
from excite import Excite
from large import large, Stage
{imported}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = large()
        self.neck = Small()
        for net in (self.backbone, self.neck):
            for m in net.modules():
                if {test}:
                    m.conv[0] = Excite(m.conv[0])
"""
IMPORTED = "from small import Small, Block, Wide"


def repository(test: str, excite: str, imported: str = IMPORTED) -> str:
    both = excite == "conflict"
    return REPOSITORY.format(
        test=test,
        imported=imported,
        excite=excite,
        stage="conflict" if both else "keep",
        block="conflict" if both else "convert",
    )


@pytest.mark.parametrize(
    "test",
    ["isinstance(m, Block)", "isinstance(m, Wide)", "isinstance(m, Block) and len(m.conv) == 2"],
)
def test_parts_of_the_other_network_get_nothing(test: str) -> None:
    check(repository(test, "convert"))


def test_parts_of_a_backbone_get_it() -> None:
    check(repository("isinstance(m, Stage)", "keep"))
    own = "from small import Small\nclass Block(Stage): pass"
    check(repository("isinstance(m, Block)", "keep", own))


@pytest.mark.parametrize(
    ("test", "imported"),
    [
        ("isinstance(m, (Block, Stage))", IMPORTED),
        ("isinstance(m, Block) or len(m.conv) == 2", IMPORTED),
        ("not isinstance(m, Block)", IMPORTED),
        # What the name stands for is not certain.
        ("isinstance(m, Block)", f"{IMPORTED}\nBlock = Block if nn else Stage"),
        ("isinstance(m, Block)", f"{IMPORTED}\ndef use(Block): return Block"),
        ("isinstance(m, Block)", "from small import Small\nfrom elsewhere import Block"),
        ("isinstance(m, Block)", f"{IMPORTED}\nfrom elsewhere import *"),
        ("isinstance(m, kind)", f"{IMPORTED}\nkind = Block"),
    ],
)
def test_parts_of_either_network_may_get_it(test: str, imported: str) -> None:
    check(repository(test, "conflict", imported))
