"""Attributes that are called like a ResNet's, and are none of those that its files have."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, only

PUBLISHED = "https://download.pytorch.org/models/resnet18-5c106cde.pth"
OWN = "https://a.org/net.pth"
MODEL = """\
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(64)  #! keep
class {name}(nn.Module):
    def __init__(self, deep=False, num_classes=9):
        super().__init__()
        {before}
        self.layer1 = nn.Sequential(Block(), Block())
        self.layer2 = nn.Sequential(Block(), Block())
        self.layer3 = nn.Sequential(Block(), Block())
        self.layer4 = nn.Sequential(Block(), Block())
        {behind}
    def _make_head(self):
        {method}
def resnet18():
    model = {name}()
    {load}
    return model
"""
STEM = ("self.conv1 = nn.Conv2d(3, 64, 3)", "self.bn1 = nn.BatchNorm2d(64)  #! keep")
LATE = ("self.conv2 = nn.Conv2d(64, 64, 3)", "self.bn2 = nn.BatchNorm2d(64)  #! {verdict}")


def network(
    before: tuple[str, ...] = STEM,
    behind: tuple[str, ...] = (),
    *,
    url: str = PUBLISHED,
    load: str = "model.load_state_dict(state, strict=False)",
    name: str = "ResNet",
    method: str = "pass",
) -> str:
    lines, more = "\n        ".join(before), "\n        ".join(behind)
    if load:
        load = f"state = torch.hub.load_state_dict_from_url('{url}')\n    {load}"
    return MODEL.format(before=lines, behind=more, load=load, name=name, method=method)


def late(verdict: str) -> tuple[str, ...]:
    return tuple(line.format(verdict=verdict) for line in LATE)


def indented(*lines: str) -> tuple[str, ...]:
    return tuple(f"    {line}" for line in lines)


FILTERED = """own = model.state_dict()
    own.update({k: v for k, v in state.items() if k in own})
    model.load_state_dict(own)"""


@pytest.mark.parametrize("load", ["model.load_state_dict(state, strict=False)", FILTERED])
def test_a_second_convolution_behind_the_stages_is_not_of_the_stem(load: str) -> None:
    plan = check(network(behind=late("convert"), load=load))
    assert "not of the stem" in only(plan, "convert")[0].reasons[0]


def test_it_may_be_in_a_file_of_the_networks_own() -> None:
    check(network(behind=late("unknown"), url=OWN))
    script = "-- train.py --\nfrom net import resnet18\nmodel = resnet18()\n"
    load = "model.load_state_dict(torch.load('imagenet.pth'), strict=False)\n"
    check(network(behind=late("unknown"), load="") + script + load)


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        # A stem of three convolutions, before the stages, or for an option alone.
        ((*STEM, *late("keep")), ()),
        (
            (
                *STEM,
                "if deep:",
                *indented(*late("keep"), "self.layer1 = nn.Sequential(Block())"),
            ),
            (),
        ),
        # Written after the stages, but all of it.
        ((), (*STEM, *late("keep"))),
        # The last norm of a network with norms before its convolutions.
        (STEM, ("self.bn2 = nn.BatchNorm2d(64)  #! keep",)),
        # Another way to build the same network.
        (
            (
                "if deep:",
                *indented("self.conv1 = nn.Conv2d(3, 64, 3)", "self.layer1 = Block()"),
                "else:",
                *indented(*STEM, *late("keep")),
            ),
            (),
        ),
    ],
)
def test_a_stem_is_in_the_file(before: tuple[str, ...], behind: tuple[str, ...]) -> None:
    check(network(before, behind))


def test_a_strict_load_fills_what_is_behind_the_stages() -> None:
    check(network(behind=late("keep"), load="model.load_state_dict(state)"))


def test_a_method_may_make_the_stem() -> None:
    text = network(
        ("self._make_head()",),
        ("self.conv2 = nn.Conv2d(64, 64, 3)",),
        method="self.bn2 = nn.BatchNorm2d(64)  #! keep",
    )
    check(text)


HEAD = "nn.Sequential(nn.Conv2d(64, 64, 1), nn.BatchNorm2d(64))"


@pytest.mark.parametrize("made", [HEAD, "self._make_head()"])
def test_a_classifier_with_norms_is_not_the_files(made: str) -> None:
    if made == HEAD:
        text = network(behind=(f"self.fc = {made}  #! convert",))
    else:
        text = network(behind=(f"self.fc = {made}",), method=f"return {HEAD}  #! convert")
    plan = check(text)
    assert "no single linear layer" in only(plan, "convert")[0].reasons[0]


@pytest.mark.parametrize(
    ("url", "load", "verdict"),
    [
        (OWN, "model.load_state_dict(state, strict=False)", "unknown"),
        (OWN, FILTERED, "unknown"),
        (OWN, "model.load_state_dict(state)", "keep"),
        (PUBLISHED, "model.load_state_dict(state)", "keep"),
    ],
)
def test_a_classifier_with_norms_may_be_in_other_files(url: str, load: str, verdict: str) -> None:
    check(network(behind=(f"self.fc = {HEAD}  #! {verdict}",), url=url, load=load))


@pytest.mark.parametrize("url", [PUBLISHED.replace("resnet18", "mobilenet_v3"), OWN])
def test_the_classifier_of_a_mobilenet_may_have_norms(url: str) -> None:
    check(
        f"""\
        class MobileNetV3(nn.Module):
            def __init__(self):
                super().__init__()
                self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! keep
                self.classifier = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! unknown
        def mobilenetv3():
            model = MobileNetV3()
            state = torch.hub.load_state_dict_from_url('{url}')
            model.load_state_dict(state, strict=False)
            return model
        """
    )


def test_a_linear_classifier_says_nothing_of_its_network() -> None:
    check(network(behind=("self.fc = nn.Linear(64, num_classes)",)))


HEAD_OR_NORM = {
    "fc": (f"self.fc = {HEAD}  #! {{verdict}}",),
    "bn2": LATE,
    "another name": ("self.norm_x = nn.BatchNorm2d(64)  #! {verdict}",),
}


def behind_stages(kind: str, verdict: str) -> tuple[str, ...]:
    return tuple(line.format(verdict=verdict) for line in HEAD_OR_NORM[kind])


@pytest.mark.parametrize("kind", ["fc", "bn2"])
@pytest.mark.parametrize(
    "copy",
    [
        "model.load_state_dict(old.state_dict(), strict=False)",
        "own = model.state_dict()\n    own.update(old.state_dict())\n"
        "    model.load_state_dict(own, strict=False)",
    ],
)
def test_a_model_that_is_copied_has_parts_of_its_own(kind: str, copy: str) -> None:
    text = network(behind=behind_stages(kind, "keep"), url=OWN, name="OldNet")
    text = text.replace("strict=False", "strict=True").replace("resnet18", "old_net")
    added = ("self.up = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert",)
    load = f"old = old_net()\n    {copy}"
    copied = network(behind=(*behind_stages(kind, "unknown"), *added), load=load)
    check(text + copied[copied.index("class ResNet") :])


@pytest.mark.parametrize("kind", HEAD_OR_NORM)
def test_a_second_file_may_fill_what_the_first_one_has_not(kind: str) -> None:
    load = "model.load_state_dict(state, strict=False)\n    if {asked}:\n        "
    load += "model.load_state_dict(torch.load('reid.pth'))"
    check(network(behind=behind_stages(kind, "unknown"), load=load.format(asked="ASKED")))
    # Training that goes on is none that begins so.
    check(network(behind=behind_stages(kind, "convert"), load=load.format(asked="args.resume")))


@pytest.mark.parametrize("kind", ["fc", "bn2"])
def test_what_a_model_holds_may_come_with_the_files_of_the_model(kind: str) -> None:
    check(
        network(behind=behind_stages(kind, "unknown"))
        + """
class Seg(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet18()
        reid = ResNet()
        reid.load_state_dict(torch.load('reid.pth'))
        self.backbone = reid
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
"""
    )
