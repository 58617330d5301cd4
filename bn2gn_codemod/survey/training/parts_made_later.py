"""Models whose backbone is made by a method that runs after the freeze would.

``self.net = net`` in a constructor, and ``self.net.build()`` in another method: where a freeze
follows the former, there is nothing to be frozen yet.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.certain_modules import BY_HAND
from bn2gn_codemod.survey.roles.backbone_paths import BackbonePaths
from bn2gn_codemod.survey.values import Class, Function


class PartsMadeLater:
    """Tells them by the methods that store their attributes, and who calls these."""

    def __init__(self, flow: Flow, paths: BackbonePaths) -> None:
        self._paths = paths
        self._call_sites = CallSites(flow)

    def objection(self, models: Iterable[Class], function: Function, after: ast.stmt) -> str:
        """Why models are not to be frozen after a statement; ``""``: their backbones are there."""
        for cls in models:
            for name in dict.fromkeys(path.partition(".")[0] for path in self._paths.below(cls)):
                storing = {
                    method
                    for owner in cls.ancestors()
                    for method in owner.methods.values()
                    if any(map(_gives_one, method.attribute_stores.get(name, ())))
                }
                later = self._later(cls, storing, function, after)
                if later:
                    words = f"{cls.name}.{name} is made after that ({later})"
                    return f"{words}: {BY_HAND} where it is there"
        return ""

    def _later(
        self, cls: Class, storing: set[Function], function: Function, after: ast.stmt
    ) -> str:
        """The call that makes an attribute, if it is seen to come after a statement."""
        first = ""
        around = function.enclosing_class
        is_making = around is not None and function is around.methods.get("__init__")
        for caller, call in self._calls_from_outside(cls, storing):
            if caller is None:
                return ""  # the constructor makes it
            if caller is function and call.lineno <= (after.end_lineno or after.lineno):
                return ""
            is_later = caller is function
            if around is not None and is_making and caller.enclosing_class is not None:
                is_later = is_later or caller.enclosing_class in around.ancestors()
            if is_later:
                first = first or f"{caller.module.path}:{call.lineno}"
        return first

    def _calls_from_outside(
        self, cls: Class, methods: set[Function]
    ) -> Iterator[tuple[Function | None, ast.expr]]:
        """The calls by which the code of other classes comes to methods of a class.

        ``None`` for the caller: its own constructor does.
        """
        kin = (*cls.ancestors(), *cls.descendants())
        pending = list(methods)
        for one in pending:
            if one.name.rpartition(".")[2] == "__init__":
                yield None, ast.Constant(None)
            for caller, call in self._call_sites.of(one):
                if caller.enclosing_class not in kin:
                    yield caller, call
                elif caller not in pending:
                    pending.append(caller)


def _gives_one(store: ast.AST) -> bool:
    """Whether a statement puts something into an attribute, and not merely ``None``."""
    return isinstance(store, (ast.Assign, ast.AnnAssign)) and not (
        isinstance(store.value, ast.Constant) or store.value is None
    )
