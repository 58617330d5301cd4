"""Where a model's backbone BatchNorm layers are, as attribute paths below the model."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.because import Role, Slot, module_name
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.unnamed_attributes import stores_unnamed
from bn2gn_codemod.survey.flow.unused_branches import UnusedBranches
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import (
    has_frozen_norms,
    holds_library_norms,
    library_model,
    may_be_named_batch_norm,
)
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.converted_layers import is_group_norm
from bn2gn_codemod.survey.values import Class, Instance, NormLayer, Spot, Value
from bn2gn_codemod.survey.weights.declined.uncalled_loads import UncalledLoads
from bn2gn_codemod.survey.weights.loads import Load
from bn2gn_codemod.survey.weights.resumed.resumed_models import starts_nothing

_DEEPEST = 4  # model.module.cp.resnet is as deep as models get
# Beyond this, everything seems to hold everything: such a model has no part to name.
_MOST_STEPS = 20_000


class _TooTangled(Exception):
    pass


class BackboneContents(NamedTuple):
    """What lies in the backbone attributes of a model, and what has them."""

    parts: list[Value]
    owners: list[Value]
    loads: list[Load]  # into the attributes by themselves


class BackbonePaths:
    """Paths such as ``backbone``, ``cp.resnet`` or ``layer1`` by model class."""

    def __init__(
        self,
        flow: Flow,
        roles: RoleMap,
        converted: frozenset[Spot],
        unused: UnusedBranches,
        fresh: frozenset[Slot],
    ) -> None:
        """``fresh`` are attributes that hold networks of a library without any weights."""
        self._fresh = fresh
        self._uncalled = UncalledLoads(flow)
        self._flow = flow
        self._roles = roles
        self._unused = unused
        self._converted = converted
        self._memo: dict[Class, tuple[str, ...]] = {}
        self._without_names: dict[Class, bool] = {}
        self._storing_norms: dict[Class, bool] = {}
        self._slots_of: dict[Class, list[Slot]] = {}
        self._relatives_of: dict[Class, list[Class]] = {}
        self._kin_of: dict[Class, frozenset[Class]] = {}
        self._held_in: dict[Slot, list[Class]] = {}
        self._leading_in: dict[Slot, list[Class]] = {}
        self._next: dict[Class, frozenset[Class]] = {}
        self._reached: dict[Class, frozenset[Class]] = {}
        self._backbones_below: dict[Class, frozenset[Class]] = {}
        self._found: dict[tuple[Class, int, frozenset[Class]], tuple[str, ...]] = {}
        self._tangled: set[Class] = set()
        self._steps = 0  # of the search below one class: classes and paths come to

    def below(self, cls: Class) -> tuple[str, ...]:
        """Paths below an instance of ``cls``; empty for a model without a backbone."""
        return tuple(path for path in self._all_below(cls) if not _is_nameless(path))

    def is_tangled(self, cls: Class) -> bool:
        """Whether so much comes together below a class that not all paths were followed."""
        return bool(self._all_below(cls)) and cls in self._tangled

    def nameless(self, cls: Class) -> tuple[str, ...]:
        """Where backbones lie below ``cls`` under a name that is not known: ``heads.*``."""
        return tuple(path or "*" for path in self._all_below(cls) if _is_nameless(path))

    def _all_below(self, cls: Class) -> tuple[str, ...]:
        known = self._memo.get(cls)
        if known is None:
            self._steps = 0
            leads = cls in self._leads_to_backbone
            try:
                known = self._find(cls, ()) if leads else ()
            except _TooTangled:  # it is known for its own, and no pattern would fit all of it
                known = tuple(module_name(s) for s in self._slots(cls) if self._is_backbone(s))
                self._tangled.add(cls)
            self._memo[cls] = known
        return known

    def owns(self, cls: Class) -> bool:
        """Whether the class itself, not something in it, holds a backbone attribute."""
        return any(self._is_backbone(slot) for slot in self._slots(cls))

    def parts(self, cls: Class) -> frozenset[str]:
        """The names of a class's attributes that hold modules."""
        return frozenset(map(module_name, self._slots(cls)))

    def backbone_classes(self, cls: Class) -> frozenset[Class]:
        """The classes of what the backbone attributes of a class hold."""
        return frozenset(
            value.class_
            for slot in self._slots(cls)
            if self._is_backbone(slot)
            for value in self._roles.contents[slot]
            if isinstance(value, Instance) and value.class_ not in self._relatives(cls)
        )

    @functools.cached_property
    def starts_nothing(self) -> bool:
        """Whether every load may be one that resumes, and no library gives any weights."""
        return starts_nothing(self._flow, self._roles.loads)

    def starts_from_nothing(self, cls: Class) -> bool:
        """The same of a model alone: what goes into it, its parts, or what holds it."""
        return self._roles.resumed_models.starts_from_nothing(cls)

    def where_resumed(self, cls: Class) -> str | None:
        """The line by which a training goes on with a model, where no other one loads it."""
        return self._roles.resumed_models.where_trained(cls)

    def is_only_named(self, cls: Class) -> bool:
        """Whether names alone say that what is backbone in a model is pretrained.

        No load of weights is seen that runs, neither into it nor into what it is made of.
        A file that is loaded into the backbone itself is one, whatever is in it.
        """
        below = [*self._relatives(cls), *self.held_below(cls)]
        found = {
            slot
            for one in below
            for slot in self._roles.slots_of.get(one, ())
            if self._is_backbone(slot)
        }
        return (
            all(map(self._is_only_named, found))
            and not any(self._runs(load, one) for one in below for load in self._loads(one))
            and self._filled_alone(cls).isdisjoint(
                v for one in found for v in self._roles.contents[one]
            )
        )

    def missing_weights(self, cls: Class) -> dict[str, str]:
        """Parameters that no call gives, if all weights of a model hang on such ones, and where."""
        below = [*self._relatives(cls), *self.held_below(cls)]
        loads = [load for one in below for load in self._loads(one)]
        of_slot = self._roles.loads.of_slot
        loads += [load for (owner, _), load in of_slot.items() if owner in below]
        found = {self._uncalled.missing(load): load.where for load in loads}
        return {} if "" in found or not self.is_only_named(cls) else found

    def contents(self, cls: Class) -> BackboneContents | None:
        """What weights may come to in a model; ``None`` where a setting says that they do."""
        found = BackboneContents([], [], [])
        for one in (*self._relatives(cls), *self.held_below(cls)):
            for slot in self._roles.slots_of.get(one, ()):
                if not self._is_backbone(slot) or families.is_teacher(module_name(slot)):
                    continue
                if self._roles.is_pinned(slot):
                    return None
                if slot in self._roles.loads.of_slot:
                    found.loads.append(self._roles.loads.of_slot[slot])
                found.owners.append(Instance(slot[0], None))
                found.parts.extend(self._roles.contents[slot])
        return found

    def _filled_alone(self, cls: Class) -> set[Value]:
        """The objects into which files go that never go into a model of the class as a whole."""
        kin, resumed = self._kin(cls), self._roles.loads.resumed
        found: set[Value] = set()
        for load in self._flow.load_calls:
            into = [v for v in self._flow.values(load.receiver) if isinstance(v, Instance)]
            if kin.isdisjoint(one.class_ for one in into):
                found.update(
                    one
                    for one in into
                    if one.class_ in resumed and self._runs(resumed[one.class_], one.class_)
                )
        return found

    def _is_only_named(self, slot: Slot) -> bool:
        """Whether no load that runs says that an attribute is pretrained, nor anything else."""
        if self._roles.is_only_named(slot):
            return True
        if self._roles.is_pinned(slot) or any(map(library_model, self._roles.contents[slot])):
            return False
        own = self._roles.loads.of_slot.get(slot)
        found = [(load, one) for one in (slot[0], *self._held(slot)) for load in self._loads(one)]
        found += [(own, slot[0])] if own is not None else []
        return bool(found) and not any(self._runs(load, one) for load, one in found)

    def _loads(self, cls: Class) -> list[Load]:
        return [load for one in cls.ancestors() for load in self._roles.loads.of_class.get(one, ())]

    def _runs(self, load: Load, cls: Class) -> bool:
        return not self._uncalled.has(load, cls)

    def has_new_norms(self, cls: Class) -> bool:
        """Whether a model has parts with norm layers that are new beside a backbone."""
        return any(
            slot in self._roles.own
            and self._roles.own[slot].role is Role.NEW
            and self._makes_norm(slot)
            for one in (cls, *self.held_below(cls))
            for slot in self._slots(one)
        )

    def norm_attributes(self, cls: Class) -> frozenset[str]:
        """The attributes of a class that hold BatchNorm that stays, and no object around it."""
        return frozenset(map(module_name, filter(self._has_norm_itself, self._slots(cls))))

    def backbones_below(self, cls: Class) -> frozenset[Class]:
        """The classes of backbones in a model, however deep, but for its own relatives."""
        if cls not in self._backbones_below:
            holders = [cls, *self.held_below(cls)]
            found = {part for holder in holders for part in self.backbone_classes(holder)}
            self._backbones_below[cls] = frozenset(found.difference(self._relatives(cls)))
        return self._backbones_below[cls]

    def is_always_backbone(self, attribute: str) -> bool:
        """Whether every module class that has the attribute keeps a backbone in it."""
        return attribute not in self._not_always

    @functools.cached_property
    def _not_always(self) -> frozenset[str]:
        return frozenset(
            module_name(slot) for slot in self._roles.contents if not self._is_backbone(slot)
        )

    def holders(self, cls: Class) -> list[tuple[str, Class]]:
        """Attributes of a class, with each class in them that holds a backbone somewhere."""
        return [
            (module_name(slot), value.class_)
            for slot in self._slots(cls)
            for value in self._roles.contents[slot]
            if isinstance(value, Instance) and self.below(value.class_)
        ]

    def held_below(self, cls: Class) -> frozenset[Class]:
        """All classes of what lies below a class, and their relatives."""
        known = self._reached.get(cls)
        if known is None:
            found: set[Class] = set()
            pending = [cls]
            while pending:
                new = self._held_itself(pending.pop()) - found
                found |= new
                pending.extend(new)
            known = self._reached[cls] = frozenset(found)
        return known

    def _held_itself(self, cls: Class) -> frozenset[Class]:
        """The classes of what the attributes of a class hold, and their relatives."""
        known = self._next.get(cls)
        if known is None:
            classes = {held for slot in self._slots(cls) for held in self._held(slot)}
            known = self._next[cls] = frozenset().union(*map(self._relatives, classes))
        return known

    def _relatives(self, cls: Class) -> list[Class]:
        """The class with its bases and subclasses."""
        known = self._relatives_of.get(cls)
        if known is None:
            known = self._relatives_of[cls] = [*cls.ancestors(), *cls.descendants()[1:]]
        return known

    def _kin(self, cls: Class) -> frozenset[Class]:
        """The class with its bases and subclasses, to look others up in."""
        known = self._kin_of.get(cls)
        if known is None:
            known = self._kin_of[cls] = frozenset(self._relatives(cls))
        return known

    def _slots(self, cls: Class) -> list[Slot]:
        known = self._slots_of.get(cls)
        if known is None:
            known = self._slots_of[cls] = [
                slot
                for owner in self._relatives(cls)
                for slot in self._roles.slots_of.get(owner, ())
            ]
        return known

    def _held(self, slot: Slot) -> list[Class]:
        """The classes of what an attribute holds, each once."""
        known = self._held_in.get(slot)
        if known is None:
            found = (v.class_ for v in self._roles.contents[slot] if isinstance(v, Instance))
            known = self._held_in[slot] = list(dict.fromkeys(found))
        return known

    @functools.cached_property
    def _leads_to_backbone(self) -> frozenset[Class]:
        """Classes below which a backbone attribute lies: the only ones worth a search."""
        start = {slot[0] for slot in self._roles.contents if self._is_backbone(slot)}
        found = {relative for cls in start for relative in self._relatives(cls)}
        pending = list(found)
        while pending:
            for holder in self._holders_of.get(pending.pop(), ()):
                for relative in self._relatives(holder):
                    if relative not in found:
                        found.add(relative)
                        pending.append(relative)
        return frozenset(found)

    def _is_backbone(self, slot: Slot) -> bool:
        own = self._roles.own.get(slot)
        # What may be a mix-up keeps its BatchNorm, but no script is changed for it.
        is_one = own is not None and own.role is Role.BACKBONE and not own.vague
        return is_one and slot not in self._fresh

    def _find(self, cls: Class, around: tuple[Class, ...]) -> tuple[str, ...]:
        # A class that holds itself, or a relative of it, goes no deeper.
        self._step(1)
        if len(around) > _DEEPEST or not self._kin(cls).isdisjoint(around):
            return ()
        # What lies around bears on the answer only where it lies below, too.
        met = self.held_below(cls).intersection(around)
        key = (cls, len(around), met)
        known = self._found.get(key)
        if known is None:
            known = self._found[key] = tuple(dict.fromkeys(self._search(cls, (*around, cls))))
        return known

    def _search(self, cls: Class, around: tuple[Class, ...]) -> Iterator[str]:
        """Paths below a class; ``""`` is an object of it as a whole."""
        for slot in self._slots(cls):
            name = module_name(slot)
            if families.is_teacher(name) or (name == "*" and not self._is_told(slot[0])):
                continue  # what teaches is in the mode that the repository wants it in
            if self._roles.is_unloaded(slot):
                continue  # it has no statistics but those that it learns
            below = [path and f".{path}" for path in self._inner(slot, around)]
            if name == "*" and self._is_backbone(slot):
                # What nn.Sequential.__init__ is handed has no name here, but what holds it has.
                if self._holds_norm(slot):
                    yield ""
            elif self._is_backbone(slot):
                # A whole backbone; or one with new parts inside, named one by one.
                if below and self._has_new_parts(slot):
                    others = (f".{part}" for part in self._parts_of_others(slot))
                    yield from (f"{name}{path}" for path in dict.fromkeys([*below, *others]))
                elif self._holds_norm(slot):
                    yield from (f"{name}{part}" for part in self._pretrained_parts(slot))
            else:
                yield from (f"{name}{path}" for path in below)
        if self._hands_on_backbone(cls, around):
            yield "*"

    def _pretrained_parts(self, slot: Slot) -> list[str]:
        """What of a backbone attribute is one: ``.encoder`` of a library's model, ``""`` for all.

        Where other networks may be there instead, all of them: what is then new in one is told.
        """
        values = self._roles.contents[slot]
        parts = {
            value: self._roles.pretrained_part(slot, value)
            for value in values
            if holds_library_norms(value)
        }
        are_others = any(
            (isinstance(v, (Instance, NormLayer)) or may_be_named_batch_norm(v)) and v not in parts
            for v in values
        )
        if are_others or not all(parts.values()):
            return [""]
        return [f".{part}" for part in dict.fromkeys(parts.values())]

    def _forwarded(self, cls: Class) -> list[Class]:
        """The classes of what a class hands on to one of another package, by ``**kwargs``."""
        return [
            value.class_
            for node in self._flow.forwarded_to_base.get(cls, ())
            for value in self._flow.values(node)
            if isinstance(value, Instance)
        ]

    def _hands_on_backbone(self, cls: Class, around: tuple[Class, ...]) -> bool:
        return any(
            self._find(given, around)
            for owner in self._relatives(cls)
            for given in self._forwarded(owner)
        )

    def _is_told(self, cls: Class) -> bool:
        """Whether what lies in a class below names that are not known lies nowhere else in it.

        A parallel wrapper has the model there, below a name that every pattern has.
        """
        return not cls.is_parallel_wrapper and (
            self._flow.are_all_held_in_base(cls) or self._has_no_names(cls)
        )

    def _has_no_names(self, cls: Class) -> bool:
        """Whether a class itself puts all its layers below names that are not known."""
        known = self._without_names.get(cls)
        if known is None:
            named = (slot for slot in self._slots(cls) if slot[1] != "*")
            known = self._without_names[cls] = stores_unnamed(cls) and not any(
                self._makes_norm(slot) or self._holds_norm(slot) for slot in named
            )
        return known

    def _parts_of_others(self, slot: Slot) -> Iterator[str]:
        """What is to be named of the networks in a backbone attribute that have no backbone."""
        for cls in self._held(slot):
            if cls not in self._leads_to_backbone:
                for inner in self._slots(cls):
                    is_new = inner in self._roles.own and not self._is_backbone(inner)
                    if not is_new and inner[1] != "*" and self._holds_norm(inner):
                        yield module_name(inner)

    def _inner(self, slot: Slot, around: tuple[Class, ...]) -> list[str]:
        found: list[str] = []
        for cls in self._leading(slot):
            paths = self._find(cls, around)
            self._step(len(paths))
            found.extend(paths)
        return list(dict.fromkeys(found))

    def _step(self, steps: int) -> None:
        self._steps += steps
        if self._steps > _MOST_STEPS:
            raise _TooTangled

    def _leading(self, slot: Slot) -> list[Class]:
        """The classes in an attribute below which a backbone lies."""
        known = self._leading_in.get(slot)
        if known is None:
            leads = self._leads_to_backbone
            is_inside = slot[0].is_module
            held = (
                cls
                for cls in self._held(slot)
                if cls is not slot[0] and not (is_inside and _is_plain(cls))
            )
            known = self._leading_in[slot] = [cls for cls in held if cls in leads]
        return known

    def _has_new_parts(self, slot: Slot) -> bool:
        """Whether norm layers that are not the backbone's lie inside a backbone attribute.

        Those that a migration has made GroupNorm count: a second run is told the same.
        """
        return any(
            not self._is_backbone(inner) and inner in self._roles.own and self._makes_norm(inner)
            for value in self._roles.contents[slot]
            if isinstance(value, Instance)
            for inner in self._slots(value.class_)
        )

    def _makes_norm(self, slot: Slot) -> bool:
        """Whether norm layers are in an attribute, or in those of the objects there."""
        return any(
            _is_norm(value) or (isinstance(value, Instance) and self._stores_norm(value.class_))
            for value in self._roles.contents[slot]
        )

    def _stores_norm(self, cls: Class) -> bool:
        known = self._storing_norms.get(cls)
        if known is None:
            known = self._storing_norms[cls] = any(
                _is_norm(held) for slot in self._slots(cls) for held in self._roles.contents[slot]
            )
        return known

    def _holds_norm(self, slot: Slot) -> bool:
        """Whether BatchNorm that stays lies in an attribute, however deep."""
        library = [value for value in self._roles.contents[slot] if library_model(value)]
        if library and all(map(has_frozen_norms, library)):
            return False
        return self._has_norm_itself(slot) or any(
            held in self._classes_with_norms for held in self._held(slot)
        )

    def _has_norm_itself(self, slot: Slot) -> bool:
        return any(
            (isinstance(value, NormLayer) and self._stays(value))
            or holds_library_norms(value)
            or may_be_named_batch_norm(value)
            for value in self._roles.contents[slot]
        )

    def _stays(self, layer: NormLayer) -> bool:
        """Whether a layer is made at all, and stays BatchNorm."""
        return layer.spot not in self._converted and not self._unused.holds(layer.spot)

    @functools.cached_property
    def _classes_with_norms(self) -> frozenset[Class]:
        """Classes of which some instance has BatchNorm that stays in it."""
        found: dict[Class, None] = {}
        pending = [slot[0] for slot in self._roles.contents if self._has_norm_itself(slot)]
        while pending:
            for relative in self._relatives(pending.pop()):
                if relative not in found:
                    found[relative] = None
                    pending.extend(self._holders_of.get(relative, ()))
        return frozenset(found)

    @functools.cached_property
    def _holders_of(self) -> dict[Class, list[Class]]:
        """By class of an object, or a relative of it, the classes that hold it in an attribute."""
        holders: dict[Class, dict[Class, None]] = {}
        for slot in self._roles.contents:
            for held in self._held(slot):
                for relative in self._relatives(held):
                    holders.setdefault(relative, {})[slot[0]] = None
        for cls in self._flow.forwarded_to_base:
            for given in self._forwarded(cls):
                for relative in self._relatives(given):
                    holders.setdefault(relative, {})[cls] = None
        return {cls: list(found) for cls, found in holders.items()}


def _is_norm(value: Value) -> bool:
    return isinstance(value, NormLayer) or is_group_norm(value)


def _is_nameless(path: str) -> bool:
    """Whether a path has a part that no pattern of names can match."""
    return not path or "*" in path.split(".")


def _is_plain(cls: Class) -> bool:
    """Whether objects of a class are no modules for certain: ``named_modules`` passes them by."""
    return not cls.is_module and all(
        len(one.node.bases) == len(one.parents) + len(one.external_bases) for one in cls.ancestors()
    )
