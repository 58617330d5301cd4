"""Files that do not parse: what is not seen there is not said to be nowhere."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import plan_of

NET = """\
class Saliency(nn.Module):
    def __init__(self):
        super().__init__()
        self.reduce = nn.BatchNorm2d(8)
        self.head = Block()
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Conv2d(3, 8, 1)
        self.head = Block()
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)
-- train.py --
from net import {name}
net = {name}()
print {said}
"""


def reasons(name: str, said: str) -> list[str]:
    plan = plan_of(NET.format(name=name, said=said))
    assert {site.verdict for site in plan.sites} == {"unknown"}
    return [site.reasons[0] for site in plan.sites]


def test_class_that_a_skipped_file_names() -> None:
    attribute, *_ = reasons("Saliency", "'made'")
    assert attribute == "Saliency is built nowhere that was read; train.py, skipped, names it"


def test_part_of_a_class_that_a_skipped_file_names() -> None:
    text = NET.replace("nn.Conv2d(3, 8, 1)", "models.resnet18(pretrained=True)")
    plan = plan_of("from torchvision import models\n" + text.format(name="Saliency", said="'made'"))
    seen = "who builds Saliency is not seen; train.py, skipped, names it"
    assert f"Block is held by Saliency.head; {seen}" in plan.sites[-1].reasons


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Saliency", "('made')"),  # it parses
        ("Saliency2", "'made'"),  # another class
    ],
)
def test_class_that_no_skipped_file_names(name: str, said: str) -> None:
    for reason in reasons(name, said):
        assert "skipped" not in reason


def test_class_that_nothing_names() -> None:
    text = NET.format(name="other", said="('made')")
    assert plan_of(text).sites[0].reasons == ("Saliency is built nowhere in this repository",)


def test_config_that_does_not_parse_is_named_once() -> None:
    config = "-- configs/base.py --\nnorm_cfg = dict(type='BN')\nmodel = dict(neck=dict(\n"
    child = "-- configs/child.py --\n_base_ = './base.py'\nmodel = dict(pretrained='a.pth')\n"
    plan = plan_of(NET.format(name="Detector", said="('made')") + config + child)
    assert [one.path for one in plan.skipped] == ["configs/base.py"]
