"""What is looked up in a module by a name that comes from settings."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

REPOSITORY = """\
-- nets/__init__.py --
from .tiny import *
-- nets/tiny.py --
class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {tiny}
def tiny():
    return Tiny()
-- nets/other.py --
class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {other}
-- net.py --
import nets
class Settings:
    def __init__(self, params):
        self.params = params
    def get(self, key):
        return self.params.get(key)
    def set(self, key, value):
        self.params[key] = value
class Net(nn.Module):
    def __init__(self, settings):
        super().__init__()
        self.backbone = {look_up}
        self.neck = nn.BatchNorm2d(8)  #! convert
-- main.py --
from net import Net, Settings
settings = Settings(load())
{main}
model = Net(settings)
"""


@pytest.mark.parametrize(
    "main", ["", "settings.set('norm', 'batchnorm')", "settings.set('a', 'b')\nprint('tiny')"]
)
@pytest.mark.parametrize(
    "look_up",
    [
        "nets.__dict__[settings.get('name')]()",
        "getattr(nets, settings.get('name'))()",
        "getattr(nets, settings.get('name'), None)()",
        "nets.__dict__.get(settings.get('name'))()",
        "nets.__dict__.get(settings.get('name'), None)()",
        "vars(nets).get(settings.get('name'))()",
        "nets.__getattribute__(settings.get('name'))()",
    ],
)
def test_a_text_that_names_nothing_there_hides_nothing(look_up: str, main: str) -> None:
    check(REPOSITORY.format(tiny="keep", other="unknown", look_up=look_up, main=main))


@pytest.mark.parametrize(
    ("other", "main"),
    [
        # What it names is known, beside what comes from elsewhere.
        ("unknown", "settings.set('norm', 'batchnorm')\nsettings.set('name', 'tiny')"),
        ("unknown", "settings.set('name', 't' + suffix)"),
    ],
)
def test_a_text_that_names_something_is_meant(other: str, main: str) -> None:
    look_up = "nets.__dict__[settings.get('name')]()"
    check(REPOSITORY.format(tiny="keep", other=other, look_up=look_up, main=main))


def test_a_text_that_names_one_of_two_leaves_the_other() -> None:
    check("""\
-- nets.py --
class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! unknown
-- net.py --
import nets
class Net(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.backbone = nets.__dict__[name]()
Net('Tiny')
Net('batchnorm')
""")


STARRED = """\
-- nets/__init__.py --
from .resnet import *
-- nets/resnet.py --
{exports}
class BasicBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = BasicBlock()
class Extra(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {extra}
-- net.py --
import nets
class Net(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.backbone = nets.__dict__[name]()
        self.neck = nn.BatchNorm2d(8)  #! convert
"""


@pytest.mark.parametrize("exports", ["__all__ = ['ResNet']", "__all__ = ('ResNet', 'resnet')"])
def test_a_star_import_brings_what_is_listed(exports: str) -> None:
    check(STARRED.format(exports=exports, extra="unknown"))


@pytest.mark.parametrize(
    "exports",
    [
        "",
        "__all__ = ['ResNet', 'Extra']",
        "__all__ = ['ResNet']\n__all__ += more()",
        "__all__ = ['ResNet', *more()]",
        "__all__ = ['ResNet']\n__all__.extend(more())",
        "if old:\n    __all__ = ['ResNet']",
    ],
)
def test_a_star_import_may_bring_more(exports: str) -> None:
    check(STARRED.format(exports=exports, extra="keep"))


MANY = "".join(
    f"class Net{number}(nn.Module):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.bn = nn.BatchNorm2d(8)  #! keep\n"
    f"def net{number}():\n"
    f"    net = Net{number}()\n"
    "    net.load_state_dict(torch.hub.load_state_dict_from_url('https://example.com/n.pth'))\n"
    "    return net\n"
    for number in range(30)
)


@pytest.mark.parametrize(("attribute", "verdict"), [("backbone", "convert"), ("part", "unknown")])
def test_many_networks_by_a_name(attribute: str, verdict: str) -> None:
    """What is called a backbone is one, whichever of them it holds."""
    check(f"""\
-- nets.py --
{MANY}
-- net.py --
import nets
class Net(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.{attribute} = nets.__dict__[name]()
        self.neck = nn.BatchNorm2d(8)  #! {verdict}
""")


TAKES = """\
-- parts.py --
class Net(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {net}
class Blur(nn.Module):
    def __init__(self, {takes}):
        super().__init__()
        self.backbone = size
class Method:
    def __init__(self, args, networks):
        self.net = networks["net"]
-- main.py --
import parts
networks = {{"net": parts.Net(args)}}
method = parts.__dict__[args.method]({handed})
"""


@pytest.mark.parametrize(
    ("takes", "handed"),
    [("size", "args, networks"), ("size, other", "args, networks, None"), ("*, size", "networks")],
)
def test_a_class_that_takes_less_is_not_made(takes: str, handed: str) -> None:
    check(TAKES.format(takes=takes, handed=handed, net="unknown"))


@pytest.mark.parametrize(
    ("takes", "handed"),
    [
        ("channels, size", "args, networks"),
        ("*size", "args, networks"),
        ("size, *others", "networks, args"),
        ("size", "*networks"),
        ("args, size=None", "args, networks"),
        ("size, /", "networks"),
    ],
)
def test_a_class_that_takes_as_much_may_be(takes: str, handed: str) -> None:
    check(TAKES.format(takes=takes, handed=handed, net="keep"))


@pytest.mark.parametrize(
    "blur",
    [
        "@with_sizes\nclass Blur(nn.Module):",
        "class Blur(nn.Module, metaclass=Sized):",
        "class Blur(nn.Module):\n    def __new__(cls, *args):\n        return made(cls)(*args)",
    ],
)
def test_a_class_that_is_not_made_as_it_is_written_may_be(blur: str) -> None:
    text = TAKES.format(takes="size", handed="networks, None", net="keep")
    check(text.replace("class Blur(nn.Module):", blur))


@pytest.mark.parametrize(
    ("look_up", "wide", "other"),
    [
        ("globals()[name]", "keep", "keep"),
        ("globals().get(name)", "keep", "keep"),
        ("globals().get('Wi' + name)", "keep", "unknown"),
        ("globals().get('Wi' + name, Other)", "keep", "keep"),
        # What no name is looked up in: a dict, and a setting.
        ("table.get(name)", "keep", "unknown"),
        ("settings.get('Wide')", "unknown", "unknown"),
    ],
)
def test_a_mapping_of_names_and_other_mappings(look_up: str, wide: str, other: str) -> None:
    check(f"""\
class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {wide}
class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {other}
class Net(nn.Module):
    def __init__(self, name, settings):
        super().__init__()
        table = {{"wide": Wide}}
        self.backbone = ({look_up})()
        self.backbone.load_state_dict(torch.load("net.pth"))
""")


_HANDED = """\
class Trunk(nn.Module):
    def __init__(self, depth=18):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {trunk}
class Head(nn.Module):
    def __init__(self, channels, with_norm=True):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
{decorator}
def small({parameters}):
    return Trunk(34)
class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.backbone = Trunk()
        self.head = {head}
"""


@pytest.mark.parametrize("look_up", ["eval(cfg.head)", "globals()[cfg.head]"])
@pytest.mark.parametrize(
    ("parameters", "given", "decorator", "trunk"),
    [
        ("", "8, with_norm=False", "", "keep"),
        ("channels", "8, with_norm=False", "", "keep"),
        ("", "8", "", "unknown"),  # a Trunk of that depth
        ("channels, with_norm", "8, with_norm=False", "", "unknown"),
        ("channels, **more", "8, with_norm=False", "", "unknown"),
        ("*channels, with_norm", "8, 9, with_norm=False", "", "unknown"),
        # What it is handed there is not written,
        ("channels", "8, **cfg.more, with_norm=False", "", "keep"),
        ("channels", "8, **cfg.more", "", "unknown"),
        # or a decorator sees to that.
        ("channels", "8, with_norm=False", "@with_settings", "unknown"),
    ],
)
def test_a_function_that_takes_less_is_not_what_a_name_means(
    look_up: str, parameters: str, given: str, decorator: str, trunk: str
) -> None:
    head = f"{look_up}({given})"
    check(_HANDED.format(parameters=parameters, head=head, decorator=decorator, trunk=trunk))


def test_a_function_of_a_module_of_models_may_be_handed_too_much() -> None:
    text = _HANDED.format(
        parameters="",
        head="vars(nets)[cfg.head](8, with_norm=False)",
        decorator="",
        trunk="unknown",
    )
    check("import net as nets\n" + text)
