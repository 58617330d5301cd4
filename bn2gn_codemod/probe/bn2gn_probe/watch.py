"""Watches the first optimizer steps of somebody else's training command, then ends it.

Loaded into every Python process of the command. A process that never steps an
optimizer (a data loader's worker, a launcher) is not disturbed. torch is not
imported before the command does it.
"""

from __future__ import annotations

import json
import os
import sys
from types import ModuleType
from typing import Any

from . import after_import
from .channel import Channel


def start(text: str) -> None:
    """``text`` is a JSON object: ``root``, ``result`` (the events' file) and ``steps``."""
    request = json.loads(text)

    def on_torch(module: ModuleType) -> None:
        from . import live_run

        channel = Channel(request["result"])
        channel.send("torch", pid=os.getpid(), command=list(sys.argv))
        live_run.install(request, channel)

    def ready(module: Any) -> None:
        try:
            on_torch(module)
        except Exception as error:  # the command is the user's: it goes on
            Channel(request["result"]).send("error", message=repr(error))

    after_import.call("torch", ready)
