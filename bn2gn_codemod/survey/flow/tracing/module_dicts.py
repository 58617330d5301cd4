"""``nn.ModuleDict`` whose keys are all written out: a module with these attributes.

``self.models = nn.ModuleDict({"encoder": ResNet(), "depth": Decoder()})`` holds its parts as
``self.models = Models()`` would, whose class stores one in each attribute.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.values import (
    Class,
    Entries,
    ExternalObject,
    Instance,
    NormClass,
    NormLayer,
    TupleValue,
)

_BASE = "torch.nn.ModuleDict"


def part_module_dicts(flow: Flow) -> None:
    """Give each such container a class of its own, in :attr:`Flow.parted`."""
    for (cls, name), node in list(flow.slots.items()):
        if cls.is_module:
            entries = _entries(flow, node)
            if entries:
                flow.parted[cls, name] = _part(flow, cls, name, entries)


def _entries(flow: Flow, node: Node) -> list[tuple[str, Node]]:
    """The parts of what is nothing but such containers; none, if another key may be there."""
    values = dict.fromkeys(flow.with_members(node))
    named = [held for held in values if isinstance(held, Entries)]
    inside = {held for one in named for _, entry in one.nodes for held in flow.with_members(entry)}
    entries = [entry for one in named if one not in inside for entry in one.nodes]
    made = [held for held in values if isinstance(held, ExternalObject) and held not in inside]
    is_one = bool(made) and all(held.name == _BASE for held in made)
    covered = all(
        held in inside
        for held in values
        if isinstance(held, (Instance, NormLayer, NormClass, TupleValue))
    )
    has_parts = any(isinstance(held, (Instance, NormLayer)) for held in inside)
    return entries if is_one and covered and has_parts else []


def _part(flow: Flow, cls: Class, name: str, entries: list[tuple[str, Node]]) -> Instance:
    node = next(
        held.spot
        for held in flow.values(flow.slots[cls, name])
        if isinstance(held, ExternalObject) and held.name == _BASE
    )
    place = ast.ClassDef(name=name, bases=[], keywords=[], body=[], decorator_list=[])
    ast.copy_location(place, node.node)
    parts = Class(f"{cls.name}.{name}", node.module, place, external_bases=[_BASE])
    for key, entry in entries:
        flow.edge(entry, flow.slot(parts, key))
    made = Instance(parts, node)
    flow.instances[parts] = [made]
    return made
