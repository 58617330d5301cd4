"""Attributes with computed names in a model that is its own backbone."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_MODEL = """\
from torch.utils.model_zoo import load_url
class BaseModel(nn.Module):
    def __init__(self, heads, **kwargs):
        super().__init__()
        for {name} in heads:
            fc = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))  #! {verdict}
            {stored}
class PoseResNet(BaseModel):
    def __init__(self, heads):
        super().__init__(heads)
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.load_state_dict(load_url('{url}'), strict=False)
"""
_PUBLISHED = "https://download.pytorch.org/models/resnet18-5c106cde.pth"


@pytest.mark.parametrize(
    ("name", "stored", "url", "verdict"),
    [
        ("head", "setattr(self, head, fc)", _PUBLISHED, "convert"),
        ("head", "self.__setattr__(head, fc)", _PUBLISHED, "convert"),
        ("head_name", "self.add_module(head_name, fc)", _PUBLISHED, "convert"),
        # The name says nothing, or not of every layer that is stored so.
        ("name", "setattr(self, name, fc)", _PUBLISHED, "unknown"),
        ("head", "setattr(self, str(head), fc)", _PUBLISHED, "unknown"),
        ("head", "setattr(self, head, fc); setattr(self, heads[0], fc)", _PUBLISHED, "unknown"),
        ("head", "setattr(self, head, fc); name = head; setattr(self, name, fc)",
         _PUBLISHED, "unknown"),
        # What others publish may have the heads in it.
        ("head", "setattr(self, head, fc)", "https://example.com/pose.pth", "unknown"),
    ],
)  # fmt: skip
def test_layer_under_a_name_that_is_computed(
    name: str, stored: str, url: str, verdict: str
) -> None:
    check(_MODEL.format(name=name, stored=stored, url=url, verdict=verdict))
