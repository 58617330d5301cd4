"""Encoders of a few layers, for several inputs side by side.

``self.encoder(torch.cat((image, depth), 1))`` may be a published network with a wider first
layer. But none of those that have norms at all has as few of them as that.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.statements.fed_parts import gets_several_inputs
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import ExternalObject, Function, Instance, NormLayer, Value

# VGG11 has one behind each of its convolutions.
_FEWEST_NORMS = 8
_REPEATED = (
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


def is_small_encoder(contents: Contents, slot: Slot) -> bool:
    """Whether all that an attribute named encoder may hold is too small for a network.

    A stage, as ``encoder1``, is small in any network.
    """
    cls, name = slot
    held = contents.of_slot[slot]
    return (
        families.is_encoder(name)
        and gets_several_inputs(cls, name)
        and bool(contents.layers_in(slot))
        and all(_is_small(contents, value) for value in held)
    )


def _is_small(contents: Contents, value: Value) -> bool:
    """Whether a class writes all of its norms out, and they are too few."""
    if not isinstance(value, Instance) or value.weak or value.spot is None:
        return False
    init = value.class_.find_method("__init__")
    norms = {
        held for slot in contents.family_slots(value.class_) for held in contents.of_slot[slot]
    }
    norms = {held for held in norms if not _is_plain(held)}
    return len(norms) < _FEWEST_NORMS and all(_is_written_out(held, init) for held in norms)


def _is_plain(value: Value) -> bool:
    """Whether it is a layer or container of PyTorch, which has no norms of its own."""
    return isinstance(value, ExternalObject) and value.name.startswith("torch.nn.")


def _is_written_out(value: Value, init: Function | None) -> bool:
    """Whether a constructor makes a norm layer, and no more than this one by the same words."""
    return (
        isinstance(value, NormLayer)
        and value.spot.function is init
        and not any(
            inner is value.spot.node
            for repeated in walk(init.node)
            if isinstance(repeated, _REPEATED)
            for inner in walk(repeated)
        )
    )
