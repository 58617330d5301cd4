"""The probe's own way back to the tool: a file of JSON lines.

A file and not a pipe, because the code that runs may close descriptors, start
children or end the interpreter at any moment; what was sent before is there.
"""

from __future__ import annotations

import json
import os

# Kept from before any other code ran.
_open, _write, _close = os.open, os.write, os.close


class Channel:
    """Appends events to the file at ``path``; the last one of a probe is ``end``."""

    def __init__(self, path: str) -> None:
        self._path = path

    def send(self, event: str, **fields: object) -> None:
        line = json.dumps(dict(fields, event=event)) + "\n"
        data = line.encode("utf-8", "backslashreplace")
        descriptor = _open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            while data:
                data = data[_write(descriptor, data) :]
        finally:
            _close(descriptor)

    def stage(self, doing: str) -> None:
        """Say what comes next; when the process dies, this names the culprit."""
        self.send("stage", doing=doing)
