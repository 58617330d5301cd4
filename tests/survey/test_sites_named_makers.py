"""One function makes the model, the loaders and the optimizer: ``get_instance(models, ...)``.

Each call makes something of the module that it hands over, with what it hands over.
"""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

TRUNK = """\
-- trunk.py --
class Trunk(nn.Module):
    def __init__(self, path=None):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(8)  #! keep
        if path is not None:
            self.load_state_dict(torch.load(path), strict=False)
"""
MODELS = """\
-- models.py --
from trunk import Trunk
class Plain(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.backbone = Trunk(path)
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
class Wide(nn.Module):
    def __init__(self, wide=False, **more):
        super().__init__()
        self.backbone = Trunk()
        self.wide = wide
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
-- parts.py --
class Neck(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {neck}
class Other:
    def __init__(self, part):
        self.part = part
"""
MAKER = """\
-- train.py --
import models, parts, trunk
{maker}
model = make(models, "arch", config)
params = filter(lambda p: p.requires_grad, model.parameters())
{second}
"""
GET = """\
def make(module, name, config, *args):
    return getattr(module, config[name]["type"])(*args, **config[name]["args"])
"""
METHOD = """\
class Config(dict):
    def init(self, name, module, *args, **more):
        kind = self[name]["type"]
        given = dict(self[name]["args"])
        given.update(more)
        return getattr(module, kind)(*args, **given)
def make(module, name, config, *args):
    return Config().init(name, module, *args)
"""
INHERITED = """\
class Base:
    def init(self, module, name, *args):
        return getattr(module, name)(*args)
class Config(Base):
    def init(self, module, name, *args):
        return super().init(module, name, *args)
def make(module, name, config, *args):
    return Config().init(module, name, *args)
"""
OPTIMIZER = 'optimizer = make(torch.optim, "optimizer", config, params)'
LOOSE = GET.replace("(*args, **", "(*args, *config['more'], **")


def text(maker: str, second: str, neck: str = "unknown") -> str:
    script = MAKER.format(maker=maker, second=second)
    return TRUNK + MODELS.format(neck=neck) + script


@pytest.mark.parametrize(
    "second",
    [
        OPTIMIZER,
        OPTIMIZER.replace("params", "*[params]"),
        OPTIMIZER.replace('torch.optim, "optimizer", config, params', "*chosen"),
        'other = make(parts, "other", config, params)',
        'trained = make(trunk, "trunk", config, "trunk.pth")',
    ],
)
def test_what_another_call_hands_over_is_no_part(second: str) -> None:
    check(text(GET, second))


def test_the_rest_of_the_arguments_has_its_places() -> None:
    check(text(LOOSE, OPTIMIZER))


@pytest.mark.parametrize(
    ("maker", "second"),
    [
        # What a call hands over for its own module goes where it went before.
        (GET, 'model = make(models, "arch", config, parts.Neck())'),
        (GET, 'model = make(models, "arch", config, *[parts.Neck()])'),
        (INHERITED, 'model = make(models, "arch", config, parts.Neck())'),
    ],
)
def test_what_a_call_hands_over_is_a_part(maker: str, second: str) -> None:
    check(text(maker, second, neck="convert"))


def test_a_module_that_partial_hands_over() -> None:
    """By its place a call would hand the name over for the module."""
    maker = GET + "import functools\nof_models = functools.partial(make, models)\n"
    script = text(maker, "model.train()")
    check(script.replace('make(models, "arch"', 'of_models("arch"'))


def test_what_it_makes_is_followed_where_it_is_a_method() -> None:
    """Here a function of its own hands the module on, which all calls share."""
    check(text(METHOD, 'loader = make(parts, "loader", config, 3)'))
