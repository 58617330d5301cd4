"""Attributes of objects that are not followed: what is stored under a name may be read by it.

Configs, parsed arguments and objects of other packages carry norm classes and
networks from where they are chosen to where they are called. Such an object
is unknown on both sides, so the attribute's name is what connects them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bn2gn_codemod.survey.known.norm_classes import is_norm_class
from bn2gn_codemod.survey.values import (
    ClassValue,
    External,
    ExternalObject,
    FunctionValue,
    ModuleValue,
    NormClass,
    Value,
)

if TYPE_CHECKING:
    from bn2gn_codemod.survey.flow.analysis import Flow
    from bn2gn_codemod.survey.flow.value_graph import Node

_CALLABLE = (NormClass, ClassValue, FunctionValue)


# An attribute's name, and whose it is as far as a name tells ("": an unknown object's).
_Key = tuple[str, str]


class StrayAttributes:
    """Stores and reads of attributes whose object may turn out to be unknown."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._stores: list[tuple[Node | None, str, Node]] = []
        self._reads: dict[str, list[tuple[Node, Node]]] = {}
        self._nodes: dict[_Key, Node] = {}
        self._joined: set[tuple[Node, Node]] = set()

    def store(self, base: Node | None, name: str, value: Node) -> None:
        """``base.name = value``"""
        self._stores.append((base, name, value))

    def read(self, base: Node, name: str, result: Node) -> None:
        """``result = base.name``"""
        self._reads.setdefault(name, []).append((base, result))

    def holds(self, norm: NormClass) -> bool:
        """Whether the norm class lies in such an attribute."""
        return any(norm in self._flow.values(node) for node in self._nodes.values())

    def join(self) -> bool:
        """Connect what is stored with what is read; whether anything is new."""
        before = len(self._joined)
        for base, name, value in self._stores:
            if any(isinstance(held, _CALLABLE) for held in self._flow.values(value)):
                for key in self._keys(base, name):
                    if key not in self._nodes:
                        self._nodes[key] = self._flow.node()
                    self._join(value, self._nodes[key])
        for name in {name for _, name in self._nodes if name != "*"}:
            for base, result in self._reads.get(name, ()):
                for key in self._keys(base, name):
                    if key in self._nodes:
                        self._join(self._nodes[key], result)
        return len(self._joined) > before

    def _join(self, source: Node, target: Node) -> None:
        if (source, target) in self._joined:
            return
        self._joined.add((source, target))

        def on_value(held: Value) -> None:
            if isinstance(held, _CALLABLE):
                self._flow.add(target, held)

        self._flow.watch(source, on_value)

    def _keys(self, base: Node | None, name: str) -> set[_Key]:
        """The unknown objects, or objects of other packages, that the node may hold."""
        values = list(self._flow.values(base))
        keys: set[_Key] = set() if values else {("", name)}
        for held in values:
            if isinstance(held, ExternalObject):
                keys.add(("", name))
            elif isinstance(held, External) and not held.name.startswith("torch"):
                keys.add((held.name.rsplit(".", 1)[-1], name))
            elif isinstance(held, External) and not is_norm_class(name):
                keys.add((held.name, name))
            elif isinstance(held, ModuleValue) and not self._flow.has_global(held.module, name):
                keys.add((held.module.path, name))
        return keys
