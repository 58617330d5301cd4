"""Backbone or new: what speaks for each attribute by itself.

In this order: a setting; weights that are loaded into the class that holds the
attribute, or into the attribute; what the attribute holds and is called. For
what is left, :mod:`neighbours` looks at what stands beside a backbone. Loads win
over names, and a name that only allows a backbone never makes anything new.
"""

from __future__ import annotations

from collections.abc import Iterable

from bn2gn_codemod.survey.because import Because, Role, Slot, shown
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.network_contents import may_be_network, network_content
from bn2gn_codemod.survey.flow.second_names import same_layers
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.pins import Pins
from bn2gn_codemod.survey.roles.alternative_models import AlternativeModels
from bn2gn_codemod.survey.roles.beside_networks import BesideNetworks
from bn2gn_codemod.survey.roles.finished_loads import FinishedLoads
from bn2gn_codemod.survey.roles.held_backbones import HeldBackbones
from bn2gn_codemod.survey.roles.idle_classes import IdleClasses
from bn2gn_codemod.survey.roles.lent_parts import LentParts
from bn2gn_codemod.survey.roles.library_evidence import LibraryEvidence
from bn2gn_codemod.survey.roles.loaded_alone import LoadedAlone
from bn2gn_codemod.survey.roles.loaded_networks import LoadedNetworks
from bn2gn_codemod.survey.roles.part_lists import PartLists
from bn2gn_codemod.survey.roles.parts_of_networks import PartsOfNetworks
from bn2gn_codemod.survey.roles.pinned_roles import PinnedRoles
from bn2gn_codemod.survey.roles.pretrained_contents import PretrainedContents
from bn2gn_codemod.survey.roles.replaced_parts import ReplacedParts
from bn2gn_codemod.survey.roles.unloaded_objects import UnloadedObjects
from bn2gn_codemod.survey.values import Class, ExternalObject, Function, Instance, NormLayer, Value
from bn2gn_codemod.survey.weights.declined.declined_loads import DeclinedLoads
from bn2gn_codemod.survey.weights.entries.checkpoint_members import CheckpointMembers
from bn2gn_codemod.survey.weights.evaluated.evaluations import Evaluations
from bn2gn_codemod.survey.weights.evaluated.reference_models import ReferenceModels
from bn2gn_codemod.survey.weights.evaluated.spoken_weights import handles_weights
from bn2gn_codemod.survey.weights.loaded_parts import LoadedParts
from bn2gn_codemod.survey.weights.loads import Load
from bn2gn_codemod.survey.weights.pretrained import find_loads
from bn2gn_codemod.survey.weights.resumed.initialised_models import InitialisedModels
from bn2gn_codemod.survey.weights.resumed.resumed_models import ResumedModels
from bn2gn_codemod.survey.weights.starts.taken_parts import TakenParts
from bn2gn_codemod.survey.weights.starts.whole_models import WholeModels


class Evidence:
    """Judges attributes. :attr:`own` holds the attributes that were decided."""

    def __init__(self, contents: Contents, backbone: Pins, convert: Pins) -> None:
        self.contents = contents
        self.flow = contents.flow
        self.own: dict[Slot, Because] = {}
        self.only_named: set[Slot] = set()  # backbones for nothing but what they are called
        self._call_sites = CallSites(self.flow)
        self._held = HeldBackbones(contents, self._call_sites, self.load_of)
        self.parts = PartsOfNetworks(contents, self.own, self._call_sites, self._held)
        self._lent = LentParts(self.flow, self.load_of)
        self._beside = BesideNetworks(contents, self.load_of, self.parts.network_of)
        self._alternatives = AlternativeModels(self.load_of, self.parts.network_of)
        self.evaluations = Evaluations(self.flow)
        self._declined = DeclinedLoads(self.flow, self._call_sites)
        self.idle = IdleClasses(contents, self.own)
        self._replaced = ReplacedParts(contents, self._call_sites, self.load_of)
        self.library = LibraryEvidence(
            self.flow,
            self._lent,
            self._replaced,
            self._is_filled,
            lambda slot: self.pinned.of(slot) is not None,
        )
        self.members = CheckpointMembers(contents)
        self.pinned = PinnedRoles(contents, backbone, convert)
        named = {
            cls
            for cls, name, node in self.flow.holders()
            if families.is_backbone_attribute(name)
            and any(
                isinstance(value, (Instance, NormLayer, ExternalObject))
                for value in self.flow.values(node)
            )
        }
        self.loads = find_loads(contents, named, self.evaluations)
        self._declined.mark(self.loads)
        self._lists = PartLists(contents, self.loads, self.own, self.parts.network_of)
        self._initialised_models = InitialisedModels(contents.flow)
        self.resumed_models = ResumedModels(contents, self.loads, self.evaluations)
        self.reference_models = ReferenceModels(contents, self.evaluations)
        self._loaded_parts = LoadedParts(contents)
        self.whole_models = WholeModels(contents, self._held.is_loaded_network, self.evaluations)
        self._networks = LoadedNetworks(
            contents,
            self.loads,
            self.own,
            self.members,
            self.evaluations,
            self._replaced,
            self.whole_models,
            self.loaded_part,
        )
        self._alone = LoadedAlone(contents, self.loads, self.members)
        self._pretrained = PretrainedContents(
            contents, self.loads, self.parts, self._held, self._lent
        )
        self._taken_parts = TakenParts(contents, self._loaded_parts)
        self._unloaded = UnloadedObjects(
            contents, self.loads, self._is_told_otherwise, self._declined.leaves_out
        )
        self._finished = FinishedLoads(
            contents, self.loads, self.members, self._held, self.evaluations
        )
        self._finished.set_aside()

    def judge(self) -> None:
        """Decide every attribute that can be decided by itself."""
        for slot in self.contents.of_slot:
            pinned = self.pinned.of(slot)
            if pinned is not None:
                self.own[slot] = pinned
        for slot in [slot for slot in self.contents.of_slot if self._lists.is_plain(slot)]:
            self.contents.drop(slot)
        for cls in self.contents.slots_of:
            networks = self._networks.into(cls)
            if not networks or self._held.holds_one(cls):
                continue
            if networks[0][1].kind == "file" and (
                self._held.holds_one_below(cls) or self._finished.loads_a_part_alone(cls)
            ):
                continue  # a checkpoint of the whole model
            self._networks.judge(cls, networks)
            self._judge_beside_loaded(cls, [load for _, load in networks])
        for slot in [slot for slot in self.contents.of_slot if self._lists.is_of_parts(slot)]:
            self.contents.drop(slot)
        self._held.forget()  # what was dropped, too
        for slot in self.contents.of_slot:
            if slot not in self.own or slot in self._networks.only_resumed:
                because = self._by_itself(slot)
                if because is not None:
                    self.own[slot] = because

    def load_of(self, cls: Class) -> Load | None:
        """How pretrained weights get into the class, if they do."""
        return self.loads.best(cls)

    def may_begin_with(self, cls: Class) -> bool:
        """Whether a training of the class may begin with a file: be it one that somebody names.

        Not with one by which it goes on, or which is the outcome of a training.
        """
        resumed = self.loads.resumed.get(cls)
        return self.load_of(cls) is not None or (
            resumed is not None
            and not (resumed.goes_on or resumed.of_own_training)
            and not self.evaluations.is_outcome(cls, resumed)
            and not self.evaluations.is_only_evaluated(cls, resumed)
        )

    def loaded_part(self, slot: Slot) -> Because | None:
        """What speaks against an attribute being new: something loads what it holds."""
        # A registry that makes a part of a model may seem to put the model there, too.
        where = self._loaded_parts.where(
            value
            for value in self.contents.of_slot[slot]
            if not self._pretrained.is_around(value, slot)
        )
        if where is not None:
            words = f"{shown(slot)} is loaded ({where})"
        elif (source := self._taken_parts.source(slot)) is not None:
            words = f"{shown(slot)} is taken out of {source}, which is loaded"
        else:
            return None
        return Because(Role.UNDECIDED, f"{words}: pretrained, or training that is resumed")

    def finished_load(self, cls: Class, owners: list[Slot]) -> Load | None:
        """What fills all of a model that nothing trains, and so has something for each part.

        Not where weights come into ``owners``, the backbone that it has. A model that speaks of
        pretrained weights itself may be there to be trained by others, unless all that makes one
        here declines them, or it wants none.
        """
        are_named = not self.only_named.isdisjoint(owners)
        if not are_named and not any(map(self._gets_no_weights, owners)):
            return None
        kin = {*cls.ancestors(), *cls.descendants()}
        for model, load in self.loads.resumed.items():
            inner = self.contents.below(model)
            if model not in kin and cls not in inner:
                continue
            is_told = are_named and any(map(self._speaks_of_weights, (model, *inner)))
            if self.evaluations.is_only_evaluated(model, load) and not is_told:
                return load
        return None

    def _speaks_of_weights(self, cls: Class) -> bool:
        """Whether a class speaks of weights to begin with, and is not made without them."""
        return handles_weights(cls.module, cls.node) and not self._declined.are_unasked(cls)

    def _gets_no_weights(self, slot: Slot) -> bool:
        """Whether an attribute is backbone for networks alone that are made without weights.

        ``resnet50(pretrained=False)`` of a library, or of the repository where no call asks for
        any. What nobody trains either has learned everything from the file that it is given.
        """
        sources = {source for _, _, source in self._pretrained.each(slot)}
        return (
            bool(sources)
            and not self._is_filled(slot)
            and all(
                self._declined.are_for(slot, source, self.loads.all_into(source))
                if isinstance(source, Class)
                else self._lent.is_never_filled(slot, source)
                for source in sources
            )
        )

    def is_loaded(self, slot: Slot) -> bool:
        """Whether an attribute is backbone by more than a name."""
        because = self.own.get(slot)
        return (
            because is not None
            and because.role is Role.BACKBONE
            and not because.vague
            and slot not in self.only_named
        )

    def loaders(self, values: Iterable[Value]) -> set[Function]:
        """The functions that load one of the values, be it to resume training."""
        return self._loaded_parts.loaders(values)

    def only_evaluates(self, function: Function) -> bool:
        """Whether a function is of code with which nothing is trained."""
        return self.evaluations.only_evaluates(function.module)

    def where_loaded(self, layer: NormLayer) -> str | None:
        """The line that loads a layer, if any is seen to: ``net.py:12``."""
        return self._loaded_parts.where([layer])

    # -------------------------------------------- beside what weights come into

    def _judge_beside_loaded(self, cls: Class, loads: list[Load]) -> None:
        """Judge what shares layers with what the loads into a class have made backbone."""
        for slot in self.contents.slots_of[cls]:
            role = self.own[slot].role if slot in self.own else None
            if role in (Role.UNDECIDED, Role.NEW) and self.pinned.of(slot) is None:
                beside, is_new = self.backbones_beside(slot), role is Role.NEW
                same = same_layers(self.contents, slot, beside, for_certain=is_new)
                if same is not None:
                    words = f"{shown(slot)} holds layers of {shown(same)}"
                    vague = self.own[same].vague
                    self.own[slot] = Because(Role.BACKBONE, words, self.own[same], vague)
        for slot, because in self.members.added_to_blocks(cls, loads):
            self.own.setdefault(slot, because)

    def backbones_beside(self, slot: Slot) -> list[Slot]:
        """The other attributes of the same class that are known to be backbone."""
        return [
            other
            for other in self.contents.slots_of[slot[0]]
            if other is not slot and other in self.own and self.own[other].role is Role.BACKBONE
        ]

    def is_part_of_family(self, slot: Slot) -> bool:
        """Whether an attribute is a member of a well-known network that weights are loaded into."""
        family = self.members.family(slot[0])
        return (
            family is not None
            and self.members.is_member(family, slot)
            and self.load_of(slot[0]) is not None
        )

    def is_member_of_network(self, slot: Slot) -> bool:
        """Whether an attribute is a member of a well-known network, be it loaded or not.

        Not of one that is put together from the members of another network.
        """
        cls = slot[0]
        family = self.members.family(cls)
        if family is None or not self.members.is_member(family, slot):
            return False
        is_loaded = any(
            self.load_of(one) is not None or one in self.loads.resumed for one in cls.descendants()
        )
        is_put_together = any(
            one in self.own
            and self.own[one].role is Role.BACKBONE
            and self.members.is_member(family, one)
            for one in self.contents.family_slots(cls)
        )
        return is_loaded or (families.is_network_class(cls) and not is_put_together)

    # ------------------------------------------------- an attribute by itself

    def _by_itself(self, slot: Slot) -> Because | None:
        cls, name = slot
        loaded = self._alone.of(slot)
        if loaded is not None:
            return loaded
        # What the load of a whole container says of one block in it says nothing of the others.
        pretrained = None if self._alone.is_handed_on(slot) else self._pretrained.first(slot)
        if pretrained is not None:
            words, vague = pretrained
            vague = vague or self._pretrained.is_crowd(slot)
            self._lent.add(slot)
            self._replaced.add_put_in(slot, ())
            self._replaced.add_instead(slot)
            self._alternatives.add(slot)
            self._beside.add(slot, is_only_named=False)
            return Because(Role.BACKBONE, f"{shown(slot)} {words}", vague=vague)
        if families.is_backbone_attribute(name) and may_be_network(self.contents, slot):
            self._name(slot)
            return Because(Role.BACKBONE, f"{shown(slot)} is a backbone by its name")
        declined = self._pretrained.declined(slot)
        if declined is not None:
            return Because(Role.UNDECIDED, f"{shown(slot)} {declined}")
        if (
            families.may_be_backbone_attribute(name)
            and not families.may_hold_whole_model(name)
            and not self.members.family(cls)
            # What a network is built of is no backbone in it: its stem would be new.
            and not families.is_named_after_network(cls)
            and families.backbone_home(cls.path) is None
        ):
            network = network_content(self.contents, slot)
            if network is not None:
                return self._named_after_network(slot, f"{shown(slot)} holds {network}")
        return None

    def _named_after_network(self, slot: Slot, words: str) -> Because:
        """A backbone for what its class is called, if a training may begin with weights at all."""
        initialised = self._initialised_models.where(self.contents, slot)
        if initialised is not None:
            words = f"{words}, but {initialised} initialises the model as a whole before training"
            return Because(Role.UNDECIDED, words)
        resumed = self.resumed_models.where(slot)
        if resumed is not None:
            words = f"{words}, but nothing is loaded except to go on with a training ({resumed})"
            return Because(Role.UNDECIDED, words)
        self._name(slot)
        return Because(Role.BACKBONE, words)

    def _name(self, slot: Slot) -> None:
        self.only_named.add(slot)
        self._beside.add(slot, is_only_named=True)

    def beside_loaded(self, slot: Slot, value: Instance | NormLayer) -> Because | None:
        """What speaks against one of the layers in an attribute with loaded parts.

        ``self.bn1 = resnet.bn1 if channels == 3 else nn.BatchNorm2d(64)``
        """
        pinned = self.pinned.of_value(slot, value)
        if pinned is not None:
            return pinned
        if slot in self._networks.never_trained and isinstance(value, Instance):
            return self._networks.never_trained[slot]
        return (
            self._replaced.beside(slot, value)
            or self._lent.beside(slot, value)
            or self._beside.beside(slot, value)
            or self._lent.put_beside(slot, value)
            or self._alternatives.beside(slot, value)
        )

    def beside_unloaded(self, slot: Slot) -> Because | None:
        """What speaks against a part of a network being loaded in each of its objects."""
        own = self.own.get(slot)
        is_loaded = own is not None and own.role is Role.BACKBONE
        found = self._unloaded.beside(slot) if is_loaded else None
        return found if found is not None and not self.pinned.of(slot) else None

    def is_unloaded(self, slot: Slot) -> bool:
        """Whether an attribute holds a network of a loaded class into which nothing is loaded."""
        return any(
            self._unloaded.is_in(slot, owner)
            and any(map(self.beside_unloaded, self.contents.slots_of.get(owner, ())))
            for value in self.contents.of_slot[slot]
            if isinstance(value, Instance)
            for owner in value.class_.ancestors()
        )

    def made_without(self, slot: Slot) -> str:
        """A call that makes a network in an attribute without its weights; ``""``: none."""
        return "" if self._is_told_otherwise(slot) else self._unloaded.made_without(slot)

    def _is_told_otherwise(self, slot: Slot) -> bool:
        """Whether a setting tells of an attribute, or it starts with a whole model."""
        return self.pinned.of(slot) is not None or self.whole_models.load_of(slot) is not None

    def _is_filled(self, slot: Slot) -> bool:
        """Whether a setting or a load speaks for all that an attribute holds."""
        load = self.loads.of_slot.get(slot) or self.load_of(slot[0])
        is_started = load is not None and not load.goes_on
        return is_started or self.pinned.of(slot) is not None
