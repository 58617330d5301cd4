"""A progress bar on stderr, for people, and only when they have to wait."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 1.0  # seconds
_PAUSE = 0.2  # seconds between two looks at how far it is


@contextlib.contextmanager
def shown_when_slow(what: str, done: Callable[[], float] | None = None) -> Iterator[None]:
    """Show a bar with the words ``what`` while the block runs, after a second of silence.

    ``done`` says how much of it is, from 0 to 1. Nothing is shown when stderr
    is not a terminal. The bar is gone at the end.
    """
    if not sys.stderr.isatty():
        yield
        return
    over = threading.Event()
    thread = threading.Thread(target=_show, args=(what, done, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _show(what: str, done: Callable[[], float] | None, over: threading.Event) -> None:
    if over.wait(PATIENCE):
        return
    progress = _started(what, None if done is None else 1.0)
    try:
        while not over.wait(_PAUSE):
            if done is not None:
                with contextlib.suppress(OSError):  # the file may be gone already
                    progress.update(progress.task_ids[0], completed=done())
    finally:
        progress.stop()


def _started(what: str, total: float | None) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    progress.add_task(what, total=total)
    progress.start()
    return progress
