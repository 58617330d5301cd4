"""A real terminal, as a program sees one."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

ROWS, COLUMNS = 24, 80


def environment(**variables: str) -> dict[str, str]:
    """That of this process, without what switches colours or names a pager."""
    left_out = ("NO_COLOR", "CI", "LINES", "COLUMNS", "LESS", "PAGER", "GIT_PAGER")
    kept = {key: value for key, value in os.environ.items() if key not in left_out}
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return {**kept, **alone, "TERM": "xterm-256color", **variables}


def on_a_terminal(arguments: Sequence[str], folder: Path, variables: Mapping[str, str]) -> str:
    """What ``python <arguments>`` shows on a terminal, escape sequences and all; it must succeed.

    ``variables`` are its whole environment. What goes to stderr is left out: on
    a slow machine it is a progress bar.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.execve(sys.executable, [sys.executable, *arguments], dict(variables))
    shown = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # how Linux reports the other end's exit
            break
        if not part:
            break
        shown += part
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    text = shown.decode().replace("\r\n", "\n")
    assert os.waitstatus_to_exitcode(status) == 0, text
    return text
