"""Where a model's backbone BatchNorm layers are, as attribute paths below the model."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator

from bn2gn_codemod.survey.because import Role, Slot, module_name
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.unnamed_attributes import stores_unnamed
from bn2gn_codemod.survey.flow.unused_branches import UnusedBranches
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import holds_library_norms, may_be_named_batch_norm
from bn2gn_codemod.survey.known.transparent_wrappers import keeps_names
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.backbone_weights import BackboneWeights
from bn2gn_codemod.survey.roles.held_classes import HeldClasses
from bn2gn_codemod.survey.roles.staying_norms import StayingNorms
from bn2gn_codemod.survey.syntax.nodes import given_arguments
from bn2gn_codemod.survey.values import Class, ExternalObject, Instance, NormLayer, Spot

_DEEPEST = 4  # model.module.cp.resnet is as deep as models get
# Beyond this, everything seems to hold everything: such a model has no part to name.
_MOST_STEPS = 20_000


class _TooTangled(Exception):
    pass


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
        self._flow = flow
        self._roles = roles
        self.held = HeldClasses(flow, roles)
        self.weights = BackboneWeights(flow, roles, self.held, self.is_backbone)
        self._norms = StayingNorms(roles, self.held, converted, unused)
        self._memo: dict[Class, tuple[str, ...]] = {}
        self._without_names: dict[Class, bool] = {}
        self._leading_in: dict[Slot, list[Class]] = {}
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
                known = tuple(module_name(s) for s in self.held.slots(cls) if self.is_backbone(s))
                self._tangled.add(cls)
            self._memo[cls] = known
        return known

    def owns(self, cls: Class) -> bool:
        """Whether the class itself, not something in it, holds a backbone attribute."""
        return any(self.is_backbone(slot) for slot in self.held.slots(cls))

    def parts(self, cls: Class) -> frozenset[str]:
        """The names of a class's attributes that hold modules."""
        return frozenset(map(module_name, self.held.slots(cls)))

    def backbone_classes(self, cls: Class) -> frozenset[Class]:
        """The classes of what the backbone attributes of a class hold."""
        return frozenset(
            value.class_
            for slot in self.held.slots(cls)
            if self.is_backbone(slot)
            for value in self._roles.contents[slot]
            if isinstance(value, Instance) and value.class_ not in self.held.relatives(cls)
        )

    def has_new_norms(self, cls: Class) -> bool:
        """Whether a model has parts with norm layers that are new beside a backbone."""
        return any(
            slot in self._roles.own
            and self._roles.own[slot].role is Role.NEW
            and self._norms.are_made_in(slot)
            for one in (cls, *self.held.below(cls))
            for slot in self.held.slots(one)
        )

    def norm_attributes(self, cls: Class) -> frozenset[str]:
        """The attributes of a class that hold BatchNorm that stays, and no object around it."""
        return frozenset(map(module_name, filter(self._norms.are_in, self.held.slots(cls))))

    def backbones_below(self, cls: Class) -> frozenset[Class]:
        """The classes of backbones in a model, however deep, but for its own relatives."""
        if cls not in self._backbones_below:
            holders = [cls, *self.held.below(cls)]
            found = {part for holder in holders for part in self.backbone_classes(holder)}
            self._backbones_below[cls] = frozenset(found.difference(self.held.relatives(cls)))
        return self._backbones_below[cls]

    def is_always_backbone(self, attribute: str) -> bool:
        """Whether every module class that has the attribute keeps a backbone in it."""
        return attribute not in self._not_always

    @functools.cached_property
    def _not_always(self) -> frozenset[str]:
        return frozenset(
            module_name(slot) for slot in self._roles.contents if not self.is_backbone(slot)
        )

    def holders(self, cls: Class) -> list[tuple[str, Class]]:
        """Attributes of a class, with each class in them that holds a backbone somewhere."""
        return [
            (module_name(slot), value.class_)
            for slot in self.held.slots(cls)
            for value in self._roles.contents[slot]
            if isinstance(value, Instance) and self.below(value.class_)
        ]

    @functools.cached_property
    def _leads_to_backbone(self) -> frozenset[Class]:
        """Classes below which a backbone attribute lies: the only ones worth a search."""
        start = {slot[0] for slot in self._roles.contents if self.is_backbone(slot)}
        found = {relative for cls in start for relative in self.held.relatives(cls)}
        pending = list(found)
        while pending:
            for holder in self.held.holders.get(pending.pop(), ()):
                for relative in self.held.relatives(holder):
                    if relative not in found:
                        found.add(relative)
                        pending.append(relative)
        return frozenset(found)

    def is_backbone(self, slot: Slot) -> bool:
        """Whether an attribute holds a backbone that is there to be frozen."""
        own = self._roles.own.get(slot)
        # What may be a mix-up keeps its BatchNorm, but no script is changed for it.
        is_one = own is not None and own.role is Role.BACKBONE and not own.vague
        return is_one and slot not in self._fresh

    def _find(self, cls: Class, around: tuple[Class, ...]) -> tuple[str, ...]:
        # A class that holds itself, or a relative of it, goes no deeper.
        self._step(1)
        if len(around) > _DEEPEST or not self.held.kin(cls).isdisjoint(around):
            return ()
        # What lies around bears on the answer only where it lies below, too.
        met = self.held.below(cls).intersection(around)
        key = (cls, len(around), met)
        known = self._found.get(key)
        if known is None:
            known = self._found[key] = tuple(dict.fromkeys(self._search(cls, (*around, cls))))
        return known

    def _search(self, cls: Class, around: tuple[Class, ...]) -> Iterator[str]:
        """Paths below a class; ``""`` is an object of it as a whole."""
        for slot in self.held.slots(cls):
            name = module_name(slot)
            if families.is_teacher(name) or (name == "*" and not self._is_told(slot[0])):
                continue  # what teaches is in the mode that the repository wants it in
            if self._roles.is_unloaded(slot):
                continue  # it has no statistics but those that it learns
            below = [path and f".{path}" for path in self._inner(slot, around)]
            if name == "*" and self.is_backbone(slot):
                # What nn.Sequential.__init__ is handed has no name here, but what holds it has.
                if self._norms.are_below(slot):
                    yield ""
            elif self.is_backbone(slot):
                # A whole backbone; or one with new parts inside, named one by one.
                if below and self._has_new_parts(slot):
                    others = (f".{part}" for part in self._parts_of_others(slot))
                    yield from (f"{name}{path}" for path in dict.fromkeys([*below, *others]))
                elif self._norms.are_below(slot):
                    yield from (f"{name}{part}" for part in self._pretrained_parts(slot))
            elif below and self._is_around(slot):
                yield f"{name}.*"
            else:
                yield from (f"{name}{path}" for path in below)
        if self._hands_on_backbone(cls, around):
            yield "*"

    def _is_around(self, slot: Slot) -> bool:
        """Whether what has a backbone lies in something of a package that is not known.

        ``self.net = Wrap(Trunk())``; not what keeps more of what the class has elsewhere.
        """
        node = self._flow.slots.get(slot)
        calls = {
            value.spot.node
            for value in (() if node is None else self._flow.values(node))
            if isinstance(value, ExternalObject) and value.is_around
        }
        given = {
            value
            for call in calls
            if isinstance(call, ast.Call) and not keeps_names(call)
            for expr in given_arguments(call)
            for value in self._flow.value_of(expr)
            if isinstance(value, Instance) and value.class_ in self._leads_to_backbone
        }
        others = (self._roles.contents[one] for one in self.held.slots(slot[0]) if one != slot)
        return not given.isdisjoint(self._roles.contents[slot]) and not any(
            not given.isdisjoint(held) for held in others
        )

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

    def _hands_on_backbone(self, cls: Class, around: tuple[Class, ...]) -> bool:
        return any(
            self._find(given, around)
            for owner in self.held.relatives(cls)
            for given in self.held.forwarded(owner)
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
            named = (slot for slot in self.held.slots(cls) if slot[1] != "*")
            known = self._without_names[cls] = stores_unnamed(cls) and not any(
                self._norms.are_made_in(slot) or self._norms.are_below(slot) for slot in named
            )
        return known

    def _parts_of_others(self, slot: Slot) -> Iterator[str]:
        """What is to be named of the networks in a backbone attribute that have no backbone."""
        for cls in self.held.of(slot):
            if cls not in self._leads_to_backbone:
                for inner in self.held.slots(cls):
                    is_new = inner in self._roles.own and not self.is_backbone(inner)
                    if not is_new and inner[1] != "*" and self._norms.are_below(inner):
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
                for cls in self.held.of(slot)
                if cls is not slot[0] and not (is_inside and _is_plain(cls))
            )
            known = self._leading_in[slot] = [
                cls for cls in held if cls in leads and not self._is_guessed_in_new_part(slot, cls)
            ]
        return known

    def _is_guessed_in_new_part(self, slot: Slot, cls: Class) -> bool:
        """``self.decoder = eval(name)()`` is hardly the wrapper of the backbone, made elsewhere."""
        if not families.has_new_word(slot[1]):
            return False
        contents = self._roles.contents
        made = [v for v in contents[slot] if isinstance(v, Instance) and v.class_ is cls]
        return all(self._flow.is_guess(slot, value) for value in made) and any(
            isinstance(value, Instance)
            and value.class_ is cls
            and not self._flow.is_guess(other, value)
            for other in self._roles.holders(cls)
            for value in contents[other]
        )

    def _has_new_parts(self, slot: Slot) -> bool:
        """Whether norm layers that are not the backbone's lie inside a backbone attribute.

        Those that a migration has made GroupNorm count: a second run is told the same.
        """
        return any(
            not self.is_backbone(inner)
            and inner in self._roles.own
            and self._norms.are_made_in(inner)
            for value in self._roles.contents[slot]
            if isinstance(value, Instance)
            for inner in self.held.slots(value.class_)
        )


def _is_nameless(path: str) -> bool:
    """Whether a path has a part that no pattern of names can match."""
    return not path or "*" in path.split(".")


def _is_plain(cls: Class) -> bool:
    """Whether objects of a class are no modules for certain: ``named_modules`` passes them by."""
    return not cls.is_module and all(
        len(one.node.bases) == len(one.parents) + len(one.external_bases) for one in cls.ancestors()
    )
