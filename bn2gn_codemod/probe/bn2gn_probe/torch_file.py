"""Checkpoints of ``torch.save``, zip and legacy, read and written on the CPU.

Tensors of another device are held in CPU memory meanwhile and written as what
they were: the file says ``cuda:0`` before and after.
"""

from __future__ import annotations

import contextlib
import re
import zipfile
import zlib
from typing import Any, Iterator, NamedTuple

import torch

from . import checkpoint_contents
from .unusable_file import UnusableFile

_ZIP = b"PK\x03\x04"
_CHUNK = 2**20  # bytes
# What torch calls a class or function that is not safe to load.
_WANTED = re.compile(
    r"(?:[Uu]nsupported (?:global: GLOBAL|GLOBAL|class)|Can only (?:build|create)\b.*? got|"
    r"Trying to (?:instantiate unsupported class|call reduce for unrecognized function))"
    r" (?:<class ')?([\w.]+)"
)
_ADVICE = "Weights only load failed"  # how to load it unsafely; the cause comes after it
_NO_PICKLE = "it is no file of torch.save, or a damaged one"


class Loaded(NamedTuple):
    """A checkpoint. ``devices`` has those of its storages, by their address."""

    content: Any
    format: str  # "zip" or "legacy"
    devices: dict[int, str]


def read(path: str, trust: bool) -> Loaded:
    """Raises ``UnusableFile``. ``trust``: run whatever code the pickle names."""
    is_zip = _is_zip(path)
    if is_zip:
        _check_zip(path)
    devices: dict[int, str] = {}

    def stay(storage: Any, location: str) -> Any:
        devices[_address(storage)] = location
        return storage

    options: dict[str, Any] = {"map_location": stay, "weights_only": not trust}
    if is_zip and _version() >= (2, 1):
        options["mmap"] = True
    if _version() < (1, 13):
        if not trust:
            reason = "torch {} cannot read safely; --trust runs whatever code the file holds"
            raise UnusableFile(reason.format(torch.__version__))
        del options["weights_only"]
    try:
        content = torch.load(path, **options)
    except Exception as error:
        raise UnusableFile(_reason(error, trust)) from None
    return Loaded(content, "zip" if is_zip else "legacy", devices)


def write(loaded: Loaded, path: str) -> None:
    """In the format that it was read in. Raises ``UnusableFile``."""
    try:
        with _devices_written(loaded.devices):
            torch.save(loaded.content, path, _use_new_zipfile_serialization=loaded.format == "zip")
    except Exception as error:
        raise UnusableFile(f"cannot be written: {_first_line(error)}") from None


def prove_equal(loaded: Loaded, path: str, trust: bool) -> None:
    """Raises ``UnusableFile`` unless the file at ``path`` holds the same, bit for bit."""
    written = read(path, trust)
    difference = checkpoint_contents.difference(loaded.content, written.content)
    if difference is not None:
        raise UnusableFile(f"what was written differs at {difference}; nothing is kept of it")


# ---------------------------------------------------------------- devices


@contextlib.contextmanager
def _devices_written(devices: dict[int, str]) -> Iterator[None]:
    original = torch.serialization.location_tag

    def location_tag(storage: Any) -> str:
        return devices.get(_address(storage)) or str(original(storage))

    torch.serialization.location_tag = location_tag
    try:
        yield
    finally:
        torch.serialization.location_tag = original


def _address(storage: Any) -> int:
    untyped = getattr(storage, "_untyped_storage", storage)
    return int(untyped._cdata)


# ---------------------------------------------------------------- what is wrong


def _is_zip(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(len(_ZIP)) == _ZIP


def _check_zip(path: str) -> None:
    """torch does not look at checksums when it maps a file into memory."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if any(name.endswith("/constants.pkl") for name in names):
                raise UnusableFile("is a TorchScript archive, not a checkpoint")
            if not any(name.endswith("data.pkl") for name in names):
                raise UnusableFile("is a zip archive, but not one of torch.save")
            damaged = [name for name in names if not _is_whole(archive, name)]
    except zipfile.BadZipFile:
        raise UnusableFile("is damaged or cut off: the end of the zip archive is missing") from None
    # All of them: torch was told to write no checksums.
    if damaged and len(damaged) < len(names):
        raise UnusableFile(f"is damaged: {damaged[0]} does not match its checksum")


def _is_whole(archive: zipfile.ZipFile, name: str) -> bool:
    checksum = 0
    try:
        with archive.open(name) as file:
            while True:
                chunk = file.read(_CHUNK)
                if not chunk:
                    return True
                checksum = zlib.crc32(chunk, checksum)
    except (zipfile.BadZipFile, EOFError, zlib.error):
        return False


def _reason(error: Exception, trust: bool) -> str:
    wanted = _WANTED.search(str(error))
    if wanted and not trust:
        name = wanted.group(1).rstrip(".")
        return (
            f"wants {name}, which is code and no data; --trust runs it, "
            "if you know where the file comes from"
        )
    if isinstance(error, (ImportError, AttributeError)):
        return f"needs {_first_line(error)}; name the interpreter that has it with --python"
    return f"cannot be read as a checkpoint: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines or lines[0].startswith(_ADVICE) or isinstance(error, EOFError):
        return _NO_PICKLE
    return lines[0][:200]


def _version() -> tuple[int, int]:
    major, minor = torch.__version__.split(".")[:2]
    return int(major), int(re.sub(r"\D.*", "", minor) or 0)
