"""Attributes in which a model is wrapped where it stands: ``net.f = DataParallel(net.f)``.

A script that may have one of several networks there wraps what only some of them have. So it
puts nothing into the others. What a class has is known once all that is stored in it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from bn2gn_codemod.survey.flow.external_members import attribute_matches
from bn2gn_codemod.survey.values import Class, Instance, Value

if TYPE_CHECKING:
    from bn2gn_codemod.survey.flow.analysis import Flow
    from bn2gn_codemod.survey.flow.value_graph import Node


class _Wrapping(NamedTuple):
    base: Node
    attribute: str
    wrapped: Node


class WrappedPlaces:
    """Such assignments, of which each is for the objects that have the attribute."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._wrappings: list[_Wrapping] = []
        self._joined: set[tuple[_Wrapping, Class]] = set()

    def store(self, base: Node, attribute: str, wrapped: Node) -> None:
        """``base.attribute = DataParallel(base.attribute)``"""
        self._wrappings.append(_Wrapping(base, attribute, wrapped))

    def join(self) -> bool:
        """Put what is wrapped back where it was, as far as that is known; whether any is new."""
        before = len(self._joined)
        is_new = False
        for one in self._wrappings:
            held = [cls for value in self._flow.values(one.base) for cls in _class_of(value)]
            having = [cls for cls in held if self._may_have(cls, one.attribute)]
            kinds = dict.fromkeys(having)
            if len(kinds) > 1:
                is_new = self._join_apart(one, kinds) or is_new
                continue
            # Where none is seen to have it, it came there in a way that is not followed.
            for cls in having or held:
                if (one, cls) not in self._joined:
                    self._joined.add((one, cls))
                    self._flow.edge(one.wrapped, self._flow.slot(cls, one.attribute))
        return is_new or len(self._joined) > before

    def _join_apart(self, one: _Wrapping, kinds: Iterable[Class]) -> bool:
        """Put back what is wrapped, but to no model what is another one's alone."""
        slots = {cls: self._flow.slot(cls, one.attribute) for cls in kinds}
        known = {value for slot in slots.values() for value in self._flow.values(slot)}
        wrapped = list(self._flow.values(one.wrapped))
        is_new = False
        for slot in slots.values():
            for value in wrapped:
                if value not in known:
                    self._flow.add(slot, value)
                    is_new = True
        return is_new

    def _may_have(self, cls: Class, name: str) -> bool:
        """Whether anything stores the attribute in the class or its kin, or that is not known."""
        kin = dict.fromkeys((*cls.ancestors(), *cls.descendants()))
        return any(
            one.has_open_base
            or name in one.stored_names
            or any(
                stored == "*" or attribute_matches(stored, name)
                for stored in self._flow.attributes_of(one)
            )
            for one in kin
        )


def _class_of(value: Value) -> list[Class]:
    return [value.class_] if isinstance(value, Instance) else []
