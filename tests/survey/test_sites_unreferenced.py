"""What a class that nothing names holds is not made doubtful by it."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

MODEL = """\
import torchvision
class Conv(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
{decorator}
class {name}({bases}):
    \"\"\"Some parts of a {name}.\"\"\"
    def __init__(self, path=None):
        super().__init__()
        self.first, self.second = Conv(), Conv()
        {more}
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.extra = Conv()
def build():
    return Detector()
{after}
"""


def _check(verdict: str, after: str = "", name: str = "Down", **parts: str) -> None:
    given = {"decorator": "", "bases": "nn.Module", "more": "pass", "path": "net.py", **parts}
    path = given.pop("path")
    text = MODEL.format(verdict=verdict, name=name, after=textwrap.dedent(after), **given)
    check(f"-- {path} --\n{text}")


@pytest.mark.parametrize(
    "after",
    [
        "",
        "net = build()",
        # Named by what nothing names itself.
        "class Stack(nn.Module):\n    def __init__(self):\n        self.all = [Down(), Down()]",
        "def downs():\n    return [Down()]",
        "def downs():\n    return [Down()]\ndef more():\n    return downs() + more()",
        "def build_other():\n    '''Builds a Down.'''\n    return getattr(torch, 'Tensor')",
        "def of(args):\n    return getattr(args, args.name), getattr(nn, args.act)",
    ],
)
def test_a_class_that_nothing_names_makes_nothing_doubtful(after: str) -> None:
    _check("convert", after)


@pytest.mark.parametrize(
    "after",
    [
        "net = Down()",
        "nets = [Down]",
        "__all__ = ['Down']",
        "if __name__ == '__main__':\n    print(Down())",
        "def downs():\n    return [Down()]\nnets = downs()",
        "def main():\n    return Down()",
        "def train_all(args):\n    return Down()",
        "@command\ndef downs():\n    return Down()",
        "settings = dict(Down=3)",
        "net = make('models.Down(8)')",
        "class Stack(nn.Module, metaclass=Registering):\n    part = Down",
        "-- other.py --\nfrom net import Down as Part",
        "-- other.py --\nimport net\npart = net.Down",
        "-- old.py --\nfrom net import Down\nprint Down()",  # does not parse
        "-- hubconf.py --\nimport net\ndef down():\n    return net.Down()",
        "-- test_parts.py --\nimport net\ndef sizes():\n    net.Down()",
    ],
)
def test_a_class_that_something_names(after: str) -> None:
    _check("unknown", after)


@pytest.mark.parametrize(
    "after",
    [
        "def make(name):\n    return eval(name)()",
        "def make(name):\n    return globals()[name]()",
        "-- other.py --\nimport net\ndef make(name):\n    return getattr(net, name)()",
        "-- other.py --\nimport net\ndef make(name):\n    return net.__dict__[name]()",
        "-- other.py --\nimport importlib, net\ndef make(name):\n"
        "    return getattr(importlib.import_module('net'), name)()",
        "-- other.py --\nimport inspect, net\nall = dict(inspect.getmembers(net))",
        "-- other.py --\nimport hydra, net\ndef make(c):\n    return hydra.utils.instantiate(c)",
        "def make():\n    return nn.Module.__subclasses__()",
    ],
)
def test_names_that_are_looked_up_may_be_any(after: str) -> None:
    _check("unknown", after)


LOOKS = "-- look.py --\nimport other\ndef make(name):\n    return {}"


@pytest.mark.parametrize(
    "look",
    [
        "getattr(other, name)()",
        "other.__dict__[name]()",
        "getattr(other, 'make_' + name)()",
    ],
)
@pytest.mark.parametrize(
    "other",
    [
        "from net import *",
        "from net import Down",
        "import net\nDown = net.Down",
        "import net\ndef make_part():\n    return net.Down()",
    ],
)
def test_names_are_looked_up_where_it_is(look: str, other: str) -> None:
    _check("unknown", f"-- other.py --\n{other}\n{LOOKS.format(look)}")


@pytest.mark.parametrize(
    "after",
    [
        "-- other.py --\ndef make_part():\n    return 8\n" + LOOKS.format("getattr(other, name)()"),
        "-- other.py --\nimport net\n" + LOOKS.format("getattr(other, name)()"),
        "-- other.py --\ndef make(name):\n    return globals()[name]()",
    ],
)
def test_names_are_looked_up_in_modules_that_have_it_not(after: str) -> None:
    _check("convert", after)


@pytest.mark.parametrize(
    "parts",
    [
        {"decorator": "@PARTS.register_module()"},
        {"bases": "nn.Module, metaclass=Registering"},
        {"more": "self.load_state_dict(torch.load(path))"},
        {"name": "ResNet"},
        {"name": "VGG16"},
        {"name": "UNet"},
        {"name": "LaneNet_v2"},
        {"name": "Tracker"},
        {"name": "PoseModel"},
        {"name": "Encoder"},
        {"name": "FeatureExtractor"},
    ],
)
def test_what_may_be_a_model_or_a_backbone_stays_doubtful(parts: dict[str, str]) -> None:
    _check("unknown", **parts)


def test_a_class_where_backbones_live() -> None:
    text = MODEL.format(
        verdict="unknown", name="Down", after="", decorator="", bases="nn.Module", more="pass"
    )
    conv, _, rest = text.partition("\n\nclass Down")
    down, _, detector = rest.partition("class Detector")
    check(
        f"-- layers.py --\n{conv}\n"
        f"-- backbones/down.py --\nfrom layers import Conv\nclass Down{down}"
        f"-- net.py --\nimport torchvision\nfrom layers import Conv\nclass Detector{detector}"
    )


@pytest.mark.parametrize(
    ("own", "default"), [("pass", "keep"), ("self.own = norm(8)  #! unknown", "unknown")]
)
def test_what_it_names_itself_is_not_changed(own: str, default: str) -> None:
    """Nothing tells what it is for, though what it builds is new elsewhere."""
    check(
        f"""\
        import torchvision
        class Conv(nn.Module):
            def __init__(self, norm=nn.BatchNorm2d):  #! convert
                super().__init__()
                self.bn = norm(8)  #! convert
        class Down(nn.Module):
            def __init__(self, norm=nn.BatchNorm2d):  #! {default}
                super().__init__()
                self.first = Conv(norm)
                {own}
        class Detector(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torchvision.models.resnet18(pretrained=True)
                self.extra = Conv()
        """
    )


@pytest.mark.parametrize(
    ("built", "verdict"),
    [
        ("make_plugin(cfg).Down()", "unknown"),
        ("make_plugin(cfg).build_down()", "unknown"),
        ("make_plugin(cfg).build()", "convert"),
    ],
)
def test_what_a_model_names_that_is_judged_itself(built: str, verdict: str) -> None:
    """Nothing builds the model either; yet what stands beside its backbone is new."""
    check(
        f"""\
        import torchvision
        from plugins import make_plugin
        class Conv(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! {verdict}
        class Down(nn.Module):
            def __init__(self):
                super().__init__()
                self.first = Conv()
        def build_down():
            return Down()
        class Detector(nn.Module):
            def __init__(self, cfg):
                super().__init__()
                self.backbone = torchvision.models.resnet18(pretrained=True)
                self.second = {built}
                self.extra = Conv()
        """
    )


@pytest.mark.parametrize(
    "after",
    [
        "import runpy, net\ndef make(path, name):\n    return runpy.run_path(path)[name]()",
        "import net\nfrom importlib.metadata import entry_points\ndef make(group):\n"
        "    return [one.load()() for one in entry_points(group=group)]",
        "import net\nfrom lightning.pytorch.cli import LightningCLI\ndef go(model):\n"
        "    LightningCLI(model)",
    ],
)
def test_names_in_files_of_another_kind_may_be_any(after: str) -> None:
    _check("unknown", f"-- other.py --\n{after}")
