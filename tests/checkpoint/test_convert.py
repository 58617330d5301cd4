"""A converted checkpoint: what goes, and that everything else is what it was."""

from __future__ import annotations

import copy
import json
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bn2gn_codemod.checkpoint import Source, convert
from bn2gn_codemod.checkpoint.decision import Wishes
from tests.checkpoint.conftest import STATISTICS

Save = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("in_process")


def converted(old: Path, source: Source, wishes: Wishes | None = None, **options: Any) -> Any:
    new = old.with_name(f"new{old.suffix}")
    convert(old, new, source, wishes or Wishes(), **options)
    return torch.load(new, weights_only=not options.get("trust", False))


def assert_carried(new: Any, old: Any, dropped: set[str] = STATISTICS) -> None:
    assert list(new) == [key for key in old if key not in dropped]
    for key, value in new.items():
        assert value.dtype == old[key].dtype
        assert torch.equal(value, old[key])


@pytest.mark.parametrize(
    ("key", "wrap"),
    [
        ("state_dict", ""),
        ("state_dict", "module."),
        ("model", "_orig_mod."),
        ("model_state_dict", "module._orig_mod."),
        ("net", "module.model."),
        (None, ""),
        (None, "module."),
    ],
)
def test_prefixes_and_keys(
    key: str | None,
    wrap: str,
    source: Source,
    saved: Save,
    old_model: nn.Module,
    new_model: nn.Module,
) -> None:
    state = {wrap + name: value for name, value in old_model.state_dict().items()}
    old = saved(state if key is None else {"epoch": 7, key: state})
    found = converted(old, source)
    table = found if key is None else found[key]
    assert_carried(table, state, {wrap + name for name in STATISTICS})
    new_model.load_state_dict({k.removeprefix(wrap): v for k, v in table.items()}, strict=True)
    if key is not None:
        assert found["epoch"] == 7


@pytest.mark.parametrize("zipped", [True, False])
def test_the_format_is_kept(
    zipped: bool, source: Source, saved: Save, old_model: nn.Module
) -> None:
    state = old_model.state_dict()
    old = saved({"state_dict": state}, _use_new_zipfile_serialization=zipped)
    assert_carried(converted(old, source)["state_dict"], state)
    assert zipfile.is_zipfile(old.with_name("new.pth")) is zipped


def test_everything_else_is_what_it_was(source: Source, saved: Save, old_model: nn.Module) -> None:
    state = old_model.state_dict()
    state["head.weight"] = state["head.weight"].half()
    flat = torch.arange(12.0)
    content = {
        "state_dict": state,
        "parts": [flat[:4], flat.view(3, 4).t(), flat[torch.tensor([1])]],
        "again": state["head.bias"],
        "parameter": nn.Parameter(torch.ones(2)),
        "nan": float("nan"),
        "ordered": OrderedDict([("b", 1), ("a", (2, "x", None, True))]),
        "best": torch.tensor(float("nan")),
    }
    found = converted(saved(content), source)
    assert_carried(found["state_dict"], state)
    assert found["state_dict"]._metadata == state._metadata  # type: ignore[attr-defined]
    assert found["again"].data_ptr() == found["state_dict"]["head.bias"].data_ptr()
    first, second, third = found["parts"]
    assert first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr()
    assert first.untyped_storage().data_ptr() != third.untyped_storage().data_ptr()
    assert second.stride() == (1, 4)
    assert isinstance(found["parameter"], nn.Parameter)
    assert found["ordered"] == content["ordered"]
    assert torch.isnan(found["best"])


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_of_a_gpu_stay_its_own(
    zipped: bool,
    source: Source,
    saved: Save,
    old_model: nn.Module,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:3")
        old = saved(old_model.state_dict(), _use_new_zipfile_serialization=zipped)
    convert(old, old.with_name("new.pth"), source, Wishes())
    seen = []

    def here(storage: Any, location: str) -> Any:
        seen.append(location)
        return storage

    torch.load(old.with_name("new.pth"), map_location=here)
    assert set(seen) == {"cuda:3"}


def test_reset(source: Source, saved: Save, old_model: nn.Module, new_model: nn.Module) -> None:
    state = old_model.state_dict()
    ema = copy.deepcopy(state)
    found = converted(saved({"state_dict": state, "ema": ema}), source, Wishes(reset=True))
    for table in found.values():
        assert table["neck.1.weight"].eq(1).all()
        assert table["neck.1.bias"].eq(0).all()
        kept = {name for name in table if not name.startswith("neck.1.")}
        assert all(torch.equal(table[name], state[name]) for name in kept)
        new_model.load_state_dict(table, strict=True)


# ---------------------------------------------------------------- averages and optimizers


def test_averages_follow_the_model(source: Source, saved: Save, old_model: nn.Module) -> None:
    state = old_model.state_dict()
    parameters = {f"module.{name}": value for name, value in old_model.named_parameters()}
    shadow = [value.detach() for value in old_model.parameters()]
    content = {
        "state_dict": state,
        "ema": {"decay": 0.9, "module": copy.deepcopy(state)},
        "polyak": parameters,
        "torch_ema": {"shadow_params": shadow},
    }
    old = saved(content)
    found = converted(old, source)
    assert_carried(found["ema"]["module"], state)
    assert_carried(found["polyak"], parameters)
    assert len(found["torch_ema"]["shadow_params"]) == len(shadow)
    dropped = converted(old, source, Wishes(ema="drop"), force=True)
    assert dropped["ema"] == {"decay": 0.9}
    assert "polyak" not in dropped
    assert_carried(dropped["state_dict"], state)


def test_an_average_inside_the_same_table(
    source: Source, saved: Save, old_model: nn.Module
) -> None:
    state = old_model.state_dict()
    both = {f"{top}.{name}": value for top in ("model", "ema") for name, value in state.items()}
    both["step"] = torch.tensor(3)
    found = converted(saved({"state_dict": both}), source)["state_dict"]
    assert_carried(
        found, both, {f"{top}.{name}" for top in ("model", "ema") for name in STATISTICS}
    )


def stepped(model: nn.Module, groups: Any) -> dict[str, Any]:
    optimizer = torch.optim.Adam(groups, 0.1)
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    return optimizer.state_dict()


def test_optimizer_forgets_what_no_longer_trains(
    source: Source, saved: Save, old_model: nn.Module, new_model: nn.Module
) -> None:
    state = stepped(old_model, old_model.parameters())
    content = {"model": old_model.state_dict(), "optimizer": state}
    old = saved(content)
    found = converted(old, source)["optimizer"]
    names = [name for name, _ in old_model.named_parameters()]
    assert {names[number] for number in state["state"].keys() - found["state"].keys()} == {
        "backbone.1.weight",
        "backbone.1.bias",
    }
    for number, kept in found["state"].items():
        assert torch.equal(kept["exp_avg"], state["state"][number]["exp_avg"])
    assert found["param_groups"] == state["param_groups"]
    optimizer = torch.optim.Adam(new_model.parameters())
    optimizer.load_state_dict(found)
    optimizer.step()
    assert "optimizer" not in converted(old, source, Wishes(optimizer="drop"), force=True)


def test_optimizer_of_several_groups_is_carried_over_as_it_is(
    source: Source, saved: Save, old_model: nn.Module
) -> None:
    slow = [*old_model.neck.parameters()]  # type: ignore[union-attr]
    others = [p for p in old_model.parameters() if all(p is not q for q in slow)]
    state = stepped(old_model, [{"params": slow, "lr": 0.01}, {"params": others}])
    found = converted(saved({"model": old_model.state_dict(), "optimizer": state}), source)
    assert found["optimizer"]["state"].keys() == state["state"].keys()
    assert found["optimizer"]["param_groups"] == state["param_groups"]


# ---------------------------------------------------------------- safetensors

_TYPES = {torch.float32: "F32", torch.int64: "I64", torch.float16: "F16"}


def write_safetensors(path: Path, state: dict[str, torch.Tensor]) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt", "epoch": "7"}}
    data = b""
    for key, value in state.items():
        raw = value.contiguous().numpy().tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[key] = {
            "dtype": _TYPES[value.dtype],
            "shape": list(value.shape),
            "data_offsets": offsets,
        }
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    data = path.read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    assert start % 8 == 0
    header = json.loads(data[8:start])
    metadata = header.pop("__metadata__")
    dtypes = {name: dtype for dtype, name in _TYPES.items()}
    found = {}
    for key, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = bytearray(data[start + begin : start + end])
        found[key] = torch.frombuffer(raw, dtype=dtypes[entry["dtype"]]).reshape(entry["shape"])
    return found, metadata


@pytest.mark.parametrize("reset", [False, True])
def test_safetensors(
    reset: bool, source: Source, tmp_path: Path, old_model: nn.Module, new_model: nn.Module
) -> None:
    state = old_model.half().state_dict() if reset else old_model.state_dict()
    write_safetensors(tmp_path / "old.safetensors", state)
    new = tmp_path / "new.safetensors"
    convert(tmp_path / "old.safetensors", new, source, Wishes(reset=reset))
    found, metadata = read_safetensors(new)
    assert metadata == {"format": "pt", "epoch": "7"}
    new_model.load_state_dict(found, strict=True)
    if reset:
        assert found.pop("neck.1.weight").eq(1).all()
        assert found.pop("neck.1.bias").eq(0).all()
    assert all(torch.equal(value, state[name]) for name, value in found.items())
