"""Two networks of one class in a model, of which one alone is loaded."""

from __future__ import annotations

import pytest

from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from tests.survey.verdicts import check, plan_of

NET = """\
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! VERDICT
class ResNet(nn.Module):
    def __init__(self, channels=3):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 8, 7)
        self.bn1 = nn.BatchNorm2d(8)  #! VERDICT
        self.layer1 = nn.Sequential(Block(), Block())
        self.layer2 = nn.Sequential(Block(), Block())
        self.layer3 = nn.Sequential(Block(), Block())
        self.layer4 = nn.Sequential(Block(), Block())
def resnet18(pretrained=True):
    net = ResNet()
    if pretrained:
        net.load_state_dict(torch.load("resnet18-imagenet.pth"))
    return net
class Image(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = ResNet()
        self.net.load_state_dict(torch.load("resnet18-imagenet.pth"))
class Radar(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = ResNet(1)
"""
MODEL = """\
class Fusion(nn.Module):
    def __init__(self):
        super().__init__()
"""
TRAIN = """\
-- train.py --
from net import Fusion
model = Fusion()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for x in loader:
    model.train()
    model(x).backward()
    optimizer.step()
"""
BESIDE = [
    """\
        self.image, self.radar = Image(), Radar()
    """,
    """\
        self.image, self.radar = resnet18(), ResNet(1)
    """,
    """\
        self.image = ResNet()
        self.image.load_state_dict(torch.load("resnet18-imagenet.pth"))
        self.radar = ResNet(1)
    """,
    # One factory makes both, and is asked for no weights for the second.
    """\
        self.image, self.radar = resnet18(), resnet18(pretrained=False)
    """,
    """\
        self.image = resnet18(pretrained)
        self.radar = resnet18(False)
        self.radar.cuda()
    """,
]


@pytest.mark.parametrize("body", BESIDE)
def test_lines_of_a_class_serve_an_object_that_nothing_loads(body: str) -> None:
    plan = check(NET.replace("VERDICT", "conflict") + MODEL + body)
    assert "into which nothing is seen to load weights" in plan.sites[0].reasons[1]


@pytest.mark.parametrize("body", BESIDE)
def test_what_nothing_loads_is_not_frozen(body: str) -> None:
    text = NET.replace("  #! VERDICT", "") + MODEL + body + "\n" + TRAIN
    found = [one for one in findings(plan_of(text)) if one.code.startswith("BN2")]
    assert [one.code for one in found] == ["BN201", "BN202"]
    assert "model.image" in found[0].message
    for one in found:
        assert "radar" not in one.message
        assert one.fixable


@pytest.mark.parametrize(
    "body",
    [
        # Both are loaded, be it by the same call, ...
        """\
        self.image, self.radar = ResNet(), ResNet(1)
        for net in (self.image, self.radar):
            net.load_state_dict(torch.load("resnet18-imagenet.pth"))
        """,
        # ... one from the other, ...
        """\
        self.image, self.radar = resnet18(), ResNet(1)
        self.radar.load_state_dict(self.image.state_dict())
        """,
        """\
        self.image, self.radar = resnet18(), ResNet(1)
        for old, new in zip(self.image.parameters(), self.radar.parameters()):
            new.data.copy_(old.data)
        """,
        # ... with what holds it, ...
        """\
        self.image, self.radar = Image(), Radar()
        self.radar.load_state_dict(torch.load("radar-imagenet.pth"))
        """,
        # ... or with the whole model.
        """\
        self.image, self.radar = resnet18(), ResNet(1)
        self.load_state_dict(torch.load("pretrained.pth"))
        """,
        # One may be there instead of the other.
        """\
        self.image = resnet18() if rgb else ResNet(1)
        """,
        """\
        self.image = Image()
        if radar:
            self.image = Radar()
        """,
        # It teaches the other one, and is not trained.
        """\
        self.image, self.teacher = resnet18(), ResNet()
        """,
        # The same call makes both, and may load both, ...
        """\
        self.image, self.radar = resnet18(), resnet18(pretrained=pretrained)
        """,
        # ... or weights come later to what was made without any.
        """\
        self.image, self.radar = resnet18(), resnet18(pretrained=False)
        self.radar.load_state_dict(torch.load("radar-imagenet.pth"))
        """,
        """\
        self.image, self.radar = resnet18(), resnet18(pretrained=False)
        self.radar.load_state_dict(self.image.state_dict())
        """,
        """\
        self.image, self.radar = resnet18(), resnet18(pretrained=False)
        for old, new in zip(self.image.parameters(), self.radar.parameters()):
            new.data.copy_(old.data)
        """,
        """\
        self.image, self.radar = resnet18(), resnet18(pretrained=False)
        for net in (self.image, self.radar):
            net.load_state_dict(torch.load("resnet18-imagenet.pth"))
        """,
        """\
        self.image, self.radar = resnet18(), resnet18(pretrained=False)
        self.load_state_dict(torch.load("pretrained.pth"))
        """,
        """\
        self.image, self.radar = resnet18(), resnet18(pretrained=False)
        if same:
            self.radar = self.image
        """,
    ],
)
def test_all_objects_of_a_class_may_be_loaded(body: str) -> None:
    check(NET.replace("VERDICT", "keep") + MODEL + body)


def test_models_of_their_own_are_none_of_one_model() -> None:
    models = """\
class First(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet18()
class Second(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = ResNet(1)
"""
    check(NET.replace("VERDICT", "keep") + models)


def test_a_class_may_load_itself() -> None:
    loads = """\
class Own(ResNet):
    def __init__(self, channels):
        super().__init__(channels)
        self.load_state_dict(torch.load("pretrained.pth"))
"""
    body = "        self.image, self.radar = resnet18(), Own(1)\n"
    check(NET.replace("VERDICT", "keep") + loads + MODEL + body)


def test_a_setting_says_that_it_is_loaded() -> None:
    settings = Settings(backbone=("Radar.net",))
    text = NET.replace("VERDICT", "keep") + MODEL + BESIDE[0]
    assert {site.verdict for site in plan_of(text, settings).sites} == {"keep"}
