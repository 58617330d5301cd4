"""Layers that a model puts in the place of its own, with the weights that were there.

``old = self.base[i]``, ``self.base[i] = Fused()``, ``self.base[i].weight[:] = old[0].weight[:]``:
a model that is rewritten for inference says nothing of what it was loaded with. Weights of another
attribute do: ``self.depth.conv.weight = self.rgb.conv.weight``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.syntax.nodes import blocks, root_of, walk
from bn2gn_codemod.survey.values import Function


def keeps_place(function: Function, layer: ast.expr, sources: list[ast.expr]) -> bool:
    """Whether all the layers that are copied into one stood in its place, or in it."""
    places = {ast.dump(place) for place in _places(layer, function.first_parameter)}
    return bool(places and sources) and all(
        _stood_in(function, layer, places, source) for source in sources
    )


def _places(layer: ast.expr, own: str | None) -> Iterator[ast.expr]:
    """``self.base[i].conv`` and ``self.base[i]``, of the method's own object; not ``self.base``."""
    root = root_of(layer)
    if own is None or not isinstance(root, ast.Name) or root.id != own:
        return
    while layer is not root:
        yield layer
        layer = layer.value if isinstance(layer, ast.Attribute) else root


def _stood_in(function: Function, layer: ast.expr, places: set[str], source: ast.expr) -> bool:
    root = root_of(source)
    if not isinstance(root, ast.Name) or root.id in function.parameters:
        return False
    assigned = [
        node
        for node in walk(function.node)
        if isinstance(node, ast.Assign) and _is_name(node.targets[0], root.id)
    ]
    stores = (one for one in walk(function.node) if _is_name(one, root.id, ast.Store))
    if len(list(stores)) != len(assigned):
        return False  # by something else than an assignment to it alone
    bound = [one.value for one in _reaching(function, assigned, layer)]
    return (
        bool(bound)
        and all(ast.dump(one) in places for one in bound)
        and all(_is_name(root_of(one), function.first_parameter) for one in bound)
    )


def _reaching(function: Function, assigned: list[ast.Assign], at: ast.expr) -> list[ast.Assign]:
    """The assignments that may be the last before a node: that of its branch, and later ones."""
    before = sorted((one for one in assigned if one.lineno < at.lineno), key=lambda a: a.lineno)
    certain = [one for one in before if _leads_to(function, one, at)]
    return [one for one in before if certain and one.lineno >= certain[-1].lineno]


def _leads_to(function: Function, assignment: ast.Assign, at: ast.expr) -> bool:
    """Whether a node stands in the rest of the block of an assignment."""
    for node in walk(function.node):
        for block in blocks(node) if isinstance(node, ast.stmt) else ():
            if assignment in block:
                rest = block[block.index(assignment) + 1 :]
                return any(at in walk(one) for one in rest)
    return False


def _is_name(
    node: ast.AST, name: str | None, context: type[ast.expr_context] | None = None
) -> bool:
    if not isinstance(node, ast.Name) or node.id != name:
        return False
    return context is None or isinstance(node.ctx, context)
