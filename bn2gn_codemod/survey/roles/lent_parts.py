"""Attributes that hold parts of a network beside layers that their class makes itself.

``self.decoder = nn.Sequential(*list(resnet.children())[4:], Up(64))``: the parts were
lent, with the weights that came with them; nothing was loaded into the others.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable

from bn2gn_codemod.survey.because import Because, Role, Slot, shown
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import is_built_backbone, library_model
from bn2gn_codemod.survey.roles.put_beside import PutBeside
from bn2gn_codemod.survey.statements.guarding_tests import guarding_tests
from bn2gn_codemod.survey.values import Class, ExternalObject, Instance, NormLayer, Value
from bn2gn_codemod.survey.weights.declined.declined_weights import DeclinedWeights
from bn2gn_codemod.survey.weights.resumed.resumed_training import is_resumed


class LentParts:
    """Tells lent parts and own layers of one attribute apart.

    ``load_of`` gives the pretrained weights that are loaded into a class, if any are.
    """

    def __init__(self, flow: Flow, load_of: Callable[[Class], object]) -> None:
        self._flow = flow
        self._load_of = load_of
        self._beside = PutBeside(flow)
        self._declined = DeclinedWeights(flow)
        self._slots: set[Slot] = set()

    def add(self, slot: Slot) -> None:
        """The attribute is a backbone for what it holds of another network."""
        self._slots.add(slot)

    def beside(self, slot: Slot, value: Instance | NormLayer) -> Because | None:
        """What speaks against a layer's being one of the lent parts of the attribute."""
        cls, name = slot
        if slot not in self._slots or families.is_backbone_attribute(name):
            return None
        if value.spot is None or value.spot.function.enclosing_class not in cls.ancestors():
            return None
        if isinstance(value, Instance) and (
            # One of several networks that may be there, rather than a part beside parts.
            (families.may_be_backbone_attribute(name) and not self._beside.holds(value, cls))
            or value.weak
            or self._load_of(value.class_) is not None
        ):
            return None
        words = f"{cls.name} makes a layer of its own for {shown(slot)}"
        if families.has_certainly_new_word(name) and not self._is_loaded(cls):
            return Because(Role.NEW, f"{words}, beside parts of another network")
        return Because(Role.UNDECIDED, f"{words}, and nothing is seen to load weights into it")

    def put_beside(self, slot: Slot, value: Instance | NormLayer) -> Because | None:
        """The same under any name, and of what a function makes: both are there at once."""
        if slot not in self._slots or value.spot is None or not self._beside.holds(value, slot[0]):
            return None
        if isinstance(value, Instance) and (value.weak or self._load_of(value.class_) is not None):
            return None
        words = f"{value.spot.scope} puts a layer of its own beside what is pretrained in"
        words = f"{words} {shown(slot)}, and nothing is seen to load weights into it"
        return Because(Role.UNDECIDED, words)

    def beside_in_library(self, slot: Slot, part: ExternalObject) -> Because | None:
        """The same of a block of a library: ``self.layer1[0] = BasicBlock(64, 64)``."""
        if slot not in self._slots or library_model(part) is not None:
            return None
        made = part.spot.node
        if isinstance(made, ast.expr) and any(
            isinstance(one, Instance) for one in self._flow.value_of(made)
        ):
            return None  # of a registry: encoders[name](**options)
        words = f"{shown(slot)} holds {part.name} ({part.spot.where}) beside what is pretrained"
        return Because(Role.UNDECIDED, f"{words}, and nothing is seen to load weights into it")

    def holds_untrained(self, slot: Slot, value: Value) -> bool:
        """Whether the value is a library's network that no weights ever come into.

        Where the attribute may be the backbone, they may come with the whole model's.
        """
        return (
            families.has_new_word(slot[1])
            and self.is_never_filled(slot, value)
            and not self._is_loaded(slot[0])
        )

    def is_never_filled(self, slot: Slot, value: Value) -> bool:
        """Whether a library's network is asked for without weights, and is given none itself."""
        return (
            isinstance(value, ExternalObject)
            and library_model(value) is not None
            and self._declined.are_for(slot, value)
            and not self.is_loaded(value)
        )

    def is_loaded(self, value: Value) -> bool:
        """Whether weights are loaded into the value itself, from whatever."""
        return value in self._receivers

    def is_started(self, value: Value) -> bool:
        """The same, where a load counts only if it does not say that it resumes a training."""
        return value in self._starts

    def is_started_for_certain(self, value: ExternalObject) -> bool:
        """Whether code that makes a network, or goes on with it, loads it in any case.

        A method that nobody may call does not say so, nor does ``if args.weights: ...``.
        """
        return any(
            call.spot.function is value.spot.function
            or call.spot.function.enclosing_class is None
            or call.spot.function.name == "__init__"
            for call in self._starts.get(value, ())
            if not any(True for _ in guarding_tests(call.spot.function, call.spot.node))
        )

    def _is_loaded(self, cls: Class) -> bool:
        return any(self._load_of(one) is not None for one in cls.descendants())

    def is_started_by_kind(self, value: Value) -> bool:
        """Whether it is started only where the model is said to be of a certain kind.

        ``if self.arch == "inception": net.load_state_dict(...)``: others get no weights there.
        """
        calls = self._starts.get(value, ())
        return bool(calls) and all(map(_asks_for_kind, calls))

    @functools.cached_property
    def _receivers(self) -> set[Value]:
        """All that weights are loaded into."""
        calls = self._flow.load_calls
        return {value for call in calls for value in self._flow.values(call.receiver)}

    @functools.cached_property
    def _starts(self) -> dict[Value, list[LoadCall]]:
        found: dict[Value, list[LoadCall]] = {}
        copies: list[LoadCall] = []
        for call in self._flow.load_calls:
            if is_resumed(self._flow, call):
                continue
            if self._copied_from(call):
                copies.append(call)
                continue
            for value in self._flow.values(call.receiver):
                found.setdefault(value, []).append(call)
        self._follow(copies, found)
        return found

    def _follow(self, copies: list[LoadCall], found: dict[Value, list[LoadCall]]) -> None:
        """Add what is copied from one network into another, where weights come to the first."""
        left = len(copies) + 1
        while len(copies) < left:
            left = len(copies)
            started = [
                call for call in copies if any(one in found for one in self._copied_from(call))
            ]
            copies = [call for call in copies if call not in started]
            for call in started:
                for value in self._flow.values(call.receiver):
                    found.setdefault(value, []).append(call)

    def _copied_from(self, call: LoadCall) -> list[Value]:
        """What toolboxes have built of configs, where a copy takes from nothing but that."""
        given = [value for node in call.weights for value in self._flow.values(node)]
        return given if all(map(is_built_backbone, given)) else []


def _asks_for_kind(call: LoadCall) -> bool:
    """Whether it stands under a test that compares a name with a string."""
    return any(
        isinstance(test, ast.Compare)
        and isinstance(test.ops[0], (ast.Eq, ast.In))
        and any(
            isinstance(side, ast.Constant) and isinstance(side.value, str)
            for side in (test.left, *test.comparators)
        )
        for test in guarding_tests(call.spot.function, call.spot.node)
    )
