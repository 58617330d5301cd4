"""What the code of a backbone names: a part that it names may be in it, whatever else is seen.

The flow analysis follows what it knows of Python. Where a class goes in a way that it
does not know, the class seems to be held by the others alone. So before anything is
new, the code of the backbones is asked whether it speaks of the class or function.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.because import Role, Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.spoken_names import Definition, SpokenNames, Variable
from bn2gn_codemod.survey.known.library_models import library_model
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.surgery import Surgery
from bn2gn_codemod.survey.syntax.nodes import built_of, given_arguments
from bn2gn_codemod.survey.values import Class, Instance, NormLayer, Spot


class Mention(NamedTuple):
    """A backbone, and where its code, or what this calls, names something."""

    backbone: str
    spot: Spot
    is_put_in: bool = False  # code outside of the backbone puts it there

    def words(self, name: str) -> str:
        """What is not known of something by that name."""
        if self.is_put_in:
            words = f"{self.spot.where} puts {name}, or what holds it, into {self.backbone}"
            return f"{words}: whether weights are loaded there, too, is not known"
        words = f"{self.backbone} is a backbone, and {self.spot.where} in it"
        words = f"{words}, or in what it calls, names {name}: what comes of that there"
        return f"{words} is not seen"


class Mentions:
    """Finds classes and functions that the code of backbones names."""

    def __init__(self, flow: Flow, roles: RoleMap) -> None:
        self._flow = flow
        self._roles = roles
        self._names = SpokenNames(flow)
        self._followed: set[Definition] = set()

    def of(self, layer: NormLayer) -> Mention | None:
        """Where a backbone names what makes the layer, though it is not seen to hold any of it."""
        function = layer.spot.function
        maker: Definition = function.enclosing_class or function
        put = self._surgery.found.get(maker)
        if put is not None:
            return Mention(put.network, put.spot, is_put_in=True)
        found = self._found.get(maker)
        return None if found is None or self._is_known(maker) else found

    def _is_known(self, maker: Definition) -> bool:
        """Whether it is known that backbones hold layers of a class or function."""
        if isinstance(maker, Class):
            # Of a base, it says nothing that others that extend it are backbones.
            return Role.BACKBONE in self._roles.contexts.get(maker, ()) or any(
                because.role is Role.BACKBONE
                for slot in self._roles.slots_of.get(maker, ())
                if (because := self._roles.own.get(slot)) is not None
            )
        return any(
            Role.BACKBONE in self._roles.layer_roles(layer)
            for layer in self._flow.norm_layers
            if layer.spot.function is maker or layer.norm.function is maker
        )

    @functools.cached_property
    def _surgery(self) -> Surgery:
        return Surgery(self._flow, self._roles, self._names, frozenset(self._backbones()))

    @functools.cached_property
    def _found(self) -> dict[Definition, Mention]:
        found: dict[Definition, Mention] = {}
        for backbone in self._backbones():
            self._follow(backbone.name, backbone, found)
        for definition, mention in self._handed_to_libraries():
            found.setdefault(definition, mention)
            if self._may_follow(definition):
                self._follow(mention.backbone, definition, found)
        return found

    def _handed_to_libraries(self) -> Iterator[tuple[Definition, Mention]]:
        """``resnet18(norm_layer=make_norm)``: the library builds its network with that."""
        for made in self._flow.made_outside():
            network, call = library_model(made), made.spot.node
            if network is None or not isinstance(call, ast.Call):
                continue
            for argument in given_arguments(call):
                for definition in self._names.opened(self._flow.value_of(argument)):
                    yield definition, Mention(network, made.spot)

    def _backbones(self) -> Iterator[Class]:
        """Classes of which all that is decided is backbone."""
        roles = self._roles
        for cls in self._flow.classes:
            contexts = roles.contexts.get(cls, {})
            own = {
                because.role: because
                for slot in roles.family_slots(cls)
                if (because := roles.own.get(slot)) is not None
            }
            seen = {**contexts, **own}
            if (
                cls.is_module
                and Role.BACKBONE in seen
                and not seen[Role.BACKBONE].vague
                and not seen[Role.BACKBONE].is_guess
                and Role.NEW not in seen
                and Role.UNDECIDED not in own
                and not any(map(self._holds_new, roles.family_slots(cls)))
            ):
                yield cls

    def _holds_new(self, slot: Slot) -> bool:
        """Whether a layer of its own stands in an attribute beside parts of a network."""
        return any(
            isinstance(value, (Instance, NormLayer))
            and Role.NEW in self._roles.roles_in(slot, value)
            for value in self._roles.contents[slot]
        )

    def _follow(self, backbone: str, start: Definition, found: dict[Definition, Mention]) -> None:
        """Find what a definition of a backbone names, and what that names."""
        pending = [start]
        for one in pending:
            if one in self._followed:
                continue  # for another backbone
            self._followed.add(one)
            for definition, spot in self._names.of(one):
                if definition not in found and definition is not start:
                    found[definition] = Mention(backbone, spot)
                if definition not in self._followed and self._may_follow(definition):
                    pending.append(definition)

    def _may_follow(self, definition: Definition) -> bool:
        """Whether what it names is for those that name it, not for whoever asks a registry."""
        if isinstance(definition, Class):
            return not definition.is_registry and not any(
                because.role is not Role.BACKBONE
                for slot in self._roles.family_slots(definition)
                if (because := self._roles.own.get(slot)) is not None
            )
        if isinstance(definition, Variable):
            return True
        return not definition.name.startswith("build_from") and built_of(definition.node) is None
