"""A script loads a file into a model that is built like a known network."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

_REPOSITORY = """\
-- net.py --
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! {verdict}
        self.layer1 = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
        self.layer2 = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
        self.layer3 = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
        {more}
-- train.py --
from net import ResNet
net = ResNet()
optimizer = torch.optim.SGD(net.parameters(), 0.1)
{load}
net.train()
for x in []:
    net(x).sum().backward()
    optimizer.step()
"""
_STRICT = "net.load_state_dict(torch.load('weights/imagenet'))"


@pytest.mark.parametrize(
    "more",
    [
        "self.att = nn.ModuleList([nn.BatchNorm2d(8)])  #! unknown",
        "self.deconv = nn.BatchNorm2d(8)  #! unknown",
        "self.layer5 = nn.ModuleList([Other()])",
    ],
)
def test_a_file_that_fits_more_than_the_network_is_of_its_own_training(more: str) -> None:
    other = "class Other(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    other += "        self.bn = nn.BatchNorm2d(8)  #! unknown\n"
    text = _REPOSITORY.format(verdict="unknown", more=more, load=_STRICT)
    if "Other" in more:
        text = text.replace("class ResNet", other + "class ResNet")
    check(text)
    assert plan_of(text).train_scripts == ()


@pytest.mark.parametrize(
    ("more", "load"),
    [
        # All that is in the model may be in a published file.
        ("pass", _STRICT),
        ("self.linear = nn.Linear(8, 2)", _STRICT),
        ("self.layer5 = nn.ModuleList([nn.Conv2d(8, 2, 3)])", _STRICT),
        ("self.norm1 = nn.BatchNorm2d(8)  #! keep", _STRICT),
        # What is added is filled with what one of the network's layers has.
        ("self.layer3_b = nn.BatchNorm2d(8)  #! unknown", _STRICT),
        # What is not in the file is left out.
        (
            "self.att = nn.BatchNorm2d(8)  #! unknown",
            "net.load_state_dict(torch.load('resnet.pth'), strict=False)",
        ),
        (
            "self.att = nn.BatchNorm2d(8)  #! unknown",
            f"{_STRICT}\nnet.load_state_dict(torch.load('resnet.pth'), strict=False)",
        ),
        (
            "self.att = nn.BatchNorm2d(8)  #! unknown",
            "own = net.state_dict()\nown.update(torch.load('r.pth'))\nnet.load_state_dict(own)",
        ),
    ],
)
def test_a_file_that_may_be_a_published_one(more: str, load: str) -> None:
    check(_REPOSITORY.format(verdict="keep", more=more, load=load))


@pytest.mark.parametrize(
    "code",
    [
        "    def load_pretrained(self, other):\n        fill(self, other)\n",
        "def resnet(pretrained=False):\n    return fill(ResNet(), pretrained)\n",
        "class Wide(ResNet):\n    def load_weights(self, other):\n        fill(self, other)\n",
    ],
)
def test_a_network_that_may_be_filled_in_another_way(code: str) -> None:
    att = "self.att = nn.BatchNorm2d(8)  #! unknown"
    text = _REPOSITORY.format(verdict="keep", more=att, load=_STRICT)
    check(text.replace("-- train.py", f"{code}-- train.py"))


_EVALUATED = """\
-- test.py --
from net import ResNet
net = ResNet()
net.load_state_dict(torch.load({path}){lenient})
net.eval()
"""
_OWN = "'./ckpt/judge.pth' + name"


@pytest.mark.parametrize(
    ("load", "test"),
    [
        # What a script evaluates came of the training that another one has,
        ("pass", _EVALUATED.format(path=_OWN, lenient="")),
        ("pass", _EVALUATED.format(path=_OWN, lenient=", strict=False")),
        # which goes on, perhaps.
        ("if args.resume:\n    net.load_state_dict(torch.load(args.resume))", ""),
        (
            "if args.load:\n    net.load_state_dict(torch.load('a.pth' + args.snapshot))",
            _EVALUATED.format(path=_OWN, lenient=""),
        ),
    ],
)
def test_a_file_that_comes_of_the_networks_own_training(load: str, test: str) -> None:
    text = _REPOSITORY.format(verdict="unknown", more="pass", load=load) + test
    check(text)
    assert plan_of(text).train_scripts == ()


@pytest.mark.parametrize(
    ("load", "test"),
    [
        # The script that trains has a load that may be any,
        (_STRICT, _EVALUATED.format(path=_OWN, lenient="")),
        (f"if args.resume:\n    {_STRICT}\nelse:\n    {_STRICT}", ""),
        (f"if args.path and not args.resume:\n    {_STRICT}", ""),
        # or the one that evaluates trains as well, or nobody knows what it is for.
        ("pass", _EVALUATED.format(path=_OWN, lenient="") + "net.train()\n"),
        ("pass", _EVALUATED.format(path=_OWN, lenient="").replace("net.eval()", "pass")),
        # A file of other weights is one, whatever is evaluated.
        (
            "net.load_state_dict(torch.hub.load_state_dict_from_url('http://a.org/b.pth'))",
            _EVALUATED.format(path=_OWN, lenient=""),
        ),
        ("net.load_state_dict(torch.load('imagenet.pth'), strict=False)", _EVALUATED),
    ],
)
def test_a_file_that_training_may_begin_with(load: str, test: str) -> None:
    test = test.format(path=_OWN, lenient="")
    check(_REPOSITORY.format(verdict="keep", more="pass", load=load) + test)


_FACTORY = """\
class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 2)
def plain(pretrained=False):
    net = {made}
    if pretrained:
        net.load_state_dict(torch.hub.load_state_dict_from_url('http://a.org/p.pth'))
    return {given}
"""


@pytest.mark.parametrize(
    ("made", "given", "verdict"),
    [
        # What a factory loads into another network says nothing of this one,
        ("Plain()", "net", "unknown"),
        # unless it makes this one as well, or may be handed it.
        ("Plain()", "net, ResNet()", "keep"),
        ("build()", "net", "keep"),
        ("Plain(); pretrained.load_state_dict(net.state_dict())", "net", "keep"),
    ],
)
def test_a_factory_of_another_network_beside_it(made: str, given: str, verdict: str) -> None:
    text = _REPOSITORY.format(verdict=verdict, more="pass", load="pass")
    factory = _FACTORY.format(made=made, given=given)
    text = text.replace("-- train.py", f"{factory}-- train.py")
    check(text + _EVALUATED.format(path=_OWN, lenient=""))


def test_an_evaluated_network_that_nothing_here_trains() -> None:
    text = _REPOSITORY.format(verdict="keep", more="pass", load="pass")
    text = text[: text.index("-- train.py")] + _EVALUATED.format(path=_OWN, lenient="")
    check(text)


def test_an_evaluated_network_whose_file_is_used_for_training_another_one() -> None:
    """Code that trains imports the file, which says nothing of this class in it."""
    text = _REPOSITORY.format(verdict="keep", more="pass", load="pass")
    other = "class Other(nn.Module):\n    pass\ndef resnet():\n    return ResNet()\n"
    text = text.replace("-- train.py", f"{other}-- train.py")
    text = text.replace("import ResNet\nnet = ResNet()", "import Other\nnet = Other()")
    test = _EVALUATED.replace("import ResNet", "import resnet").replace("ResNet()", "resnet()")
    check(text + test.format(path=_OWN, lenient=""))


def test_an_evaluated_network_that_may_be_filled_in_another_way() -> None:
    code = "def resnet(pretrained=False):\n    return fill(ResNet(), pretrained)\n"
    text = _REPOSITORY.format(verdict="keep", more="pass", load="pass")
    text = text.replace("-- train.py", f"{code}-- train.py")
    check(text + _EVALUATED.format(path=_OWN, lenient=""))


_XCEPTION = """\
-- net.py --
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class Xception65(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)  #! keep
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8)  #! keep
        self.block1, self.block2, self.block3 = Stage(), Stage(), Stage()
        self.{name} = nn.Sequential(Block())
class Stage(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
-- train.py --
from net import Xception65
net = Xception65()
net.load_state_dict(torch.load("xception.pth"), strict=False)
"""


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("midflow", "keep"),
        ("middle_flow", "keep"),
        ("exit_flow", "keep"),
        ("block20", "keep"),
        ("flow_head", "unknown"),
        ("flow", "unknown"),
    ],
)
def test_the_middle_of_an_xception_is_part_of_it(name: str, verdict: str) -> None:
    check(_XCEPTION.format(name=name, verdict=verdict))


_WIDE = """\
-- net.py --
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! unknown
class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.block1, self.block2, self.block3 = Block(), Block(), Block()
        self.bn1 = nn.BatchNorm2d(8)  #! unknown
        self.fc = nn.Linear(8, 10)
-- train.py --
from net import Wide
def load_checkpoint(net, optimizer, path):
    saved = torch.load(path)
    net.load_state_dict(saved["model"])
    if optimizer is not None:
        optimizer.load_state_dict(saved["optimizer"])
net = Wide()
optimizer = torch.optim.SGD(net.parameters(), 0.1)
if args.continue_from is not None:
    load_checkpoint(net, None, args.continue_from)
net.train()
for x in []:
    net(x).sum().backward()
    optimizer.step()
"""


@pytest.mark.parametrize("name", ["Wide", "WideResNet", "Classifier"])
def test_wide_network_for_small_images_is_no_xception(name: str) -> None:
    text = _WIDE.replace("Wide", name)
    check(text)
    assert plan_of(text).train_scripts == ()
