"""Imports whose name a later statement of the module binds anew."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

REPOSITORY = """\
-- body.py --
class Stage(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {imported}
-- other.py --
class Stage(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {other}
-- net.py --
from torchvision import models
{binds}
class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = models.resnet18(pretrained=True)
        self.neck = Stage()
"""
LOCAL = """\
class Stage(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
"""


def repository(binds: str, imported: str, other: str = "unknown") -> str:
    return REPOSITORY.format(binds=textwrap.dedent(binds), imported=imported, other=other)


@pytest.mark.parametrize(
    "binds",
    [
        f"from body import Stage\n{LOCAL}",
        f"from body import *\n{LOCAL}",
        f"from body import Stage as Stage\nsize = int('8')\n{LOCAL}",
        f"def make():\n    return Stage()\nfrom body import Stage\n{LOCAL}",
        f"try:\n    from body import Stage\nexcept ImportError:\n    pass\n{LOCAL}",
        f"from body import Stage\n{LOCAL}del models.vgg\n",
    ],
)
def test_a_later_class_stands_for_the_name(binds: str) -> None:
    check(repository(binds, "unknown"))


@pytest.mark.parametrize(
    "binds",
    [
        "from body import Stage\nfrom other import Stage",
        "import body as other\nfrom other import Stage",
    ],
)
def test_a_later_import_stands_for_the_name(binds: str) -> None:
    check(repository(binds, "unknown", "convert"))


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ")


@pytest.mark.parametrize(
    "binds",
    [
        # Only one of the two may run,
        f"from body import *\nif old:\n{_indented(LOCAL)}",
        "from body import *\ntry:\n    from other import No as Stage\nexcept OSError:\n    pass",
        f"from body import Stage\nif old:\n{_indented(LOCAL)}",
        f"try:\n    from body import Stage\nexcept ImportError:\n{_indented(LOCAL)}",
        f"from body import Stage\ntry:\n    import fast\n{_indented(LOCAL)}finally:\n    pass",
        f"from body import Stage\nfor name in names:\n{_indented(LOCAL)}",
        # the import comes last,
        f"{LOCAL}from body import Stage",
        f"{LOCAL}if new:\n    from body import Stage",
        f"{LOCAL}from body import *",
        # or is used before.
        f"from body import *\nfirst = Stage()\n{LOCAL}",
        f"from body import Stage\nfirst = Stage()\n{LOCAL}",
        f"from body import Stage\nstages = {{'a': Stage}}\n{LOCAL}",
        f"from body import Stage\ndef make(cls=Stage):\n    return cls()\n{LOCAL}",
        f"from body import Stage\ndef make():\n    return Stage()\nfirst = make()\n{LOCAL}",
        f"def new():\n    return Stage()\nfrom body import Stage\n@r(new)\ndef a(): pass\n{LOCAL}",
        f"from body import Stage\nclass Old:\n    stage = Stage()\n{LOCAL}",
        f"from body import Stage\nclass Old(Stage):\n    pass\nfirst = Old()\n{LOCAL}",
    ],
)
def test_what_the_import_brought_may_be_meant(binds: str) -> None:
    check(repository(binds, "convert"))


@pytest.mark.parametrize("names", ["Stage", "*", "Stage as Old, Stage"])
def test_a_class_that_extends_what_it_replaces(names: str) -> None:
    check(
        f"""\
-- body.py --
class Stage(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
-- net.py --
from torchvision import models
from body import {names}
class Stage(Stage):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(8)  #! convert
class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = models.resnet18(pretrained=True)
        self.neck = Stage()
"""
    )


@pytest.mark.parametrize(
    ("imports", "base"),
    [
        ("import nets.body", "nets.body.Body"),
        ("import nets.head, nets.body", "nets.body.Body"),
        ("import nets.body as nb", "nb.Body"),
        ("from nets import body", "body.Body"),
    ],
)
def test_a_base_class_named_by_its_package(imports: str, base: str) -> None:
    check(
        f"""\
-- nets/__init__.py --
-- nets/head.py --
-- nets/body.py --
class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! convert
-- net.py --
from torchvision import models
{imports}
class Part({base}):
    pass
class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = models.resnet18(pretrained=True)
        self.neck = Part()
"""
    )


def test_what_a_package_imports_in_between_may_ask_for_the_first() -> None:
    check(
        """\
-- nets/__init__.py --
from .blocks import Block
from .backbone import Backbone
from .neck import Block
-- nets/blocks.py --
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! conflict
-- nets/neck.py --
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
-- nets/backbone.py --
from torch.utils.model_zoo import load_url
from nets import Block
class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = Block()
        self.load_state_dict(load_url("https://x.y/net.pth"))
-- net.py --
from nets.backbone import Backbone
from nets.blocks import Block
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.neck = Block()
"""
    )
