"""Made-up images with data samples, as the libraries on MMEngine take them."""

from __future__ import annotations

import importlib
from typing import Any, Iterable, Mapping

import torch
from torch import nn

SIZE = (96, 128)  # height, width: enough for a pyramid of strides up to 64
BOX = (24.0, 16.0, 72.0, 88.0)  # left, top, right, bottom
_CLASSES = {
    "mmdet": "DetDataSample",
    "mmdet3d": "Det3DDataSample",
    "mmpretrain": "DataSample",
    "mmseg": "SegDataSample",
}
# What every pipeline packs.
ALWAYS = ("img_id", "img_path", "ori_shape", "img_shape")
_BY_PREPROCESSOR = ("pad_shape", "batch_input_shape")
_VALUES = {
    "img_id": 0,
    "img_path": "made_up.png",
    "ori_shape": SIZE,
    "img_shape": SIZE,
    "pad_shape": SIZE,
    "batch_input_shape": SIZE,
    "scale_factor": (1.0, 1.0),
    "flip": False,
    "flip_direction": None,
}


def is_known(key: str, others: Mapping[str, Any]) -> bool:
    """Whether a value can be made up for a metadata entry, or is among ``others``."""
    return key in _VALUES or key in others


class Samples:
    """Makes data samples for one model, and sees which metadata it asks for in vain.

    They carry the metadata ``keys``, with the value in ``others`` for those of
    which nothing can be made up.
    """

    def __init__(
        self, model: nn.Module, keys: Iterable[str], others: Mapping[str, Any] | None = None
    ) -> None:
        self._library = _library(model)
        self._with_masks = bool(getattr(model, "with_mask", False))
        self.keys = list(dict.fromkeys((*keys, *_BY_PREPROCESSOR)))
        self._values = {**(others or {}), **_VALUES}
        self.asked: list[str] = []
        self._class = _watched(_sample_class(self._library), self.asked)

    def batch(self, size: int) -> dict[str, list[Any]]:
        """``size`` images (3, H, W), uint8, and a data sample for each."""
        return {
            "inputs": [self._image(index) for index in range(size)],
            "data_samples": [self._sample() for _ in range(size)],
        }

    def _image(self, seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randint(0, 256, (3, *SIZE), generator=generator, dtype=torch.uint8)

    def _sample(self) -> Any:
        from mmengine.structures import InstanceData, PixelData

        sample = self._class()
        values = self._values
        sample.set_metainfo({key: values[key] for key in self.keys if key in values})
        boxes = torch.tensor([BOX])
        labels = torch.zeros(1, dtype=torch.long)
        if self._library == "mmpretrain":
            return sample.set_gt_label(0)
        if self._library == "mmseg":
            sample.gt_sem_seg = PixelData(data=torch.zeros((1, *SIZE), dtype=torch.long))
            return sample
        sample.gt_instances = InstanceData(bboxes=boxes, labels=labels)
        if self._library == "mmdet":
            sample.ignored_instances = InstanceData(bboxes=boxes[:0], labels=labels[:0])
            if self._with_masks:
                sample.gt_instances.masks = _masks()
        return sample


def _library(model: nn.Module) -> str:
    for cls in type(model).__mro__:
        package = cls.__module__.split(".")[0]
        if package in _CLASSES:
            return package
    return "mmengine"


def _sample_class(library: str) -> Any:
    module = importlib.import_module(f"{library}.structures")
    return getattr(module, _CLASSES.get(library, "BaseDataElement"))


def _masks() -> Any:
    import numpy

    masks = importlib.import_module("mmdet.structures.mask")
    return masks.BitmapMasks(numpy.ones((1, *SIZE), dtype=numpy.uint8), *SIZE)


def _watched(cls: Any, asked: list[str]) -> Any:
    """``cls``, noting in ``asked`` the metadata that is looked for and not there."""

    class Metadata(dict):  # type: ignore[type-arg]
        def get(self, key: Any, default: Any = None) -> Any:
            if key not in self:
                asked.append(key)
            return super().get(key, default)

        def __missing__(self, key: Any) -> Any:
            asked.append(key)
            raise KeyError(key)

    class Sample(cls):  # type: ignore[misc]
        @property
        def metainfo(self) -> Metadata:
            return Metadata(super().metainfo)

        def __getattr__(self, name: str) -> Any:
            if not name.startswith("_"):
                asked.append(name)
            raise AttributeError(f"{cls.__name__!r} has no attribute {name!r}")

    Sample.__name__ = Sample.__qualname__ = cls.__name__
    return Sample
