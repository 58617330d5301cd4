"""Models of modules that are imported by a name: ``import_module(args.network).Net()``."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, plan_of

NETS = """\
-- nets/cam.py --
from torchvision.models import resnet50
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet50(pretrained=True)
        self.decoder = nn.BatchNorm2d(8)  #! convert
class CAM(Net):
    pass
-- nets/other.py --
{other}
-- train.py --
import argparse, importlib
def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", default=0.1, type=float)
    parser.add_argument({option})
    return parser.parse_args()
def main(loader, args):
    model = {made}
    model = nn.DataParallel(model).cuda()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model.train()
    for x in loader:
        model(x).sum().backward()
        optimizer.step()
"""
NET = "getattr(importlib.import_module(args.cam_network), 'Net')()"
OPTION = '"--cam_network", default="nets.cam", type=str'
SAME_NAMES = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.BatchNorm2d(8))  #! keep
"""


def nets(made: str = NET, option: str = OPTION, other: str = "names = {}") -> str:
    return NETS.format(made=made, option=option, other=other)


def apart(imported: str) -> str:
    """The options are added in the script that imports the module which makes the model."""
    build = f"-- build.py --\nimport importlib\ndef build(args):\n    return {NET}\n"
    made = "build(args)" if imported.startswith("from") else "build.build(args)"
    text = nets(made).replace("import argparse, importlib", f"import argparse\n{imported}")
    return build + text


@pytest.mark.parametrize(
    "text",
    [
        nets(),
        nets("importlib.import_module(args.cam_network).CAM()"),
        nets(option='"-n", "--cam-network", default="nets.cam"'),
        nets(option='"--net", dest="cam_network", default="nets.cam"'),
        nets("importlib.import_module('nets.cam').Net()"),
        *(
            nets(f"importlib.import_module({name}).Net()", '"--cam_network", default="cam"')
            for name in (
                "'nets.' + args.cam_network",
                "f'nets.{args.cam_network}'",
                "'nets.%s' % args.cam_network",
                "'nets.%s' % (args.cam_network,)",
                "'nets.{}'.format(args.cam_network)",
                "'nets.{0}'.format(args.cam_network)",
            )
        ),
        nets(
            "importlib.import_module('nets.' + args.cam_network + 'm').Net()",
            '"--cam_network", default="ca"',
        ),
        *map(apart, ("from build import build", "import build")),
        apart("import nets.build")
        .replace("-- build.py", "-- nets/build.py")
        .replace("build.build(", "nets.build.build("),
        # The default may as well be another one that stands beside it.
        nets(option='"--cam_network", default="nets.other"', other=SAME_NAMES),
    ],
)
def test_model_of_a_module_that_an_option_names(text: str) -> None:
    check(text)
    [script] = plan_of(text).train_scripts
    assert script.backbone == ("backbone",)
    assert script.fix


@pytest.mark.parametrize(
    "text",
    [
        # Nothing is known of the name,
        nets(option='"--cam_network", required=True'),
        nets(option='"--cam_network", default=name()'),
        nets(option='"--network", default="nets.cam"'),
        nets("getattr(importlib.import_module(self.cam_network), 'Net')()"),
        nets("importlib.import_module(args.arch + args.cam_network).Net()"),
        nets("importlib.import_module('{}.{}'.format(args.arch, args.cam_network)).Net()"),
        nets("importlib.import_module('nets' + args.cam_network).Net()"),
        nets("importlib.import_module(f'nets.{args.arch}.{args.cam_network}').Net()"),
        apart("from os import path as build"),
        # or no module goes by it, or has the class.
        nets(option='"--cam_network", default="models.cam"'),
        nets("importlib.import_module(args.cam_network).Model()"),
        nets("importlib.import_module('models.%s' % args.arch).Net()"),
        nets("importlib.import_module('nets.{}.net'.format(args.arch)).Net()"),
    ],
)
def test_model_of_a_module_that_is_not_known(text: str) -> None:
    assert all(script.state == "unfollowed" for script in plan_of(text).train_scripts)


def test_module_beside_the_default_is_frozen_as_well() -> None:
    text = nets(other=SAME_NAMES)
    check(text)
    [script] = plan_of(text).train_scripts
    assert script.backbone == ("backbone",)
    assert script.fix
    assert len(script.classes) == 2


def test_module_beside_the_default_in_which_the_name_is_no_backbone() -> None:
    other = """\
    from torchvision.models import resnet50
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = resnet50(pretrained=True)
            self.trunk = nn.BatchNorm2d(8)  #! unknown
    """
    text = nets(other=textwrap.dedent(other)).replace("self.backbone", "self.trunk")
    check(text)
    [script] = plan_of(text).train_scripts
    assert not script.fix


NAMES = [
    "'nets.' + args.cam_network",
    "'nets.' + args.arch + args.cam_network",
    "'nets.{}'.format(args.arch)",
    "'nets.%s' % args.arch",
    "f'nets.{args.arch}'",
    "'nets.c%sm' % args.arch",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_module_of_a_folder_where_no_more_of_the_name_is_known(name: str) -> None:
    text = nets(f"importlib.import_module({name}).Net()", other=SAME_NAMES)
    check(text)
    [script] = plan_of(text).train_scripts
    assert script.backbone == ("backbone",)
    assert script.fix


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("path", ["nets/seg/cam.py", "nets/c/a/m.py", "nets/cam_m/__init__.py"])
def test_what_is_computed_may_have_dots_in_it(name: str, path: str) -> None:
    deep = "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    deep += "        self.backbone = nn.BatchNorm2d(8)\n"
    text = nets(f"importlib.import_module({name}).Net()")
    [script] = plan_of(f"{text}-- {path} --\n{deep}").train_scripts
    is_meant = name != "'nets.c%sm' % args.arch" or path != "nets/seg/cam.py"
    assert len(script.classes) == (2 if is_meant else 1)


def test_one_module_of_a_folder_in_which_the_name_is_no_backbone() -> None:
    other = textwrap.dedent(
        """\
        from torchvision.models import resnet50
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.encoder = resnet50(pretrained=True)
                self.trunk = nn.BatchNorm2d(8)  #! unknown
        """
    )
    made = "importlib.import_module('nets.{}'.format(args.arch)).Net()"
    text = nets(made, other=other).replace("self.backbone", "self.trunk")
    check(text)
    [script] = plan_of(text).train_scripts
    assert not script.fix


@pytest.mark.parametrize(
    ("imported", "words"),
    [
        ("args.arch", "train.py:10 imports modules by names that are not known"),
        ("'nets.cam'", "Lone is built nowhere in this repository"),
        ("'nets.%s' % args.arch", "Lone is built nowhere in this repository"),
    ],
)
def test_a_class_that_may_be_imported_by_a_name_is_not_said_to_be_unused(
    imported: str, words: str
) -> None:
    lone = "class Lone(nn.Module):\n    def __init__(self, part):\n"
    lone += (
        "        super().__init__()\n        self.part = part\n        self.bn = nn.BatchNorm2d(8)"
    )
    text = nets(f"getattr(importlib.import_module({imported}), args.name)()")
    plan = plan_of(f"{text}-- lone.py --\n{lone}\n")
    [site] = [site for site in plan.sites if site.place.path == "lone.py"]
    assert site.verdict == "unknown"
    assert words in site.reasons[0]


PACKAGE = """\
-- nets/nets.py --
from torchvision.models import resnet50
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet50(pretrained=True)
        self.decoder = nn.BatchNorm2d(8)  #! convert
{more}
-- train.py --
{imported}
model = {made}
optimizer = torch.optim.SGD(model.parameters(), 0.1)
"""


@pytest.mark.parametrize(
    ("imported", "made", "more"),
    [
        ("from nets import nets", "nets.Net()", ""),
        ("from nets import nets as M", "M.Net()", ""),
        ("import nets.nets as M", "M.Net()", ""),
        # With the folder itself on the path, it may be a name of the module's own.
        ("from nets import nets", "nets()", "def nets(): return Net()"),
        ("from nets import nets", "nets.Net()", "class nets: Net = Net"),
    ],
)
def test_a_module_in_a_folder_of_its_name(imported: str, made: str, more: str) -> None:
    text = PACKAGE.format(imported=imported, made=made, more=more)
    check(text)
    [script] = plan_of(text).train_scripts
    assert script.backbone == ("backbone",)
    assert script.fix


@pytest.mark.parametrize(
    ("imported", "made"),
    [("from nets import other", "other.Net()"), ("from nets import other", "other()")],
)
def test_a_module_that_is_not_in_the_folder(imported: str, made: str) -> None:
    text = PACKAGE.format(imported=imported, made=made, more="")
    assert all(script.state == "unfollowed" for script in plan_of(text).train_scripts)
