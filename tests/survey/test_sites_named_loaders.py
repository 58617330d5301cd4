"""Loaders that are named after the network whose weights they read."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

POSE = """\
def dw(a, b):
    return nn.Sequential(nn.Conv2d(a, b, 1), nn.BatchNorm2d(b))  #! {trunk}
class Pose(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(dw(3, 8), dw(8, 16))
        self.initial = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
        self.cpm = nn.Sequential(nn.BatchNorm2d(8))  #! {cpm}
def {loader}(net, checkpoint):
    state = net.state_dict()
    for key in state:
        if key in checkpoint:
            state[key] = checkpoint[key]
    net.load_state_dict(state)
net = Pose()
{loader}(net, torch.load('weights.pth')['state_dict'])
"""


@pytest.mark.parametrize(
    ("loader", "trunk", "cpm"),
    [
        ("load_from_mobilenet", "keep", "unknown"),
        ("init_weights_from_resnet50", "keep", "keep"),
        ("copy_params_from_vgg16", "keep", "unknown"),
        ("load_from_checkpoint", "unknown", "unknown"),
        ("load_from_file", "unknown", "unknown"),
        ("load_mobilenet", "unknown", "unknown"),  # may be all of a model of that name
        ("make_from_mobilenet", "unknown", "unknown"),
    ],
)
def test_loader_with_the_name_of_another_network(loader: str, trunk: str, cpm: str) -> None:
    """It fills what may be that network, and whether more is not known."""
    text = POSE.format(loader=loader, trunk=trunk, cpm=cpm)
    if cpm == "keep":
        text = text.replace("#! unknown", "#! keep")
    check(text)


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [("path", "convert"), ("'https://e.org/detector.pth'", "unknown")],
    ids=["a file or a URL, as the user says", "one that is published"],
)
def test_model_that_a_url_is_loaded_into(asked: str, verdict: str) -> None:
    check(
        f"""\
        import torchvision
        class Detector(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torchvision.models.resnet18(pretrained=True)
                self.neck = nn.BatchNorm2d(8)  #! {verdict}
        def tune(path):
            net = Detector()
            if 'http' in path:
                state = torch.hub.load_state_dict_from_url({asked}, map_location='cpu')
            else:
                state = torch.load(path, map_location='cpu')
            net.load_state_dict(state, strict=False)
        """
    )
