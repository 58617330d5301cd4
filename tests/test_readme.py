"""README shows what happens: its files are written, its commands run, its output compared.

What it shows without output is run by test_documented_commands.py.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MakeRepository

CHECKOUT = Path(__file__).parents[1]
README = CHECKOUT / "README.md"
TRANSLATION = CHECKOUT / "README.zh-CN.md"


def files(text: str) -> dict[str, str]:
    """The files that are shown whole, by the name above them."""
    return dict(re.findall(r"^`(\S+\.py)`:\n\n```python\n(.*?)```", text, re.DOTALL | re.MULTILINE))


def commands(text: str) -> list[tuple[str, str]]:
    """Each command of the console blocks with the output that is shown for it."""
    found = []
    for block in re.findall(r"^```console\n(.*?)```", text, re.DOTALL | re.MULTILINE):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = step.partition("\n")
            found.append((command, output.rstrip("\n")))
    return found


def test_console_blocks_are_what_happens(repository: MakeRepository) -> None:
    text = README.read_text(encoding="utf-8")
    root = repository(files(text))
    steps = commands(text)
    assert [command for command, _ in steps][:2] == ["bn2gn migrate --diff", "bn2gn check"]
    for command, expected in steps:
        program, *arguments = command.split()
        assert program == "bn2gn"
        call = [sys.executable, "-m", "bn2gn_codemod", *arguments]
        done = subprocess.run(call, cwd=root, capture_output=True, text=True)
        assert (done.stdout + done.stderr).rstrip("\n") == expected, command


def test_python_example_runs(tmp_path: Path) -> None:
    sample = tmp_path / "path/to/repository"
    shutil.copytree(CHECKOUT / "fixtures/satmot", sample)
    (example,) = re.findall(
        r"```python\n(from bn2gn_codemod .*?)```", README.read_text(), re.DOTALL
    )
    program = f"{example}print(*change.changed)\n"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    *findings, changed = done.stdout.splitlines()
    assert sum(" BN101 " in finding for finding in findings) == 13
    assert "train.py" in changed.split()
    original = (CHECKOUT / "fixtures/satmot/train.py").read_bytes()
    assert (sample / "train.py").read_bytes() == original


@pytest.mark.parametrize(
    "part",
    [
        r"^```\w+\n.*?^```$",  # blocks of code
        r"^(#+) ",
        r"^\| (`\w+`|\d) \|",  # rows of tables
        r"\]\(([\w/.-]+/[\w.-]+|CONTRIBUTING\.md)\)",
    ],
)
def test_translation_has_the_same(part: str) -> None:
    english, chinese = (
        list(re.findall(part, path.read_text("utf-8"), re.DOTALL | re.MULTILINE))
        for path in (README, TRANSLATION)
    )
    assert len(english) > 3
    assert english == chinese


def test_translation_names_the_same_code() -> None:
    """Commands, options, files and settings in sentences."""
    texts = (path.read_text(encoding="utf-8") for path in (README, TRANSLATION))
    prose = (re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE) for text in texts)
    english, chinese = (
        {" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)} for text in prose
    )
    assert english == chinese


@pytest.mark.parametrize("path", [README, TRANSLATION, CHECKOUT / "CONTRIBUTING.md"])
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (CHECKOUT / link).exists()] == []


def test_every_setting_is_documented_with_its_default() -> None:
    from bn2gn_codemod.settings import known

    (shown,) = re.findall(r"```toml\n\[tool\.bn2gn\]\n(.*?)```", README.read_text(), re.DOTALL)
    assert re.findall(r"^([a-z-]+) = ", shown, re.MULTILINE) == [s.key for s in known()]
