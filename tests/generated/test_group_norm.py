"""The helper, run, and recognised in the forms that it may be found in."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import torch
from torch import nn

from bn2gn_codemod.generated.group_norm import (
    GroupCount,
    definition,
    is_group_norm_helper,
    read_group_count,
)

SPECIFIED_COUNT = GroupCount(32, 1)
SPECIFIED = """
def get_group_norm(num_channels, num_groups=32, eps=1e-5, affine=True):
    num_groups = min(num_groups, num_channels)
    while num_channels % num_groups != 0 and num_groups > 1:
        num_groups -= 1
    return nn.GroupNorm(num_groups, num_channels, eps=eps, affine=affine)
"""


def function(source: str) -> ast.FunctionDef:
    [node] = ast.parse(source).body
    assert isinstance(node, ast.FunctionDef)
    return node


def helper(count: GroupCount = SPECIFIED_COUNT) -> Any:
    namespace: dict[str, Any] = {"nn": nn}
    exec(definition("nn", count), namespace)
    return namespace["get_group_norm"]


@pytest.mark.parametrize(
    ("channels", "groups"), [(1, 1), (16, 16), (32, 32), (37, 1), (48, 24), (64, 32), (97, 1)]
)
def test_groups_as_specified(channels: int, groups: int) -> None:
    norm = helper()(channels)
    specified: dict[str, Any] = {"nn": nn}
    exec(SPECIFIED, specified)
    assert norm.num_groups == groups == specified["get_group_norm"](channels).num_groups
    assert (norm.eps, norm.affine) == (1e-5, True)
    assert helper()(channels, eps=1e-3, affine=False).weight is None


def test_one_channel_a_group_is_dead_on_a_map_of_one_pixel() -> None:
    """What BN106 warns of, and ``min-channels-per-group`` mends."""
    alone = helper()(16).train()
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        alone(torch.ones(1, 16, 1, 1))
    assert alone(torch.rand(2, 16, 1, 1)).abs().max() < 1e-3
    assert helper(GroupCount(32, 2))(16)(torch.rand(1, 16, 1, 1)).abs().max() > 0.1


@pytest.mark.parametrize("least", [1, 2, 4, 8])
@pytest.mark.parametrize("groups", [1, 16, 32])
def test_channels_per_group(groups: int, least: int) -> None:
    build = helper(GroupCount(groups, least))
    for channels in range(1, 130):
        norm = build(channels)
        assert norm.num_groups <= groups
        assert channels // norm.num_groups >= min(least, channels)


@pytest.mark.parametrize(
    "source",
    [
        SPECIFIED,
        definition("nn"),
        definition("torch.nn"),
        definition("nn").replace("nn.GroupNorm", "GroupNorm"),
        definition("nn", name="gn").replace("(num_channels,", "(num_channels: int,"),
        definition("nn").replace("):", ") -> nn.Module:", 1).replace("1e-5", "0.00001"),
    ],
)
def test_recognised(source: str) -> None:
    assert is_group_norm_helper(function(source))
    assert is_group_norm_helper(function(source), GroupCount(32, 1))
    assert not is_group_norm_helper(function(source), GroupCount(16, 1))


@pytest.mark.parametrize("count", [GroupCount(1, 1), GroupCount(8, 1), GroupCount(1, 3)])
def test_group_count_is_read_back(count: GroupCount) -> None:
    assert read_group_count(function(definition("nn", count))) == count


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("eps=eps", "eps=1e-3"),
        ("affine=True", "affine=False"),
        ("min(", "max("),
        ("num_groups -= 1", "num_groups -= 2"),
        ("    return", "    print(num_groups)\n    return"),
        ("num_groups > 1", "num_groups > 2"),
        ("num_groups=32", "num_groups=None"),
    ],
)
def test_another_function(part: str, other: str) -> None:
    assert part in SPECIFIED
    assert not is_group_norm_helper(function(SPECIFIED.replace(part, other)))
