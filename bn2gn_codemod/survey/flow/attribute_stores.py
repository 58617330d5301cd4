"""What ``base.name = value`` puts where, by what ``base`` may be."""

from __future__ import annotations

import ast
from collections.abc import Container
from typing import TYPE_CHECKING

from bn2gn_codemod.survey.flow.attribute_reads import is_own_attribute
from bn2gn_codemod.survey.flow.external_members import has_named_parts, is_plain_module
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    External,
    Instance,
    Lost,
    ModuleValue,
    NamespaceValue,
    NormClass,
    TupleValue,
    Value,
)

if TYPE_CHECKING:
    from bn2gn_codemod.survey.flow.analysis import Flow


# What a parameter has and no module: where one is written, its model gets no attribute.
OF_TENSORS = frozenset({"data", "grad"})


class AttributeStores:
    """Stores into attributes: each is for all that its object may turn out to be."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def add(
        self,
        base: Node,
        attribute: str,
        value: Node,
        *,
        is_written: bool = False,
        makers: Container[ast.AST] = (),
        is_wrapped: bool = False,
    ) -> None:
        """``base.attribute = value``; ``is_written``: in these words, and not by ``setattr``.

        ``makers`` are the calls there that give the value, as far as they are in sight.
        ``is_wrapped``: it is what was there, which only objects with the attribute have.
        """

        def on_base(held: Value) -> None:
            if is_wrapped and isinstance(held, Instance):
                return
            if is_written and isinstance(held, Instance) and _is_tensor(held.class_, attribute):
                self._keep_made(value, makers, self._flow.slot(held.class_, attribute))
                return
            if isinstance(held, (Instance, ClassValue)):
                self._flow.edge(value, self._flow.slot(held.class_, attribute))
                if isinstance(held, ClassValue):
                    self.keep_in_class(held.class_, value)
            elif isinstance(held, Lost):
                self._flow.hand_to_lost([value])
            elif isinstance(held, (ModuleValue, NamespaceValue)):
                if self._flow.has_global(held.module, attribute):
                    self._flow.edge(
                        value,
                        self._flow.name_node(self._flow.top_level[held.module.path], attribute),
                    )
            elif is_plain_module(held) or has_named_parts(held):
                self._flow.edge(value, self._flow.members.node(held, attribute))
            elif isinstance(held, External):
                self._keep_patched(f"{held.name}.{attribute}", value)

        self._flow.watch(base, on_base)
        self._flow.strays.store(base, attribute, value)
        if is_wrapped:
            self._flow.wrapped_places.store(base, attribute, value)

    def _keep_made(self, value: Node, makers: Container[ast.AST], slot: Node) -> None:
        """``model.grad = Net()``: a module that is made right there is no parameter's tensor."""

        def on_value(held: Value) -> None:
            if isinstance(held, Instance) and held.spot is not None and held.spot.node in makers:
                self._flow.add(slot, held)

        self._flow.watch(value, on_value)

    def _keep_patched(self, name: str, value: Node) -> None:
        """``torch.nn.BatchNorm2d = norm``: other packages make layers of it from now on."""

        def on_value(held: Value) -> None:
            if isinstance(held, NormClass):
                held.refusals.add(f"is put into {name}, which is not in this repository")

        self._flow.watch(value, on_value)

    def keep_in_class(self, cls: Class, value: Node) -> None:
        """The value is an attribute of the class itself, so its instances bind functions."""
        watched = {value}

        def on_value(held: Value) -> None:
            if isinstance(held, TupleValue):
                for element in held.elements:
                    if element not in watched:  # ``node = (node, left)`` holds itself
                        watched.add(element)
                        self._flow.watch(element, on_value)
            # partial() gives an object that nothing binds.
            elif isinstance(held, NormClass) and held.context != "partial":
                held.refusals.add(f"is an attribute of {cls.name}, which would bind a function")

        self._flow.watch(value, on_value)


def _is_tensor(cls: Class, name: str) -> bool:
    """Whether ``x.data = y`` fills a parameter, for all of which their model stands."""
    return name in OF_TENSORS and cls.is_module and not is_own_attribute(cls, name)
