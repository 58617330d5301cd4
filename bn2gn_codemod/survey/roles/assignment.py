"""The roles of attributes, classes and layers.

:mod:`evidence` decides single attributes. Everything below inherits from
whoever holds it, so that a class that is built by both sides has both roles,
and one that is also built by a model without any evidence is in doubt.
"""

from __future__ import annotations

import functools
from collections import Counter, deque

from bn2gn_codemod.survey.because import Because, Role, Roles, Slot, shown, together
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.handed_layers import HandedLayers
from bn2gn_codemod.survey.flow.network_contents import is_aside
from bn2gn_codemod.survey.flow.unread_files import unread_file_with
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import is_built_backbone, library_model
from bn2gn_codemod.survey.known.pins import Pins
from bn2gn_codemod.survey.roles.evidence import Evidence
from bn2gn_codemod.survey.roles.filled_models import FilledModels
from bn2gn_codemod.survey.roles.models_behind import ModelsBehind
from bn2gn_codemod.survey.roles.neighbours import Neighbours
from bn2gn_codemod.survey.roles.put_in_parts import PutIn
from bn2gn_codemod.survey.values import Class, ExternalObject, Instance, NormLayer, Value
from bn2gn_codemod.survey.weights.loads import Load
from bn2gn_codemod.survey.weights.named_weights import NamedWeights

CROWDED = "{} also reaches {}, where too much comes together to follow it"


class RoleMap:
    """Who is what. Build it with :func:`assign_roles`."""

    def __init__(self, contents: Contents, evidence: Evidence, filled: FilledModels) -> None:
        self.contents: dict[Slot, list[Value]] = contents.of_slot
        self.slots_of: dict[Class, list[Slot]] = contents.slots_of
        self.held_in: dict[Value, list[Slot]] = contents.held_in
        self.patterns = contents.patterns
        self.own: dict[Slot, Because] = evidence.own
        self.loads = evidence.loads
        self.resumed_models = evidence.resumed_models
        self.contexts: dict[Class, Roles] = {}
        self._contents = contents
        self._evidence = evidence
        self._filled = filled
        self._handed = HandedLayers(contents.flow)
        self._named_weights = NamedWeights(contents.flow.modules)
        self._unseen: dict[Class, bool] = {}
        self._unloaded: dict[Slot, bool] = {}
        self._loaded_elsewhere: dict[str, bool] = {}
        self._lost = {
            cls: Because(Role.DOUBT, CROWDED.format(cls.name, where))
            for cls, where in contents.flow.out_of_sight.classes.items()
        }
        self._guessed: dict[Class, None] = {}
        self._inherit([*self.own, *self._begin_lost()])
        self._guessed = self._find_guessed()
        if self._guessed:
            self.contexts.clear()
            self._inherit([*self.own, *self._begin_lost()])
            self._inherit(list(self.contents), guesses=True)
        self._inherit_doubt()

    def slot_roles(self, slot: Slot) -> Roles:
        """The roles of one attribute."""
        own = self.own.get(slot)
        if own is None:
            return self.contexts.get(slot[0], {})
        lost = self._lost.get(slot[0])
        return {own.role: own} if lost is None else {own.role: own, Role.DOUBT: lost}

    def layer_roles(self, layer: NormLayer) -> Roles:
        """The roles of a norm layer over all attributes that it ends up in."""
        roles: Roles = {}
        for slot in self.held_in.get(layer, ()):
            found = self._handed_roles(slot, layer) or self.roles_in(slot, layer)
            roles = together(roles, found)
        return self.lost_roles(layer) | together(roles, self._loaded_roles(layer))

    def _loaded_roles(self, layer: NormLayer) -> Roles:
        """That of a layer in a network that is no class, and comes to no attribute."""
        load = self.loads.of_layer.get(layer)
        if load is None:
            return {}
        words = f"{layer.spot.scope or 'the network that holds it'} {load.words}"
        return {Role.BACKBONE: Because(Role.BACKBONE, words)}

    def is_handed_to_some(self, slot: Slot, layer: NormLayer) -> bool:
        """Whether the layer is only in some of the objects whose attribute seems to hold it."""
        return bool(self._handed_roles(slot, layer))

    def _handed_roles(self, slot: Slot, layer: NormLayer) -> Roles:
        """The roles of those objects alone to whose constructor the layer is handed.

        Nothing where they are not told, or where all objects of the class have one role.
        """
        if slot in self.own or len(self.roles_in(slot, layer)) < 2:
            return {}
        roles: Roles = {}
        for one in self._handed.objects(slot, layer):
            holders = self.held_in.get(one)
            if not holders:
                return {}
            roles |= self.lost_roles(one)
            for holder in holders:
                roles |= self.roles_in(holder, one) or self.doubt(holder)
        return roles

    def roles_in(self, slot: Slot, value: Instance | NormLayer) -> Roles:
        """The roles of what an attribute holds, by its being held there."""
        roles = self.slot_roles(slot)
        unloaded = self._evidence.beside_unloaded(slot)
        if unloaded is not None:
            roles = {**roles, unloaded.role: unloaded}
        own = self._evidence.beside_loaded(slot, value)
        if own is None:
            return roles
        if own.role is not Role.UNDECIDED:  # new for certain, or another model: whatever is there
            roles = {role: roles[role] for role in roles if role is Role.DOUBT}
        return {**roles, own.role: own}

    def is_beside_loaded(self, slot: Slot, value: Instance | NormLayer) -> bool:
        """Whether the value may not be loaded itself, where loaded parts go as well."""
        return self._evidence.beside_loaded(slot, value) is not None

    def is_unloaded(self, slot: Slot) -> bool:
        """Whether nothing loads the network in an attribute, but another one of its class."""
        if slot not in self._unloaded:
            self._unloaded[slot] = self._evidence.is_unloaded(slot)
        return self._unloaded[slot]

    def made_without(self, slot: Slot) -> str:
        """A call that makes a network in an attribute without its weights; ``""``: none."""
        return self._evidence.made_without(slot)

    def serves_unloaded(self, slot: Slot) -> bool:
        """Whether an attribute of a loaded network is one of such another network as well."""
        return self._evidence.beside_unloaded(slot) is not None

    def is_never_filled(self, slot: Slot, value: Value) -> bool:
        """Whether an attribute holds a library's network into which no weights ever come."""
        return self._evidence.library.is_never_filled(slot, value)

    def pretrained_part(self, slot: Slot, value: Value) -> str | None:
        """The path below an attribute at which a library's network in it is pretrained.

        ``""``: it is all that is there. ``None``: nothing there is.
        """
        if self.is_never_filled(slot, value):
            return None
        return self._evidence.library.pretrained_part(slot, value)

    def is_started(self, slot: Slot, value: Value) -> bool:
        """Whether weights are loaded into a library's network, or into all of the attribute."""
        return self._evidence.library.is_started(slot, value)

    def is_started_at_times(self, slot: Slot, value: ExternalObject) -> bool:
        """Whether weights come to a library's network, but it is not seen that they always do."""
        return self._evidence.library.is_started_at_times(slot, value)

    def put_in(self, slot: Slot, value: Value) -> list[PutIn]:
        """What code puts into a library's network in an attribute, that nothing speaks for."""
        return self._evidence.library.put_in(slot, value)

    def library_roles(self, slot: Slot, part: ExternalObject) -> Roles:
        """The roles of what a library made, by its being held in an attribute."""
        own = self._evidence.library.beside_in_library(slot, part)
        return self.slot_roles(slot) if own is None else {own.role: own}

    def network_of(self, slot: Slot, value: Instance | NormLayer) -> Class | None:
        """The network that a value was taken out of, as in ``self.layer1 = resnet.layer1``."""
        return self._evidence.parts.network_of(value, slot)

    def lost_roles(self, value: Instance | NormLayer) -> Roles:
        """Doubt, where a value also went to what is not followed."""
        if isinstance(value, Instance):
            lost = self._lost.get(value.class_)
            return {} if lost is None else {Role.DOUBT: lost}
        where = self._contents.flow.out_of_sight.values.get(value)
        words = CROWDED.format("the layer", where)
        return {} if where is None else {Role.DOUBT: Because(Role.DOUBT, words)}

    def doubt(self, slot: Slot) -> Roles:
        """Doubt about an attribute without a role: nobody knows what its model is."""
        return {} if self._evidence.idle.is_certainly_idle(slot[0]) else self.unseen(slot[0])

    def unseen(self, cls: Class) -> Roles:
        """What is said of a class without a role: nobody knows what it is for."""
        return {Role.DOUBT: Because(Role.DOUBT, self._words_of_doubt(cls))}

    def is_unused(self, cls: Class) -> bool:
        """Whether nothing in the repository builds the class, which is no neck by its name."""
        has_role = bool(self.contexts.get(cls)) or any(
            slot in self.own for slot in self.family_slots(cls)
        )
        return not has_role and self._evidence.idle.is_unused_part(cls)

    def open_slots(self, layer: NormLayer) -> list[Slot]:
        """The attributes of models whose being undecided leaves the layer undecided."""
        found: dict[Slot, None] = {}
        seen: set[Slot] = set()
        pending = list(self.held_in.get(layer, ()))
        while pending:
            slot = pending.pop()
            if slot in seen:
                continue
            seen.add(slot)
            own = self.own.get(slot)
            if own is not None:
                if own.role is not Role.BACKBONE and own.role is not Role.NEW:
                    found[slot] = None
                continue
            holders = self._contents.holders.get(slot[0], ())
            # What a wrapper holds is the whole model: its parts are named instead.
            above = [
                one
                for one in holders
                if one[0] is not slot[0] and not families.may_hold_whole_model(one[1])
            ]
            pending.extend(above)
            if not above and slot[1] != "*":
                found[slot] = None
        return list(found)

    def is_all_below(self, layer: NormLayer, cls: Class) -> bool:
        """Whether nothing holds the layer but objects of the class, however far up."""
        family = {*cls.ancestors(), *cls.descendants()}
        seen: set[Slot] = set()
        pending = list(self.held_in.get(layer, ()))
        while pending:
            slot = pending.pop()
            if slot in seen or family.issuperset(slot[0].descendants()):
                continue
            seen.add(slot)
            holders = self._contents.holders.get(slot[0], ())
            if not holders:
                return False
            pending.extend(holders)
        return True

    def is_only_one_named(self, cls: Class) -> bool:
        """Whether no other class of the repository has the same name."""
        return self._counts[cls.name] == 1

    @functools.cached_property
    def _counts(self) -> Counter[str]:
        return Counter(cls.name for cls in self._contents.flow.classes)

    def is_parted(self, slot: Slot) -> bool:
        """Whether an attribute is a container of parts whose names are all known."""
        return slot in self._contents.flow.parted

    def may_hold_any(self, slot: Slot) -> bool:
        """Whether a registry hands out several classes to an attribute, which only one is of."""
        handed = {v.class_ for v in self.contents[slot] if isinstance(v, Instance) and v.weak}
        return len(handed) > 1

    def attributes(self, layer: NormLayer) -> list[str]:
        """Names of the attributes that a layer ends up in: those of its own class, if any."""
        slots = [slot for slot in self.held_in.get(layer, ()) if slot[1] != "*"]
        maker = layer.spot.function.enclosing_class
        own = [slot for slot in slots if maker is not None and slot[0] in maker.ancestors()]
        return sorted({name for _, name in own or slots})

    def family_slots(self, cls: Class) -> list[Slot]:
        """Attributes of the class and of its repository bases."""
        return self._contents.family_slots(cls)

    def is_built(self, cls: Class) -> bool:
        """Whether anybody makes an instance of the class or of a subclass."""
        return self._contents.is_built(cls)

    def holders(self, cls: Class) -> list[Slot]:
        """The attributes that hold every object of the class; none if one is in no attribute."""
        made = self._contents.flow.instances.get(cls, ())
        if cls.children or not all(one in self.held_in for one in made):
            return []
        return [slot for slot in self._contents.holders.get(cls, ()) if slot[0] is not cls]

    def is_part_used_outside(self, cls: Class, home: str) -> bool:
        """Whether a class of one layer is made for files outside of the backbones' folder."""
        return self._contents.is_one_layer(cls) and any(
            where != home for where in self._contents.homes_of_use.get(cls, ())
        )

    def where_loaded(self, layer: NormLayer) -> str | None:
        """The line that loads a layer as a part of a container, if any does: ``net.py:12``."""
        return self._evidence.where_loaded(layer)

    def is_loaded_elsewhere(self, home: str, path: str) -> bool:
        """Whether what is loaded as backbone lives in other files than those of a folder.

        What a folder calls a backbone is then the trunk of something, which may be new.
        """
        folder = path[: f"/{path}".rfind(f"/{home}") + len(home)]
        if folder not in self._loaded_elsewhere:
            homes = [
                [slot[0].path, *(v.class_.path for v in held if isinstance(v, Instance))]
                for slot, held in self.contents.items()
                if self._evidence.is_loaded(slot)
                and not self.is_pinned(slot)
                and not (is_aside(self._contents, slot) or families.is_aside(slot[0].name))
            ]
            found = [one for paths in homes for one in paths]
            is_there = any(one.startswith(folder) for one in found)
            # A collection has the code of other papers in other folders.
            project = folder.partition("/")[0] if "/" in folder else ""
            is_near = any(one.startswith(project) or "/" not in one for one in found)
            self._loaded_elsewhere[folder] = is_near and not is_there
        return self._loaded_elsewhere[folder]

    @property
    def has_backbone(self) -> bool:
        """Whether anything in the repository is known to be a backbone."""
        return any(
            because.role is Role.BACKBONE and not because.vague for because in self.own.values()
        )

    @property
    def has_pretrained(self) -> bool:
        """Whether pretrained weights are loaded into anything in the repository.

        ``net.backbone.load_state_dict(...)`` does, whatever ``net`` is.
        """
        return (
            bool(self.loads.of_class or self.loads.of_slot)
            or any(
                families.is_backbone_attribute(load.attribute)
                for load in self._contents.flow.load_calls
            )
            or any(
                library_model(value) is not None or is_built_backbone(value)
                for held in self.contents.values()
                for value in held
            )
        )

    def pinned_class(self, cls: Class) -> Because | None:
        """The role that a setting gives to a class, if one does."""
        return self._evidence.pinned.of_class(cls)

    def is_pinned(self, slot: Slot) -> bool:
        """Whether a setting gives the attribute its role."""
        return self._evidence.pinned.of(slot) is not None

    def is_only_named(self, slot: Slot) -> bool:
        """Whether an attribute is a backbone for nothing but what it or its class is called."""
        return slot in self._evidence.only_named

    def may_come_with_weights(self, slot: Slot) -> bool:
        """Whether what a toolbox builds of a config for an attribute may have weights."""
        return self._named_weights.are_for(self.contents[slot])

    def handles_weights(self, cls: Class) -> bool:
        """Whether the class's own code speaks of pretrained weights."""
        return self._evidence.idle.handles_weights(cls)

    def may_begin_with_weights(self, cls: Class) -> bool:
        """Whether its own code speaks of pretrained weights, or any code may load some into it."""
        return self.handles_weights(cls) or self._filled.may_be(cls)

    def may_load_unseen(self, cls: Class) -> bool:
        """Whether a class without any evidence of its own speaks of pretrained weights."""
        known = self._unseen.get(cls)
        if known is None:
            known = self._unseen[cls] = not any(
                slot in self.own for slot in self.family_slots(cls)
            ) and self.handles_weights(cls)
        return known

    # --------------------------------------------------------- handing down

    def _begin_lost(self) -> list[Slot]:
        for cls, because in self._lost.items():
            self.contexts.setdefault(cls, {})[Role.DOUBT] = because
        return [slot for cls in self._lost for slot in self.slots_of.get(cls, ())]

    def _inherit(self, start: list[Slot], guesses: bool = False) -> None:
        """Hand roles down from attributes to the classes that they hold.

        Those that one of them may be, by a name that is not known, come after the others.
        """
        pending = deque(start)
        handed: dict[Slot, int] = {}  # how many roles the class had when they were last handed down
        while pending:
            slot = pending.popleft()
            roles_by_now = len(self.contexts.get(slot[0], ()))
            if handed.get(slot) == roles_by_now:
                continue
            handed[slot] = roles_by_now
            for value in self.contents[slot]:
                if not isinstance(value, Instance):
                    continue
                is_guess = self._is_guess(slot, value)
                if is_guess and not guesses:
                    continue
                roles = self.roles_in(slot, value)
                for cls in value.class_.ancestors():
                    contexts = self.contexts.setdefault(cls, {})
                    for role, because in roles.items():
                        if role in contexts or (cls is slot[0] and slot not in self.own):
                            continue
                        words = f"{cls.name} is held by {shown(slot)}"
                        if is_guess:
                            of_all = "of all that a name that is not known may mean"
                            words = f"{cls.name} may be what {shown(slot)} holds, {of_all}"
                        guessed = is_guess or because.is_guess
                        contexts[role] = Because(role, words, because, is_guess=guessed)
                        pending.extend(self.slots_of.get(cls, ()))

    def _find_guessed(self) -> dict[Class, None]:
        """Classes with a role that they have but for a name that is not known, and another one."""
        return {
            value.class_: None
            for slot, values in self.contents.items()
            for value in values
            if isinstance(value, Instance)
            and len(self.contexts.get(value.class_, {}).keys() - {Role.DOUBT}) > 1
            and self._contents.flow.is_guess(slot, value)
        }

    def _is_guess(self, slot: Slot, value: Instance) -> bool:
        """Whether only a name that is not known puts the value there, and elsewhere it is else."""
        return value.class_ in self._guessed and self._contents.flow.is_guess(slot, value)

    def _words_of_doubt(self, cls: Class) -> str:
        if self.is_built(cls):
            words = f"{cls.name} holds no backbone, and no backbone holds it"
            load = self._resumed_into(cls)
            if load is None:
                return words
            return f"{words}; it {load.words}: pretrained, or training that is resumed"
        unread = unread_file_with(self._contents.flow, cls)
        if unread is not None:
            return f"who builds {cls.name} is not seen; {unread}, skipped, names it"
        return f"who builds {cls.name} is not seen"

    def _resumed_into(self, cls: Class) -> Load | None:
        """What fills a model, be it training that goes on: of that nothing is told."""
        kin = (*cls.ancestors(), *cls.descendants())
        found = (self.loads.resumed.get(one) for one in kin)
        return next((load for load in found if load is not None), None)

    def _inherit_doubt(self) -> None:
        """A class of a model without evidence is not certain to be new elsewhere either."""
        doubtful: list[Slot] = []
        for slot in self.contents:
            cls = slot[0]
            if slot not in self.own and not self.contexts.get(cls) and self.doubt(slot):
                doubtful.append(slot)
        for slot in doubtful:
            doubt = self.doubt(slot)[Role.DOUBT]
            for value in self.contents[slot]:
                if isinstance(value, Instance) and value.class_ is not slot[0]:
                    self._doubt(value.class_, slot, doubt)

    def _doubt(self, cls: Class, slot: Slot, doubt: Because) -> None:
        pending = [(cls, slot, doubt)]
        while pending:
            held, holder, after = pending.pop()
            for one in held.ancestors():
                contexts = self.contexts.setdefault(one, {})
                if Role.DOUBT in contexts:
                    continue
                because = Because(Role.DOUBT, f"{one.name} is held by {shown(holder)}", after)
                contexts[Role.DOUBT] = because
                for inner in self.slots_of.get(one, ()):
                    if inner in self.own:
                        continue
                    pending.extend(
                        (value.class_, inner, because)
                        for value in self.contents[inner]
                        if isinstance(value, Instance) and value.class_ is not one
                    )


def assign_roles(flow: Flow, backbone: Pins, convert: Pins) -> RoleMap:
    """Decide the role of everything in the repository.

    Raises ``Problem`` for a setting that names nothing of it.
    """
    contents = Contents(flow)
    things = [(cls, None) for cls in flow.classes] + list(flow.slots)
    convert.check_apart(backbone)
    backbone.check(things)
    convert.check(things)
    evidence = Evidence(contents, backbone, convert)
    evidence.judge()
    Neighbours(contents, evidence).judge()
    filled = FilledModels(contents, evidence)
    ModelsBehind(contents, evidence, filled).judge()
    return RoleMap(contents, evidence, filled)
