"""Which metadata a config's own samples carry, and which of them a model cannot do without."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from mmengine.registry import TRANSFORMS
from mmengine.structures import BaseDataElement

from bn2gn_codemod import probing


@pytest.fixture(scope="module", autouse=True)
def probe_on_path() -> Any:
    """The probe is importable, as in the interpreter that it runs in."""
    sys.path.append(str(probing.FOLDER))
    yield
    sys.path.remove(str(probing.FOLDER))


@TRANSFORMS.register_module()
class MetadataLoad:
    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        with open(results["img_path"], "rb") as file:
            assert file.read(2) == b"P6"
        results["ori_shape"] = results["img_shape"] = results["img"].shape[:2]
        return results


@TRANSFORMS.register_module()
class MetadataResize:
    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        assert len(results["instances"]) == 1
        results["scale_factor"] = (2.0, 2.0)
        return results


@TRANSFORMS.register_module()
class MetadataOwnRecords:
    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        results["modality"] = results["cameras"][0]
        return results


@TRANSFORMS.register_module()
class MetadataCamera:
    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        return {**results, "modality": "infrared"}


@TRANSFORMS.register_module()
class MetadataPack:
    def __init__(self, meta_keys: tuple[str, ...] = ("img_shape", "scale_factor")) -> None:
        self.meta_keys = meta_keys

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        sample = BaseDataElement()
        sample.set_metainfo({key: results[key] for key in self.meta_keys if key in results})
        image = torch.from_numpy(numpy.ascontiguousarray(results["img"].transpose(2, 0, 1)))
        return {"inputs": image, "data_samples": sample}


LOAD, RESIZE = {"type": "MetadataLoad"}, {"type": "MetadataResize"}
PACK = {"type": "MetadataPack"}


def loader(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"dataset": {"type": "Any", "pipeline": list(steps)}}


def packed(cfg: dict[str, Any], mode: str = "predict") -> Any:
    return importlib.import_module("bn2gn_probe.pipeline").packed(cfg, mode)


PIPELINES = [
    pytest.param([LOAD, RESIZE, PACK], ["img_shape", "scale_factor"], [], id="default_keys"),
    pytest.param([LOAD, PACK], ["img_shape"], ["scale_factor"], id="no_step_makes_it"),
    pytest.param(
        [LOAD, RESIZE, {**PACK, "meta_keys": ("img_shape",)}], ["img_shape"], [], id="not_named"
    ),
    pytest.param(
        [LOAD, RESIZE, {**PACK, "meta_keys": ("img_shape", "modality")}],
        ["img_shape", "modality"],
        [],
        id="a_dataset_may_bring_it",
    ),
    pytest.param(
        [LOAD, {"type": "MetadataOwnRecords"}, PACK],
        ["img_shape", "scale_factor"],
        [],
        id="cannot_be_run_without_its_dataset",
    ),
    pytest.param([LOAD, {"type": "Unregistered"}, PACK], ["img_shape", "scale_factor"], [], id="x"),
]


@pytest.mark.parametrize(("steps", "keys", "unmade"), PIPELINES)
def test_packed(steps: list[dict[str, Any]], keys: list[str], unmade: list[str]) -> None:
    found = packed({"test_dataloader": loader(*steps)})
    assert (found.keys, found.unmade) == (keys, unmade)


def test_each_mode_has_its_own_pipeline() -> None:
    cfg = {
        "train_dataloader": {"dataset": {"dataset": loader(LOAD, RESIZE, PACK)["dataset"]}},
        "val_dataloader": loader(LOAD, PACK),
        "test_dataloader": None,
    }
    assert packed(cfg, "loss").keys == ["img_shape", "scale_factor"]
    assert packed(cfg, "predict").keys == ["img_shape"]


@pytest.mark.parametrize("cfg", [{}, {"test_dataloader": None}, {"test_dataloader": loader()}])
def test_nothing_to_tell_from(cfg: dict[str, Any]) -> None:
    assert packed(cfg) is None


class Needs(BaseModel):  # type: ignore[misc]
    """Asks its samples for ``keys``, in the two ways in which models do."""

    def __init__(self, *keys: str) -> None:
        super().__init__()
        self.keys = keys

    def forward(self, inputs: Any, data_samples: Any, mode: str) -> Any:
        for key in self.keys:
            if key == "flip":
                data_samples[0].metainfo[key]
            else:
                assert data_samples[0].metainfo.get(key) is not None, f"no {key}"


class Counts(BaseModel):  # type: ignore[misc]
    """Changes with the iteration, as some data preprocessors do."""

    def forward(self, inputs: Any, data_samples: Any, mode: str) -> Any:
        assert MessageHub.get_current_instance().get_info("iter") + 1


WITH_CAMERA = [LOAD, {"type": "MetadataCamera"}, {**PACK, "meta_keys": ("img_shape", "modality")}]
MODELS = [
    pytest.param(Needs(), [LOAD, PACK], "", [], id="needs_nothing"),
    pytest.param(Counts(), [LOAD, PACK], "", [], id="asks_for_the_iteration"),
    pytest.param(Needs("scale_factor"), [LOAD, RESIZE, PACK], "", ["scale_factor"], id="packed"),
    pytest.param(
        Needs("scale_factor"), [LOAD, PACK], "no scale_factor", ["scale_factor"], id="lacking"
    ),
    pytest.param(
        Needs("scale_factor", "flip"),
        [LOAD, PACK],
        "no scale_factor",
        ["scale_factor", "flip"],
        id="two_lacking",
    ),
    pytest.param(Needs("modality"), WITH_CAMERA, "", ["modality"], id="a_value_of_the_pipeline"),
    pytest.param(
        Needs("modality"), [LOAD, PACK], "no modality", ["modality"], id="no_value_to_try_it_with"
    ),
]


@pytest.mark.parametrize(("model", "steps", "error", "needs"), MODELS)
def test_forward(model: Any, steps: list[dict[str, Any]], error: str, needs: list[str]) -> None:
    forward_modes = importlib.import_module("bn2gn_probe.forward_modes")
    found = forward_modes.passed(model, "predict", packed({"test_dataloader": loader(*steps)}))
    assert error in found["error"]
    assert bool(error) == bool(found["error"])
    assert found["needs"] == needs
