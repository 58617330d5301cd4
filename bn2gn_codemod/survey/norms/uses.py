"""Where a norm class is handed on to, and what could stand in its place there."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from bn2gn_codemod.norm_signatures import unsupported_arguments
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known.local_norms import activation_of, torch_base
from bn2gn_codemod.survey.known.norm_classes import is_asked_for, is_norm_class
from bn2gn_codemod.survey.norms.empty_keywords import EmptyKeywords
from bn2gn_codemod.survey.norms.forwards import own_forward
from bn2gn_codemod.survey.norms.functions import NormFunctions
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    Entries,
    External,
    FunctionValue,
    NormClass,
    NormLayer,
    Spot,
    Text,
    Value,
)


class NormUses:
    """What follows from a name that holds a norm class."""

    def __init__(self, flow: Flow, asked_for: frozenset[str], roles: RoleMap) -> None:
        self._flow = flow
        self._asked_for = asked_for
        self._roles = roles
        self._functions = NormFunctions(flow)
        self._empty = EmptyKeywords(flow)
        self._below: dict[NormClass, list[NormClass]] = {}
        self._layers: dict[NormClass, list[NormLayer]] = {}

    def below(self, norm: NormClass) -> list[NormClass]:
        """The name and all places that it is passed on to."""
        known = self._below.get(norm)
        if known is None:
            known = self._below[norm] = list(reached([norm]))
        return known

    def layers(self, norm: NormClass) -> list[NormLayer]:
        """The layers that are made of it, in the order of the source."""
        known = self._layers.get(norm)
        if known is None:
            found = [layer for current in self.below(norm) for layer in self.own_layers(current)]
            known = self._layers[norm] = sorted(found, key=_layer_order)
        return known

    def own_layers(self, norm: NormClass) -> list[NormLayer]:
        """The layers that are made of it by that very name."""
        return [layer for layer in norm.layers if layer not in self._roles.patterns]

    def made_instead(self, norm: NormClass) -> Iterator[tuple[str, NormLayer]]:
        """The layers of what else may be called by the name: functions, and modules around one.

        Each with the name of what makes it.
        """
        node = norm.spot.node
        if not isinstance(node, ast.expr):
            return
        for value in self._flow.value_of(node):
            name, found = "", list[Value]()
            if isinstance(value, FunctionValue) and not self._functions.is_named_by(value, node):
                name, found = value.function.name, self._functions.given(value.function)
            elif isinstance(value, ClassValue):
                slots = self._roles.family_slots(value.class_)
                name = value.class_.name
                found = [held for slot in slots for held in self._roles.contents[slot]]
            layers = (held for held in found if isinstance(held, NormLayer))
            yield from ((name, layer) for layer in layers if layer.is_called)

    def children(self, norm: NormClass) -> list[NormClass]:
        """The next places that it is passed on to, in the order of the source."""
        return sorted((child for child in norm.children if child is not norm), key=source_order)

    def is_asked_for(self, norm: NormClass) -> bool:
        """Whether the setting ``norms`` names its class, or the class that it stands in for."""
        return is_asked_for(norm.norm, self._asked_for)

    def refusal(self, norm: NormClass) -> str | None:
        """Why the name cannot be replaced by the helper's, or ``None``."""
        activation = self.activation(norm)
        if activation is not None:
            return f"{norm.norm} also applies {activation}, which GroupNorm would leave out"
        if norm.local_class is not None and _has_own_arguments(norm.local_class):
            return f"{norm.norm} is this repository's own class with its own arguments"
        forward = own_forward(norm.local_class) if norm.local_class is not None else None
        if forward is not None:
            return f"{norm.norm} is this repository's own class, {forward}"
        if norm.function is not None and norm.context not in ("base", "other"):
            reason = self._functions.refusal(norm.function)
            if reason is not None:
                return reason
        if not _is_written_out(norm.spot.node):
            return f"what says {norm.norm} is a string that is computed: replace it by hand"
        if norm.context == "callee":
            call = _call_of(norm)
            if call is None:
                return None
            if norm.function is not None and (len(call.args) != 1 or call.keywords):
                return f"the call hands {norm.function.name} more than the channels"
            if self.unpacks_nothing(norm):  # the name alone is replaced
                return _helper_call_refusal(self._empty.without(call, norm.spot))
            return unsupported_arguments(call)
        if isinstance(norm.spot.node, ast.Call):
            return f"{norm.norm} is named by a string"
        return self._not_accepted(norm)

    def unpacks_nothing(self, norm: NormClass) -> bool:
        """Whether the call of the name ends in keywords that are certain to be none."""
        call = _call_of(norm)
        return call is not None and self._empty.without(call, norm.spot) is not call

    def activation(self, norm: NormClass) -> str | None:
        """What a layer that is made of it does beside normalising, in words."""
        for layer in self.layers(norm):
            if not may_activate(layer.norm):
                continue
            own = [layer.spot.node] if isinstance(layer.spot.node, ast.Call) else []
            for bound in _bound_above(layer.norm):
                found = activation_of(layer.norm.norm, layer.norm.local_class, [*own, *bound])
                if found is not None:
                    return found
        return None

    def is_editable(self, norm: NormClass, *, is_default: bool = False) -> bool:
        """Whether one use of a name can be replaced, whatever the name holds elsewhere.

        ``is_default``: it is a function that makes norm layers, as the default of a parameter.
        """
        return (
            (norm.context in ("callee", "argument", "partial") or is_default)
            and not self._may_be_other(norm)
            and not _comes_bound(norm)
            and self.refusal(norm) is None
        )

    def _may_be_other(self, norm: NormClass) -> bool:
        """Whether the name may also hold something that is no norm class, or not to be changed."""
        node = norm.spot.node
        if not isinstance(node, ast.expr):
            return True
        # ``BatchNorm2d(c)`` is one, whichever implementation goes by that name.
        reads_as_one = norm.context == "callee" and is_norm_class(ast.unparse(node))
        return any(
            not self.is_asked_for(value) or self.activation(value) is not None
            if isinstance(value, NormClass)
            else not isinstance(value, (Text, Entries))
            and not (reads_as_one and _is_implementation(value))
            and not (isinstance(value, FunctionValue) and self._functions.is_named_by(value, node))
            for value in self._flow.value_of(node)
        )

    def _not_accepted(self, norm: NormClass) -> str | None:
        """Why a use below would not survive a function in the class's place: the first one."""
        # What calls a function whose layers change goes on to call that function.
        uses = (use for use in self.below(norm) if use.function is norm.function)
        for use in sorted(uses, key=source_order):
            for refusal in sorted(use.refusals):
                return f"{norm.norm} {refusal}"
            reason = self._use_refusal(use, is_first=use is norm)
            if reason is not None:
                return f"{use.spot.where}: {reason}"
        return None

    def _use_refusal(self, use: NormClass, *, is_first: bool) -> str | None:
        if not is_first and use.context == "other":
            return f"{use.norm} is compared or tested there"
        if not is_first and use.context == "partial":
            return "it is wrapped in partial() there"
        for layer in sorted(use.layers, key=_layer_order):
            if isinstance(layer.spot.node, ast.Call):
                call = self._empty.without(layer.spot.node, layer.spot)
                reason = _helper_call_refusal(call)
                if reason is not None:
                    return reason
        return None


def _is_implementation(value: Value) -> bool:
    """Whether a class is a BatchNorm of another kind by its name, such as InPlaceABNSync."""
    match value:
        case ClassValue(class_=cls):
            return "BN" in cls.name
        case External(name=name):
            return "BN" in name.rpartition(".")[2]
        case _:
            return False


def reached(
    start: Iterable[NormClass], changed: frozenset[NormClass] = frozenset()
) -> dict[NormClass, None]:
    """The names and all places that they are passed on to, short of those that are changed."""
    found = dict.fromkeys(norm for norm in start if norm not in changed)
    pending = list(found)
    while pending:
        for child in pending.pop().children:
            if child not in found and child not in changed:
                found[child] = None
                pending.append(child)
    return found


def spots_of(norms: Iterable[NormClass]) -> frozenset[Spot]:
    """Where layers are made by one of these names."""
    return frozenset(layer.spot for norm in norms for layer in norm.layers)


def _comes_bound(norm: NormClass) -> bool:
    """Whether ``partial(nn.BatchNorm2d, eps=1e-3)`` above gives the name its arguments."""
    above = dict.fromkeys(norm.parents)
    pending = list(above)
    for current in pending:
        pending.extend(one for one in current.parents if one not in above)
        above.update(dict.fromkeys(current.parents))
    return any(one.is_bound for one in above)


def may_activate(norm: NormClass) -> bool:
    """Whether it may be a class that does more than normalise."""
    return norm.local_class is not None or "ABN" in norm.norm


def _bound_above(norm: NormClass) -> Iterator[list[ast.Call]]:
    """What partial() binds, on each way on which the name came here."""
    seen: set[NormClass] = set()
    pending = [norm]
    while pending:
        one = pending.pop()
        if one in seen:
            continue
        seen.add(one)
        if one.bound:
            yield list(one.bound)
        elif one.parents:
            pending.extend(one.parents)
        else:
            yield []


def _has_own_arguments(cls: Class) -> bool:
    """Whether the arguments of a class need not be those of BatchNorm."""
    owners = [cls] if torch_base(cls) is not None else cls.ancestors()
    return any("__init__" in owner.methods for owner in owners)


def source_order(norm: NormClass) -> tuple[str, int, int]:
    """By file, line and column."""
    return norm.spot.module.path, norm.spot.node.lineno, norm.spot.node.col_offset


def _is_written_out(node: ast.AST) -> bool:
    """Whether a name, or a lookup such as ``getattr(nn, "BatchNorm2d")``, says what it means."""
    match node:
        case ast.Call(args=[*_, ast.Constant()]) | ast.Subscript(slice=ast.Constant()):
            return True
        case ast.Call() | ast.Subscript():
            return False
        case _:
            return True


def _call_of(norm: NormClass) -> ast.Call | None:
    for layer in norm.layers:
        if isinstance(layer.spot.node, ast.Call) and layer.spot.node.func is norm.spot.node:
            return layer.spot.node
    return None


def _helper_call_refusal(call: ast.Call) -> str | None:
    """Why ``get_group_norm`` would not take these arguments as they stand."""
    reason = unsupported_arguments(call)
    if reason is not None:
        return reason
    if len(call.args) > 1:
        return "the call passes more than the channels by position"
    for keyword in call.keywords:
        if keyword.arg not in ("eps", "affine"):
            return f"the call passes {keyword.arg}="
    return None


def _layer_order(layer: NormLayer) -> tuple[str, int, int]:
    return layer.spot.module.path, layer.spot.node.lineno, layer.spot.node.col_offset
