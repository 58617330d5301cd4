"""BN303: a forward pass fails, or a data sample lacks metadata."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bn2gn_codemod.audit.evidence import Diagnosis, Evidence
from bn2gn_codemod.plan import Place
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.snapshot import ModePass

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
    config = evidence.snapshot.config
    packed = config.packed if config else None
    keys = ", ".join(mode.needs)
    cause = f"the data samples lack {keys}"
    if packed is not None:
        cause += f": the pipeline packs only {', '.join(packed)}"
    keys_of_pipeline = tuple(dict.fromkeys((*(packed or mode.given), *mode.needs)))
    lines = f"# where data samples are made by hand\n{_set_metainfo(mode.needs)}"
    if packed is not None:
        lines = f"# last step of the pipeline\nmeta_keys={keys_of_pipeline!r}\n\n{lines}"
    return Diagnosis(
        code=RULE.code,
        severity="serious",
        what=f"forward in mode {mode.mode!r} fails: {mode.error}",
        cause=cause,
        effect=_EFFECT.get(mode.mode, "this mode cannot be used"),
        remedy=f"pack {keys} into every data sample",
        lines=lines,
        place=_pipeline(evidence),
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
    inputs = " and ".join("x".join(map(str, shape)) for shape in shapes)
    return Diagnosis(
        code=RULE.code,
        severity="serious",
        what=f"forward on an input of {inputs} fails: {error}",
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


def _pipeline(evidence: Evidence) -> Place | None:
    for loader in ("test_dataloader", "val_dataloader", "train_dataloader"):
        place = evidence.place(loader, "dataset", "pipeline")
        if place:
            return place
    return None


RULE = Rule(
    code="BN303",
    summary="Forward pass fails, or a data sample lacks metadata",
    what="""
The model of a config is run in the modes `loss` and `predict` on made-up images
whose data samples carry what the config's pipeline packs. When a pass fails and
would work with further metadata (`scale_factor`, ...), the missing keys are
named. Seen by `bn2gn audit`.
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
