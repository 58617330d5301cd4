"""docs/api.md and docs/libcst.md show what happens."""

from __future__ import annotations

import doctest
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bn2gn_codemod import api, codemods
from tests.conftest import MakeRepository
from tests.test_readme import commands, files

DOCS = Path(__file__).parents[1] / "docs"
API = (DOCS / "api.md").read_text(encoding="utf-8")
LIBCST = (DOCS / "libcst.md").read_text(encoding="utf-8")


def test_api_example(repository: MakeRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository(files(API)))
    blocks = "\n".join(re.findall(r"^```pycon\n(.*?)```", API, re.DOTALL | re.MULTILINE))
    example = doctest.DocTestParser().get_doctest(blocks, {}, "api.md", None, None)
    shown: list[str] = []
    doctest.DocTestRunner().run(example, out=shown.append)
    assert not shown, "".join(shown)


def test_api_page_names_every_function() -> None:
    functions = [name for name in api.__all__ if inspect.isfunction(getattr(api, name))]
    documented = re.findall(r"^\| `(\w+)\(", API, re.MULTILINE)
    assert sorted(documented) == functions
    assert all("Raises" in (getattr(api, name).__doc__ or "") for name in ("survey", "verify"))


def test_libcst_example(repository: MakeRepository) -> None:
    root = repository(files(LIBCST))
    for command, expected in commands(LIBCST):
        program, *arguments = command.split()
        assert program == "python"
        done = subprocess.run(
            [sys.executable, *arguments], cwd=root, capture_output=True, text=True
        )
        shown = done.stderr.partition("Finished")
        printed = (shown[0] + done.stdout + "".join(shown[1:])).replace(f"{root}/", "/path/to/")
        assert [line.rstrip() for line in printed.splitlines()] == expected.splitlines()


def test_libcst_page_names_every_command() -> None:
    table = re.findall(r"^\| `(\w+Command)` \|", LIBCST, re.MULTILINE)
    assert sorted(table) == sorted(codemods.__all__)
