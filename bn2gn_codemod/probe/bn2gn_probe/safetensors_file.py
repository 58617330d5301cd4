"""safetensors files, without their package: a header in JSON, then the tensors' bytes."""

from __future__ import annotations

import json
import os
import struct
from typing import Any, BinaryIO, NamedTuple

from .unusable_file import UnusableFile

_LONGEST_HEADER = 100_000_000  # bytes: what the format allows
_CHUNK = 2**20  # bytes
_METADATA = "__metadata__"
_ONES = {"F64": struct.pack("<d", 1), "F32": struct.pack("<f", 1), "F16": struct.pack("<e", 1)}
_ONES["BF16"] = _ONES["F32"][2:]


class Document(NamedTuple):
    """``start`` is where the tensors' bytes begin in the file."""

    path: str
    header: dict[str, Any]
    start: int


def is_one(path: str) -> bool:
    """By its first bytes, or by its name when they say nothing."""
    with open(path, "rb") as file:
        head = file.read(9)
    return path.endswith(".safetensors") or (len(head) == 9 and head[8:] == b"{")


def read(path: str) -> Document:
    """The header. Raises ``UnusableFile`` unless every tensor lies where it says."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        head = file.read(8)
        length = struct.unpack("<Q", head)[0] if len(head) == 8 else size
        if length > min(size - 8, _LONGEST_HEADER):
            raise UnusableFile("is no safetensors file, or cut off in its header")
        text = file.read(length)
    try:
        header = json.loads(text.decode("utf-8"))
        spans = sorted(tuple(entry["data_offsets"]) for _, entry in _tensors(header))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UnusableFile("is no safetensors file: its header is no valid JSON") from None
    end = 0
    for begin, stop in spans:
        if begin != end or stop < begin:
            raise UnusableFile("is damaged: its tensors overlap or leave gaps")
        end = stop
    if end != size - 8 - length:
        raise UnusableFile(
            f"is damaged or cut off: its tensors end at byte {8 + length + end}, the file at {size}"
        )
    return Document(path, header, 8 + length)


def tables(document: Document) -> list[dict[str, Any]]:
    """As ``checkpoint_contents.describe`` gives them."""
    tensors = [[name, entry["shape"]] for name, entry in _tensors(document.header)]
    return [{"path": [], "tensors": tensors}]


def write(document: Document, path: str, edits: dict[str, Any]) -> None:
    """Everything but what ``edits`` drop or reset is copied byte for byte."""
    dropped = {key for _, keys in edits["drop"] for key in keys}
    values = {key: value for _, keys in edits["reset"] for key, value in keys}
    kept = [(n, entry) for n, entry in _tensors(document.header) if n not in dropped]
    kept.sort(key=lambda item: tuple(item[1]["data_offsets"]))
    header = {_METADATA: document.header[_METADATA]} if _METADATA in document.header else {}
    end = 0
    for name, entry in kept:
        begin, stop = entry["data_offsets"]
        header[name] = dict(entry, data_offsets=[end, end + stop - begin])
        end += stop - begin
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % 8)  # tensors are aligned
    with open(document.path, "rb") as source, open(path, "wb") as target:
        target.write(struct.pack("<Q", len(text)) + text)
        for name, entry in kept:
            begin, stop = entry["data_offsets"]
            if name in values:
                target.write(_filled(entry["dtype"], stop - begin, values[name]))
            else:
                source.seek(document.start + begin)
                _copy(source, target, stop - begin)


def _tensors(header: dict[str, Any]) -> list[Any]:
    return [(name, entry) for name, entry in header.items() if name != _METADATA]


def _filled(dtype: str, length: int, value: float) -> bytes:
    if not value:
        return bytes(length)
    if dtype not in _ONES:
        raise UnusableFile(f"cannot be reset: a norm layer's weight has the type {dtype}")
    one = _ONES[dtype]
    return one * (length // len(one))


def _copy(source: BinaryIO, target: BinaryIO, length: int) -> None:
    while length:
        chunk = source.read(min(length, _CHUNK))
        if not chunk:
            raise UnusableFile("became shorter while it was read")
        target.write(chunk)
        length -= len(chunk)
