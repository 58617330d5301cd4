"""Which backbone types can be told to freeze, and how far.

A type that can takes ``frozen_stages`` (how many of its stages, stem included,
stay as they are) and ``norm_eval`` (BatchNorm in eval mode during training).
"""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.sources import Repository
from bn2gn_codemod.survey.configs.values import Table

# The ResNet family of OpenMMLab's libraries: `frozen_stages` up to the number
# of stages, 4 where nothing else is said. Others count differently.
_STAGES_OF_INSTALLED = dict.fromkeys(
    (
        *("ResNet", "ResNetV1c", "ResNetV1d", "ResNeXt", "Res2Net", "ResNeSt", "RegNet"),
        *("DetectoRS_ResNet", "DetectoRS_ResNeXt", "SEResNet", "SEResNeXt"),
    ),
    4,
)


class Backbones:
    """Answers from the repository's own classes first: they shadow installed ones."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._classes: dict[str, ast.ClassDef | None] = {}

    def all_stages(self, backbone: Table) -> int | None:
        """The ``frozen_stages`` that freezes the whole of it; ``None`` if it has no such thing."""
        kind = backbone.scalar("type")
        if not isinstance(kind, str):
            return None
        name = re.split(r"[.:]", kind)[-1]
        default: int | None = _STAGES_OF_INSTALLED.get(name)
        if self._class(name) is not None:
            arguments = self._arguments(name)
            if not {"frozen_stages", "norm_eval", "num_stages"} <= arguments.keys():
                return None
            default = arguments["num_stages"]
        stages = backbone.scalar("num_stages")
        return stages if isinstance(stages, int) and default is not None else default

    def _arguments(self, name: str, seen: tuple[str, ...] = ()) -> dict[str, int | None]:
        """Arguments of a class's ``__init__`` with their default when it is a number."""
        node = self._class(name)
        if node is None or name in seen:
            known = _STAGES_OF_INSTALLED.get(name)
            stages = {"frozen_stages": None, "norm_eval": None, "num_stages": known}
            return stages if known else {}
        own = next(
            (s for s in node.body if isinstance(s, ast.FunctionDef) and s.name == "__init__"), None
        )
        arguments = _defaults(own.args) if own else {}
        if own is None or own.args.kwarg:
            for base in node.bases:
                inherited = self._arguments(_last_name(base), (*seen, name))
                arguments = {**inherited, **arguments}
        return arguments

    def _class(self, name: str) -> ast.ClassDef | None:
        if name not in self._classes:
            self._classes[name] = self._find(name)
        return self._classes[name]

    def _find(self, name: str) -> ast.ClassDef | None:
        head = re.compile(rb"^class[ \t]+" + re.escape(name.encode()) + rb"\b", re.MULTILINE)
        for source in self._repository.files:
            if not head.search(source.data):
                continue
            try:
                body = source.tree.body
            except SyntaxError:
                continue
            for statement in body:
                if isinstance(statement, ast.ClassDef) and statement.name == name:
                    return statement
        return None


def _defaults(arguments: ast.arguments) -> dict[str, int | None]:
    names = [*arguments.posonlyargs, *arguments.args]
    paired = list(zip(reversed(names), reversed(arguments.defaults), strict=False))
    keywords = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    paired += [(name, default) for name, default in keywords if default]
    numbers = {
        argument.arg: default.value
        for argument, default in paired
        if isinstance(default, ast.Constant) and type(default.value) is int
    }
    return {name.arg: numbers.get(name.arg) for name in (*names, *arguments.kwonlyargs)}


def _last_name(base: ast.expr) -> str:
    if isinstance(base, ast.Attribute):
        return base.attr
    return base.id if isinstance(base, ast.Name) else ""
