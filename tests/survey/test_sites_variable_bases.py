"""Classes in functions that extend what a variable holds: ``class Net(backbone)``."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

REPOSITORY = """\
-- nets.py --
class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d  #! {norm}
class Wide(Base):
    def __init__(self, part=None):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! {wide}
        self.wide_part = part
    def head(self):
        return WideHead()
class Deep(Base):
    def __init__(self, part=None):
        super().__init__()
        self.bn2 = nn.BatchNorm2d(8)  #! {deep}
        self.deep_part = part
    def head(self):
        return DeepHead()
class WideHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {wide_head}
class DeepHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {deep_head}
class Part(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {part}
-- net.py --
from nets import Wide, Deep, Part
from torchvision.models import resnet18
def factory(cfg, given):
{binds}
    class Seg({base}):
        def __init__(self):
            super().__init__(Part())
            self.own = self.head()
            self.neck = self.norm(8){neck}
    return Seg
class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.backbone = resnet18(pretrained=True)
        self.decoder = factory(cfg, Wide)()
"""
FOLLOWED = dict.fromkeys(["norm", "wide", "deep", "wide_head", "deep_head", "part"], "convert")
LOST = {
    "norm": "unknown",
    "wide": "unknown",
    "deep": "unknown",
    "wide_head": "unknown",
    "deep_head": "unknown",
    "part": "convert",
}
IN_TURN = """\
    if cfg.wide:
        base = Wide
    else:
        base = Deep
"""


def repository(binds: str, base: str, verdicts: dict[str, str], neck: str = "") -> str:
    return REPOSITORY.format(binds=binds, base=base, neck=neck, **verdicts)


@pytest.mark.parametrize(
    "binds",
    [
        IN_TURN,
        "    base = Wide if cfg.wide else Deep\n",
        f"    base = None\n{IN_TURN}",
        "    base = Wide\n    if cfg.deep:\n        base = Deep\n",
    ],
)
def test_any_class_that_the_variable_holds_may_be_the_base(binds: str) -> None:
    check(repository(binds, "base", FOLLOWED, "  #! convert"))


def test_one_class_is_the_base_for_certain() -> None:
    verdicts = FOLLOWED | {"deep": "unknown", "deep_head": "unknown"}
    check(repository("    base = Wide\n", "base", verdicts, "  #! convert"))
    check(repository("", "Wide", verdicts, "  #! convert"))


@pytest.mark.parametrize(
    ("binds", "base"),
    [
        ("", "given"),
        ("    base = cfg.find(Wide)\n", "base"),
        (f"{IN_TURN}    base = cfg.wrap(base)\n", "base"),
        ("    for base in cfg.bases:\n        pass\n", "base"),
        ("    base, depth = Wide, 3\n", "base"),
    ],
)
def test_a_variable_that_may_hold_anything(binds: str, base: str) -> None:
    check(repository(binds, base, LOST))
