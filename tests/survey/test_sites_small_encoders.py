"""Encoders of a few layers for several inputs side by side: no published network is like that."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_MODEL = """\
import torchvision
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3)
class Posterior(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Conv2d(4, 8, 4, stride=2)
        self.bn1 = nn.BatchNorm2d(8)  #! {verdict}
        self.layer2 = nn.Conv2d(8, 8, 4, stride=2)
        self.bn2 = nn.BatchNorm2d(8)  #! {verdict}
        {more}
        self.fc = nn.Linear(8, 3)
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.resnet = torchvision.models.resnet50(pretrained=True)
        self.{name} = Posterior()
        {filled}
    def forward(self, image, depth):
        {forward}
"""
_FORWARD = "z = self.xy_encoder(torch.cat((image, depth), 1)); return self.resnet(image), z"


def _model(
    verdict: str,
    forward: str = _FORWARD,
    more: str = "",
    filled: str = "",
    name: str = "xy_encoder",
) -> str:
    return _MODEL.format(verdict=verdict, forward=forward, more=more, filled=filled, name=name)


@pytest.mark.parametrize(
    "forward",
    [
        _FORWARD,
        "both = torch.cat([image, depth], dim=1); return self.xy_encoder(both)",
        "return self.resnet(image), self.xy_encoder(torch.cat((image, depth), axis=1))",
        "self.resnet(image); self.xy_encoder(torch.cat((image, depth, image * depth), -3))",
    ],
)
def test_a_small_encoder_of_several_inputs(forward: str) -> None:
    check(_model("convert", forward))


def test_containers_of_layers_that_are_written_out() -> None:
    check(_model("convert", more="self.last = nn.Sequential(nn.Conv2d(8, 8, 3), nn.ReLU())"))


@pytest.mark.parametrize(
    "forward",
    [
        # One image, or more than one of them.
        "return self.xy_encoder(image)",
        "return self.xy_encoder(torch.cat((image, depth), 0))",
        "return self.xy_encoder(torch.cat((image, depth)))",
        "return self.xy_encoder(torch.cat((image,), 1))",
        "both = torch.cat((image, depth), 1); both = image; return self.xy_encoder(both)",
        "self.xy_encoder(image); return self.xy_encoder(torch.cat((image, depth), 1))",
        # What becomes of both before it is an image again.
        "x = self.mix(torch.cat((image, depth), 1)); return self.xy_encoder(x)",
        "return run(self.xy_encoder, torch.cat((image, depth), 1))",
    ],
)
def test_what_may_get_an_image(forward: str) -> None:
    check(_model("unknown", forward))


@pytest.mark.parametrize(
    "more",
    [
        # As many as a published network has, or nobody knows how many.
        "self.a = nn.Sequential(*[nn.BatchNorm2d(8) for _ in range(6)])  #! unknown",
        "for i in range(9): self.add_module(f'bn{i}', nn.BatchNorm2d(8))  #! unknown",
        "self.a = Block()",
        "self.a = Block(); self.b = nn.BatchNorm2d(8)  #! unknown",
        # Its own code speaks of weights.
        "self.load_state_dict(other) if other else None",
    ],
)
def test_what_may_be_a_network(more: str) -> None:
    check(_model("unknown", more=more))


def test_as_many_norms_as_a_published_network_has() -> None:
    norms = "\n        ".join(f"self.bn{i} = nn.BatchNorm2d(8)  #! unknown" for i in range(3, 9))
    check(_model("unknown", more=norms))


def test_one_of_the_stages_of_a_network() -> None:
    forward = _FORWARD.replace("xy_encoder", "encoder1")
    check(_model("unknown", forward, name="encoder1"))


def test_what_something_else_may_fill() -> None:
    check(_model("unknown", filled="fill(self.xy_encoder, 'depth.pth')"))


def test_what_is_loaded() -> None:
    filled = "self.xy_encoder.load_state_dict(torch.load('depth.pth'))"
    check(_model("keep", filled=filled))


@pytest.mark.parametrize(
    ("verdict", "path"), [("unknown", "args.pretrained"), ("convert", "args.resume")]
)
def test_a_whole_model_that_is_loaded(verdict: str, path: str) -> None:
    script = f"""
        model = Model()
        model.load_state_dict(torch.load({path}))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    """
    check(_model(verdict) + "".join(line[8:] + "\n" for line in script.splitlines()))
