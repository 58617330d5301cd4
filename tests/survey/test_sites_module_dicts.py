"""Containers of parts by key, ``nn.ModuleDict``: each part is judged for itself."""

from __future__ import annotations

import pytest

from bn2gn_codemod.settings import Settings
from tests.survey.verdicts import check

PARTS = """\
from torch.utils.model_zoo import load_url
class Enc(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
        self.load_state_dict(load_url("https://x.y/resnet.pth"))
class Dec(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {dec}
class Net(nn.Module):
    def __init__(self, key, keys):
        super().__init__()
        {lines}
"""


@pytest.mark.parametrize(
    "lines",
    [
        ["self.parts = nn.ModuleDict({'enc': Enc(), 'dec': Dec()})"],
        ["self.parts = nn.ModuleDict(dict(enc=Enc(), dec=Dec()))"],
        ["self.parts = nn.ModuleDict()", "self.parts['enc'] = Enc()", "self.parts['dec'] = Dec()"],
        [
            "self.parts = nn.ModuleDict({'enc': Enc()})",
            "if key: self.parts.update({'dec': Dec()})",
        ],
        [
            "parts = {'enc': Enc()}",
            "parts['dec'] = Dec()",
            "self.parts = nn.ModuleDict(parts)",
            "self.order = ['enc', 'dec']",
        ],
    ],
)
def test_parts_under_keys_that_are_written_out(lines: list[str]) -> None:
    check(PARTS.format(dec="convert", lines="\n        ".join(lines)))


@pytest.mark.parametrize(
    "lines",
    [
        # Which key it is is not known, or what the dict is.
        ["self.parts = nn.ModuleDict({'enc': Enc(), key: Dec()})"],
        ["self.parts = nn.ModuleDict({'enc': Enc()})", "self.parts[key] = Dec()"],
        ["self.parts = nn.ModuleDict({'enc': Enc()})", "self.parts.add_module(key, Dec())"],
        ["self.parts = {'enc': Enc(), 'dec': Dec()}"],
        ["self.parts = nn.ModuleDict({'enc': Enc()}) if key else Dec()"],
        # The same parts are in a list as well.
        ["parts = [Enc(), Dec()]", "self.parts = nn.ModuleDict(zip(keys, parts))"],
    ],
)
def test_parts_of_which_that_is_not_told(lines: list[str]) -> None:
    check(PARTS.format(dec="conflict", lines="\n        ".join(lines)))


@pytest.mark.parametrize(
    ("load", "verdict"),
    [
        ("for p in self.parts.values(): p.load_state_dict(torch.load(key))", "unknown"),
        ("self.parts.load_state_dict(torch.load(key))", "unknown"),
        ("self.parts['dec'].load_state_dict(load_url('https://x.y/dec.pth'))", "keep"),
    ],
)
def test_parts_that_are_loaded(load: str, verdict: str) -> None:
    made = "self.parts = nn.ModuleDict({'enc': Enc(), 'dec': Dec()})"
    check(PARTS.format(dec=verdict, lines=f"{made}\n        {load}"))


def test_a_container_that_another_model_is_handed() -> None:
    check(
        PARTS.format(dec="convert", lines="self.parts = nn.ModuleDict({'a': Enc(), 'b': Dec()})")
        + """\
class Head(nn.Module):
    def __init__(self, parts):
        super().__init__()
        self.parts = parts
        self.bn = nn.BatchNorm2d(8)  #! convert
def build():
    return Head(Net(1, 2).parts)
"""
    )


def test_a_setting_names_a_part_by_its_key() -> None:
    text = PARTS.format(
        dec="keep", lines="self.parts = nn.ModuleDict({'enc': Enc(), 'dec': Dec()})"
    )
    check(text, Settings(backbone=("Net.parts.dec",)))


def test_names_of_parts_inside_of_a_part_are_none_of_the_container() -> None:
    check(
        """\
from collections import OrderedDict
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        net = torchvision.models.resnet18(pretrained=True)
        stem = nn.Sequential(OrderedDict([('conv', net.conv1), ('bn', net.bn1)]))
        self.parts = nn.ModuleDict({'stem': stem, 'bn': nn.BatchNorm2d(64)})  #! convert
        self.head = nn.BatchNorm2d(64)  #! convert
"""
    )


def test_keys_of_a_container_in_another_one() -> None:
    check(
        """\
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        net = torchvision.models.resnet18(pretrained=True)
        stem = nn.ModuleDict({'conv': net.conv1, 'bn': net.bn1})
        self.parts = nn.ModuleDict({'stem': stem, 'bn': nn.BatchNorm2d(64)})  #! unknown
"""
    )
