"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from bn2gn_codemod import cli, probing
from tests import warm

MakeRepository = Callable[[Mapping[str, str]], Path]
Run = Callable[..., tuple[int, str, str]]

# Else every ``bn2gn`` that a test starts would compile the whole package once more.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session")
def python() -> Iterator[warm.Python]:
    """For code that needs torch and a process of its own."""
    with warm.Python("torch._dynamo") as python:
        yield python


@pytest.fixture(scope="module")
def warm_probes(python: warm.Python) -> Iterator[None]:
    """Probes of this process start with torch imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probing, "start", python.start_probe)
        yield


@pytest.fixture
def repository(tmp_path: Path) -> MakeRepository:
    """Writes a repository of the given texts by path, and returns its root."""

    def write(files: Mapping[str, str]) -> Path:
        root = tmp_path / "repository"
        for path, text in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        return root

    return write


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``bn2gn`` in this process; gives exit code, stdout and stderr."""

    def with_arguments(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit_:
            cli.main([str(argument) for argument in arguments])
        gc.unfreeze()  # this process goes on
        gc.enable()
        shown = capsys.readouterr()
        assert isinstance(exit_.value.code, int)
        return exit_.value.code, shown.out, shown.err

    return with_arguments


def chromium() -> str | None:
    """The browser of this machine that the tests of ``tests/browser`` run in."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, found), None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out for want of a browser."""
    if chromium() is None and os.environ.get("BN2GN_BROWSER_TESTS") != "required":
        terminalreporter.write_line(
            "left out: tests/browser, the review page in a real browser (no chromium found; "
            "install the package chromium and run them again)",
            yellow=True,
        )
