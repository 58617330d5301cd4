"""Parts that a config repeats: ``mask_head=[dict(...) for _ in range(6)]``."""

from __future__ import annotations

import pytest

from bn2gn_codemod.plan import Verdict
from tests.audit.configs import migrated
from tests.conftest import MakeRepository
from tests.migrating import plan_of

CONFIG = """\
stages = 3
sizes = [64, 64, 48]
model = dict(
    type='D',
    backbone=dict(type='Net', norm_cfg=dict(type='BN'), init_cfg=dict(checkpoint='w://r')),
    roi_head=dict(type='R', mask_head={heads}))
"""
HEAD = "dict(type='M', channels=64, norm_cfg=dict(type='BN'))"


def config(heads: str) -> str:
    return CONFIG.format(heads=heads).replace("init_cfg=dict(", "init_cfg=dict(type='Pretrained', ")


@pytest.mark.parametrize(
    "loop",
    [
        "for _ in range(3)",
        "for _ in range(stages)",
        "for _ in range(stages - 1)",
        "for i in range(1, stages)",
        "for size in sizes",
        "for stages in sizes",
    ],
)
def test_one_text_for_all_of_them_is_converted(repository: MakeRepository, loop: str) -> None:
    root = repository({"configs/c.py": config(f"[{HEAD} {loop}]")})
    new = HEAD.replace("dict(type='BN')", "dict(type='GN', num_groups=32)")
    assert migrated(root) == {"configs/c.py": config(f"[{new} {loop}]")}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("channels=sizes[i], norm_cfg=dict(type='BN')", "channel count"),
        ("in_channels=64, channels=sizes[i], norm_cfg=dict(type='BN')", "channel count"),
        ("channels=64, norm_cfg=dict(type='BN', num_features=sizes[i])", "num_features"),
        ("channels=64, norm_cfg=dict(type='BN', eps=1 / sizes[i])", "eps"),
        ("channels=64, norm_cfg=dict(type='BN', **more[i])", "not understood"),
    ],
)
def test_what_differs_between_them_is_left(
    repository: MakeRepository, arguments: str, reason: str
) -> None:
    heads = f"[dict(type='M', {arguments}) for i in range(stages)]"
    root = repository({"configs/c.py": config(heads)})
    assert not migrated(root)
    _, site = plan_of(root).sites
    assert site.verdict is Verdict.CONVERT
    assert reason in site.reasons[-1]


@pytest.mark.parametrize(
    "heads",
    [
        "[dict(type='M', channels=64, norm_cfg=dict(type=kinds[i])) for i in range(stages)]",
        "[dict(type='M', channels=64, norm_cfg=norms[i]) for i in range(stages)]",
        # How many there are, and so what is where, is not known.
        f"[{HEAD} for _ in range(count())]",
        f"[{HEAD} for _ in range(stages) if _]",
        f"[{HEAD} for a in sizes for b in sizes]",
        f"[{HEAD} for _ in range(1, stages, 2)]",
        f"[{HEAD} for _ in range(0)]",
        f"[{HEAD} for _ in range(10 ** 9)]",
    ],
)
def test_what_is_not_known_is_no_site(repository: MakeRepository, heads: str) -> None:
    root = repository({"configs/c.py": config(heads)})
    assert not migrated(root)
    assert len(plan_of(root).sites) == 1


def test_the_name_in_the_loop_stays_outside(repository: MakeRepository) -> None:
    heads = "[dict(type='M', name=stages) for stages in sizes]"
    text = config(heads) + "more = dict(heads=[1, 2, 3][stages - 1])\n"
    root = repository({"configs/c.py": text})
    assert len(plan_of(root).sites) == 1


def test_hooks_that_are_repeated_take_no_other(repository: MakeRepository) -> None:
    text = (
        "model = dict(type='Net', backbone=dict(type='Swin'), text=dict(type='Bert'))\n"
        "custom_hooks = [dict(type='Other', at=i) for i in range(2)]\n"
        "optim_wrapper = dict(\n"
        "    optimizer=dict(type='SGD', lr=0.02),\n"
        "    paramwise_cfg=dict(custom_keys={'text': dict(lr_mult=0.0), 'x': dict(lr_mult=2)}))\n"
    )
    root = repository({"configs/c.py": text})
    assert not migrated(root)
    (found,) = plan_of(root).pretended_freezes
    assert "custom_hooks is computed" in found.reason
