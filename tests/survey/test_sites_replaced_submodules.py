"""Modules of a package that are called like what a star import brings from them."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

REPOSITORY = """\
-- nets/__init__.py --
{package}
-- nets/Stage.py --
from nets import blocks
{above}
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
-- nets/blocks.py --
def size():
    return 8
-- net.py --
from torchvision import models
{uses}
class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = models.resnet18(pretrained=True)
        self.neck = {made}
"""


def repository(
    verdict: str,
    package: str = "from .Stage import *",
    uses: str = "from nets import Stage",
    made: str = "Stage()",
    name: str = "Stage",
    above: str = "",
) -> str:
    return REPOSITORY.format(
        verdict=verdict, package=package, uses=uses, made=made, name=name, above=above
    )


@pytest.mark.parametrize(
    "package",
    [
        "from .Stage import *",
        "from nets.Stage import *",
        "from .blocks import *\nfrom .Stage import *",
        "try:\n    from .Stage import *\nexcept ImportError:\n    pass",
        "from .Stage import Stage",
    ],
)
def test_the_class_stands_for_the_name(package: str) -> None:
    check(repository("convert", package))


@pytest.mark.parametrize(
    ("uses", "made"),
    [
        ("from nets import Stage as Made", "Made()"),
        ("from nets import *", "Stage()"),
        ("import nets", "nets.Stage()"),
        ("from nets.Stage import Stage", "Stage()"),
    ],
)
def test_however_it_is_imported(uses: str, made: str) -> None:
    check(repository("convert", uses=uses, made=made))


def test_what_is_listed_comes_with_the_star() -> None:
    check(repository("convert", above="__all__ = ['Stage']"))


@pytest.mark.parametrize(
    ("package", "above"),
    [
        ("", ""),
        ("from . import Stage", ""),
        ("from .blocks import *", ""),
        ("from .Stage import *", "__all__ = ['size']"),
    ],
)
def test_the_module_stands_for_the_name(package: str, above: str) -> None:
    check(repository("convert", package, made="Stage.Stage()", above=above))


def test_a_module_without_the_name_stands_for_itself() -> None:
    check(repository("convert", made="Stage.Neck()", name="Neck"))


OTHER = """\
-- nets/other.py --
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
"""


@pytest.mark.parametrize(
    ("package", "name", "verdict"),
    [
        ("from .Stage import *\nfrom .other import *", "Stage", "unknown"),
        ("from .other import *\nfrom .Stage import *", "Stage", "unknown"),
        ("from .Stage import *\nfrom .other import *", "Other", "convert"),
        ("from .Stage import *\nfrom torchvision.models import *", "Other", "unknown"),
    ],
)
def test_another_star_import_may_bring_the_name(package: str, name: str, verdict: str) -> None:
    check(repository(verdict, package) + OTHER.format(name=name, verdict="unknown"))


def test_what_another_star_imports_comes_with_it() -> None:
    more = "-- nets/other.py --\nfrom nets.blocks import size as Stage\n"
    check(repository("unknown", "from .Stage import *\nfrom .other import *") + more)
