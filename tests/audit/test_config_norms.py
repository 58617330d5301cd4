"""``norm_cfg`` of necks and heads becomes GroupNorm; the backbone's stays."""

from __future__ import annotations

import pytest

from tests.audit.configs import migrated
from tests.conftest import MakeRepository
from tests.migrating import plan_of

PRETRAINED = "init_cfg=dict(type='Pretrained', checkpoint='w://r')"
BACKBONE = f"backbone=dict(type='Net', norm_cfg=dict(type='BN'), {PRETRAINED})"


def config(neck: str, backbone: str = BACKBONE, above: str = "") -> str:
    """A detector whose neck has the arguments ``neck``."""
    parts = f"    type='D',\n    {backbone},\n    neck=dict(type='N', {neck})"
    return f"{above}model = dict(\n{parts})\n"


CONVERTED = [
    ("norm_cfg=dict(type='BN'), out_channels=256", "dict(type='GN', num_groups=32)"),
    ("norm_cfg=dict(type='BN2d'), out_channels=48", "dict(type='GN', num_groups=24)"),
    (
        "norm_cfg=dict(type='BN', momentum=0.1, eps=0.001), in_channels=64",
        "dict(type='GN', num_groups=32, eps=0.001)",
    ),
    (
        "norm_cfg=dict(type='BN', requires_grad=True), channels=96, mid_channels=64",
        "dict(type='GN', num_groups=32, requires_grad=True)",
    ),
]


@pytest.mark.parametrize(("neck", "norm"), CONVERTED)
def test_converted(repository: MakeRepository, neck: str, norm: str) -> None:
    root = repository({"configs/c.py": config(neck)})
    start = neck.index("norm_cfg=")
    old = neck[start + len("norm_cfg=") : neck.index(")", start) + 1]
    assert migrated(root) == {"configs/c.py": config(neck.replace(old, norm))}


def test_second_run_is_empty(repository: MakeRepository) -> None:
    root = repository({"configs/c.py": config(CONVERTED[0][0])})
    (root / "configs/c.py").write_text(migrated(root)["configs/c.py"])
    assert not migrated(root)
    assert not plan_of(root).findings


def test_shared_name_stays_for_the_backbone(repository: MakeRepository) -> None:
    shared = "norm_cfg = dict(type='BN')\n"
    backbone = BACKBONE.replace("norm_cfg=dict(type='BN')", "norm_cfg=norm_cfg")
    root = repository({"configs/c.py": config("channels=64, norm_cfg=norm_cfg", backbone, shared)})
    expected = config("channels=64, norm_cfg=dict(type='GN', num_groups=32)", backbone, shared)
    assert migrated(root) == {"configs/c.py": expected}


LEFT_ALONE = [
    pytest.param("norm_cfg=dict(type='GN', num_groups=8), channels=64", id="group_norm"),
    pytest.param("norm_cfg=dict(type='LN'), channels=64", id="layer_norm"),
    pytest.param("norm_cfg=dict(type='SyncBN'), channels=64", id="not_among_the_norms_to_convert"),
    pytest.param("norm_cfg=None, channels=64", id="none"),
]


@pytest.mark.parametrize("neck", LEFT_ALONE)
def test_left_alone(repository: MakeRepository, neck: str) -> None:
    root = repository({"configs/c.py": config(neck)})
    assert not migrated(root)
    assert not plan_of(root).findings


def test_nothing_is_pretrained(repository: MakeRepository) -> None:
    backbone = "backbone=dict(type='Net', norm_cfg=dict(type='BN'))"
    root = repository({"configs/c.py": config("norm_cfg=dict(type='BN'), channels=64", backbone)})
    assert not migrated(root)
    assert not plan_of(root).sites


FOUND_ONLY = [
    pytest.param("norm_cfg=dict(type='BN')", "channel count", id="unknown_channels"),
    pytest.param("norm_cfg=dict(type='BN', **more()), channels=64", "not understood", id="spread"),
    pytest.param("norm_cfg=dict(type='BN', depth=3), channels=64", "depth", id="unknown_argument"),
]


@pytest.mark.parametrize(("neck", "reason"), FOUND_ONLY)
def test_found_and_not_fixed(repository: MakeRepository, neck: str, reason: str) -> None:
    plan = plan_of(root := repository({"configs/c.py": config(neck)}))
    (finding,) = plan.findings
    assert (finding.code, finding.fixable) == ("BN101", False)
    assert reason in finding.message
    assert not migrated(root)


def test_override_that_would_no_longer_fit(repository: MakeRepository) -> None:
    leaf = "_base_ = './c.py'\nmodel = dict(neck=dict(norm_cfg=dict(type='SyncBN')))\n"
    root = repository(
        {"configs/c.py": config("norm_cfg=dict(type='BN'), channels=64"), "configs/d.py": leaf}
    )
    (finding,) = plan_of(root).findings
    assert "configs/d.py overrides part of it" in finding.message
    assert not migrated(root)


def test_one_dict_for_both_sides_is_a_conflict(repository: MakeRepository) -> None:
    source = (
        "part = dict(norm_cfg=dict(type='BN'), channels=64)\n"
        f"model = dict(type='D', backbone=dict(part, type='Net', {PRETRAINED}), "
        "neck=dict(part, type='N'))\n"
    )
    root = repository({"configs/c.py": source})
    assert [finding.code for finding in plan_of(root).findings] == ["BN102"]
    assert not migrated(root)
