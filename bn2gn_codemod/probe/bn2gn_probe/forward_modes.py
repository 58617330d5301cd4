"""The forward modes of an MMEngine model, ``loss`` and ``predict``, on made-up samples."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from . import made_up_batch
from .forward import describe_error

MODES = ("loss", "predict")


def passed(model: nn.Module, mode: str, packed: list[str] | None) -> dict[str, Any]:
    """One pass with the metadata that the pipeline packs.

    ``needs`` names the metadata, beyond what every pipeline packs, without
    which it fails.
    """
    given = list(made_up_batch.ALWAYS if packed is None else packed)
    samples = made_up_batch.Samples(model, given)
    error = _try(model, mode, samples)
    needs = _needed(model, mode, given, samples.asked) if error else []
    if not error and not set(given) <= set(made_up_batch.ALWAYS):
        fewest = [key for key in given if key in made_up_batch.ALWAYS]
        samples = made_up_batch.Samples(model, fewest)
        if _try(model, mode, samples):
            needs = _needed(model, mode, fewest, samples.asked)
    return {"mode": mode, "given": given, "error": error, "needs": needs}


def _try(model: Any, mode: str, samples: made_up_batch.Samples) -> str:
    buffers = {name: value.detach().clone() for name, value in model.named_buffers()}
    was_training = model.training
    model.train(mode == "loss")
    try:
        with torch.no_grad():
            data = model.data_preprocessor(
                samples.batch(2 if mode == "loss" else 1), mode == "loss"
            )
            if isinstance(data["inputs"], (list, tuple)):
                data["inputs"] = torch.stack([image.float() for image in data["inputs"]])
            model(**data, mode=mode)
    except Exception as error:  # whatever the model raises is the result
        return describe_error(error) + _assertion(error)
    finally:
        model.train(was_training)
        for name, value in model.named_buffers():
            if name in buffers and value.shape == buffers[name].shape:
                value.detach().copy_(buffers[name])
    return ""


def _needed(model: nn.Module, mode: str, keys: list[str], asked: list[str]) -> list[str]:
    """The fewest of the metadata ``asked`` for that make the pass work."""
    missing: list[str] = []
    for _ in range(4):  # what it asks for next shows only when it gets further
        found = [key for key in dict.fromkeys(asked) if key not in (*keys, *missing)]
        found = [key for key in found if _has_value(key)]
        if not found:
            return []
        missing += found
        samples = made_up_batch.Samples(model, [*keys, *missing])
        asked = samples.asked
        if not _try(model, mode, samples):
            break
    else:
        return []
    for key in missing[:]:
        fewer = [other for other in missing if other != key]
        if not _try(model, mode, made_up_batch.Samples(model, [*keys, *fewer])):
            missing = fewer
    return missing


def _has_value(key: str) -> bool:
    try:
        made_up_batch.value_of(key)
    except KeyError:
        return False
    return True


def _assertion(error: BaseException) -> str:
    """The source of a bare ``assert``, which says more than its empty message."""
    if not isinstance(error, AssertionError) or str(error):
        return ""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    return f": {frames[-1].line}" if frames and frames[-1].line else ""
