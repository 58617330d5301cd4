"""The command line: what is imported, exit codes, streams, and one clear line for each mistake."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bn2gn_codemod import __version__, cli, rules, survey
from bn2gn_codemod.plan import Finding, Place, Plan, Site, Skipped, Verdict
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository
from tests.conftest import MakeRepository, Run

HEAVY = ("jinja2", "libcst", "rich", "torch")
HERE = Path(__file__).parent
NORM = "from torch import nn\n\nlayer = nn.BatchNorm2d(8)\n"


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Callable[[Plan], list[Settings]]:
    """Makes the survey give one plan, whatever it reads; returns the settings that it got."""

    def plan_as(plan: Plan) -> list[Settings]:
        seen: list[Settings] = []

        def plan_repository(repository: Repository, settings: Settings) -> Plan:
            seen.append(settings)
            return plan

        monkeypatch.setattr(survey, "plan_repository", plan_repository)
        return seen

    return plan_as


def site(verdict: Verdict, path: str = "net.py", line: int = 3) -> Site:
    return Site(Place(path, line, 9), "BatchNorm2d", "Net", "bn", verdict, ("seen",), ("chain",))


# ------------------------------------------------------------------- start-up


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["check", "--help"]])
def test_start_up_imports_nothing_heavy(arguments: list[str]) -> None:
    assert imported_by(arguments) == []


def test_check_of_files_without_norms_imports_nothing_heavy(repository: MakeRepository) -> None:
    assert imported_by(["check", str(repository({"net.py": "x = 1\n"}))]) == []


@pytest.mark.parametrize("command", ["check", "migrate"])
def test_files_that_no_layer_can_concern_cost_no_survey(
    repository: MakeRepository, command: str
) -> None:
    """What pre-commit asks after most commits: the repository has models, these files none."""
    root = repository(
        {
            "pyproject.toml": "",
            "lib/neck.py": NORM,
            "lib/config.py": "optim_wrapper = dict(paramwise_cfg=dict(custom_keys={}))\n",
            "data/clips.py": "import os\n\n\ndef clips(path):\n    return os.listdir(path)\n",
            "setup.py": "from setuptools import setup\n\nsetup()\n",
        }
    )
    files = [str(root / "data/clips.py"), str(root / "setup.py")]
    packages = (*HEAVY, "bn2gn_codemod.survey", "bn2gn_codemod.rules")
    assert imported_by([command, *files], packages) == []


@pytest.mark.parametrize(("output_format", "names"), [("github", []), ("sarif", ["libcst"])])
def test_libcst_is_for_fixes_alone(
    repository: MakeRepository, output_format: str, names: list[str]
) -> None:
    root = repository(
        {"net.py": "from torch import nn\nx = nn.BatchNorm2d(64)  # bn2gn: convert\n"}
    )
    arguments = ["check", str(root), "--output-format", output_format]
    assert imported_by(arguments, code=1) == names


def test_the_api_imports_nothing_heavy() -> None:
    program = f"import bn2gn_codemod.api, sys; print(sorted(sys.modules.keys() & {set(HEAVY)!r}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def imported_by(arguments: list[str], packages: Sequence[str] = HEAVY, code: int = 0) -> list[str]:
    """Those of ``packages`` that a run in a fresh interpreter has imported at its end."""
    program = (
        "import atexit, json, sys\n"
        f"heavy = lambda: [name for name in {packages!r} if name in sys.modules]\n"
        "atexit.register(lambda: print('\\nIMPORTED', json.dumps(heavy())))\n"
        "from bn2gn_codemod.cli import main\n"
        f"main({arguments!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    names: list[str] = json.loads(done.stdout.rpartition("IMPORTED")[2])
    return names


@pytest.mark.parametrize("command", [[sys.executable, "-m", "bn2gn_codemod"], ["bn2gn"]])
def test_installed_commands(command: Sequence[str]) -> None:
    name = Path(sys.executable).with_name("bn2gn") if command == ["bn2gn"] else command[0]
    done = subprocess.run([name, *command[1:], "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"bn2gn, version {__version__}\n")


# ------------------------------------------------------------------ exit codes


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        (Plan("/r"), 0),
        (Plan("/r", sites=(site(Verdict.KEEP),)), 0),
        (Plan("/r", sites=(site(Verdict.CONVERT),)), 1),
        (Plan("/r", sites=(site(Verdict.CONFLICT),)), 1),
        (Plan("/r", sites=(site(Verdict.UNKNOWN),)), 1),
        (Plan("/r", findings=(Finding("BN201", Place("train.py", 1), "m"),)), 1),
        (Plan("/r", skipped=(Skipped("net.py", "line 1: invalid syntax"),)), 1),
    ],
)
@pytest.mark.parametrize("output_format", ["text", "json"])
def test_check_exits_1_when_there_is_something_to_report(
    repository: MakeRepository,
    run: Run,
    planned: Callable[[Plan], object],
    plan: Plan,
    code: int,
    output_format: str,
) -> None:
    planned(plan)
    root = repository({"net.py": ""})
    assert run("check", root, "--output-format", output_format)[0] == code


def test_skipped_files_are_named_in_one_line_each(
    repository: MakeRepository, run: Run, planned: Callable[[Plan], object]
) -> None:
    planned(Plan("/r", skipped=(Skipped("a.py", "line 1: invalid syntax"), Skipped("b.py", "no"))))
    for output_format in ("text", "json"):
        _, _, err = run("check", repository({"a.py": ""}), "--output-format", output_format)
        assert err == "bn2gn: skipped a.py: line 1: invalid syntax\nbn2gn: skipped b.py: no\n"


def test_json_goes_to_stdout_alone(
    repository: MakeRepository, run: Run, planned: Callable[[Plan], object]
) -> None:
    planned(Plan("/r", sites=(site(Verdict.KEEP),), skipped=(Skipped("b.py", "no"),)))
    _, out, _ = run("check", repository({"net.py": ""}), "--output-format", "json")
    assert json.loads(out)["summary"]["keep"] == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["chek"], "bn2gn: No such command 'chek'. Did you mean 'check'? (see bn2gn --help)"),
        (
            ["check", "--group", "8"],
            "bn2gn: No such option '--group'. Did you mean '--groups'? (see bn2gn check --help)",
        ),
        (
            ["check", "--ouptut-format=json"],
            "bn2gn: No such option '--ouptut-format'. Did you mean '--output-format'? (see bn2gn c",
        ),
        (
            ["check", "--freeze", "bns"],
            "bn2gn: Invalid value for '--freeze': 'bns' is not one of 'bn', 'backbone', 'none'.",
        ),
        (
            ["verify", "--run", "python", "train.py"],
            "bn2gn: --run wants a command after --: --run -- python train.py (see bn2gn verify --h",
        ),
        ([f"{HERE}"], f"bn2gn: No such command '{HERE}'. Did you mean 'check {HERE}'? (see bn2gn "),
        (
            ["check", "--groups", "none"],
            "bn2gn: Invalid value for '--groups': 'none' is not a valid integer. "
            "(see bn2gn check --help)",
        ),
        (["check", "--groups", "0"], "bn2gn: --groups must be a whole number of 1 or more, not 0"),
        (["check", "no/such/place"], "bn2gn: no/such/place: no such file or directory"),
        (["check", "--explain", "net.py"], "bn2gn: --explain wants PATH:LINE, as in lib/models/"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(run: Run, arguments: list[str], line: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(line)
    assert err.count("\n") == 1


def test_directory_without_python_is_exit_2(run: Run, repository: MakeRepository) -> None:
    root = repository({"notes.txt": ""})
    assert run("check", root) == (2, "", f"bn2gn: {root}: no Python file there\n")


def test_wrong_setting_is_exit_2(run: Run, repository: MakeRepository) -> None:
    root = repository({"net.py": "", "pyproject.toml": "[tool.bn2gn]\n\ngroup = 3\n"})
    code, _, err = run("check", root)
    assert code == 2
    expected = f"bn2gn: {root}/pyproject.toml:3: unknown setting 'group'; did you mean 'groups'?\n"
    assert err == expected


def test_wrong_exclude_pattern_is_exit_2(run: Run, repository: MakeRepository) -> None:
    code, _, err = run("check", repository({"net.py": ""}), "--exclude", "!")
    assert code == 2
    assert err.startswith("bn2gn: --exclude '!': ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("exclude = ['net.py', 'thrid_party/']", "matches no file or folder of"),
        ("exclude = ['third-party/']", "did you mean 'third_party/'?"),
        ("exclude = ['lib/nte.py']", "did you mean 'lib/net.py'?"),
        ("norms = ['BatchNorm2D0']", "is no BatchNorm class; did you mean 'BatchNorm2d'?"),
        ("backbone = ['Nekc']", "names no class or attribute"),
        ("convert = ['Nekc']", "names no class or attribute"),
        ("backbone = ['Neck']\nconvert = ['Neck']", "stands in backbone, too; take it out"),
    ],
)
def test_setting_without_effect_is_named_with_file_and_line(
    run: Run, repository: MakeRepository, line: str, says: str
) -> None:
    toml = f"[tool.bn2gn]\n{line}\n"
    files = {"third_party/a.txt": "", "lib/net.py": NORM, "net.py": ""}
    root = repository({"pyproject.toml": toml, **files})
    code, out, err = run("check", root)
    assert (code, out) == (2, "")
    assert err.startswith(f"bn2gn: {root}/pyproject.toml:{toml.count(chr(10))}: ")
    assert says in err
    assert err.count("\n") == 1


def test_exclude_is_not_asked_for_more_than_the_named_files(
    run: Run, repository: MakeRepository
) -> None:
    toml = "[tool.bn2gn]\nexclude = ['nowhere/']\n"
    root = repository({"pyproject.toml": toml, "net.py": "x = 1\n"})
    assert run("check", root / "net.py")[::2] == (0, "")


def test_a_bug_is_one_line_without_traceback(
    run: Run, repository: MakeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> Plan:
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(survey, "plan_repository", broken)
    root = repository({"net.py": ""})
    code, out, err = run("check", root)
    assert (code, out) == (2, "")
    assert err.startswith("bn2gn: this is a bug in bn2gn: RuntimeError: first line (BN2GN_TRACE")
    assert err.count("\n") == 1
    monkeypatch.setenv("BN2GN_TRACEBACK", "1")
    assert "Traceback" in run("check", root)[2]


def test_interruption_is_one_line(
    run: Run, repository: MakeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any) -> Plan:
        raise KeyboardInterrupt

    monkeypatch.setattr(survey, "plan_repository", interrupted)
    code, _, err = run("check", repository({"net.py": ""}))
    assert (code, err.strip()) == (2, "bn2gn: interrupted")


def test_reader_that_has_seen_enough_gets_no_traceback(repository: MakeRepository) -> None:
    root = repository({"net.py": "x = 1\n"})
    arguments = [sys.executable, "-m", "bn2gn_codemod", "check", str(root)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


# --------------------------------------------------------- settings and paths


def test_each_setting_is_a_flag_that_wins(
    repository: MakeRepository, run: Run, planned: Callable[[Plan], list[Settings]]
) -> None:
    seen = planned(Plan("/r"))
    toml = '[tool.bn2gn]\ngroups = 4\nguard = "loop"\n'
    root = repository({"net.py": "", "x/old.py": "", "pyproject.toml": toml})
    flags = (
        "--backbone=A --backbone=B --convert=C --exclude=x/ --norms=BatchNorm3d --groups=8 "
        "--min-channels-per-group=2 --shared-module=norm.py --init-loop=inject --freeze=none"
    )
    assert run("check", root, *flags.split())[0] == 0
    assert seen == [
        Settings(
            backbone=("A", "B"),
            convert=("C",),
            exclude=("x/",),
            norms=("BatchNorm3d",),
            groups=8,
            min_channels_per_group=2,
            shared_module="norm.py",
            init_loop="inject",
            freeze="none",
            guard="loop",
        )
    ]


def test_another_settings_file(
    repository: MakeRepository, run: Run, planned: Callable[[Plan], list[Settings]]
) -> None:
    seen = planned(Plan("/r"))
    root = repository(
        {"net.py": "", "pyproject.toml": "[tool.bn2gn]\ngroups = 4\n", "other.toml": "groups = 2\n"}
    )
    run("check", root, "--settings", root / "other.toml")
    assert seen == [Settings(groups=2)]


def test_only_the_named_files_are_reported(
    repository: MakeRepository, run: Run, planned: Callable[[Plan], object]
) -> None:
    root = repository({"pyproject.toml": "", "a.py": NORM, "lib/b.py": ""})
    planned(
        Plan(
            str(root),
            sites=(site(Verdict.KEEP, "a.py"), site(Verdict.UNKNOWN, "lib/b.py")),
            skipped=(Skipped("c.py", "broken"),),
        )
    )
    code, out, err = run("check", root / "a.py", "--output-format", "json")
    assert (code, err) == (0, "")
    assert [shown["path"] for shown in json.loads(out)["sites"]] == ["a.py"]


def test_named_file_that_settings_exclude_is_left_out_with_a_word(
    repository: MakeRepository, run: Run
) -> None:
    toml = '[tool.bn2gn]\nexclude = ["third_party/"]\n'
    root = repository({"pyproject.toml": toml, "third_party/net.py": NORM})
    code, _, err = run("check", root / "third_party/net.py")
    assert (code, err) == (0, "bn2gn: note: left out, as exclude says: third_party/net.py\n")


def test_a_part_of_a_repository_is_read_with_a_word(
    repository: MakeRepository, run: Run, planned: Callable[[Plan], object]
) -> None:
    root = repository({"pyproject.toml": "", "lib/b.py": ""})
    planned(Plan(str(root / "lib")))
    code, _, err = run("check", root / "lib")
    assert code == 0
    assert err.startswith(f"bn2gn: note: only {root}/lib is read, not the rest of {root};")
    assert err.count("\n") == 1


# --------------------------------------------------------------------- explain


def test_explain_shows_the_chain_of_one_line(
    repository: MakeRepository, run: Run, planned: Callable[[Plan], object]
) -> None:
    root = repository({"pyproject.toml": "", "net.py": NORM})
    planned(Plan(str(root), sites=(site(Verdict.KEEP), site(Verdict.UNKNOWN, line=8))))
    code, out, _ = run("check", "--explain", f"{root}/net.py:3")
    assert code == 0
    assert out.splitlines() == [
        "net.py:3:9: BatchNorm2d in Net.bn: keep",
        "  because:",
        "    seen",
        "  evidence:",
        "    chain",
    ]


@pytest.mark.parametrize("question", ["net.py:3", "net.py:3:9", "{root}/net.py:3"])
def test_explain_takes_paths_of_the_repository(
    repository: MakeRepository, run: Run, planned: Callable[[Plan], object], question: str
) -> None:
    root = repository({"net.py": ""})
    planned(Plan(str(root), sites=(site(Verdict.KEEP),)))
    assert run("check", root, "--explain", question.format(root=root))[0] == 0


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("net.py:4", "net.py:4: no norm layer; the nearest are on 3, 8"),
        ("train.py:1", "train.py: no norm layer in this file"),
    ],
)
def test_explain_of_a_line_without_a_layer(
    repository: MakeRepository,
    run: Run,
    planned: Callable[[Plan], object],
    question: str,
    message: str,
) -> None:
    root = repository({"net.py": "", "train.py": ""})
    planned(Plan(str(root), sites=(site(Verdict.KEEP), site(Verdict.UNKNOWN, line=8))))
    assert run("check", root, "--explain", question) == (2, "", f"bn2gn: {message}\n")


# ------------------------------------------------------------------------ help


@pytest.mark.parametrize("command", ["", *cli.bn2gn.commands])
def test_help_fits_a_screen_and_gives_an_example(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    _, out, _ = run(*filter(None, [command]), "--help")
    assert "Example: bn2gn" in out
    assert len(out.splitlines()) <= 40
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize("command", cli.bn2gn.commands)
def test_every_option_is_explained_by_the_help_that_names_it(run: Run, command: str) -> None:
    """Here, or there where a section is folded."""
    _, out, _ = run(command, "--help")
    folded = re.findall(r"\(see bn2gn (\w+) --help\):\n((?:    ?.+\n)+)", out)
    for elsewhere, names in folded:
        for option in re.findall(r"--[\w-]+", names):
            assert re.search(rf"^  {option} .*  \w", run(elsewhere, "--help")[1], re.MULTILINE)
    named = [option.opts[0] for option in cli.bn2gn.commands[command].params]
    assert [name for name in named if name.startswith("--") and name not in out] == []


def test_completion_in_bash(repository: MakeRepository) -> None:
    """As the README installs it: the shell's own completion calls bn2gn for the words."""
    root = repository({"pyproject.toml": ""})
    script = """
        eval "$(_BN2GN_COMPLETE=bash_source bn2gn)"
        complete -p bn2gn >/dev/null || exit 1
        completed() {
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
            _bn2gn_completion bn2gn
            echo "${COMPREPLY[@]}"
        }
        completed bn2gn che
        completed bn2gn migrate --out
        completed bn2gn check --freeze b
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PATH": path},
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["check checkpoint", "--output-format", "bn backbone"]


def test_rules_are_found_without_a_list() -> None:
    assert [rule.code for rule in rules.all_rules()][:3] == ["BN101", "BN102", "BN103"]
