"""BN303: a forward pass fails, or a data sample lacks metadata."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bn2gn_codemod.audit.evidence import Diagnosis, Evidence
from bn2gn_codemod.plan import Place
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.snapshot import ModePass
from bn2gn_codemod.wording import shapes_of

# As for an image that the pipeline did not resize.
_VALUES = {
    "ori_shape": "(height, width)",
    "img_shape": "(height, width)",
    "pad_shape": "(height, width)",
    "batch_input_shape": "(height, width)",
    "scale_factor": "(1.0, 1.0)",
    "flip": "False",
    "flip_direction": "None",
    "img_id": "0",
    "img_path": "''",
}

# The steps of OpenMMLab's libraries that make them.
_STEPS = {
    "scale_factor": "Resize",
    "flip": "RandomFlip",
    "flip_direction": "RandomFlip",
    "pad_shape": "Pad",
}


def _diagnoses(evidence: Evidence) -> Iterator[Diagnosis]:
    for mode in evidence.snapshot.modes:
        if mode.error and mode.needs:
            yield _lacks_metadata(evidence, mode)
        elif mode.error:
            yield _fails(mode)
        elif mode.needs:
            yield _asks_for_metadata(mode)
    for model in evidence.snapshot.models:
        for forward in model.forwards:
            if forward.error:
                yield _fails_on_input(forward.inputs, forward.error)


def _lacks_metadata(evidence: Evidence, mode: ModePass) -> Diagnosis:
    keys = ", ".join(mode.needs)
    unmade = [key for key in mode.needs if key in mode.unmade]
    cause = f"the data samples lack {keys}: "
    remedy = f"pack {keys} into every data sample"
    lines = f"# where data samples are made by hand\n{_set_metainfo(mode.needs)}"
    if not mode.is_known:
        cause += "the config has no pipeline that says what yours carry"
    elif unmade:
        cause += f"meta_keys names {', '.join(unmade)}, and no step of the pipeline makes it"
        steps = dict.fromkeys(_STEPS.get(key, f"one that makes {key}") for key in unmade)
        remedy = f"add the missing step to the pipeline: {', '.join(steps)}"
    else:
        cause += f"the pipeline packs only {', '.join(mode.given)}"
        meta_keys = tuple(dict.fromkeys((*mode.given, *mode.needs)))
        lines = f"# last step of the pipeline\nmeta_keys={meta_keys!r}\n\n{lines}"
    return Diagnosis(
        code=RULE.code,
        severity="serious" if mode.is_known else "warning",
        what=f"forward in mode {mode.mode!r} fails: {mode.error}",
        cause=cause,
        effect=_EFFECT.get(mode.mode, "this mode cannot be used"),
        remedy=remedy,
        lines=lines,
        place=_pipeline(evidence, mode.mode),
    )


def _fails(mode: ModePass) -> Diagnosis:
    return Diagnosis(
        code=RULE.code,
        severity="warning",
        what=f"forward in mode {mode.mode!r} fails: {mode.error}",
        cause="the model does not take the made-up images and boxes that it was given, "
        "or it is broken",
        effect=_EFFECT.get(mode.mode, "this mode cannot be used"),
        remedy="look at it with real data: bn2gn audit --run -- <your training command>",
    )


def _asks_for_metadata(mode: ModePass) -> Diagnosis:
    keys = ", ".join(mode.needs)
    return Diagnosis(
        code=RULE.code,
        severity="advice",
        what=f"forward in mode {mode.mode!r} needs {keys} in every data sample",
        cause="the model asserts it or reads it",
        effect="the pipeline of this config packs it; a sample made by hand fails without it",
        remedy="set it where samples are made by hand",
        lines=_set_metainfo(mode.needs),
    )


def _fails_on_input(shapes: Sequence[Sequence[int]], error: str) -> Diagnosis:
    return Diagnosis(
        code=RULE.code,
        severity="serious",
        what=f"forward on an input of {shapes_of(shapes)} fails: {error}",
        cause="the model raised it",
        effect="this input cannot be predicted",
        remedy="mend the model, or name the shape that it takes with --input",
    )


_EFFECT = {
    "predict": "validation and inference stop with this error",
    "loss": "training stops with this error",
}


def _set_metainfo(keys: Sequence[str]) -> str:
    entries = "".join(f"    {key!r}: {_VALUES.get(key, '...')},\n" for key in keys)
    return f"data_sample.set_metainfo({{\n{entries}}})\n"


def _pipeline(evidence: Evidence, mode: str) -> Place | None:
    loaders = ["test_dataloader", "val_dataloader", "train_dataloader"]
    for loader in reversed(loaders) if mode == "loss" else loaders:
        steps = evidence.value(loader, "dataset", "pipeline")
        if isinstance(steps, list) and steps:
            keys = (loader, "dataset", "pipeline")
            return evidence.place(*keys, len(steps) - 1) or evidence.place(*keys)
    return None


RULE = Rule(
    code="BN303",
    summary="Forward pass fails, or a data sample lacks metadata",
    what="""
The model of a config is run in the modes `loss` and `predict` on made-up images
whose data samples carry what the config's own pipeline makes and packs (the one
for training, or for testing). When a pass fails and would work with further
metadata (`scale_factor`, ...), the missing keys are named. Seen by `bn2gn audit`.

| what is seen | severity |
| --- | --- |
| it fails, because the config's own samples lack metadata | serious |
| it fails, and there is no pipeline that says what your samples carry | warning |
| it fails for another reason: the made-up image, or the model | warning |
| it runs, with metadata that a sample made by hand may lack | advice |

The pipeline is run on a made-up image; where it wants data of its own kind, the
`meta_keys` of its last step count. So a key counts as lacking when `meta_keys`
does not name it, or names it and no step makes it (`scale_factor` comes from a
resizing step). With the test pipelines of MMDetection's own configs nothing is
lacking, and the finding is advice.
""",
    why="""
Training never predicts until its first validation: a missing key shows after a
whole epoch, or only at inference.
""",
    instead="""
Add the keys to `meta_keys` of the pipeline's last step, and to `set_metainfo`
wherever samples are made by hand. The report prints the lines.
""",
    examples=(
        Example(
            path="configs/stage2.py",
            before="""
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(640, 512), keep_ratio=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'img_shape')),
]
""",
            after="""
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(640, 512), keep_ratio=True),
    dict(type='PackDetInputs', meta_keys=(
        'img_id', 'img_path', 'img_shape', 'ori_shape', 'scale_factor')),
]
""",
        ),
    ),
    diagnoses=_diagnoses,
)
