"""The forward modes of an MMEngine model, ``loss`` and ``predict``, on made-up samples."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import nn

from . import made_up_batch
from .forward import describe_error
from .pipeline import Packed

MODES = ("loss", "predict")


def passed(model: nn.Module, mode: str, packed: Packed | None) -> dict[str, Any]:
    """One pass with the metadata that the pipeline packs.

    ``needs`` names the metadata, beyond what every pipeline packs, without
    which it fails.
    """
    trial = _Trial(model, mode, packed.values if packed else {})
    given = list(made_up_batch.ALWAYS if packed is None else packed.keys)
    error, asked = trial.run(given)
    needs = trial.needed(given, asked, error) if error else []
    if not error and not set(given) <= set(made_up_batch.ALWAYS):
        fewest = [key for key in given if key in made_up_batch.ALWAYS]
        failure, asked = trial.run(fewest)
        if failure:
            needs = trial.needed(fewest, asked, failure)
    return {
        "mode": mode,
        "given": given,
        "error": error,
        "needs": needs,
        "unmade": packed.unmade if packed else [],
        "is_known": packed is not None,
    }


class _Trial:
    """Runs a model in one mode; ``values`` are metadata beyond those that can be made up."""

    def __init__(self, model: nn.Module, mode: str, values: dict[str, Any]) -> None:
        self._model = model
        self._mode = mode
        self._values = values

    def run(self, keys: list[str]) -> tuple[str, list[str]]:
        """The error, if any, and the metadata that were asked for in vain."""
        samples = made_up_batch.Samples(self._model, keys, self._values)
        return _try(self._model, self._mode, samples), samples.asked

    def needed(self, keys: list[str], asked: list[str], error: str) -> list[str]:
        """The fewest of the metadata ``asked`` for that make the pass work."""
        missing: list[str] = []
        for _ in range(4):  # what it asks for next shows only when it gets further
            found = [key for key in dict.fromkeys(asked) if key not in (*keys, *missing)]
            known = [key for key in found if made_up_batch.is_known(key, self._values)]
            if not known:  # nothing to try with: only what the error itself names is sure
                named = set(re.findall(r"\w+", error))
                return [key for key in found if key in named]
            missing += known
            error, asked = self.run([*keys, *missing])
            if not error:
                break
        else:
            return []
        for key in missing[:]:
            fewer = [other for other in missing if other != key]
            if not self.run([*keys, *fewer])[0]:
                missing = fewer
        return missing


def _try(model: Any, mode: str, samples: made_up_batch.Samples) -> str:
    from mmengine.logging import MessageHub

    hub = MessageHub.get_current_instance()
    for counter in ("iter", "epoch"):  # a Runner would have set them; some models ask for them
        hub.update_info(counter, 0)
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


def _assertion(error: BaseException) -> str:
    """The source of a bare ``assert``, which says more than its empty message."""
    if not isinstance(error, AssertionError) or str(error):
        return ""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    return f": {frames[-1].line}" if frames and frames[-1].line else ""
