"""Attributes in which a model is wrapped where it stands: ``net.f = DataParallel(net.f)``.

A script that may have one of several networks there wraps what only some of them have. So it
puts nothing into the others. What a class has is known once all that is stored in it is.
"""

from __future__ import annotations

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
        for one in self._wrappings:
            held = [cls for value in self._flow.values(one.base) for cls in _class_of(value)]
            having = [cls for cls in held if self._may_have(cls, one.attribute)]
            # Where none is seen to have it, it came there in a way that is not followed.
            for cls in having or held:
                if (one, cls) not in self._joined:
                    self._joined.add((one, cls))
                    self._flow.edge(one.wrapped, self._flow.slot(cls, one.attribute))
        return len(self._joined) > before

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
