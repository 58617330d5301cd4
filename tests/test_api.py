"""The API: what it promises beyond what the commands show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bn2gn_codemod import api
from tests.conftest import MakeRepository
from tests.migrating import migrate

FILES = {"net.py": "from torch import nn\n\nnorm = nn.BatchNorm2d(64)  # bn2gn: convert\n"}


def test_nothing_is_printed(
    repository: MakeRepository, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    root = repository({**FILES, "bad.py": "x = (\n", "pyproject.toml": ""})
    (root / "inner").mkdir()
    (root / "inner/net.py").write_text(FILES["net.py"])
    migrate(root / "inner")  # of which the command line would say that it is a part
    assert migrate(root).plan.skipped[0].path == "bad.py"
    assert capfd.readouterr() == ("", "")


def test_changes_are_known_whether_or_not_they_are_written(repository: MakeRepository) -> None:
    root = repository(FILES)
    shown = migrate(root, dry_run=True)
    assert (root / "net.py").read_text() == FILES["net.py"]
    written = migrate(root)
    assert (shown.written, written.written) == (False, True)
    assert shown.changes == written.changes
    (change,) = written.changes
    assert (change.before, change.after) == (
        FILES["net.py"].encode(),
        (root / "net.py").read_bytes(),
    )


def test_a_file_that_changed_since_is_refused(repository: MakeRepository) -> None:
    root = repository(FILES)
    survey = api.survey(root)
    plan = api.plan(survey)
    (root / "net.py").write_text("x = 1\n")
    migration = api.apply(survey, plan)
    assert migration.changed == ()
    assert migration.refused[0].message == "changed while bn2gn was running; run again"
    assert (root / "net.py").read_text() == "x = 1\n"


def test_other_settings_for_the_same_files(repository: MakeRepository) -> None:
    survey = api.survey(repository(FILES), settings={"groups": 16})
    other = survey.under({"min_channels_per_group": 4})
    assert (other.settings.groups, other.settings.min_channels_per_group) == (16, 4)
    assert other.repository is survey.repository


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"gruops": 8}, "unknown setting 'gruops'; did you mean 'groups'?"),
        ({"min-channels": 2}, "unknown setting 'min-channels'; did you mean 'min_channels_per"),
        ({"groups": 0}, "groups must be a whole number of 1 or more, not 0"),
        ({"backbone": "ResNet"}, "backbone must be a list of strings, not 'ResNet'"),
    ],
)
def test_wrong_settings(repository: MakeRepository, settings: dict[str, object], says: str) -> None:
    with pytest.raises(api.Problem, match=re.escape(says)):
        api.survey(repository(FILES), settings=settings)


def test_wrong_paths(tmp_path: Path) -> None:
    with pytest.raises(api.Problem, match="no Python file there"):
        api.survey(tmp_path)
    with pytest.raises(api.Problem, match="no such file or directory"):
        api.survey(tmp_path / "nowhere")
