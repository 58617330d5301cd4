"""A pretended freeze of a config becomes a real one; nothing else changes."""

from __future__ import annotations

import ast

import pytest

from tests.audit.configs import migrated, plain, read
from tests.conftest import MakeRepository
from tests.migrating import plan_of

MODEL = """\
model = dict(
    type='FasterRCNN',
    backbone=dict(
        type='ResNet',
        depth=50,
        num_stages=4,
        frozen_stages=1,
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=False),
    neck=dict(type='FPN'))
"""
OTHER_MODEL = "model = dict(type='Net', backbone=dict(type='Swin'), text=dict(type='Bert'))\n"
COMMENT = "# Frozen for real: no gradients, and BatchNorm keeps its pretrained statistics.\n"
FROZEN = f"""\

{COMMENT}model = dict(
    backbone=dict(
        frozen_stages=4,
        norm_eval=True,
        norm_cfg=dict(requires_grad=False)))
"""


def optimizer(*entries: str) -> str:
    """Optimizer settings with these entries of ``custom_keys``, one a line."""
    keys = "".join(f"            {entry},\n" for entry in entries)
    return (
        "optim_wrapper = dict(\n"
        "    optimizer=dict(type='SGD', lr=0.02),\n"
        f"    paramwise_cfg=dict(\n        custom_keys={{\n{keys}        }}))\n"
    )


BEFORE_AND_AFTER = [
    pytest.param(
        "_base_ = './model.py'\n"
        + optimizer("'backbone': dict(lr_mult=0.0)", "'neck': dict(lr_mult=2.0)"),
        "_base_ = './model.py'\n" + optimizer("'neck': dict(lr_mult=2.0)") + FROZEN,
        id="among_other_entries",
    ),
    pytest.param(
        "_base_ = './model.py'\n" + optimizer("'backbone': dict(lr_mult=0, decay_mult=0)"),
        "_base_ = './model.py'\noptim_wrapper = dict(\n"
        "    optimizer=dict(type='SGD', lr=0.02))\n" + FROZEN,
        id="the_only_entry_goes_with_the_dicts_around_it",
    ),
    pytest.param(
        "_base_ = './model.py'\n"
        "optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.0))))",
        "_base_ = './model.py'\noptim_wrapper = dict()\n" + FROZEN.rstrip("\n"),
        id="one_line_without_a_newline_at_its_end",
    ),
    pytest.param(
        "_base_ = './model.py'\nmodel = dict(backbone=dict(\n    depth=101,  # deeper\n))\n"
        + optimizer("'backbone': dict(lr_mult=0.0),  # freeze it", "'neck': dict(lr_mult=2.0)"),
        "_base_ = './model.py'\nmodel = dict(backbone=dict(\n    depth=101,  # deeper\n"
        "    frozen_stages=4,\n    norm_eval=True,\n    norm_cfg=dict(requires_grad=False),\n))\n"
        + optimizer("'neck': dict(lr_mult=2.0)"),
        id="into_the_model_that_is_there",
    ),
    pytest.param(
        "_base_ = './model.py'\nmodel = dict(head=dict(bbox_head=dict(num_classes=1)))\n"
        + optimizer("'backbone': dict(lr_mult=0.0)", "'x': dict(lr_mult=2)"),
        "_base_ = './model.py'\nmodel = dict(head=dict(bbox_head=dict(num_classes=1)), "
        "backbone=dict(\n    frozen_stages=4,\n    norm_eval=True,\n"
        "    norm_cfg=dict(requires_grad=False)))\n" + optimizer("'x': dict(lr_mult=2)"),
        id="no_line_gets_too_long",
    ),
    pytest.param(
        MODEL + optimizer("'backbone': dict(lr_mult=0.0)", "'x': dict(lr_mult=2)"),
        MODEL.replace("frozen_stages=1", "frozen_stages=4")
        .replace("norm_eval=False", "norm_eval=True")
        .replace("requires_grad=True", "requires_grad=False")
        + optimizer("'x': dict(lr_mult=2)"),
        id="values_that_are_there_change_in_place",
    ),
    pytest.param(
        "norm_cfg = dict(type='BN')\n"
        + MODEL.replace("norm_cfg=dict(type='BN', requires_grad=True)", "norm_cfg=norm_cfg")
        + optimizer("'backbone': dict(lr_mult=0.0)", "'x': dict(lr_mult=2)"),
        "norm_cfg = dict(type='BN')\n"
        + MODEL.replace("frozen_stages=1", "frozen_stages=4")
        .replace("norm_eval=False", "norm_eval=True")
        .replace(
            "norm_cfg=dict(type='BN', requires_grad=True)",
            "norm_cfg=dict(norm_cfg, requires_grad=False)",
        )
        + optimizer("'x': dict(lr_mult=2)"),
        id="a_norm_cfg_that_others_may_share_stays",
    ),
    pytest.param(
        "from mmengine.config import read_base\n\nwith read_base():\n    from .model import *\n\n"
        + optimizer("'backbone': dict(lr_mult=0.0)", "'x': dict(lr_mult=2)"),
        "from mmengine.config import read_base\n\nwith read_base():\n    from .model import *\n\n"
        + optimizer("'x': dict(lr_mult=2)")
        + FROZEN.replace("model = dict(", "model.merge(dict(").replace(")))\n", "))))\n"),
        id="read_base",
    ),
    pytest.param(
        '_base_ = "./model.py"\noptim_wrapper = {"paramwise_cfg": {"custom_keys": {\n'
        '    "backbone": {"lr_mult": 0.0}, "x": {"lr_mult": 2}}}}\nmodel = {"backbone": {}}\n',
        '_base_ = "./model.py"\noptim_wrapper = {"paramwise_cfg": {"custom_keys": {\n'
        '    "x": {"lr_mult": 2}}}}\nmodel = {"backbone": {"frozen_stages": 4, "norm_eval": True, '
        '"norm_cfg": dict(requires_grad=False)}}\n',
        id="displays_and_double_quotes",
    ),
]


@pytest.mark.parametrize(("before", "after"), BEFORE_AND_AFTER)
def test_frozen_stages(repository: MakeRepository, before: str, after: str) -> None:
    root = repository({"configs/model.py": MODEL, "configs/c.py": before})
    assert migrated(root)["configs/c.py"] == after


@pytest.mark.parametrize(("before", "after"), BEFORE_AND_AFTER)
def test_second_run_is_empty(repository: MakeRepository, before: str, after: str) -> None:
    root = repository({"configs/model.py": MODEL, "configs/c.py": after})
    assert not plan_of(root).pretended_freezes
    assert not migrated(root)


NO_OPS = [
    pytest.param(optimizer("'backbone': dict(lr_mult=0.1)"), id="a_small_rate"),
    pytest.param(optimizer("'backbone': dict(decay_mult=0.0)"), id="no_decay"),
    pytest.param("text = \"custom_keys={'backbone': dict(lr_mult=0.0)}\"\n", id="in_a_text"),
    pytest.param("# 'backbone': dict(lr_mult=0.0)\n" + optimizer(), id="in_a_comment"),
]


@pytest.mark.parametrize("leaf", NO_OPS)
def test_left_alone(repository: MakeRepository, leaf: str) -> None:
    root = repository({"configs/model.py": MODEL, "configs/c.py": "_base_ = './model.py'\n" + leaf})
    assert not plan_of(root).pretended_freezes
    assert not migrated(root)


DEAD = [
    pytest.param(
        "model = dict(backbone=dict(frozen_stages=4, norm_eval=True))\n",
        "frozen_stages=4, norm_eval=True",
        id="frozen_stages",
    ),
    pytest.param(
        "custom_hooks = [dict(type='FreezeHook', names=['backbone'])]\n",
        "FreezeHook",
        id="hook",
    ),
]


@pytest.mark.parametrize(("freeze", "already"), DEAD)
def test_entry_beside_a_real_freeze_is_dead_and_goes(
    repository: MakeRepository, freeze: str, already: str
) -> None:
    leaf = "_base_ = './model.py'\n" + freeze
    entries = ["'backbone': dict(lr_mult=0.0)", "'x': dict(lr_mult=2)"]
    root = repository({"configs/model.py": MODEL, "configs/c.py": leaf + optimizer(*entries)})
    (found,) = plan_of(root).pretended_freezes
    assert (found.already, found.fix) == (already, "")
    assert migrated(root) == {"configs/c.py": leaf + optimizer(entries[1])}


UNFIXABLE = [
    pytest.param(
        "optim_wrapper = dict(optimizer=dict(lr=0.0))\n",
        "whole optimizer",
        id="the_optimizers_rate",
    ),
    pytest.param(
        "optimizer = dict(type='SGD', lr=1, paramwise_cfg=dict("
        "custom_keys={'text': dict(lr_mult=0)}))\n",
        "optimizer is read by mmcv 1.x",
        id="the_old_runner_takes_no_hook",
    ),
    pytest.param(
        "model = make_model()\n" + optimizer("'backbone': dict(lr_mult=0.0)"),
        "its model is computed",
        id="a_computed_model",
    ),
    pytest.param(
        "model = dict(_delete_=True)\n" + optimizer("'backbone': dict(lr_mult=0.0)"),
        "no config of this repository combines it with a model",
        id="no_model",
    ),
    pytest.param(
        "_base_ = 'not_installed::net.py'\n" + optimizer("'backbone': dict(lr_mult=0.0)"),
        "was not found; is not_installed installed where bn2gn runs?",
        id="a_base_out_of_reach",
    ),
]


@pytest.mark.parametrize(("leaf", "reason"), UNFIXABLE)
def test_found_and_not_fixed(repository: MakeRepository, leaf: str, reason: str) -> None:
    base = "" if "_base_" in leaf else "_base_ = './o.py'\n"
    root = repository({"configs/o.py": OTHER_MODEL, "configs/c.py": base + leaf})
    (freeze,) = plan_of(root).pretended_freezes
    assert reason in freeze.reason
    assert not migrated(root)


# ---------------------------------------------------------------- the hook


def test_hook_is_written_imported_and_registered(repository: MakeRepository) -> None:
    leaf = "_base_ = './o.py'\n" + optimizer("'text': dict(lr_mult=0.0)", "'x': dict(lr_mult=2)")
    files = migrated(repository({"configs/o.py": OTHER_MODEL, "configs/c.py": leaf}))
    assert sorted(files) == ["configs/c.py", "freeze_hook.py"]
    assert files["configs/c.py"] == (
        "_base_ = './o.py'\n"
        + optimizer("'x': dict(lr_mult=2)")
        + "\ncustom_imports = dict(imports=['freeze_hook'])\n"
        "\ncustom_hooks = [dict(type='FreezeHook', names=['text'])]\n"
    )


def test_hook_goes_into_the_package_that_the_config_imports(repository: MakeRepository) -> None:
    leaf = (
        "_base_ = './o.py'\ncustom_imports = dict(imports=['net'])\n"
        "custom_hooks = [\n    dict(type='Other'),\n]\n"
        + optimizer("'text': dict(lr_mult=0.0)", "'x': dict(lr_mult=2)")
    )
    files = migrated(
        repository({"configs/o.py": OTHER_MODEL, "configs/c.py": leaf, "net/__init__.py": ""})
    )
    assert sorted(files) == ["configs/c.py", "net/freeze_hook.py"]
    assert files["configs/c.py"] == (
        "_base_ = './o.py'\ncustom_imports = dict(imports=['net', 'net.freeze_hook'])\n"
        "custom_hooks = [\n    dict(type='Other'),\n"
        "    dict(type='FreezeHook', names=['text']),\n]\n" + optimizer("'x': dict(lr_mult=2)")
    )


def test_inherited_hooks_and_imports_stay(repository: MakeRepository) -> None:
    base = OTHER_MODEL + (
        "custom_imports = dict(imports=['net'])\ncustom_hooks = [dict(type='Other')]\n"
    )
    leaf = "_base_ = './o.py'\n" + optimizer("'text': dict(lr_mult=0.0)", "'x': dict(lr_mult=2)")
    root = repository({"configs/o.py": base, "configs/c.py": leaf, "net/__init__.py": ""})
    for path, text in migrated(root).items():
        (root / path).write_text(text)
    resolved = read(root, "configs/c.py").resolved
    hooks, imports = resolved.get("custom_hooks"), resolved.get("custom_imports", "imports")
    assert hooks is not None
    assert imports is not None
    assert plain(hooks) == [{"type": "Other"}, {"type": "FreezeHook", "names": ["text"]}]
    assert plain(imports) == ["net", "net.freeze_hook"]


def test_one_hook_for_several_entries(repository: MakeRepository) -> None:
    leaf = "_base_ = './o.py'\n" + optimizer(
        "'backbone': dict(lr_mult=0.0)",
        "'text': dict(lr_mult=0)",
        "'backbone.last': dict(lr_mult=1)",
    )
    files = migrated(repository({"configs/o.py": OTHER_MODEL, "configs/c.py": leaf}))
    hook = "dict(type='FreezeHook', names=['backbone', 'text'], trained=['backbone.last'])"
    assert files["configs/c.py"].count("FreezeHook") == 1
    assert hook in files["configs/c.py"]


def test_a_layer_that_still_trains_wants_the_hook(repository: MakeRepository) -> None:
    # frozen_stages could not leave layer4 out.
    leaf = "_base_ = './model.py'\n" + optimizer(
        "'backbone': dict(lr_mult=0.0)", "'backbone.layer4': dict(lr_mult=0.1)"
    )
    files = migrated(repository({"configs/model.py": MODEL, "configs/c.py": leaf}))
    assert "names=['backbone'], trained=['backbone.layer4']" in files["configs/c.py"]


def test_own_backbone_with_frozen_stages(repository: MakeRepository) -> None:
    own = (
        "class Deep(Base):\n"
        "    def __init__(self, num_stages=5, frozen_stages=-1, norm_eval=False):\n"
        "        super().__init__()\n"
    )
    leaf = "model = dict(type='Net', backbone=dict(type='Deep'))\n" + optimizer(
        "'backbone': dict(lr_mult=0.0)", "'x': dict(lr_mult=2)"
    )
    files = migrated(repository({"net/deep.py": own, "configs/c.py": leaf}))
    assert "backbone=dict(type='Deep', frozen_stages=5, norm_eval=True)" in files["configs/c.py"]


def test_own_class_of_a_known_name_without_frozen_stages(repository: MakeRepository) -> None:
    own = "class ResNet(Base):\n    def __init__(self, depth=50):\n        super().__init__()\n"
    leaf = "_base_ = './model.py'\n" + optimizer("'backbone': dict(lr_mult=0.0)")
    files = migrated(
        repository({"net/resnet.py": own, "configs/model.py": MODEL, "configs/c.py": leaf})
    )
    assert "FreezeHook" in files["configs/c.py"]
    assert "frozen_stages" not in files["configs/c.py"]


def test_crlf_and_comments_survive(repository: MakeRepository) -> None:
    before = (
        "# Stage 2\r\n_base_ = './model.py'  # the model\r\n\r\n"
        "optim_wrapper = dict(paramwise_cfg=dict(custom_keys={\r\n"
        "    # nothing here moves\r\n    'backbone': dict(lr_mult=0.0),\r\n"
        "    'neck': dict(lr_mult=2.0),  # twice\r\n}))\r\n"
    )
    root = repository({"configs/model.py": MODEL, "configs/c.py": before})
    after = migrated(root)["configs/c.py"]
    kept = before.replace("    'backbone': dict(lr_mult=0.0),\r\n", "")
    assert after == kept + FROZEN.replace("\n", "\r\n")
    ast.parse(after)
