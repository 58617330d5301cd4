"""A Python that has imported torch already: every run of it is a fork.

An import of torch takes two seconds of a processor, and many tests want an
interpreter of their own only to have its modules, its working directory and its
end to themselves. Runs are one after the other. Whatever is about the start of
an interpreter itself is tested with a real one.
"""

from __future__ import annotations

import gc
import importlib
import io
import multiprocessing.process
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

_TIMEOUT = 300.0  # seconds


class Process:
    """What of ``subprocess.Popen`` there is for a run."""

    def __init__(self, server: Connection) -> None:
        self.pid: int = server.recv()
        self._server = server
        self._code: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, below 0 for a signal. Raises ``subprocess.TimeoutExpired``."""
        if self._code is None:
            if not self._server.poll(timeout):
                raise subprocess.TimeoutExpired("python", timeout or 0)
            self._code = self._server.recv()
        assert self._code is not None
        return self._code


class Python:
    """Use it as ``with Python("torch") as python``: it has imported these modules."""

    def __init__(self, *modules: str) -> None:
        self._ours, theirs = multiprocessing.Pipe()
        with theirs:
            number = theirs.fileno()
            self._server = subprocess.Popen(
                [sys.executable, __file__, str(number), *modules],
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )

    def __enter__(self) -> Python:
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self._server.wait()

    def start(
        self, arguments: Sequence[str], cwd: Path, env: Mapping[str, str], out: str, err: str
    ) -> Process:
        """Start ``python *arguments``; what it prints is added to these files."""
        self._ours.send((list(arguments), str(cwd), dict(env), out, err))
        return Process(self._ours)

    def start_probe(
        self, command: Sequence[str], folder: Path, env: Mapping[str, str], output: Any
    ) -> Process:
        """Stands in for ``bn2gn_codemod.probing.start``."""
        python, *arguments = command
        assert python == sys.executable
        return self.start(arguments, folder, env, output.name, output.name)

    def run(
        self, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """``subprocess.run([sys.executable, *arguments], capture_output=True, text=True)``."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            environment = os.environ if env is None else env
            process = self.start(arguments, cwd, environment, str(out), str(err))
            try:
                code = process.wait(_TIMEOUT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
            return subprocess.CompletedProcess(
                arguments, code, out.read_text("utf-8"), err.read_text("utf-8")
            )


def _serve(tests: Connection) -> None:
    gc.freeze()  # no page is copied only because its objects were counted
    while True:
        try:
            arguments, *place = tests.recv()
        except EOFError:
            return
        child = os.fork()
        if not child:
            tests.close()
            _settle(*place)
            _become(arguments)
            return
        tests.send(child)
        tests.send(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _settle(cwd: str, env: Mapping[str, str], out: str, err: str) -> None:
    os.setsid()
    os.chdir(cwd)
    # Where spawned processes look for the script.
    multiprocessing.process.ORIGINAL_DIR = cwd  # type: ignore[attr-defined]
    os.environ.clear()
    os.environ.update(env)
    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    unbuffered = bool(env.get("PYTHONUNBUFFERED"))
    encoding, _, errors = env.get("PYTHONIOENCODING", "utf-8").partition(":")
    for stream, usual in ((sys.stdout, "strict"), (sys.stderr, "backslashreplace")):
        assert isinstance(stream, io.TextIOWrapper)
        stream.reconfigure(
            encoding=encoding,
            errors=errors or usual,
            line_buffering=False,
            write_through=unbuffered,
        )
    sys.dont_write_bytecode = bool(env.get("PYTHONDONTWRITEBYTECODE"))
    paths = env.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[1:1] = [path for path in paths if path and path not in sys.path]


def _become(arguments: Sequence[str]) -> None:
    first, *rest = arguments
    if first == "-c":
        sys.argv, sys.path[0] = ["-c", *rest[1:]], ""
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(rest[0], "<string>", "exec"), names)
    elif first == "-m":
        sys.argv, sys.path[0] = rest, os.getcwd()
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[0] = list(arguments), str(Path(first).resolve().parent)
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    for _module in sys.argv[2:]:
        importlib.import_module(_module)
    _serve(Connection(int(sys.argv[1])))
