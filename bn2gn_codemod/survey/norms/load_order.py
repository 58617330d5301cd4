"""Whether code that goes over a model runs after pretrained weights were loaded into it."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeGuard

from bn2gn_codemod.survey.because import Role
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_order import CallOrder, Event, about
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.known.library_models import holds_library_norms, library_model
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.held_layers import HeldLayers
from bn2gn_codemod.survey.statements.counted_loops import counted_loops
from bn2gn_codemod.survey.statements.newest_value import newest_value
from bn2gn_codemod.survey.statements.parts_left_out import left_out_at
from bn2gn_codemod.survey.statements.run_conditions import Conditions, conditions_at
from bn2gn_codemod.survey.syntax.nodes import is_off, walk
from bn2gn_codemod.survey.values import (
    Class,
    ExternalObject,
    Function,
    Instance,
    Lost,
    NormLayer,
    Spot,
    TupleValue,
    Value,
)
from bn2gn_codemod.survey.weights.loads import Load

_MODULES = (Instance, ExternalObject, NormLayer)


class _Load(NamedTuple):
    """Pretrained weights end up in a part of a model."""

    words: str
    function: Function
    node: ast.expr | ast.stmt


class LoadOrder:
    """Orders pretrained loads and the code that might undo them."""

    def __init__(self, flow: Flow, roles: RoleMap, held: HeldLayers) -> None:
        self._flow = flow
        self._roles = roles
        self._held = held
        self._order = CallOrder(flow, CallSites(flow))
        self._load_events: dict[_Load, list[Event]] = {}
        self._class_loads: dict[tuple[Class, bool], list[_Load]] = {}
        self._networks: dict[tuple[Class, bool], list[Instance]] = {}
        self._handed: dict[ast.Call, frozenset[_Load] | None] = {}
        self._from_elsewhere: dict[Function, frozenset[_Load] | None] = {}

    def overwritten(self, values: Iterable[Value], function: Function, node: ast.stmt) -> str:
        """The pretrained part of what ``values`` hold that was loaded before ``node`` ran.

        ``""`` if there is none. ``self`` is looked at as each class that it may be of.
        """
        if self._leaves_backbone_out(function, node):
            return ""
        seen: set[tuple[Class, bool]] = set()  # objects of one class hold the same
        found: list[tuple[int, str]] = []
        for value in values:
            whole: list[tuple[Value, Class | None]] = [(value, None)]
            if isinstance(value, Instance):
                key = value.class_, value.spot is None
                if key in seen:
                    continue
                seen.add(key)
                if value.spot is None:
                    whole = [(_made(cls), cls) for cls in value.class_.descendants()]
            for one, of in whole:
                found.extend(self._overwritten(self._held.below([one]), of, function, node))
        # Far apart there is more that the two may have nothing to do with each other.
        return min(found, key=lambda one: one[0], default=(0, ""))[1]

    def loads_in(self, cls: Class) -> Iterator[str]:
        """The loads into a model of a class and what it holds, in the words of the others."""
        for load in self._all_loads(self._held.below([_made(cls)])):
            yield load.words

    def conditions_in(
        self, parts: Iterable[Value], owners: Iterable[Value], function: Function
    ) -> list[Conditions]:
        """What must be so for each load into parts or into what has them, and all around them.

        As the calls in a function come to it. What each epoch loads, into a model that was made
        before the first one, is none that training starts with.
        """
        owners = list(owners)
        return [
            event.conditions
            for load in self._all_loads([*self._held.below(parts), *owners])
            for event in self._events_of(load)
            if event.function is function and not self._is_repeated(event, owners)
        ]

    def places(
        self, parts: Iterable[Value], owners: Iterable[Value], loads: Iterable[Load]
    ) -> list[tuple[Function, ast.AST]]:
        """Where weights go into parts, or into what has them, and where the loads stand."""
        found = self._all_loads([*self._held.below(parts), *owners])
        known = {load.where for load in loads}
        spots = [spot for where, spot in self._load_spots if where in known]
        return [
            *((load.function, load.node) for load in found),
            *((spot.function, spot.node) for spot in spots),
        ]

    def conditions_of(self, load: Load) -> list[Conditions]:
        """What must be so where a load stands."""
        spots = (spot for where, spot in self._load_spots if where == load.where)
        return [conditions_at(spot.function, spot.node) for spot in spots]

    def _is_repeated(self, event: Event, owners: Iterable[Value]) -> bool:
        """Whether a load is run again and again, for one and the same model."""
        made = {owner.class_ for owner in owners if isinstance(owner, Instance)}
        loop = next(counted_loops(event.function, event.node), None)
        return loop is not None and not any(
            loop.lineno <= call.lineno <= (loop.end_lineno or loop.lineno)
            and self._holds_any(call, made)
            and not any(self._holds_any(given, made) for given in about(call))
            for _, call in self._flow.calls_in.get(event.function, ())
        )

    def _holds_any(self, expr: ast.expr, classes: set[Class]) -> bool:
        held = self._flow.value_of(expr)
        return any(isinstance(one, Instance) and one.class_ in classes for one in held)

    def _overwritten(
        self, values: Iterable[Value], of: Class | None, function: Function, node: ast.stmt
    ) -> Iterator[tuple[int, str]]:
        for load in self._all_loads(values):
            hands = functools.partial(self._hands, load)
            holds = functools.partial(self._holds, load)
            mine = list(self._order.events(function, node, of, hands, holds))
            distance = self._order.distance_before(self._events_of(load), mine)
            if distance is not None:
                yield distance, load.words

    def _hands(self, load: _Load, caller: Function, call: ast.Call) -> bool:
        """Whether a call hands over what was loaded there, as far as can be seen."""
        if call not in self._handed:
            self._handed[call] = self._loads_handed(caller, call)
        handed = self._handed[call]
        return handed is None or load in handed

    def _loads_handed(self, caller: Function, call: ast.Call) -> frozenset[_Load] | None:
        """The loads into what a call is about; ``None`` where that was not followed."""
        if self._leaves_backbone_out(caller, call):
            return frozenset()
        modules: list[Value] = []
        for expr in about(call):
            found = self._newest_values(caller, call, expr)
            if not isinstance(expr, ast.Constant) and not found:
                return None
            if any(isinstance(value, (Lost, TupleValue)) for value in found):
                return None
            modules.extend(value for value in found if isinstance(value, _MODULES))
        if not modules:
            return None
        return frozenset(self._all_loads(self._held.below(modules)))

    def _holds(self, load: _Load, init: Function) -> bool:
        """Whether an object may be made with what was loaded there before, not in its making."""
        if init not in self._from_elsewhere:
            self._from_elsewhere[init] = self._loads_from_elsewhere(init)
        found = self._from_elsewhere[init]
        return found is None or load in found

    def _loads_from_elsewhere(self, init: Function) -> frozenset[_Load] | None:
        """The loads into what a constructor is handed, or its class knows by a global name."""
        given = init.parameters - {init.first_parameter}
        nodes = [self._flow.name_node(init, name) for name in sorted(given)]
        nodes += [node for _, node in sorted(self._flow.extras.get(init, {}).items())]
        top = self._flow.top_level[init.module.path]
        methods = init.class_.methods.values() if init.class_ is not None else ()
        named = {one.id for method in methods for one in walk(method.node) if _is_read(one)}
        nodes += [self._flow.name_node(top, name) for name in sorted(named & top.locals)]
        values = [value for node in nodes for value in self._flow.values(node)]
        if any(isinstance(value, (Lost, TupleValue)) for value in values):
            return None
        modules = [value for value in values if isinstance(value, _MODULES)]
        return frozenset(self._all_loads(self._held.below(modules)))

    def _leaves_backbone_out(self, function: Function, node: ast.AST) -> bool:
        """Whether all that is backbone in a model is left out by its name on the way to a node."""
        for left_out in left_out_at(function.node, node):
            models = [v for v in self._flow.value_of(left_out.model) if isinstance(v, Instance)]
            if models and all(self._is_all_backbone_named(left_out.text, one) for one in models):
                return True
        return False

    def _is_all_backbone_named(self, text: str, model: Instance) -> bool:
        own = self._roles.own
        backbone = {
            name
            for cls, name in self._held.slots(model)
            if (cls, name) in own and own[cls, name].role is Role.BACKBONE
        }
        return bool(backbone) and all(text in name for name in backbone)

    def _newest_values(self, caller: Function, call: ast.Call, expr: ast.expr) -> list[Value]:
        newest = newest_value(caller.node, call, expr)
        found = list(self._flow.value_of(newest)) if newest is not None else []
        return found or list(self._flow.value_of(expr))

    def _events_of(self, load: _Load) -> list[Event]:
        known = self._load_events.get(load)
        if known is None:
            known = list(self._order.events(load.function, load.node))
            self._load_events[load] = known
        return known

    # ------------------------------------------------------------- loading

    def _all_loads(self, values: Iterable[Value]) -> dict[_Load, None]:
        found: dict[_Load, None] = {}
        for value in values:
            found.update(dict.fromkeys(self._loads(value)))
            if isinstance(value, Instance) and not value.weak:
                for network in self._networks_in(value):
                    found.update(dict.fromkeys(self._loads(network)))
        return found

    def _networks_in(self, value: Instance) -> Iterator[Instance]:
        """The networks that were taken apart for what an object holds."""
        key = value.class_, value.spot is None
        if key not in self._networks:
            found = {
                self._roles.network_of(slot, one): None
                for slot in self._held.slots(value)
                for one in self._roles.contents[slot]
                if isinstance(one, (Instance, NormLayer))
            }
            self._networks[key] = [_made(cls) for cls in found if cls is not None]
        yield from self._networks[key]

    def _loads(self, value: Value) -> Iterator[_Load]:
        name = library_model(value)
        has_norms = name is not None and holds_library_norms(value)
        if name is not None and has_norms and isinstance(value, ExternalObject):
            call = value.spot.node
            if isinstance(call, ast.Call) and _asks_for_weights(call, name):
                where = f"{name} ({value.spot.where})"
                yield _Load(where, value.spot.function, call)
        if isinstance(value, Instance) and not value.weak:
            key = value.class_, value.spot is None
            if key not in self._class_loads:
                self._class_loads[key] = list(self._loads_of(value))
            yield from self._class_loads[key]

    def _loads_of(self, value: Instance) -> Iterator[_Load]:
        places = {
            (cls, load.where)
            for cls in value.class_.ancestors()
            for load in self._roles.loads.of_class.get(cls, ())
        }
        if not places or not any(map(self._held.is_kept, self._held.below([value]))):
            return
        for cls in value.class_.ancestors():
            for where, spot in self._load_spots:
                if (cls, where) in places:
                    yield _Load(f"{cls.name} ({where})", spot.function, spot.node)

    @functools.cached_property
    def _load_spots(self) -> list[tuple[str, Spot]]:
        return [(load.spot.where, load.spot) for load in self._flow.load_calls]


def _is_read(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)


def _made(cls: Class) -> Instance:
    """An object of this class and of no other."""
    anywhere = Function("", cls.module, cls.module.tree)
    return Instance(cls, Spot(cls.module, cls.node, anywhere))


def _asks_for_weights(call: ast.Call, name: str) -> bool:
    """Whether a library's model is made with its weights, as far as can be seen."""
    for keyword in call.keywords:
        if keyword.arg is not None and ("pretrained" in keyword.arg or "weights" in keyword.arg):
            if not is_off(keyword.value):
                return True
            if keyword.arg != "weights_backbone":
                return False
    if name.startswith(("torchvision", "timm", "torch.hub")):
        # Without the argument these come untrained; it may also be the first one.
        return any(
            not (isinstance(argument, ast.Constant) and argument.value is not True)
            for argument in call.args[(0 if name.startswith("torchvision") else 1) :]
        )
    return True
