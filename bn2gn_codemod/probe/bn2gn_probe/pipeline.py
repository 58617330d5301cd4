"""What a config's own pipelines put into data samples, as far as it can be told without data."""

from __future__ import annotations

import os
import tempfile
from typing import Any, NamedTuple

from . import made_up_batch

# In the order in which their pipelines are asked.
_LOADERS = {
    "loss": ("train_dataloader", "val_dataloader", "test_dataloader"),
    "predict": ("test_dataloader", "val_dataloader", "train_dataloader"),
}
# These come from the steps of a pipeline. Anything else a dataset may bring along.
_BY_STEPS = (
    "ori_shape",
    "img_shape",
    "pad_shape",
    "scale_factor",
    "flip",
    "flip_direction",
)


class Packed(NamedTuple):
    """The metadata that the last step of a pipeline packs.

    ``unmade`` are those that it names and no step makes; ``values`` what the
    pipeline gave for an image that was made up, when it could be run on it.
    """

    keys: list[str]
    unmade: list[str]
    values: dict[str, Any]


def packed(cfg: Any, mode: str) -> Packed | None:
    """What data samples carry in a mode; ``None``: cannot tell."""
    pipeline = next(filter(None, (_pipeline(cfg, name) for name in _LOADERS[mode])), None)
    if pipeline is None:
        return None
    declared = _meta_keys(pipeline[-1])
    made = _made(pipeline)
    if made is None:
        return None if declared is None else Packed(declared, [], {})
    unmade = [key for key in declared or () if key in _BY_STEPS and key not in made]
    keys = [key for key in dict.fromkeys((*(declared or ()), *made)) if key not in unmade]
    return Packed(keys, unmade, made)


def _pipeline(cfg: Any, loader: str) -> Any:
    dataset = (cfg.get(loader) or {}).get("dataset")
    while isinstance(dataset, dict) and "pipeline" not in dataset and "dataset" in dataset:
        dataset = dataset["dataset"]
    return dataset.get("pipeline") if isinstance(dataset, dict) else None


def _meta_keys(transform: Any) -> list[str] | None:
    keys = transform.get("meta_keys") if isinstance(transform, dict) else None
    if keys is None and isinstance(transform, dict):
        import inspect

        from mmengine.registry import TRANSFORMS

        kind = transform.get("type")
        cls = TRANSFORMS.get(kind) if isinstance(kind, str) else kind
        parameters = inspect.signature(cls).parameters if cls is not None else {}
        default = parameters["meta_keys"].default if "meta_keys" in parameters else None
        keys = default if isinstance(default, (list, tuple)) else None
    return None if keys is None else [str(key) for key in keys]


def _made(pipeline: Any) -> dict[str, Any] | None:
    """The metadata of one made-up image that went through; ``None`` if it did not."""
    from mmengine.dataset import Compose

    with tempfile.TemporaryDirectory(prefix="bn2gn-") as folder:
        try:
            sample = Compose(pipeline)(_record(folder))["data_samples"]
            return dict(sample.metainfo)
        except Exception:  # it wants a dataset, or records of a kind of its own
            return None


def _record(folder: str) -> dict[str, Any]:
    """What a dataset says of one image, in the words of the libraries on MMEngine."""
    import numpy

    height, width = made_up_batch.SIZE
    image = os.path.join(folder, "made_up.ppm")
    with open(image, "wb") as file:
        file.write(b"P6 %d %d 255\n" % (width, height) + bytes(3 * height * width))
    labels = os.path.join(folder, "made_up.pgm")
    with open(labels, "wb") as file:
        file.write(b"P5 %d %d 255\n" % (width, height) + bytes(height * width))
    left, top, right, bottom = made_up_batch.BOX
    outline = [left, top, right, top, right, bottom, left, bottom]
    box = {"bbox": list(made_up_batch.BOX), "bbox_label": 0, "ignore_flag": 0, "mask": [outline]}
    return {
        "img": numpy.zeros((height, width, 3), dtype=numpy.uint8),
        "img_path": image,
        "img_id": 0,
        "sample_idx": 0,
        "height": height,
        "width": width,
        "instances": [box],
        "gt_label": 0,
        "seg_map_path": labels,
        "label_map": None,
        "reduce_zero_label": False,
        "seg_fields": [],
    }
