"""How long ``bn2gn check`` and ``migrate`` take on a repository, beside the least they could.

    python benchmarks/migrate_speed.py REPOSITORY [--runs N]

Everything is timed in a fresh process, as a user starts it, on copies of the
repository. The floor is what no LibCST codemod can do without: importing
LibCST, and parsing and generating the code of the files that ``migrate``
changes. Bare start-up is ``bn2gn --version``. Printed are medians of one run
of this script, in seconds, and their ratios.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

BN2GN = [sys.executable, "-m", "bn2gn_codemod"]
FLOOR = """
import sys
import libcst
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        libcst.parse_module(file.read()).bytes
"""


def seconds(command: Sequence[str], cwd: Path, accepted: Sequence[int] = (0,)) -> float:
    """Wall-clock time of one process; raises ``SystemExit`` for an unexpected exit code."""
    # As installed, the package is compiled: an editable install must be let
    # write its bytecode, or every run would compile it anew.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    passed = time.perf_counter() - start
    if done.returncode not in accepted:
        raise SystemExit(f"{' '.join(command)} exited {done.returncode}: {done.stderr}")
    return passed


def changed_files(before: Path, after: Path) -> list[str]:
    """The Python files below ``before`` that are different below ``after``, sorted."""
    return sorted(
        str(file.relative_to(before))
        for file in before.rglob("*.py")
        if file.is_file() and file.read_bytes() != (after / file.relative_to(before)).read_bytes()
    )


def measure(repository: Path, runs: int) -> dict[str, float]:
    """Median seconds by what was timed; the kinds take turns, so that load hits all alike."""
    with tempfile.TemporaryDirectory() as folder:
        copies = [Path(folder) / str(number) for number in range(runs + 1)]
        for copy in copies:
            shutil.copytree(repository, copy, symlinks=True)
        migrate = [*BN2GN, "migrate"]
        seconds(migrate, copies[runs], accepted=(0, 1))  # fills the file cache as well
        floor = [sys.executable, "-c", FLOOR, *changed_files(copies[0], copies[runs])]
        kinds: dict[str, Callable[[Path], float]] = {
            "start-up": lambda copy: seconds([*BN2GN, "--version"], copy),
            "check": lambda copy: seconds([*BN2GN, "check"], copy, accepted=(0, 1)),
            "floor": lambda copy: seconds(floor, copy),
            "migrate": lambda copy: seconds(migrate, copy, accepted=(0, 1)),
        }
        times: dict[str, list[float]] = {kind: [] for kind in kinds}
        for copy in copies[:runs]:
            for kind, timed in kinds.items():
                times[kind].append(timed(copy))
    return {kind: statistics.median(of_kind) for kind, of_kind in times.items()}


def main() -> None:
    """Measure the repository named on the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    median = measure(arguments.repository, arguments.runs)
    for kind, value in median.items():
        print(f"{kind:10} {value:6.2f} s")
    print(f"check over start-up: {median['check'] - median['start-up']:.2f} s")
    print(f"migrate to floor:    {median['migrate'] / median['floor']:.2f} times")


if __name__ == "__main__":
    main()
