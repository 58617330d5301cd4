"""Networks without any weights that a branch puts in the place of a pretrained backbone.

``if name == "tiny": backbone = tiny()``, and a network of torchvision under ``else``: a freeze
does not know which of the two it gets, and BatchNorm of the one would never learn anything.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.because import Role, Slot, shown
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import library_model
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.syntax.nodes import flat, walk
from bn2gn_codemod.survey.values import Class, Instance, NormLayer, Value
from bn2gn_codemod.survey.weights.checkpoint_members import handles_weights

_Branch = list[ast.stmt]


class UnstartedAlternatives:
    """Tells them by the branches that make the one and the other."""

    def __init__(self, flow: Flow, roles: RoleMap) -> None:
        self._flow = flow
        self._roles = roles

    def objection(self, models: Iterable[Class]) -> str:
        """Why the backbones of models of these classes must not be frozen; ``""``: no reason."""
        models = list(models)
        if any(map(self._is_loaded, models)):
            return ""
        below = dict.fromkeys(slot for cls in models for slot in self._slots_below(cls))
        for slot in below:
            for network in self._beside_pretrained(slot):
                assert network.spot is not None
                words = f"{shown(slot)} may hold {network.class_.name} ({network.spot.where})"
                words = f"{words} instead, into which nothing loads weights: frozen, its BatchNorm"
                return f'{words} would never learn; to settle it: backbone = ["{shown(slot)}"]'
        return ""

    def _beside_pretrained(self, slot: Slot) -> Iterator[Instance]:
        because = self._roles.own.get(slot)
        is_open = because is not None and because.role is Role.BACKBONE
        if not is_open or self._roles.is_pinned(slot) or slot in self._roles.loads.of_slot:
            return
        if families.is_aside(slot[1]):
            return
        held = self._roles.contents[slot]
        pretrained = [value for value in held if self._is_pretrained(value)]
        for value in held if pretrained else ():
            if (
                isinstance(value, Instance)
                and value.spot is not None
                and not value.weak
                and not self._is_of_pretrained(value)
                and self._starts_from_nothing(value.class_)
                and any(_parts(value, pretrained, self._flow, *pair) for pair in self._branches)
            ):
                yield value

    def _is_pretrained(self, value: Value) -> bool:
        if isinstance(value, Instance):
            return self._roles.loads.best(value.class_) is not None
        return library_model(value) is not None

    def _is_of_pretrained(self, block: Instance) -> bool:
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
            and self._roles.loads.best(network) is not None
            and all(map(self._is_always_loaded, network.descendants()))
        )

    def _is_filled(self, slot: Slot) -> bool:
        because = self._roles.own.get(slot)
        return because is not None and because.role is Role.BACKBONE

    def _is_always_loaded(self, network: Class) -> bool:
        """Whether weights come to each object of a class, or it loads itself."""
        if any(self._flow.self_value(one) in self._receivers for one in network.ancestors()):
            return True
        made = [one for one in self._flow.instances.get(network, ()) if one.spot is not None]
        return all(one in self._receivers for one in made)

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

    @functools.cached_property
    def _branches(self) -> list[tuple[_Branch, _Branch]]:
        """What runs where a condition holds, and what runs where it does not; and the reverse."""
        found: list[tuple[_Branch, _Branch]] = []
        for module in self._flow.modules:
            for node in walk(module.tree):
                for block in (getattr(node, "body", None), getattr(node, "orelse", None)):
                    if isinstance(block, list):  # not that of a lambda
                        found += _pairs(block)
        return found


def _pairs(block: _Branch) -> Iterator[tuple[_Branch, _Branch]]:
    for index, one in enumerate(block):
        if isinstance(one, ast.If):
            ends = isinstance(one.body[-1], ast.Return)
            rest = block[index + 1 :] if ends and not one.orelse else one.orelse
            yield one.body, rest
            yield rest, one.body


def _parts(
    network: Instance, pretrained: list[Value], flow: Flow, here: _Branch, there: _Branch
) -> bool:
    """Whether one branch gives something the network, and the other one what is pretrained."""
    named = {target for target, value in _given(here) if network in flow.value_of(value)}
    if not named or named.isdisjoint(target for target, _ in _given(there)):
        return False
    mine, others = _made(flow, here), _made(flow, there)
    return network not in others and any(one in others and one not in mine for one in pretrained)


def _given(branch: _Branch) -> Iterator[tuple[str, ast.expr]]:
    """``name = value``, and ``return value``, for which there is no name."""
    for statement in flat(branch):
        match statement:
            case ast.Assign(targets=[target], value=value):
                yield ast.unparse(target), value
            case ast.Return(value=ast.expr() as value):
                yield "", value
            case _:
                pass


def _made(flow: Flow, branch: _Branch) -> set[Value]:
    """What the calls in a branch give."""
    calls = (one for statement in branch for one in walk(statement) if isinstance(one, ast.Call))
    return {value for call in calls for value in flow.value_of(call)}
