"""Long output on a terminal goes through the user's pager, as git's does."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

# What git sets: quit when it fits, show colours, leave the screen as it is.
_DEFAULTS = {"LESS": "FRX", "LV": "-c"}
_NOT_RUN = (126, 127)  # how a shell says that it could not start a command


def show(text: str) -> None:
    """Write ``text`` to stdout, a terminal: through the pager when it is longer than the screen."""
    pager = _pager() if _is_long(text) else ""
    if not (pager and _is_paged(text, pager)):
        sys.stdout.write(text)


def _is_long(text: str) -> bool:
    return text.count("\n") >= shutil.get_terminal_size().lines


def _pager() -> str:
    """The command line of the pager, ``""`` for none.

    git is asked, which knows ``GIT_PAGER``, ``core.pager`` and ``PAGER``.
    """
    try:
        asked = subprocess.run(["git", "var", "GIT_PAGER"], capture_output=True, text=True)
    except OSError:
        asked = None
    if asked is not None and asked.returncode == 0:
        pager = asked.stdout.strip()
    else:
        pager = os.environ.get("GIT_PAGER", os.environ.get("PAGER", "less"))
    return "" if pager == "cat" else pager


def _is_paged(text: str, pager: str) -> bool:
    """Run the pager on ``text``; false when there is no such pager."""
    sys.stdout.flush()
    running = subprocess.Popen(
        pager,
        shell=True,  # as git does: a pager may be a command line with a pipe in it
        stdin=subprocess.PIPE,
        env={**_DEFAULTS, **os.environ},
    )
    with _left_to_the_pager(signal.SIGINT):
        # Whoever has seen enough closes the pager before it has read everything.
        with contextlib.suppress(BrokenPipeError):
            running.communicate(text.encode(sys.stdout.encoding, "backslashreplace"))
        return running.wait() not in _NOT_RUN


@contextlib.contextmanager
def _left_to_the_pager(signal_number: signal.Signals) -> Iterator[None]:
    """In a pager an interrupt stops a search; it is not meant for us."""
    before = signal.signal(signal_number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal_number, before)
