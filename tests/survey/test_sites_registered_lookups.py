"""Look-ups by name that find registered classes alone, beside a class that nothing names."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

REPOSITORY = """\
-- core.py --
import importlib
REGISTRY = {{}}
{core}
-- net.py --
import torchvision
from core import register
class Conv(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
{above}
class Down(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Conv()
@register
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.extra = Conv()
{more}
"""
CORE = """\
def register(cls):
    REGISTRY[cls.__name__] = record_of(cls)
    return cls
def record_of(cls):
    record = dict()
    record["name"] = cls.__name__
    record["module"] = importlib.import_module(cls.__module__)
    return record
def create(name, **kwargs):
    record = REGISTRY[name]
    return getattr(record["module"], name)(**kwargs)
"""
NAMED = """\
def register(name=None):
    def decorate(cls):
        key = cls.__name__ if name is None else name
        REGISTRY[key] = record_of(cls)
        return cls
    return decorate
"""
MADE = CORE[CORE.index("def record_of") :]


def _check(verdict: str, core: str, above: str = "", more: str = "") -> None:
    check(REPOSITORY.format(verdict=verdict, core=core, above=above, more=more))


def _changed(old: str, new: str) -> str:
    assert old in CORE
    return CORE.replace(old, new)


@pytest.mark.parametrize(
    "core",
    [
        CORE,
        NAMED + MADE,
        _changed("cls.__name__] = record_of(cls)", "cls.__name__] = core.record_of(cls)"),
        _changed(
            "REGISTRY[cls.__name__] = record_of(cls)",
            'REGISTRY[cls.__name__] = {"module": importlib.import_module(cls.__module__)}',
        ),
        _changed("getattr(record[", "getattr(REGISTRY[name]["),
        _changed('["module"], name)', '["module"], record["name"])'),
        _changed(
            "    return getattr(",
            "    if 'type' in record:\n"
            "        name = record.pop('type')\n"
            "        return create(name)\n"
            "    return getattr(",
        ),
        CORE + "import atexit\ndef keep(one):\n    atexit.register(one.close)\n",
        CORE + "import torch.optim as optim\nregister(optim.SGD)\n",
        NAMED + MADE + "import torch.optim as optim\nSGD = register()(optim.SGD)\n",
    ],
)
def test_what_is_not_registered_is_not_found(core: str) -> None:
    _check("convert", core)


@pytest.mark.parametrize(
    "core",
    [
        # The name may be another one than that of the record.
        _changed('["module"], name)', '["module"], kwargs.pop("name"))'),
        _changed("    return getattr(", "    name = kwargs.pop('name')\n    return getattr("),
        _changed("    return getattr(", "    record = kwargs['at']\n    return getattr("),
        _changed(
            "    return getattr(",
            "    if kwargs:\n        name = kwargs.pop('name')\n    return getattr(",
        ),
        _changed("    return getattr(", "    for name in kwargs:\n        yield getattr("),
        # The record may be that of another name, or of no class.
        _changed("REGISTRY[cls.__name__] =", "REGISTRY[key_of(cls)] ="),
        _changed("REGISTRY[cls.__name__] =", "REGISTRY[cls.__name__.lower()] ="),
        _changed("importlib.import_module(cls.__module__)", "importlib.import_module(cls.home)"),
        CORE + "records = [record_of(one) for one in classes]\n",
        CORE + "records = list(map(record_of, classes))\n",
        CORE + "def add(record, path):\n    record['module'] = importlib.import_module(path)\n",
        CORE + "def add(record, path):\n    record.update(module=importlib.import_module(path))\n",
        CORE + "def add(record, module):\n    record.setdefault('module', module)\n",
        # It may be a class that no code names.
        CORE + "for one in vars(net).values():\n    register(one)\n",
        CORE + "list(map(register, vars(net).values()))\n",
        CORE + "def register_all(classes):\n    for one in classes:\n        register(one)\n",
        CORE + "def add(name):\n    register(find(name))\n",
        CORE + "add = register\n",
        NAMED + MADE + "def add(cls):\n    return register('net')(cls)\n",
        NAMED.replace("    return decorate", "    [decorate(one) for one in name]") + MADE,
        # What is kept is looked into otherwise.
        CORE + "def make(name, other):\n    return REGISTRY[name]['module'].__dict__[other]()\n",
        CORE + "def make(name, other):\n    at = REGISTRY[name]['module']\n"
        "    return vars(at)[other]()\n",
        CORE + "def all_of(name):\n    return dir(REGISTRY[name]['module'])\n",
    ],
)
def test_what_may_be_found_by_another_name(core: str) -> None:
    _check("unknown", core)


@pytest.mark.parametrize(
    ("above", "more"),
    [
        ("@register", ""),
        ("", "register(Down)"),
        ("", "config = dict(neck=dict(type='Down'))"),
        ("", "-- more.py --\nfrom core import record_of as made\nmade(dict())"),
    ],
)
def test_what_is_registered_or_named_stays_doubtful(above: str, more: str) -> None:
    _check("unknown", CORE, above, more)


LAZY = """\
import importlib
import types
class Lazy(types.ModuleType):
    def __getattr__(self, name):
        module = importlib.import_module(self.__name__)
        return getattr(self.of(module), name)
"""


def test_look_ups_in_what_nothing_uses_find_nothing() -> None:
    _check("convert", CORE, more=f"-- lazy.py --\n{LAZY}")


@pytest.mark.parametrize(
    "more",
    [
        f"-- lazy.py --\n{LAZY}net = Lazy('net')\n",
        f"-- lazy.py --\n{LAZY}-- use.py --\nfrom lazy import Lazy\n",
        f"-- lazy.py --\n{LAZY}-- use.py --\ndef of(name):\n    return find('lazy.Lazy')(name)\n",
        f"-- lazy.py --\n{LAZY.replace('class', '@of_package' + chr(10) + 'class')}",
        f"-- lazy.py --\n{LAZY}def get(name):\n    return globals()[name]\n",
        f"-- lazy.py --\n{LAZY.replace('class Lazy', 'class Lazy_')}"
        "-- use.py --\nimport lazy\ndef of(name):\n    return getattr(lazy, name)\n",
        # A function that is run from outside.
        "-- lazy.py --\nimport importlib\ndef main(path, name):\n"
        "    return getattr(importlib.import_module(path), name)\n",
        "-- lazy.py --\nimport importlib\n"
        "print(getattr(importlib.import_module(path()), name()))\n",
    ],
)
def test_look_ups_in_what_may_be_used(more: str) -> None:
    _check("unknown", CORE, more=more)


TOLD = """\
class Part(nn.Module):
    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        {told}
"""


@pytest.mark.parametrize(
    ("base", "above"),
    [
        ("Part", TOLD.format(told="register(cls)")),
        ("Part", TOLD.format(told="PARTS.append(cls)")),
        ("Part", "class Part(nn.Module, metaclass=Meta):\n    pass\n"),
        ("Part", "class Part(nn.Module, kind='part'):\n    pass\n"),
        ("Own", TOLD.format(told="register(cls)") + "class Own(Part):\n    pass\n"),
    ],
)
def test_a_base_class_may_know_the_class(base: str, above: str) -> None:
    text = REPOSITORY.format(verdict="unknown", core=CORE, above=above, more="")
    check(text.replace("class Down(nn.Module)", f"class Down({base})"))


@pytest.mark.parametrize(
    ("base", "above"),
    [
        ("Part", "class Part(nn.Module):\n    pass\n"),
        ("Part", "import abc\nclass Part(nn.Module, metaclass=abc.ABCMeta):\n    pass\n"),
        ("Part[int]", "class Part(nn.Module):\n    pass\n"),
    ],
)
def test_a_base_class_that_is_told_nothing(base: str, above: str) -> None:
    text = REPOSITORY.format(verdict="convert", core=CORE, above=above, more="")
    check(text.replace("class Down(nn.Module)", f"class Down({base})"))


@pytest.mark.parametrize("base", ["Command", "with_metaclass(Meta, types.ModuleType)"])
def test_look_ups_in_what_a_base_class_knows(base: str) -> None:
    command = (
        "COMMANDS = []\nclass Command:\n    def __init_subclass__(cls):\n"
        "        COMMANDS.append(cls)\n"
    )
    lazy = LAZY.replace("types.ModuleType", base)
    _check("unknown", CORE, more=f"-- lazy.py --\n{command}{lazy}")


@pytest.mark.parametrize(
    ("look_up", "verdict"),
    [
        ("at.__dict__[name]()", "unknown"),
        ("vars(at)[name]()", "unknown"),
        ("at.__dict__['Other']()", "convert"),
        ("at[name]()", "convert"),
    ],
)
def test_look_ups_in_the_names_of_what_is_not_followed(look_up: str, verdict: str) -> None:
    _check(
        verdict,
        CORE,
        more=f"-- made.py --\nimport net\ndef made(at, name):\n    return {look_up}\n",
    )


def test_what_is_put_under_a_name_is_not_looked_up() -> None:
    more = "-- made.py --\nimport net\ndef set_all(args, name):\n    args.__dict__[name] = 1\n"
    _check("convert", CORE, more=more)


_ENTRIES = """\
NETWORKS = {{}}
def register(name):
    def add(made):
        NETWORKS[name] = made
        return made
    return add
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
class PoseResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.deconv_layers = nn.BatchNorm2d(8)  #! {deconv}
@register('resnet')
def resnet(cfg):
    net = ResNet()
    net.load_state_dict(torch.hub.load_state_dict_from_url('https://a.org/resnet.pth'))
    return net
@register('pose')
def pose(cfg):
    net = PoseResNet()
    {load}
    return net
class Model(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.{attribute} = NETWORKS[cfg.name](cfg)
"""


@pytest.mark.parametrize("attribute", ["reference", "backbone"])
def test_the_load_of_one_entry_says_nothing_of_another(attribute: str) -> None:
    check(_ENTRIES.format(attribute=attribute, load="pass", deconv="unknown"))


def test_an_entry_that_is_loaded_as_a_whole() -> None:
    load = "net.load_state_dict(torch.hub.load_state_dict_from_url('https://a.org/pose.pth'))"
    check(_ENTRIES.format(attribute="reference", load=load, deconv="keep"))
