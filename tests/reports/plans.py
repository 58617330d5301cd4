"""A plan made by hand, with one of everything that a report has to show."""

from __future__ import annotations

from pathlib import Path

from bn2gn_codemod.api import Survey
from bn2gn_codemod.plan import FileEdits, Finding, NormEdit, Place, Plan, Site, Skipped, Verdict
from bn2gn_codemod.selection import Selection
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository

NECK, DLA, BLOCKS = "lib/models/neck.py", "lib/models/dla.py", "lib/models/blocks.py"
BUILT_BY_DLA = ("built only by DLA, which is self.base of Net and loads weights from model_zoo",)


def site(path: str, line: int, layer: str, verdict: Verdict, *reasons: str) -> Site:
    class_, _, attribute = layer.rpartition(".")
    undecided = verdict in (Verdict.CONFLICT, Verdict.UNKNOWN)
    return Site(
        place=Place(path, line, 20),
        norm="BatchNorm2d",
        class_=class_,
        attribute=attribute,
        verdict=verdict,
        reasons=reasons,
        evidence=(f"{path}:{line} makes the layer", "lib/models/net.py:12 builds the class"),
        settles=(f'convert = ["{class_}"]', "# bn2gn: keep") if undecided else (),
    )


SITES = (
    site(BLOCKS, 7, "ConvBN.bn", Verdict.CONFLICT, "built by DLA", "built by Neck"),
    site(BLOCKS, 30, "Loose.bn", Verdict.UNKNOWN, "nothing builds Loose"),
    site(DLA, 14, "BasicBlock.bn1", Verdict.KEEP, *BUILT_BY_DLA),
    site(DLA, 18, "BasicBlock.bn2", Verdict.KEEP, *BUILT_BY_DLA),
    site(NECK, 9, "Neck.bn", Verdict.CONVERT, "no pretrained weights reach Neck"),
    site(NECK, 10, "Neck.odd", Verdict.CONVERT, "no pretrained weights reach Neck"),
)

PLAN = Plan(
    root="/home/someone/net",
    sites=SITES,
    findings=(
        Finding("BN102", SITES[0].place, "ConvBN.bn serves backbone and new layers"),
        Finding("BN103", SITES[1].place, "cannot tell whether Loose.bn is backbone"),
        Finding("BN101", SITES[4].place, "BatchNorm2d in new layer Neck.bn", fixable=True),
        Finding("BN106", SITES[4].place, "16 channels make 16 groups of one"),
        Finding("BN101", SITES[5].place, "BatchNorm2d in new layer Neck.odd: arguments unknown"),
        Finding("BN201", Place("train.py", 22, 5), "the optimizer is built first", fixable=True),
    ),
    skipped=(Skipped("lib/old.py", "line 3: invalid syntax"),),
    files=(FileEdits(NECK, norms=(NormEdit(SITES[4].place, "call", "BatchNorm2d"),)),),
)

CLEAN = Plan(root="/home/someone/net", sites=SITES[2:4])
EMPTY = Plan(root="/home/someone/net")


def surveyed(plan: Plan) -> Survey:
    """What the plan was made from, with no file kept."""
    root = Path(plan.root)
    return Survey(Repository(root, ()), Selection(root), Settings())
