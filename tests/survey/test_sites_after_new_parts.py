"""What a network has behind a part that no backbone has: its file has neither."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

POSE = """\
class PoseResNet(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7)
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        {early}
        self.layer1 = nn.Sequential(nn.Conv2d(8, 8, 1))
        self.layer2 = nn.Sequential(nn.Conv2d(8, 8, 1))
        self.layer3 = nn.Sequential(nn.Conv2d(8, 8, 1))
        {new}
        {late}
    def init_weights(self, pretrained):
        {load}
"""
LOOSE = "self.load_state_dict(torch.load(pretrained), strict=False)"
DECONV = "self.deconv_layers = nn.Sequential(nn.ConvTranspose2d(8, 8, 2), nn.BatchNorm2d(8))  #! {}"
ADDED = "self.{} = nn.ModuleList([nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))])  #! {}"


def pose(late: str, early: str = "", new: str = DECONV.format("convert"), load: str = LOOSE) -> str:
    return POSE.format(early=early, new=new, late=late, load=load)


@pytest.mark.parametrize("name", ["scales", "conv_scale_layers", "context"])
def test_part_behind_a_new_one(name: str) -> None:
    plan = check(pose(ADDED.format(name, "convert")))
    (site,) = [one for one in plan.sites if one.attribute == name]
    assert "comes after deconv_layers, which no ResNet checkpoint has" in site.reasons[0]


@pytest.mark.parametrize(
    ("name", "new"),
    [
        # before it, or with nothing new before it
        ("context", ""),
        ("context", "self.deconv = None"),
        ("context", "self.deconv_scale = 2"),
        # the word says less
        (
            "context",
            "self.final = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert",
        ),
        # a second network, a part of one, or a second name for one
        ("encoder", None),
        ("feature_extractor", None),
        ("depth_encoder", None),
        ("conv1_depth", None),
        ("attention", None),
        ("layer1_aux", None),
        ("stem", None),
    ],
)
def test_part_that_may_be_in_the_file(name: str, new: str | None) -> None:
    text = pose(ADDED.format(name, "-"), new=DECONV.format("convert") if new is None else new)
    (site,) = [one for one in plan_of(text).sites if one.attribute == name]
    assert site.verdict != "convert"
    assert not any("comes after" in reason for reason in site.reasons)


def test_part_in_front_of_the_new_one() -> None:
    check(pose("", early=ADDED.format("context", "unknown")))


@pytest.mark.parametrize(
    "load",
    [
        # a file with the new part, of a training that goes on, or of everything
        "self.load_state_dict(torch.load(pretrained))",
        "saved = torch.load(pretrained)\n        for k in list(saved):\n"
        "            if k == 'deconv_layers.0.weight':\n                print(k)\n"
        "        self.load_state_dict(saved, strict=False)",
        "saved = {k.replace('head', 'context'): v for k, v in torch.load(pretrained).items()}\n"
        "        self.load_state_dict(saved, strict=False)",
    ],
)
def test_file_that_may_have_more(load: str) -> None:
    sites = plan_of(pose(ADDED.format("context", "-"), load=load)).sites
    assert [one.verdict for one in sites if one.attribute == "context"] != ["convert"]


def test_network_that_is_a_part_of_the_model() -> None:
    text = pose(ADDED.format("context", "-")) + (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.backbone = PoseResNet(1)\n        self.backbone.init_weights('r.pth')\n"
        "        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))\n"
    )
    assert [o.verdict for o in plan_of(text).sites if o.attribute == "context"] == ["unknown"]
