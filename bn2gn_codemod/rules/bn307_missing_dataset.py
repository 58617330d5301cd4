"""BN307: a dataset path of a config does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.audit.configuration import DatasetPath, dataset_paths
from bn2gn_codemod.audit.evidence import Diagnosis, Evidence
from bn2gn_codemod.rules import Example, Rule


def _diagnoses(evidence: Evidence) -> Iterator[Diagnosis]:
    wrong: dict[str, list[DatasetPath]] = {}
    lost: list[str] = []
    for path in dataset_paths(evidence):
        if path.state not in ("missing", "foreign"):
            continue
        if any(path.path != root and path.path.startswith(_folder(root)) for root in lost):
            continue  # nothing can be below a root that is not there
        wrong.setdefault(path.path, []).append(path)
        if path.key == "data_root":
            lost.append(path.path)
    for text, uses in wrong.items():
        yield _of_path(evidence, text, uses)


def _folder(path: str) -> str:
    return path.rstrip("/") + "/"


def _of_path(evidence: Evidence, text: str, uses: list[DatasetPath]) -> Diagnosis:
    loaders = ", ".join(dict.fromkeys(use.loader.partition("_")[0] for use in uses))
    foreign = uses[0].state == "foreign"
    cause = f"there is no such path, seen from {evidence.root}"
    if foreign:
        cause = "it is a Windows path, and this machine runs something else"
    return Diagnosis(
        code=RULE.code,
        # Elsewhere it may be right; a path of this system cannot be.
        severity="warning" if foreign else "serious",
        what=f"{uses[0].key} of {loaders} does not exist: {text!r}",
        cause=cause,
        effect="training on this machine stops when it opens the data",
        remedy="correct the path, or audit on the machine that trains"
        if foreign
        else "correct the path, or put the data there",
        place=evidence.place(*uses[0].keys),
    )


RULE = Rule(
    code="BN307",
    summary="Dataset path of a config does not exist",
    what="""
`data_root`, `ann_file` or a prefix of a data loader names something that is not
there, seen from where training runs; Windows paths on other systems included.
Remote paths are not looked at. Seen by `bn2gn audit`.
""",
    why="""
The run dies when it opens its data, often after minutes in a queue; a wrong
validation path only after the first epoch.
""",
    instead="""
Correct the path, or audit on the machine that trains.
""",
    examples=(
        Example(
            path="configs/stage2.py",
            before="""
train_dataloader = dict(
    dataset=dict(
        data_root='C:/clips/',
        ann_file='annotations/train.json'))
""",
            after="""
train_dataloader = dict(
    dataset=dict(
        data_root='data/clips/',
        ann_file='annotations/train.json'))
""",
        ),
    ),
    diagnoses=_diagnoses,
)
