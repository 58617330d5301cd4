"""The helper ``get_group_norm``."""

from __future__ import annotations

import ast
import dataclasses

from bn2gn_codemod.generated.shape import shape, shape_of

NAME = "get_group_norm"


@dataclasses.dataclass(frozen=True)
class GroupCount:
    """How many groups a helper asks for at most, and channels per group at least."""

    groups: int = 32
    min_channels_per_group: int = 1


def group_count(channels: int, count: GroupCount = GroupCount()) -> int:
    """How many groups the helper gives ``channels``."""
    groups = min(count.groups, max(channels // count.min_channels_per_group, 1))
    while channels % groups:
        groups -= 1
    return groups


def definition(nn_name: str, count: GroupCount = GroupCount(), name: str = NAME) -> str:
    """The helper's source; ``nn_name`` is the expression that ``torch.nn`` is known by."""
    limit, words = "num_channels", ""
    if count.min_channels_per_group > 1:
        limit = f"max(num_channels // {count.min_channels_per_group}, 1)"
        words = f" of at least {count.min_channels_per_group} channels"
    return f'''\
def {name}(num_channels, num_groups={count.groups}, eps=1e-5, affine=True):
    """GroupNorm with at most num_groups equal groups{words}."""
    num_groups = min(num_groups, {limit})
    while num_channels % num_groups != 0 and num_groups > 1:
        num_groups -= 1
    return {nn_name}.GroupNorm(num_groups, num_channels, eps=eps, affine=affine)
'''


def is_group_norm_helper(function: ast.FunctionDef, count: GroupCount | None = None) -> bool:
    """Whether ``function`` is the helper, whatever its docstring and annotations say.

    With ``count``, only if it also asks for that many groups.
    """
    found = read_group_count(function)
    return found is not None and count in (None, found)


def read_group_count(function: ast.FunctionDef) -> GroupCount | None:
    """What the helper ``function`` asks for; ``None`` if it is another function."""
    # Comparing shapes takes long, and most functions are told by their statements.
    if [type(statement) for statement in function.body[-3:]] != [ast.Assign, ast.While, ast.Return]:
        return None
    constants = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value > 1
    ]
    groups = constants[0] if constants else 1
    least = constants[1] if len(constants) > 1 else 1
    found = shape(function)
    for count in (GroupCount(groups, least), GroupCount(1, groups)):
        if found == shape_of(definition("nn", count, function.name)):
            return count
    return None
