"""A method fills several parts of a model out of one file: it is a whole model's."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_PARTS = """\
-- parts.py --
class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {trunk}
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {part}
"""
_MODEL = """\
-- model.py --
import torchvision
from parts import {name}, Trunk
class Model(nn.Module):
    def __init__(self, pretrained=None):
        super().__init__()
        self.backbone = {backbone}
        self.{attribute} = {name}()
        if pretrained is not None:
            self.load_pretrained_model(pretrained)
    def load_pretrained_model(self, path):
        state = torch.load(path)['model']
        {load}
"""
_BOTH = (
    "self.backbone.load_state_dict(state, strict=False)\n"
    "        self.head.load_state_dict(state, strict=False)"
)


def _repository(
    part: str, load: str, name: str = "PoseHead", attribute: str = "head", trunk: str = "keep"
) -> str:
    backbone = "torchvision.models.resnet18(pretrained=True)" if trunk == "unknown" else "Trunk()"
    parts = _PARTS.format(name=name, part=part, trunk=trunk)
    return parts + _MODEL.format(name=name, attribute=attribute, load=load, backbone=backbone)


@pytest.mark.parametrize(
    "load",
    [
        _BOTH,
        "self.backbone.load_state_dict(state['a'])\n"
        "        self.head.load_state_dict(state['b'], strict=False)",
        # In whatever order.
        "self.head.load_state_dict(state, False)\n        self.backbone.load_state_dict(state)",
    ],
)
def test_a_head_beside_the_backbone_of_the_same_file(load: str) -> None:
    check(_repository("unknown", load))


_HELPER = """\
-- files.py --
def load_pretrained_part(net, state):
    net.load_state_dict(state, strict=False)
"""


def test_a_helper_fills_the_head() -> None:
    load = (
        "from files import load_pretrained_part\n"
        "        self.backbone.load_state_dict(state)\n"
        "        load_pretrained_part(self.head, state)"
    )
    check(_repository("unknown", load) + _HELPER)


def test_a_helper_fills_another_head_by_itself() -> None:
    load = (
        "from files import load_pretrained_part\n"
        "        self.backbone.load_state_dict(state)\n"
        "        load_pretrained_part(self.head, state)"
    )
    other = """\
-- other.py --
from files import load_pretrained_part
from parts import PoseHead
class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = PoseHead()
        load_pretrained_part(self.head, torch.load('head.pth'))
"""
    check(_repository("keep", load) + _HELPER + other)


def test_the_models_of_a_trainer() -> None:
    check("""\
-- nets.py --
class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
class Graph(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Trunk()
class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! unknown
-- train.py --
from nets import Graph, Regressor
class Trainer:
    def __init__(self, options):
        self.graph, self.regressor = Graph(), Regressor()
        self.nets = {'graph': self.graph, 'regressor': self.regressor}
        self.load_pretrained(options.pretrained)
    def load_pretrained(self, path):
        state = torch.load(path)
        for key in self.nets:
            self.nets[key].load_state_dict(state[key])
""")


@pytest.mark.parametrize(
    ("load", "name"),
    [
        # A file of its own.
        ("self.backbone.load_state_dict(state)", "Stage"),
        # Parts of a network under names that are not a new part's.
        (
            "self.backbone.load_state_dict(state)\n"
            "        self.stage.load_state_dict(state, strict=False)",
            "Stage",
        ),
    ],
)
def test_what_may_be_a_part_of_the_network_is_loaded(load: str, name: str) -> None:
    part = "keep" if "stage" in load else "convert"
    check(_repository(part, load, name, "stage" if "stage" in load else "neck"))


def test_a_file_that_has_all_of_the_head() -> None:
    load = "self.backbone.load_state_dict(state)\n        self.head.load_state_dict(state)"
    check(_repository("keep", load))


def test_a_head_with_a_file_of_its_own() -> None:
    load = (
        "self.backbone.load_state_dict(state)\n"
        "        self.head.load_state_dict(torch.load('head.pth'))"
    )
    check(_repository("keep", load))


def test_one_model_that_is_all_there_is() -> None:
    check(_repository("keep", "self.head.load_state_dict(state)"))


_STAGES = """\
class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
        self.load_state_dict(torch.hub.load_state_dict_from_url('https://a.org/a.pth'))
class Coarse(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = Trunk()
        self.head = nn.BatchNorm2d(8)  #! unknown
class FineNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! {verdict}
        self.layer1 = nn.BatchNorm2d(8)  #! {verdict}
        self.camera = nn.BatchNorm2d(8)  #! {other}
class Both(nn.Module):
    def __init__(self):
        super().__init__()
        self.fine = FineNet()
class Trainer:
    def __init__(self, options):
        self.coarse = Coarse()
        self.fine = FineNet()
        self.models = {{'coarse': self.coarse, 'fine': self.fine}}
        self.optimizer = torch.optim.SGD(self.fine.parameters(), 0.1)
        if options.pretrained is not None:
            self.load_pretrained(options.pretrained)
    def load_pretrained(self, path):
        saved = torch.load(path)
        for name in self.models:
            {load}
"""


@pytest.mark.parametrize(
    ("load", "verdict"),
    [
        ("if name in saved: self.models[name].load_state_dict(saved[name])", "unknown"),
        ("self.models[name].load_state_dict(saved[name])", "keep"),
        ("if name in saved: self.models[name].load_state_dict(saved)", "keep"),
        ("if name in self.more: self.models[name].load_state_dict(saved[name])", "keep"),
    ],
)
def test_a_file_may_lack_some_of_the_models(load: str, verdict: str) -> None:
    """What it may have is not new either."""
    check(_STAGES.format(load=load, verdict=verdict, other=verdict))
