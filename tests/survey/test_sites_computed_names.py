"""Names at the top of a module that its code puts together."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

NETS = """\
-- nets.py --
import sys
from functools import partial
class Wide(nn.Module):
    def __init__(self, k=1, norm=nn.BatchNorm2d):  #! {net}
        super().__init__()
        for i in range(k):
            self.add_module('mod%d' % i, norm(8))  #! {net}
class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! unknown
SIZES = {{"18": dict(k=1)}}
{binds}
-- net.py --
{imports}
class Net(nn.Module):
    def __init__(self, config):
        super().__init__()
        make = {look_up}
        body = make()
        body.load_state_dict(torch.load(config.weights))
        self.backbone = body
        self.head = nn.BatchNorm2d(8)  #! {head}
"""
BINDS = [
    "for name, params in SIZES.items():\n"
    "    net_name = 'net_wide' + name\n"
    "    setattr(sys.modules[__name__], net_name, partial(Wide, **params))",
    "for name, params in SIZES.items():\n"
    "    setattr(sys.modules[__name__], f'net_wide{name}', partial(Wide, **params))",
    "for name, params in SIZES.items():\n"
    "    globals()['net_wide%s' % name] = partial(Wide, **params)",
    "def publish(name):\n    globals()['net_wide' + name] = Wide\npublish('18')",
    "globals()['net_wide18'] = Wide",
]
LOOK_UPS = [
    ("import nets", "nets.__dict__['net_' + config.name]"),
    ("import nets", "getattr(nets, 'net_' + config.name)"),
    ("import nets", "nets.net_wide18"),
    ("from nets import net_wide18", "net_wide18"),
    ("from nets import net_wide18 as wide", "wide"),
    ("from nets import *", "net_wide18"),
]


@pytest.mark.parametrize("binds", BINDS)
@pytest.mark.parametrize(("imports", "look_up"), LOOK_UPS)
def test_a_computed_name_is_what_its_pattern_fits(binds: str, imports: str, look_up: str) -> None:
    text = NETS.format(net="keep", head="convert", binds=binds, imports=imports, look_up=look_up)
    check(text)


@pytest.mark.parametrize(
    ("binds", "look_up"),
    [
        # Another name, or another object's.
        (BINDS[0], "nets.other18"),
        ("globals()['other' + SIZES] = Wide", "nets.net_wide18"),
        ("setattr(SIZES, 'net_wide' + str(3), Wide)", "nets.net_wide18"),
        ("setattr(sys.modules['net'], 'net_wide' + str(3), Wide)", "nets.net_wide18"),
        # A name of which nothing is known may be any, which says nothing.
        ("for name in SIZES:\n    globals()[name] = Wide", "nets.net_wide18"),
        ("for name in SIZES:\n    globals()['n' + name] = Wide", "nets.net_wide18"),
    ],
)
def test_what_no_pattern_tells_stays_open(binds: str, look_up: str) -> None:
    text = NETS.format(
        net="unknown", head="unknown", binds=binds, imports="import nets", look_up=look_up
    )
    check(text)


def test_a_name_in_the_module_itself() -> None:
    check(
        """\
        import sys
        from functools import partial
        class Wide(nn.Module):
            def __init__(self, k=1):
                super().__init__()
                self.mod1 = nn.BatchNorm2d(8)  #! keep
        for name, params in {"38": dict(k=1)}.items():
            setattr(sys.modules[__name__], 'wide' + name, partial(Wide, **params))
        class Trunk(nn.Module):
            def __init__(self):
                super().__init__()
                wide = nn.DataParallel(wide38())
                wide.load_state_dict(torch.load('wide38.pth'))
                self.mod1 = wide.module.mod1
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = Trunk()
                self.head = nn.BatchNorm2d(8)  #! convert
        """
    )


def test_what_is_bound_plainly_is_nothing_else() -> None:
    check(
        """\
        class Wide(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! unknown
        class Plain(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! convert
        def make_wide(name):
            globals()['make_' + name] = Wide
        def make_head():
            return Plain()
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torch.hub.load('pytorch/vision', 'resnet18', pretrained=True)
                self.head = make_head()
        """
    )


def test_what_data_parallel_wraps_is_no_numbered_attribute() -> None:
    check(
        """\
        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! convert
        class Stages(nn.Module):
            def __init__(self):
                super().__init__()
                for i in range(3):
                    setattr(self, 'mod%d' % i, Block())
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torch.hub.load('pytorch/vision', 'resnet18', pretrained=True)
                self.head = Stages()
        net = nn.DataParallel(Net())
        net.module.head.module.load_state_dict(torch.load('https://example.org/weights.pth'))
        """
    )


NAMED_ABOVE = """\
from mmcv.runner import load_checkpoint
def stage():
    layers = [nn.Conv2d(3, 8, 3)]
    layers.append(nn.BatchNorm2d(8))  #! {}
    return layers
class VGG(nn.Module):
    def __init__(self, name, other):
        super().__init__()
        layers = []
        layers.extend(stage())
        {}
        self.add_module(self.part, nn.Sequential(*layers))
        self.classifier = nn.Linear(8, 2)
    def init_weights(self, pretrained=None):
        load_checkpoint(self, pretrained, strict=False)
"""


def test_a_name_that_is_said_right_above() -> None:
    check(NAMED_ABOVE.format("keep", "self.part = 'features'"))


@pytest.mark.parametrize(
    "above",
    [
        "self.part = 'features'; self.rename()",
        "if name: self.part = 'features'",
        "self.part = 'features' if name else other",
        "self.part, self.size = 'features', 8",
    ],
)
def test_a_name_that_may_be_another_one(above: str) -> None:
    check(NAMED_ABOVE.format("conflict", above))
