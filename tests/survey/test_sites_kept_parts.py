"""Parts of a network that a constructor makes, loads from a file, and takes apart."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

MAKE_LAYERS = """\
def make_layers(cfg):
    layers = []
    for c in cfg:
        layers += [nn.Conv2d(c, c, 3), nn.BatchNorm2d(c)]  #! {layers}
    return nn.Sequential(*layers)
class VGG(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.features = features
class Extractor(nn.Module):
    def __init__(self, pretrained=True):
        super().__init__()
        {net}
        {keeps}
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.extractor = Extractor()
        self.merge = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {merge}
Model()
"""
LOAD = "net.load_state_dict(torch.load('vgg.pth'))"


@pytest.mark.parametrize(
    ("net", "keeps", "layers", "merge"),
    [
        (f"net = VGG(make_layers([8])); {LOAD}", "self.features = net.features", "keep", "convert"),
        (
            f"net = VGG(features=make_layers([8])); {LOAD}",
            "self.f = net.features",
            "keep",
            "convert",
        ),
        # Nothing is loaded, or not into this network.
        ("net = VGG(make_layers([8]))", "self.features = net.features", "unknown", "unknown"),
        # Layers that the same function makes for others were not taken out of the network.
        (
            f"net = VGG(make_layers([8])); {LOAD}",
            "self.other = make_layers([8])",
            "keep",
            "unknown",
        ),
    ],
)
def test_layers_that_are_handed_to_the_network(
    net: str, keeps: str, layers: str, merge: str
) -> None:
    check(MAKE_LAYERS.format(net=net, keeps=keeps, layers=layers, merge=merge))


RESNET = """\
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! {bn1}
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! {bn1}
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))  #! {bn1}
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))  #! {bn1}
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        {body}
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = Encoder()
        self.merge = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))  #! {merge}
Model()
{after}
"""
FILE = "net.load_state_dict(torch.load('resnet18.pth'))"


@pytest.mark.parametrize(
    ("body", "after", "bn1", "merge"),
    [
        (f"net = ResNet(); {FILE}; self.bn1 = net.bn1", "", "keep", "convert"),
        (f"net = ResNet(); self.layer1 = net.layer1; {FILE}", "", "keep", "convert"),
        # What another script resumes says nothing of what the constructor made.
        ("net = ResNet(); self.bn1 = net.bn1", f"net = ResNet()\n{FILE}", "keep", "unknown"),
        # Nothing of the network that is loaded is kept.
        (f"net = ResNet(); {FILE}; self.bn1 = nn.Conv2d(8, 8, 1)", "", "keep", "unknown"),
    ],
)
def test_parts_of_a_network_that_is_loaded_from_a_file(
    body: str, after: str, bn1: str, merge: str
) -> None:
    check(RESNET.format(body=body, after=after, bn1=bn1, merge=merge))


def test_parts_of_what_is_no_network_are_no_backbone() -> None:
    text = RESNET.format(
        body=f"net = Classifier(); {FILE}; self.bn1 = net.bn1",
        after="",
        bn1="unknown",
        merge="unknown",
    )
    check(text.replace("ResNet", "Classifier").replace("layer", "part"))


CONTAINER = """\
class Stage(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {stage}
class Net(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.s1 = Stage()
        self.s2 = Stage()
        {loads}
        {head}
"""
HEAD = "self.out = nn.Sequential(nn.BatchNorm2d(8))"


@pytest.mark.parametrize(
    ("loads", "head", "stage"),
    [
        (
            "part = nn.Sequential(self.s1, self.s2); part.load_state_dict(torch.load(path))",
            f"{HEAD}  #! convert",
            "keep",
        ),
        (
            "part = nn.ModuleList([self.s1, self.s2]); part.load_state_dict(torch.load(path))",
            f"{HEAD}  #! convert",
            "keep",
        ),
        # One that is not in the container.
        (
            "part = nn.Sequential(self.s1); part.load_state_dict(torch.load(path))",
            f"{HEAD}  #! convert",
            "conflict",
        ),
        # All that the model has.
        (
            "net = nn.Sequential(self.s1, self.s2); net.load_state_dict(torch.load(path))",
            "",
            "unknown",
        ),
        # All that is trained.
        (
            "net = nn.Sequential(self.s1, self.s2); net.load_state_dict(torch.load(path))",
            f"self.teacher = {HEAD[11:]}  #! unknown",
            "unknown",
        ),
        # A container that nothing is loaded into, or something else.
        ("part = nn.Sequential(self.s1, self.s2)", f"{HEAD}  #! unknown", "unknown"),
        (
            "part = nn.Sequential(self.s1, self.s2); part.load_state_dict(part.state_dict())",
            f"{HEAD}  #! unknown",
            "unknown",
        ),
    ],
)
def test_file_that_is_loaded_into_a_container_of_attributes(
    loads: str, head: str, stage: str
) -> None:
    check(CONTAINER.format(loads=loads, head=head, stage=stage))


def test_attribute_with_a_new_name_in_a_loaded_container_stays_open() -> None:
    loads = "part = nn.Sequential(self.s1, self.neck); part.load_state_dict(torch.load(path))"
    text = CONTAINER.format(loads=loads, head=f"{HEAD}  #! convert", stage="conflict")
    check(text.replace("self.s2", "self.neck"))


def test_whole_models_in_a_loaded_container() -> None:
    loads = "nn.ModuleList([self.net_g, self.s2]).load_state_dict(torch.load(path))"
    text = CONTAINER.format(loads=loads, head=f"{HEAD}  #! unknown", stage="unknown")
    check(text.replace("self.s2", "self.student").replace("self.s1", "self.net_g"))
