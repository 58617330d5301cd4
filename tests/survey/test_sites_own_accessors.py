"""Attributes that a class calls like torch's accessors: ``self.modules = []``."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

NET = """\
class Enc(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8))  #! keep
class Act(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(8)  #! convert
class {base}(nn.Module):
    {body}def __init__(self, weights):
        super().__init__()
        self.encoder = Enc()
        self.encoder.load_state_dict(torch.load(weights))
{stored}
        self.fuse = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
        self.act = nn.Sequential(Act())
"""


@pytest.mark.parametrize(
    "lines",
    [
        ["self.modules = []", "for m in self.encoder.children():", "    self.modules.append(m)"],
        ["self.children = list(self.encoder.children())", "self.children.append(self.encoder.a)"],
        ["self.named_children: list = [self.encoder]", "self.named_children += [self.encoder.a]"],
        ["self.modules, self.n = [], 2", "self.modules.extend([self.encoder.a])"],
    ],
)
def test_an_attribute_of_that_name_holds_what_is_put_in(lines: list[str]) -> None:
    stored = "\n".join("        " + line for line in lines)
    check(NET.format(base="Net", body="", stored=stored))


def test_it_may_be_stored_by_a_base_class_or_by_the_class_body() -> None:
    text = NET.format(base="Base", body="modules = []\n    ", stored="")
    check(
        text + "class Net(Base):\n    def add(self):\n        self.modules.append(self.encoder.a)\n"
    )


def test_what_is_in_such_an_attribute_is_found_where_it_is_read() -> None:
    check(
        """\
        class Part(nn.Module):
            def __init__(self):
                super().__init__()
                self.children = []
                self.children.append(nn.BatchNorm2d(8))  #! keep
                self.other = nn.BatchNorm2d(8)  #! unknown
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = nn.Sequential(*Part().children)
                self.new = nn.BatchNorm2d(8)  #! convert
        """
    )


@pytest.mark.parametrize(
    "lines",
    [
        # All of the modules that there are, by torch's own accessor.
        ["for m in self.modules():", "    kept.append(m)"],
        ["kept.extend(self._modules.values())"],
        # Torch's own registry, which is more than what is stored here.
        ["self._modules = dict(self._modules)", "kept.extend(self._modules.values())"],
        # Another object's attribute, and a variable.
        ["other.modules = []", "kept.extend(self.modules())"],
        ["modules = []", "kept.extend(self.modules())"],
    ],
)
def test_torchs_own_accessors_give_whatever_a_module_holds(lines: list[str]) -> None:
    body = "\n".join("        " + line for line in lines)
    check(
        f"""\
class Part(nn.Module):
    def __init__(self, other):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
        kept = []
{body}
        self.kept = kept
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(*Part(None).kept)
        self.new = nn.BatchNorm2d(8)  #! convert
"""
    )


@pytest.mark.parametrize("name", ["grad", "data"])
@pytest.mark.parametrize(
    "stored", ["net.{} = Enc()", "part = Enc()\n    net.{} = part"], ids=["made", "variable"]
)
def test_a_module_that_is_made_there_is_no_tensor_of_the_model(name: str, stored: str) -> None:
    check(
        f"""\
import torchvision
from torch.utils.model_zoo import load_url
class Enc(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8))  #! conflict
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = Enc()
def make():
    net = Net()
    {stored.format(name)}
    net.{name}.load_state_dict(load_url("https://x.y/e.pth"))
    return net
"""
    )
