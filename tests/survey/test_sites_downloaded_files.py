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
OTHER = "        self.other = Net()"
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
        # Before it is read, and once more where that fails.
        (
            DOWNLOAD,
            "file = fetch('https://x/a.pth')\n        while True:\n"
            "            try:\n                weights = torch.load(file)\n                break\n"
            "            except IOError:\n                file = fetch('https://x/a.pth')",
            "unknown",
        ),
        # A file without layers or loads is not read.
        (
            "pass",
            "from .files import load_file_from_url\n"
            "        weights = torch.load(load_file_from_url('https://x/a.pth'))",
            "unknown",
        ),
        # Others may have no file at all.
        ("os.makedirs('cache')", f"weights = torch.load(fetch('a.pth'))\n{OTHER}", "convert"),
        (
            DOWNLOAD,
            f"fetch('https://x/b.zip')\n        weights = torch.load(path)\n{OTHER}",
            "convert",
        ),
    ],
)
def test_file_that_was_downloaded(download: str, load: str, verdict: str) -> None:
    body = "keep" if verdict == "convert" else "unknown"  # of a whole model, or a backbone's
    check(MODEL.format(download=download, load=load, verdict=verdict, body=body))


_NAMED = """\
from mmcv.runner import load_checkpoint
{before}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)  #! {verdict}
        self.layer1 = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))  #! {verdict}
def start(net, path):
    {inner}
def main(args):
    net = Net()
    {load}
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    net(1).sum().backward()
    optimizer.step()
"""
_CONSTANT = "url = 'https://a.org/net-12345678.pth'"
_OTHER = "url = 'https://a.org/net-87654321.pth'"


def _named(verdict: str, load: str, before: str = _CONSTANT, inner: str = "pass") -> str:
    return _NAMED.format(verdict=verdict, before=before, load=load, inner=inner)


@pytest.mark.parametrize(
    "text",
    [
        _named("keep", "load_checkpoint(net, url)"),
        _named("keep", "start(net, 1)", inner="load_checkpoint(net, url)"),
        _named("keep", "load_checkpoint(net, url)", f"if A:\n    {_CONSTANT}\nelse:\n    {_OTHER}"),
        _named("keep", f"{_OTHER}\n    load_checkpoint(net, url)"),
        _named("keep", f"for i in range(3):\n        {_OTHER}\n        load_checkpoint(net, url)"),
        # In the first round it is, or in the next ones.
        _named(
            "keep",
            f"{_OTHER}\n    for i in args.a:\n        load_checkpoint(net, url)\n        url = i",
        ),
        _named(
            "keep",
            "url = args.b\n    while True:\n        load_checkpoint(net, url)\n        "
            f"if args.c:\n            {_OTHER}",
        ),
        *(
            _named("keep", "start(net)", inner="load_checkpoint(net, url)").replace(
                "start(net, path)", f"start(net, url={default})"
            )
            for default in ("url", "'https://a.org/net-12345678.pth'")
        ),
    ],
)
def test_a_name_of_a_published_file(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        # The name is the function's own: a parameter, that of a loop, or of a function around it.
        _named("unknown", "start(net, url=1)", inner="load_checkpoint(net, url)").replace(
            "start(net, path)", "start(net, url)"
        ),
        _named("unknown", "for url in args.a:\n        load_checkpoint(net, url)"),
        _named("unknown", "for i, url in args.a:\n        load_checkpoint(net, url)"),
        _named("unknown", "with open(args.a) as url:\n        load_checkpoint(net, url)"),
        _named("unknown", "if args.a:\n        url = args.b\n    load_checkpoint(net, url)"),
        _named("unknown", "url = args.b\n    (lambda: load_checkpoint(net, url))()"),
        # Something else may be in it: a loop gives it to the next round, or the module does.
        _named(
            "unknown",
            "url = args.b\n    for i in args.a:\n        load_checkpoint(net, url); url = i",
        ),
        _named(
            "unknown",
            f"{_OTHER}\n    for i in args.a:\n        load_checkpoint(net, url)\n        url += i",
        ),
        # So are what a parameter is for whoever does not give it, and the names in that.
        *(
            _named(
                "unknown", "start(net)", inner="load_checkpoint(net, url)", before=before
            ).replace("start(net, path)", f"start(net, url={default})")
            for default, before in (
                ("None", _CONSTANT),
                ("'net.pth'", _CONSTANT),
                ("path", _CONSTANT),
                ("url", f"{_CONSTANT}\nurl = A.url"),
                ("url", f"def url():\n    {_CONSTANT}"),
            )
        ),
        _named(
            "unknown", "start(net)", inner="url = args.a\n    load_checkpoint(net, url)"
        ).replace("start(net, path)", "start(net, url=url)"),
        _named("unknown", f"{_OTHER}\n    for url in args.a:\n        load_checkpoint(net, url)"),
        _named(
            "unknown", "load_checkpoint(net, url)", f"{_CONSTANT}\nfor url in A:\n    print(url)"
        ),
        _named("unknown", "load_checkpoint(net, url)", f"{_CONSTANT}\nurl += A"),
        _named("unknown", "load_checkpoint(net, url)", f"{_CONSTANT}\nurl = A.url"),
    ],
)
def test_a_name_of_some_other_file(text: str) -> None:
    check(text)
