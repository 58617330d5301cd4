"""What cannot be converted: one clear line, and everything as it was."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bn2gn_codemod.checkpoint import Source, convert
from bn2gn_codemod.checkpoint.decision import Wishes
from bn2gn_codemod.problem import Problem

pytestmark = pytest.mark.usefixtures("in_process")


class Malicious:
    """Makes a directory when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self._target),)


def saved(content: Any, zipped: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def damaged(data: bytes) -> bytes:
    """A byte of the largest tensor is another one."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        largest = max(archive.infolist(), key=lambda info: info.file_size)
    at = largest.header_offset + 30 + len(largest.filename) + largest.file_size
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {path.name: path.read_bytes() if path.is_file() else None for path in folder.iterdir()}


def refused(source: Source, old: Path, new: Path | None = None, **options: Any) -> str:
    """The one line; nothing is different after it."""
    before = snapshot(old.parent)
    with pytest.raises(Problem) as problem:
        convert(old, new or old.with_name(f"new{old.suffix}"), source, Wishes(), **options)
    assert snapshot(old.parent) == before
    line = str(problem.value)
    assert "\n" not in line
    return line


BIG = {"state_dict": {"weight": torch.arange(5000.0)}}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS pointer"),
        (b"<!DOCTYPE html>\n<title>404</title>\n", "cannot be read as a checkpoint"),
        (bytes(range(256)) * 40, "cannot be read as a checkpoint"),
        (saved(BIG)[:3000], "damaged or cut off"),
        (saved(BIG)[:-30], "damaged or cut off"),
        (damaged(saved(BIG)), "does not match its checksum"),
        (saved(BIG, zipped=False)[:3000], "cannot be read as a checkpoint"),
        (saved([1, "two", {"three": 3}]), "holds no state dict"),
        (saved(torch.ones(3)), "holds no state dict"),
        (saved({"state_dict": {"fc.weight": torch.ones(3)}}), "does not fit net:Detector(4)"),
    ],
)
def test_unusable_content(source: Source, tmp_path: Path, data: bytes, said: str) -> None:
    old = tmp_path / "old.pth"
    old.write_bytes(data)
    line = refused(source, old)
    assert line.startswith(f"{old}: ")
    assert said in line


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x10\0\0\0\0\0\0\0{}", "cut off in its header"),
        (b"\x02\0\0\0\0\0\0\0[]", "its header is no valid JSON"),
        (b"\x02\0\0\0\0\0\0\0{{", "its header is no valid JSON"),
        (b"\x02\0\0\0\0\0\0\0{}more", "damaged or cut off"),
        (b"PK", "cut off in its header"),
    ],
)
def test_unusable_safetensors(source: Source, tmp_path: Path, data: bytes, said: str) -> None:
    old = tmp_path / "old.safetensors"
    old.write_bytes(data)
    assert said in refused(source, old)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_not_run(source: Source, tmp_path: Path, zipped: bool) -> None:
    old, made = tmp_path / "old.pth", tmp_path / "made"
    old.write_bytes(saved({"state_dict": {}, "more": Malicious(made)}, zipped))
    line = refused(source, old)
    assert f"{os.mkdir.__module__}.mkdir" in line
    assert "--trust" in line
    assert not made.exists()


def test_a_plain_pickle_is_not_run(source: Source, tmp_path: Path) -> None:
    old, made = tmp_path / "old.pth", tmp_path / "made"
    old.write_bytes(pickle.dumps(Malicious(made)))
    refused(source, old)
    assert not made.exists()


def test_trust_reads_what_the_pickle_names(
    source: Source, tmp_path: Path, old_model: nn.Module, new_model: nn.Module
) -> None:
    old, new = tmp_path / "old.pth", tmp_path / "new.pth"
    old.write_bytes(saved({"model": old_model.state_dict(), "where": Path("/data")}))
    assert "--trust" in refused(source, old)
    convert(old, new, source, Wishes(), trust=True)
    found = torch.load(new, weights_only=False)
    assert found["where"] == Path("/data")
    new_model.load_state_dict(found["model"], strict=True)


def test_another_model_names_the_closest_differences(
    source: Source, tmp_path: Path, old_model: nn.Module
) -> None:
    state = old_model.state_dict()
    other = {name.replace("neck", "fpn"): value for name, value in state.items()}
    other["head.weight"] = torch.ones(9, 6, 1, 1)
    old = tmp_path / "old.pth"
    old.write_bytes(saved(other))
    line = refused(source, old)
    assert "neck.0.weight" in line
    assert "fpn.0.weight" in line
    assert "head.weight (9x6x1x1 instead of 4x6x1x1)" in line


def test_converted_already(source: Source, tmp_path: Path, new_model: nn.Module) -> None:
    old = tmp_path / "old.pth"
    old.write_bytes(saved(new_model.state_dict()))
    assert "fits the migrated net:Detector(4) already" in refused(source, old)


# ---------------------------------------------------------------- where it goes


@pytest.fixture
def old(tmp_path: Path, old_model: nn.Module) -> Path:
    path = tmp_path / "old.pth"
    path.write_bytes(saved(old_model.state_dict()))
    return path


def test_the_same_file(source: Source, old: Path, tmp_path: Path) -> None:
    (tmp_path / "link.pth").symlink_to(old)
    (tmp_path / "hard.pth").hardlink_to(old)
    for new in (old, tmp_path / "link.pth", tmp_path / "hard.pth", tmp_path / "." / "old.pth"):
        assert "is the old checkpoint itself" in refused(source, old, new, force=True)


def test_an_existing_file_stays_without_force(
    source: Source, old: Path, tmp_path: Path, new_model: nn.Module
) -> None:
    new = tmp_path / "new.pth"
    new.write_bytes(b"precious")
    assert "--force replaces it" in refused(source, old, new)
    convert(old, new, source, Wishes(), force=True)
    new_model.load_state_dict(torch.load(new), strict=True)


def test_a_read_only_file_stays_even_with_force(source: Source, old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.pth"
    new.write_bytes(b"precious")
    new.chmod(0o444)
    assert "is read-only" in refused(source, old, new, force=True)


def test_a_read_only_folder(source: Source, old: Path, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o555)
    assert "read-only folder" in refused(source, old, folder / "new.pth")
    folder.chmod(0o755)


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("missing/new.pth", "its folder does not exist"),
        (".", "is a directory"),
        ("new.safetensors", "the format is kept"),
    ],
)
def test_no_place_for_it(
    source: Source, old: Path, tmp_path: Path, new: str, said: str, new_model: nn.Module
) -> None:
    assert said in refused(source, old, tmp_path / new)


def test_no_file_to_read(source: Source, tmp_path: Path) -> None:
    assert "no such file" in refused(source, tmp_path / "old.pth")
    assert "is a directory" in refused(source, tmp_path)


def test_a_dry_run_writes_nothing(source: Source, old: Path, tmp_path: Path) -> None:
    before = snapshot(tmp_path)
    found = convert(old, tmp_path / "new.pth", source, Wishes(), dry_run=True)
    assert not found.written
    assert found.decision.model.is_exact
    assert snapshot(tmp_path) == before


def test_a_failed_write_leaves_nothing(
    source: Source, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    assert "No space left on device" in refused(source, old)
