"""Files that are called what torchvision calls the weights that it publishes."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_FPN = """\
import os
class Pyramid(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! {stem}
        self.{stage}1 = nn.Sequential(nn.BatchNorm2d(8))  #! {stem}
        self.{stage}2 = nn.Sequential(nn.BatchNorm2d(8))  #! {stem}
        self.{stage}3 = nn.Sequential(nn.BatchNorm2d(8))  #! {stem}
        self.extra = nn.Sequential(nn.BatchNorm2d(8))  #! {extra}
        self.toplayer = nn.Sequential(nn.BatchNorm2d(8))  #! {top}
class Ssd(nn.Module):
    def __init__(self):
        super().__init__()
        self.fpn = Pyramid()
        self.heads = nn.BatchNorm2d(8)  #! {heads}
net = Ssd()
{load}
torch.save(net.state_dict(), 'ssd.pth')
"""
_INTO = "net.fpn.load_state_dict({}, strict=False)"
_FILE = "torch.load(os.path.join('models', 'resnet50-19c8e357.pth'))"


@pytest.mark.parametrize(
    "load",
    [
        _INTO.format(_FILE),
        _INTO.format("torch.load('models/resnet50-19c8e357.pth')"),
        f"params = {_FILE}\n{_INTO.format('params')}",
    ],
)
def test_published_file_in_what_is_called_a_neck(load: str) -> None:
    check(
        _FPN.format(
            load=load, stage="layer", stem="keep", extra="unknown", top="convert", heads="convert"
        )
    )


@pytest.mark.parametrize(
    ("load", "stage"),
    [
        (_INTO.format("torch.load('models/fpn50.pth')"), "layer"),
        (_INTO.format("torch.load('models/resnet50-final.pth')"), "layer"),
        (_INTO.format("torch.load('models/ssd-19c8e357.pth')"), "layer"),
        # Built like no network of which it is known what such a file has.
        (_INTO.format(_FILE), "part"),
    ],
)
def test_file_that_may_be_anything(load: str, stage: str) -> None:
    check(
        _FPN.format(
            load=load, stage=stage, stem="unknown", extra="unknown", top="unknown", heads="unknown"
        )
    )


def test_published_file_for_a_model_that_has_the_network_elsewhere() -> None:
    load = f"net.load_state_dict({_FILE}, strict=False)"
    check(
        _FPN.format(
            load=load,
            stage="layer",
            stem="unknown",
            extra="unknown",
            top="unknown",
            heads="unknown",
        )
    )


_STRICT = """\
from torch.utils import model_zoo
URL = '{url}'
class Dpn(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
def dpn(pretrained=True):
    net = Dpn()
    if pretrained:
        net.load_state_dict(model_zoo.load_url(URL){more})
    return net
"""
_PUBLISHED = "http://data.lip6.fr/cadene/pretrainedmodels/dpn92_extra-fda993c95.pth"


def test_published_file_that_fills_all_of_a_network_of_no_known_kind() -> None:
    check(_STRICT.format(url=_PUBLISHED, more="", verdict="keep"))


@pytest.mark.parametrize(
    "load",
    [
        # Not strict, or not for certain.
        "try:\n        net.load_state_dict(STATE)\n    except RuntimeError:\n        pass",
        "net.load_state_dict(STATE, strict)",
        "net.load_state_dict(STATE, strict=STRICT)",
        "net.load_state_dict(STATE, **options)",
        "if strict:\n        net.load_state_dict(STATE)\n    else:\n"
        "        net.load_state_dict(STATE, False)",
    ],
)
def test_load_of_a_published_file_that_may_not_fill_all_of_a_network(load: str) -> None:
    text = _STRICT.format(url=_PUBLISHED, more="", verdict="unknown")
    text = text.replace("URL = ", "STATE = model_zoo.load_url(").replace(".pth'", ".pth')", 1)
    kept = text[: text.index("    if pretrained")] + f"    {load}\n    return net\n"
    check(kept)


_MADE = """\
from torch.utils import model_zoo
class Dpn(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8))  #! keep
        {inner}
    def load(self):
        self.load_state_dict(model_zoo.load_url('{url}'))
    def more(self):
        self.mixed = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! unknown
class Seg(Dpn):
    def __init__(self):
        super().__init__()
        {outer}
    def upper(self):
        self.load_state_dict(model_zoo.load_url('{url}'))
net = {net}
"""
_MIX = "self.{name} = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}"


@pytest.mark.parametrize(
    ("inner", "outer", "net"),
    [
        (("self.load()", "b unknown", "self.more()"), (), "Dpn()"),
        (("a keep", "self.load()", "b unknown", "self.more()"), (), "Dpn()"),
        (("a keep", "self.load()"), ("b unknown", "self.more()"), "Seg()"),
        # What a subclass has is no part of the network of which the file is.
        (("a keep", "self.more()"), ("b unknown", "Dpn.load(self)"), "Seg()"),
        (("a keep", "self.more()"), ("b keep", "self.upper()", "c unknown"), "Seg()"),
    ],
)
def test_what_a_network_makes_behind_its_load(
    inner: tuple[str, ...], outer: tuple[str, ...], net: str
) -> None:
    def lines(parts: tuple[str, ...]) -> str:
        made = [one if "." in one else _MIX.format(name=one[0], verdict=one[2:]) for one in parts]
        return "\n        ".join(made) or "pass"

    check(_MADE.format(url=_PUBLISHED, inner=lines(inner), outer=lines(outer), net=net))


def test_strict_load_of_a_file_that_may_be_a_whole_models() -> None:
    check(_STRICT.format(url="http://a.org/dpn92.pth", more="", verdict="unknown"))
