"""The trees of a review: what is held where, and what becomes of it."""

from __future__ import annotations

import json

import pytest

from bn2gn_codemod import api
from bn2gn_codemod.migration import Migration
from bn2gn_codemod.plan import Plan
from bn2gn_codemod.reports import review, verification
from bn2gn_codemod.reports.review import static_tree
from bn2gn_codemod.reports.review.tree import Model, Node, State
from tests.conftest import MakeRepository
from tests.reports.review.snapshots import RUN, VERIFICATION

MODEL = """\
import torchvision
from torch import nn
import torch.utils.model_zoo as model_zoo


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = Block(8)
        self.body = Block(8)
        self.load_state_dict(model_zoo.load_url('http://localhost:9/b.pth'))


class Neck(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.neck = Neck()
"""
TRAIN = """\
import torch

from model import Detector

model = Detector()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
"""


def shown(node: Node, depth: int = 0) -> list[str]:
    """One line for each node: its name, what it is of, and its layers before and after."""
    words = " ".join(filter(None, (node.name, node.class_, f"({node.note})" if node.note else "")))
    before, after = (
        "+".join(f"{number} {state.name}" for state, number in side.items()) or "nothing"
        for side in (node.before, node.after)
    )
    lines = [f"{'  ' * depth}{words}: {before} -> {after}"]
    for child in node.children:
        lines += shown(child, depth + 1)
    return lines


def planned(repository: MakeRepository, **files: str) -> Plan:
    root = repository({f"{name}.py": text for name, text in files.items()})
    return api.plan(api.survey(root))


def only(plan: Plan) -> Model:
    (model,) = static_tree.models(plan)
    return model


def test_a_model_is_shown_by_class_and_attribute(repository: MakeRepository) -> None:
    model = only(planned(repository, model=MODEL, train=TRAIN))
    assert model.where == "model.py:26"
    assert shown(model.tree) == [
        "Detector: 2 TRAIN -> 1 FROZEN+1 GROUP",
        "  backbone Backbone: 1 TRAIN -> 1 FROZEN",
        "    stem Block: 1 TRAIN -> 1 FROZEN",
        "      bn: 1 TRAIN -> 1 FROZEN",
        "    body Block (the same as above): 1 TRAIN -> 1 FROZEN",
        "  neck Neck: 1 TRAIN -> 1 GROUP",
        "    bn: 1 TRAIN -> 1 GROUP",
    ]


def test_without_a_train_script_nothing_is_said_about_freezing(repository: MakeRepository) -> None:
    model = only(planned(repository, model=MODEL))
    assert model.tree.before == {State.TRAIN: 1, State.STAYS: 1}
    assert model.tree.after == {State.GROUP: 1, State.STAYS: 1}


def test_a_model_that_no_script_trains_is_not_called_frozen(repository: MakeRepository) -> None:
    other = MODEL.replace("Detector", "Tracker")
    plan = planned(repository, model=MODEL, train=TRAIN, other=other)
    after = {model.tree.name: model.tree.after for model in static_tree.models(plan)}
    assert after["Detector"] == {State.FROZEN: 1, State.GROUP: 1}
    assert after["Tracker"] == {State.GROUP: 1, State.STAYS: 1}


def test_what_migrate_refused_stays_as_it_is(repository: MakeRepository) -> None:
    plan = planned(repository, model=MODEL, train=TRAIN)
    (model,) = static_tree.models(plan, ["model.py", "train.py"])
    assert model.tree.after == model.tree.before


def test_wrappers_around_a_choice_of_models_are_none_themselves(repository: MakeRepository) -> None:
    wrapper = """\
from torch import nn
from model import Detector
from other import Tracker


class WithLoss(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model


class Parallel(nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module


Parallel(WithLoss(Detector()))
Parallel(Parallel(WithLoss(Tracker())))
"""
    other = MODEL.replace("Detector", "Tracker")
    plan = planned(repository, model=MODEL, other=other, wrapper=wrapper)
    assert [model.tree.name for model in static_tree.models(plan)] == ["Detector", "Tracker"]


def test_a_librarys_model_is_named_although_its_layers_are_not_known(
    repository: MakeRepository,
) -> None:
    text = MODEL.replace("Backbone()", "torchvision.models.resnet18(weights='DEFAULT')")
    lines = [
        line
        for model in static_tree.models(planned(repository, model=text))
        for line in shown(model.tree)
    ]
    assert (
        "  backbone torchvision.models.resnet18"
        " (a library's model: bn2gn verify counts its layers): nothing -> nothing"
    ) in lines


def test_layers_outside_of_the_models_are_not_lost(repository: MakeRepository) -> None:
    text = MODEL + "\n\ndef loose():\n    return nn.BatchNorm2d(4)\n"
    plan = planned(repository, model=text)
    *_, rest = static_tree.models(plan)
    assert rest.tree.name == "Outside of the models"
    assert [child.name for child in rest.tree.children] == ["model.py"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("        self.inner = Ring()\n", id="in itself"),
        pytest.param("        self.back = Back()\n", id="in a circle"),
    ],
)
def test_a_class_that_holds_itself_has_an_end(repository: MakeRepository, text: str) -> None:
    ring = f"""\
from torch import nn


class Ring(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(4)
{text}

class Back(nn.Module):
    def __init__(self):
        super().__init__()
        self.ring = Ring()
"""
    plan = planned(repository, ring=ring)
    keys = {key for model in static_tree.models(plan) for key in model.tree.leaves}
    assert keys == {site.place for site in plan.sites}


# ------------------------------------------------------------------ models that were built


def test_a_model_that_was_built_is_counted() -> None:
    (model,) = review.of_verification(VERIFICATION, "verify").models
    assert shown(model.tree) == [
        "lib.model:get_model(1) Detector: 4 TRAIN -> 1 FROZEN+1 GROUP+1 TRAIN+1 UNDECIDED",
        "  backbone Backbone: 2 TRAIN -> 1 FROZEN+1 TRAIN",
        "    bn1: 1 TRAIN -> 1 FROZEN",
        "    layer: 1 TRAIN -> 1 TRAIN",
        "      0: 1 TRAIN -> 1 TRAIN",
        "        bn1: 1 TRAIN -> 1 TRAIN",
        "  neck Neck: 2 TRAIN -> 1 GROUP+1 UNDECIDED",
        "    bn: 1 TRAIN -> 1 GROUP",
        "    odd: 1 TRAIN -> 1 UNDECIDED",
    ]


def test_the_words_of_a_layer_say_its_groups() -> None:
    (model,) = review.of_verification(VERIFICATION, "verify").models
    leaf = model.tree.leaves["neck.bn"]
    assert (leaf.was, leaf.is_, leaf.site) == (
        "BatchNorm2d(8)",
        "GroupNorm(4, 8)",
        ("lib/model.py", 2),
    )


def test_the_counts_are_those_of_the_json_report(capsys: pytest.CaptureFixture[str]) -> None:
    verification.json(VERIFICATION)
    (told,) = json.loads(capsys.readouterr().out)["models"]
    (model,) = review.of_verification(VERIFICATION, "verify").models
    for side, state in (("before", "was"), ("after", "is_")):
        counted: dict[str, dict[str, int]] = {}
        for child in model.tree.children:
            for leaf in child.leaves.values():
                kind = getattr(leaf, state).partition("(")[0]
                kinds = counted.setdefault(child.name, {})
                kinds[kind] = kinds.get(kind, 0) + 1
        assert counted == told[side]["norms"]


def test_a_running_model_is_what_it_ran_as() -> None:
    (model,) = review.of_run(RUN).models
    assert not model.is_compared
    assert {name: leaf.after for name, leaf in model.tree.leaves.items()} == {
        "backbone.bn1": State.FROZEN,
        "backbone.layer.0.bn1": State.TRAIN,
        "neck.bn": State.GROUP,
        "neck.odd": State.UNDECIDED,
    }


def test_a_migration_of_nothing_has_no_models() -> None:
    assert review.of_migration(Migration(Plan("/net")), "check").models == ()
