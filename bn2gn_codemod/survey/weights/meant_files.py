"""Whether a file that is loaded is pretrained weights, and no training that goes on.

The name of a function or a variable may say so; else it is for the class that loads a file into
itself and is a part of models, and for the factory that returns what it has filled.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.values import Class, Function, Instance, NormLayer
from bn2gn_codemod.survey.weights.evaluated.evaluations import Evaluations
from bn2gn_codemod.survey.weights.files.shared_files import SharedFiles
from bn2gn_codemod.survey.weights.loads import Load, Slot
from bn2gn_codemod.survey.weights.pretrained_names import has_pretrained_name


class MeantFiles:
    """Judges files by where they go. ``owners`` are classes with a backbone of their own."""

    def __init__(self, contents: Contents, owners: set[Class], evaluations: Evaluations) -> None:
        self._evaluations = evaluations
        self._contents = contents
        self._flow = contents.flow
        self._owners = owners
        self._held = {
            value.class_
            for value, slots in contents.held_in.items()
            if isinstance(value, Instance)
            and not all(_is_no_part(contents, value.class_, slot) for slot in slots)
        }
        self._shared = SharedFiles(contents.flow)

    def may_lack(self, call: LoadCall) -> bool:
        """Whether a file may have nothing for the model that is to get it."""
        return self._shared.may_lack(call)

    def are_pretrained(
        self, call: LoadCall, load: Load, value: Instance, *, is_named: bool
    ) -> bool:
        """Whether a file is no training that goes on; ``is_named``: by a name or its path."""
        cls, function = value.class_, call.spot.function
        if cls in self._owners:
            return False
        if families.has_new_word(cls.name) and self._shared.fills_several_parts(call, cls):
            return False
        if value.spot is None:
            return is_named or cls in self._held
        if is_named:
            # load(model, pretrain_path) is for any model: of a whole one, it may be the checkpoint.
            is_told_by_argument = not has_pretrained_name(function)
            is_handed = value.spot.function is not function
            return not (is_told_by_argument and is_handed) or _is_part(cls, self._held)
        if families.has_new_word(function.name) or families.has_new_word(cls.name):
            return False
        if self._evaluations.is_outcome(cls, load):
            return False  # an agent that is made of what the training here gave
        if isinstance(function.node, ast.Module) or value.spot.function is not function:
            return False
        if not _is_part(cls, self._held):
            return False
        # A factory: it makes the object, loads the file, and returns the object.
        returned = self._flow.values(self._flow.return_node(function))
        return value in list(returned) or _keeps_parts(self._contents, function, cls)


def _is_part(cls: Class, held: set[Class]) -> bool:
    """Whether the class is a part of models, or a network by its name."""
    return families.is_network_class(cls) or not held.isdisjoint(cls.descendants())


def _is_no_part(contents: Contents, cls: Class, slot: Slot) -> bool:
    """Whether what an attribute holds is the whole model of a wrapper, or what holds its holder."""
    return (
        families.may_hold_whole_model(slot[1])
        or slot[0].is_parallel_wrapper
        or contents.is_above(cls, slot)
    )


def _keeps_parts(contents: Contents, function: Function, network: Class) -> bool:
    """Whether a method's own class keeps parts of a network: ``self.layer1 = net.layer1``."""
    if function.enclosing_class is None:
        return False
    keepers = function.enclosing_class.ancestors()
    parts = {
        value
        for slot in contents.family_slots(network)
        for value in contents.of_slot[slot]
        if isinstance(value, NormLayer) or (isinstance(value, Instance) and value.class_.is_module)
    }
    return any(
        slot[0] in keepers and slot[0] not in network.ancestors()
        for value in parts
        for slot in contents.held_in.get(value, ())
    )
