"""Methods that are set as attributes are no modules, and hold none."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

MODEL = """\
import torchvision
class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = nn.Sequential(nn.BatchNorm2d(64))  #! convert
        self._run_backbone = self._run_resnet
    def forward(self, x):
        return self.head(self._run_backbone(x))
    def _run_resnet(self, x):
        return self.backbone(x)
def count(self):
    return 0
"""
SCRIPT = """\
-- train.py --
import net
def main(loader):
    model = net.Segmenter()
    {before}
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for x in loader:
        model(x)
"""


@pytest.mark.parametrize("before", ["pass", "model.count_flops = net.count.__get__(model)"])
def test_methods_in_attributes(before: str) -> None:
    plan = check(MODEL + SCRIPT.format(before=before))
    [script] = plan.train_scripts
    assert script.backbone == ("backbone",)
    assert script.reason == ""
    assert script.fix
