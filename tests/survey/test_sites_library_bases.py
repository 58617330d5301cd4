"""What a class adds to a network of a library that it extends."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_REID = """\
from torch.utils import model_zoo
import timm
import torchvision
class Reid({base}):
    def __init__(self, block, layers):
        super().__init__(block, layers)
        self.fc = nn.Linear(8, 8)
        self.{name} = nn.BatchNorm2d(256)  #! {verdict}
    def load_filtered(self, state):
        own = self.state_dict()
        own.update({{k: v for k, v in state.items() if k in own}})
        self.load_state_dict(own)
def reid(pretrained, path):
    model = Reid(None, [3, 4, 6, 3])
    {load}
    return model
"""
_RESNET = "torchvision.models.resnet.ResNet"
_URL = "model_zoo.load_url('https://download.pytorch.org/models/resnet50-19c8e357.pth')"
_OTHER_URL = "model_zoo.load_url('https://example.com/reid.pth')"


@pytest.mark.parametrize(
    ("base", "name", "load", "verdict"),
    [
        (_RESNET, "bn_reduce", f"model.load_state_dict({_URL}, strict=False)", "convert"),
        # A function that is handed the weights may be handed them under other names.
        (_RESNET, "bn_reduce", f"model.load_filtered({_URL})", "unknown"),
        ("torchvision.models.ResNet", "bn_reduce", f"model.load_filtered({_URL})", "unknown"),
        ("timm.models.resnet.ResNet", "bn_reduce", f"model.load_filtered({_URL})", "unknown"),
        ("torchvision.models.DenseNet", "bn_reduce", f"model.load_filtered({_URL})", "unknown"),
        # The file may be of this very class.
        (_RESNET, "bn_reduce", f"model.load_state_dict({_OTHER_URL}, strict=False)", "unknown"),
        (_RESNET, "bn_reduce", f"model.load_state_dict({_OTHER_URL})", "keep"),
        (_RESNET, "bn_reduce", "model.load_state_dict(torch.load(path), strict=False)", "unknown"),
        (_RESNET, "bn_reduce", "model.train()", "unknown"),
        # What stands in the place of the library's.
        (_RESNET, "bn1", f"model.load_state_dict({_URL}, strict=False)", "keep"),
        (_RESNET, "layer4", f"model.load_filtered({_URL})", "keep"),
        (_RESNET, "layer4_part", f"model.load_filtered({_URL})", "unknown"),
        ("torchvision.models.DenseNet", "features", f"model.load_filtered({_URL})", "keep"),
        # What a network of no known family has is not known.
        ("torchvision.models.GoogLeNet", "bn_reduce", f"model.load_filtered({_URL})", "keep"),
        ("nn.Module", "bn_reduce", f"model.load_filtered({_URL})", "keep"),
    ],
)
def test_what_is_added_to_a_network_of_a_library(
    base: str, name: str, load: str, verdict: str
) -> None:
    check(_REID.format(base=base, name=name, load=load, verdict=verdict))
