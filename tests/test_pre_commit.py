"""The hooks, run by the real pre-commit in git repositories that install this checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
HEAD = "import torchvision\nfrom torch import nn\n\n\n"
BACKBONE = '        self.backbone = torchvision.models.resnet18(weights="DEFAULT")\n'
NECK = "        self.neck = nn.Sequential(nn.Conv2d(512, 64, 1), nn.BatchNorm2d(64))\n"
CONVERTED = NECK.replace("nn.BatchNorm2d", "get_group_norm")
FORWARD = "\n    def forward(self, x):\n        return self.backbone(x)\n"


def detector(neck: str = "", forward: str = FORWARD) -> str:
    """A model with a pretrained backbone, and the layers beside it."""
    init = "    def __init__(self):\n        super().__init__()\n"
    return f"{HEAD}class Detector(nn.Module):\n{init}{BACKBONE}{neck}{forward}"


class Project:
    """A git repository with hooks installed, and a user who works in it."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self.root = root
        self.environment = dict(environment)

    def run(self, *command: str | Path) -> tuple[int, str]:
        """Exit code and everything that was printed."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.returncode, done.stdout

    def git(self, *arguments: str) -> str:
        code, shown = self.run("git", *arguments)
        assert code == 0, shown
        return shown

    def write(self, files: Mapping[str, str]) -> None:
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def stage(self, files: Mapping[str, str]) -> None:
        self.write(files)
        self.git("add", "--all")

    def commit(self) -> tuple[int, str]:
        """``git commit``, which runs the hooks."""
        return self.run("git", "commit", "--message", "work")

    def pre_commit(self, *arguments: str) -> tuple[int, str]:
        return self.run(sys.executable, "-m", "pre_commit", *arguments)


MakeProject = Callable[..., Project]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """No settings of the machine's user, and one place for hook environments."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    return {
        **inherited,
        "PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("pre-commit")),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_NAME": "user" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "user@example.org" for who in ("AUTHOR", "COMMITTER")},
    }


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Project:
    """This checkout, as it lies here, as a git repository of one commit."""
    root = tmp_path_factory.mktemp("product")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True)
    for path in filter(None, listed.stdout.split("\0")):
        if (CHECKOUT / path).is_file():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(CHECKOUT / path, root / path)
    product = Project(root, environment)
    product.git("init", "--quiet")
    product.git("add", "--all")
    product.git("commit", "--quiet", "--message", "the checkout")
    return product


@pytest.fixture
def project(tmp_path: Path, product: Project, environment: dict[str, str]) -> MakeProject:
    """A committed repository whose hooks come from the product, each with its own settings."""

    def made(files: Mapping[str, str], *hooks: str, settings: str = "") -> Project:
        project = Project(tmp_path / "project", environment)
        lines = [f"  - id: {hook}\n    verbose: true\n{settings}" for hook in hooks]
        rev = product.git("rev-parse", "HEAD").strip()
        config = f"repos:\n- repo: {product.root}\n  rev: {rev}\n  hooks:\n{''.join(lines)}"
        project.write({**files, ".pre-commit-config.yaml": config})
        project.git("init", "--quiet")
        project.git("add", "--all")
        project.git("commit", "--quiet", "--message", "start")
        code, shown = project.pre_commit("install", "--install-hooks")
        assert code == 0, shown
        return project

    return made


def commits(project: Project) -> int:
    return int(project.git("rev-list", "--count", "HEAD"))


# ------------------------------------------------------------------- one commit


def test_new_layer_with_batchnorm_is_stopped_with_the_finding(project: MakeProject) -> None:
    work = project({"net.py": detector()}, "bn2gn-check")
    work.stage({"net.py": detector(NECK)})
    code, shown = work.commit()
    assert (code, commits(work)) == (1, 1)
    assert "exit code: 1" in shown
    assert "net.py\n" in shown
    assert "BN101" in shown
    assert work.read("net.py") == detector(NECK)


def test_new_layer_is_rewritten_and_passes_on_the_second_try(project: MakeProject) -> None:
    work = project({"net.py": detector()}, "bn2gn-migrate", "bn2gn-check")
    work.stage({"net.py": detector(NECK)})
    code, shown = work.commit()
    assert (code, commits(work)) == (1, 1)
    assert "files were modified by this hook" in shown
    assert "net.py: 1 norm to GroupNorm, helper added" in shown
    work.git("add", "net.py")
    code, shown = work.commit()
    assert (code, commits(work)) == (0, 2), shown
    assert CONVERTED in work.git("show", "HEAD:net.py")
    assert work.git("status", "--porcelain") == ""


def test_commit_without_models_costs_next_to_nothing(project: MakeProject) -> None:
    work = project({"net.py": detector(NECK)}, "bn2gn-check", "bn2gn-migrate")
    work.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    work.stage({"clips.py": "import os\n\nCLIPS = os.listdir('clips')\n"})
    code, shown = work.commit()
    assert (code, commits(work)) == (0, 2), shown
    imported = {line.rpartition("|")[2].strip() for line in shown.splitlines()}
    assert "bn2gn_codemod.cli" in imported
    heavy = ("libcst", "rich", "bn2gn_codemod.survey", "bn2gn_codemod.rewrite")
    assert [name for name in heavy if name in imported] == []
    work.stage({"notes.md": "nn.BatchNorm2d\n"})
    assert work.commit()[1].count("(no files to check)Skipped") == 2


def test_hook_environment_is_small(project: MakeProject, environment: dict[str, str]) -> None:
    work = project({"net.py": detector()}, "bn2gn-check")
    (python,) = Path(environment["PRE_COMMIT_HOME"]).glob("repo*/py_env-*/bin/python")
    program = "from importlib.metadata import distributions as d; print(*(x.name for x in d()))"
    names = set(work.run(python, "-c", program)[1].lower().split())
    assert names >= {"bn2gn-codemod", "click", "libcst", "pathspec", "rich"}
    assert not names & {"torch", "numpy", "mmengine"}


# -------------------------------------------------------------- partial staging


def test_only_what_is_staged_is_judged(project: MakeProject) -> None:
    work = project({"net.py": detector()}, "bn2gn-check")
    scaled = detector(forward=FORWARD.replace("(x)\n", "(x / 255)\n"))
    work.stage({"net.py": scaled})
    both = scaled.replace(BACKBONE, BACKBONE + NECK)
    work.write({"net.py": both})
    code, shown = work.commit()
    assert code == 0, shown
    assert (work.git("show", "HEAD:net.py"), work.read("net.py")) == (scaled, both)


def test_migrate_leaves_unstaged_hunks_where_they_are(project: MakeProject) -> None:
    far = "\n\n" + "\n".join(f"OPTION_{n} = {n}" for n in range(9)) + "\n"
    work = project({"net.py": detector() + far}, "bn2gn-migrate")
    work.stage({"net.py": detector(NECK) + far})
    work.write({"net.py": detector(NECK) + far + "DRAFT = True\n"})
    assert work.commit()[0] == 1
    text = work.read("net.py")
    assert CONVERTED in text
    assert text.endswith("DRAFT = True\n")
    assert "DRAFT" not in work.git("show", ":net.py")


def test_rewrite_that_conflicts_with_unstaged_hunks_is_rolled_back(project: MakeProject) -> None:
    work = project({"net.py": detector()}, "bn2gn-migrate")
    work.stage({"net.py": detector(NECK)})
    draft = detector(NECK.replace("64, 1)", "64, 3)"))
    work.write({"net.py": draft})
    code, shown = work.commit()
    assert code == 1
    assert "Stashed changes conflicted with hook auto-fixes" in shown
    assert (work.git("show", ":net.py"), work.read("net.py")) == (detector(NECK), draft)


# ------------------------------------------------------------------ which files


def test_deleted_files_are_not_asked_about(project: MakeProject) -> None:
    work = project({"net.py": detector(NECK), "old.py": detector(NECK)}, "bn2gn-check")
    work.git("rm", "--quiet", "old.py")
    assert work.commit()[0] == 0


def test_renamed_file_is_reported_under_its_new_name(project: MakeProject) -> None:
    work = project({"net.py": detector(NECK)}, "bn2gn-check")
    work.git("mv", "net.py", "model.py")
    code, shown = work.commit()
    assert code == 1
    assert "model.py\n" in shown
    assert "net.py" not in shown


def test_link_is_no_second_file(project: MakeProject) -> None:
    work = project({"net.py": detector(NECK)}, "bn2gn-check")
    (work.root / "alias.py").symlink_to("net.py")
    work.git("add", "--all")
    code, shown = work.commit()
    assert code == 0, shown
    assert "alias.py" not in work.pre_commit("run", "--all-files")[1]


def test_excluded_files(project: MakeProject) -> None:
    files = {"third_party/net.py": detector(NECK), "net.py": detector()}
    work = project(files, "bn2gn-check", settings="    exclude: ^third_party/\n")
    assert work.pre_commit("run", "--all-files")[0] == 0


def test_files_that_settings_exclude(project: MakeProject) -> None:
    toml = '[tool.bn2gn]\nexclude = ["third_party/"]\n'
    files = {"third_party/net.py": detector(NECK), "pyproject.toml": toml}
    work = project(files, "bn2gn-check", "bn2gn-migrate")
    code, shown = work.pre_commit("run", "--all-files")
    assert code == 0, shown
    assert "bn2gn: note: left out, as exclude says: third_party/net.py\n" in shown


def test_file_outside_the_repository_is_a_repository_of_its_own(project: MakeProject) -> None:
    work = project({"net.py": detector(NECK)}, "bn2gn-check")
    outside = work.root.parent / "outside.py"
    outside.write_text(detector(NECK))
    code, shown = work.pre_commit("run", "--files", str(outside))
    assert code == 1
    assert "outside.py\n" in shown
    assert "net.py\n" not in shown.replace("outside.py", "")
    code, shown = work.pre_commit("run", "--files", str(outside), "net.py")
    assert code == 1
    assert f"bn2gn: {work.root}/net.py and {outside}: not of one repository" in shown


def test_all_files_in_as_many_batches_as_the_system_needs(project: MakeProject) -> None:
    folder = "/".join("abcdefghijklmnopqrstuvwxyz"[:20] for _ in range(9))
    many = {f"models/{folder}/clips_{n}.py": f"CLIPS = {n}\n" for n in range(900)}
    # pre-commit hands them over in this order: two models, the many, two models.
    models = {f"models/{place}.py": detector(NECK) for place in "abyz"}
    toml = '[tool.bn2gn]\nshared-module = "models/norm.py"\n'
    work = project({**many, **models, "pyproject.toml": toml}, "bn2gn-migrate")
    code, shown = work.pre_commit("run", "--all-files")
    assert code == 1
    assert sum(line.startswith("changed ") for line in shown.splitlines()) > 1, shown
    assert shown.count("models/norm.py: new file") == 1
    for path in models:
        assert "from norm import get_group_norm" in work.read(path)
        assert CONVERTED in work.read(path)
    work.git("add", "--all")
    code, shown = work.pre_commit("run", "--all-files")
    assert code == 0, shown


# -------------------------------------------------------------------- arguments


def test_arguments_from_the_config(project: MakeProject) -> None:
    block = f"{HEAD}class Block(nn.Module):\n    def __init__(self):\n{NECK}"
    work = project({"net.py": block}, "bn2gn-migrate", settings="    args: [--strict]\n")
    code, shown = work.pre_commit("run", "--all-files")
    assert code == 1
    assert "exit code: 1" in shown
    assert work.read("net.py") == block
    config = work.read(".pre-commit-config.yaml")
    work.stage({".pre-commit-config.yaml": config.replace("--strict", "--convert, Block")})
    work.pre_commit("run", "--all-files")
    assert CONVERTED in work.read("net.py")


def test_hooks_of_the_readme(project: MakeProject, product: Project) -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(repos:\n.*?)```", readme, re.DOTALL)
    work = project({"net.py": detector(NECK)}, "bn2gn-check")
    rev = product.git("rev-parse", "HEAD").strip()
    config = re.sub(r"repo: \S+", f"repo: {product.root}", shown)
    work.stage({".pre-commit-config.yaml": re.sub(r"rev: \S+", f"rev: {rev}", config)})
    assert work.pre_commit("validate-config") == (0, "")
    code, shown = work.pre_commit("run", "--all-files")
    assert code == 1
    assert "net.py: 1 norm to GroupNorm, helper added" in shown
    work.git("add", "--all")
    code, shown = work.pre_commit("run", "--all-files")
    assert code == 0, shown


def test_baseline(project: MakeProject) -> None:
    name = "bn2gn-baseline.json"
    args = f"    args: [--baseline, {name}]\n"
    work = project({"net.py": detector(NECK)}, "bn2gn-check", settings=args)
    written = [sys.executable, "-m", "bn2gn_codemod", "check", "--write-baseline", name]
    assert work.run(*written)[0] == 0
    assert work.pre_commit("run", "--all-files")[0] == 0
    work.stage({"net.py": detector(NECK + NECK.replace("neck", "head"))})
    code, shown = work.commit()
    assert code == 1
    assert "1 new finding" in shown


def test_wrong_arguments_are_one_clear_line(project: MakeProject) -> None:
    work = project({"net.py": detector()}, "bn2gn-check", settings="    args: [--strickt]\n")
    code, shown = work.pre_commit("run", "--all-files")
    assert code == 1
    assert "exit code: 2" in shown
    assert "No such option '--strickt'. Did you mean '--strict'?" in shown


def test_whole_repository_whatever_the_commit_touches(project: MakeProject) -> None:
    always = "    pass_filenames: false\n    always_run: true\n"
    work = project({"net.py": detector(NECK)}, "bn2gn-check", settings=always)
    work.stage({"notes.md": "more\n"})
    code, shown = work.commit()
    assert code == 1
    assert "BN101" in shown
