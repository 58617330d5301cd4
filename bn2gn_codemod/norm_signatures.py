"""What the arguments of a BatchNorm call mean to GroupNorm. Pure data on ``ast``."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Literal

# In the order of torch.nn.BatchNorm2d's signature; the name is the helper's.
PARAMETERS = ("num_features", "eps", "momentum", "affine", "track_running_stats")
CARRIED = {"num_features": "num_channels", "eps": "eps", "affine": "affine"}
_NOT_CARRIED = ("device", "dtype")

Kind = Literal["call", "partial"]


def unsupported_arguments(call: ast.Call, kind: Kind = "call") -> str | None:
    """Why ``call`` cannot become a call of the helper; ``None`` if it can.

    ``call`` is ``nn.BatchNorm2d(...)``, or with ``kind="partial"``
    ``partial(nn.BatchNorm2d, ...)``.
    """
    positional = call.args[1:] if kind == "partial" else call.args
    if any(isinstance(argument, ast.Starred) for argument in positional):
        return "its arguments hold *args, which cannot be read from the source"
    if any(keyword.arg is None for keyword in call.keywords):
        return "its arguments hold **kwargs, which cannot be read from the source"
    names = [*(PARAMETERS + _NOT_CARRIED)[: len(positional)], *(k.arg for k in call.keywords)]
    if len(positional) > len(PARAMETERS + _NOT_CARRIED):
        return "it has more arguments than BatchNorm takes"
    for name in names:
        if name in _NOT_CARRIED:
            return f"its argument {name} has no place in get_group_norm"
        if name not in PARAMETERS:
            return f"its argument {name} is not one of BatchNorm's"
    if kind == "call" and "num_features" not in names:
        return "it names no number of channels"
    return _dropped_with_effect(names, [*positional, *(k.value for k in call.keywords)])


def binds_dropped_alone(call: ast.expr) -> bool:
    """Whether ``partial(nn.BatchNorm2d, ...)`` binds nothing that GroupNorm would have, too."""
    return isinstance(call, ast.Call) and not (
        call.args[1:]
        or any(keyword.arg not in PARAMETERS or keyword.arg in CARRIED for keyword in call.keywords)
    )


def gives_dropped_alone(call: ast.expr) -> bool:
    """Whether ``nn.BatchNorm2d(channels, ...)`` says nothing more that GroupNorm would have."""
    return (
        isinstance(call, ast.Call)
        and unsupported_arguments(call) is None
        and all(name not in CARRIED for name in PARAMETERS[1 : len(call.args)])
        and not any(
            keyword.arg in CARRIED and keyword.arg != PARAMETERS[0] for keyword in call.keywords
        )
    )


def _dropped_with_effect(names: Sequence[str | None], values: Sequence[ast.expr]) -> str | None:
    """Dropping ``momentum=(m := 0.1)`` would drop the assignment too."""
    effects = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
    for name, value in zip(names, values, strict=True):
        if name not in CARRIED and any(isinstance(node, effects) for node in ast.walk(value)):
            return f"its argument {name} does more than give a value"
    return None
