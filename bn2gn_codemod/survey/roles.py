"""Backbone or new: what each attribute, and so each class, is for.

The evidence is looked at attribute by attribute. An attribute that holds
pretrained weights, or is plainly named backbone, is backbone; the other
attributes of the class that holds it are new. Everything below inherits from
whoever holds it, so that a class built by both sides has both roles.
"""

from __future__ import annotations

import dataclasses
import enum

from bn2gn_codemod.survey import families
from bn2gn_codemod.survey.flow import Flow
from bn2gn_codemod.survey.pretrained import Load, find_loads, library_model
from bn2gn_codemod.survey.values import (
    Class,
    ExternalObject,
    Instance,
    NormClass,
    NormLayer,
    Value,
)

Slot = tuple[Class, str]
# fmt: off
_PLAIN_BASES = frozenset({
    "object", "ABC", "Exception", "dict", "list", "tuple", "Enum", "IntEnum", "Protocol",
    "Generic", "NamedTuple", "Thread", "Dataset", "IterableDataset", "Optimizer", "Function",
    "Process", "Action", "_LRScheduler", "TestCase",
})
# fmt: on


class Role(enum.Enum):
    """What a layer is for."""

    BACKBONE = "backbone"
    NEW = "new"
    UNDECIDED = "undecided"


@dataclasses.dataclass(frozen=True)
class Because:
    """A role, in words that a reviewer can check, and what it follows from."""

    role: Role
    words: str
    after: Because | None = None

    def chain(self) -> list[str]:
        """The whole argument, nearest step first."""
        steps, step = [], self
        while True:
            steps.append(step.words)
            if step.after is None:
                return steps
            step = step.after


Roles = dict[Role, Because]


class RoleMap:
    """Roles of attributes, classes and layers. Build it with :func:`assign_roles`."""

    def __init__(self, flow: Flow, backbone: Pins, convert: Pins) -> None:
        self.flow = flow
        self._pins = ((Role.BACKBONE, backbone), (Role.NEW, convert))
        self.contents: dict[Slot, list[Value]] = {}
        self.slots_of: dict[Class, list[Slot]] = {}  # attributes a class itself stores
        self.held_in: dict[Value, list[Slot]] = {}
        self.loads: dict[Class, list[Load]] = {}
        self.own: dict[Slot, Because] = {}
        self.contexts: dict[Class, Roles] = {}
        self._collect()

    # ------------------------------------------------------------- queries

    def slot_roles(self, slot: Slot) -> Roles:
        """The roles of one attribute."""
        own = self.own.get(slot)
        return {own.role: own} if own is not None else self.contexts.get(slot[0], {})

    def layer_roles(self, layer: NormLayer) -> Roles:
        """The roles of a norm layer over all attributes that it ends up in."""
        roles: Roles = {}
        for slot in self.held_in.get(layer, ()):
            for role, because in self.slot_roles(slot).items():
                roles.setdefault(role, because)
        return roles

    def attributes(self, layer: NormLayer) -> list[str]:
        """Names of the attributes that a layer ends up in."""
        return sorted({name for _, name in self.held_in.get(layer, ()) if name != "*"})

    def backbone_attributes(self, cls: Class) -> list[str]:
        """The attributes of a model class that hold its backbone, in source order."""
        found: list[str] = []
        for owner in reversed(cls.ancestors()):
            for slot in self.slots_of.get(owner, ()):
                because = self.own.get(slot)
                if because is not None and because.role is Role.BACKBONE:
                    found.append(slot[1])
        return found

    @property
    def has_backbone(self) -> bool:
        """Whether anything in the repository is known to be a backbone."""
        return any(because.role is Role.BACKBONE for because in self.own.values())

    def pinned_class(self, cls: Class) -> Because | None:
        """The role that a setting gives to a class, if one does."""
        for role, pins in self._pins:
            pin = pins.match(cls, None)
            if pin is not None:
                return Because(role, f"the setting {pin!r} says so")
        return None

    def is_module(self, cls: Class) -> bool:
        """Whether instances are ``torch.nn`` modules, as far as can be seen."""
        return any(
            base.rsplit(".", 1)[-1] not in _PLAIN_BASES
            for ancestor in cls.ancestors()
            for base in ancestor.external_bases
        )

    # ---------------------------------------------------------- collecting

    def _collect(self) -> None:
        for cls, name, node in self.flow.holders():
            if not self.is_module(cls):
                continue
            found: list[Value] = [
                value
                for value in self.flow.values(node)
                if isinstance(value, (Instance, NormLayer, ExternalObject, NormClass))
            ]
            if not found:
                continue
            slot = (cls, name)
            self.contents[slot] = found
            self.slots_of.setdefault(cls, []).append(slot)
            for value in found:
                if isinstance(value, (Instance, NormLayer)):
                    self.held_in.setdefault(value, []).append(slot)

    def family_slots(self, cls: Class) -> list[Slot]:
        """Attributes of the class and of its repository bases."""
        return [slot for owner in cls.ancestors() for slot in self.slots_of.get(owner, ())]

    # ------------------------------------------------------------ deciding

    def decide(self) -> None:
        """Find every attribute's role."""
        held = {value.class_ for value in self.held_in if isinstance(value, Instance)}
        named = {
            slot[0]
            for slot in self.contents
            if families.is_backbone_attribute(slot[1]) and self._may_hold_layers(slot)
        }
        self.loads = find_loads(self.flow, held, named)
        for slot in self.contents:
            pinned = self._pinned(slot)
            if pinned is not None:
                self.own[slot] = pinned
        for cls in self.slots_of:
            load = self._load(cls)
            if load is not None and not self._owns_backbone_inside(cls):
                self._judge_network(cls, load)
        for slot in self.contents:
            if slot not in self.own:
                because = self._evidence(slot)
                if because is not None:
                    self.own[slot] = because
        owners = self._owners()
        for cls, slots in self.slots_of.items():
            owner = owners.get(cls)
            if owner is not None:
                for slot in slots:
                    if slot not in self.own:
                        self.own[slot] = self._beside_backbone(slot, owner, self._load(cls))
        self._inherit()

    def _pinned(self, slot: Slot) -> Because | None:
        for role, pins in self._pins:
            pin = pins.match(*slot)
            if pin is None:
                for value in self.contents[slot]:
                    if isinstance(value, Instance):
                        pin = pin or pins.match(value.class_, None)
            if pin is not None:
                return Because(role, f"the setting {pin!r} says so")
        return None

    def _may_hold_layers(self, slot: Slot) -> bool:
        return any(isinstance(v, (Instance, NormLayer)) for v in self.contents[slot])

    def _evidence(self, slot: Slot) -> Because | None:
        """Backbone, if something in or about the attribute says so."""
        cls, name = slot
        shown = self._shown(slot)
        pretrained = self._pretrained_content(slot)
        if pretrained is not None:
            return Because(Role.BACKBONE, f"{shown} {pretrained}")
        if families.is_backbone_attribute(name) and (
            self._may_hold_layers(slot) or self._external_network(slot)
        ):
            return Because(Role.BACKBONE, f"{shown} is a backbone by its name")
        if families.may_be_backbone_attribute(name) and not families.family_of(
            self._attribute_names(cls)
        ):
            network = self._network_content(slot)
            if network is not None:
                return Because(Role.BACKBONE, f"{shown} holds {network}")
        return None

    def _pretrained_content(self, slot: Slot) -> str | None:
        cls = slot[0]
        for value in self.contents[slot]:
            library = library_model(value)
            if library is not None:
                return f"holds {library}"
            if isinstance(value, Instance) and not value.weak:
                load = self._load(value.class_)
                if load is not None and not self._is_mixed(value.class_):
                    return f"holds {value.class_.name}, which {load.words}"
            # A part of somebody else's pretrained network, as in
            # ``self.layer0 = nn.Sequential(resnet.conv1, resnet.bn1)``.
            if isinstance(value, (Instance, NormLayer)) and value.spot is not None:
                maker = value.spot.function.class_
                if maker is not None and maker not in cls.ancestors():
                    load = self._load(maker)
                    if (
                        load is not None
                        and isinstance(value, NormLayer)
                        and cls not in maker.ancestors()
                        and not self._built_in(maker, slot)
                    ):
                        return f"holds parts of {maker.name}, which {load.words}"
        return None

    def _built_in(self, maker: Class, slot: Slot) -> bool:
        # A layer that ``maker`` hands to a class of its own is not a re-used part.
        return any(
            isinstance(value, Instance)
            and value.class_ in (slot[0], *slot[0].descendants())
            and value.spot is not None
            and value.spot.function.class_ in (maker, *maker.ancestors())
            for value in self.held_in
        )

    def _load(self, cls: Class) -> Load | None:
        for ancestor in cls.ancestors():
            for load in self.loads.get(ancestor, ()):
                return load
        return None

    def _is_mixed(self, cls: Class) -> bool:
        """Whether the class holds a backbone beside other things, or is half one."""
        return self._owns_backbone_inside(cls) or any(
            self.own[slot].role is not Role.BACKBONE
            for slot in self.family_slots(cls)
            if slot in self.own
        )

    def _owns_backbone_inside(self, cls: Class) -> bool:
        return any(
            families.is_backbone_attribute(slot[1]) or self._holds_loaded(slot)
            for slot in self.family_slots(cls)
            if self._may_hold_layers(slot) or self._external_network(slot)
        )

    def _holds_loaded(self, slot: Slot) -> bool:
        return any(
            library_model(value) is not None
            or (
                isinstance(value, Instance)
                and not value.weak
                and value.class_ is not slot[0]
                and self._load(value.class_) is not None
            )
            for value in self.contents[slot]
        )

    def _external_network(self, slot: Slot) -> bool:
        return any(library_model(value) is not None for value in self.contents[slot])

    def _network_content(self, slot: Slot) -> str | None:
        for value in self.contents[slot]:
            if isinstance(value, Instance):
                if families.is_network_class(value.class_):
                    return f"{value.class_.name}, a backbone network by its name"
                home = families.backbone_home(value.class_)
                if home is not None and not families.is_block_name(value.class_.name):
                    return f"{value.class_.name} from {value.class_.path}, where backbones live"
                made_in = value.spot.function if value.spot is not None else None
                maker = made_in.name if made_in is not None and made_in.class_ is None else ""
                if maker and families.is_network_name(maker):
                    return f"what {maker}() makes, a backbone network by its name"
        return None

    def _attribute_names(self, cls: Class) -> frozenset[str]:
        return frozenset(
            name
            for owner in cls.ancestors()
            for (holder, name) in self.flow.slots
            if holder is owner
        )

    def _owners(self) -> dict[Class, Because]:
        """Classes that hold a backbone in one of their attributes, and which."""
        owners: dict[Class, Because] = {}
        for slot, because in self.own.items():
            if because.role is Role.BACKBONE:
                for cls in slot[0].descendants():
                    owners.setdefault(cls, because)
        for cls in self.slots_of:
            children = [child for child in cls.descendants() if not child.children]
            if cls not in owners and children and cls.children:
                found = [owners[child] for child in children if child in owners]
                if len(found) == len(children):
                    owners[cls] = found[0]
        return owners

    def _beside_backbone(self, slot: Slot, owner: Because, load: Load | None) -> Because:
        cls, name = slot
        shown = self._shown(slot)
        backbone = owner.words
        if load is not None and load.kind == "url":
            return Because(
                Role.UNDECIDED,
                f"{cls.name} as a whole {load.words}: whether {shown} comes with them is not known",
            )
        if families.is_stem_attribute(name):
            return Because(Role.BACKBONE, f"{shown} is the stem of the backbone ({backbone})")
        network = self._network_content(slot)
        if network is not None and not families.has_new_word(name):
            return Because(
                Role.UNDECIDED, f"{shown} holds {network}, but nothing loads weights into it"
            )
        return Because(Role.NEW, f"{shown} stands beside the backbone ({backbone})")

    def _judge_network(self, cls: Class, load: Load) -> None:
        """A class that loads pretrained weights into itself, attribute by attribute."""
        names = self._attribute_names(cls)
        family = families.family_of(names)
        for slot in self.slots_of[cls]:
            if slot in self.own:
                continue
            name, shown = slot[1], self._shown(slot)
            if family is not None and family.members.match(name):
                words = f"{shown} is part of the {family.name} that {load.words}"
                self.own[slot] = Because(Role.BACKBONE, words)
            elif load.strict and load.kind != "library":
                self.own[slot] = Because(Role.BACKBONE, f"{cls.name} {load.words}, strictly")
            elif families.has_new_word(name):
                words = f"{cls.name} {load.words}, and {shown} {_added(family)}"
                self.own[slot] = Because(Role.NEW, words)
            elif family is not None and load.kind in ("url", "library") and name != "*":
                self.own[slot] = Because(
                    Role.NEW,
                    f"{cls.name} {load.words}, a {family.name} checkpoint, which has no {name}",
                )
            elif family is None:
                self.own[slot] = Because(Role.BACKBONE, f"{cls.name} {load.words}")
            else:
                self.own[slot] = Because(
                    Role.UNDECIDED,
                    f"{cls.name} {load.words}: whether they include {shown} is not known",
                )

    def _inherit(self) -> None:
        """Hand roles down from attributes to the classes that they hold."""
        pending = list(self.contents)
        readers: dict[Class, list[Slot]] = {}
        for slot in self.contents:
            readers.setdefault(slot[0], []).append(slot)
        while pending:
            slot = pending.pop(0)
            roles = self.slot_roles(slot)
            if not roles:
                continue
            for value in self.contents[slot]:
                if not isinstance(value, Instance):
                    continue
                for cls in value.class_.ancestors():
                    contexts = self.contexts.setdefault(cls, {})
                    for role, because in roles.items():
                        if role in contexts or (cls is slot[0] and slot not in self.own):
                            continue
                        contexts[role] = self._inherited(cls, slot, because)
                        pending.extend(readers.get(cls, ()))

    def _inherited(self, cls: Class, slot: Slot, because: Because) -> Because:
        words = f"{cls.name} is held by {self._shown(slot)}"
        return Because(because.role, words, because)

    def _shown(self, slot: Slot) -> str:
        cls, name = slot
        return f"{cls.name}'s children" if name == "*" else f"{cls.name}.{name}"


def _added(family: families.Family | None) -> str:
    return (
        "is not part of a " + family.name + " checkpoint" if family else "is named as an addition"
    )


@dataclasses.dataclass(frozen=True)
class Pins:
    """Names from the settings that decide a role."""

    patterns: tuple[str, ...]

    def match(self, cls: Class, attribute: str | None) -> str | None:
        """The pattern that names the class (``None``) or its attribute."""
        from fnmatch import fnmatchcase

        short = cls.name
        module = ".".join(part for part in cls.path[: -len(".py")].split("/"))
        for pattern in self.patterns:
            if attribute is None:
                candidates = [short, f"{module}.{short}", module]
            else:
                candidates = [attribute, f"{short}.{attribute}", f"{module}.{short}.{attribute}"]
            if any(fnmatchcase(candidate, pattern) for candidate in candidates):
                return pattern
        return None


def assign_roles(flow: Flow, backbone: Pins, convert: Pins) -> RoleMap:
    """Decide the role of everything in the repository."""
    roles = RoleMap(flow, backbone, convert)
    roles.decide()
    return roles
