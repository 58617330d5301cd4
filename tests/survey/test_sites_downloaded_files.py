"""A file that code downloads for itself is as good as a URL."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

MODEL = """\
import os
from torch.hub import download_url_to_file
from torchvision.models._utils import IntermediateLayerGetter
class MobileNetV1(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage1 = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! {body}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = IntermediateLayerGetter(MobileNetV1(), {{"stage1": 1}})
        self.fpn = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
def fetch(url):
    path = os.path.join("cache", "a.pth")
    {download}
    return path
class Detector:
    def __init__(self, path=None):
        net = Net()
        {load}
        net.load_state_dict(weights)
        net.eval()
"""
DOWNLOAD = "download_url_to_file(url, path)"


@pytest.mark.parametrize(
    ("download", "load", "verdict"),
    [
        (DOWNLOAD, "weights = torch.load(fetch('https://x/a.pth'))", "unknown"),
        (
            DOWNLOAD,
            "if path is None:\n            weights = torch.load(fetch('https://x/a.pth'))\n"
            "        else:\n            weights = torch.load(path)",
            "unknown",
        ),
        (
            DOWNLOAD,
            "file = fetch('https://x/a.pth')\n        weights = torch.load(file)",
            "unknown",
        ),
        # A file without layers or loads is not read.
        (
            "pass",
            "from .files import load_file_from_url\n"
            "        weights = torch.load(load_file_from_url('https://x/a.pth'))",
            "unknown",
        ),
        ("os.makedirs('cache')", "weights = torch.load(fetch('a.pth'))", "convert"),
        (DOWNLOAD, "fetch('https://x/b.zip')\n        weights = torch.load(path)", "convert"),
    ],
)
def test_file_that_was_downloaded(download: str, load: str, verdict: str) -> None:
    body = "keep" if verdict == "convert" else "unknown"  # of a whole model, or a backbone's
    check(MODEL.format(download=download, load=load, verdict=verdict, body=body))
