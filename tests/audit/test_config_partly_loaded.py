"""A ``norm_cfg`` of a backbone whose class loads weights into some of its parts alone."""

from __future__ import annotations

import pytest

from tests.conftest import MakeRepository
from tests.migrating import plan_of

CONFIG = """
model = dict(
    type='Pose',
    {beside}
    backbone=dict(type='Stages', norm_cfg=dict(type='BN')),
    head=dict(type='Head', out_channels=8))
{after}
"""
CLASS = """
from torch import nn

class Stages(Base):
    def __init__(self, norm_cfg=dict(type='GN')):
        super().__init__()
        self.top = Top(norm_cfg)
        self.stages = nn.ModuleList()
        for i in range(3):
            self.stages.append(Stage(i, norm_cfg))
        self.last = nn.Conv2d(8, 8, 1)

    def init_weights(self, pretrained=None):
        if isinstance(pretrained, str):
            saved = read(pretrained)
            {loads}
"""
PARTS = """load_state_dict(self.top, saved['top'])
            for i in range(3):
                load_state_dict(self.stages[i].down, saved['down'])"""
BESIDE = "pretrained='a.pth',"


def _verdict(
    repository: MakeRepository, loads: str, beside: str = BESIDE, after: str = ""
) -> tuple[str, str]:
    root = repository(
        {
            "configs/c.py": CONFIG.format(beside=beside, after=after),
            "stages.py": CLASS.format(loads=loads),
        }
    )
    [found] = [one for one in plan_of(root).sites if one.place.path == "configs/c.py"]
    return found.verdict.value, found.reasons[0]


@pytest.mark.parametrize("loads", [PARTS, "self.top.load_state_dict(saved)"])
def test_some_parts_are_loaded(repository: MakeRepository, loads: str) -> None:
    verdict, reason = _verdict(repository, loads)
    assert verdict == "conflict"
    assert reason.startswith("Stages.init_weights() loads weights into self.top")


@pytest.mark.parametrize(
    ("loads", "beside", "after"),
    [
        ("load_checkpoint(self, pretrained)", BESIDE, ""),
        ("self.load_state_dict(saved)", BESIDE, ""),
        ("super().init_weights(pretrained); self.top.load_state_dict(saved)", BESIDE, ""),
        ("self.top.load_state_dict(saved); fill(self).load_state_dict(saved)", BESIDE, ""),
        (
            "load_state_dict(self.top, saved['top']); load_state_dict(self.stages, saved)",
            BESIDE,
            "",
        ),
        # A file of the whole model fills all of it.
        (PARTS, "", "load_from = 'https://example.org/pose.pth'"),
    ],
)
def test_all_may_be_loaded(repository: MakeRepository, loads: str, beside: str, after: str) -> None:
    assert _verdict(repository, loads, beside, after)[0] == "keep"
