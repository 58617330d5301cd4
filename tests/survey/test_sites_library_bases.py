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


_DETECTOR = """\
import torchvision
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.roi_heads import RoIHeads
class Embedding(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(64)  #! {verdict}
class Heads(RoIHeads):
    def __init__(self, embedding, *args):
        super().__init__(*args)
        self.embedding = embedding
class Detector({base}):
    def __init__(self, backbone):
        heads = Heads(Embedding(), 1)
        super().__init__({given})
def detector():
    return Detector(torchvision.models.resnet50(pretrained=True))
"""


@pytest.mark.parametrize(
    ("base", "given", "verdict"),
    [
        ("GeneralizedRCNN", "backbone, None, heads, None", "convert"),
        ("GeneralizedRCNN", "backbone, roi_heads=heads", "convert"),
        # Where it keeps what else it is handed is not known.
        ("FasterRCNN", "backbone, 91, heads", "convert"),
        ("FasterRCNN", "*(backbone, heads)", "unknown"),
    ],
)
def test_detectors_of_a_library_are_made_of_what_they_are_handed(
    base: str, given: str, verdict: str
) -> None:
    check(_DETECTOR.format(base=base, given=given, verdict=verdict))
