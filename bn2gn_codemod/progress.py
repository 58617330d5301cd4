"""A progress bar on stderr, for people, and only when they have to wait."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 1.0  # seconds


@contextlib.contextmanager
def shown_when_slow(what: str) -> Iterator[None]:
    """Show a bar with the words ``what`` while the block runs, after a second of silence.

    Nothing is shown when stderr is not a terminal. The bar is gone at the end.
    """
    if not sys.stderr.isatty():
        yield
        return
    bar: list[Progress] = []
    timer = threading.Timer(PATIENCE, lambda: bar.append(_started(what)))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        for progress in bar:
            progress.stop()


def _started(what: str) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    progress.add_task(what, total=None)
    progress.start()
    return progress
