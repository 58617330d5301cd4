"""Loads of which every key is put together for one attribute: nothing else is filled."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, only

NETS = """\
from collections import OrderedDict
class VGGBackbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))])  #! keep
        self.norms = nn.ModuleList([nn.BatchNorm2d(8)])  #! {norms}
    def renamed(self, key):
        index, kind = key.split(".")
        return "layers.%s.%s" % (index, kind)
    def mixed(self, key):
        if key.startswith("n"):
            return "norms." + key
        return "layers." + key
    def init_backbone(self, path):
        read = torch.load(path)
{load}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = VGGBackbone()
        self.head = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))  #! convert
    def init_weights(self, path):
        self.backbone.init_backbone(path)
"""


def nets(load: str, norms: str) -> str:
    return NETS.format(load=textwrap.indent(load, " " * 8), norms=norms)


LOAD = "self.load_state_dict(new, strict=False)"


@pytest.mark.parametrize(
    "load",
    [
        f"new = OrderedDict([(self.renamed(k), v) for k, v in read.items()])\n{LOAD}",
        f"new = {{'layers.' + k: v for k, v in read.items()}}\n{LOAD}",
        f"read = {{f'layers.{{k}}': v for k, v in read.items()}}\n{LOAD}".replace("new", "read"),
        f"new = {{}}\nfor k, v in read.items():\n    new['layers.{{}}'.format(k)] = v\n{LOAD}",
        "self.load_state_dict({self.renamed(k): v for k, v in read.items()}, strict=False)",
    ],
)
def test_what_no_key_names_is_not_loaded_for_certain(load: str) -> None:
    plan = check(nets(load, "unknown"))
    [site] = only(plan, "unknown")
    assert "gives all entries names below layers" in site.reasons[0]


@pytest.mark.parametrize(
    "load",
    [
        # All that the file has comes in under its own name,
        LOAD.replace("new", "read"),
        # or some does,
        f"new = {{'layers.' + k if 'n' in k else k: v for k, v in read.items()}}\n{LOAD}",
        f"new = {{'layers.' + k: v for k, v in read.items()}}\nnew.update(read)\n{LOAD}",
        f"new = {{'layers.' + k: v for k, v in read.items()}}\nnew['norms.0.bias'] = 0\n{LOAD}",
        f"new = {{'layers.' + k: v for k, v in read.items()}}\nfill(new)\n{LOAD}",
        f"new = {{'layers.' + k: v for k, v in read.items()}}\nif path:\n    new = read\n{LOAD}",
        f"new = {{self.mixed(k): v for k, v in read.items()}}\n{LOAD}",
        # by whatever name,
        f"new = {{k.replace('features', 'layers'): v for k, v in read.items()}}\n{LOAD}",
        f"new = {{path + '.' + k: v for k, v in read.items()}}\n{LOAD}",
        # what is added is no attribute,
        f"new = {{'module.' + k: v for k, v in read.items()}}\n{LOAD}",
        # or the load is strict.
        f"new = {{'layers.' + k: v for k, v in read.items()}}\n{LOAD}".replace(
            ", strict=False", ""
        ),
    ],
)
def test_what_keys_may_name_is_loaded(load: str) -> None:
    check(nets(load, "keep"))


NAMED = """\
NAMES = {{"mod1.weight": "stem.0.weight", "mod2.weight": "blocks.0.weight"}}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! keep
        self.blocks = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! keep
        self.context = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! {context}
def net(pretrained=False):
    model = Net()
    if pretrained:
        own = model.state_dict()
        saved = torch.hub.load_state_dict_from_url("https://host.org/net.pth")
{load}
        model.load_state_dict(own)
    return model
net(pretrained=True)
"""


def named(load: str, context: str) -> str:
    return NAMED.format(load=textwrap.indent(load, " " * 8), context=context)


BY_NAME = "for key in saved:\n    if key in {0}:\n        own[{0}[key]] = saved[key]"


@pytest.mark.parametrize(
    "load",
    [
        BY_NAME.format("NAMES"),
        "names = NAMES\n" + BY_NAME.format("names"),
        "names = {'a.weight': 'stem.0.weight', 'b.weight': 'blocks.0.bias'}\n"
        + BY_NAME.format("names"),
        "for old, new in NAMES.items():\n    own[new] = saved[old]",
        # A larger network has more.
        "for old, new in {'a': 'stem.0.weight', 'b': 'blocks.0.weight', 'c': 'top.1.bias'}.items():"
        "\n    if new in own:\n        own[new] = saved[old]",
        "for old, new in NAMES.items():\n    if new in own.keys():\n"
        "        tensor = own[new]\n        own[new] = saved[old]",
        "for key in saved:\n    if key[:4] == 'stem':\n        own['stem.' + key] = saved[key]\n"
        "    else:\n        own['blocks.' + key] = saved[key]",
    ],
)
def test_what_a_dict_of_names_does_not_have_is_not_loaded_for_certain(load: str) -> None:
    plan = check(named(load, "unknown"))
    [site] = only(plan, "unknown")
    assert "gives all entries names below blocks or stem" in site.reasons[0]


@pytest.mark.parametrize(
    "load",
    [
        # Other entries come in by their own names,
        BY_NAME.format("NAMES") + "\n    else:\n        own[key] = saved[key]",
        BY_NAME.format("NAMES") + "\nown.update(saved)",
        "own.update(saved)",
        # or what the names are is not all written out,
        "NAMES.update(other)\n" + BY_NAME.format("NAMES"),
        "NAMES['c'] = given\n" + BY_NAME.format("NAMES"),
        "names = dict(NAMES)\n" + BY_NAME.format("names"),
        "names = {**NAMES, 'c': given}\n" + BY_NAME.format("names"),
        "names = NAMES\nif given:\n    names = other\n" + BY_NAME.format("names"),
        "for old, new in NAMES.items():\n    new = given or new\n    own[new] = saved[old]",
        "for old, new in pairs:\n    own[new] = saved[old]",
        # or the dict that is loaded is another one.
        BY_NAME.format("NAMES") + "\nown = saved",
        "own = other.state_dict()\n" + BY_NAME.format("NAMES"),
    ],
)
def test_what_a_dict_of_names_may_leave_to_the_file_is_loaded(load: str) -> None:
    check(named(load, "keep"))


_WHOLE = """\
import copy
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! keep
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = ResNet()
        self.bn1 = nn.BatchNorm2d(8)  #! {verdict}
def main(args, loader):
    net = Net()
    saved = torch.load(args.start)
{load}
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for x in loader:
        net(x).sum().backward()
        optimizer.step()
"""
_OWN = "own = net.state_dict()\n"
_INTO_ENCODER = (
    "for k in saved:\n    own['encoder' + '.' + '.'.join(k.split('.')[1:])] = saved[k]\n"
)
_STRICTLY = "net.load_state_dict(own)\n"


@pytest.mark.parametrize(
    "load",
    [
        _OWN + _INTO_ENCODER + _STRICTLY,
        _OWN.replace("()", "().copy()") + _INTO_ENCODER + _STRICTLY,
        "own = copy.deepcopy(net.state_dict())\n" + _INTO_ENCODER + _STRICTLY,
        "own = dict(net.state_dict())\n" + _INTO_ENCODER + _STRICTLY,
        "own = {}\n" + _INTO_ENCODER + "net.load_state_dict(own, strict=False)\n",
    ],
)
def test_a_file_for_one_part_says_nothing_of_what_stands_beside(load: str) -> None:
    check(_WHOLE.format(verdict="convert", load=textwrap.indent(load, "    ")))


@pytest.mark.parametrize(
    "load",
    [
        _OWN + _INTO_ENCODER.replace("'encoder' + '.' + ", "") + _STRICTLY,
        # The rest may be in there, too.
        "own = saved.copy()\n" + _INTO_ENCODER + _STRICTLY,
        _OWN + _INTO_ENCODER + "own.update(saved)\n" + _STRICTLY,
        _OWN + _INTO_ENCODER + "    own[k] = saved[k]\n" + _STRICTLY,
        _OWN + _INTO_ENCODER.replace("'encoder'", "args.part") + _STRICTLY,
        # What no attribute is called is a wrapper's.
        _OWN + _INTO_ENCODER.replace("'encoder'", "'module'") + _STRICTLY,
        # All that the model has is in the file.
        "own = {}\n" + _INTO_ENCODER + _STRICTLY,
    ],
)
def test_a_file_for_more_than_one_part_may_have_what_stands_beside(load: str) -> None:
    check(_WHOLE.format(verdict="unknown", load=textwrap.indent(load, "    ")))
