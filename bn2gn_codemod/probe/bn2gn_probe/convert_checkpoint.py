"""Reads a checkpoint, tells what is in it, and writes it again without some of it.

The request has ``file`` and ``trust``. With ``output`` it has ``edits`` too:
what to leave out and what to reset. Everything else is written as it was read,
and read back to prove it.
"""

from __future__ import annotations

import sys
from typing import Any

from . import safetensors_file
from .channel import Channel
from .unusable_file import UnusableFile


def run(request: dict[str, Any]) -> None:
    """Do what ``request`` asks and send what was seen to its ``result`` file."""
    channel = Channel(request["result"])
    channel.stage("reading {}".format(request["file"]))
    try:
        _convert(request, channel)
    except UnusableFile as error:
        channel.send("unusable", reason=str(error))
    channel.send("end")


def _convert(request: dict[str, Any], channel: Channel) -> None:
    file, output = request["file"], request.get("output")
    if safetensors_file.is_one(file):
        document = safetensors_file.read(file)
        channel.send("contents", format="safetensors", tables=safetensors_file.tables(document))
        if output:
            channel.stage("writing")
            safetensors_file.write(document, output, request["edits"])
        return
    from . import checkpoint_contents, torch_file

    if request["trust"]:
        sys.path.insert(0, request["root"])  # where the classes may be that it names
    loaded = torch_file.read(file, request["trust"])
    if not output:
        found = checkpoint_contents.describe(loaded.content)
        channel.send("contents", format=loaded.format, **found)
        return
    # In place: what is shared stays shared, and attributes of dicts stay.
    checkpoint_contents.edit(loaded.content, request["edits"])
    channel.stage("writing")
    torch_file.write(loaded, output)
    channel.stage("reading back")
    torch_file.prove_equal(loaded, output, request["trust"])
