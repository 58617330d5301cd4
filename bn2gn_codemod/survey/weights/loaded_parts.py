"""What any load goes into, be it pretrained weights or training that is resumed.

:mod:`pretrained` tells what is a backbone for being loaded. This is the other side: what is
loaded by whomever, from whatever, is not new for standing beside a backbone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.syntax.nodes import given_arguments
from bn2gn_codemod.survey.values import Function, Instance, NormLayer, Value, Weights
from bn2gn_codemod.survey.weights.copied import copied_parameters
from bn2gn_codemod.survey.weights.copied.copied_models import of_wholes
from bn2gn_codemod.survey.weights.parts_of_others import parts_of_others
from bn2gn_codemod.survey.weights.read_loads import read_load
from bn2gn_codemod.survey.weights.resumed.restored_optimizers import restores_optimizer
from bn2gn_codemod.survey.weights.resumed.resumed_training import is_resumed


class LoadedParts:
    """The objects and layers that are loaded, and where.

    A model that is loaded as a whole is one of them, and what it holds is not.
    """

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._flow = flow = contents.flow
        self._call_sites = CallSites(flow)
        self._where: dict[Value, dict[Function, str]] = {}
        copies: list[tuple[LoadCall, set[Value]]] = []
        # What goes over all the layers of a model loads the model as a whole.
        calls = [
            one
            for call in flow.load_calls
            if not copied_parameters.are_layers_of_same_model(flow, call)
            for one in of_wholes(flow, call)
        ]
        for call in calls:
            sources = copied_parameters.copied_models(flow, call)
            if sources:
                copies.append((call, sources))
            elif not (
                flow.is_crowded(call.receiver)  # it may be a mix-up
                or copied_parameters.are_copied_back(flow, call)
                or copied_parameters.are_resumed(flow, call)
                or self._only_sets(call)
                or self._is_step_of_resuming(call)
            ):
                self._add(call)
        self._add_copies(copies)

    def where(self, values: Iterable[Value]) -> str | None:
        """The line that loads one of the values, if any does: ``net.py:12``."""
        for value in values:
            if value in self._where:
                return next(iter(self._where[value].values()))
        return None

    def loaders(self, values: Iterable[Value]) -> set[Function]:
        """The functions that load one of the values."""
        return {function for value in values for function in self._where.get(value, ())}

    def _add(self, call: LoadCall) -> None:
        for together in self._handed(call):
            made = [value for value in together if isinstance(value, Instance) and not value.weak]
            parts: set[Value] = set(parts_of_others(self._contents, made))
            if not call.into_tensors:
                parts.update(self._layers_of(together))
            for value in together - parts:
                for one in self._objects(call.spot.function, value):
                    places = self._where.setdefault(one, {})
                    places.setdefault(call.spot.function, call.spot.where)

    def _layers_of(self, values: set[Value]) -> Iterator[Value]:
        """The layers in one of the models: ``models.__dict__[name]`` may make them as well."""
        kinds = {
            cls
            for one in values
            if isinstance(one, Instance)
            for cls in (*one.class_.ancestors(), *self._contents.below(one.class_))
        }
        for value in values:
            slots = self._contents.held_in.get(value, ()) if isinstance(value, NormLayer) else ()
            if slots and all(cls in kinds for cls, _ in slots):
                yield value

    def _handed(self, call: LoadCall) -> list[set[Value]]:
        """What is loaded, by the calls that hand it to the function that does.

        Of all that a registry makes, what holds the others is the one that is meant.
        """
        receivers = set(self._flow.values(call.receiver))
        given = [
            receivers.intersection(self._flow.value_of(argument))
            for _, site in self._call_sites.of(call.spot.function)
            for argument in given_arguments(site)
        ]
        return [*given, receivers.difference(*given)]

    def _only_sets(self, call: LoadCall) -> bool:
        """``bn.weight.data = torch.ones(8)``: tensors that come of no file and no model."""
        sources = (value for node in call.tensors_of for value in self._flow.values(node))
        is_of_model = any(isinstance(value, (Instance, NormLayer)) for value in sources)
        is_set = call.into_tensors and not call.copies and not is_of_model
        made_of = (value for node in call.made_of for value in self._flow.values(node))
        is_read = any(isinstance(value, Weights) for value in made_of)
        return is_set and not is_read and read_load(self._flow, call) is None

    def _is_step_of_resuming(self, call: LoadCall) -> bool:
        """Whether a model's own ``load_state_dict`` fills a part, and each call of it resumes.

        That is how the whole model is loaded, whatever entries it has.
        """
        method = call.spot.function
        if method.class_ is None or method.class_.methods.get("load_state_dict") is not method:
            return False
        loads = [
            (one, value)
            for one in self._flow.load_calls
            for value in self._flow.values(one.receiver)
            if isinstance(value, Instance) and value.class_.find_method("load_state_dict") is method
        ]
        seen = {one.spot.node for one, _ in loads}
        return (
            bool(loads)
            and all(site in seen for _, site in self._call_sites.of(method))
            and all(
                is_resumed(self._flow, one) or restores_optimizer(one, value)
                for one, value in loads
            )
        )

    def _add_copies(self, copies: list[tuple[LoadCall, set[Value]]]) -> None:
        """A moving average of a new part is as new as that; of a loaded one, it is loaded."""
        found = True
        while found:
            left = [(call, sources) for call, sources in copies if self.where(sources) is None]
            found = len(left) < len(copies)
            for call, sources in copies:
                if self.where(sources) is not None:
                    self._add(call)
            copies = left

    def _objects(self, function: Function, value: Value) -> Iterator[Value]:
        """A layer or an object; of ``self``, those whose method is called to load them."""
        if isinstance(value, NormLayer):
            yield value
        if not isinstance(value, Instance) or value.weak or not value.class_.is_module:
            return
        if value.spot is not None:
            yield value
            return
        for caller, site in self._call_sites.of(function):
            if isinstance(site.func, ast.Attribute):
                for one in self._called_on(caller, site.func.value):
                    if one.class_.find_method(site.func.attr) is function:
                        yield one

    def _called_on(self, caller: Function, receiver: ast.expr) -> Iterator[Instance]:
        for value in self._flow.value_of(receiver):
            if not isinstance(value, Instance) or value.weak:
                continue
            if value.spot is not None:
                yield value
            elif caller.is_constructor:
                for cls in value.class_.descendants():
                    yield from self._flow.instances.get(cls, ())
