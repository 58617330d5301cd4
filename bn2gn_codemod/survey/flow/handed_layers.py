"""Which objects of a class hold a layer that is handed to its constructor.

``BasicBlock(c, c, downsample)``: an attribute is one for all objects of a class, so
that the ``downsample`` of one call seems to be in every block. Where a layer comes
into the attribute by a parameter alone, the calls that hand it over are known.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.syntax.nodes import given_arguments, unpacks
from bn2gn_codemod.survey.values import Class, Instance, NormLayer


class HandedLayers:
    """Follows layers back to the calls that make what holds them."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def objects(self, slot: Slot, layer: NormLayer) -> list[Instance]:
        """The objects whose attribute ``slot`` may hold the layer; none where it is not told."""
        cls, attribute = slot
        stored = self._sources(self._flow.slot(cls, attribute), layer)
        entered = {source for one in stored for source in self._read(one, layer)}
        if not entered or not entered <= self._parameters(cls):
            return []
        handed = {node for parameter in entered for node in self._sources(parameter, layer)}
        made = [one for child in cls.descendants() for one in self._flow.instances.get(child, ())]
        known = {node for one in made for node in self._arguments(one)}
        if not handed or not handed <= known:
            return []
        return [one for one in made if self._may_be_handed(one, layer)]

    def _sources(self, node: Node, layer: NormLayer) -> set[Node]:
        """The nodes from which the layer comes to a node."""
        return {one for one in self._flow.upstream(node) if layer in set(self._flow.values(one))}

    def _read(self, node: Node, layer: NormLayer) -> set[Node]:
        """The variable that a node reads, or the node itself."""
        is_name = node in self._flow.loads and isinstance(self._flow.loads[node][0].node, ast.Name)
        return self._sources(node, layer) if is_name else {node}

    def _parameters(self, cls: Class) -> set[Node]:
        init = cls.methods.get("__init__")
        names = init.parameters if init is not None else ()
        return {self._flow.name_node(init, name) for name in names if init is not None}

    def _arguments(self, made: Instance) -> set[Node]:
        """The nodes that the call which makes an object hands over one by one."""
        call = made.spot.node if made.spot is not None else None
        if made.weak or not isinstance(call, ast.Call):
            return set()
        given = given_arguments(call)
        nodes = (self._flow.expressions.get(argument) for argument in given)
        return {node for node in nodes if node is not None}

    def _may_be_handed(self, made: Instance, layer: NormLayer) -> bool:
        call = made.spot.node if made.spot is not None else None
        if made.weak or not isinstance(call, ast.Call) or unpacks(call):
            return True
        return any(layer in set(self._flow.values(node)) for node in self._arguments(made))
