"""A layer of the repository's own that code puts into one list with a library's children."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

NET = """\
from collections import OrderedDict
from torchvision.models import resnet50
class Fresh(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
{factory}
class Net(nn.Module):
    def __init__(self, name="r50"):
        super().__init__()
{body}
Net()
"""


def net(body: str, verdict: str, factory: str = "") -> str:
    body = textwrap.indent(body, " " * 8)
    return NET.format(body=body, verdict=verdict, factory=factory)


@pytest.mark.parametrize("attribute", ["body", "features", "stages", "backbone"])
@pytest.mark.parametrize(
    "layers",
    [
        "layers = list(net.children())[:-2] + [Fresh()]",
        "layers = list(net.children())[:-2] + [Fresh() for _ in range(2)]",
        "layers = list(net.children())\nlayers += [Fresh()]",
        "layers = list(net.children())\nlayers.append(Fresh())",
        "layers = list(net.children())\nlayers.extend([Fresh(), nn.Dropout(0.1)])",
        "layers = []\nlayers.append(net.layer4)\nlayers.append(Fresh())",
        "layers = []\nfor one in net.children():\n    layers.append(one)\n    layers += [Fresh()]",
        "layers = [net.layer3, net.layer4, Fresh()]",
        "layers = [Fresh(), *net.children()]",
    ],
)
def test_what_is_put_into_one_list(layers: str, attribute: str) -> None:
    made = f"net = resnet50(pretrained=True)\n{layers}"
    check(net(f"{made}\nself.{attribute} = nn.Sequential(*layers)", "conflict"))
    inner = textwrap.indent(made, "    ")
    factory = f"def trunk():\n{inner}\n    return nn.Sequential(*layers)\n"
    check(net(f"self.{attribute} = trunk()", "conflict", factory))


def test_entries_of_a_dict() -> None:
    made = "parts = OrderedDict(resnet50(pretrained=True).named_children())\n"
    body = f"{made}parts['extra'] = Fresh()\nself.body = nn.Sequential(parts)"
    check(net(body, "conflict"))


# One or the other may be there, and nothing says that they are there at once.
@pytest.mark.parametrize(
    "chosen",
    [
        "self.body = Fresh() if name == 'tiny' else resnet50(pretrained=True)",
        "self.body = {'tiny': Fresh, 'r50': resnet50}[name]()",
        "layers = [Fresh()]\nif name == 'tiny':\n    self.body = nn.Sequential(*layers)\n"
        "else:\n    self.body = resnet50(pretrained=True)",
    ],
)
def test_what_may_be_in_its_place(chosen: str) -> None:
    check(net(chosen, "keep"))
