"""A pretended freeze that stands in one config and holds in others.

The freeze is written first and the entry goes last, so that a migration may be
stopped anywhere and never leaves a config that trains what it did not train.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod import api, sources
from tests.audit.configs import migrated, plain, read
from tests.audit.test_config_freezes import FROZEN, MODEL, optimizer
from tests.conftest import MakeRepository
from tests.migrating import migrate, plan_of

ZERO = "'backbone': dict(lr_mult=0.0)"
SCHEDULE = optimizer(ZERO, "'x': dict(lr_mult=2)")
WITHOUT_ENTRY = optimizer("'x': dict(lr_mult=2)")
LEAF = "_base_ = ['./model.py', './schedule.py']\n"
SWIN = "model = dict(type='Net', backbone=dict(type='Swin'))\n"
SHARED = {
    "configs/model.py": MODEL,
    "configs/schedule.py": SCHEDULE,
    "configs/a.py": LEAF,
    "configs/b.py": LEAF,
}
HOOKED = {
    "configs/swin.py": SWIN,
    "configs/schedule.py": SCHEDULE,
    "configs/a.py": "_base_ = ['./swin.py', './schedule.py']\n",
}
INHERITED = {
    "configs/model.py": MODEL,
    "configs/a.py": "_base_ = './model.py'\n" + SCHEDULE,
    "configs/b.py": "_base_ = './a.py'\nmodel = dict(backbone=dict(_delete_=True, type='Swin'))\n",
    "configs/c.py": "_base_ = './b.py'\nmodel = dict(neck=dict(type='Other'))\n",
}
READ_BASE = {
    "configs/model.py": MODEL,
    "configs/schedule.py": SCHEDULE,
    "configs/a.py": "from mmengine.config import read_base\n\nwith read_base():\n"
    "    from .model import *\n    from .schedule import *\n",
}


def test_entry_in_a_shared_schedule_goes_after_the_freezes(repository: MakeRepository) -> None:
    files = migrated(repository(SHARED))
    assert files == {
        "configs/a.py": LEAF + FROZEN,
        "configs/b.py": LEAF + FROZEN,
        "configs/schedule.py": WITHOUT_ENTRY,
    }
    assert [*files][-1] == "configs/schedule.py"


def test_config_that_replaces_the_backbone_gets_its_own_freeze(repository: MakeRepository) -> None:
    files = migrated(repository(INHERITED))
    assert [*files] == ["freeze_hook.py", "configs/b.py", "configs/a.py"]
    assert "frozen_stages=4" in files["configs/a.py"]
    assert "lr_mult=0.0" not in files["configs/a.py"]
    assert "FreezeHook" in files["configs/b.py"]


def trains(root: Path, path: str) -> bool:
    """Whether the config would move its backbone: neither a rate of 0 nor a freeze."""
    config = read(root, path)
    assert not config.problems
    values = plain(config.resolved)
    optim = values.get("optim_wrapper", {}).get("paramwise_cfg", {}).get("custom_keys", {})
    has_rate = optim.get("backbone", {}).get("lr_mult") != 0
    backbone = values["model"]["backbone"]
    is_frozen = backbone.get("frozen_stages") == 4 and backbone.get("norm_eval")
    hooks = [hook["names"] for hook in values.get("custom_hooks", [])]
    is_hooked = ["backbone"] in hooks and (root / "freeze_hook.py").is_file()
    return has_rate and not is_frozen and not is_hooked


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(SHARED, id="shared_schedule"),
        pytest.param(HOOKED, id="hook"),
        pytest.param(INHERITED, id="inherited"),
        pytest.param(READ_BASE, id="read_base"),
    ],
)
def test_killed_after_any_file_it_trains_nothing_and_a_second_run_finishes(
    repository: MakeRepository, files: dict[str, str]
) -> None:
    root = repository(files)
    whole = migrated(root)
    trained = [path for path in files if "_base_" in files[path] or "read_base" in files[path]]
    for written in range(len(whole) + 1):
        for path in whole:
            (root / path).unlink(missing_ok=True)
        repository(files)
        for path in [*whole][:written]:
            (root / path).write_text(whole[path])
        assert [path for path in trained if trains(root, path)] == []
        migrate(root)
        assert {path: (root / path).read_text() for path in whole} == whole
        assert not migrated(root)
        assert not plan_of(root).pretended_freezes


def test_one_child_that_cannot_be_frozen_keeps_the_entry(repository: MakeRepository) -> None:
    computed = "_base_ = './schedule.py'\nmodel = make_model()\n"
    root = repository({**SHARED, "configs/b.py": computed})
    (found,) = plan_of(root).pretended_freezes
    assert found.fix == "frozen_stages=4, norm_eval=True (in configs/a.py)"
    assert found.reason == "configs/b.py: its model is computed"
    plan = plan_of(root)
    (message,) = [finding.message for finding in plan.findings if finding.code == "BN301"]
    assert message.endswith("does; the entry stays: configs/b.py: its model is computed")
    assert migrate(root).changed == ("configs/a.py",)
    (left,) = plan_of(root).pretended_freezes
    assert (left.fixable, left.reason) == (False, found.reason)
    assert not migrated(root)


def test_one_child_whose_hooks_are_computed_keeps_the_entry(repository: MakeRepository) -> None:
    child = "_base_ = ['./swin.py', './schedule.py']\ncustom_hooks = make_hooks()\n"
    root = repository({**HOOKED, "configs/b.py": child})
    (found,) = plan_of(root).pretended_freezes
    assert found.reason == "configs/b.py: custom_hooks is computed"
    assert sorted(migrated(root)) == ["configs/a.py", "freeze_hook.py"]


def test_child_with_an_unread_base_keeps_the_entry(repository: MakeRepository) -> None:
    child = "_base_ = ['not_installed::net.py', './model.py', './schedule.py']\n"
    root = repository({**SHARED, "configs/b.py": child})
    (found,) = plan_of(root).pretended_freezes
    assert found.reason.startswith("configs/b.py: line 1: its base not_installed::net.py was not")
    files = migrated(root)
    assert sorted(files) == ["configs/a.py", "configs/b.py"]
    for path, text in files.items():
        (root / path).write_text(text)
    assert not plan_of(root).pretended_freezes
    assert not migrated(root)


def test_child_that_cannot_be_written_keeps_the_entry(
    repository: MakeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = repository(SHARED)
    replace = sources.replace

    def fails(root: Path, source: sources.SourceFile, text: str) -> None:
        if source.path == "configs/b.py":
            raise sources.NotWritten("read only")
        replace(root, source, text)

    monkeypatch.setattr(sources, "replace", fails)
    applied = migrate(root)
    assert applied.changed == ("configs/a.py",)
    assert [skipped.path for skipped in applied.refused] == ["configs/b.py", "configs/schedule.py"]
    assert "on which its change rests" in applied.refused[1].message
    assert (root / "configs/schedule.py").read_text() == SCHEDULE


def test_only_the_schedule_selected_changes_nothing(repository: MakeRepository) -> None:
    root = repository({**SHARED, "pyproject.toml": ""})
    assert plan_of(root / "configs/schedule.py").files == ()
    both = [root / "configs/schedule.py", root / "configs/a.py"]
    (edited,) = api.plan(api.survey(*both)).files
    assert edited.path == "configs/a.py"


TRAINED = [
    pytest.param("'backbone': dict(lr_mult=0.1)", id="by_a_rate"),
    pytest.param("'backbone': dict(_delete_=True, decay_mult=0.1)", id="by_leaving_it_out"),
]


@pytest.mark.parametrize("entry", TRAINED)
@pytest.mark.parametrize("model", [MODEL, SWIN], ids=["frozen_stages", "hook"])
def test_a_config_that_trains_the_backbone_inherits_no_freeze(
    repository: MakeRepository, model: str, entry: str
) -> None:
    trains_it = (
        f"_base_ = './a.py'\noptim_wrapper = dict(paramwise_cfg=dict(custom_keys={{{entry}}}))\n"
    )
    root = repository({"configs/a.py": model + SCHEDULE, "configs/b.py": trains_it})
    (found,) = plan_of(root).pretended_freezes
    assert found.reason == "configs/b.py inherits from it and trains backbone"
    assert not migrated(root)


def test_a_config_that_trains_a_backbone_of_its_own(repository: MakeRepository) -> None:
    other = (
        "_base_ = './a.py'\nmodel = dict(backbone=dict(_delete_=True, type='Swin'))\n"
        "optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.1)}))\n"
    )
    root = repository({"configs/a.py": MODEL + SCHEDULE, "configs/b.py": other})
    assert sorted(migrated(root)) == ["configs/a.py"]


HEIRS = [
    pytest.param(
        optimizer("'backbone': dict(lr_mult=0.0, decay_mult=0.5)"),
        "'backbone': dict(lr_mult=0.1)",
        optimizer("'backbone': dict(decay_mult=0.5)"),
        id="takes_another_multiplier",
    ),
    pytest.param(
        optimizer(ZERO),
        "'backbone': dict(_delete_=True, lr_mult=0.1)",
        optimizer("'backbone': dict()"),
        id="replaces_the_entry",
    ),
    pytest.param(
        optimizer(ZERO),
        "'backbone': dict(lr_mult=0.1)",
        "optim_wrapper = dict(\n    optimizer=dict(type='SGD', lr=0.02),\n"
        "    paramwise_cfg=dict(\n        custom_keys={\n        }))\n",
        id="merges_into_the_dicts_around_it",
    ),
]


@pytest.mark.parametrize(("schedule", "entry", "after"), HEIRS)
def test_what_another_config_takes_from_the_entry_stays(
    repository: MakeRepository, schedule: str, entry: str, after: str
) -> None:
    trained = LEAF + f"optim_wrapper = dict(paramwise_cfg=dict(custom_keys={{{entry}}}))\n"
    root = repository({**SHARED, "configs/schedule.py": schedule, "configs/b.py": trained})
    before = plain(read(root, "configs/b.py").resolved)
    files = migrated(root)
    assert files["configs/schedule.py"] == after
    for path, text in files.items():
        (root / path).write_text(text)
    assert plain(read(root, "configs/b.py").resolved) == before


def test_one_dict_under_two_names_is_two_freezes(repository: MakeRepository) -> None:
    leaf = (
        "_base_ = './o.py'\nzero = dict(lr_mult=0.0)\noptim_wrapper = dict(\n"
        "    paramwise_cfg=dict(custom_keys={'backbone': zero, 'text': zero}))\n"
    )
    model = "model = dict(type='Net', backbone=dict(type='Swin'), text=dict(type='Bert'))\n"
    root = repository({"configs/o.py": model, "configs/c.py": leaf})
    files = migrated(root)
    assert "names=['backbone', 'text']" in files["configs/c.py"]
    for path, text in files.items():
        (root / path).write_text(text)
    assert not migrated(root)


def test_base_in_an_installed_package(
    repository: MakeRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its config is read without importing it, and never edited."""
    package = tmp_path / "site/somedet"
    (package / ".mim/configs").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')\n")
    (package / ".mim/configs/net.py").write_text(MODEL + SCHEDULE)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    leaf = "_base_ = 'somedet::net.py'\n"
    root = repository({"configs/a.py": leaf + optimizer(ZERO), "configs/b.py": leaf})
    assert migrated(root) == {
        "configs/a.py": leaf
        + "optim_wrapper = dict(\n    optimizer=dict(type='SGD', lr=0.02))\n"
        + FROZEN
    }


def test_base_outside_of_the_repository(repository: MakeRepository) -> None:
    root = repository({"shared/model.py": MODEL, "own/configs/a.py": ""})
    leaf = "_base_ = '../../shared/model.py'\n"
    (root / "own/configs/a.py").write_text(leaf + SCHEDULE)
    assert migrated(root / "own") == {"configs/a.py": leaf + WITHOUT_ENTRY + FROZEN}
