"""Weights that are copied out of another model of the repository, layer by layer or at once."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, only, plan_of

SOURCE = """\
-- classifier.py --
class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! {source}
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! {source}
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))  #! {source}
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))  #! {source}
        self.fc = nn.Linear(8, 10)
def classifier():
    model = Classifier()
    {load}
    return model
"""
LOADED = "model.load_state_dict(torch.hub.load_state_dict_from_url('https://a.org/net.pth'))"
TARGET = """\
-- net.py --
from copy import deepcopy
from itertools import izip
import torchvision
from classifier import classifier
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {head}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! {net}
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! {net}
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))  #! {net}
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))  #! {net}
        self.head = Head()
        self.reduce = nn.BatchNorm2d(8)  #! {reduce}
    def fill(self, base):
{fill}
net = Net()
net.fill({base})
"""
LAYER_BY_LAYER = """\
for mine, theirs in zip(self.modules(), base.modules()):
    if isinstance(mine, nn.BatchNorm2d) and isinstance(theirs, nn.BatchNorm2d):
        mine.weight.data = deepcopy(theirs.weight.data)
        mine.running_mean.data = deepcopy(theirs.running_mean.data)
"""
BY_NAME = """\
ours = {}
for name, mine in self.named_modules():
    ours[name] = mine
others = dict(base.named_modules())
for name in ours:
    mine = ours[name]
    mine.weight.data = deepcopy(others[name].weight.data)
"""
COPIES = [
    LAYER_BY_LAYER,
    LAYER_BY_LAYER.replace("zip(", "izip("),
    LAYER_BY_LAYER.replace("deepcopy(theirs.weight.data)", "theirs.weight.data.clone()"),
    LAYER_BY_LAYER.replace("mine.weight.data = deepcopy", "mine.weight.data.copy_"),
    """\
    ours = [one for one in self.modules() if isinstance(one, nn.BatchNorm2d)]
    others = [one for one in base.modules() if isinstance(one, nn.BatchNorm2d)]
    for mine, theirs in zip(ours, others):
        mine.weight.data = deepcopy(theirs.weight.data)
    """,
    """\
    for i, (mine, theirs) in enumerate(zip(list(self.modules()), list(base.modules()))):
        mine.weight.data = theirs.weight.data
    """,
    BY_NAME,
    """\
    others = dict(base.named_modules())
    for name, mine in self.named_modules():
        if name in others:
            mine.weight = nn.Parameter(others[name].weight.clone())
    """,
    """\
    for mine, theirs in zip(self.parameters(), base.parameters()):
        mine.data.copy_(theirs.data)
    """,
    """\
    theirs = dict(base.named_parameters())
    for name, mine in self.named_parameters():
        if name in theirs:
            mine.data = theirs[name].data.clone()
    """,
    """\
    own = self.state_dict()
    for name, theirs in base.state_dict().items():
        if name in own:
            own[name].copy_(theirs)
    """,
    """\
    own = self.state_dict()
    own.update({k: v for k, v in base.state_dict().items() if k in own})
    self.load_state_dict(own)
    """,
    """\
    ours = dict(self.named_children())
    for name, theirs in base.named_children():
        ours[name].weight.data.copy_(theirs.weight.data)
    """,
    "self.load_state_dict(deepcopy(base.state_dict()), strict=False)\n",
    """\
    weights = {k: v.clone() for k, v in base.state_dict().items()}
    self.load_state_dict(weights, strict=False)
    """,
]


def repository(fill: str, base: str = "classifier()", **verdicts: str) -> str:
    said = {"source": "keep", "net": "keep", "head": "convert", "reduce": "convert"}
    said.update(verdicts)
    source = SOURCE.format(source=said["source"], load=said.pop("load", LOADED))
    body = textwrap.indent(textwrap.dedent(fill), " " * 8)
    target = TARGET.format(fill=body, base=base, **{k: v for k, v in said.items() if k != "source"})
    return source + target


@pytest.mark.parametrize("fill", COPIES)
def test_a_copy_out_of_a_loaded_model_is_a_load(fill: str) -> None:
    check(repository(fill))


@pytest.mark.parametrize("fill", COPIES)
def test_a_copy_out_of_a_model_that_is_never_loaded(fill: str) -> None:
    check(
        repository(
            fill, load="pass", source="unknown", net="unknown", head="unknown", reduce="unknown"
        )
    )


@pytest.mark.parametrize("fill", [*COPIES[:3], COPIES[-1]])
def test_a_copy_out_of_a_model_of_the_same_class(fill: str) -> None:
    check(repository(fill, base="Net()", net="unknown", head="unknown", reduce="unknown"))


def test_a_loader_that_is_named_pretrained_is_believed_without_a_source() -> None:
    text = repository(LAYER_BY_LAYER, base="make()", head="convert", reduce="unknown")
    check(text.replace("fill(", "load_pretrained("))


@pytest.mark.parametrize(
    "value",
    ["deepcopy(mine.weight.data)", "torch.clamp(mine.weight.data, 0)"],
)
def test_initial_values_are_no_load(value: str) -> None:
    fill = f"for mine in self.modules():\n    mine.weight.data = {value}\n"
    text = repository(fill, net="unknown", head="unknown", reduce="unknown")
    check(text.replace("fill(", "init_weights("))


def test_only_convolutions_are_copied() -> None:
    fill = LAYER_BY_LAYER.replace("nn.BatchNorm2d", "nn.Conv2d")
    check(repository(fill, net="unknown", head="unknown", reduce="unknown"))


def test_a_source_with_a_head_of_its_own() -> None:
    # In order, what stands where its head does comes out of it; by name, what is called so.
    top = "self.top = nn.BatchNorm2d(8)  #! keep"
    text = repository(LAYER_BY_LAYER, head="unknown", reduce="unknown")
    check(text.replace("self.fc = nn.Linear(8, 10)", top))
    text = repository(COPIES[-1], head="convert", reduce="unknown")
    check(text.replace("self.fc = nn.Linear(8, 10)", top))
    text = repository(COPIES[-1], head="unknown", reduce="unknown")
    check(text.replace("self.fc = nn.Linear(8, 10)", top.replace("top", "head")))


def test_a_variable_that_was_used_before_is_told_by_key() -> None:
    # Picked by name, a head that the source has under another name goes nowhere.
    text = repository(BY_NAME, head="convert", reduce="unknown")
    check(text.replace("self.fc = nn.Linear(8, 10)", "self.top = nn.BatchNorm2d(8)  #! keep"))


def test_what_stands_before_the_stages_is_in_the_way_of_the_order() -> None:
    early = "        super().__init__()\n        self.first = nn.BatchNorm2d(8)  #! {}\n"
    text = repository("{}", head="convert", reduce="convert")
    start = text.index("class Net")
    for fill, verdict in ((LAYER_BY_LAYER, "unknown"), (COPIES[-1], "convert")):
        body = textwrap.indent(textwrap.dedent(fill), " " * 8).strip()
        net = text[start:].replace("        super().__init__()\n", early.format(verdict))
        check(text[:start] + net.replace("{}", body))


def test_another_object_of_a_class_in_the_model_is_not_loaded() -> None:
    more = """\
-- more.py --
import torchvision
from net import Head
class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.neck = Head()
"""
    check(repository(LAYER_BY_LAYER) + more)


PLAIN = """\
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inc = nn.Sequential(nn.BatchNorm2d(8))  #! {first}
        self.mid = nn.Sequential(nn.BatchNorm2d(8))  #! {second}
        self.out = nn.Sequential(nn.BatchNorm2d(8))  #! {third}
    def fill(self, base):
        for mine, theirs in zip(self.modules(), {base}):
            mine.weight.data = theirs.weight.data
net = Net()
net.fill({made})
"""


@pytest.mark.parametrize(
    ("base", "made", "verdicts"),
    [
        ("base.modules()", "torchvision.models.vgg11_bn(pretrained=True)", "keep keep unknown"),
        # The file of this very model.
        ("base.modules()", "torch.load('net.pth')", "keep keep keep"),
        (
            "base.Scale.modules()",
            "torchvision.models.vgg11_bn(pretrained=True)",
            "keep keep unknown",
        ),
    ],
)
def test_a_model_of_no_family_begins_like_the_other_one(
    base: str, made: str, verdicts: str
) -> None:
    first, second, third = verdicts.split()
    check(PLAIN.format(base=base, made=made, first=first, second=second, third=third))


HELD = """\
class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.BatchNorm2d(8)  #! keep
        self.layer2 = nn.BatchNorm2d(8)  #! keep
        self.layer3 = nn.BatchNorm2d(8)  #! keep
        self.top = nn.BatchNorm2d(8)  #! unknown
    def fill(self, base):
        for mine, theirs in zip(self.modules(), base.inner.modules()):
            mine.weight.data = theirs.weight.data
class Around(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Body()
def around(path):
    model = Around()
    model.load_state_dict(torch.load(path))
    return model
body = Body()
body.fill(around('whole.pth'))
"""


def test_a_part_of_a_loaded_model_of_another_class() -> None:
    plan = check(HELD)
    assert "copying from Around" in only(plan, "keep")[0].reasons[0]


@pytest.mark.parametrize(
    ("copy", "verdict"),
    [
        ("net.added.weight.data = base.bn1.weight.data.clone()", "keep"),
        ("net.added.load_state_dict(base.bn1.state_dict())", "keep"),
        ("net.added.load_state_dict(deepcopy(base.layer1.state_dict()))", "keep"),
        ("net.added.load_state_dict(net.backbone.layer1.state_dict())", "keep"),
        ("net.added.load_state_dict(base.top.state_dict())", "unknown"),  # added in there as well
        ("net.added.load_state_dict(net.beside.state_dict())", "unknown"),
        ("print(base.bn1.weight)", "convert"),
    ],
)
def test_a_single_layer(copy: str, verdict: str) -> None:
    check(f"""\
from copy import deepcopy
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.BatchNorm2d(8)  #! keep
        self.layer2 = nn.BatchNorm2d(8)  #! keep
        self.layer3 = nn.BatchNorm2d(8)  #! keep
        self.upsample = nn.BatchNorm2d(8)  #! convert
        self.top = nn.BatchNorm2d(8)  #! unknown
        self.load_state_dict(torch.load('resnet.pth'), strict=False)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = ResNet()
        self.added = nn.BatchNorm2d(8)  #! {verdict}
        self.beside = nn.BatchNorm2d(8)  #! convert
net, base = Net(), ResNet()
{copy}
""")


STEM = """\
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        {before}
        self.{first} = nn.Sequential(nn.BatchNorm2d(8))  #! {stage}
        self.{first}_b = nn.Sequential(nn.BatchNorm2d(8))  #! {stage}
        self.{after} = nn.BatchNorm2d(8)  #! convert
"""


@pytest.mark.parametrize(
    ("before", "first", "stage"),
    [
        ("self.bn1 = nn.BatchNorm2d(8)  #! unknown", "layer1", "unknown"),
        ("self.conv1 = nn.Sequential(nn.BatchNorm2d(8))  #! unknown", "stage1", "unknown"),
        ("self.norm = nn.BatchNorm2d(8)  #! unknown", "layer1", "unknown"),
        # Not the first stage of anything, or nothing that begins a network.
        ("self.bn1 = nn.BatchNorm2d(8)  #! convert", "branch", "convert"),
        ("self.neck = nn.BatchNorm2d(8)  #! convert", "layer1", "unknown"),
        ("self.gate_bn = nn.BatchNorm2d(8)  #! convert", "layer1", "unknown"),
    ],
)
def test_the_stem_of_what_may_be_another_backbone(before: str, first: str, stage: str) -> None:
    check(STEM.format(before=before, first=first, stage=stage, after="bn9"))
    check(STEM.format(before=before, first=first, stage=stage, after="conv1_out"))


def test_a_norm_after_the_stages_is_no_stem() -> None:
    check(STEM.format(before="pass", first="layer1", stage="unknown", after="bn1"))


@pytest.mark.parametrize(
    "fill",
    [
        """\
        for (name, mine), (key, theirs) in zip(self.named_children(), base.named_children()):
            if name == key:
                mine.load_state_dict(theirs.state_dict())
        """,
        """\
        for name in ['bn1', 'layer1', 'layer2', 'layer3']:
            getattr(self, name).load_state_dict(getattr(base, name).state_dict())
        """,
        """\
        for name in ['bn1', 'layer1', 'layer2', 'layer3']:
            self._modules[name].load_state_dict(base._modules[name].state_dict())
        """,
        """\
        self.bn1.load_state_dict(base.bn1.state_dict())
        self.layer1.load_state_dict(base.layer1.state_dict())
        self.layer2.load_state_dict(base.layer2.state_dict())
        self.layer3.load_state_dict(base.layer3.state_dict())
        """,
    ],
)
def test_a_copy_child_by_child(fill: str) -> None:
    around = """\
-- around.py --
import torchvision
from net import Net
class Around(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.second = Net()
"""
    for text in (repository(fill), repository(fill) + around):
        kept = {str(site.place) for site in only(plan_of(text), "keep")}
        assert {f"net.py:{line}" for line in (14, 15, 16, 17)} <= {
            place.rpartition(":")[0] for place in kept
        }
