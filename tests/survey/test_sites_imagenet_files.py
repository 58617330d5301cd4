"""Files that say by their path that they are of a network trained on ImageNet."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, only, plan_of

_NET = """\
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.b2 = Block()
        self.b3 = nn.Sequential(Block())
        self.bn7 = nn.BatchNorm2d(8)  #! {verdict}
class Cam(Net):
    def __init__(self, classes):
        super().__init__(classes)
        self.fc8 = nn.Conv2d(8, classes, 1)
-- models.py --
from net import Cam
{before}
def get_model(args):
    model = Cam(args.classes)
    {load}
    return model
-- train.py --
import argparse
from models import get_model
parser = argparse.ArgumentParser()
parser.add_argument("--weights", {option})
def main():
    args = parser.parse_args()
    model = get_model(args)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model.train()
    optimizer.step()
{more}
"""
_LOAD = "model.load_state_dict(torch.load({}), strict=False)"
_DEFAULT = 'default="pretrained/ilsvrc-cls_0001.params"'

_OTHER = """\
-- more.py --
from models import get_model
parser.add_argument("--weights", default="last.pth")
net = get_model(parser.parse_args())
"""


def net(
    path: str = "args.weights",
    option: str = "required=True",
    verdict: str = "keep",
    more: str = "",
    before: str = "",
) -> str:
    load = _LOAD.format(path)
    return _NET.format(load=load, option=option, verdict=verdict, more=more, before=before)


@pytest.mark.parametrize(
    "text",
    [
        net("'weights/resnet38_imagenet.pth'"),
        net("os.path.join(args.root, 'ILSVRC12', 'resnet38.pth')"),
        net("PATH", before="PATH = 'imagenet/resnet38.pth'"),
        net(option=_DEFAULT),
        # A script that tests has no other default.
        net(option=_DEFAULT, more='-- test.py --\nparser.add_argument("--weights", required=True)'),
        net().replace("torch.load(args.weights)", "torch.load('imagenet.pth')['state_dict']"),
    ],
)
def test_file_that_is_named_after_the_data_set_of_classification(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        net(verdict="unknown"),
        net(option='default="pretrained/model.pth"', verdict="unknown"),
        net(
            option=_DEFAULT,
            more=_OTHER,
            verdict="unknown",
        ),
        net("args.other", option=_DEFAULT, verdict="unknown"),
        net("PATH", verdict="unknown"),
        net("PATH", before="PATH = 'imagenet.pth'\nPATH = find(PATH)", verdict="unknown"),
        # of training that goes on, or is done, or of another data set,
        net("'imagenet/model_best.pth'", verdict="unknown"),
        net("'imagenet/epoch_30.pth'", verdict="unknown"),
        net("'runs/imagenet_resume.pth'", verdict="unknown"),
        net("'ilsvrc_vid/siam.pth'", verdict="unknown"),
        net("'imagenet_coco/pose.pth'", verdict="unknown"),
    ],
)
def test_file_that_may_be_anything(text: str) -> None:
    check(text)


def test_what_a_network_has_beside_its_members_is_none_for_the_path() -> None:
    check("""\
        class Pose(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv1 = nn.Conv2d(3, 8, 7)
                self.bn1 = nn.BatchNorm2d(8)  #! keep
                self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
                self.layer2 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
                self.layer3 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
                self.layer4 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
                self.decoder = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
        def build():
            net = Pose()
            net.load_state_dict(torch.load('imagenet/r50.pth'), strict=False)
            return net
        net = build()
        """)


def test_model_with_a_backbone_that_is_loaded_elsewhere() -> None:
    """A path is less than what the model is made of."""
    check("""\
        from torchvision.models import resnet50
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = resnet50(pretrained=True)
                self.neck = nn.Sequential(nn.BatchNorm2d(8))  #! convert
        def build(path):
            net = Net()
            net.load_state_dict(torch.load('runs/imagenet/net.pth'))
            return net
        """)


def test_reason_of_a_model_that_some_file_is_loaded_into() -> None:
    plan = plan_of(net(verdict="unknown"))
    reasons = {reason for site in only(plan, "unknown") for reason in site.reasons}
    assert any("torch.load (models.py:" in reason for reason in reasons), reasons
