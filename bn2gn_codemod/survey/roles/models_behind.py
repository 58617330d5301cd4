"""Models that a script trains on what a pretrained model gives, and that no class holds together.

``features = encoder(images)``, then ``decoder(features)``: in one class the decoder would stand
beside a backbone. Here they are variables of a script, or parts of a trainer that is no module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from bn2gn_codemod.survey.because import Because, Role
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.keyed_parts import KeyedParts
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.roles.evidence import Evidence
from bn2gn_codemod.survey.roles.filled_models import FilledModels
from bn2gn_codemod.survey.roles.trained_objects import TrainedObjects
from bn2gn_codemod.survey.statements.given_on import calls_on_what_is_given
from bn2gn_codemod.survey.values import (
    Class,
    ExternalObject,
    Function,
    Instance,
    Value,
)


class ModelsBehind:
    """Finds models that are new for the model in front of them."""

    def __init__(self, contents: Contents, evidence: Evidence, filled: FilledModels) -> None:
        self._contents = contents
        self._evidence = evidence
        self._filled = filled
        self._flow = contents.flow
        self._parts = KeyedParts(contents.flow)
        self._loaded: dict[Class, bool] = {}

    def judge(self) -> None:
        """Decide their attributes, in :attr:`Evidence.own`."""
        single = {cls for cls in self._flow.classes if self._is_single(cls)}
        if not single:
            return
        behind = self._find(single)
        trained = TrainedObjects(self._flow, self._parts).among(behind) if behind else set()
        for cls, because in behind.items():
            if cls in trained:
                for slot in self._contents.slots_of[cls]:
                    self._evidence.own.setdefault(slot, because)

    def _is_single(self, cls: Class) -> bool:
        """Whether a class is a whole model of which nothing is known, and no known network."""
        made = self._flow.instances.get(cls, ())
        holders = self._contents.holders.get(cls, ())
        return (
            cls.is_module
            and bool(made)
            and bool(self._contents.slots_of.get(cls))
            and not any(one.weak for one in made)
            and not cls.is_parallel_wrapper
            and cls.descendants() == [cls]
            # A base class that is not here may have a load of its own.
            and all(base.startswith("torch.nn.") for base in cls.external_bases)
            and all(slot[0].is_parallel_wrapper for slot in holders)
            and not any(slot in self._evidence.own for slot in self._contents.family_slots(cls))
            and not families.is_network_class(cls)
            and self._evidence.members.family(cls) is None
            and self._evidence.load_of(cls) is None
            and not self._evidence.idle.handles_weights(cls)
            and cls not in self._flow.out_of_sight.classes
        )

    def _find(self, single: set[Class]) -> dict[Class, Because]:
        """By class, what tells that it comes behind a pretrained model."""
        found: dict[Class, Because] = {}
        givers_of: dict[Class, set[Value]] = {}
        for function in self._flow.calls_in:
            if function.is_of_module or function.module.is_test:
                continue
            models = self._called_in(function)
            for call, givers in calls_on_what_is_given(models, function.node):
                classes = {one.class_ for one in models[call] if isinstance(one, Instance)}
                behind = sorted(classes, key=lambda cls: (cls.path, cls.node.lineno))
                pretrained = [one for one in givers if self._are_pretrained(models[one])]
                if not behind or not classes <= single or not pretrained:
                    continue
                before = {value for giver in pretrained for value in models[giver]}
                names = sorted({name for name in map(self._pretrained, before) if name})
                words = f"what {', '.join(names)} gives ({function.module.path}:{call.lineno})"
                words = f"{words}, and nothing is seen to load weights into it"
                for cls in behind:
                    givers_of.setdefault(cls, set()).update(before)
                    found.setdefault(cls, Because(Role.NEW, f"{cls.name} is trained on {words}"))
        return {
            cls: because
            for cls, because in found.items()
            if not self._filled.may_be(cls, givers_of[cls])
        }

    def _are_pretrained(self, models: Iterable[Value]) -> bool:
        return all(self._pretrained(model) is not None for model in models)

    def _called_in(self, function: Function) -> dict[ast.Call, frozenset[Value]]:
        """The models, all that it may be, that calls in a function run."""
        found: dict[ast.Call, frozenset[Value]] = {}
        for _, call in self._flow.calls_in.get(function, ()):
            models = self._models(function, call.func)
            if models:
                found[call] = models
        return found

    def _models(self, function: Function, callee: ast.expr) -> frozenset[Value]:
        values = frozenset(self._parts.values(function, callee))
        if values and all(map(_is_model, values)):
            return values
        if not isinstance(callee, ast.Attribute) or (values and any(map(_is_model, values))):
            return frozenset()
        # One of its own methods: ``encoder.forward(x)``, ``encoder.extract(x)``.
        owners = frozenset(self._parts.values(function, callee.value))
        runs = all(
            isinstance(one, Instance)
            and _is_model(one)
            and (callee.attr == "forward" or one.class_.find_method(callee.attr) is not None)
            for one in owners
        )
        return owners if owners and runs else frozenset()

    def _pretrained(self, value: Value) -> str | None:
        """In words, the model, if weights are certainly loaded into it or a part of it."""
        if isinstance(value, ExternalObject):
            return self._evidence.library.model(value)
        if isinstance(value, Instance) and self._is_pretrained(value.class_):
            return value.class_.name
        return None

    def _is_pretrained(self, cls: Class) -> bool:
        if cls not in self._loaded:
            self._loaded[cls] = False  # while what it holds is asked
            self._loaded[cls] = any(map(self._evidence.is_loaded, self._family(cls))) or any(
                self._is_pretrained(value.class_)
                for slot in self._family(cls)
                for value in self._contents.of_slot[slot]
                if isinstance(value, Instance) and not value.weak
            )
        return self._loaded[cls]

    def _family(self, cls: Class) -> list[tuple[Class, str]]:
        return self._contents.family_slots(cls)


def _is_model(value: Value) -> bool:
    if isinstance(value, Instance):
        return value.class_.is_module and not value.weak
    return isinstance(value, ExternalObject)
