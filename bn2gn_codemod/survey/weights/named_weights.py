"""Weights that code names for a backbone that a toolbox builds of a config.

``build_backbone(dict(type='ResNet', init_cfg=dict(type='Pretrained', checkpoint='...')))``
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable

from bn2gn_codemod.survey.known.library_models import is_built_backbone
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import given_arguments, is_off, walk
from bn2gn_codemod.survey.values import ExternalObject, Value

# ``init_cfg=dict(type='Pretrained', ...)``, ``pretrained='torchvision://resnet50'``
_NAMES_WEIGHTS = re.compile(
    r"[\"']Pretrained[\"']|(?:torchvision|open-?mmlab)://\w|"
    r"\bpretrained[\"']?\s*[=:]\s*(?:[\"'][^\"'\s]|[{(\[]\s*[^\s})\]])"
)
_ASK = ("init_cfg", "pretrained")
_Entries = list[tuple[str | None, ast.expr]]


class NamedWeights:
    """Tells which backbones of configs may have weights."""

    def __init__(self, modules: list[Module]) -> None:
        self._modules = modules

    def are_for(self, values: Iterable[Value]) -> bool:
        """Whether each backbone of a config among the values may have been given weights."""
        return all(
            self._are_in(value.spot.node)
            for value in values
            if isinstance(value, ExternalObject) and is_built_backbone(value)
        )

    def _are_in(self, call: ast.AST) -> bool:
        """By the config in the very call, if it is written out there, or else by all code."""
        given = given_arguments(call)[:1] if isinstance(call, ast.Call) else []
        written = [entries for one in given if (entries := _entries(one)) is not None]
        if not written:
            return self._is_any_named
        said = [_says(key, value) for key, value in written[0]]
        return True in said or (None in said and self._is_any_named)

    @functools.cached_property
    def _is_any_named(self) -> bool:
        """Whether any code names a file for what a toolbox builds of a config."""
        return any(
            _NAMES_WEIGHTS.search(module.source.text) is not None
            and _NAMES_WEIGHTS.search(_without_docstrings(module)) is not None
            for module in self._modules
        )


def _entries(config: ast.expr) -> _Entries | None:
    """The keys and values of a dict that is written out; a key of ``None`` is not known."""
    match config:
        case ast.Dict(keys=keys, values=values):
            names = [str(key.value) if isinstance(key, ast.Constant) else None for key in keys]
            return list(zip(names, values, strict=True))
        case ast.Call(func=ast.Name(id="dict"), args=args, keywords=keywords):
            return [
                *((None, one) for one in args),
                *((one.arg, one.value) for one in keywords),
            ]
        case _:
            return None


def _says(key: str | None, value: ast.expr) -> bool | None:
    """Whether an entry of a config asks for weights; ``None``: that is not written there."""
    if key is None:  # dict(common), **common
        return None
    return _names_file(value) if key in _ASK else False


def _names_file(value: ast.expr) -> bool | None:
    match value:
        case ast.Constant():
            return not is_off(value)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            said = [_names_file(part) for part in parts]
            return True if True in said else None if None in said else False
        case _:
            entries = _entries(value)
    kind = None if entries is None else dict(entries).get("type")
    return kind.value == "Pretrained" if isinstance(kind, ast.Constant) else None


def _without_docstrings(module: Module) -> str:
    """The text of a module without its lines of strings that are for readers."""
    lines = module.source.text.splitlines()
    for node in walk(module.tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                for line in range(node.lineno - 1, node.end_lineno or node.lineno):
                    lines[line] = ""
            case _:
                pass
    return "\n".join(lines)
