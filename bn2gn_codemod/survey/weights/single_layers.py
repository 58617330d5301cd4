"""Whether a load fills nothing but one layer, and so says nothing of what stands beside it."""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.syntax.nodes import call_name, walk
from bn2gn_codemod.survey.values import Class, Instance, NormLayer

_TENSORS = frozenset({"weight", "bias", "running_mean", "running_var"})
# Code by which an object may have them, too.
_ACCESSORS = frozenset({*_TENSORS, "__getattr__", "__getattribute__"})
_STORING = frozenset({"setattr", "register_parameter", "register_buffer", "__setattr__"})


def is_single_layer(contents: Contents, call: LoadCall, value: Instance) -> bool:
    """Whether nothing but a tensor of a layer without norms is set: ``conv.weight = w``.

    That says nothing of the other layers of this kind, nor of what stands beside them.
    """
    if not call.into_tensors or not call.of_layer or call.wholes:
        return False
    if call.in_place and not _may_have_tensors(value.class_):
        return True  # ``stem[0].weight``: another one stands there
    return value.spot is None or not any(  # ``self.weight``, or a layer that has one
        isinstance(one, NormLayer)
        for inner in (value.class_, *contents.below(value.class_))
        for slot in contents.family_slots(inner)
        for one in contents.of_slot[slot]
    )


def _may_have_tensors(cls: Class) -> bool:
    """Whether an object may have ``weight`` or ``bias`` itself, and not in a layer that it holds.

    Of a class of which nothing is known but that it is a module, those that its code stores.
    """
    kin = {*cls.ancestors(), *cls.descendants()}
    return any(base != "torch.nn.Module" for one in kin for base in one.external_bases) or any(
        not _TENSORS.isdisjoint(one.stored_names)
        or not _ACCESSORS.isdisjoint(one.methods)
        or any(call_name(node) in _STORING for node in walk(one.node) if isinstance(node, ast.Call))
        for one in kin
    )
