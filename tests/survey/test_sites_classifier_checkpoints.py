"""A checkpoint whose ``fc`` is left out, for a model without one: a classification network's."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, only

MODEL = """\
class ResNet(nn.Module):
    def __init__(self, block, num_classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3)
        self.bn1 = nn.BatchNorm2d(64)  #! {backbone}
        {early}
        self.layer1 = self._make_layer(block)
        self.layer2 = self._make_layer(block)
        self.layer3 = self._make_layer(block)
        self.layer4 = self._make_layer(block)
        self.context = nn.Sequential(nn.Conv2d(64, 64, 3), nn.BatchNorm2d(64))  #! {added}
        {last}
    def _make_layer(self, block):
        return nn.Sequential(block(), block())
class Bottleneck(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(64)  #! {backbone}
def get_model(n):
    return ResNet(Bottleneck, n)
-- train.py --
from net import get_model
def main(args):
    model = get_model(19)
{load}
    return model
"""
MERGE = """\
saved = torch.load(args.restore_from)
merged = model.state_dict().copy()
for i in saved:
    parts = i.split('.')
    {test}
        merged['.'.join(parts[0:])] = saved[i]
model.load_state_dict(merged)
"""


def model(load: str, backbone: str, added: str, early: str = "", last: str = "") -> str:
    load = textwrap.indent(load, " " * 4)
    return MODEL.format(load=load, backbone=backbone, added=added, early=early, last=last)


@pytest.mark.parametrize(
    "test",
    [
        "if not parts[0] == 'fc':",
        "if parts[0] != 'fc':",
        "if not parts[0]=='fc' and not parts[0]=='last_linear' and not parts[0]=='classifier':",
        "if 'fc' not in parts:",
        "if not i.startswith('fc'):",
        "if not i.startswith(('fc.', 'last_linear.')):",
    ],
)
def test_entries_are_merged_but_for_the_classifier(test: str) -> None:
    plan = check(model(MERGE.format(test=test), "keep", "convert"))
    assert "without the classifier that the file has" in only(plan, "convert")[0].reasons[0]


@pytest.mark.parametrize(
    "load",
    [
        "saved = torch.load(args.path)\n"
        "saved = {k: v for k, v in saved.items() if 'fc' not in k}\n"
        "model.load_state_dict(saved, strict=False)\n",
        "saved = torch.load(args.path)\n"
        "saved.pop('fc.weight')\nsaved.pop('fc.bias')\n"
        "model.load_state_dict(saved, strict=False)\n",
        "own, new = model.state_dict(), {}\n"
        "for k, v in torch.load(args.path).items():\n"
        "    if k.startswith('fc'): continue\n"
        "    new[k] = v\n"
        "own.update(new)\nmodel.load_state_dict(own)\n",
        "own = model.state_dict()\n"
        "for k, v in torch.load(args.path).items():\n"
        "    if not k.startswith('fc'):\n"
        "        own[k] = v\n"
        "model.load_state_dict(own)\n",
    ],
)
def test_other_ways_to_leave_it_out(load: str) -> None:
    check(model(load, "keep", "convert"))


@pytest.mark.parametrize(
    "test",
    [
        "if i in merged:",
        "if not parts[0] == 'layer5':",  # a segmenter's, in which the context may be
        "if not (parts[0] == 'fc' and parts[1] == 'weight'):",
        "if parts[0] == 'fc':",
        "if not parts[1] == 'fc':",
    ],
)
def test_what_is_left_out_is_no_classifier(test: str) -> None:
    check(model(MERGE.format(test=test), "keep", "unknown"))


@pytest.mark.parametrize(
    "last",
    [
        "self.fc = nn.Linear(64, num_classes)",  # its own, of another number of classes
        "self.gate = Gate()",  # skipped with it, as an ``fc`` is in there
    ],
)
def test_the_model_has_a_classifier_of_its_own(last: str) -> None:
    gate = "class Gate(nn.Module):\n    def __init__(self):\n"
    gate += "        super().__init__()\n        self.fc = nn.Linear(4, 4)\n"
    load = MERGE.format(test="if 'fc' not in i:")
    check(gate + model(load, "keep", "unknown", last=last))


def test_what_stands_between_the_stages_may_be_in_the_file() -> None:
    load = MERGE.format(test="if not parts[0] == 'fc':")
    early = "self.gate = nn.BatchNorm2d(64)  #! unknown"
    check(model(load, "keep", "convert", early=early))


def test_the_backbone_of_a_model_may_have_been_trained_with_all_that_it_has() -> None:
    load = MERGE.format(test="if not parts[0] == 'fc':")
    detector = """\
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = get_model(9)
        self.head = nn.BatchNorm2d(64)  #! convert
-- train.py --
"""
    check(model(load, "keep", "unknown").replace("-- train.py --\n", detector))


def test_a_network_in_a_folder_of_backbones_may_have_been_trained_with_all_that_it_has() -> None:
    load = MERGE.format(test="if not parts[0] == 'fc':")
    text = model(load, "keep", "unknown").replace("from net import", "from backbones.net import")
    check("-- backbones/net.py --\n" + text)


def test_a_network_that_loads_itself_may_have_been_trained_with_all_that_it_has() -> None:
    load = """\
    def load_param(self, path):
        read = torch.load(path)
        for i in read:
            if 'fc' in i:
                continue
            self.state_dict()[i].copy_(read[i])
"""
    text = model("", "keep", "unknown").replace("class Bottleneck", load + "class Bottleneck")
    check(text)


def test_a_parallel_wrapper_holds_the_whole_model() -> None:
    load = MERGE.format(test="if not parts[0] == 'fc':") + "model = Parallel(model)\n"
    wrapper = """\
class Parallel(nn.DataParallel):
    def replicate(self):
        for name, child in self._modules.items():
            setattr(self, name, get_model(3))
-- train.py --
from net import Parallel
"""
    check(model(load, "keep", "convert").replace("-- train.py --\n", wrapper))


@pytest.mark.parametrize(
    ("stage", "verdict"),
    [
        ("nn.Sequential(nn.Conv2d(64, 64, 3), nn.BatchNorm2d(64))", "convert"),
        ("nn.Sequential(block(), nn.BatchNorm2d(64))", "keep"),
        ("self._make_layer(block)", ""),
    ],
)
def test_a_fifth_layer_is_a_stage_if_it_is_made_like_the_others(stage: str, verdict: str) -> None:
    load = MERGE.format(test="if not parts[0] == 'fc':")
    last = f"self.layer5 = {stage}" + (f"  #! {verdict}" if verdict else "")
    # What stands before a stage is not certain to have been added.
    added = "convert" if verdict == "convert" else "unknown"
    check(model(load, "keep", added, last=last))
