"""Settings: from a file, from flags, and what is said about wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bn2gn_codemod.problem import Problem
from bn2gn_codemod.settings import Settings, known, load, load_subtable, merge


def written(folder: Path, text: str, name: str = "pyproject.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_no_file_means_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()


def test_pyproject_of_another_tool_means_defaults(tmp_path: Path) -> None:
    written(tmp_path, "[tool.other]\ngroups = 'x'\n")
    assert load(tmp_path) == Settings()


def test_every_setting_is_read_from_pyproject(tmp_path: Path) -> None:
    written(
        tmp_path,
        """
[tool.bn2gn]
backbone = ["PoseResNet.base_layer", "lib.models.dla.*"]
convert = ["Neck"]
exclude = ["third_party/"]
norms = ["BatchNorm2d", "BatchNorm3d"]
groups = 16
min-channels-per-group = 4
shared-module = "lib/models/norm.py"
init-loop = "inject"
freeze = "backbone"
guard = "model"
""",
    )
    assert load(tmp_path) == Settings(
        backbone=("PoseResNet.base_layer", "lib.models.dla.*"),
        convert=("Neck",),
        exclude=("third_party/",),
        norms=("BatchNorm2d", "BatchNorm3d"),
        groups=16,
        min_channels_per_group=4,
        shared_module="lib/models/norm.py",
        init_loop="inject",
        freeze="backbone",
        guard="model",
    )


def test_tables_of_other_commands_are_left_alone(tmp_path: Path) -> None:
    written(tmp_path, "[tool.bn2gn]\ngroups = 8\n\n[[tool.bn2gn.verify]]\nmodel = 'a:b'\n")
    assert load(tmp_path) == Settings(groups=8)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bn2gn.toml", "groups = 8\n"),
        ("bn2gn.toml", "[tool.bn2gn]\ngroups = 8\n"),
        ("pyproject.toml", "[tool.bn2gn]\ngroups = 8\n"),
        ("pyproject.toml", "\ufeff[tool.bn2gn]\ngroups = 8\n"),
    ],
)
def test_named_file_is_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "other").mkdir()
    written(tmp_path, "[tool.bn2gn]\ngroups = 2\n")
    file = written(tmp_path / "other", text, name)
    assert load(tmp_path, file) == Settings(groups=8)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('[tool.bn2gn]\nbackbones = ["A"]\n', 2, "unknown setting 'backbones'; did you mean"),
        ("[tool.bn2gn]\n\ninit_loop = 'inject'\n", 3, "did you mean 'init-loop'?"),
        ("[tool.bn2gn]\n[[tool.bn2gn.verfy]]\n", 2, "'verfy'; did you mean 'verify'?"),
        ("[tool.bn2gn]\ncolour = 1\n", 2, "unknown setting 'colour'; known are backbone, "),
        ("[tool.bn2gn]\nbackbone = 'ResNet'\n", 2, "backbone must be a list of strings"),
        ("[tool.bn2gn]\nbackbone = [1]\n", 2, "not [1]"),
        ("[tool.bn2gn]\ngroups = 0\n", 2, "groups must be a whole number of 1 or more"),
        ("[tool.bn2gn]\ngroups = true\n", 2, "groups must be a whole number"),
        ("[tool.bn2gn]\ngroups = 8.0\n", 2, "groups must be a whole number"),
        ("[tool.bn2gn]\nfreeze = 'all'\n", 2, 'freeze must be one of "bn", "backbone", "none"'),
        (
            "[tool.bn2gn]\nshared-module = []\n",
            2,
            "shared-module must be the path of a Python file",
        ),
        ("[tool.bn2gn]\nshared-module = 'lib'\n", 2, "as in lib/norm.py, not 'lib'"),
        ("[tool.bn2gn]\nshared-module = '../norm.py'\n", 2, "below the repository"),
        ("[tool.bn2gn]\nshared-module = '/norm.py'\n", 2, "below the repository"),
        ("[tool.bn2gn]\nshared-module = 'lib\\\\norm.py'\n", 2, "the path of a Python file"),
        ("[tool.bn2gn]\nshared-module = 'lib/class.py'\n", 2, "the path of a Python file"),
        ("[tool.bn2gn]\nshared-module = 'lib/2.py'\n", 2, "the path of a Python file"),
        ("[tool.bn2gn]\nnorms = []\n", 2, "norms must be a list of one or more strings, not []"),
        ("[tool.bn2gn]\nconvert = ['A'\n\n", 3, "not valid TOML: Unclosed array"),
        ("[tool.other]\nguard = 1\n[tool.bn2gn]\nguard = 1\n", 4, "guard must be one of"),
        ("# bn2gn\n[tool.other]\n[tool.bn2gn]\nguard = 1\n", 4, "guard must be one of"),
        ("[tool]\nbn2gn.groups = 0\n", 2, "groups must be"),
        ("[tool]\nbn2gn = 3\n", 2, "[tool.bn2gn] has to be a table"),
        ("[tool.bn2gn]\ngroups = \n", 2, "not valid TOML"),
        ("[tool.bn2gn]\ngroups = 1\ngroups = 2\n", 3, "not valid TOML"),
    ],
)
def test_wrong_file_is_named_with_line_and_remedy(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    file = written(tmp_path, text)
    with pytest.raises(Problem) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[tool.black]\nexclude = '''\n/(\n  build\n)/\n", 5),
        ("[project]\nname = 'x'\nname = 'y'\n", 3),
    ],
)
def test_broken_file_of_other_tools_is_named_once_and_means_defaults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, line: int
) -> None:
    file = written(tmp_path, text)
    assert load(tmp_path) == Settings()
    assert load_subtable(tmp_path, "audit").value == []
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"bn2gn: {file}:{line}: not valid TOML: ")
    assert err.endswith("; it does not name bn2gn: the default settings hold\n")
    assert err.count("\n") == 1


def test_file_of_other_tools_is_not_spoken_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, "[tool.other]\ngroups = 'x'\n")
    assert load(tmp_path) == Settings()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "text",
    [
        # a table of bn2gn may be what is broken, or what comes after
        "[tool.other]\na =\n[tool.bn2gn]\ngroups = 2\n",
        "[tool]\nother =\nbn2gn.groups = 2\n",
        '[tool.other]\na =\n["tool"."bn2gn"]\ngroups = 2\n',
    ],
)
def test_broken_file_that_names_bn2gn_stops(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(Problem) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(f"{file}:2: not valid TOML: ")


def test_broken_file_that_was_named_stops(tmp_path: Path) -> None:
    file = written(tmp_path, "[tool.other]\na =\n")
    with pytest.raises(Problem, match="not valid TOML"):
        load(tmp_path, file)


def test_named_file_has_to_exist(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"nowhere\.toml: no such settings file"):
        load(tmp_path, tmp_path / "nowhere.toml")


def test_named_pyproject_has_to_have_the_table(tmp_path: Path) -> None:
    file = written(tmp_path, "[tool.other]\n")
    with pytest.raises(Problem, match=r"has no \[tool\.bn2gn\] table"):
        load(tmp_path, file)


def test_file_has_to_be_utf8(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"[tool.bn2gn]\nconvert = ['\xe9']\n")
    with pytest.raises(Problem, match="UTF-8"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, Settings(groups=8, convert=("Neck",))),
        ({"groups": None, "convert": ()}, Settings(groups=8, convert=("Neck",))),
        ({"groups": 4}, Settings(groups=4, convert=("Neck",))),
        ({"convert": ("Head",)}, Settings(groups=8, convert=("Head",))),
        ({"guard": "loop"}, Settings(groups=8, convert=("Neck",), guard="loop")),
    ],
)
def test_a_flag_that_is_given_wins(flags: dict[str, Any], expected: Settings) -> None:
    assert merge(Settings(groups=8, convert=("Neck",)), flags) == expected


def test_a_wrong_flag_is_named() -> None:
    with pytest.raises(Problem, match=r"--shared-module must be the path of .* not ''"):
        merge(Settings(), {"shared_module": ""})


def test_path_of_the_shared_module_is_spelled_one_way() -> None:
    merged = merge(Settings(), {"shared_module": "./lib//norm.py"})
    assert merged == Settings(shared_module="lib/norm.py")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[tool.bn2gn]\nbackbone = ['A']\nconvert = ['B', 'C']\n", 3),
        ("[tool.bn2gn]\nbackbone = ['C2']\nconvert = [\n  'B',\n  \"C\",\n]\n", 5),
        ("[tool.other]\nconvert = ['C']\n[tool.bn2gn]\nconvert = ['C']\n", 4),
    ],
)
def test_value_is_named_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    file = written(tmp_path, text)
    settings = load(tmp_path)
    assert settings.named("convert", "C") == f"{file}:{line}: convert = 'C'"
    assert merge(settings, {"convert": ("C",)}).named("convert", "C") == "--convert 'C'"
    assert Settings().named("convert", "C") == "convert = 'C'"


def test_every_setting_has_its_documented_key() -> None:
    assert [setting.key for setting in known()] == [
        "backbone",
        "convert",
        "exclude",
        "norms",
        "groups",
        "min-channels-per-group",
        "shared-module",
        "init-loop",
        "freeze",
        "guard",
    ]
