"""Starts a probe in the user's interpreter and reads back what it saw.

The probe runs other people's code: it gets a time limit, a memory limit and no
standard input, writes no byte code, and answers through a file of its own,
whatever the code prints or however it ends.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bn2gn_codemod import snapshot
from bn2gn_codemod.problem import Problem
from bn2gn_codemod.snapshot import Snapshot

FOLDER = Path(__file__).with_name("probe")
_LAUNCHER = FOLDER / "launch.py"
_TAIL = 4000  # bytes of the probe's own output that are kept
_LONGEST_FILE = 256 * 2**20  # bytes: what a loop of prints may fill
_HAS_TORCH = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"


@dataclasses.dataclass(frozen=True)
class Interpreter:
    """Where probes run, and what they may use.

    ``timeout`` is in seconds, ``memory`` in bytes (``None``: three quarters of
    the machine's). ``stubs``: stand in for modules that cannot be found.
    """

    python: str = sys.executable
    timeout: float = 300.0
    memory: int | None = None
    stubs: bool = True


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a probe saw. ``failure`` is one line when it did not come to its end.

    ``output`` is the end of what the code printed.
    """

    snapshot: Snapshot
    failure: str = ""
    output: str = ""


class NoTorch(Problem):
    """An interpreter without torch."""


@functools.cache
def require_torch(python: str) -> None:
    """Raise ``Problem`` unless ``python`` starts, and ``NoTorch`` unless it finds torch."""
    try:
        with tempfile.TemporaryDirectory() as elsewhere:
            found = subprocess.run(
                [python, "-c", _HAS_TORCH],
                cwd=elsewhere,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
            )
    except OSError as error:
        raise Problem(f"--python {python}: cannot be started: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise Problem(f"--python {python}: does not answer") from None
    if found.returncode:
        raise NoTorch(
            f"{python} has no torch; name the interpreter that trains the model with --python"
        )


def probe(request: Mapping[str, Any], root: Path, interpreter: Interpreter) -> Outcome:
    """Run one probe in ``root`` and wait for it.

    ``request`` is what ``bn2gn_probe.session`` reads; ``root``, ``result`` and
    the limits are filled in here.
    """
    limits = {
        "memory": interpreter.memory or default_memory(),
        "file_size": _LONGEST_FILE,
        "timeout": interpreter.timeout,
    }
    asked = {**request, **limits, "stubs": interpreter.stubs}
    ended = launch(asked, root, interpreter.python)
    return _outcome(ended.events, ended.how, ended.printed)


@dataclasses.dataclass(frozen=True)
class Ended:
    """A run of the launcher that is over.

    ``how`` it ended is ``""`` when it exited with 0, else a few words;
    ``printed`` is the end of its output.
    """

    events: tuple[dict[str, Any], ...]
    how: str
    printed: str


def launch(request: Mapping[str, Any], root: Path, python: str) -> Ended:
    """Run the launcher with ``request`` in ``root`` and wait for it.

    The request's own ``timeout`` (seconds), ``memory`` and ``file_size``
    (bytes) are its limits. Raises ``Problem`` when ``python`` has no torch.
    """
    require_torch(python)
    with tempfile.TemporaryDirectory(prefix="bn2gn-") as folder:
        result = Path(folder) / "events.jsonl"
        asked = {**request, "root": str(root), "result": str(result)}
        file = Path(folder) / "request.json"
        file.write_text(json.dumps(asked), encoding="utf-8")
        command = [python, str(_LAUNCHER), str(file)]
        with (Path(folder) / "output").open("w+b") as output:
            timeout = request.get("timeout")
            how = run(command, root, environment(Path(folder)), timeout, output)
            printed = tail(output)
        return Ended(tuple(_events(result)), how, printed)


def environment(scratch: Path) -> dict[str, str]:
    """The environment of a probe: nothing is written beside the sources, no GPU is used."""
    return {
        "OMP_NUM_THREADS": "1",  # small inputs: more threads only wait for each other
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8:backslashreplace",
        "PYTHONUNBUFFERED": "1",  # what was printed last is there when the process dies
        "CUDA_VISIBLE_DEVICES": "",
        "MPLBACKEND": "Agg",
        "TMPDIR": str(scratch),
    }


def run(
    command: Sequence[str], folder: Path, env: Mapping[str, str], timeout: float | None, output: Any
) -> str:
    """Run a command in a session of its own and leave no process of it behind.

    Gives ``""`` when it exited with 0, else how it ended in a few words.
    """
    process = start(command, folder, env, output)
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        return f"stopped after {timeout:g} s"
    finally:
        _end_session(process)
    if code < 0:
        return f"was ended by {_signal_name(-code)}"
    return f"ended with exit code {code}" if code else ""


def start(
    command: Sequence[str], folder: Path, env: Mapping[str, str], output: Any
) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own, without standard input."""
    return subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def tail(output: Any) -> str:
    """The end of what was written to a binary file, as text."""
    output.seek(0, os.SEEK_END)
    output.seek(max(0, output.tell() - _TAIL))
    return str(output.read().decode("utf-8", "replace")).strip()


def read_events(path: Path) -> list[dict[str, Any]]:
    """The events that were sent to ``path``; one that was cut off is left out."""
    return list(_events(path))


def default_memory() -> int | None:
    """Three quarters of the machine's memory in bytes, ``None`` where nobody says."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4
    except (AttributeError, ValueError, OSError):
        return None


def _end_session(process: subprocess.Popen[bytes]) -> None:
    # The whole group: data loaders and whatever else the code started.
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _events(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            yield json.loads(line)


def _outcome(events: Sequence[Mapping[str, Any]], ended: str, printed: str) -> Outcome:
    found: dict[str, Any] = {"imports": [], "models": [], "modes": [], "runs": []}
    doing = "starting"
    complete = False
    for event in events:
        if event["event"] == "stage":
            doing = event["doing"]
        elif event["event"] == "import":
            found["imports"].append({"path": event["path"], "error": event["error"]})
        elif event["event"] in ("model", "mode", "run"):
            found[f"{event['event']}s"].append(event[event["event"]])
        elif event["event"] in ("versions", "stubs", "config"):
            found[event["event"]] = event[event["event"]]
        elif event["event"] == "training":
            found["training_error"] = event["error"]
        elif event["event"] == "end":
            complete = True
    failure = ""
    if not complete and not found["runs"]:  # a watched training ends its process
        how = ended or "ended with exit code 0"
        failure = f"the interpreter {how} while {doing}"
        if doing == "starting" and printed:
            failure += f": {printed.splitlines()[-1]}"
    return Outcome(snapshot.from_json(Snapshot, found), failure, printed)
