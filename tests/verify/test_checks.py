"""Each check on snapshots made by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import pytest

from bn2gn_codemod.plan import Finding, Place, Plan, Site, Verdict
from bn2gn_codemod.probing import Outcome
from bn2gn_codemod.snapshot import (
    Forward,
    Frame,
    Freeze,
    ImportedModule,
    Load,
    ModelSnapshot,
    Module,
    Norm,
    NormState,
    Output,
    Parameter,
    Snapshot,
    StateEntry,
    Statistics,
    Step,
    Stub,
    from_json,
)
from bn2gn_codemod.verify.checks import (
    build,
    forward,
    freeze,
    guard,
    imports,
    norms,
    old_checkpoint,
    remaining,
    state_dict,
    training_step,
)
from bn2gn_codemod.verify.comparison import Comparison, verdicts

BN, GN = "BatchNorm2d", "GroupNorm"
VERDICTS = {"neck.bn": Verdict.CONVERT, "backbone.bn1": Verdict.KEEP}


def layer(
    name: str, kind: str, statistics: Statistics = "trained", lines: Iterable[int] = ()
) -> Module:
    is_bn = "BatchNorm" in kind
    norm = Norm(
        kind,
        8,
        groups=None if is_bn else 8,
        track_running_stats=is_bn,
        statistics=statistics if is_bn else "",
    )
    origin = tuple(Frame("lib/model.py", line, "__init__") for line in lines)
    return Module(name, f"torch.nn.{kind}", training=True, norm=norm, origin=origin)


def model(neck: str, backbone: str = BN, **more: Any) -> ModelSnapshot:
    """A model of one new layer and one backbone layer, of these kinds."""
    layers = (layer("neck.bn", neck), layer("backbone.bn1", backbone))
    keys = []
    for module in layers:
        assert module.norm is not None
        names = ["weight", "bias"]
        names += ["running_mean", "running_var"] if module.norm.is_batch_norm else []
        keys += [StateEntry(f"{module.name}.{n}", (8,), "float32", "buffer") for n in names]
    values: dict[str, Any] = {"modules": layers, "state": tuple(keys), **more}
    return ModelSnapshot("lib.model:get_model", **values)


def compared(after: ModelSnapshot, before: ModelSnapshot | None = None) -> Comparison:
    return Comparison(after, before, VERDICTS)


BEFORE = model(BN)
AFTER = model(GN)


# ------------------------------------------------------------------ verdicts


def site(line: int, verdict: Verdict, column: int = 1) -> Site:
    return Site(Place("lib/model.py", line, column), BN, "Net", "bn", verdict, ("because",))


@pytest.mark.parametrize(
    ("sites", "lines", "expected"),
    [
        ([site(7, Verdict.CONVERT)], [7, 30], Verdict.CONVERT),
        ([site(7, Verdict.CONVERT), site(30, Verdict.KEEP)], [7, 30], Verdict.CONVERT),
        ([site(30, Verdict.KEEP)], [7, 30], Verdict.KEEP),  # made by a helper
        ([site(7, Verdict.KEEP, 1), site(7, Verdict.KEEP, 40)], [7], Verdict.KEEP),
        ([site(7, Verdict.KEEP, 1), site(7, Verdict.CONVERT, 40)], [7], Verdict.UNKNOWN),
        ([site(8, Verdict.KEEP)._replace(attribute="other")], [7, 30], None),
        ([], [], None),
    ],
)
def test_layer_has_the_verdict_of_the_innermost_line(
    sites: list[Site], lines: list[int], expected: Verdict | None
) -> None:
    snapshot = ModelSnapshot("f", modules=(layer("neck.bn", BN, lines=lines),))
    assert verdicts(snapshot, Plan("", tuple(sites))).get("neck.bn") is expected


@pytest.mark.parametrize(
    ("sites", "expected"),
    [
        ([site(3, Verdict.CONVERT)], Verdict.CONVERT),
        ([site(3, Verdict.CONVERT), site(4, Verdict.KEEP)], Verdict.UNKNOWN),
        ([site(3, Verdict.CONVERT)._replace(attribute="b*")], Verdict.CONVERT),
        ([site(3, Verdict.CONVERT)._replace(attribute="norm")], None),
        ([site(3, Verdict.CONVERT)._replace(attribute="")], None),
        ([site(3, Verdict.KEEP)._replace(place=Place("other.py", 3))], None),
    ],
)
def test_layer_whose_class_was_named_elsewhere(sites: list[Site], expected: Verdict | None) -> None:
    snapshot = ModelSnapshot("f", modules=(layer("neck.bn.0", BN, lines=[70]),))
    assert verdicts(snapshot, Plan("", tuple(sites))).get("neck.bn.0") is expected


# ------------------------------------------------------------------ norms, state dict


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (AFTER, ""),
        (model(BN), "still not GroupNorm: neck.bn (BatchNorm2d)"),
        (model("InstanceNorm2d"), "still not GroupNorm: neck.bn (InstanceNorm2d)"),
        (model(GN, GN), "no longer BatchNorm: backbone.bn1 (GroupNorm)"),
        (model(GN, "SyncBatchNorm"), ""),
    ],
)
def test_norms(after: ModelSnapshot, says: str) -> None:
    result = norms.check(compared(after, BEFORE))
    assert result.passed is not bool(says)
    assert says in result.detail


@pytest.mark.parametrize(
    ("modules", "says"),
    [
        ((layer("neck.bn", GN),), "no longer there: backbone.bn1"),
        ((*AFTER.modules, layer("extra", GN)), "not there before: extra"),
    ],
)
def test_norms_elsewhere(modules: tuple[Module, ...], says: str) -> None:
    result = norms.check(compared(dataclasses.replace(AFTER, modules=modules), BEFORE))
    assert not result.passed
    assert says in result.detail


def test_norms_without_anything_to_compare_with() -> None:
    assert not norms.check(compared(BEFORE)).passed
    kept = dataclasses.replace(compared(AFTER), verdicts={"backbone.bn1": Verdict.KEEP})
    assert norms.check(kept).passed


def without(model: ModelSnapshot, key: str) -> ModelSnapshot:
    return dataclasses.replace(model, state=tuple(e for e in model.state if e.key != key))


def reshaped(model: ModelSnapshot, key: str) -> ModelSnapshot:
    state = (dataclasses.replace(e, shape=(9,)) if e.key == key else e for e in model.state)
    return dataclasses.replace(model, state=tuple(state))


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (AFTER, ""),
        (without(AFTER, "neck.bn.weight"), "lost: neck.bn.weight"),
        (without(AFTER, "backbone.bn1.running_var"), "lost: backbone.bn1.running_var"),
        (BEFORE, "still there: neck.bn.running_mean, neck.bn.running_var"),
        (reshaped(AFTER, "neck.bn.bias"), "other shape: neck.bn.bias"),
    ],
)
def test_state_dict(after: ModelSnapshot, says: str) -> None:
    result = state_dict.check(compared(after, BEFORE))
    assert result is not None
    assert result.passed is not bool(says)
    assert says in result.detail


# ------------------------------------------------------------------ freeze, guard


def states(neck: bool, backbone: bool) -> tuple[NormState, ...]:
    """``True`` is a layer that trains."""
    return (
        NormState("neck.bn", neck, neck),
        NormState("backbone.bn1", backbone, backbone),
    )


FROZEN, THAWED = states(True, False), states(True, True)
HALF = (NormState("backbone.bn1", training=False, requires_grad=True),)


@pytest.mark.parametrize(
    ("done", "says"),
    [
        (Freeze("train.py:f", returned=1, states=FROZEN), ""),
        (Freeze("train.py:f", returned=None, states=FROZEN), ""),
        (Freeze("train.py:f", returned=2, states=FROZEN), "returns 2, but 1 BatchNorm"),
        (Freeze("train.py:f", returned=0, states=THAWED), "does not freeze backbone.bn1"),
        (Freeze("train.py:f", returned=1, states=HALF), "does not freeze backbone.bn1"),
        (Freeze("train.py:f", error="NameError: nn"), "NameError: nn"),
    ],
)
def test_freeze(done: Freeze, says: str) -> None:
    right = Freeze("other.py:f", returned=1, states=FROZEN)
    result = freeze.check(compared(dataclasses.replace(AFTER, freezes=(right, done))))
    assert result is not None
    assert result.passed is not bool(says)
    assert says in result.detail


@pytest.mark.parametrize(
    ("after_train", "passes"), [(FROZEN, True), (THAWED, False), (HALF, False)]
)
def test_guard(after_train: tuple[NormState, ...], passes: bool) -> None:
    done = Freeze("train.py:f", states=FROZEN, after_train=after_train)
    result = guard.check(compared(dataclasses.replace(AFTER, freezes=(done,))))
    assert result is not None
    assert result.passed is passes


@pytest.mark.parametrize("check", [freeze.check, guard.check])
def test_model_that_no_script_freezes_is_not_checked_for_it(check: Any) -> None:
    assert check(compared(AFTER, BEFORE)) is None


# ------------------------------------------------------------------ forward, training step

LEAF = Output("['hm']", "float32", (1, 2, 4, 4))


def ran(*outputs: Output, **more: Any) -> tuple[Forward, ...]:
    return (Forward(1, ((1, 3, 16, 16),), outputs=outputs, ran=("neck.bn",), **more),)


@pytest.mark.parametrize(
    ("now", "was", "says"),
    [
        (ran(LEAF), ran(LEAF), ""),
        ((), (), "takes none of the inputs that were tried"),
        (ran(error="ValueError: x"), ran(LEAF), "ValueError: x"),
        (ran(error="E"), ran(error="E"), "E (and before, too)"),
        (ran(LEAF), ran(error="E"), "cannot be compared; before: E"),
        (ran(dataclasses.replace(LEAF, finite=False)), ran(LEAF), "not finite: ['hm']"),
        (
            ran(dataclasses.replace(LEAF, shape=(1, 3, 4, 4))),
            ran(LEAF),
            "['hm'] was float32 1x2x4x4, is float32 1x3x4x4",
        ),
        (ran(), ran(LEAF), "['hm'] was float32 1x2x4x4, is not there"),
        (ran(LEAF), ran(), "['hm'] was not there, is float32"),
        (ran(LEAF, dead=("neck.bn",)), ran(LEAF), "constant output"),
    ],
)
def test_forward(now: tuple[Forward, ...], was: tuple[Forward, ...], says: str) -> None:
    after = dataclasses.replace(AFTER, forwards=now)
    result = forward.check(compared(after, dataclasses.replace(BEFORE, forwards=was)))
    assert result.passed is not bool(says)
    assert says in result.detail


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (Step(frozen=2, changed=("neck.bn.weight",)), ""),
        (Step(changed=("neck.bn.weight",), without_gradient=("hm.weight",)), ""),
        (Step(error="RuntimeError: x"), "RuntimeError: x"),
        (
            Step(changed=("neck.bn.weight",), frozen_changed=("backbone.bn1.running_mean",)),
            "frozen, yet changed: backbone.bn1.running_mean",
        ),
        (
            Step(changed=("neck.bn.weight",), unchanged=("neck.bn.bias",)),
            "with a gradient that did not change: neck.bn.bias",
        ),
        (Step(changed=("hm.weight",), without_gradient=("neck.bn.weight",)), "no new layer"),
    ],
)
def test_training_step(step: Step, says: str) -> None:
    after = dataclasses.replace(AFTER, step=step, forwards=ran(LEAF))
    result = training_step.check(compared(after))
    assert result is not None
    assert result.passed is not bool(says)
    assert says in result.detail


# ------------------------------------------------------------------ build, checkpoint, whole runs


@pytest.mark.parametrize(
    ("now", "was", "says"),
    [
        ("", "", ""),
        ("TypeError: x", "", "TypeError: x"),
        ("TypeError: x", "TypeError: x", "(and before, too)"),
        ("", "TypeError: x", "cannot be compared; before: TypeError: x"),
    ],
)
def test_build(now: str, was: str, says: str) -> None:
    after, before = (dataclasses.replace(AFTER, error=error) for error in (now, was))
    result = build.check(compared(after, before))
    assert result.passed is not bool(says)
    assert says in result.detail


@pytest.mark.parametrize(
    ("load", "passes", "says"),
    [
        (Load(unexpected=("neck.bn.running_mean",)), True, "skipped: neck.bn.running_mean"),
        (Load(), True, "nothing skipped"),
        (Load(missing=("hm.weight",)), False, "not in the checkpoint: hm.weight"),
        (Load(error="UnpicklingError: x"), False, "UnpicklingError: x"),
    ],
)
def test_old_checkpoint(load: Load, passes: bool, says: str) -> None:
    result = old_checkpoint.check(compared(dataclasses.replace(AFTER, load=load)))
    assert result is not None
    assert result.passed is passes
    assert says in result.detail


def outcome(error: str = "", stub: str = "_ext", failure: str = "") -> Outcome:
    return Outcome(
        Snapshot(
            imports=(ImportedModule("train.py", error), ImportedModule("lib/model.py")),
            stubs=(Stub(stub, "inert"),),
        ),
        failure,
    )


@pytest.mark.parametrize(
    ("now", "then", "says"),
    [
        (outcome(), outcome(), ""),
        (outcome(), None, ""),
        (outcome("SystemExit: 2"), outcome("SystemExit: 2"), ""),
        (outcome("SystemExit: 2"), outcome("SystemExit: 1"), "train.py cannot be imported"),
        (outcome("SystemExit: 2"), None, "train.py cannot be imported: SystemExit: 2"),
        (outcome(stub="torchh"), outcome(), "not to be found: torchh"),
        (outcome(failure="stopped after 3 s"), outcome(), "stopped after 3 s"),
        (outcome(), outcome(failure="stopped"), "before the migration: stopped"),
    ],
)
def test_imports(now: Outcome, then: Outcome | None, says: str) -> None:
    result = imports.check(now, then)
    assert result.passed is not bool(says)
    assert says in result.detail


@pytest.mark.parametrize(
    ("code", "fixable", "within", "passes"),
    [
        ("BN101", True, None, False),
        ("BN101", False, None, True),
        ("BN101", True, frozenset({"train.py"}), False),
        ("BN101", True, frozenset({"other.py"}), True),
        # A thawed backbone fails, whether or not migrate can mend it.
        ("BN201", False, None, False),
        ("BN202", False, frozenset({"other.py"}), True),
    ],
)
def test_remaining(code: str, fixable: bool, within: frozenset[str] | None, passes: bool) -> None:
    finding = Finding(code, Place("train.py", 3), "what was found", fixable)
    result = remaining.check(Plan("", findings=(finding,)), within)
    assert result.passed is passes
    assert passes or f"train.py:3:1: {code} what was found" in result.detail


# ------------------------------------------------------------------ snapshots from JSON


def test_snapshot_from_json() -> None:
    sent = {
        "factory": "m:f",
        "modules": [
            {
                "name": "bn",
                "class_": "torch.nn.BatchNorm2d",
                "training": True,
                "norm": {"kind": BN, "channels": 8, "groups": None},
                "origin": [{"path": "a.py", "line": 3, "function": "__init__"}],
            },
            {"name": "", "class_": "m.Net", "training": False},
        ],
        "parameters": [
            {"name": "w", "shape": [2, 3], "dtype": "float32", "requires_grad": True, "value": None}
        ],
        "step": None,
    }
    assert from_json(ModelSnapshot, sent) == ModelSnapshot(
        "m:f",
        modules=(
            Module(
                "bn",
                "torch.nn.BatchNorm2d",
                True,
                Norm(BN, 8),
                (Frame("a.py", 3, "__init__"),),
            ),
            Module("", "m.Net", False),
        ),
        parameters=(Parameter("w", (2, 3), "float32", True),),
    )
    assert Parameter("w", (2, 3), "float32", True).numel == 6
    with pytest.raises(ValueError, match="Norm has no color"):
        from_json(Norm, {"kind": BN, "channels": 8, "color": 1})
