"""Attributes that are called like members of a network, and are not what its files have there.

``bn2`` is in the stem of a ResNet, before its stages, or is the norm of a convolution that was
added behind them; ``fc`` is one ``nn.Linear``, and no norm layer in it is of a published file.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.because import Slot, shown
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.known.families import FIRST_STAGE, is_classifier
from bn2gn_codemod.survey.values import Class, NormLayer

# A stem of several convolutions has them; what they are called tells nothing behind the stages.
_IN_DEEP_STEM = re.compile(r"(?:conv|bn)([23])")


def other_than_member(contents: Contents, slot: Slot) -> str:
    """What an attribute is that no published file has under a member's name; ``""``: none."""
    if _holds_norms_as_classifier(contents, slot):
        return f"{shown(slot)} holds norm layers, and is no single linear layer"
    if _comes_behind_stages(slot):
        return f"{shown(slot)} comes after {FIRST_STAGE}, and is not of the stem"
    return ""


def _holds_norms_as_classifier(contents: Contents, slot: Slot) -> bool:
    """``self.fc = nn.Sequential(nn.Linear(512, 64), nn.BatchNorm1d(64))``"""
    return is_classifier(slot[1]) and any(
        isinstance(one, NormLayer) for one in contents.inside(slot)
    )


def _comes_behind_stages(slot: Slot) -> bool:
    """Whether ``bn2`` is made after ``layer1`` with its ``conv2``, in a network with a stem.

    The ``bn2`` alone there is the last norm of a network with norms before its convolutions.
    """
    found = _IN_DEEP_STEM.fullmatch(slot[1])
    if found is None:
        return False
    stages = [line for name, line in _stores(slot[0]) if name == FIRST_STAGE]
    first: dict[str, int] = {}
    for name, line in _stores(slot[0]):
        first[name] = min(line, first.get(name, line))
    pair = {f"conv{found[1]}", f"bn{found[1]}"}
    return (
        bool(stages)
        and pair <= first.keys()
        and min(first[name] for name in pair) > max(stages)
        and not _makes_elsewhere(slot[0], pair)
        and first.get("bn1", max(stages)) < min(stages)
    )


def _stores(cls: Class) -> Iterator[tuple[str, int]]:
    """What the constructor itself stores, and in which lines."""
    init = cls.methods.get("__init__")
    for one in ast.walk(init.node) if init is not None else ():
        match one:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name, one.lineno
            case _:
                pass


def _makes_elsewhere(cls: Class, names: set[str]) -> bool:
    """Whether another method may make them before: ``self._make_stem()``."""
    return any(
        isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store) and one.attr in names
        for name, method in cls.methods.items()
        if name != "__init__"
        for one in ast.walk(method.node)
    )
