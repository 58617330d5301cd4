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
