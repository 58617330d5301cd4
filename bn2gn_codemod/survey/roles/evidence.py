"""Backbone or new: what speaks for each attribute by itself.

In this order: a setting; weights that are loaded into the class that holds the
attribute, or into the attribute; what the attribute holds and is called. For
what is left, :mod:`neighbours` looks at what stands beside a backbone. Loads win
over names, and a name that only allows a backbone never makes anything new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.because import Because, Role, Slot, shown
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.network_contents import may_be_network, network_content
from bn2gn_codemod.survey.flow.second_names import same_layers
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import is_built_backbone, library_model
from bn2gn_codemod.survey.known.pins import Pins
from bn2gn_codemod.survey.roles.alternative_models import AlternativeModels
from bn2gn_codemod.survey.roles.beside_networks import BesideNetworks
from bn2gn_codemod.survey.roles.held_backbones import HeldBackbones
from bn2gn_codemod.survey.roles.idle_classes import IdleClasses
from bn2gn_codemod.survey.roles.lent_parts import LentParts
from bn2gn_codemod.survey.roles.library_evidence import LibraryEvidence
from bn2gn_codemod.survey.roles.part_lists import PartLists
from bn2gn_codemod.survey.roles.parts_of_networks import PartsOfNetworks
from bn2gn_codemod.survey.roles.pinned_roles import PinnedRoles
from bn2gn_codemod.survey.roles.replaced_parts import ReplacedParts
from bn2gn_codemod.survey.roles.unloaded_objects import UnloadedObjects
from bn2gn_codemod.survey.statements.overridden_attributes import overrides
from bn2gn_codemod.survey.values import (
    Class,
    ExternalObject,
    Function,
    Instance,
    NormLayer,
    Value,
)
from bn2gn_codemod.survey.weights.declined.declined_loads import DeclinedLoads
from bn2gn_codemod.survey.weights.entries.checkpoint_members import CheckpointMembers
from bn2gn_codemod.survey.weights.evaluated.evaluations import Evaluations
from bn2gn_codemod.survey.weights.evaluated.hub_entries import HubEntries
from bn2gn_codemod.survey.weights.evaluated.reference_models import ReferenceModels
from bn2gn_codemod.survey.weights.evaluated.spoken_weights import handles_weights
from bn2gn_codemod.survey.weights.loaded_parts import LoadedParts
from bn2gn_codemod.survey.weights.loading_models import is_added_to
from bn2gn_codemod.survey.weights.loads import Load
from bn2gn_codemod.survey.weights.pretrained import find_loads
from bn2gn_codemod.survey.weights.resumed.initialised_models import InitialisedModels
from bn2gn_codemod.survey.weights.resumed.resumed_models import ResumedModels
from bn2gn_codemod.survey.weights.starts.taken_parts import TakenParts
from bn2gn_codemod.survey.weights.starts.whole_models import WholeModels

# Where several networks inherit an attribute, the first of these that one of them gives it.
_CAUTION = (Role.BACKBONE, Role.UNDECIDED, Role.NEW)
# No attribute holds so many classes, unless by a name that is looked up in all of them.
_CROWD = 24


class Evidence:
    """Judges attributes. :attr:`own` holds the attributes that were decided."""

    def __init__(self, contents: Contents, backbone: Pins, convert: Pins) -> None:
        self.contents = contents
        self.flow = contents.flow
        self.own: dict[Slot, Because] = {}
        self._only_resumed: set[Slot] = set()  # open, for nothing but training that may go on
        # open, for what may be no training at all: that tells nothing of the blocks in it
        self._never_trained: dict[Slot, Because] = {}
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
        self._taken_parts = TakenParts(contents, self._loaded_parts)
        self.whole_models = WholeModels(contents, self._held.is_loaded_network, self.evaluations)
        self._unloaded = UnloadedObjects(
            contents, self.loads, self._is_told_otherwise, self._declined.leaves_out
        )
        self._set_finished_models_aside()

    def judge(self) -> None:
        """Decide every attribute that can be decided by itself."""
        for slot in self.contents.of_slot:
            pinned = self.pinned.of(slot)
            if pinned is not None:
                self.own[slot] = pinned
        for slot in [slot for slot in self.contents.of_slot if self._lists.is_plain(slot)]:
            self.contents.drop(slot)
        for cls in self.contents.slots_of:
            networks = self._loaded_into(cls)
            if not networks or self._held.holds_one(cls):
                continue
            if networks[0][1].kind == "file" and (
                self._held.holds_one_below(cls) or self._loads_a_part_alone(cls)
            ):
                continue  # a checkpoint of the whole model
            self._judge_network(cls, networks)
        for slot in [slot for slot in self.contents.of_slot if self._lists.is_of_parts(slot)]:
            self.contents.drop(slot)
        self._held.forget()  # what was dropped, too
        for slot in self.contents.of_slot:
            if slot not in self.own or slot in self._only_resumed:
                because = self._by_itself(slot)
                if because is not None:
                    self.own[slot] = because

    def _set_finished_models_aside(self) -> None:
        """Drop what is loaded for users alone, or to evaluate it.

        Only where training starts from something of its own, be it a loaded part.
        """
        hub = HubEntries(self.flow)
        evaluations = self.evaluations
        for cls, every in list(self.loads.of_class.items()):
            found = self.loads.of_class[cls] = evaluations.of_others(cls, every)
            for load in [one for one in found if evaluations.are_of_finished(cls, one)]:
                found.remove(load)
                self.loads.resumed.setdefault(cls, load)
            left = [load for load in found if not hub.is_only_offered(load.where)]
            if len(left) == len(found) or not hub.is_trained(cls):
                continue
            has_own = any(evaluations.starts_training(cls, load) for load in left)
            if has_own or self._starts_from_a_part(cls):
                self.loads.of_class[cls] = left

    def _starts_from_a_part(self, cls: Class) -> bool:
        """Whether the class is a model of which a part is loaded by itself."""
        return self._loads_a_part_alone(cls) or (
            not families.is_network_class(cls)
            and self.members.family(cls) is None
            and any(self._held.is_loaded_in(slot) for slot in self.contents.family_slots(cls))
        )

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
            value for value in self.contents.of_slot[slot] if not self._is_around(value, slot)
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
        sources = {source for _, _, source in self._pretrained_contents(slot)}
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

    def _loaded_into(self, cls: Class) -> list[tuple[Class, Load]]:
        """The networks that are loaded where the class's own attributes are, and how.

        A subclass that loads weights into itself loads them into what it inherits, too.
        """
        loads = self.loads.into(cls)
        if loads:
            return [(cls, load) for load in loads]
        below = [
            (child, self.loads.of_class[child][0])
            for child in cls.descendants()
            if self.loads.of_class.get(child)
        ]
        resumed = self._resumed(cls)
        return below or ([] if resumed is None else [(cls, resumed._replace(is_resumed=True))])

    # ----------------------------------------- a class that loads weights itself

    def _judge_network(self, cls: Class, networks: list[tuple[Class, Load]]) -> None:
        """Judge what a class holds where weights are loaded into it, or into subclasses."""
        inside = self._part_of(cls)
        related = {*cls.ancestors(), *cls.descendants()}
        # A network is made for such files, with or without what a subclass changes in it.
        is_network = families.is_network_class(cls)
        places = {load.where for one in related for load in self.loads.of_class.get(one, ())}
        for slot in self.contents.slots_of[cls]:
            if slot not in self.own:
                if all(load.is_resumed or load.declined for _, load in networks) and (
                    self._is_in_backbone(slot)
                ):
                    continue  # judged as what holds it
                filled = [one for one in networks if is_network or not overrides(one[0], slot)]
                if not filled:
                    continue  # what is loaded has something else there
                found = [self.members.judge(slot, *network, inside) for network in filled]
                # What one of them loads is a backbone's, and new is what none of them does.
                because = min(found, key=lambda because: _CAUTION.index(because.role))
                if because.role is Role.NEW:
                    because = self._filled_otherwise(slot, cls) or self.loaded_part(slot) or because
                if because.role is not Role.UNDECIDED and all(load.declined for _, load in filled):
                    because = because._replace(role=Role.UNDECIDED)
                if because.role is Role.BACKBONE:
                    self._replaced.add_put_in(slot, places)
                    because = self._replaced.said(slot, networks[0][1].words, places) or because
                if because.role is Role.UNDECIDED and all(load.is_resumed for _, load in networks):
                    if all(self.evaluations.is_never_trained(*network) for network in networks):
                        words = f"{because.words}; but nothing here trains {cls.name}"
                        self._never_trained[slot] = Because(Role.DOUBT, words)
                    self._only_resumed.add(slot)
                self.own[slot] = because
        for slot in self.contents.slots_of[cls]:
            role = self.own[slot].role if slot in self.own else None
            if role in (Role.UNDECIDED, Role.NEW) and self.pinned.of(slot) is None:
                beside, is_new = self.backbones_beside(slot), role is Role.NEW
                same = same_layers(self.contents, slot, beside, for_certain=is_new)
                if same is not None:
                    words = f"{shown(slot)} holds layers of {shown(same)}"
                    vague = self.own[same].vague
                    self.own[slot] = Because(Role.BACKBONE, words, self.own[same], vague)
        for slot, because in self.members.added_to_blocks(cls, [load for _, load in networks]):
            self.own.setdefault(slot, because)

    def _filled_otherwise(self, slot: Slot, cls: Class) -> Because | None:
        """What another load says of a part that is new to the file of a load."""
        load = self.loads.filling(cls)
        if load is None:
            return None
        words = f"{cls.name} also {load.words}, strictly: whether that fills {shown(slot)}"
        return Because(Role.UNDECIDED, f"{words} in a training is not known")

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

    def _part_of(self, cls: Class) -> Slot | None:
        """An attribute that holds the class as a part of a model, not as all of it."""
        for child in cls.descendants():
            for slot in self.contents.holders.get(child, ()):
                is_around = slot[0] in child.ancestors() or self.contents.is_above(child, slot)
                is_around = is_around or slot[0].is_parallel_wrapper
                is_wrapper = families.may_hold_whole_model(slot[1])
                if not is_around and (
                    not is_wrapper or is_added_to(self.contents, slot, self.load_of(child))
                ):
                    return slot
        return None

    def _is_in_backbone(self, slot: Slot) -> bool:
        """Whether nothing but attributes named backbone hold the class that has an attribute.

        What a file is loaded into there is no training that goes on, which loads whole models.
        """
        holders = [
            one
            for cls in slot[0].descendants()
            for one in self.contents.holders.get(cls, ())
            if not one[0].is_parallel_wrapper
        ]
        is_part = bool(holders) and all(families.is_backbone_attribute(name) for _, name in holders)
        return is_part and not families.has_new_word(slot[1])

    def _resumed(self, cls: Class) -> Load | None:
        """A file that some script loads onto a class that is built like a known network."""
        if not families.is_network_class(cls):
            return None
        if self.members.family(cls) is None:
            return None
        resumed = self.loads.resumed
        found = (resumed[one] for one in cls.descendants() if one in resumed)
        return min(found, key=lambda load: load.of_own_training, default=None)

    def _loads_a_part_alone(self, cls: Class) -> bool:
        """Whether the class is a model whose backbone gets weights of its own."""
        if families.is_network_class(cls) or self.members.family(cls) is not None:
            return False
        return any(
            slot in self.loads.of_slot and families.may_be_backbone_attribute(slot[1])
            for slot in self.contents.family_slots(cls)
        )

    # ------------------------------------------------- an attribute by itself

    def _by_itself(self, slot: Slot) -> Because | None:
        cls, name = slot
        loaded = self._loaded_alone(slot)
        if loaded is not None:
            return loaded
        # What the load of a whole container says of one block in it says nothing of the others.
        pretrained = None if self._is_loaded_as(slot) else self._pretrained_content(slot)
        if pretrained is not None:
            words, vague = pretrained
            vague = vague or self._is_crowd(slot)
            self._lent.add(slot)
            self._replaced.add_put_in(slot, ())
            self._replaced.add_instead(slot)
            self._alternatives.add(slot)
            self._beside.add(slot, is_only_named=False)
            return Because(Role.BACKBONE, f"{shown(slot)} {words}", vague=vague)
        if families.is_backbone_attribute(name) and may_be_network(self.contents, slot):
            self._name(slot)
            return Because(Role.BACKBONE, f"{shown(slot)} is a backbone by its name")
        declined = self._declined_content(slot)
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

    def _loaded_alone(self, slot: Slot) -> Because | None:
        load = self.loads.of_slot.get(slot)
        if load is None or not self.contents.may_hold_layers(slot):
            return None
        words = f"{shown(slot)} {load.words}"
        name = slot[1]
        if load.declined:
            if families.is_backbone_attribute(name):
                return None
            return Because(Role.UNDECIDED, words)
        if families.has_new_word(name):
            if load.published and self._is_judged_inside(slot):
                return None
            return Because(Role.UNDECIDED, f"{words}, though its name is not a backbone's")
        is_certain = load.kind == "url" or load.by_hand or load.is_meant
        if is_certain or families.is_backbone_attribute(name):
            return Because(Role.BACKBONE, words, vague=load.vague)
        if families.may_hold_whole_model(name):
            return None  # a wrapper that resumes
        if load.into_some or families.may_be_backbone_attribute(name):
            return Because(Role.BACKBONE, words, vague=load.vague)
        if self._is_in_backbone(slot):
            return None  # judged as what holds it
        return Because(Role.UNDECIDED, f"{words}: pretrained, or training that is resumed")

    def _is_loaded_as(self, slot: Slot) -> bool:
        """Whether a container in an attribute is handed to another one, and loaded there.

        ``SSD(Tiny().model)``, and ``self.base_net.load_state_dict(...)`` in ``SSD``.
        """
        held = self.contents.of_slot[slot]
        containers = {one for one in held if isinstance(one, ExternalObject)}
        layers = self.contents.layers_in(slot)
        return any(
            one != slot
            and one in self.contents.of_slot
            and layers <= self.contents.layers_in(one)
            and containers.issubset(self.contents.of_slot[one])
            and (because := self._loaded_alone(one)) is not None
            and because.role is Role.BACKBONE
            for one in (self.loads.of_slot if containers and layers else ())
        )

    def _is_judged_inside(self, slot: Slot) -> bool:
        """Whether all that the attribute holds is told attribute by attribute, by its family."""
        return all(
            isinstance(value, Instance)
            and self.members.family(value.class_) is not None
            and self._is_published_for(value.class_)
            for value in self.contents.of_slot[slot]
        )

    def _is_published_for(self, cls: Class) -> bool:
        load = self.load_of(cls)
        return load is not None and load.published

    def _is_crowd(self, slot: Slot) -> bool:
        """Whether so much comes together in the attribute that it may be a mix-up."""
        name = slot[1]
        if families.is_backbone_attribute(name) or families.may_be_backbone_attribute(name):
            return False
        held = {v.class_ for v in self.contents.of_slot[slot] if isinstance(v, Instance)}
        return len(held) > _CROWD

    def _pretrained_content(self, slot: Slot) -> tuple[str, bool] | None:
        """In words, what the attribute holds that is pretrained, and whether that is vague."""
        if slot[0].is_parallel_wrapper:
            return None  # one model is no part of another one for being wrapped in the same way
        first: tuple[str, bool] | None = None
        for words, vague, _ in self._pretrained_contents(slot):
            if not vague:
                return words, vague
            first = first or (words, vague)
        return first

    def _asked_load(self, cls: Class) -> Load | None:
        """How weights get into the class that somebody here asks for."""
        load = self.load_of(cls)
        return None if load is None or load.declined else load

    def _declined_content(self, slot: Slot) -> str | None:
        """In words, what it holds that would be pretrained if anybody asked for the weights."""
        for value in self.contents.of_slot[slot]:
            if not isinstance(value, Instance) or value.weak or slot[0].is_parallel_wrapper:
                continue
            load = self.load_of(value.class_)
            if load is not None and load.declined and not self._is_around(value, slot):
                return f"holds {value.class_.name}, which {load.words}"
        return None

    def _pretrained_contents(self, slot: Slot) -> Iterator[tuple[str, bool, Class | Value]]:
        """The same for each network that it is, or is a part of, and that network."""
        crowded = self.flow.is_crowded(self.flow.slots[slot])
        is_wrapper = self._wraps_models(slot)
        for value in self.contents.of_slot[slot]:
            library = library_model(value)
            if library is not None and not self._lent.holds_untrained(slot, value):
                yield f"holds {library}", crowded, value
            if is_built_backbone(value) and self._lent.is_started(value):
                words = f"holds what {value.name} makes, and weights are loaded into that"
                yield words, crowded, value
            if is_wrapper:
                continue
            if isinstance(value, Instance) and not value.weak:
                load = self._asked_load(value.class_)
                is_part = not self.contents.is_above(value.class_, slot)
                if load is not None and is_part and not self.parts.is_mixed(value.class_):
                    words = f"holds {value.class_.name}, which {load.words}"
                    yield words, crowded or load.vague, value.class_
            if isinstance(value, (Instance, NormLayer)) and not self._is_around(value, slot):
                maker = self.parts.network_of(value, slot)
                load = self._asked_load(maker) if maker is not None else None
                if maker is not None and load is not None:
                    words = f"holds parts of {maker.name}, which {load.words}"
                    yield words, crowded or load.vague, maker

    def _is_around(self, value: Value, slot: Slot) -> bool:
        """Whether a value is an object like the one whose attribute it is in, or holds one.

        What a container is filled with may seem to be put into each of its elements.
        """
        return isinstance(value, Instance) and (
            slot[0] in value.class_.ancestors() or self.contents.is_above(value.class_, slot)
        )

    def _wraps_models(self, slot: Slot) -> bool:
        """Whether a whole model comes into the attribute, with a backbone of its own.

        What is loaded into another one of the models that it may hold says nothing of this one.
        """
        return families.may_hold_whole_model(slot[1]) and any(
            isinstance(value, Instance)
            and value.class_ is not slot[0]
            and self._held.holds_one(value.class_)
            for value in self.contents.of_slot[slot]
        )

    def beside_loaded(self, slot: Slot, value: Instance | NormLayer) -> Because | None:
        """What speaks against one of the layers in an attribute with loaded parts.

        ``self.bn1 = resnet.bn1 if channels == 3 else nn.BatchNorm2d(64)``
        """
        pinned = self.pinned.of_value(slot, value)
        if pinned is not None:
            return pinned
        if slot in self._never_trained and isinstance(value, Instance):
            return self._never_trained[slot]
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

    def _is_told_otherwise(self, slot: Slot) -> bool:
        """Whether a setting tells of an attribute, or it starts with a whole model."""
        return self.pinned.of(slot) is not None or self.whole_models.load_of(slot) is not None

    def _is_filled(self, slot: Slot) -> bool:
        """Whether a setting or a load speaks for all that an attribute holds."""
        load = self.loads.of_slot.get(slot) or self.load_of(slot[0])
        is_started = load is not None and not load.goes_on
        return is_started or self.pinned.of(slot) is not None
