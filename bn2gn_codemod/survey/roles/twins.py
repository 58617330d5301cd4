"""Unused networks, written once more beside one that is used: variants of a model.

``networks/deeplab.py`` and ``networks/pspnet.py`` each have a ``ResNet`` of their own, and train
scripts import one of them. What the other one makes by the same code is backbone as well. Not so
a block that nothing uses beside a network that is: it is there for that one.
"""

from __future__ import annotations

import ast
import functools

from bn2gn_codemod.survey.because import Because, Role
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.syntax.nodes import flat
from bn2gn_codemod.survey.values import Class, NormLayer


class Twins:
    """Finds the layers of used classes that stand where those of unused ones do."""

    def __init__(self, flow: Flow, roles: RoleMap) -> None:
        self._flow = flow
        self._roles = roles
        self._call_sites = CallSites(flow)

    def of(self, layer: NormLayer) -> Because | None:
        """That a layer of an unused network is backbone, for its twins are and nothing else."""
        cls = layer.spot.function.enclosing_class
        if cls is None or not families.is_named_after_network(cls) or not self._is_unused(cls, []):
            return None
        twins = [one for one in self._flow.norm_layers if _are_twins(layer, one)]
        roles = [self._roles.layer_roles(one) for one in twins]
        if not roles or any(set(found) - {Role.DOUBT} != {Role.BACKBONE} for found in roles):
            return None
        if any(map(self._is_used_network, self._layers_by_path[cls.path])):
            return None  # a block for those, of which nothing is known
        words = f"{cls.name} is not used; that of {twins[0].spot.where} is written like it"
        return Because(Role.BACKBONE, words, roles[0][Role.BACKBONE])

    def _is_used_network(self, layer: NormLayer) -> bool:
        """Whether a layer is a network's, or one of its blocks', that some code makes."""
        cls = layer.spot.function.enclosing_class
        return (
            cls is not None
            and families.is_named_after_network(cls)
            and not self._is_unused(cls, [])
        )

    @functools.cached_property
    def _layers_by_path(self) -> dict[str, list[NormLayer]]:
        found: dict[str, list[NormLayer]] = {}
        for layer in self._flow.norm_layers:
            found.setdefault(layer.spot.module.path, []).append(layer)
        return found

    def _is_unused(self, cls: Class, above: list[Class]) -> bool:
        """Whether only functions that nobody calls make the class, or classes of that kind."""
        makers = [
            made.spot.function if made.spot is not None else None
            for one in cls.descendants()
            for made in self._flow.instances.get(one, ())
        ]
        above = [*above, cls]
        for maker in makers:
            if maker is None or isinstance(maker.node, ast.Module):
                return False
            home = maker.enclosing_class
            is_unused = home in above if home is not None else not self._call_sites.of(maker)
            if not is_unused and (home is None or not self._is_unused(home, above)):
                return False
        return True


def _are_twins(layer: NormLayer, other: NormLayer) -> bool:
    """Whether classes of one name make two layers by the same statement, in different files."""
    cls, twin = layer.spot.function.enclosing_class, other.spot.function.enclosing_class
    return (
        cls is not None
        and twin is not None
        and cls.name == twin.name
        and cls.path != twin.path
        and layer.norm.norm == other.norm.norm
        and layer.spot.function.name == other.spot.function.name
        and _parameters(cls) == _parameters(twin) is not None
        and _statement(layer) == _statement(other) is not None
    )


def _parameters(cls: Class) -> str | None:
    """Those of its constructor: networks that are made otherwise only share a name."""
    init = cls.methods.get("__init__")
    if init is None or isinstance(init.node, ast.Module):
        return None
    return ast.dump(init.node.args)


def _statement(layer: NormLayer) -> str | None:
    """The innermost statement of a function that makes the layer, as written."""
    function = layer.spot.function.node
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    found = [
        statement
        for statement in flat(function.body)
        if any(node is layer.spot.node for node in ast.walk(statement))
    ]
    return ast.dump(found[-1]) if found else None
