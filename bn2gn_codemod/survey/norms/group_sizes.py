"""How many groups converted layers get whose number of channels is a literal."""

from __future__ import annotations

import ast

from bn2gn_codemod.generated.group_norm import GroupCount, group_count
from bn2gn_codemod.norm_signatures import PARAMETERS
from bn2gn_codemod.plan import GroupSize
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.values import Spot


def find_group_sizes(
    flow: Flow, converted: frozenset[Spot], settings: Settings
) -> tuple[GroupSize, ...]:
    """One entry for each call that makes such layers, in source order."""
    count = GroupCount(settings.groups, settings.min_channels_per_group)
    found: set[GroupSize] = set()
    for layer in flow.norm_layers:
        call = layer.spot.node
        if layer.spot in converted and isinstance(call, ast.Call):
            channels = _channels(call)
            if channels is not None and channels > 0:
                place = layer.spot.module.place(call)
                found.add(GroupSize(place, channels, group_count(channels, count)))
    return tuple(sorted(found, key=lambda size: size.place))


def _channels(call: ast.Call) -> int | None:
    named = (keyword.value for keyword in call.keywords if keyword.arg == PARAMETERS[0])
    expr = call.args[0] if call.args else next(named, None)
    match expr:
        case ast.Constant(value=int(channels)) if not isinstance(channels, bool):
            return channels
    return None
