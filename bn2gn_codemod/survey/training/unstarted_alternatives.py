"""Networks without any weights that may be in the place of a pretrained backbone.

``{"tiny": Tiny, "resnet": resnet50}[name]()``: a freeze does not know which of the two it gets,
and BatchNorm of the one would never learn anything. How the code chooses does not matter, as long
as the two are not seen to be there at once.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.because import Role, Slot, shown
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import library_model
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.statements.overridden_attributes import overwritten
from bn2gn_codemod.survey.values import Class, Function, Instance, NormLayer, Value
from bn2gn_codemod.survey.weights.evaluated.spoken_weights import handles_weights
from bn2gn_codemod.survey.weights.loaded_containers import LoadedContainers


class UnstartedAlternatives:
    """Tells them by an attribute that may hold the one and the other."""

    def __init__(self, flow: Flow, roles: RoleMap) -> None:
        self._flow = flow
        self._roles = roles
        self._containers = LoadedContainers(flow)
        self._calls = CallSites(flow)

    def objection(self, models: Iterable[Class]) -> str:
        """Why the backbones of models of these classes must not be frozen; ``""``: no reason."""
        models = list(models)
        if any(map(self._is_loaded, models)):
            return ""
        below = dict.fromkeys(slot for cls in models for slot in self._slots_below(cls))
        for slot in below:
            for network in self._beside_pretrained(slot):
                assert network.spot is not None
                name = network.class_.name if isinstance(network, Instance) else "BatchNorm"
                words = f"{shown(slot)} may hold {name} ({network.spot.where})"
                words = f"{words} instead, into which nothing loads weights: frozen, its BatchNorm"
                return f'{words} would never learn; to settle it: backbone = ["{shown(slot)}"]'
        return ""

    def _beside_pretrained(self, slot: Slot) -> Iterator[Instance | NormLayer]:
        because = self._roles.own.get(slot)
        is_open = because is not None and because.role is Role.BACKBONE
        if not is_open or self._roles.is_pinned(slot) or slot in self._roles.loads.of_slot:
            return
        if families.is_aside(slot[1]):
            return
        # What code puts into a network that is there is no other network.
        held = list(self._flow.values(self._flow.slots[slot]))
        pretrained = [value for value in held if self._is_pretrained(value)]
        gone = self._overwritten(slot) | self._together(held, pretrained) if pretrained else set()
        for value in held if pretrained else ():
            if (
                isinstance(value, (Instance, NormLayer))
                and value not in gone
                and value in self._roles.contents[slot]
                and self._may_be_alternative(slot, value)
                and not self._is_of_pretrained(value)
                and Role.UNDECIDED not in self._roles.roles_in(slot, value)
            ):
                yield value

    def _may_be_alternative(self, slot: Slot, value: Value) -> bool:
        """Whether the value has BatchNorm into which nothing may load weights."""
        if isinstance(value, NormLayer):
            # Of an ``nn.Sequential`` that is written out for this, and of no other network.
            holders = {cls for cls, _ in self._roles.held_in.get(value, ())}
            is_loaded = self._roles.where_loaded(value) or value in self._roles.loads.of_layer
            is_own = holders.issubset((*slot[0].ancestors(), *slot[0].descendants()))
            return value.is_called and is_own and not is_loaded
        return (
            isinstance(value, Instance)
            and value.spot is not None
            and not value.weak
            and self._starts_from_nothing(value.class_)
        )

    def _overwritten(self, slot: Slot) -> set[Value]:
        """What code stores in an attribute only to store something else there at once."""
        kin = dict.fromkeys((*slot[0].ancestors(), *slot[0].descendants()))
        given = {expr for one in kin for expr in overwritten(one, slot[1])}
        stays = {
            value
            for one in kin
            for method in one.methods.values()
            for store in method.attribute_stores.get(slot[1], ())
            if isinstance(store, ast.Assign) and store.value not in given
            for value in self._flow.value_of(store.value)
        }
        return {value for expr in given for value in self._flow.value_of(expr)} - stays

    def _together(self, held: list[Value], pretrained: list[Value]) -> set[Value]:
        """What one container holds with a pretrained network: both are there at once."""
        found: set[Value] = set()
        for container in held:
            places = [set(place) for place in self._containers.places(container)]
            own = [place for place in places if not place.isdisjoint(pretrained)]
            for place in places if own else ():
                if any(other is not place for other in own):
                    found |= place
        return found.difference(pretrained)

    def _is_pretrained(self, value: Value) -> bool:
        if isinstance(value, Instance):
            return self._roles.loads.best(value.class_) is not None
        return library_model(value) is not None

    def _is_of_pretrained(self, block: Instance | NormLayer) -> bool:
        """Whether a network that is loaded has made it for itself: ``resnet101().layer4``.

        Where the load fills the attribute that it is in, and every such network is loaded.
        """
        network = block.spot.function.enclosing_class if block.spot is not None else None
        if network is None or not families.is_network_class(network):
            return False
        slots = [
            slot
            for slot in self._roles.family_slots(network)
            if block in self._roles.contents[slot]
        ]
        return (
            bool(slots)
            and all(self._is_filled(slot) for slot in slots)
            and (
                self._roles.loads.best(network) is not None or network in self._roles.loads.resumed
            )
            and all(map(self._is_always_loaded, network.descendants()))
        )

    def _is_filled(self, slot: Slot) -> bool:
        because = self._roles.own.get(slot)
        return because is not None and because.role is Role.BACKBONE

    def _is_always_loaded(self, network: Class) -> bool:
        """Whether weights come to each object of a class, or it loads itself."""
        if any(self._flow.self_value(one) in self._receivers for one in network.ancestors()):
            return True
        made = [
            one
            for one in self._flow.instances.get(network, ())
            if one.spot is not None and self._may_be_called(one.spot.function)
        ]
        return all(one in self._receivers for one in made)

    def _may_be_called(self, function: Function) -> bool:
        is_plain = isinstance(function.node, ast.FunctionDef) and function.enclosing_class is None
        return not is_plain or bool(self._calls.of(function))

    @functools.cached_property
    def _receivers(self) -> set[Value]:
        """All that weights are loaded into."""
        calls = self._flow.load_calls
        return {value for call in calls for value in self._flow.values(call.receiver)}

    def _is_loaded(self, cls: Class) -> bool:
        """Whether weights that are no training that goes on come to all of a model."""
        return self._roles.loads.best(cls) is not None and not families.is_network_class(cls)

    def _starts_from_nothing(self, cls: Class) -> bool:
        """Whether a class has BatchNorm, and nothing that may put weights into any of it."""
        loads, held = self._roles.loads, self._roles.contents
        slots = self._slots_below(cls)
        values = [value for slot in slots for value in held[slot]]
        inside = {cls, *(one.class_ for one in values if isinstance(one, Instance))}
        kin = {one for part in inside for one in (*part.ancestors(), *part.descendants())}
        layers = [one for one in values if isinstance(one, NormLayer)]
        return (
            bool(layers)
            and not any(map(self._roles.where_loaded, layers))
            and not any(one in loads.of_class or one in loads.resumed for one in kin)
            and not any(slot in loads.of_slot for slot in slots)
            and not any(library_model(one) or one in loads.of_layer for one in values)
            and not any(handles_weights(one.module, one.node) for one in kin)
        )

    def _slots_below(self, cls: Class) -> list[Slot]:
        """The attributes of a class, and of what they hold, however deep."""
        found: dict[Slot, None] = {}
        pending = [cls]
        for one in pending:
            for owner in one.ancestors():
                for slot in self._roles.slots_of.get(owner, ()):
                    found[slot] = None
                    for value in self._roles.contents[slot]:
                        if isinstance(value, Instance) and value.class_ not in pending:
                            pending.append(value.class_)
        return list(found)
