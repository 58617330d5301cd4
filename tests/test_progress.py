"""The progress bar: for people on a terminal, when they have to wait."""

from __future__ import annotations

import io
import sys
import time

import pytest

from bn2gn_codemod import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(progress, "PATIENCE", 0.05)
    monkeypatch.setenv("TERM", "xterm-256color")
    return 0.05


def shown(monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO, seconds: float) -> str:
    monkeypatch.setattr(sys, "stderr", stderr)
    with progress.shown_when_slow("reading the repository"):
        time.sleep(seconds)
    return stderr.getvalue()


def test_shown_on_a_terminal_after_a_while(
    monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    assert "reading the repository" in shown(monkeypatch, Terminal(), patience + 1.0)


def test_not_shown_when_it_is_quick(monkeypatch: pytest.MonkeyPatch, patience: float) -> None:
    assert shown(monkeypatch, Terminal(), 0) == ""


def test_not_shown_in_a_pipe(monkeypatch: pytest.MonkeyPatch, patience: float) -> None:
    assert shown(monkeypatch, io.StringIO(), patience * 4) == ""


def test_gone_when_the_work_fails(monkeypatch: pytest.MonkeyPatch, patience: float) -> None:
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)

    def broken() -> None:
        with progress.shown_when_slow("reading"):
            time.sleep(patience + 1.0)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        broken()
    ended = stderr.getvalue()
    time.sleep(0.3)
    assert stderr.getvalue() == ended


def test_a_second_passes_before_anything_is_shown() -> None:
    assert progress.PATIENCE == 1.0
