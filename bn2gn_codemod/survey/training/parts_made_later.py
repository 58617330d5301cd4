"""Models whose backbone is made by a method that their constructor does not call.

``net = Net()``, and then ``net.build()``: where a freeze follows the constructor, there is nothing
to be frozen yet.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.certain_modules import BY_HAND
from bn2gn_codemod.survey.roles.backbone_paths import BackbonePaths
from bn2gn_codemod.survey.values import Class, Function, FunctionValue


class PartsMadeLater:
    """Tells them by the methods that store their attributes."""

    def __init__(self, flow: Flow, paths: BackbonePaths) -> None:
        self._flow = flow
        self._paths = paths

    def objection(self, models: Iterable[Class]) -> str:
        """Why what has just been made is not to be frozen; ``""``: its backbone is there."""
        for cls in models:
            made = self._made_with(cls)
            for path in self._paths.below(cls):
                name = path.partition(".")[0]
                storing = [
                    method
                    for owner in cls.ancestors()
                    for method in owner.methods.values()
                    if any(map(_gives_one, method.attribute_stores.get(name, ())))
                ]
                if storing and made.isdisjoint(storing):
                    words = f"{cls.name}.{name} is made by {storing[0].name} alone"
                    return f"{words}, which the constructor does not call: {BY_HAND} after that"
        return ""

    def _made_with(self, cls: Class) -> set[Function]:
        """The methods that run when an object of a class is made, as far as they are its own."""
        kin = cls.ancestors()
        named: dict[str, list[Function]] = {}
        for owner in kin:
            for method in owner.methods.values():
                named.setdefault(method.name.rpartition(".")[2], []).append(method)
        pending = named.get("__init__", [])
        found = set(pending)
        for one in pending:
            for _, call in self._flow.calls_in.get(one, ()):
                match call.func:
                    case ast.Attribute(value=ast.Name(id="self"), attr=name):
                        called = named.get(name, [])
                    case _:
                        called = [
                            value.function
                            for value in self._flow.value_of(call.func)
                            if isinstance(value, FunctionValue) and value.function.class_ in kin
                        ]
                pending.extend(dict.fromkeys(x for x in called if x not in found))
                found.update(called)
        return found


def _gives_one(store: ast.AST) -> bool:
    """Whether a statement puts something into an attribute, and not merely ``None``."""
    return isinstance(store, (ast.Assign, ast.AnnAssign)) and not (
        isinstance(store.value, ast.Constant) or store.value is None
    )
