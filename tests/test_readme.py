"""README shows what happens: its files are written, its commands run, its output compared."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import MakeRepository

README = Path(__file__).parents[1] / "README.md"


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


def test_every_setting_is_documented_with_its_default() -> None:
    from bn2gn_codemod.settings import known

    (shown,) = re.findall(r"```toml\n\[tool\.bn2gn\]\n(.*?)```", README.read_text(), re.DOTALL)
    assert re.findall(r"^([a-z-]+) = ", shown, re.MULTILINE) == [s.key for s in known()]
