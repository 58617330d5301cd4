"""Whether code puts an object of its own beside what other code has made, where both are there.

``nn.Sequential(Stem(), *net)``, ``list(net.children()) + [Fuse()]``, ``layers.append(Fuse())``:
that they come to one place is not because one or the other may be there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known.library_models import library_model
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.syntax.stores import stores_in
from bn2gn_codemod.survey.values import Class, ExternalObject, Function, Instance, NormLayer, Value


class PutBeside:
    """Asks the calls, lists and stores of the function that makes the object."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._together: dict[Function, list[list[list[Value]]]] = {}

    def holds(self, value: Instance | NormLayer, cls: Class) -> bool:
        """Whether what stands beside the object was not made by the class, nor by its function."""
        if value.spot is None:
            return False
        function = value.spot.function
        own = cls.ancestors() if function.enclosing_class in cls.ancestors() else None
        if function not in self._together:
            self._together[function] = [
                [list(self._held_by(function, part)) for part in parts]
                for parts in _collections(function.node)
            ]
        return any(
            self._is_made_elsewhere(other, own)
            for parts in self._together[function]
            for index, part in enumerate(parts)
            if value in part and not self._is_made_elsewhere(part, own)
            for other in (*parts[:index], *parts[index + 1 :])
        )

    def _is_made_elsewhere(self, values: Iterable[Value], own: list[Class] | None) -> bool:
        """Whether one of them is a library's network, or made by another class than these."""
        return any(
            library_model(value) is not None
            if isinstance(value, ExternalObject)
            else own is not None
            and isinstance(value, (Instance, NormLayer))
            and value.spot is not None
            and value.spot.function.enclosing_class not in own
            for value in values
        )

    def _held_by(self, function: Function, expr: ast.expr) -> Iterator[Value]:
        if isinstance(expr, ast.Name):  # ``layers.append(...)`` looks up no more than the variable
            return self._flow.values(self._flow.lookup(function, expr.id))
        return self._flow.value_of(expr)


def _collections(code: ast.AST) -> Iterator[list[ast.expr]]:
    """What is in one call, one list or one sum of lists, or is added to one."""
    for node in walk(code):
        match node:
            case ast.Call(args=args) if len(args) > 1:
                yield list(_elements(args))
            case ast.List(elts=parts) if len(parts) > 1:
                yield list(_elements(parts))
            case ast.BinOp(op=ast.Add()):
                yield list(_elements([node]))
            case _:
                pass
        for store in stores_in(node):
            if store.way == "entry":
                yield [store.owner, *_elements([store.value])]


def _elements(parts: Iterable[ast.expr]) -> Iterator[ast.expr]:
    for part in parts:
        match part:
            case ast.List(elts=inner) | ast.Tuple(elts=inner):
                yield from _elements(inner)
            case ast.ListComp(elt=one) | ast.Starred(value=one):
                yield from _elements([one])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                yield from _elements([left, right])
            case _:
                yield part
