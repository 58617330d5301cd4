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
from torchvision.models import resnet18
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet18(pretrained=True)
        self.head = nn.Sequential(nn.BatchNorm2d(8))  #! convert
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


def named_first(lines: str, option: str = OPTION, other: str = "names = {}") -> str:
    """The name of the module stands in a variable before it is imported."""
    made = "importlib.import_module(name).Net()"
    before = textwrap.indent(textwrap.dedent(lines), "    ")
    return nets(made, option, other).replace(
        "    model = importlib", f"{before}    model = importlib"
    )


@pytest.mark.parametrize(
    "lines",
    [
        "name = args.cam_network\n",
        "name = 'nets.' + args.arch\n",
        "name = 'nets.' + '.'.join(args.arch.split('/')[:-1])\n",
        "name = 'x' + args.arch\nname = f'nets.{args.arch}'\n",
        "if args.lr:\n    print(args)\nname = 'nets.cam'\n",
    ],
)
def test_name_of_a_module_that_a_variable_has(lines: str) -> None:
    text = named_first(lines)
    check(text)
    [script] = plan_of(text).train_scripts
    assert script.backbone == ("backbone",)
    assert script.fix


@pytest.mark.parametrize(
    "lines",
    [
        # What it is given is open here,
        "name = args.other_network\n",
        "name = 'nets.cam'\nif args.lr:\n    name = args.arch\n",
        "name = 'nets.cam'\nfor name in args.names:\n    print(name)\n",
        "if args.lr:\n    name = 'nets.cam'\nelse:\n    name = 'nets.other'\n",
        "name, _ = 'nets.cam', 1\n",
        "name = 'nets.cam'\nname += args.arch\n",
        "with open(args.arch) as name:\n    pass\n",
        # or it is the name of no module that is here.
        "name = 'models.' + args.arch\n",
        "name = 'torchvision.models'\n",
    ],
)
def test_variable_with_a_name_that_is_not_known(lines: str) -> None:
    text = named_first(lines)
    assert all(script.state == "unfollowed" for script in plan_of(text).train_scripts)


def test_class_that_a_variable_with_an_open_name_may_import() -> None:
    lone = "class Lone(nn.Module):\n    def __init__(self, part):\n"
    lone += (
        "        super().__init__()\n        self.part = part\n        self.bn = nn.BatchNorm2d(8)"
    )
    for line in ("name = args.arch\n", "name = 'nets.cam'\nname += args.arch\n"):
        plan = plan_of(f"{named_first(line)}-- lone.py --\n{lone}\n")
        [site] = [site for site in plan.sites if site.place.path == "lone.py"]
        assert site.verdict == "unknown"
        assert "imports modules by names that are not known" in site.reasons[0]


BUILDER = """\
-- nets/build.py --
import importlib
def get(name):
    if not name:
        return None
    try:
        parts = name.split(".")
        if len(parts) == 1:
            return globals()[parts[0]]
        module_name = "nets." + ".".join(parts[:-1])
        module = importlib.import_module(module_name)
        return getattr(module, parts[-1])
    except Exception:
        print("no", name)
        raise
class Detector(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.extractor = get(cfg.body)(cfg.size)
        self.head = nn.BatchNorm2d(8)  #! convert
        self.extractor.load_state_dict(torch.load(cfg.weights), strict=False)
-- nets/seg/net.py --
class Body(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7)
        self.bn1 = nn.BatchNorm2d(8)  #! keep
def body50(size):
    return Body(size)
-- other.py --
class Body(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! unknown
"""


def test_factory_that_a_config_names_together_with_its_module() -> None:
    check(BUILDER)
    any_name = BUILDER.replace('"nets." + ".".join(parts[:-1])', "name")
    check(any_name.replace("#! keep", "#! unknown"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("'seg.net.body50'", "keep"),
        ("'seg.net.body' + cfg.depth", "keep"),
        ("'seg.other.body' + cfg.depth", "unknown"),
        ("'seg.net.' + cfg.body", "keep"),
    ],
)
def test_path_of_a_factory_that_is_cut_in_two(path: str, expected: str) -> None:
    """What ends the path is computed: it is one of that module, and none of those beside it."""
    text = BUILDER.replace("get(cfg.body)", f"get({path})").replace("#! keep", f"#! {expected}")
    beside = "def body_beside(size):\n    return nn.BatchNorm2d(8)  #! unknown\n"
    check(f"{text}-- nets/seg/beside.py --\n{beside}")


_SHARED = """\
-- nets/blocks.py --
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {block}
-- nets/seg/other.py --
from nets.blocks import Block
class Trunk(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.conv1 = Block()
def trunk(size):
    return Trunk(size)
"""


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ("cfg.body", ""),
        ("cfg.body or 'seg.net.body50'", ""),
        ("os.getenv('BODY', 'seg.net.body50')", ""),
        ("'seg.net.body50'", "get(sys.argv[1])"),
        ("'seg.net.body50'", "builders = {'get': get}"),
        ("'seg.net.body50'", "def other(**named): return get(**named)"),
        ("'seg.net.body50'.replace('net', cfg.net)", ""),
    ],
)
def test_path_that_may_be_another_one(given: str, more: str) -> None:
    """What another module has may be in the backbone as well."""
    text = BUILDER.replace("get(cfg.body)", f"get({given})")
    text = text.replace("#! convert", "#! convert\n        self.neck = Block()")
    text = text.replace("import importlib\n", "import importlib\nfrom nets.blocks import Block\n")
    text = f"{text}-- more.py --\nfrom nets.build import get\n{more}\n"
    check(text + _SHARED.format(block="conflict"))


def test_path_that_every_call_says() -> None:
    text = BUILDER.replace("get(cfg.body)", "get('seg.net.body50')")
    text = text.replace("#! convert", "#! convert\n        self.neck = Block()")
    text = text.replace("import importlib\n", "import importlib\nfrom nets.blocks import Block\n")
    check(text + _SHARED.format(block="unknown"))  # nothing builds the other trunk


@pytest.mark.parametrize(
    "change", ["parts[-1] = cfg", "fix(parts)", "del parts[-1]", "last = parts"]
)
def test_path_whose_pieces_are_changed(change: str) -> None:
    text = BUILDER.replace("get(cfg.body)", "get('seg.net.body50')")
    text = text.replace('parts = name.split(".")', f'parts = name.split(".")\n        {change}')
    text = text.replace("#! convert", "#! convert\n        self.neck = Block()")
    text = text.replace("import importlib\n", "import importlib\nfrom nets.blocks import Block\n")
    check(text + _SHARED.format(block="conflict"))
