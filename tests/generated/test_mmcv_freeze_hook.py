"""The hook that users of mmcv 1.x are told to write does freeze, on stand-ins for mmcv's part."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest
from torch import nn

from bn2gn_codemod.generated import mmcv_freeze_hook
from tests.conftest import MakeRepository
from tests.migrating import plan_of

HOOKS: dict[str, Any] = {}


class Registry:
    def register_module(self) -> Any:
        return lambda cls: HOOKS.setdefault(cls.__name__, cls)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The lines, as mmcv would run them: the hook is registered, the settings are read."""
    runner = types.ModuleType("mmcv.runner")
    runner.HOOKS, runner.Hook = Registry(), object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mmcv", types.ModuleType("mmcv"))
    monkeypatch.setitem(sys.modules, "mmcv.runner", runner)
    HOOKS.clear()
    found: dict[str, Any] = {}
    exec(mmcv_freeze_hook.lines("backbone", ["backbone.last"]), found)
    return found


def test_it_freezes_what_it_names(settings: dict[str, Any]) -> None:
    (arguments,) = settings["custom_hooks"]
    hook = HOOKS[arguments.pop("type")](**arguments)
    backbone = nn.ModuleDict({"bn": nn.BatchNorm2d(2), "last": nn.BatchNorm2d(2)})
    model = nn.ModuleDict({"backbone": backbone, "neck": nn.BatchNorm2d(2)})
    runner = types.SimpleNamespace(model=nn.DataParallel(model))
    hook.before_run(runner)
    model.train()
    hook.before_train_iter(runner)
    trains = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    assert [name for name in trains if not trains[name]] == [
        "backbone.bn.weight",
        "backbone.bn.bias",
    ]
    assert (backbone["bn"].training, backbone["last"].training, model["neck"].training) == (
        False,
        True,
        True,
    )


def test_its_settings_are_recognised(repository: MakeRepository) -> None:
    config = (
        "model = dict(type='Net', text=dict(type='Bert'))\n"
        "optimizer = dict(type='SGD', paramwise_cfg=dict(custom_keys={'text': dict(lr_mult=0)}))\n"
    )
    root = repository({"configs/c.py": config})
    (found,) = plan_of(root).pretended_freezes
    assert not found.fixable
    settings = found.by_hand.partition("# the config\n")[2]
    (root / "configs/c.py").write_text(config + settings)
    (found,) = plan_of(root).pretended_freezes
    assert found.already == "FreezeHook"
