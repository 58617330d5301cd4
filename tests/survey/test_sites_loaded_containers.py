"""Networks that are an ``nn.Sequential`` and no class, as converters of Torch7 write them."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

NETWORK = """\
class Both(nn.Sequential):
    def __init__(self, fn, *args):
        super().__init__(*args)
        self.fn = fn
    def forward(self, x):
        return self.fn([module(x) for module in self._modules.values()])
class BothSummed(Both):
    pass
whole = nn.Sequential(
    nn.Conv2d(3, 8, 3),
    nn.BatchNorm2d(8),  #! {verdict}
    nn.Sequential(
        BothSummed(sum, nn.Sequential(
            nn.Conv2d(8, 8, 3),
            nn.BatchNorm2d(8),  #! {inside}
        ), Both(sum), BothSummed(sum)),
    ),
)
def {name}():
    model = whole
    model.load_state_dict({weights})
    return {given}
"""
FILE = "torch.load('net.pth')"


@pytest.mark.parametrize("name", ["resnext_101_32x4d", "vgg16_bn", "resnet50"])
def test_container_that_a_factory_called_like_a_network_loads(name: str) -> None:
    check(NETWORK.format(name=name, weights=FILE, given="model", verdict="keep", inside="keep"))


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("load", "model"),  # it may resume the training of anything
        ("resnet_unet", "model"),
        ("resume_resnet50", "model"),
        ("resnet50", "sum(p.numel() for p in model.parameters())"),
    ],
)
def test_container_of_which_nothing_says_that_it_is_a_network(name: str, given: str) -> None:
    check(NETWORK.format(name=name, weights=FILE, given=given, verdict="unknown", inside="unknown"))


def test_container_without_weights() -> None:
    text = NETWORK.format(
        name="resnet50", weights="{}", given="model", verdict="unknown", inside="unknown"
    )
    check(text)
    check(text.replace("    model.load_state_dict({})\n", ""))


def test_lenient_load_may_leave_something_out() -> None:
    weights = f"{FILE}, strict=False"
    check(
        NETWORK.format(
            name="resnet50", weights=weights, given="model", verdict="unknown", inside="unknown"
        )
    )


def test_class_of_a_container_that_is_built_elsewhere_too() -> None:
    network = NETWORK.format(
        name="resnet50", weights=FILE, given="model", verdict="keep", inside="unknown"
    )
    check(
        network
        + """\
def head():
    return Both(sum, nn.Sequential(nn.BatchNorm2d(8)))  #! unknown
"""
    )


def test_reason_names_the_load_of_a_container() -> None:
    text = NETWORK.format(
        name="load", weights=FILE, given="model", verdict="unknown", inside="unknown"
    )
    first, _ = plan_of(text).sites
    assert first.reasons == (
        "the layer that this line makes is loaded (net.py:23): "
        "pretrained, or training that is resumed",
    )
