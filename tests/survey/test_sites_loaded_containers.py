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


TRUNK = """\
-- feat.py --
class Mapped(nn.Sequential):
    def __init__(self, fn, *args):
        super().__init__(*args)
        self.fn = fn
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {block}
net101 = nn.Sequential(
    nn.Conv2d(3, 8, 7),
    nn.BatchNorm2d(8),  #! {stem}
    nn.Sequential(
        Mapped(sum, nn.Sequential(
            nn.BatchNorm2d(8),  #! {stem}
            Mapped(sum, nn.BatchNorm2d(8)),  #! {stem}
        )),
        Block(),
    ),
    nn.Linear(8, 8),
)
-- trunk.py --
import feat
class Trunk(nn.Module):
    def __init__(self, path):
        super().__init__()
        net = feat.net101
        {load}
        net = list(net.children())
        self.layer0 = nn.Sequential(*net[:2])
        self.layer1 = net[2]
-- model.py --
from feat import Block
from trunk import Trunk
class Saliency(nn.Module):
    def __init__(self, path):
        super().__init__()
        trunk = Trunk(path)
        self.layer0 = trunk.layer0
        self.layer1 = trunk.layer1
        self.reduce = {reduce}
def main(path):
    return Saliency(path)
"""
LOAD = "net.load_state_dict(torch.load(path))"


def trunk(
    stem: str = "keep",
    block: str = "keep",
    load: str = LOAD,
    reduce: str = "nn.BatchNorm2d(8)  #! convert",
) -> str:
    return TRUNK.format(stem=stem, block=block, load=load, reduce=reduce)


def test_container_with_blocks_of_classes_in_it() -> None:
    check(trunk())


@pytest.mark.parametrize(
    "text",
    [
        # Another block of the class stands in the model that takes it apart.
        trunk(reduce="Block()"),
        # Nothing is loaded into the container, or into another one.
        trunk("unknown", "unknown", load="", reduce="nn.BatchNorm2d(8)  #! unknown"),
        trunk(
            "unknown",
            "unknown",
            load="nn.Sequential(nn.Linear(8, 8)).load_state_dict(torch.load(path))",
            reduce="nn.BatchNorm2d(8)  #! unknown",
        ),
        # A name that is not a backbone's: the file may be what training goes on with.
        trunk("unknown", "unknown", reduce="nn.BatchNorm2d(8)  #! unknown")
        .replace("self.layer0", "self.first")
        .replace("self.layer1", "self.second"),
    ],
)
def test_container_with_blocks_of_which_little_is_known(text: str) -> None:
    check(text)


_HANDED = """\
class RFB(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! {block}
class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        def layer(c):
            return nn.Sequential(nn.Conv2d(c, c, 3), nn.BatchNorm2d(c))  #! {own}
        self.model = nn.Sequential(layer(8), RFB(8), layer(8))
class SSD(nn.Module):
    def __init__(self, base_net, extras):
        super().__init__()
        self.{base} = base_net
        self.extras = extras
    def start(self, path):
        self.base_net.load_state_dict(torch.load(path), strict=True)
tiny = Tiny()
net = SSD({given}, nn.ModuleList([nn.BatchNorm2d(8)]))  #! {extra}
net.start('base.pth')
"""


def _handed(given: str, verdicts: tuple[str, str, str], base: str = "base_net") -> None:
    own, block, extra = verdicts
    check(_HANDED.format(given=given, base=base, own=own, block=block, extra=extra))


@pytest.mark.parametrize("given", ["tiny.model", "Tiny().model"])
def test_container_that_is_handed_over_and_loaded_there(given: str) -> None:
    _handed(given, ("keep", "keep", "convert"))


@pytest.mark.parametrize(
    ("given", "base", "verdicts"),
    [
        # Another container is loaded, with a block of the kind.
        ("nn.Sequential(RFB(8))", "base_net", ("unknown", "keep", "convert")),
        # What is loaded is not there.
        ("tiny.model", "other_net", ("unknown", "unknown", "unknown")),
    ],
)
def test_container_of_which_less_is_loaded(
    given: str, base: str, verdicts: tuple[str, str, str]
) -> None:
    _handed(given, verdicts, base)
