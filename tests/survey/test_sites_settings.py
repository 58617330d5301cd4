"""Settings and comments that decide what the evidence leaves open, or wins over it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bn2gn_codemod.plan import Plan, Verdict
from bn2gn_codemod.problem import Problem
from bn2gn_codemod.settings import Settings
from tests.survey.verdicts import HEAD, check, plan_of

OPEN = """\
-- lib/models/net.py --
class ConvBN(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {block}
class Tracker(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = ConvBN()
        self.up = nn.Sequential(nn.BatchNorm2d(8))  #! {up}
"""


@pytest.mark.parametrize(
    ("settings", "block", "up"),
    [
        (Settings(), "unknown", "unknown"),
        (Settings(backbone=("Tracker.down",)), "keep", "convert"),
        (Settings(backbone=("down",)), "keep", "convert"),
        (Settings(backbone=("lib.models.net.Tracker.down",)), "keep", "convert"),
        (Settings(backbone=("*.Tracker.d*",)), "keep", "convert"),
        (Settings(backbone=("Tracker",)), "keep", "keep"),
        (Settings(backbone=("ConvBN",)), "keep", "convert"),
        (Settings(convert=("Tracker",)), "convert", "convert"),
        (Settings(convert=("Tracker.up",)), "unknown", "convert"),
        (Settings(convert=("lib.models.net.*",)), "convert", "convert"),
        (Settings(backbone=("Tracker",), convert=("Tracker.up",)), "keep", "convert"),
        (Settings(convert=("Tracker",), backbone=("Tracker.down",)), "keep", "convert"),
    ],
)
def test_names_in_the_settings(settings: Settings, block: str, up: str) -> None:
    check(OPEN.format(block=block, up=up), settings)


def test_a_pasted_line_settles_the_site() -> None:
    site = plan_of(OPEN).sites[0]
    assert site.settles[0] == 'backbone = ["Tracker.down"]'
    assert site.settles[1] == 'convert = ["Tracker.down"]'


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            Settings(backbone=("Trakcer",)),
            "backbone = 'Trakcer' names no class or attribute of this",
        ),
        (Settings(backbone=("Trakcer",)), "did you mean 'Tracker'?"),
        (Settings(convert=("Tracker.upp",)), "did you mean 'Tracker.up'?"),
        (Settings(convert=("tracker.Up",)), "did you mean 'Tracker.up'?"),
        (Settings(backbone=("zzzzzz*",)), "name one as in 'ResNet'"),
        (Settings(backbone=("Tracker", "Nothing.like.it")), "'Nothing.like.it' names no"),
    ],
)
def test_setting_that_matches_nothing_is_an_error(settings: Settings, message: str) -> None:
    with pytest.raises(Problem) as error:
        plan_of(OPEN, settings)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


MIXED = """\
import torchvision
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! {network}
class Fuse(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {part}
class Pan(Fuse):
    pass
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential({held})
        self.head = nn.BatchNorm2d(8)  #! convert
def build():
    return Model()
"""


@pytest.mark.parametrize(
    ("settings", "network", "part"),
    [
        (Settings(), "keep", "conflict"),
        (Settings(convert=("Pan",)), "keep", "convert"),
        (Settings(convert=("Fuse",)), "keep", "convert"),
        (Settings(convert=("Fuse.bn",)), "keep", "convert"),
        (Settings(convert=("Pan",), backbone=("ResNet",)), "keep", "convert"),
        # What names the attribute is about all that it holds.
        (Settings(convert=("Model.backbone", "Model.head")), "convert", "convert"),
        (Settings(convert=("Pan",), backbone=("Model.backbone",)), "keep", "keep"),
    ],
)
def test_a_new_class_in_one_container_with_a_backbone(
    settings: Settings, network: str, part: str
) -> None:
    check(MIXED.format(network=network, part=part, held="ResNet(), Pan()"), settings)


@pytest.mark.parametrize(
    "held", ["torchvision.models.resnet50(pretrained=True), Pan()", "Pan(), nn.BatchNorm2d(8)"]
)
def test_a_new_class_beside_what_is_no_object_of_the_repository(held: str) -> None:
    layer = "keep" if "(8)" in held else ""
    text = MIXED.replace("({held})", "({held})" + f"  #! {layer}" * bool(layer))
    text = text.replace("class ResNet", "class Unused").replace("{network}", "unknown")
    check(text.format(part="convert", held=held), Settings(convert=("Pan",)))


KNOWN = """\
import torchvision
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.BatchNorm2d(8){in_backbone}
        )
        self.neck = nn.Sequential(nn.BatchNorm2d(8){in_neck}
        )
"""


@pytest.mark.parametrize(
    "settings", [Settings(), Settings(convert=("neck",), backbone=("backbone",))]
)
def test_comment_wins_over_everything(settings: Settings) -> None:
    comment = {
        "in_backbone": ")  # bn2gn: convert  #! convert",
        "in_neck": ")  # bn2gn: keep  #! keep",
    }
    plan = check(KNOWN.replace("(8){", "(8{").format(**comment), settings)
    assert all("the comment # bn2gn:" in site.reasons[0] for site in plan.sites)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("BatchNorm2D0", "did you mean 'BatchNorm2d'?"),
        ("SyncBatchnorm", "did you mean 'SyncBatchNorm'?"),
        ("GroupNorm", "norms = 'GroupNorm' is no BatchNorm class"),
        ("zzz", "known are BatchNorm1d, BatchNorm2d, BatchNorm3d, SyncBatchNorm"),
    ],
)
def test_a_norm_that_no_layer_can_be_is_an_error(name: str, message: str) -> None:
    with pytest.raises(Problem) as error:
        plan_of(OPEN, Settings(norms=("BatchNorm2d", name)))
    assert message in str(error.value)


def test_the_class_of_a_default_argument_is_named() -> None:
    plan = plan_of(
        """\
class Outer(nn.Module):
    layer = nn.BatchNorm2d
    class Inner(nn.Module):
        def __init__(self, norm=nn.BatchNorm2d):
            super().__init__()
            self.bn = norm(8)
def make(norm=nn.BatchNorm2d):
    return norm(8)
"""
    )
    found = {site.place.line: site.class_ for site in plan.sites}
    assert [found[line] for line in (4, 6, 8)] == ["Outer", "Outer.Inner", "Outer.Inner"]
    assert found[9] == ""


MANY = """\
class ConvBN(nn.Module):
    def __init__(self, norm=nn.BatchNorm2d):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)
        self.bn2 = norm(8)
        self.bn3 = nn.BatchNorm3d(8)
        self.bn4 = nn.BatchNorm2d(8, **self.options)
class Tracker(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = ConvBN(), ConvBN(), ConvBN()
        self.d, self.e, self.f = ConvBN(), ConvBN(), ConvBN()
"""


# A class in a dict that is passed on, and one function that makes the layers of both sides.
PASSED_ON = """\
import elsewhere
class ConvBN(nn.Module):
    def __init__(self, norm=nn.BatchNorm2d):
        super().__init__()
        options = {'norm': norm} if elsewhere.some else {}
        self.conv = elsewhere.conv(**options)
def settle(cfg):
    cfg.NORM = nn.BatchNorm2d
def make(cfg, channels, **options):
    norm = getattr(cfg, 'NORM')
    return norm(channels, **options)
class Tracker(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.backbone, self.neck = make(cfg, 8), make(cfg, 8)
"""


# One function for a new part and for a model of which nothing is known.
HALF_OPEN = """\
import torchvision
class ConvBN(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.neck = ConvBN()
class Tracker(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = ConvBN()
tracker = Tracker()
"""

# Functions outside of classes that make the layers of models of which nothing is known.
MADE_OUTSIDE = """\
def depthwise(a, b):
    return nn.Sequential(nn.Conv2d(a, b, 1), nn.BatchNorm2d(b))
def other(a, b):
    return nn.Sequential(nn.Conv2d(a, b, 1), nn.BatchNorm2d(b))
class Pose(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(depthwise(3, 8), other(8, 16))
class Faces(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList([other(3, 8)])
Pose(), Faces()
"""


# A default beside which others hand over what cannot be changed, and a function of norms.
WRAPPED = """\
from functools import partial
class Conv(nn.Module):
    def __init__(self, norm_layer=nn.BatchNorm2d):
        super().__init__()
        self.bn = norm_layer(8)
class Tracker(nn.Module):
    def __init__(self, config):
        super().__init__()
        norm_layer = config.norm_layer or nn.BatchNorm2d
        if config.options:
            norm_layer = partial(norm_layer, **config.options)
        self.a, self.b = Conv(norm_layer), Conv(**config.options)
        self.c = Conv(zeroed)
def zeroed(c):
    layer = nn.BatchNorm2d(c, eps=1e-3)
    nn.init.zeros_(layer.weight)
    return layer
"""


# Models of one base that hold their parts in what they share, where nothing has a name.
SHARED_BASE = """\
class Body(nn.Module):
    def __init__(self, merge):
        super().__init__()
        self.merge = merge
class Base(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body
class Large(Base):
    def __init__(self):
        super().__init__(Body(nn.BatchNorm2d(8)))
class Small(Base):
    def __init__(self):
        super().__init__(Body(nn.BatchNorm2d(4)))
class Tracker(nn.Sequential):
    def __init__(self):
        super().__init__(Large())
class Detector(nn.Sequential):
    def __init__(self):
        super().__init__(Small())
"""


def settled(text: str, line: int, offered: str) -> list[tuple[str, Plan]]:
    """What is promised by a line that is offered, and the plan that follows from it."""
    key, _, value = offered.partition(" = ")
    if not key.startswith("#"):
        chosen: Any = {key: tuple(name.strip('"') for name in value.strip("[]").split(", "))}
        promised = {"backbone": "keep", "convert": "convert"}[key]
        return [(promised, plan_of(text, Settings(**chosen)))]
    found = []
    for promised in re.findall(r"# bn2gn: (\w+)", offered):
        lines = text.splitlines()
        lines[line - 1 - HEAD.count("\n")] += f"  # bn2gn: {promised}"
        found.append((promised, plan_of("\n".join(lines))))
    return found


@pytest.mark.parametrize(
    ("text", "least"),
    [
        (MANY, 13),
        (PASSED_ON, 4),
        (HALF_OPEN, 3),
        (MADE_OUTSIDE, 8),
        (WRAPPED, 8),
        (SHARED_BASE, 6),
    ],
)
def test_every_offered_line_settles_its_site(text: str, least: int) -> None:
    """Also where many attributes are open, a class is handed over, or norms leaves it out."""
    tried = 0
    for site in plan_of(text).sites:
        for line in site.settles:
            for promised, plan in settled(text, site.place.line, line):
                tried += 1
                verdict = next(str(one.verdict) for one in plan.sites if one.place == site.place)
                assert verdict == promised, (site, line)
    assert tried >= least


_UNDECIDED = """\
-- nets/{file}.py --
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)
class WithLoss(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model
def make():
    return WithLoss(Net())
"""


def test_what_holds_the_layers_of_a_function_is_named() -> None:
    sites = plan_of(MADE_OUTSIDE).sites
    assert [site.settles[0] for site in sites] == [
        'backbone = ["Pose.trunk"]',
        'backbone = ["Faces.parts", "Pose.trunk"]',
    ]
    assert "Pose.trunk; Pose holds no backbone" in sites[0].reasons[0]
    [idle] = plan_of("def make():\n    return nn.BatchNorm2d(8)\n").sites
    words = "the layer that make makes reaches no model that is a class of this repository"
    assert idle.reasons == (words,)


def test_an_offered_line_names_one_model_and_no_wrapper_of_them_all() -> None:
    plan = plan_of(_UNDECIDED.format(file="small") + _UNDECIDED.format(file="large"))
    assert [site.settles[0] for site in plan.sites] == [
        'backbone = ["nets.large.Net.bn"]',
        'backbone = ["nets.small.Net.bn"]',
    ]
    chosen = Settings(convert=("nets.small.Net.bn",))
    plan = plan_of(_UNDECIDED.format(file="small") + _UNDECIDED.format(file="large"), chosen)
    assert [str(site.verdict) for site in plan.sites] == ["unknown", "convert"]


def test_a_class_that_is_handed_over_is_not_said_to_be_converted_where_it_is_called() -> None:
    called = next(site for site in plan_of(MANY).sites if site.place.line == 7)
    assert called.settles == ('backbone = ["Tracker"]', "# bn2gn: keep   on this line")


def test_setting_for_what_a_registry_hands_out_names_the_class_alone() -> None:
    plan = plan_of(
        """\
from mmcv.utils import Registry
PARTS = Registry("parts")
@PARTS.register_module
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)
@PARTS.register_module
class Pool(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)
class Lanes(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.first = PARTS.build(cfg.first)
        self.second = PARTS.build(cfg.second)
model = Lanes(None)
"""
    )
    offered = {site.class_: site.settles[:2] for site in plan.sites}
    assert offered == {
        name: (f'backbone = ["{name}"]', f'convert = ["{name}"]') for name in ("Encoder", "Pool")
    }


def test_class_of_a_registry_is_not_said_to_be_built_nowhere() -> None:
    text = """\
    class Registry:
        def __init__(self):
            self._map = {}
        def register(self):
            def put(cls):
                self._map[cls.__name__] = cls
                return cls
            return put
        def from_dict(self, settings):
            settings = settings.copy()
            return self._map[settings.pop("name")](**settings)
    MODELS = Registry()
    @MODELS.register()
    class Reducer(nn.Module):
        def __init__(self):
            super().__init__()
            self.bn = nn.BatchNorm2d(8)
    class Alone(nn.Module):
        def __init__(self):
            super().__init__()
            self.bn = nn.BatchNorm2d(8)
    """
    of_registry, alone = plan_of(text).sites
    words = "Reducer is registered, and what is built by its name is not followed"
    assert of_registry.reasons == (words,)
    assert alone.reasons == ("Alone is built nowhere in this repository",)


def test_class_in_the_registry_of_a_library_is_not_said_to_be_built_nowhere() -> None:
    text = """\
    from mmcv.cnn.bricks.registry import TRANSFORMER_LAYER_SEQUENCE
    @TRANSFORMER_LAYER_SEQUENCE.register_module()
    class Transform(nn.Module):
        def __init__(self):
            super().__init__()
            self.bn = nn.BatchNorm2d(8)
    """
    (site,) = plan_of(text).sites
    words = "Transform is registered, and what is built by its name is not followed"
    assert (site.verdict, site.reasons) == (Verdict.UNKNOWN, (words,))


@pytest.mark.parametrize("decorator", ["@torch.jit.script", "@lib.wrap()", "@lib.HEADS.check()"])
def test_other_decorators_register_nothing(decorator: str) -> None:
    text = f"""\
    import lib
    {decorator}
    class Alone(nn.Module):
        def __init__(self):
            super().__init__()
            self.bn = nn.BatchNorm2d(8)
    """
    (site,) = plan_of(text).sites
    assert site.reasons == ("Alone is built nowhere in this repository",)


def test_norm_class_in_the_registry_of_a_library() -> None:
    text = """\
    from mmcv.cnn import NORM_LAYERS
    @NORM_LAYERS.register_module("naiveSyncBN1d")
    class NaiveSyncBatchNorm1d(nn.BatchNorm1d):
        pass
    """
    (site,) = plan_of(text).sites
    words = "NaiveSyncBatchNorm1d is registered, and what is built by its name is not followed"
    assert (site.verdict, site.reasons) == (Verdict.KEEP, (words,))


def test_norm_class_that_is_only_named() -> None:
    text = """\
    class SyncBatchNorm(nn.BatchNorm2d):
        pass
    NORM = SyncBatchNorm
    """
    sites = plan_of(text).sites
    assert {reason for site in sites for reason in site.reasons} == {
        "no layer is made of it in this repository"
    }
