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
