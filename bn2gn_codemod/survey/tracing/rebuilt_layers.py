"""Layers that a model puts in the place of its own, with the weights that were there.

``old = self.base[i]``, ``self.base[i] = Fused()``, ``self.base[i].weight[:] = old[0].weight[:]``:
a model that is rewritten for inference says nothing of what it was loaded with. Weights of another
attribute do: ``self.depth.conv.weight = self.rgb.conv.weight``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.syntax import root_of, walk
from bn2gn_codemod.survey.values import Function


def keeps_place(function: Function, layer: ast.expr, sources: list[ast.expr]) -> bool:
    """Whether all the layers that are copied into one stood in its place, or in it."""
    places = {ast.dump(place) for place in _places(layer, function.first_parameter)}
    return bool(places and sources) and all(
        _stood_in(function, places, source) for source in sources
    )


def _places(layer: ast.expr, own: str | None) -> Iterator[ast.expr]:
    """``self.base[i].conv`` and ``self.base[i]``, of the method's own object; not ``self.base``."""
    root = root_of(layer)
    if own is None or not isinstance(root, ast.Name) or root.id != own:
        return
    while layer is not root:
        yield layer
        layer = layer.value if isinstance(layer, ast.Attribute) else root


def _stood_in(function: Function, places: set[str], source: ast.expr) -> bool:
    root = root_of(source)
    if not isinstance(root, ast.Name) or root.id in function.parameters:
        return False
    bound = [
        node.value
        for node in walk(function.node)
        if isinstance(node, ast.Assign) and _is_name(node.targets[0], root.id)
    ]
    stores = (one for one in walk(function.node) if _is_name(one, root.id, ast.Store))
    is_known = len(list(stores)) == len(bound)  # each by an assignment to it alone
    return (
        is_known
        and any(ast.dump(one) in places for one in bound)
        and all(_is_name(root_of(one), function.first_parameter) for one in bound)
    )


def _is_name(
    node: ast.AST, name: str | None, context: type[ast.expr_context] | None = None
) -> bool:
    if not isinstance(node, ast.Name) or node.id != name:
        return False
    return context is None or isinstance(node.ctx, context)
