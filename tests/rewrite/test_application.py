"""A whole plan written to a repository, also by a run that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from bn2gn_codemod.plan import (
    FileEdits,
    HelperEdit,
    LoopGuardEdit,
    NewFile,
    NormEdit,
    Place,
    Plan,
    Skipped,
)
from bn2gn_codemod.rewrite import apply
from bn2gn_codemod.sources import Repository, discover
from tests.conftest import MakeRepository

NET = "from torch import nn\n\nnorm = nn.BatchNorm2d(3)\n"
SHARED = "lib/models/norm.py"


def norm_in(path: str, helper: HelperEdit | None = None) -> FileEdits:
    """The edits of a file that holds ``NET``."""
    return FileEdits(path, (NormEdit(Place(path, 3, 8), "call", "BatchNorm2d"),), helper)


def plan(*files: FileEdits, new_files: tuple[NewFile, ...] = ()) -> Plan:
    return Plan("", files=files, new_files=new_files)


def sharing(path: str) -> FileEdits:
    return norm_in(path, HelperEdit(path, "nn", import_from="lib.models.norm"))


def test_every_file_is_written(repository: MakeRepository) -> None:
    root = repository({"a.py": NET, "b.py": NET, "c.py": NET})
    applied = apply(discover(root), plan(norm_in("a.py"), norm_in("c.py")))
    assert (applied.changed, applied.refused) == (("a.py", "c.py"), ())
    assert (root / "a.py").read_text() == NET.replace("nn.BatchNorm2d", "get_group_norm")
    assert (root / "b.py").read_text() == NET


def test_dry_run_writes_nothing(repository: MakeRepository) -> None:
    root = repository({"a.py": NET})
    new = NewFile(SHARED, ("get_group_norm",))
    shown = apply(discover(root), plan(sharing("a.py"), new_files=(new,)), dry_run=True)
    created, changed = shown.changes
    assert (created.path, created.before) == (SHARED, None)
    assert (changed.path, changed.before) == ("a.py", NET.encode())
    assert changed.after.startswith(
        b"from torch import nn\nfrom lib.models.norm import get_group_norm\n"
    )
    assert not shown.written
    assert [path.name for path in root.iterdir()] == ["a.py"]
    assert (root / "a.py").read_text() == NET


def test_a_refused_file_stops_no_other(repository: MakeRepository) -> None:
    files = {"bad.py": NET.replace("(3)", "(*c)"), "good.py": NET, "locked.py": NET}
    root = repository(files)
    (root / "locked.py").chmod(0o444)
    planned = plan(norm_in("bad.py"), norm_in("gone.py"), norm_in("good.py"), norm_in("locked.py"))
    applied = apply(discover(root), planned)
    assert applied.changed == ("good.py",)
    assert [skipped.path for skipped in applied.refused] == ["bad.py", "gone.py", "locked.py"]
    bad, gone, locked = (skipped.message for skipped in applied.refused)
    assert bad.startswith("line 3: the BatchNorm2d call stays: its arguments hold *args")
    assert gone == "is not among the files that were read"
    assert locked == "is read-only; make it writable (chmod u+w) and run again"
    assert {path: (root / path).read_text() for path in files} == {
        **files,
        "good.py": NET.replace("nn.BatchNorm2d", "get_group_norm"),
    }


# ---------------------------------------------------------------- shared module


@pytest.mark.parametrize(
    "definitions",
    [
        ("get_group_norm",),
        ("freeze_backbone_bn",),
        ("eval_backbone_bn",),
        ("get_group_norm", "freeze_backbone_bn", "eval_backbone_bn"),
    ],
)
def test_shared_module_holds_what_it_needs(
    repository: MakeRepository, definitions: tuple[str, ...]
) -> None:
    root = repository({"a.py": NET})
    new = NewFile(SHARED, definitions, backbone=("base",))
    assert apply(discover(root), plan(new_files=(new,))).changed == (SHARED,)
    source = (root / SHARED).read_text()
    check = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=E,F,W,I", SHARED]
    subprocess.run([*check, "--line-length=88"], cwd=root, check=True)
    assert [name for name in definitions if f"def {name}(" in source] == list(definitions)
    assert ("import warnings" in source) == ("freeze_backbone_bn" in definitions)


def test_shared_module_that_cannot_be_written(repository: MakeRepository) -> None:
    root = repository({"a.py": NET, "b.py": NET, "t.py": "model.train()\n", SHARED: "x = 1\n"})
    guard = LoopGuardEdit("t.py", Place("t.py", 1), "model", ("base",), import_from="models.norm")
    planned = plan(
        sharing("a.py"),
        norm_in("b.py"),
        FileEdits("t.py", loop_guards=(guard,)),
        new_files=(NewFile(SHARED, ("get_group_norm",)),),
    )
    applied = apply(discover(root), planned)
    assert applied.changed == ("b.py",)
    reason = f"left as it is: {SHARED}, which it would import, could not be written"
    assert applied.refused == (
        Skipped(SHARED, "already exists"),
        Skipped("a.py", reason),
        Skipped("t.py", reason),
    )
    shown = apply(discover(root), planned, dry_run=True)
    assert shown.refused[0] == Skipped(SHARED, "already exists")
    assert (root / "a.py").read_text() == NET


def test_shared_module_that_exists_is_written_before_what_imports_it(
    repository: MakeRepository,
) -> None:
    root = repository({"a.py": NET, SHARED: NET})
    shared = norm_in(SHARED, HelperEdit(SHARED, "nn"))
    assert apply(discover(root), plan(sharing("a.py"), shared), dry_run=True).changed == (
        SHARED,
        "a.py",
    )
    (root / SHARED).chmod(0o444)
    applied = apply(discover(root), plan(sharing("a.py"), shared))
    assert applied.changed == ()
    assert [skipped.path for skipped in applied.refused] == [SHARED, "a.py"]
    assert (root / "a.py").read_text() == NET


def test_folder_of_the_shared_module_is_read_only(
    repository: MakeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = repository({"a.py": NET})

    def refusing(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refusing)
    new = NewFile(SHARED, ("get_group_norm",))
    applied = apply(discover(root), plan(sharing("a.py"), new_files=(new,)))
    assert applied.changed == ()
    assert [skipped.path for skipped in applied.refused] == [SHARED, "a.py"]
    assert applied.refused[0].message == "cannot be written: Permission denied"


# ---------------------------------------------------------------- killed in the middle

FILES = [f"m{number:02}.py" for number in range(12)]
SCRIPT = """
    import sys
    from pathlib import Path
    from bn2gn_codemod.rewrite import apply
    from bn2gn_codemod.sources import discover
    from tests.rewrite.test_application import everything
    repository = discover(Path(sys.argv[1]))
    print("ready", flush=True)
    apply(repository, everything(repository))
"""


def long_net() -> str:
    return NET + "".join(f"x{number} = {number}\n" for number in range(300))


def everything(repository: Repository) -> Plan:
    """A plan for all files of ``long_net`` that are not migrated yet."""
    files = [source for source in repository.files if "BatchNorm2d" in source.text]
    return plan(*(norm_in(source.path, HelperEdit(source.path, "nn")) for source in files))


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1])
def test_killed_run_tears_no_file_and_the_next_one_completes(
    repository: MakeRepository, delay: float
) -> None:
    old = long_net()
    root = repository(dict.fromkeys(FILES, old))
    shown = apply(discover(root), everything(discover(root)), dry_run=True)
    new = {change.path: change.after.decode() for change in shown.changes}
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(root)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    time.sleep(delay)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert all((root / path).read_text() in (old, new[path]) for path in FILES)
    rest = discover(root)
    assert [source.path for source in rest.files] == FILES
    apply(rest, everything(rest))
    assert {path.name: path.read_text() for path in root.iterdir()} == new


def test_killed_while_the_new_content_is_half_written(repository: MakeRepository) -> None:
    """The worst moment: the temporary file lies there, and nobody cleans up."""
    root = repository({"a.py": NET})
    killed = textwrap.dedent(SCRIPT).replace(
        "repository = ",
        "import os, signal\n"
        "os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)\n"
        "repository = ",
    )
    process = subprocess.run(
        [sys.executable, "-c", killed, str(root)], cwd=Path(__file__).parents[2], check=False
    )
    assert process.returncode == -signal.SIGKILL
    assert (root / "a.py").read_text() == NET
    assert len(list(root.iterdir())) == 2
    rest = discover(root)
    assert [source.path for source in rest.files] == ["a.py"]
    assert apply(rest, everything(rest)).changed == ("a.py",)
    assert [path.name for path in root.iterdir()] == ["a.py"]
