"""Norm layers that a library makes of a string: ``get_norm("BN", 64)`` of detectron2."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

NET = """\
import torchvision
from detectron2.layers import Conv2d, get_norm
from detectron2.layers import batch_norm
class Net(nn.Module):
    def __init__(self, cfg, norm="{default}"):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        {part}
"""


def net(part: str, default: str = "BN") -> str:
    return NET.format(part=part, default=default)


@pytest.mark.parametrize(
    ("part", "norm"),
    [
        ("self.key = get_norm('BN', 64)  #! unknown", "BatchNorm2d"),
        ("self.key = get_norm('SyncBN', 64)  #! unknown", "SyncBatchNorm"),
        ("self.key = batch_norm.get_norm('naiveSyncBN', 64)  #! unknown", "SyncBatchNorm"),
        ("self.key = get_norm(norm='BN', out_channels=64)  #! unknown", "BatchNorm2d"),
        ("self.key = get_norm(norm, 64)  #! unknown", "BatchNorm2d"),
        ("self.key = nn.Sequential(get_norm(norm, 64), nn.ReLU())  #! unknown", "BatchNorm2d"),
        ("self.key = Conv2d(8, 8, 1, norm=get_norm(norm, 8))  #! unknown", "BatchNorm2d"),
        # what it is, a config says
        ("self.key = get_norm(cfg.MODEL.HEAD.NORM, 64)  #! unknown", "get_norm"),
        ("layer = get_norm(cfg.NORM, 8)  #! unknown\n        self.add_module('key', layer)",
         "get_norm"),
    ],
)  # fmt: skip
def test_layer_beside_a_backbone(part: str, norm: str) -> None:
    (site,) = check(net(part)).sites
    assert (site.norm, site.class_, site.attribute) == (norm, "Net", "key")
    assert "made by a library (detectron2.layers." in site.reasons[0]
    assert "'GN', which has 32 groups" in site.reasons[0]
    assert "stands beside the backbone" in site.reasons[1]
    assert site.settles == ("# bn2gn: keep   on this line",)


def test_default_of_another_norm_may_be_overridden() -> None:
    (site,) = check(net("self.key = get_norm(norm, 64)  #! unknown", default="GN")).sites
    assert "norm says whether it is BatchNorm" in site.reasons[0]


def test_layer_that_reaches_no_attribute() -> None:
    check(net("print(get_norm(norm, 64))  #! unknown"))


@pytest.mark.parametrize(
    "part",
    [
        # another norm, or none
        "self.key = get_norm('GN', 64)",
        "self.key = get_norm('FrozenBN', 64)",
        "self.key = get_norm('LN', 64)",
        "self.key = get_norm('', 64)",
        "self.key = get_norm(None, 64)",
        "self.key = get_norm(norm='GN', out_channels=64)",
        # nothing is made
        "self.key = get_norm",
        "self.key = nn.Conv2d(8, 8, 1) if norm == 'BN' else nn.Identity()",
    ],
)
def test_no_layer(part: str) -> None:
    assert not check(net(part)).sites


def test_class_that_is_handed_over_is_judged_itself() -> None:
    (site,) = check(net("self.key = get_norm(nn.BatchNorm2d, 64)  #! unknown")).sites
    assert site.norm == "BatchNorm2d"
    assert "handed to detectron2.layers.get_norm" in site.reasons[0]


def test_function_of_the_repository_makes_its_own_layers() -> None:
    check(
        """\
import torchvision
def get_norm(norm, width):
    return {"BN": nn.BatchNorm2d, "GN": nn.GroupNorm}[norm](width)  #! convert
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.head = get_norm("BN", 8)
"""
    )


BACKBONE = """\
-- dla.py --
import torch.utils.model_zoo as model_zoo
from detectron2.layers import get_norm
class DLA(nn.Module):
    def __init__(self, norm="BN"):
        super().__init__()
        self.base_layer = nn.Sequential(nn.Conv2d(3, 8, 7), get_norm(norm, 8))  #! keep
        self.level0 = nn.Sequential(nn.Conv2d(8, 8, 3), get_norm(norm, 8))  #! keep
        self.level1 = nn.Conv2d(8, 8, 3)
        self.level2 = nn.Conv2d(8, 8, 3)
        self.load_state_dict(model_zoo.load_url("http://example.org/dla34.pth"), strict=False)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = DLA()
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), get_norm("BN", 8))  #! unknown
-- train.py --
import dla
from detectron2.modeling import build_model
{imports}
def train(cfg, data):
    model = build_model(cfg)
    model.train()
    optimizer = {make}
    for x in data:
        model(x).sum().backward()
        optimizer.step()
"""


@pytest.mark.parametrize("home", ["detectron2.solver", "detectron2.solver.build"])
def test_training_of_a_model_that_a_config_names(home: str) -> None:
    text = BACKBONE.format(
        imports=f"from {home} import build_optimizer", make="build_optimizer(cfg, model)"
    )
    (script,) = check(text).train_scripts
    assert (script.model, script.state) == ("model", "unfollowed")


@pytest.mark.parametrize(
    ("imports", "make"),
    [
        ("from detectron2.solver import build_lr_scheduler", "build_lr_scheduler(cfg, model)"),
        ("from detectron2.solver import build_optimizer", "build_optimizer(cfg)"),
        ("from detectron2.solver import build_optimizer", "print(build_optimizer)"),
    ],
)
def test_what_makes_no_optimizer(imports: str, make: str) -> None:
    assert not check(BACKBONE.format(imports=imports, make=make)).train_scripts


def test_backbone_with_another_norm_needs_no_freeze() -> None:
    text = BACKBONE.replace("get_norm(norm, 8))  #! keep", "get_norm('GN', 8))").format(
        imports="from detectron2.solver import build_optimizer", make="build_optimizer(cfg, model)"
    )
    assert not plan_of(text).train_scripts


TRAINED = BACKBONE.format(imports="from dla import Net", make="torch.optim.SGD(model.parameters())")


def test_such_a_backbone_is_frozen_like_any_other() -> None:
    plan = check(TRAINED.replace("build_model(cfg)", "Net()"))
    (script,) = plan.train_scripts
    assert script.backbone == ("backbone",)
    assert script.fix


HOME = """\
-- lib/backbone/dla.py --
from collections import OrderedDict
from detectron2.layers import get_norm
from detectron2.modeling import BACKBONE_REGISTRY, Backbone
def conv(width, norm):
    return [("conv", nn.Conv2d(8, 8, 3)), ("norm", get_norm(norm, 8))]  #! {function}
class DLA(Backbone):
    def __init__(self, cfg):
        super().__init__()
        self.base_layer = nn.Sequential(nn.Conv2d(3, 16, 7), get_norm(cfg.NORM, 16))  #! {own}
        self.level0 = nn.Sequential(OrderedDict(conv(8, cfg.NORM)))
@BACKBONE_REGISTRY.register()
def build_dla(cfg, input_shape):
    return DLA(cfg)
"""


def test_backbone_that_only_a_registry_builds() -> None:
    plan = check(HOME.format(own="keep", function="keep"))
    assert all("where backbones live" in site.reasons[-1] for site in plan.sites)


@pytest.mark.parametrize(
    ("old", "new", "own"),
    [
        ("lib/backbone/dla.py", "lib/dla.py", "unknown"),
        ("lib/backbone/dla.py", "lib/heads/dla.py", "unknown"),
    ],
)
def test_what_stands_elsewhere_may_be_new(old: str, new: str, own: str) -> None:
    check(HOME.format(own=own, function="unknown").replace(old, new))


def test_what_a_function_makes_for_a_head_too() -> None:
    head = """\
-- lib/heads/head.py --
from lib.backbone.dla import conv
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.tower = nn.Sequential(*[layer for _, layer in conv(8, "BN")])
"""
    check(HOME.format(own="keep", function="unknown") + head)


def test_what_a_new_part_in_the_folder_makes() -> None:
    neck = """\
-- lib/backbone/fpn.py --
import torchvision
from detectron2.layers import get_norm
class Neck(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.top = nn.Sequential(get_norm(norm, 8))  #! unknown
class Net(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.neck = Neck(norm)
"""
    check(HOME.format(own="keep", function="keep") + neck)


def test_layer_that_is_put_into_a_loaded_network() -> None:
    made = "Net(); model.backbone.extra = get_norm('BN', 8)  #! unknown"
    text = TRAINED.replace("from dla import Net", "from dla import Net, get_norm")
    (script,) = check(text.replace("build_model(cfg)", f"{made}")).train_scripts
    assert not script.fix
    (script,) = check(text.replace("build_model(cfg)", "Net(); model.extra = 1")).train_scripts
    assert script.fix


@pytest.mark.parametrize(
    ("imports", "verdict"),
    [
        ("from detectron2.layers import *", "  #! unknown"),
        ("from detectron2.layers.batch_norm import *", "  #! unknown"),
        ("from other.layers import *", ""),
        ("from detectron2.layers import *\ndef get_norm(norm, width): return None", ""),
    ],
)
def test_star_import_of_the_function(imports: str, verdict: str) -> None:
    text = net(f"self.key = get_norm(norm, 64){verdict}")
    check(text.replace("from detectron2.layers import Conv2d, get_norm", imports))


_STARS = """\
-- trunk.py --
{imports}
class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = get_norm("BN", 8){library}
-- own.py --
def get_norm(kind, width):
    return nn.BatchNorm2d(width)  #! {own}
-- parts/__init__.py --
from parts.norms import *
-- parts/norms.py --
from own import *
-- others.py --
from detectron2.layers import *
-- net.py --
from own import get_norm
from trunk import Trunk
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Trunk()
        self.backbone.load_state_dict(torch.hub.load_state_dict_from_url("https://a.org/t.pth"))
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), get_norm("BN", 8))
"""


@pytest.mark.parametrize(
    "imports",
    [
        "from detectron2.layers import *\nfrom own import *",
        "from detectron2.layers import *\nfrom parts import *",
        "from others import *\nfrom own import *",
        "from own import *",
    ],
)
def test_star_import_of_the_repository_s_own_function(imports: str) -> None:
    check(_STARS.format(imports=imports, own="conflict", library=""))


@pytest.mark.parametrize(
    "imports",
    [
        "from detectron2.layers import *",
        "from others import *",
        "import own\nfrom detectron2.layers import *",
    ],
)
def test_star_import_of_the_library_s_function_alone(imports: str) -> None:
    check(_STARS.format(imports=imports, own="convert", library="  #! keep"))


_TRIED = """\
import torchvision
{imports}
class Net(nn.Module):
    def __init__(self, norm="BN"):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.norm = get_norm(norm, 8){library}
-- own.py --
def get_norm(norm, width):
    return nn.BatchNorm2d(width)  #! convert
-- other.py --
def get_it(norm, width):
    return nn.Conv2d(8, width, 1)
"""
_TRY = "try:\n    from detectron2.layers import *\nexcept ImportError:\n    from {} import *"


@pytest.mark.parametrize(
    ("imports", "library"),
    [
        (_TRY.format("own"), "  #! unknown"),
        # The last of two that both run counts,
        ("from detectron2.layers import *\nfrom own import *", ""),
        ("from own import *\ntry:\n    import a\nexcept ImportError:\n    pass", ""),
        # and what the other one does not have, it does not bring.
        (_TRY.format("own").replace("detectron2.layers", "others.layers"), ""),
    ],
)
def test_star_import_that_may_fail(imports: str, library: str) -> None:
    check(_TRIED.format(imports=imports, library=library))
