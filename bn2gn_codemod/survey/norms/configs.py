"""Configs of norm layers in model code: ``ConvModule(8, 8, 1, norm_cfg=dict(type="BN"))``.

A library makes the layer, so the line that names its kind is all there is to be listed. A class
of the repository that is handed such a dict makes layers that are lines of their own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.known.library_models import is_norm_config, takes_norm_config
from bn2gn_codemod.survey.known.norm_classes import REGISTERED
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.norms.library_parts import LibraryPart, part_made_by
from bn2gn_codemod.survey.roles.idle_layers import IdleLayers
from bn2gn_codemod.survey.syntax.nodes import call_name, nodes_on
from bn2gn_codemod.survey.values import Class, Entries, External

_KIND = re.compile(r"[\"'](?:Sync)?BN(?:[123]d)?[\"']")


class _Written(NamedTuple):
    """A dict as written, and what it says of the kind of norm: ``"BN"`` of ``dict(type="BN")``."""

    node: ast.expr
    said: ast.expr
    kind: str


def find_norm_configs(flow: Flow, idle: IdleLayers) -> Iterator[LibraryPart]:
    """Every dict that names a BatchNorm, and that a library makes layers of."""
    takers = _takers(flow)
    classes: dict[str, list[Class]] = {}
    for cls in flow.classes if takers else ():
        classes.setdefault(cls.path, []).append(cls)
    for module in flow.modules if takers else ():
        for written in _written_in(module):
            calls = takers.get(_own_entries(flow, written), {})
            if calls:
                node, norm = written.node, REGISTERED[written.kind]
                around = _class_around(node, classes.get(module.path, ()))
                note = _NOTE.format(written.kind, next(iter(calls.values())))
                yield part_made_by(idle, calls, module, node, norm, around, note)


def _written_in(module: Module) -> Iterator[_Written]:
    lines = [n for n, line in enumerate(module.source.lines, 1) if _KIND.search(line)]
    for node in nodes_on(module.tree, lines) if lines else ():
        match node:
            case ast.Call(func=ast.Name(id="dict"), keywords=keywords):
                said = [keyword.value for keyword in keywords if keyword.arg == "type"]
            case ast.Dict(keys=keys, values=values):
                pairs = zip(keys, values, strict=True)
                said = [value for key, value in pairs if _is_type(key)]
            case _:
                continue
        match said:
            case [ast.Constant(value=str(kind)) as constant] if kind in REGISTERED:
                yield _Written(node, constant, kind)
            case _:
                pass


def _is_type(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and key.value == "type"


def _takers(flow: Flow) -> dict[Entries | None, dict[ast.AST, str]]:
    """By config, the calls that hand it to a library, and what they call."""
    found: dict[Entries | None, dict[ast.AST, str]] = {}
    for calls in flow.calls_in.values():
        for _, call in calls:
            names = (held.name for held in flow.value_of(call.func) if isinstance(held, External))
            name = next((one for one in names if takes_norm_config(one, call)), None)
            for config in _configs(flow, call) if name is not None else ():
                found.setdefault(config, {})[call] = name or ""
    return found


def _configs(flow: Flow, call: ast.Call) -> Iterator[Entries]:
    """The dicts that a call hands over as config of a norm layer, by whatever way."""
    places: list[Node | None] = []
    if call_name(call) == "build_norm_layer":
        places += [flow.expressions.get(call.args[0])] if call.args else []
        places += [flow.expressions.get(k.value) for k in call.keywords if k.arg == "cfg"]
    for keyword in call.keywords:
        if keyword.arg is None:
            places += _norm_entries(flow.value_of(keyword.value))
        elif is_norm_config(keyword.arg):
            places.append(flow.expressions.get(keyword.value))
    forwarded = flow.forwards.get(call)
    if forwarded is not None:
        extras = flow.extras.get(forwarded, {})
        places += [node for name, node in extras.items() if is_norm_config(name)]
    for place in places:
        yield from (held for held in flow.values(place) if isinstance(held, Entries))


def _norm_entries(values: Iterable[object]) -> Iterator[Node]:
    for held in values:
        if isinstance(held, Entries):
            yield from (node for key, node in held.nodes if is_norm_config(key))


def _own_entries(flow: Flow, written: _Written) -> Entries | None:
    """The entries that a dict is written with, among all that it may hold."""
    own = ("type", flow.expressions.get(written.said))
    entries = (held for held in flow.value_of(written.node) if isinstance(held, Entries))
    return next((held for held in entries if own in held.nodes), None)


def _class_around(node: ast.expr, classes: Iterable[Class]) -> Class | None:
    found = None
    for cls in classes:
        if cls.node.lineno <= node.lineno <= (cls.node.end_lineno or 0):
            found = cls  # the innermost comes last
    return found


_NOTE = (
    "the norm layer of type {} is made by a library ({}) and is not changed here: where it is new, "
    "write type='GN', num_groups=32, or as many as divide its channels"
)
