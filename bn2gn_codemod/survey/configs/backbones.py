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

    def class_of(self, backbone: Table) -> ast.ClassDef | None:
        """The class of the repository that makes it, if that is known."""
        kind = backbone.scalar("type")
        return self._class(re.split(r"[.:]", kind)[-1]) if isinstance(kind, str) else None

    def moves_statistics(self, backbone: Table) -> bool:
        """Whether a class of the repository leaves BatchNorm in train mode where nothing is said.

        ``norm_eval=False`` is its default, and not all stages are frozen.
        """
        kind = backbone.scalar("type")
        stages = self.all_stages(backbone)
        if not isinstance(kind, str) or (stages and backbone.scalar("frozen_stages") == stages):
            return False
        return self._norm_eval(re.split(r"[.:]", kind)[-1], ()) is False

    def _norm_eval(self, name: str, seen: tuple[str, ...]) -> bool | None:
        """The default of ``norm_eval``; ``None`` where a class has none that is written out."""
        node = self._class(name)
        if node is None or name in seen:
            return None
        own = _constructor(node)
        if own is not None:
            given = {one.arg: one for one in (*own.args.args, *own.args.kwonlyargs)}
            if "norm_eval" in given:
                return _default_flag(own.args, "norm_eval")
            is_set = any(
                isinstance(one, ast.keyword) and one.arg == "norm_eval" for one in ast.walk(own)
            )
            if own.args.kwarg is None or is_set:
                return None
        found = (self._norm_eval(_last_name(base), (*seen, name)) for base in node.bases)
        return next((one for one in found if one is not None), None)

    def _arguments(self, name: str, seen: tuple[str, ...] = ()) -> dict[str, int | None]:
        """Arguments of a class's ``__init__`` with their default when it is a number."""
        node = self._class(name)
        if node is None or name in seen:
            known = _STAGES_OF_INSTALLED.get(name)
            stages = {"frozen_stages": None, "norm_eval": None, "num_stages": known}
            return stages if known else {}
        own = _constructor(node)
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


def _constructor(node: ast.ClassDef) -> ast.FunctionDef | None:
    methods = (one for one in node.body if isinstance(one, ast.FunctionDef))
    return next((one for one in methods if one.name == "__init__"), None)


def _default_flag(arguments: ast.arguments, name: str) -> bool | None:
    """The default of a parameter, where it is written out as ``True`` or ``False``."""
    paired = [
        *zip(reversed(arguments.args), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    values = (value for argument, value in paired if argument.arg == name)
    found = next((one.value for one in values if isinstance(one, ast.Constant)), None)
    return found if isinstance(found, bool) else None


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
