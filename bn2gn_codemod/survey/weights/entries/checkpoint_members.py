"""Whether an attribute is in the checkpoint that is loaded into its network."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.because import Because, Role, Slot, shown
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.extensions import Extensions
from bn2gn_codemod.survey.flow.listed_attributes import is_plain_list
from bn2gn_codemod.survey.flow.network_contents import network_content
from bn2gn_codemod.survey.flow.unnamed_attributes import spoken_name
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.statements.optional_parts import (
    instead_of_classifier,
    optional_parts,
    stores_by_name,
)
from bn2gn_codemod.survey.syntax.nodes import call_name
from bn2gn_codemod.survey.values import Class, Function, Instance, NormLayer
from bn2gn_codemod.survey.weights.entries.filled_networks import is_made_before
from bn2gn_codemod.survey.weights.entries.last_stages import is_last_stage
from bn2gn_codemod.survey.weights.entries.made_after_loads import MadeAfterLoads
from bn2gn_codemod.survey.weights.entries.named_keys import speaks_of
from bn2gn_codemod.survey.weights.entries.other_members import other_than_member
from bn2gn_codemod.survey.weights.entries.skipped_keys import are_left_out, classifiers, is_skipped
from bn2gn_codemod.survey.weights.evaluated.spoken_weights import speaks_of_weights
from bn2gn_codemod.survey.weights.loads import Load

# A class that handles weights itself, in a way that may not have been followed.
_PLAIN_LAYER = re.compile(r"\w*Conv\w*|Linear")


class CheckpointMembers:
    """Judges the attributes of networks by the file, its source, and what is known of the kind."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._families: dict[Class, families.Family | None] = {}
        self._made_after = MadeAfterLoads(contents)
        self.extensions = Extensions(contents, self.family)

    def family(self, cls: Class) -> families.Family | None:
        """The family of well-known networks that a class is built like, or extends one of."""
        if cls not in self._families:
            built_like = families.family_of(cls, self._contents.names(cls))
            self._families[cls] = built_like or families.inherited_family(cls)
        return self._families[cls]

    def judge(self, slot: Slot, network: Class, load: Load, inside: Slot | None) -> Because:
        """What a load into ``network`` says of an attribute, and how certain that is.

        ``inside``: an attribute that holds the network as a part of a model.
        """
        role, words = self._in_checkpoint(slot, network, load, inside)
        if role is Role.NEW and self._may_be_copied(slot, network, load):
            unknown = f"whether they include {shown(slot)} is not known"
            role, words = Role.UNDECIDED, f"{network.name} {load.words}: {unknown}"
        elif role is Role.NEW and (load.vague or load.by_path):
            role = Role.UNDECIDED
        word = is_skipped(slot[1], load.skipped)
        if role is Role.BACKBONE and word:
            role, words = Role.UNDECIDED, f"{words}, but leaves out entries with {word!r}"
        if role is Role.BACKBONE and not load.by_hand and is_plain_list(self._contents, slot):
            role = Role.UNDECIDED
            words = f"{words}, but {shown(slot)} is a plain list, of which no file has entries"
        if role is Role.BACKBONE and load.of_base not in (None, *slot[0].descendants()):
            role, words = (
                Role.UNDECIDED,
                f"{words}, but {slot[0].name} adds {slot[1]} to the network",
            )
        if role is Role.BACKBONE and self._made_after.holds(slot, load):
            role, words = (
                Role.UNDECIDED,
                f"{words}, but what is in {shown(slot)} may be made after that",
            )
        if role is Role.BACKBONE and slot[1] not in load.parts and self._has(network, load.parts):
            parts = " or ".join(sorted(load.parts))
            role, words = Role.UNDECIDED, f"{words}, but gives all entries names below {parts}"
        return Because(role, words, vague=load.vague)

    def _has(self, network: Class, names: frozenset[str]) -> bool:
        """Whether a network has attributes of some of these names.

        A dict of names may have more than the network, which code passes over.
        """
        return any(self._contents.has_name(network, name) for name in names)

    def _in_checkpoint(
        self, slot: Slot, network: Class, load: Load, inside: Slot | None
    ) -> tuple[Role, str]:
        name, family = slot[1], self.family(network)
        loads = f"{network.name} {load.words}"
        if name == "*" and load.published:
            name = spoken_name(self._contents.flow, slot[0])
        resumed = f"{loads}: pretrained, or training that is resumed"
        if load.is_resumed and family is not None and self._is_own(family, network, load):
            return Role.UNDECIDED, resumed
        is_member = family is not None and (
            self.is_member(family, slot, name) or is_last_stage(family, slot, load)
        )
        other = other_than_member(self._contents, slot) if is_member and not load.strict else ""
        # A MobileNet's classifier is one of several layers in some files.
        if other and (not load.published or name == "classifier"):
            return Role.UNDECIDED, f"{loads}, but {other}: whether they include it is not known"
        if family is not None and is_member and not other:
            if load.listed_in is not None and family.of_classifier.match(name):
                words = f"the layers that {load.listed_in} lists"
                return Role.UNDECIDED, f"{loads}: whether {name} is one of {words} is not known"
            return Role.BACKBONE, f"{shown(slot)} is part of the {family.name} that {load.words}"
        if load.is_resumed:
            return Role.UNDECIDED, resumed
        if load.strict:
            is_network = load.of_network or family is not None
            is_network = is_network or families.is_network_class(network)
            is_network = is_network or families.backbone_home(network.path) is not None
            # A published file has no entries of a model's other parts.
            is_network = is_network or is_made_before(slot, load)
            if inside is not None or is_network:
                return Role.BACKBONE, f"{loads}, strictly"
            return Role.UNDECIDED, f"{loads}, strictly: a backbone's or a whole model's"
        # It has some names in common with the family, and a file of its own kind, by its own names.
        is_of_other_kind = (
            family is not None
            and not families.has_new_word(name)
            and families.is_of_other_kind(family, network)
        )
        if family is not None and not is_of_other_kind and self._may_be_renamed(name, load):
            words = f"{loads}, by code that speaks of {name}"
            return Role.UNDECIDED, f"{words}: whether they are filled is not known"
        more = self._added_part_of_file(family, network, load) if family is not None else ""
        if family is not None and more:
            words = f"{loads}, by code that tells {more!r} apart, which no {family.name} has"
            return Role.UNDECIDED, f"{words}: whether the file has {name}, too, is not known"
        if family is not None and load.of_task:
            words = f"{loads}, and {load.of_task!r} speaks of the file of a model with more"
            return Role.UNDECIDED, f"{words} than a {family.name}, of which {name} may be a part"
        # What is copied entry by entry is whatever the file of a part has in common with it.
        is_any_file = inside is not None and load.by_hand and not load.published
        is_certainly_new = families.has_certainly_new_word(name) and not is_any_file
        if family is not None and is_certainly_new:
            return Role.NEW, f"{loads}, and {shown(slot)} is not part of a {family.name} checkpoint"
        if is_of_other_kind:
            family = None
        if inside is not None and (family is not None or families.has_new_word(name)):
            outer = f"{shown(inside)} holds {network.name}"
            return Role.UNDECIDED, f"{loads}: whether they include {name} is not known ({outer})"
        if family is not None and families.has_new_word(name) and not family.is_twin(name):
            part = shown(slot) if name == slot[1] else f"what {slot[0].name} stores under a {name}"
            return Role.NEW, f"{loads}, and {part} is not part of a {family.name} checkpoint"
        if family is not None and load.published and name != "*" and not family.is_twin(name):
            words = f"but {other}" if other else f"which has no {name}"
            return Role.NEW, f"{loads}, a {family.name} checkpoint, {words}"
        is_whole = inside is None and families.backbone_home(network.path) is None
        is_whole = is_whole and load.of_classifier
        if family is not None and is_whole and self._comes_last(family, slot):
            words = f"{loads} without the classifier that the file has"
            return Role.NEW, f"{words}, and {shown(slot)} comes after its last stage"
        base = self.extensions.base_of(network, slot)
        if base is not None:
            words = f"{shown(slot)} is added to {base.name}"
            return Role.UNDECIDED, f"{loads}, and {words}: whether they include it is not known"
        is_filled = not load.from_other or families.may_be_backbone_attribute(name)
        is_filled = is_filled and not self._is_beside_network(slot, network, load)
        is_cut = load.by_script or load.in_order
        if is_cut and inside is None and not families.is_network_class(network):
            is_filled = is_filled and self._comes_early(slot)
        is_filled = is_filled and slot[1] not in instead_of_classifier(slot[0])
        if family is None and is_filled and not self._has_new_word(slot, name):
            return Role.BACKBONE, loads
        return Role.UNDECIDED, f"{loads}: whether they include {shown(slot)} is not known"

    def _has_new_word(self, slot: Slot, name: str) -> bool:
        """Whether a name says that the part was added to a network.

        ``patch_embed`` is no embedding of what a network found where the network begins with it.
        """
        if not families.has_new_word(name):
            return False
        return not (families.embeds_input(name) and self._comes_first(slot))

    def _added_part_of_file(self, family: families.Family, network: Class, load: Load) -> str:
        """A key that the code asks for and that a file of a network without additions has not.

        A file with ``final_layer.weight`` is a whole model's, with all that was added to it.
        """
        known = self._contents.names(network)
        for key in sorted(load.tensors) if not load.published else ():
            part = next((part for part in key.split(".") if part in known), "")
            is_member = family.members.match(part) is not None or family.is_twin(part)
            if part and not is_member and not classifiers([key]):
                return key
        return ""

    def _is_own(self, family: families.Family, network: Class, load: Load) -> bool:
        """Whether a file that is loaded into a network comes of the network's own training.

        So does one that fits all of a network with more than its kind has. Not where the code of
        the network speaks of weights, which may come into it in a way that was not followed.
        """
        kin = (*network.ancestors(), *network.descendants())
        if any(speaks_of_weights(self._contents.flow, cls, kin) for cls in kin):
            return False
        return load.of_own_training or (load.strict and self._has_more(family, network))

    def _has_more(self, family: families.Family, network: Class) -> bool:
        """Whether a network has norm layers that no published checkpoint of its kind has."""
        return any(
            slot[1] != "*"
            and not self.is_member(family, slot)
            and not family.is_twin(slot[1])
            and any(isinstance(one, NormLayer) for one in self._contents.inside(slot))
            for slot in self._contents.family_slots(network)
        )

    def added_to_blocks(self, cls: Class, loads: list[Load]) -> Iterator[tuple[Slot, Because]]:
        """What the blocks of a well-known network have, and those of published networks have not.

        An option asks for it, or no file has its name. What is not strict passes it over.
        """
        family = self.family(cls)
        is_own = any(load.kind == "url" and not load.published for load in loads)
        if family is None or is_own or any(load.strict or load.is_resumed for load in loads):
            return
        is_published = all(load.published for load in loads)
        for block in self._blocks(family, cls):
            names = optional_parts(block)
            for slot in self._contents.slots_of.get(block, ()):
                held = self._contents.of_slot[slot]
                if slot[1] in names and any(isinstance(value, Instance) for value in held):
                    words = "which its blocks have as an option"
                elif is_published and self._is_added_to_block(family, slot):
                    words = f"which no block of a published {family.name} has"
                else:
                    continue
                words = f"{cls.name} {loads[0].words}: whether they include {shown(slot)}, {words},"
                yield slot, Because(Role.UNDECIDED, f"{words} is not known", vague=loads[0].vague)

    def _blocks(self, family: families.Family, cls: Class) -> dict[Class, None]:
        """The classes of the blocks in the stages of a network."""
        stages = (one for one in self._contents.slots_of[cls] if self.is_member(family, one))
        return {
            owner: None
            for stage in stages
            for value in self._contents.of_slot[stage]
            if isinstance(value, Instance)
            for owner in value.class_.ancestors()
        }

    def _is_added_to_block(self, family: families.Family, slot: Slot) -> bool:
        """Whether a part of a block has norms, and a name that no part of a published block has."""
        name, known = slot[1], family.of_block
        is_other = known is not None and name != "*" and known.fullmatch(name) is None
        return is_other and any(isinstance(one, NormLayer) for one in self._contents.inside(slot))

    def _may_be_renamed(self, name: str, load: Load) -> bool:
        """Whether entries of other layers may be loaded under a name, or by a list with it."""
        is_named = speaks_of(name, load.named) and not are_left_out(name, load.skipped)
        return is_named and not load.published

    def is_member(self, family: families.Family, slot: Slot, name: str = "") -> bool:
        """Whether an attribute is of those that a checkpoint of the family has.

        A fifth layer is a stage, as in DRN, where it is made like one of the first four.
        """
        name = name or slot[1]
        if family.members.match(name) is None:
            return False
        if not families.is_extra_stage(name):
            return True
        first = (
            one for one in self._contents.family_slots(slot[0]) if families.is_usual_stage(one[1])
        )
        makers = {maker for one in first for maker in self._makers(one)}
        return not makers.isdisjoint(self._makers(slot))

    def _makers(self, slot: Slot) -> Iterator[Class | Function]:
        """The classes of the blocks in an attribute, and the methods that made it.

        Constructors make blocks of every kind; norm layers are all of one.
        """
        for value in self._contents.of_slot.get(slot, ()):
            if isinstance(value, Instance):
                yield value.class_
            if isinstance(value, (Instance, NormLayer)) and value.spot is not None:
                function = value.spot.function
                if isinstance(value, NormLayer) or not function.is_constructor:
                    yield function

    def _may_be_copied(self, slot: Slot, network: Class, load: Load) -> bool:
        """Whether a model that is copied may have something for an attribute.

        In order, what it has after its stages may come to whatever stands in that place.
        """
        family = self.family(network)
        if load.in_order and (family is None or not self._comes_last(family, slot)):
            return True
        if load.of_model is None or load.published:
            return False
        return load.in_order or slot[1] in self._contents.names(load.of_model)

    def _comes_last(self, family: families.Family, slot: Slot) -> bool:
        """Whether an attribute is first stored after all that the family's checkpoints have."""
        if family.is_twin(slot[1]):
            return False
        stored = first_stores(slot[0].node)
        members = [
            stored[name]
            for cls, name in self._contents.slots_of[slot[0]]
            if name in stored and self.is_member(family, (cls, name))
        ]
        return slot[1] in stored and bool(members) and stored[slot[1]] > max(members)

    def _comes_early(self, slot: Slot) -> bool:
        """Whether an attribute is first stored before all that a model may add to a backbone.

        A script that copies whatever the model has from a file may have one of another model:
        that begins like this one, and ends in another way.
        """
        if families.may_be_backbone_attribute(slot[1]):
            return True
        stored = first_stores(slot[0].node)
        holding = {
            name
            for cls, name in self._contents.slots_of[slot[0]]
            if self._contents.may_hold_layers((cls, name))
        }
        plain = set(_plain_layers(slot[0].node))
        lines = {
            name: line
            for name, line in stored.items()
            if name != slot[1] and (name in holding or name in plain)
        }
        if not lines:
            return True
        added = [line for name, line in lines.items() if families.has_new_word(name)]
        return slot[1] in stored and stored[slot[1]] < min(added or [max(lines.values())])

    def _comes_first(self, slot: Slot) -> bool:
        """Whether an attribute is stored before all others with weights, embeddings aside."""
        stored = stores_by_name(slot[0].node) | first_stores(slot[0].node)
        holding = {
            name
            for cls, name in self._contents.family_slots(slot[0])
            if self._contents.may_hold_layers((cls, name))
        }
        # What a class that is extended has is there before.
        others = [
            stored.get(name, 0)
            for name in holding.union(_plain_layers(slot[0].node))
            if name != slot[1] and not families.embeds_input(name)
        ]
        return slot[1] in stored and stored[slot[1]] < min(others, default=stored[slot[1]] + 1)

    def _is_beside_network(self, slot: Slot, model: Class, load: Load) -> bool:
        """Whether a file may be for a network in another attribute of a model alone."""
        if load.kind != "file" or load.by_hand or families.is_network_class(model):
            return False
        return not families.may_be_backbone_attribute(slot[1]) and any(
            families.may_be_backbone_attribute(other[1])
            and network_content(self._contents, other) is not None
            for other in self._contents.family_slots(model)
            if other is not slot
        )


def first_stores(node: ast.ClassDef) -> dict[str, int]:
    """The line on which each attribute of ``self`` is stored first."""
    found: dict[str, int] = {}
    for one in ast.walk(node):
        match one:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                found[name] = min(one.lineno, found.get(name, one.lineno))
            case _:
                pass
    return found


def _plain_layers(node: ast.ClassDef) -> Iterator[str]:
    """The attributes that hold a convolution or the like, which have weights but no norm."""
    for one in ast.walk(node):
        match one:
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)],
                value=ast.Call() as made,
            ) if _PLAIN_LAYER.fullmatch(call_name(made)):
                yield name
            case _:
                pass
