"""``make demo``: findings, the diff, the migration, and a second run that finds nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def snapshot(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*.py") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_demo_runs_the_main_job_and_leaves_the_sample_alone() -> None:
    before = snapshot(ROOT / "fixtures" / "satmot")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [ROOT / "fixtures" / "demo.sh"],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert snapshot(ROOT / "fixtures" / "satmot") == before
    steps = re.split(r"^\$ ", done.stdout, flags=re.MULTILINE)[1:]
    shown = [step.partition("\n") for step in steps]
    assert [command for command, _, _ in shown] == [
        "bn2gn check",
        "bn2gn migrate --diff",
        "bn2gn migrate",
        "git diff --stat",
        "bn2gn check",
        "bn2gn migrate",
    ]
    found, diff, _, _, second_check, second_migrate = (output for _, _, output in shown)
    assert "BN101" in found
    assert "\n+++ b/train.py\n" in diff
    assert "\n+++ b/train_satmtb.py\n" in diff
    assert "no findings" in second_check
    assert second_migrate.strip() == "nothing to change"
