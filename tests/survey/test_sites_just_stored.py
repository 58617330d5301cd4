"""A constructor that fills what it has just stored where a base class has something else."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

FAMILY = """\
import torchvision
class Scratch(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! {scratch}
class Copied(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! {copied}
class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = Scratch()
    def start(self):
        {start}
class Net(Base):
    def __init__(self, count):
        super().__init__()
{body}
Base(), Net(4)
"""
FILL = "self.features.state_dict().items()[i][1].data[:] = theirs.state_dict().items()[i][1].data"
BODY = f"""\
self.features = Copied()
self.start()
theirs = torchvision.models.vgg16_bn(pretrained=True)
for i in range(count):
    {FILL}
"""


def family(body: str, scratch: str, copied: str, start: str = "pass") -> str:
    body = textwrap.indent(body, 8 * " ")
    return FAMILY.format(body=body, scratch=scratch, copied=copied, start=start)


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        BODY.replace("self.features.state_dict().items()", "list(self.features.parameters())"),
    ],
)
def test_what_a_base_class_has_there_is_not_filled(body: str) -> None:
    check(family(body, "unknown", "keep"))


@pytest.mark.parametrize(
    ("body", "start"),
    [
        # it is stored after
        (BODY.removeprefix("self.features = Copied()\n") + "self.features = Copied()\n", "pass"),
        # perhaps
        (BODY.replace("self.features = Copied()", "if count: self.features = Copied()"), "pass"),
        # a method that is called in between may put something else there
        (BODY, "self.features = Scratch()"),
        (BODY, "setattr(self, 'features', Scratch())"),
        # in another turn of the loop
        (BODY + "    self.features = Scratch()\n", "pass"),
        # the constructor of the base class comes later
        (BODY.replace("self.start()", "super().__init__()"), "pass"),
    ],
)
def test_what_may_be_there_is_filled(body: str, start: str) -> None:
    check(family(body, "keep", "keep", start))
