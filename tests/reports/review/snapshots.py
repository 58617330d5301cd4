"""A detector that was built before and after its migration, as a probe would have sent it."""

from __future__ import annotations

from pathlib import Path

from bn2gn_codemod.migration import Change
from bn2gn_codemod.plan import Place, Plan, Site, Verdict
from bn2gn_codemod.snapshot import (
    Frame,
    Freeze,
    LiveRun,
    ModelSnapshot,
    Module,
    Norm,
    NormRun,
    NormState,
    Parameter,
)
from bn2gn_codemod.verify import Verification, Verified, VerifiedProcess, VerifiedRun
from bn2gn_codemod.verify.comparison import Check, Comparison, verdicts

PATH = "lib/model.py"
BEFORE = b"class Neck:\n    bn = BatchNorm2d(8)\n    odd = BatchNorm2d(8)\n"
AFTER = b"class Neck:\n    bn = get_group_norm(8)\n    odd = BatchNorm2d(8)\n"


def site(line: int, attribute: str, verdict: Verdict) -> Site:
    place = Place(PATH, line, 10)
    return Site(place, "BatchNorm2d", "Neck", attribute, verdict, (f"because of {attribute}",))


PLAN = Plan(
    "/tmp/before",
    sites=(
        site(2, "bn", Verdict.CONVERT),
        site(3, "odd", Verdict.UNKNOWN),
        site(9, "bn1", Verdict.KEEP),
    ),
)


def layer(name: str, line: int, groups: int | None = None) -> Module:
    kind = "BatchNorm2d" if groups is None else "GroupNorm"
    norm = Norm(kind, 8, groups, track_running_stats=groups is None)
    return Module(name, f"torch.nn.{kind}", True, norm, (Frame(PATH, line, "__init__"),))


def modules(groups: int | None) -> tuple[Module, ...]:
    return (
        Module("", "lib.model.Detector", True),
        Module("backbone", "lib.model.Backbone", True),
        layer("backbone.bn1", 9),
        layer("backbone.layer.0.bn1", 9),
        Module("neck", "lib.model.Neck", True),
        layer("neck.bn", 2, groups),
        layer("neck.odd", 3),
    )


PARAMETERS = tuple(
    Parameter(f"{module.name}.weight", (8,), "float32", True)
    for module in modules(None)
    if module.norm is not None
)
FROZEN = Freeze(
    "train.py:freeze_backbone_bn",
    states=(),
    after_train=(
        NormState("backbone.bn1", training=False, requires_grad=False),
        NormState("backbone.layer.0.bn1", training=True, requires_grad=False),
        NormState("neck.odd", training=True, requires_grad=True),
    ),
)
WAS = ModelSnapshot(
    "lib.model:get_model", "1", class_="lib.model.Detector", path=PATH,
    modules=modules(None), parameters=PARAMETERS,
)  # fmt: skip
IS = ModelSnapshot(
    "lib.model:get_model", "1", class_="lib.model.Detector", path=PATH,
    modules=modules(4), parameters=PARAMETERS, freezes=(FROZEN,),
)  # fmt: skip
COMPARISON = Comparison(IS, WAS, verdicts(WAS, PLAN))
VERIFICATION = Verification(
    root=Path("/home/someone/net"),
    compared="HEAD",
    models=(Verified(COMPARISON, (Check("build", True, "lib.model.Detector"),)),),
    checks=(Check("imports", False, "1 file cannot be imported"),),
    stubs=("ops.deform (deformable convolution)",),
    skipped_weights=("http://localhost:9/backbone.pth",),
    plan=PLAN,
    before=PLAN,
    changes=(Change(PATH, BEFORE, AFTER),),
)
RUN = VerifiedRun(
    Path("/home/someone/net"),
    PLAN,
    (
        VerifiedProcess(
            LiveRun(
                7,
                ("train.py", "--epochs=1"),
                1,
                ModelSnapshot(
                    "",
                    modules=modules(4),
                    parameters=tuple(p for p in PARAMETERS if "backbone" not in p.name),
                ),
                norms=(
                    NormRun("backbone.bn1", train=0, eval=2),
                    NormRun("backbone.layer.0.bn1", train=1, eval=1),
                    NormRun("neck.bn", train=2, eval=0),
                    NormRun("neck.odd", train=2, eval=0),
                ),
            ),
            (Check("optimizer", True, "SGD"),),
        ),
    ),
)
