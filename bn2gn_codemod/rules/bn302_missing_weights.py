"""BN302: a pretrained weights file does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.audit.configuration import is_foreign, is_remote
from bn2gn_codemod.audit.evidence import Diagnosis, Evidence, walk_values
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.survey.configs.values import Keys, dotted

_START = ("load_from", "resume_from")
_LISTED = 3


def weights(evidence: Evidence) -> Iterator[tuple[Keys, str]]:
    """The weights that the config names, with the keys that lead to them."""
    for key in _START:
        value = evidence.value(key)
        if isinstance(value, str) and value:
            yield (key,), value
    for keys, value in walk_values(evidence.value("model"), ("model",)):
        is_weights = keys[-1] == "pretrained" or keys[-2:] == ("init_cfg", "checkpoint")
        if is_weights and isinstance(value, str) and value:
            yield keys, value


def _diagnoses(evidence: Evidence) -> Iterator[Diagnosis]:
    for keys, path in weights(evidence):
        if is_remote(path) or (evidence.root / path).is_file():
            continue
        is_start = keys[0] in _START
        whose = "the weights to start from" if is_start else f"the weights of {dotted(keys[1:-2])}"
        lines = f"{keys[0]} = None  # start from init_cfg alone\n" if is_start else ""
        cause = f"there is no such file, seen from {evidence.root}"
        if is_foreign(path):
            cause = "it is a Windows path, and this machine runs something else"
        yield Diagnosis(
            code=RULE.code,
            severity="serious",
            what=f"{whose} do not exist: {dotted(keys)} = {path!r}",
            cause=cause,
            effect="training stops with FileNotFoundError, and without that line it starts "
            "without what these weights hold"
            if is_start
            else "building the model stops with an error before training",
            remedy=_remedy(evidence, is_start),
            lines=lines,
            place=evidence.place(*keys),
        )


def _remedy(evidence: Evidence, is_start: bool) -> str:
    there = sorted(
        path.relative_to(evidence.root).as_posix()
        for folder in ("work_dirs", "checkpoints", "weights")
        for path in (evidence.root / folder).rglob("*.pth")
    )
    remedy = "run the training that writes it, or name a file that exists"
    if there:
        more = f" and {len(there) - _LISTED} more" if len(there) > _LISTED else ""
        remedy += f" (there are {', '.join(there[:_LISTED])}{more})"
    if is_start:
        remedy += "; or start without it, knowingly"
    return remedy


RULE = Rule(
    code="BN302",
    summary="Pretrained weights file does not exist",
    what="""
A config names weights that are not there: `load_from`, `resume_from`,
`init_cfg=dict(type='Pretrained', checkpoint=...)` or `pretrained`. Relative
paths count from where training runs (`--workdir`). URLs and schemes such as
`torchvision://` are recognised and not fetched. Seen by `bn2gn audit`.
""",
    why="""
The second stage of a training rests on the first. Without its weights training
stops at once, or, when the line is taken out to get it going, starts from
ImageNet and learns something else.
""",
    instead="""
Run the stage that writes the file, or correct the path.
""",
    examples=(
        Example(
            path="configs/stage2.py",
            before="""
load_from = './work_dirs/stage1/epoch_latest.pth'  # stage 1 writes epoch_12.pth
""",
            after="""
load_from = './work_dirs/stage1/epoch_12.pth'
""",
        ),
    ),
    diagnoses=_diagnoses,
)
