"""A freeze is written only where all that its pattern matches is backbone for certain.

Each case is a repository of a model file and a train script. Either nothing is
frozen, and the report says why and what would settle it; or only what is certain.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

HEAD = """
import torch
import torchvision
from torch import nn
from torch.utils import model_zoo
"""
BLOCK = """
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(4)
"""
# A network of which all is pretrained, and one of which nothing is known.
RESNET = f"""
{BLOCK}
class ResNet(nn.Module):
    def __init__(self, pretrained=True):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(4)
        self.layer1 = nn.Sequential(Block(), Block())
        if pretrained:
            self.load_state_dict(model_zoo.load_url("https://example.org/resnet18.pth"))
"""
HOURGLASS = """
class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(4)


class Hourglass(nn.Module):
    def __init__(self):
        super().__init__()
        self.{attribute} = Residual()
"""
SCRIPT = """
import argparse
import torch
import model

args = argparse.ArgumentParser().parse_args()


def main(loader):
    net = {made}
    optimizer = torch.optim.Adam(net.parameters())
    for epoch in range(3):
        net.train()
        for x in loader:
            net(x)
"""
BY_NAME = "model.__dict__[args.arch]()"


def plan_of(model: str, made: str, settings: Settings = Settings()) -> Plan:  # noqa: B008
    files = {"model.py": HEAD + model, "train.py": SCRIPT.format(made=made)}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    return plan_repository(Repository(Path("/repository"), read), settings)


def frozen(plan: Plan) -> list[str]:
    """What the edits of a plan freeze and guard, by name."""
    found: set[str] = set()
    for file in plan.files:
        found.update(path for freeze in file.freezes for path in freeze.backbone)
        found.update(path for guard in file.loop_guards for path in guard.backbone)
        found.update(path for guard in file.model_guards for path in guard.backbone)
    return sorted(found)


MADE_OF_UNDECIDED = """
class Unit(nn.Module):
    def __init__(self):
        super().__init__()
        self.lateral = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        self.lateral.load_state_dict(torch.load("unit.pth"))


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(Unit(), Unit())
        self.head = nn.Conv2d(4, 4, 1)
"""


# All of it is in the backbone, and some of it is new or undecided by itself.
HOLDS_BOTH = """
class Unit(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(4)


class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.low = Unit()
        self.lateral = Unit()
        self.lateral.load_state_dict(torch.load("unit.pth"))


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Trunk()
"""


def test_layers_that_are_not_decided() -> None:
    plan = plan_of(MADE_OF_UNDECIDED, "model.Detector()")
    assert [str(site.verdict) for site in plan.sites] == ["unknown"]
    assert frozen(plan) == []
    [script] = plan.train_scripts
    assert "it would freeze Detector.backbone as well, and model.py:10 there" in script.reason
    assert "# bn2gn: keep" in script.reason
    assert {finding.code for finding in findings(plan)} >= {"BN201", "BN202"}


def test_a_setting_that_is_there_is_not_offered() -> None:
    offer = 'backbone = ["Detector.backbone"]'
    for settings in (Settings(), Settings(backbone=("Detector.backbone",))):
        plan = plan_of(HOLDS_BOTH, "model.Detector()", settings)
        assert [str(site.verdict) for site in plan.sites] == ["conflict"]
        reason = plan.train_scripts[0].reason
        assert "it would freeze Detector.backbone as well" in reason
        assert (offer in reason) is not bool(settings.backbone)
        assert "# bn2gn: keep" in reason


def test_a_comment_settles_it() -> None:
    settled = MADE_OF_UNDECIDED.replace("nn.BatchNorm2d(4))", "nn.BatchNorm2d(4))  # bn2gn: keep")
    assert frozen(plan_of(settled, "model.Detector()")) == ["backbone"]


@pytest.mark.parametrize("attribute", ["layer1", "bn1"])
def test_another_model_has_the_same_names(attribute: str) -> None:
    """A registry may give either of them, and one pattern is for both."""
    plan = plan_of(RESNET + HOURGLASS.format(attribute=attribute), BY_NAME)
    assert frozen(plan) == []
    for reason in (plan.train_scripts[0].reason, plan.train_calls[0].reason):
        assert f"it would freeze Hourglass.{attribute} as well" in reason
        assert f'convert = ["Hourglass.{attribute}"]' in reason


def test_another_model_has_other_names() -> None:
    plan = plan_of(RESNET + HOURGLASS.format(attribute="hg"), BY_NAME)
    assert frozen(plan) == ["bn1", "layer1"]


FACTORY = """
def make(width, stacked={default}):
    if stacked:
        net = Hourglass()
    else:
        net = ResNet()
    return net
"""


@pytest.mark.parametrize(
    ("default", "made", "names"),
    [
        ("False", "model.make(8)", ["bn1", "layer1"]),
        ("False", "model.make(8, stacked=False)", ["bn1", "layer1"]),
        ("False", "model.make(8, args.stacked)", []),
        ("True", "model.make(8)", []),
    ],
)
def test_another_model_that_no_call_asks_for(default: str, made: str, names: list[str]) -> None:
    other = HOURGLASS.format(attribute="bn1") + FACTORY.format(default=default)
    assert frozen(plan_of(RESNET + other, made)) == names


def test_a_call_in_a_file_that_does_not_parse_may_ask_for_it() -> None:
    other = HOURGLASS.format(attribute="bn1") + FACTORY.format(default="False")
    files = {
        "model.py": HEAD + RESNET + other,
        "train.py": SCRIPT.format(made="model.make(8)"),
        "old.py": "import model\nprint 'training', model.make(8, True)\n",
    }
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    assert frozen(plan_repository(Repository(Path("/repository"), read), Settings())) == []


def test_another_model_is_converted() -> None:
    settings = Settings(convert=("Hourglass",))
    plan = plan_of(RESNET + HOURGLASS.format(attribute="layer1"), BY_NAME, settings)
    assert frozen(plan) == ["bn1", "layer1"]
    # With its parameters the whole of ``layer1`` would be frozen there, new as it is.
    settings = Settings(convert=("Hourglass",), freeze="backbone")
    plan = plan_of(RESNET + HOURGLASS.format(attribute="layer1"), BY_NAME, settings)
    assert frozen(plan) == []
    assert "it would freeze Hourglass.layer1 as well" in plan.train_scripts[0].reason


def test_names_of_models_that_are_not_built_here() -> None:
    """They are frozen too, where such a name means a backbone and nothing else.

    What somebody called a part of another network that he took to pieces means nothing here.
    """
    other = """
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = nn.Conv2d(4, 4, 1)


class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.{attribute} = torchvision.models.resnet18(pretrained=True)
        self.head = nn.Conv2d(4, 4, 1)


class Loss(nn.Module):
    def __init__(self, criterion):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(4, 4, 1))
"""
    expected = {
        "base": ["backbone", "base"],
        "net": ["backbone"],
        "stem": ["backbone"],
        "regular_filter": ["backbone"],
        "features4": ["backbone"],
    }
    for attribute, names in expected.items():
        assert frozen(plan_of(other.format(attribute=attribute), "model.Detector()")) == names


NOT_FOLLOWED = """
class Detector(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.backbone = cfg.type(*cfg.args)
        self.blocks = torchvision.models.resnet18(pretrained=True)

    def forward(self, x):
        return self.blocks(self.backbone(x))
"""


def test_a_backbone_that_was_not_followed() -> None:
    """Whether the rest stands beside it, or is pretrained as well, is not certain."""
    plan = plan_of(NOT_FOLLOWED, "model.Detector(args)")
    assert frozen(plan) == []
    [script] = plan.train_scripts
    assert "what is in Detector.backbone, called in model.py:14, was not followed" in script.reason
    name = NOT_FOLLOWED.replace("cfg.type(*cfg.args)", "cfg.backbone")
    name = name.replace("self.backbone(x)", "x")
    assert frozen(plan_of(name, "model.Detector(args)")) == ["blocks"]


MADE_BY_NAME = f"""
{RESNET}
class Detector(nn.Module):
    def __init__(self, {{name}}):
        super().__init__()
        self.{{name}} = {{name}}

CLASSES = dict(ResNet=ResNet, Detector=Detector)

def create(name, **given):
    kwargs = dict()
    kwargs.update(given)
    return CLASSES[name](**{{{{k: v for k, v in kwargs.items() if v is not None}}}})
"""


@pytest.mark.parametrize("name", ["backbone", "encoder", "model", "resnet"])
def test_a_backbone_that_is_given_to_another_model(name: str) -> None:
    """It lies below a name that is not in the pattern: bn1 of the whole would freeze nothing."""
    made = f"model.create('Detector', {name}=model.create('ResNet'))"
    plan = plan_of(MADE_BY_NAME.format(name=name), made)
    assert frozen(plan) == []
    assert f"what is in Detector.{name}, set in model.py:25, was" in plan.train_scripts[0].reason


@pytest.mark.parametrize("name", ["stride", "num_classes", "activation"])
def test_what_a_model_is_told_is_no_backbone(name: str) -> None:
    made = "model.create(args.arch, pretrained=True)"
    assert frozen(plan_of(MADE_BY_NAME.format(name=name), made)) == ["bn1", "layer1"]


HELD = """
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)


class Ensemble(nn.Module):
    def __init__(self):
        super().__init__()
        self.nets = {nets}
"""


def test_modules_by_key() -> None:
    plan = plan_of(HELD.format(nets='nn.ModuleDict({"rgb": Detector()})'), "model.Ensemble()")
    assert "nets.rgb.backbone" in frozen(plan)
    by_number = "nn.ModuleDict({str(i): Detector() for i in range(2)})"
    plan = plan_of(HELD.format(nets=by_number), "model.Ensemble()")
    assert frozen(plan) == []
    assert "the keys of self.nets (model.py:16) are not known" in plan.train_scripts[0].reason
    plan = plan_of(HELD.format(nets="nn.ModuleList([Detector()])"), "model.Ensemble()")
    assert frozen(plan) == ["backbone"]


ALL_IN_ONE = f"""
{RESNET}
class Conv(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(4)


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(ResNet(), Conv())
"""


def test_one_pretrained_part_does_not_speak_for_all() -> None:
    plan = plan_of(ALL_IN_ONE, "model.Detector()")
    assert frozen(plan) == []
    assert 'backbone = ["Detector.model"]' in plan.train_scripts[0].reason
    settings = Settings(backbone=("Detector.model",))
    assert frozen(plan_of(ALL_IN_ONE, "model.Detector()", settings)) == ["model"]


def test_a_part_that_was_put_beside_the_network() -> None:
    plan = plan_of(ALL_IN_ONE.replace("self.model", "self.backbone"), "model.Detector()")
    assert [str(site.verdict) for site in plan.sites] == ["keep", "keep", "conflict"]
    assert frozen(plan) == []
    reason = plan.train_scripts[0].reason
    assert "it would freeze Detector.backbone as well, and model.py:25 there is not" in reason
    alone = ALL_IN_ONE.replace("self.model", "self.backbone").replace(
        "ResNet(), Conv()", "ResNet()"
    )
    assert frozen(plan_of(alone, "model.Detector()")) == ["backbone"]


INHERITED = """
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.models.segmentation.deeplabv3 import ASPP


class Encoder(ResNet):
    def __init__(self):
        super().__init__(block=Bottleneck, layers=[3, 4, 6, 3], norm_layer={norm})
        del self.fc


class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Encoder()
        self.aspp = ASPP(2048, [3, 6, 9])
        self.head = Block()
"""


@pytest.mark.parametrize(
    ("norm", "names"), [("None", ["backbone"]), ("torchvision.ops.FrozenBatchNorm2d", [])]
)
def test_layers_that_a_network_of_the_library_brings(norm: str, names: list[str]) -> None:
    """A subclass has the layers of its base; a bare block of a library is no backbone."""
    plan = plan_of(BLOCK + INHERITED.format(norm=norm), "model.Segmenter()")
    assert [(site.norm, str(site.verdict)) for site in plan.sites] == [
        ("BatchNorm2d", "convert"),
        ("ASPP", "unknown"),
    ]
    assert frozen(plan) == names


TRANSFORMER = """
import timm.models.resnet
import timm.models.swin_transformer
import timm.models.vision_transformer
import timm.models.vision_transformer_hybrid

class Encoder({base}):
    def __init__(self):
        super().__init__(norm_layer=nn.LayerNorm)

class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Encoder()
        self.backbone.load_state_dict(torch.load("pretrained.pth"))
        self.head = Block()
"""


@pytest.mark.parametrize(
    ("base", "names"),
    [
        ("timm.models.vision_transformer.VisionTransformer", []),
        ("timm.models.swin_transformer.SwinTransformer", []),
        ("torchvision.models.VisionTransformer", []),
        ("timm.models.resnet.ResNet", ["backbone"]),
        # On top of a ResNet, or of who knows what.
        ("timm.models.vision_transformer_hybrid.HybridEmbed", ["backbone"]),
        ("timm.models.LevitDistilled", ["backbone"]),
    ],
)
def test_transformers_of_libraries_have_no_batchnorm(base: str, names: list[str]) -> None:
    plan = plan_of(BLOCK + TRANSFORMER.format(base=base), "model.Segmenter()")
    assert frozen(plan) == names


NORM_IN_A_VARIABLE = """
class Segmenter(nn.Module):
    def __init__(self, name):
        super().__init__()
        norm_layer = {norm}
        self.backbone = getattr(torchvision.models, name)(pretrained=True, norm_layer=norm_layer)
        self.head = Block()
"""


@pytest.mark.parametrize(
    ("norm", "names"), [("nn.BatchNorm2d", ["backbone"]), ("FrozenBatchNorm2d", [])]
)
def test_frozen_layers_in_a_variable(norm: str, names: list[str]) -> None:
    plan = plan_of(BLOCK + NORM_IN_A_VARIABLE.format(norm=norm), "model.Segmenter('resnet50')")
    assert frozen(plan) == names


NORM_BY_A_PARAMETER = """
class Segmenter(nn.Module):
    def __init__(self, name, norm{default}):
        super().__init__()
        {first}
        self.backbone = getattr(torchvision.models, name)(pretrained=True, norm_layer=norm)
        self.head = Block()

def build(name, norm=None, **given):
    return {built}
"""


@pytest.mark.parametrize(
    ("default", "built", "first", "names"),
    [
        ("=FrozenBatchNorm2d", "Segmenter(name)", "", []),
        ("", "Segmenter(name, norm=FrozenBatchNorm2d)", "", []),
        ("=nn.BatchNorm2d", "Segmenter(name, ops.FrozenBatchNorm2d)", "", []),
        # Another one may be handed over, or is put in its place.
        ("=FrozenBatchNorm2d", "Segmenter(name, norm)", "", ["backbone"]),
        ("=FrozenBatchNorm2d", "Segmenter(name, **given)", "", ["backbone"]),
        ("=FrozenBatchNorm2d", "Segmenter(name, nn.BatchNorm2d)", "", ["backbone"]),
        ("=nn.BatchNorm2d", "Segmenter(name)", "", ["backbone"]),
        ("=FrozenBatchNorm2d", "Segmenter(name)", "norm = nn.BatchNorm2d", ["backbone"]),
        (
            "=FrozenBatchNorm2d",
            "Segmenter(name) if given else Segmenter(name, norm=nn.BatchNorm2d)",
            "",
            ["backbone"],
        ),
    ],
)
def test_frozen_layers_that_callers_hand_over(
    default: str, built: str, first: str, names: list[str]
) -> None:
    text = NORM_BY_A_PARAMETER.format(default=default, built=built, first=first or "pass")
    assert frozen(plan_of(BLOCK + text, "model.build('resnet50')")) == names


BY_A_NAME = """
class Trunk(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.model = torchvision.models.resnet18(pretrained=True)

class Plain(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)

class Segmenter(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.{first} = {made}
        self.{second} = eval(cfg.second)(cfg)
"""


@pytest.mark.parametrize(
    ("first", "made", "second", "names"),
    [
        ("backbone", "Trunk(cfg)", "decoder", ["backbone"]),
        # It may be all that there is, or a second one.
        ("stem", "Plain(cfg)", "decoder", ["decoder.model"]),
        ("backbone", "Trunk(cfg)", "depth", ["backbone", "depth.model"]),
        ("backbone", "eval(cfg.first)(cfg)", "decoder", ["backbone", "decoder.model"]),
    ],
)
def test_decoder_of_a_class_that_only_a_config_names(
    first: str, made: str, second: str, names: list[str]
) -> None:
    text = BY_A_NAME.format(first=first, made=made, second=second)
    plan = plan_of(BLOCK + text, "model.Segmenter(args)")
    found = {name for script in plan.train_scripts for name in script.backbone}
    assert sorted(found) == names


WRAPPED = f"""
{BLOCK}
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Block()


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(4, 4, 1))


class WithLoss(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model


def load(model, path, from_pretrain=False):
    model.load_state_dict(torch.load(path), strict=False)
    return model


def make(is_whole):
    return WithLoss(load(Detector() if is_whole else Branch(), "model.pth"))
"""


def test_what_is_loaded_into_a_part_does_not_make_the_wrapper_a_backbone() -> None:
    plan = plan_of(WRAPPED, "model.make(True)")
    assert frozen(plan) == ["backbone"]


ADDED = f"""
{RESNET}
class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = ResNet()
        self.neck = nn.Sequential(nn.BatchNorm2d(4))


class Large(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(4)
        self.layer1 = nn.Sequential(Block(), Block())
        self.deconv = nn.Sequential(nn.BatchNorm2d(4))


class Detector(nn.Module):
    def __init__(self, is_large):
        super().__init__()
        self.backbone = Large() if is_large else Small()
"""


def test_parts_of_each_network_that_may_be_the_backbone() -> None:
    """What was added to one for its name alone is open, and left out of the freeze."""
    plan = plan_of(ADDED, "model.Detector(True)")
    assert frozen(plan) == ["backbone.base", "backbone.bn1", "backbone.layer1"]
    found = {site.attribute: site for site in plan.sites}
    assert str(found["neck"].verdict) == "convert"
    assert str(found["deconv"].verdict) == "unknown"
    assert found["deconv"].settles[0] == 'backbone = ["Large.deconv"]'
    [finding] = [one for one in findings(plan) if one.code == "BN201"]
    assert finding.message.endswith("; left out, as not decided: Large.deconv")


def test_parts_that_the_name_of_a_whole_backbone_matches_are_not_left_out() -> None:
    """``backbone`` of the one model is all of what lies below ``backbone`` of the other."""
    other = ADDED.replace("Detector", "Other").replace("Large() if is_large else ", "")
    made = "(model.Detector(True) if args else model.Whole())"
    whole = """
class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = ResNet()
"""
    plan = plan_of(ADDED + whole, made)
    assert "backbone" not in frozen(plan)  # it would freeze what is not decided
    assert not any("left out" in one.message for one in findings(plan))
    assert not any("left out" in one.message for one in findings(plan_of(other, "model.Other(1)")))


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (
            Settings(backbone=("Large.bn1", "Large.layer1", "Large.deconv")),
            ["backbone.base", "backbone.bn1", "backbone.deconv", "backbone.layer1"],
        ),
        (
            Settings(convert=("Large.deconv",)),
            ["backbone.base", "backbone.bn1", "backbone.layer1"],
        ),
    ],
)
def test_parts_that_are_decided_are_not_left_out(settings: Settings, names: list[str]) -> None:
    plan = plan_of(ADDED, "model.Detector(True)", settings)
    assert frozen(plan) == names
    assert not any("left out" in one.message for one in findings(plan))


IN_ITS_PLACE = """
class Depth(nn.Module):
    def __init__(self, channels=4):
        super().__init__()
        resnet = torchvision.models.resnet18(pretrained=True)
        self.bn1 = resnet.bn1
        if channels != 3:
            self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = resnet.layer1
"""


def test_a_new_layer_in_the_place_of_a_pretrained_one() -> None:
    """Frozen, it would stay as it was made; the comment on its line settles it."""
    open_plan = plan_of(IN_ITS_PLACE, "model.Depth()")
    assert frozen(open_plan) == []
    assert "it would freeze Depth.bn1 as well" in open_plan.train_scripts[0].reason
    new = IN_ITS_PLACE.replace("BatchNorm2d(64)", "BatchNorm2d(64)  # bn2gn: convert")
    assert frozen(plan_of(new, "model.Depth()")) == ["bn1", "layer1"]


SHARED = f"""
{RESNET}
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = ResNet()
        self.context = Block()
        self.context.load_state_dict(torch.load("context.pth"))
"""


def test_block_that_an_undecided_part_is_made_of_as_well() -> None:
    """It is told apart by where it lies: what is in the backbone is certain."""
    plan = plan_of(SHARED, "model.Detector()")
    assert {str(site.verdict) for site in plan.sites} == {"keep", "conflict"}
    assert frozen(plan) == ["backbone"]


NESTED = f"""
{RESNET}
class Features(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = ResNet()
        self.down = nn.BatchNorm2d(4)


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = Features()
        self.head = nn.BatchNorm2d(4)


def load(model, path):
    return model


def make():
    detector = Detector()
    load(detector.features.net, "resnet.pth")
    return load(detector, "all.pth")
"""


def test_a_backbone_however_deep_is_no_model_of_its_own() -> None:
    """What a helper hands back may seem to be any of the two that it is called with."""
    plan = plan_of(NESTED, "model.make()")
    assert frozen(plan) == ["features.net"]
    assert plan.train_scripts[0].backbone == ("features.net",)
    assert frozen(plan_of(NESTED, "model.ResNet()")) == ["bn1", "layer1"]


UNREAD = {
    "engines/pool.py": "def make(kind, **given):\n    return given\n",
    "model.py": HEAD + NESTED,
}
JOB = """
import torch
from model import Detector
from engines.pool import make


class Job:
    def __init__(self, is_parallel):
        self.model = Detector()
        self.runner = {made}
        if is_parallel:
            self.net = torch.nn.parallel.DistributedDataParallel(self.runner)
        else:
            self.net = self.runner
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1)

    def run(self, loader):
        model = self.net
        model.train()
        for x in loader:
            model(x)
"""


@pytest.mark.parametrize(
    ("made", "guards"),
    [
        ("make('a', seg=self.model)", "model"),
        ("torch.compile(self.model)", "loop"),
        ("self.model.cuda()", "loop"),
    ],
)
def test_a_model_in_what_was_not_read(made: str, guards: str) -> None:
    """Under which name it lies there is not known: it is frozen itself, and guards itself."""
    files = {**UNREAD, "train.py": JOB.format(made=made)}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    [freeze] = [edit for file in plan.files for edit in file.freezes]
    assert freeze.model == ("self.model" if guards == "model" else "self.runner")
    loops = [edit for file in plan.files for edit in file.loop_guards]
    models = [edit for file in plan.files for edit in file.model_guards]
    assert (bool(loops), bool(models)) == (guards == "loop", guards == "model")


@pytest.mark.parametrize(
    ("network", "names"),
    [
        ("vgg16", []),
        ("vgg.vgg19", []),
        ("alexnet", []),
        ("squeezenet1_1", []),
        ("vit_b_16", []),
        ("swin_transformer.swin_t", []),
        ("convnext_tiny", []),
        ("vgg16_bn", ["backbone"]),
        ("resnet18", ["backbone"]),
        ("vgg.VGG", ["backbone"]),  # with layers that it is given
    ],
)
def test_networks_of_the_library_without_norms(network: str, names: list[str]) -> None:
    """What holds no BatchNorm is neither reported nor frozen."""
    model = f"""
class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.{network}(pretrained=True)
        self.head = nn.BatchNorm2d(4)
"""
    plan = plan_of(model, "model.Segmenter()")
    assert frozen(plan) == names
    assert bool(plan.train_scripts) == bool(plan.train_calls) == bool(names)
    assert [str(site.verdict) for site in plan.sites] == ["convert"]


SWITCHED = """
def layers(width, bn=False, deep=True):
    found = []
    if bn:
        found.append(nn.BatchNorm2d(width))
    return nn.Sequential(nn.Conv2d(4, 4, 1), *found)


class Segmenter(nn.Module):
    def __init__(self, bn=False):
        super().__init__()
        self.backbone = {made}
        self.head = nn.Conv2d(4, 4, 1)
{more}
"""
OUTER = """
def outer(width, norm=False):
    return layers(width, norm)
"""


@pytest.mark.parametrize(
    "made", ["layers(8)", "layers(8, False)", "layers(8, bn=None, deep=False)", "outer(8)"]
)
def test_layers_that_no_call_asks_for(made: str) -> None:
    more = OUTER if "outer" in made else ""
    plan = plan_of(SWITCHED.format(made=made, more=more), "model.Segmenter()")
    assert (frozen(plan), plan.train_scripts, plan.train_calls) == ([], (), ())
    # All layers are listed as before: only what is trained is asked for.
    assert len(plan.sites) == 1


@pytest.mark.parametrize(
    ("made", "more"),
    [
        ("layers(8, True)", ""),
        ("layers(8, bn=bn)", ""),
        ("layers(*[8, 1])", ""),
        ("layers(8)", "\nOTHER = layers(8, 1)"),
        ("outer(8, bn)", OUTER),
        ("layers(8)", OUTER),  # which nothing here calls, but something may
        ("{'a': layers}['a'](8)", ""),
        ("layers(8)", "\nMADE = [layers]"),
    ],
)
def test_layers_that_a_call_may_ask_for(made: str, more: str) -> None:
    plan = plan_of(SWITCHED.format(made=made, more=more), "model.Segmenter()")
    assert frozen(plan) == ["backbone"]


@pytest.mark.parametrize(
    "switch", ["    bn = bn or width > 8\n    if bn:", "    if not bn:", "    if bn is None:"]
)
def test_branches_that_may_run(switch: str) -> None:
    text = SWITCHED.format(made="layers(8)", more="").replace("    if bn:", switch)
    assert frozen(plan_of(text, "model.Segmenter()")) == ["backbone"]


EXPERIMENTS = """
class Exp:
    def get_model(self):
        self.model = Detector()
        return self.model

    def get_optimizer(self):
        return torch.optim.SGD(self.model.parameters(), lr=0.1)


class Small(Exp):
    def get_model(self):
        if not hasattr(self, "model"):
            self.model = Detector()
        return self.model


class Same(Exp):
    def get_model(self):
        self.model = super().get_model()
        return self.model


class Other(Exp):
    def get_model(self):
        self.model = Block()
        return self.model


class Longer(Exp):
    epochs = 300
"""


def test_subclasses_that_make_the_model_themselves() -> None:
    """Each is frozen where it is made, but for what is made by the base class, or has none."""
    text = NESTED + EXPERIMENTS
    plan = plan_of(text, "model.Exp().get_model()")
    lines = (HEAD + text).splitlines()
    found = [edit for file in plan.files if file.path == "model.py" for edit in file.freezes]
    assert [lines[edit.after.line - 1].strip() for edit in found] == [
        "self.model = Detector()",
        'if not hasattr(self, "model"):',
    ]
    places = [script.optimizer for script in plan.train_scripts if script.fix]
    assert len(set(places)) == len(places)


UNFILLED = """
class Camera(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet50(pretrained=True)


class Map(nn.Module):
    def __init__(self):
        super().__init__()
        network = torchvision.models.resnet18({arguments})
        {after}
        self.bn1 = network.bn1
        self.layer1 = network.layer1


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.camera = Camera()
        self.map = Map()
"""


@pytest.mark.parametrize(
    ("arguments", "after", "is_frozen"),
    [
        ("pretrained=False, zero_init_residual=True", "pass", False),
        ("weights=None", "pass", False),
        ("pretrained=True", "pass", True),
        ("pretrained=False", "network.load_state_dict(torch.load('resnet18.pth'))", True),
    ],
)
def test_network_of_the_library_without_weights(
    arguments: str, after: str, is_frozen: bool
) -> None:
    """Frozen as it was made, it would never learn anything; what stands beside it is frozen."""
    plan = plan_of(UNFILLED.format(arguments=arguments, after=after), "model.Whole()")
    assert frozen(plan) == [*(["map.bn1", "map.layer1"] if is_frozen else []), "trunk"]


@pytest.mark.parametrize("network", ["backbone", "encoder"])
def test_network_without_weights_and_no_other(network: str) -> None:
    """The whole model may be resumed."""
    alone = f"""
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.{network} = torchvision.models.resnet18(pretrained=False)
        self.head = nn.Conv2d(512, 4, 1)
"""
    plan = plan_of(alone, "model.Detector()")
    assert frozen(plan) == []
    [found] = [finding for finding in findings(plan) if finding.code == "BN201"]
    assert "nothing says that it is pretrained" in found.message


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("pass", ["trunk"]),
        ("self.backbone.load_state_dict(torch.load('r.pth'))", ["trunk", "backbone"]),
        # Whether the file has both is not known.
        ("self.load_state_dict(torch.load('whole.pth'))", []),
    ],
)
def test_network_without_weights_beside_another_one(more: str, found: list[str]) -> None:
    """The other one is frozen alone, unless a file may fill this one, too."""
    both = f"""
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.backbone = torchvision.models.resnet18(pretrained=False)
        {more}
"""
    assert set(frozen(plan_of(both, "model.Detector()"))) == set(found)


def test_network_without_weights_that_somebody_vouches_for() -> None:
    body = UNFILLED.format(arguments="pretrained=False)  # bn2gn: keep", after="pass")
    for plan in (
        plan_of(body.replace("keep)", "keep"), "model.Whole()"),
        plan_of(
            UNFILLED.format(arguments="pretrained=False", after="pass"),
            "model.Whole()",
            Settings(backbone=("Map.bn1", "Map.layer1")),
        ),
    ):
        assert {"map.bn1", "map.layer1"} <= backbones(plan)


def backbones(plan: Plan) -> set[str]:
    return {path for script in plan.train_scripts for path in script.backbone}


TAKEN_APART = """
class Body(nn.Sequential):
    def __init__(self, net):
        super().__init__(OrderedDict([["bn1", net.bn1], ["layer1", net.layer1]]))


class Tail(nn.Sequential):
    def __init__(self, net):
        super().__init__(OrderedDict([["layer4", net.layer4]]))


class Heads(nn.Module):
    def __init__(self, {parameters}):
        super().__init__()
        {head}


class Outer({base}):
    def __init__(self, own, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.own = own


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        net = torchvision.models.resnet18(pretrained=True)
        self.backbone = Body(net)
        self.heads = {made}
"""


def taken_apart(made: str, head: str = "self.tail = tail", base: str = "RoIHeads") -> Plan:
    imports = (
        "from collections import OrderedDict\n"
        "from torchvision.models.detection.roi_heads import RoIHeads\n"
        "from torchvision.models.detection.transform import GeneralizedRCNNTransform\n"
    )
    parameters = "tail, *more"
    model = TAKEN_APART.format(made=made, head=head, base=base, parameters=parameters)
    return plan_of(imports + model, "model.Detector()")


@pytest.mark.parametrize(
    ("made", "head", "names"),
    [
        # What Sequential's own constructor is handed has no name, but the object has.
        ("Heads(Tail(net))", "self.tail = tail", ["backbone", "heads.tail"]),
        ("Tail(net)", "pass", ["backbone", "heads"]),
        ("Outer(Tail(net))", "pass", ["backbone", "heads.own"]),
        # Nothing of a network is in there.
        ("Heads(nn.Conv2d(4, 4, 1))", "self.tail = tail", ["backbone"]),
        ("Outer(nn.Conv2d(4, 4, 1), box_head=nn.Conv2d(4, 4, 1))", "pass", ["backbone"]),
        ("Outer(nn.ReLU(), box_head='layer4', size=net.layer4.width)", "pass", ["backbone"]),
        ("GeneralizedRCNNTransform(0, 1)", "pass", ["backbone"]),
    ],
)
def test_parts_that_another_constructor_takes(made: str, head: str, names: list[str]) -> None:
    assert frozen(taken_apart(made, head)) == names


@pytest.mark.parametrize(
    "made",
    [
        "Outer(nn.ReLU(), box_head=Tail(net))",
        "Outer(Tail(net), Tail(net))",
        "Outer(Tail(net), **{'box_head': Tail(net)})",
    ],
)
@pytest.mark.parametrize("base", ["RoIHeads", "nn.Sequential"])
def test_parts_below_a_name_that_is_not_known(made: str, base: str) -> None:
    """A part would be left in train mode, and nobody would know of it."""
    plan = taken_apart(made, base=base)
    assert frozen(plan) == []
    for reason in (plan.train_scripts[0].reason, plan.train_calls[0].reason):
        assert reason == (
            "pretrained layers lie below a name that is not known (heads.*): freeze it by hand"
        )


def test_a_wrapper_of_the_model_has_a_known_name() -> None:
    wrapper = """
class Parallel(nn.DataParallel):
    def __init__(self, net):
        super().__init__(net)
"""
    plan = plan_of(wrapper + HELD.format(nets="None"), "model.Parallel(model.Detector())")
    assert all("not known" not in script.reason for script in plan.train_scripts)


def test_new_layers_in_the_same_object() -> None:
    """A name for the object as a whole would freeze them as well."""
    head = "self.tail = Both(tail)"
    both = """
class Both(nn.Sequential):
    def __init__(self, tail):
        super().__init__(OrderedDict([["layer4", tail[0]]]))
        self.late = nn.BatchNorm2d(4)  # bn2gn: convert
        self.later = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        self.later.load_state_dict(torch.load("later.pth"))
"""
    imports = "from collections import OrderedDict\nRoIHeads = nn.Module\n"
    model = TAKEN_APART.format(
        made="Heads(net.layer4)", head=head, base="RoIHeads", parameters="tail"
    )
    plan = plan_of(imports + both + model, "model.Detector()")
    assert frozen(plan) == []
    assert "it would freeze" in plan.train_scripts[0].reason


def test_a_guard_that_is_not_written_is_not_promised() -> None:
    """What stands in the way of the override is said where the override was to help, too."""
    actor = """
class Actor:
    def __init__(self, net):
        self.net = net

    def train(self, mode=True):
        self.net.train(mode)
"""
    made = "args.wrap(model.Actor(model.Detector()), model.Detector())"
    script = SCRIPT.replace("net.parameters()", "model.Detector().parameters()")
    files = {
        "model.py": HEAD + MADE_OF_UNDECIDED + actor,
        "train.py": script.format(made=made),
    }
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert frozen(plan) == []
    said = [found for found in findings(plan) if found.code == "BN202"]
    assert len(said) == 2
    for found in said:
        assert "it would freeze Detector.backbone as well" in found.message
        assert not found.fixable


def test_parts_of_what_another_model_has_as_a_whole() -> None:
    models = """
class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torchvision.models.resnet18(pretrained=True)
        self.late = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.preact = Trunk()
        self.head = nn.Conv2d(4, 4, 1)


class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.preact = torchvision.models.resnet18(pretrained=True)
        self.head = nn.Conv2d(4, 4, 1)
"""
    plan = plan_of(models, "model.Detector()")
    assert plan.train_scripts[0].backbone == ("preact.stem",)
    plan = plan_of(models, BY_NAME)
    assert plan.train_scripts[0].backbone == ("preact", "stem")


def test_private_attributes_have_the_names_that_python_gives_them() -> None:
    model = """
class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.__bn__ = nn.BatchNorm2d(4)
        self.__bn__.load_state_dict(model_zoo.load_url("https://example.org/bn.pth"))
class _Private(nn.Module):
    def __init__(self):
        super().__init__()
        self.__part = torchvision.models.resnet18(pretrained=True)
        self.trunk = Trunk()
        self.__head = nn.BatchNorm2d(4)
class Shown(_Private):
    def __init__(self):
        super().__init__()
        self.__more = torchvision.models.resnet18(pretrained=True)
"""
    names = ["_Private__part", "_Shown__more", "trunk.__bn__"]
    assert frozen(plan_of(model, "model.Shown()")) == names


ANY_MODEL = """
class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(4)


class Task(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.{attribute} = model


def build(big):
    if big:
        return torchvision.models.resnet18(pretrained=True)
    return Tiny()
"""


def test_a_wrapper_that_takes_any_model() -> None:
    plan = plan_of(ANY_MODEL.format(attribute="net"), "model.Task(model.build(args.big))")
    assert [str(site.verdict) for site in plan.sites] == ["unknown"]
    assert frozen(plan) == []
    assert "it would freeze Task.net as well" in plan.train_scripts[0].reason
    plan = plan_of(ANY_MODEL.format(attribute="backbone"), "model.Task(model.build(args.big))")
    assert [str(site.verdict) for site in plan.sites] == ["keep"]
    assert frozen(plan) == []  # BatchNorm of Tiny, which nothing is loaded into, must learn
    assert "Task.backbone may hold Tiny" in plan.train_scripts[0].reason
