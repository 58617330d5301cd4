"""A norm class that is handed on: what is changed is where it really reaches the layers."""

from __future__ import annotations

import pytest

from bn2gn_codemod.plan import Plan, Verdict
from tests.survey.verdicts import check, plan_of

# What hands the class to both sides, and keeps it in attributes on the way.
BOTH = """\
import torchvision
class ResNet(nn.Module):
    def __init__(self, norm_layer=nn.BatchNorm2d):  #! keep
        super().__init__()
        self.bn1 = norm_layer(64)  #! keep
        self.load_state_dict(torchvision.models.resnet18(pretrained=True).state_dict())
class Head(nn.Module):
    def __init__(self, c, norm_layer=nn.BatchNorm2d):  #! convert
        super().__init__()
        self.project = nn.Sequential(nn.Conv2d(c, 32, 1), norm_layer(32))  #! convert
"""
MODEL = """\
class Model(nn.Module):
    def __init__(self, norm_layer=nn.BatchNorm2d, backbone_norm_layer=None):  #! keep
        super().__init__()
        if backbone_norm_layer is None:
            backbone_norm_layer = norm_layer
        self.norm_layer = norm_layer
        self.backbone_norm_layer = backbone_norm_layer
        self.backbone = ResNet(norm_layer=self.backbone_norm_layer)
        self.head = Head(64, norm_layer=self.norm_layer)  #! convert
def get_model(norm_layer=nn.BatchNorm2d):  #! keep
    return Model(norm_layer=norm_layer)
"""


def edited(plan: Plan) -> list[tuple[int, str]]:
    """Lines and kinds of the norm edits of a plan."""
    return [(edit.place.line, edit.kind) for file in plan.files for edit in file.norms]


def test_class_kept_in_attributes_is_changed_where_it_is_handed_on() -> None:
    plan = check(BOTH + MODEL)
    assert edited(plan) == [(10, "reference"), (21, "reference")]


def test_class_handed_on_by_a_default_of_the_factory_alone() -> None:
    plan = check(
        BOTH
        + """\
class Model(nn.Module):
    def __init__(self, **kwargs):
        super().__init__()
        self.backbone = ResNet(**kwargs)
        self.head = Head(64, **kwargs)
def get_model(norm_layer=nn.BatchNorm2d):  #! keep
    return Model(norm_layer=norm_layer)
"""
    )
    # No call hands it to the head alone: the layer itself is changed.
    assert (12, "call") in edited(plan)


def test_new_parts_are_changed_though_another_part_stays_open() -> None:
    plan = check(
        BOTH
        + """\
class Shared(nn.Module):
    def __init__(self, norm_layer):
        super().__init__()
        self.bn = norm_layer(8)  #! conflict
class Model(nn.Module):
    def __init__(self, norm_layer=nn.BatchNorm2d):  #! conflict
        super().__init__()
        shared = Shared(norm_layer)
        self.backbone = nn.Sequential(ResNet(norm_layer), shared)
        self.shared = shared
        self.head = Head(64, norm_layer)  #! convert
"""
    )
    assert edited(plan) == [(10, "reference"), (23, "reference")]


@pytest.mark.parametrize(
    "arguments", ["32, **options", "32, device=None", "*args"], ids=["keywords", "device", "args"]
)
def test_nothing_is_called_converted_that_a_caller_keeps_batchnorm(arguments: str) -> None:
    text = (BOTH + MODEL).replace("norm_layer(32)", f"norm_layer({arguments})")
    plan = plan_of(text)
    verdicts = {site.place.line: str(site.verdict) for site in plan.sites}
    assert "convert" not in (verdicts[10], verdicts[12])
    assert not edited(plan)


@pytest.mark.parametrize(
    "call",
    [
        "Head(*(64, norm_layer))",
        "Head(64, *[norm_layer])",
        "Head(*self.arguments(norm_layer))",
        "Head(**{'c': 64, 'norm_layer': norm_layer})",
        "Head(**dict(c=64, norm_layer=norm_layer))",
        "Head(64, **options)",
        "Head(64, **more)",
        "functools.partial(Head, *(64, norm_layer))()",
    ],
)
def test_class_handed_on_in_a_tuple_or_a_dict_is_followed(call: str) -> None:
    plan = plan_of(
        BOTH
        + f"""\
import functools
class Model(nn.Module):
    def __init__(self, norm_layer=nn.BatchNorm2d):
        super().__init__()
        options = dict(norm_layer=norm_layer)
        more = {{}}
        more["norm_layer"] = norm_layer
        self.backbone = ResNet(norm_layer)
        self.head = {call}
    def arguments(self, norm_layer):
        return 64, norm_layer
"""
    )
    # Where it is handed over, or where that cannot be changed, the layer itself.
    places = [(line, kind) for line, kind in edited(plan) if line >= 15 or kind == "call"]
    assert len(places) == 1, [(site.place, site.reasons) for site in plan.sites]


def test_default_is_left_where_callers_hand_over_what_stays() -> None:
    plan = plan_of(
        BOTH
        + """\
class Model(nn.Module):
    def __init__(self, norms):
        super().__init__()
        norm_layer = nn.BatchNorm2d if norms else nn.Identity
        self.backbone = ResNet(norm_layer)
        self.head = Head(64, norm_layer)
"""
    )
    sites = {site.place.line: site for site in plan.sites}
    assert str(sites[16].verdict) == "conflict"
    for line in (10, 12):
        assert str(sites[line].verdict) == "conflict", sites[line].reasons
        assert "net.py:16" in sites[line].reasons[0]
    assert not edited(plan)


@pytest.mark.parametrize(
    ("wrapped", "is_changed"),
    [
        ("partial(nn.BatchNorm2d, momentum=0.01)", True),
        ("functools.partial(nn.BatchNorm2d, eps=1e-3)", True),
        ("partial(nn.BatchNorm2d, **options)", False),
        ("partial(nn.BatchNorm2d, *options)", False),
        ("partial(nn.BatchNorm2d, device=None)", False),
        ("bind(nn.BatchNorm2d, eps=1e-3)", False),
        ("bind(nn.BatchNorm2d)", True),
    ],
)
def test_class_in_partial_is_changed_where_the_helper_takes_its_arguments(
    wrapped: str, is_changed: bool
) -> None:
    plan = plan_of(
        f"""\
import functools
import torchvision
from functools import partial, partial as bind
class Model(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        norm_layer = {wrapped}
        self.neck = norm_layer(8)
"""
    )
    assert bool(edited(plan)) is is_changed
    assert is_changed is (plan.sites[0].verdict is Verdict.CONVERT)
    assert is_changed or "partial" in plan.sites[0].reasons[0]


@pytest.mark.parametrize(
    ("wrapped", "is_changed"),
    [
        ("partial(nn.BatchNorm2d, momentum=0.01)", True),
        ("partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)", False),
        ("partial(partial(nn.BatchNorm2d, affine=False), momentum=0.01)", False),
        ("partial(nn.BatchNorm2d, 8)", False),
    ],
)
@pytest.mark.parametrize("neck", ["norm_layer(8)", "Head(8, norm_layer)"])
def test_arguments_that_partial_binds_for_both_sides_are_not_lost(
    wrapped: str, is_changed: bool, neck: str
) -> None:
    plan = plan_of(
        BOTH
        + f"""\
from functools import partial
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        norm_layer = {wrapped}
        self.backbone = ResNet(norm_layer)
        self.neck = {neck}
"""
    )
    assert bool(edited(plan)) is is_changed
    assert is_changed or [site for site in plan.sites if site.verdict is Verdict.CONFLICT]


def test_comment_on_a_use_wins_over_what_is_decided_above() -> None:
    plan = check(
        """\
import torchvision
class Head(nn.Module):
    def __init__(self, norm_layer):
        super().__init__()
        self.a = norm_layer(8)  # bn2gn: keep  #! keep
        self.b = norm_layer(8)  #! convert
class Model(nn.Module):
    def __init__(self, norm_layer=nn.BatchNorm2d):  #! keep
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = Head(norm_layer)
"""
    )
    assert edited(plan) == [(8, "call")]


def test_call_by_the_name_of_batchnorm_is_changed_whichever_implementation_goes_by_it() -> None:
    plan = check(
        """\
import functools
import torchvision
class InPlaceABN(nn.Module):
    def __init__(self, c, activation="leaky_relu"):
        super().__init__()
if torch.__version__.startswith("0"):
    BatchNorm2d = functools.partial(InPlaceABN, activation="none")  #! keep
else:
    BatchNorm2d = nn.SyncBatchNorm  #! keep
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = BatchNorm2d(64)  #! keep
        self.load_state_dict(torchvision.models.resnet18(pretrained=True).state_dict())
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = ResNet()
        self.head = nn.Sequential(nn.Conv2d(64, 32, 1), BatchNorm2d(32, momentum=0.1))  #! convert
"""
    )
    assert edited(plan) == [(21, "call")]


OWN_DEFAULT = """\
import torchvision
class SyncNorm2d(nn.SyncBatchNorm):
    def __init__(self, c, sync=True):
        super().__init__(c)
class Attention(nn.Module):
    def __init__(self, c, norm_layer=SyncNorm2d):  #! {default}
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(c, c, 1), norm_layer(c))  #! {layer}
class Net(nn.Module):
    def __init__(self, norm_layer=nn.BatchNorm2d):  #! convert
        super().__init__()
        self.backbone = torchvision.models.resnet50(pretrained=True)
        self.head = Attention(64, norm_layer)
"""


@pytest.mark.parametrize(
    ("other", "is_used"),
    [
        ("", False),
        ("-- tests/test_attention.py --\nfrom net import Attention\nAttention(8)\n", False),
        ("-- test_attention.py --\nfrom net import *\ndef test_it():\n    Attention(8)\n", False),
        ("-- tools/try_it.py --\nfrom net import Attention\nAttention(8)\n", True),
    ],
    ids=["nobody", "a test", "a test function", "a tool"],
)
def test_default_that_only_a_test_uses_keeps_nothing_open(other: str, is_used: bool) -> None:
    default, layer = ("unknown", "unknown") if is_used else ("keep", "convert")
    plan = check(OWN_DEFAULT.format(default=default, layer=layer) + other)
    reasons = [site.reasons[0] for site in plan.sites]
    assert not any("comment" in reason for reason in reasons)
    assert is_used or reasons[0] == "every call hands over a norm class of its own"


UNUSED_DEFAULT = """\
class Block(nn.Module):
    def __init__(self, c, norm_layer=None):
        super().__init__()
        if norm_layer is None:
            norm_layer = nn.BatchNorm2d  #! {default}
        self.bn1 = norm_layer(c)  #! {layer}
"""


def test_default_that_no_call_uses_is_no_backbone_in_a_model_of_which_nothing_is_known() -> None:
    plan = check(
        UNUSED_DEFAULT.format(default="unknown", layer="unknown")
        + """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.neck = Block(64, nn.BatchNorm2d)  #! unknown
"""
    )
    reasons = plan.sites[0].reasons
    assert reasons == ("every call hands over a norm class of its own", *plan.sites[1].reasons)


def test_default_that_no_call_uses_stays_where_backbone_and_new_parts_bring_their_own() -> None:
    plan = check(
        UNUSED_DEFAULT.format(default="keep", layer="keep")
        + """\
import torchvision
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = Block(64, nn.BatchNorm2d)  #! keep
        self.load_state_dict(torchvision.models.resnet18(pretrained=True).state_dict())
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = ResNet()
        self.neck = Block(64, nn.BatchNorm2d)  #! convert
"""
    )
    assert plan.sites[0].reasons == ("every call hands over a norm class of its own",)


def test_default_is_not_called_converted_where_another_class_is_handed_over_and_stays() -> None:
    plan = plan_of(
        BOTH.replace("c, norm_layer=nn.BatchNorm2d", "c, norm_layer=nn.SyncBatchNorm")
        + """\
class Model(nn.Module):
    def __init__(self, norms):
        super().__init__()
        norm_layer = nn.BatchNorm2d if norms else nn.Identity
        self.backbone = ResNet(norm_layer)
        self.head = Head(64, norm_layer)
"""
    )
    sites = {site.place.line: site for site in plan.sites}
    for line in (10, 12):
        assert str(sites[line].verdict) == "conflict", sites[line].reasons
        assert sites[line].settles == ("# bn2gn: keep   on this line",)
    assert not edited(plan)
