"""The commands as LibCST's own unit tests run them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

import libcst as cst
import pytest
from libcst.codemod import CodemodContext, CodemodTest, SkipFile

from bn2gn_codemod.codemods import FreezeBackboneCommand, GroupNormCommand, MigrateCommand
from tests.codemods.test_tool import NECK, REPOSITORY
from tests.conftest import MakeRepository

HELPER = '''

def get_group_norm(num_channels, num_groups=32, eps=1e-5, affine=True):
    """GroupNorm with at most num_groups equal groups."""
    num_groups = min(num_groups, num_channels)
    while num_channels % num_groups != 0 and num_groups > 1:
        num_groups -= 1
    return nn.GroupNorm(num_groups, num_channels, eps=eps, affine=affine)
'''
CONVERTED = NECK.replace("import nn\n", f"import nn\n{HELPER}").replace(
    "nn.BatchNorm2d(channels)", "get_group_norm(channels)"
)


class TestGroupNorm(CodemodTest):
    """``assertCodemod`` of what lies in a repository, and of what lies there no more."""

    TRANSFORM = GroupNormCommand

    @pytest.fixture(autouse=True)
    def in_repository(self, repository: MakeRepository) -> None:
        self.root = repository(REPOSITORY)

    def context(self, path: str) -> CodemodContext:
        return CodemodContext(filename=str(self.root / path))

    def test_new_layer(self) -> None:
        self.assertCodemod(NECK, CONVERTED, context_override=self.context("neck.py"))

    def test_settings(self) -> None:
        eight = CONVERTED.replace("num_groups=32", "num_groups=8")
        self.assertCodemod(NECK, eight, context_override=self.context("neck.py"), groups=8)

    def test_second_run(self) -> None:
        (self.root / "neck.py").write_text(CONVERTED)
        self.assertCodemod(
            CONVERTED, CONVERTED, context_override=self.context("neck.py"), expected_skip=True
        )

    def test_backbone_by_setting(self) -> None:
        self.assertCodemod(
            NECK,
            NECK,
            context_override=self.context("neck.py"),
            backbone=["Neck"],
            expected_skip=True,
        )

    def test_after_another_codemod_that_is_not_written_yet(self) -> None:
        before = NECK.replace("self.bn", "self.norm")
        after = CONVERTED.replace("self.bn", "self.norm")
        self.assertCodemod(before, after, context_override=self.context("neck.py"))


def skipped(root: Path, path: str, command: type = GroupNormCommand) -> tuple[str, list[str]]:
    """Why the file is skipped, and the warnings."""
    context = CodemodContext(filename=str(root / path))
    with pytest.raises(SkipFile) as refusal:
        command(context).transform_module(cst.parse_module((root / path).read_bytes()))
    return str(refusal.value), context.warnings


@pytest.mark.parametrize(
    ("files", "path", "reason"),
    [
        ({}, "plain.py", "nothing to do"),
        (
            {".hidden/x.py": NECK, "pyproject.toml": ""},
            ".hidden/x.py",
            "is left out: hidden, ignored by git, excluded by the settings, or a link",
        ),
        (
            {"pyproject.toml": "[tool.bn2gn]\nshared-module = 'lib/norm.py'\n"},
            "neck.py",
            "would import from lib/norm.py, and a LibCST codemod creates no file: run bn2gn mig",
        ),
        (
            {
                "pyproject.toml": "[tool.bn2gn]\nshared-module = 'lib/norm.py'\n",
                "lib/norm.py": "from torch import nn\n",
            },
            "neck.py",
            "would import from lib/norm.py, which has to be changed before",
        ),
        ({"pyproject.toml": "[tool.bn2gn]\ngroups = 0\n"}, "neck.py", "{root}/pyproject.toml:2: "),
    ],
)
def test_skipped_with_a_reason(
    repository: MakeRepository, files: Mapping[str, str], path: str, reason: str
) -> None:
    root = repository({**REPOSITORY, **files})
    found, _ = skipped(root, path)
    assert found.startswith(reason.format(root=root))


def test_undecided_layers_are_warnings(repository: MakeRepository) -> None:
    root = repository({"lonely.py": NECK})
    reason, (warning,) = skipped(root, "lonely.py")
    assert reason == "nothing to do"
    assert warning.startswith("line 7: BN103 cannot tell whether Neck.bn is backbone")


def test_a_command_warns_of_its_own_matters_only(repository: MakeRepository) -> None:
    root = repository({"lonely.py": NECK})
    assert skipped(root, "lonely.py", FreezeBackboneCommand) == ("nothing to do", [])
    assert len(skipped(root, "lonely.py", MigrateCommand)[1]) == 1


def test_a_worker_without_the_survey_decides_nothing(repository: MakeRepository) -> None:
    """It would read files that other workers are writing."""
    root = repository(REPOSITORY)
    with mock.patch.object(multiprocessing, "parent_process", return_value=object()):
        reason, _ = skipped(root, "neck.py")
    assert reason.endswith("give LibCST a repo_root")
