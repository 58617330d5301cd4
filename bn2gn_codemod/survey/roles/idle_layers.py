"""Layers that reach no attribute with a role: what their surroundings tell.

Code that nothing uses in this repository is for whoever copies it: it is as
new, or as pretrained, as what it stands beside.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection

from bn2gn_codemod.survey.because import Because, Role, Roles, Slot, shown
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.registrations import is_registered
from bn2gn_codemod.survey.flow.unread_files import unread_file_with
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.twins import Twins
from bn2gn_codemod.survey.values import Class, Function, NormLayer

_NORM = re.compile(r"[Nn]orm|BN")


class IdleLayers:
    """Finds roles by classes, folders and files."""

    def __init__(self, flow: Flow, roles: RoleMap) -> None:
        self._flow = flow
        self.roles = roles
        self._twins = Twins(flow, roles)
        self._file_roles: dict[str, set[Role]] | None = None

    def roles_of(self, layer: NormLayer) -> Roles:
        """What the layer is for: undecided, where nothing around it tells."""
        function, cls = layer.spot.function, layer.spot.function.enclosing_class
        if _copies_norm(layer):
            return {Role.BACKBONE: Because(Role.BACKBONE, "it stands in for a norm that is there")}
        if layer.spot.module.is_test and not self.roles.held_in.get(layer):
            return {Role.BACKBONE: Because(Role.BACKBONE, "a test makes it for itself")}
        if cls is not None and self.roles.held_in.get(layer):
            found = self._unless_new(layer, self._roles_of_home(cls)) or self._of_new_holders(cls)
        elif cls is not None:
            found = self._roles_of_class(cls, function)
        else:
            is_held = bool(self.roles.held_in.get(layer))
            where = "is followed to no known model" if is_held else "is not used"
            words = f"{function.name}() {where}"
            found = self._roles_of_holders(layer) if is_held else None
            found = found or self._roles_of_file(layer.spot.module.path, words, is_named=False)
        found = found or self._twins.of(layer)
        if found is not None:
            return {found.role: found}
        return {Role.UNDECIDED: Because(Role.UNDECIDED, self._no_evidence(layer, cls))}

    def of_library(self, path: str, cls: Class | None, holders: Collection[Class]) -> Roles:
        """The role of what a library makes in a class or function, for attributes of classes.

        Nothing else is known of it: it is backbone where none but backbones live.
        """
        makers = list(holders) if cls is None else [cls]
        if cls is None and families.backbone_home(path) is None:
            return {}
        found = [self._roles_of_home(one) for one in makers] if holders else []
        are_backbone = all(one is not None and one.role is Role.BACKBONE for one in found)
        first = found[0] if found and are_backbone else None
        return {} if first is None else {first.role: first}

    def _roles_of_class(self, cls: Class, function: Function) -> Because | None:
        pinned = self.roles.pinned_class(cls)
        if pinned is not None:
            return pinned
        contexts = self.roles.contexts.get(cls, {})
        own = {
            because.role: because
            for slot in self.roles.family_slots(cls)
            if (because := self.roles.own.get(slot)) is not None
        }
        seen = {**own, **contexts}
        seen.pop(Role.UNDECIDED, None)
        seen.pop(Role.DOUBT, None)
        unused, of_it = f"nothing calls {function.name}()", "of a backbone class"
        if function is cls.methods.get("__init__") and self.roles.is_built(cls):
            unused, of_it = (
                f"where {function.name}() puts it is not followed,",
                "in a backbone class",
            )
        if set(seen) == {Role.BACKBONE}:
            return Because(Role.BACKBONE, f"{unused} {of_it}", seen[Role.BACKBONE])
        if Role.BACKBONE in own and families.has_certainly_new_word(function.name):
            words = f"{unused}, but by its name it makes layers beside the backbone"
            return Because(Role.NEW, words, own[Role.BACKBONE])
        if set(contexts) == {Role.NEW} and not self.roles.handles_weights(cls):
            return contexts[Role.NEW]
        return None if seen else self._roles_of_home(cls)

    def _roles_of_home(self, cls: Class) -> Because | None:
        """A class of whose users nothing is known, by its name and where it stands."""
        pinned = self.roles.pinned_class(cls)
        if pinned is not None:
            return pinned
        name = cls.name.rsplit(".", 1)[-1]
        is_named = families.is_block_name(name) or families.is_network_name(name)
        home = families.backbone_home(cls.path)
        is_there_for_it = is_named or (
            home is not None
            and not self.roles.is_part_used_outside(cls, home)
            and not self.roles.is_loaded_elsewhere(home, cls.path)
        )
        if home is not None and is_there_for_it:
            words = f"{cls.name} stands in {home}, where backbones live"
            resumed = None if is_named else self.roles.resumed_models.where_all_go_on
            if resumed is None:
                return Because(Role.BACKBONE, words)
            words = f"{words}, but nothing is loaded except to go on with a training ({resumed})"
            return Because(Role.UNDECIDED, words)
        if is_named:
            where = "is followed to no known model" if self.roles.is_built(cls) else "is not used"
            return self._roles_of_file(cls.path, f"{cls.name} {where}", is_named=True)
        home = families.new_home(cls)
        if home is None or not self.roles.has_backbone:
            return None
        if not self.roles.may_begin_with_weights(cls):
            return Because(Role.NEW, f"{cls.name} stands in {home}, where new parts live")
        return None

    def _unless_new(self, layer: NormLayer, found: Because | None) -> Because | None:
        """The role of what stands where backbones live, but for parts that none of them has.

        ``self.deconv_layers`` of a network in such a folder: nothing but the folder speaks for it.
        """
        if found is None or found.role is not Role.BACKBONE:
            return found
        slot = self._new_part_around(layer)
        if slot is not None and self.roles.pinned_class(slot[0]) is None:
            words = f"{found.words}: whether {shown(slot)} in it is one, too, is not known"
            return Because(Role.UNDECIDED, words)
        head = self._head_of_whole(layer) if slot is None else None
        if head is not None:
            words = f"{found.words}, but {shown(head)} speaks for a whole model"
            return Because(Role.UNDECIDED, words)
        return found

    def _head_of_whole(self, layer: NormLayer) -> Slot | None:
        """A new part of the one class that has the layer in the end, and that nothing holds.

        Where no registry has it either, and it has no network's name, a model stands there with
        its heads, and the folder says nothing of it.
        """
        pending = [slot[0] for slot in self.roles.held_in.get(layer, ())]
        found: list[Slot | None] = []
        for cls in pending:
            holders = [slot[0] for slot in self.roles.holders(cls) if slot[0] is not cls]
            pending += [one for one in holders if one not in pending]
            if not holders:
                found.append(self._head_in(cls))
        return next(iter(found), None) if all(found) else None

    def _head_in(self, cls: Class) -> Slot | None:
        name = cls.name.rsplit(".", 1)[-1]
        is_named = families.is_block_name(name) or families.is_network_name(name)
        if is_named or self.roles.pinned_class(cls) is not None or is_registered(self._flow, cls):
            return None
        slots = self.roles.family_slots(cls)
        return next((one for one in slots if families.has_certainly_new_word(one[1])), None)

    def _new_part_around(self, layer: NormLayer) -> Slot | None:
        """An attribute with a new part's name that holds the layer, however far up."""
        pending = list(self.roles.held_in.get(layer, ()))
        for slot in pending:
            if families.has_certainly_new_word(slot[1]):
                return slot
            pending += [one for one in self.roles.holders(slot[0]) if one not in pending]
        return None

    def _of_new_holders(self, cls: Class) -> Because | None:
        """A class that nothing holds but classes which stand where new parts live."""
        holders = self.roles.holders(cls)
        found = [self._roles_of_home(slot[0]) for slot in holders]
        are_new = all(one is not None and one.role is Role.NEW for one in found)
        if not found or not are_new or self.roles.may_begin_with_weights(cls):
            return None
        held = f"{cls.name} is held by nothing but {shown(holders[0])} and the like"
        if len(holders) == 1:
            held = f"{cls.name} is held by {shown(holders[0])} alone"
        return Because(Role.NEW, held, found[0])

    def _roles_of_holders(self, layer: NormLayer) -> Because | None:
        """What a function makes where backbones live, for nothing but classes that live there."""
        homes = [families.backbone_home(layer.spot.module.path)]
        found: list[Because | None] = []
        for cls, _ in self.roles.held_in[layer]:
            homes.append(families.backbone_home(cls.path))
            found.append(self._roles_of_home(cls))
        first = found[0]
        if first is None or None in homes:
            return None
        is_backbone = all(one is not None and one.role is Role.BACKBONE for one in found)
        held = f"{shown(self.roles.held_in[layer][0])} holds it"
        return Because(Role.BACKBONE, held, first) if is_backbone else None

    def _roles_of_file(self, path: str, words: str, *, is_named: bool) -> Because | None:
        """Unused code in a file whose used layers are backbone: its kin's, or all in it.

        That of a file of modules for all kinds of use tells nothing.
        """
        roles = self._roles_by_file().get(path, set())
        is_kin = is_named or (roles == {Role.BACKBONE} and families.is_file_of_backbone(path))
        if Role.BACKBONE in roles and is_kin:
            return Because(Role.BACKBONE, f"{words}; {path} holds a backbone and its blocks")
        return None

    def _roles_by_file(self) -> dict[str, set[Role]]:
        if self._file_roles is None:
            self._file_roles = {}
            for layer in self._flow.norm_layers:
                roles = self.roles.layer_roles(layer)
                self._file_roles.setdefault(layer.spot.module.path, set()).update(roles)
        return self._file_roles

    def _no_evidence(self, layer: NormLayer, cls: Class | None) -> str:
        if cls is None:
            made = f"the layer that {layer.spot.function.name or 'this line'} makes"
            slots = self.roles.held_in.get(layer)
            if not slots:
                where = self.roles.where_loaded(layer)
                if where is not None:
                    return f"{made} is loaded ({where}): pretrained, or training that is resumed"
                return f"{made} reaches no model that is a class of this repository"
            held = f"{made} is held by {shown(slots[0])}"
            doubt = self.roles.doubt(slots[0]).get(Role.DOUBT)
            return held if doubt is None else f"{held}; {doubt.words}"
        if not self.roles.is_built(cls):
            if is_registered(self._flow, cls):
                return f"{cls.name} is registered, and what is built by its name is not followed"
            unread = unread_file_with(self._flow, cls)
            if unread is not None:
                return f"{cls.name} is built nowhere that was read; {unread}, skipped, names it"
            if self._flow.unnamed_imports:
                where = min(spot.where for spot in self._flow.unnamed_imports)
                importing = f"{where} imports modules by names that are not known"
                return f"{cls.name} is built nowhere that was followed; {importing}"
            return f"{cls.name} is built nowhere in this repository"
        return self.roles.unseen(cls)[Role.DOUBT].words


def _copies_norm(layer: NormLayer) -> bool:
    """``SyncBN(module.num_features, ...)``, as functions that swap one norm for another do."""
    match layer.spot.node:
        case ast.Call(args=[ast.Attribute(value=norm, attr="num_features"), *_]):
            return not _is_model_with_width(norm, layer.spot.function)
        case _:
            return False


def _is_model_with_width(expr: ast.expr, function: Function) -> bool:
    """Whether ``self.num_features`` is what a model, and not a norm, has stored in itself."""
    cls = function.enclosing_class
    if cls is None or not isinstance(expr, ast.Name) or expr.id != function.first_parameter:
        return False
    own_line = cls.ancestors()
    names = [name for one in own_line for name in (one.name, *one.external_bases)]
    is_norm = any(_NORM.search(name) for name in names)
    return not is_norm and any("num_features" in one.stored_names for one in own_line)
