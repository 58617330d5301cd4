"""Parts that are taken out of a model that is loaded, and put into another one."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, only

_NETS = """\
-- nets.py --
import torchvision
class Neck(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {neck}
class OldNeck(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {neck}
class Top(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.neck = Neck()
        self.top = Top()
class OldNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.neck = OldNeck()
-- train.py --
import copy
from nets import Net, Neck, OldNet
"""


def _repository(script: str, neck: str) -> str:
    return _NETS.format(neck=neck) + textwrap.dedent(script)


@pytest.mark.parametrize(
    "script",
    [
        """
        net, old = Net(), OldNet()
        old.load_state_dict(torch.load('old.pth'))
        net.neck = old.neck
        """,
        """
        def main(path):
            net = Net()
            old = OldNet()
            fill(old, path)
            if path:
                net.trunk, neck = old.trunk, 1
                part = old.neck
                net.neck = part
        def fill(model, path):
            model.load_state_dict(torch.load(path)['model'])
        """,
        """
        class Trainer:
            def __init__(self, path):
                self.net = Net()
                self.old = OldNet()
                self.old.load_state_dict(torch.load(path), strict=False)
                self.net.neck = self.old.neck
        """,
    ],
)
def test_part_of_a_loaded_model(script: str) -> None:
    plan = check(_repository(script, "unknown"))
    for site in only(plan, "unknown"):
        assert any("Net.neck is taken out of OldNet (train.py:" in one for one in site.reasons)


@pytest.mark.parametrize(
    "script",
    [
        """
        def wrapped(net, old):
            net.neck = old.neck
            return net
        def main(path):
            old = OldNet()
            old.load_state_dict(torch.load(path))
            wrapped(Net(), old)
        """,
        """
        class Both(nn.Module):
            def __init__(self, old):
                super().__init__()
                self.trunk, part = old.trunk, old.neck
                self.low = part
        old = OldNet()
        old.load_state_dict(torch.load('old.pth'))
        Both(old)
        """,
    ],
)
def test_a_model_that_is_loaded_and_taken_apart_elsewhere(script: str) -> None:
    """What it was made of is loaded, whatever stood in the other model before."""
    text = _repository(script, "unknown")
    check(text.replace("#! unknown", "#! convert", 1))


_JOINT = """
class Joint(nn.Module):
    def __init__(self, trunk, necks):
        super().__init__()
        self.trunk = trunk
        self.necks = necks
        self.own = Top()
"""
_LOAD = """
    model = nn.DataParallel(OldNet())
    model.load_state_dict(torch.load(path))
"""


@pytest.mark.parametrize(
    "script",
    [
        f"""
def main(tasks, path):
    necks = {{}}
    for task in tasks:
        {_LOAD.strip().replace(chr(10), chr(10) + "    ")}
        necks[task] = model.module.neck
    model = Joint(model.module.trunk, nn.ModuleDict(necks))
""",
        f"""
def main(path):
    {_LOAD.strip()}
    necks = []
    necks.append(model.module.neck)
    Joint(model.module.trunk, nn.Sequential(*necks))
""",
        f"""
def main(path):
    {_LOAD.strip()}
    Joint(necks=model.module.neck, trunk=model.module.trunk)
""",
    ],
)
def test_parts_of_loaded_models_that_another_one_is_made_with(script: str) -> None:
    """``Joint.own`` is a part of nothing that is loaded."""
    text = _repository("from nets import Top\n" + _JOINT + script, "convert")
    old, new = "class OldNeck", "        self.bn = nn.BatchNorm2d(8)  #! "
    before, after = text.split(old)
    check(before + old + after.replace(new + "convert", new + "unknown", 1))


@pytest.mark.parametrize(
    "script",
    [
        # Nothing is loaded, or another model is, or what gets the part is none of a model's.
        "old = OldNet()\nJoint(old.trunk, old.neck)",
        "old, other = OldNet(), Net()\nother.load_state_dict(torch.load('a.pth'))\n"
        "Joint(old.trunk, old.neck)",
        "old = OldNet()\nold.load_state_dict(torch.load('a.pth'))\nprint(old.neck)\n"
        "Joint(OldNet().trunk, Neck())",
    ],
)
def test_parts_that_come_out_of_no_loaded_model(script: str) -> None:
    check(_repository("from nets import Top\n" + _JOINT + script, "convert"))


def test_part_of_what_a_file_gives() -> None:
    script = """
    def main(path):
        net = Net()
        old = torch.load(path)['net']
        net.neck = old.neck
    """
    text = _repository(script, "unknown").replace("#! unknown", "#! convert", 2)
    text = text.replace("#! convert", "#! unknown", 1)
    plan = check(text)
    (site,) = only(plan, "unknown")
    assert any("Net.neck is taken out of what torch.load gives" in one for one in site.reasons)


@pytest.mark.parametrize(
    "script",
    [
        # Nothing loads the other model,
        """
        net, old = Net(), OldNet()
        net.neck = old.neck
        """,
        # what is taken is no part of it, or made anew;
        """
        net, old = Net(), OldNet()
        old.load_state_dict(torch.load('old.pth'))
        net.classes = old.classes
        net.neck = Neck()
        """,
        # the part of another model is the one that is loaded.
        """
        net, old, new = Net(), OldNet(), OldNet()
        old.trunk.load_state_dict(torch.load('old.pth'))
        net.neck = old.neck
        """,
        """
        net, saved = Net(), torch.load('old.pth')
        net.epoch = saved['epoch']
        """,
    ],
)
def test_part_of_a_model_that_is_not_loaded(script: str) -> None:
    check(_repository(script, "convert"))


_GRAFTS = """\
import torchvision
class Unit(nn.Module):
    def __init__(self, donor=None):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
        {unit}
class Part(nn.Module):
    def __init__(self, args=None):
        super().__init__()
        self.unit = Unit()
        self.args = args
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rgb = torchvision.models.resnet18(pretrained=True)
        self.fuse = Part()
        self.depth = Unit(self.rgb.bn1)
-- train.py --
from net import Net, Part
def graft(new, old, names):
    for name in names:
        setattr(new, name, getattr(old, name))
net, old = Net(), Part()
{script}
optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""
_LOADED = "old.load_state_dict(torch.load('old.pth'))\n"


@pytest.mark.parametrize(
    ("unit", "script", "verdict"),
    [
        ("pass", _LOADED + "graft(net.fuse, old, ['unit'])", "unknown"),
        ("pass", _LOADED + "net.fuse.__dict__.update(old.__dict__)", "unknown"),
        ("self.bn.__dict__.update(donor.__dict__)", "pass", "keep"),
        # The other model is not loaded, or is no module: settings are handed on.
        ("pass", "graft(net.fuse, old, ['unit'])", "convert"),
        ("pass", "net.fuse.__dict__.update(old.__dict__)", "convert"),
        ("pass", "args = parse()\ngraft(net, args, ['lr'])", "convert"),
        (
            "pass",
            "args = torch.load('a.pth')['args']\nnet.__dict__.update(args.__dict__)",
            "convert",
        ),
        ("self.__dict__.update(self.__dict__)", "pass", "convert"),
        ("pass", "for name in dir(old):\n    setattr(net.fuse, name, old.args)", "convert"),
    ],
)
def test_all_that_a_model_holds(unit: str, script: str, verdict: str) -> None:
    check(_GRAFTS.format(unit=unit, script=script, verdict=verdict))
