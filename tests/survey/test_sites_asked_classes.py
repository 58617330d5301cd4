"""Variables that hold a norm class where only a class will do: bases, tuples for ``isinstance``."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

MODEL = """\
import torchvision
{norm}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), NORM(8))  #! convert
    def norms(self):
        return [m for m in self.modules() if {test}]
"""


@pytest.mark.parametrize(
    ("norm", "test"),
    [
        ("NORM = nn.BatchNorm2d  #! keep\nNORMS = (NORM, nn.InstanceNorm2d)",
         "isinstance(m, NORMS)"),
        ("NORM = nn.BatchNorm2d  #! keep\nNORMS = (nn.ReLU, (nn.ELU, NORM))",
         "isinstance(m, NORMS)"),
        ("NORM = nn.BatchNorm2d  #! keep\nclass Own(NORM): pass", "m"),
    ],
)  # fmt: skip
def test_the_name_stays_a_class_and_the_new_layer_is_changed(norm: str, test: str) -> None:
    check(MODEL.format(norm=norm, test=test))


@pytest.mark.parametrize("test", ["isinstance(m, nn.ReLU)", "isinstance(m, (nn.ReLU, nn.ELU))"])
def test_other_classes_ask_nothing_of_it(test: str) -> None:
    check(MODEL.format(norm="NORM = nn.BatchNorm2d  #! convert", test=test))
