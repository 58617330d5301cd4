"""Whether the entries of a state dict keep the names under which the file has them.

``state = {k: v for k, v in load_url(url).items() if k in own}; own.update(state)``
leaves out some and renames none; ``own[k.replace("features", "backbone")] = v`` does.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.syntax.nodes import (
    all_arguments,
    call_name,
    reads_as,
    root_of,
    target_names,
    walk,
)

# Calls that make a dict of what they are given, under the same keys.
_COPIES = frozenset({"dict", "OrderedDict", "copy", "deepcopy"})
# Calls that read a state dict, or hand on one that was read.
_SOURCES = re.compile(
    r"load|load_url|load_file|load_zoo|load_from_http|load_state_dict_from_url|_?load_checkpoint|"
    r"\w*state_dict|get|get_model|to|cpu"
)
# Calls for their effect that leave what they are given as it is.
_READERS = frozenset({"load_state_dict", "print", "update"})


def keeps_keys(function: ast.AST, weights: ast.expr) -> bool:
    """Whether nobody gives the entries of ``weights`` other names before they are loaded."""
    return _Names(function).are_kept(weights)


class _Names:
    """Follows the local variables of a function that hold state dicts."""

    def __init__(self, function: ast.AST) -> None:
        self._nodes = walk(function)
        arguments = getattr(function, "args", None)
        self._given = {one.arg for one in all_arguments(arguments)} if arguments else set()
        self._seen: set[str] = set()

    def are_kept(self, weights: ast.expr) -> bool:
        match weights:
            case ast.Call(args=[copied]) if call_name(weights) in _COPIES:
                return self.are_kept(copied)
            case ast.Call(func=ast.Attribute(value=copied, attr="copy"), args=[]):
                return self.are_kept(copied)
            case ast.Call():
                name = call_name(weights)
                return name in _COPIES or _SOURCES.fullmatch(name) is not None
            case ast.Subscript(value=source):  # torch.load(path)["state_dict"]
                return self.are_kept(source)
            case ast.DictComp():
                return self._is_selection(weights)
            case ast.Name(id=name):
                return self._is_kept_in(name)
            case _:
                return False

    def _is_kept_in(self, name: str) -> bool:
        if name in self._seen:
            return True
        self._seen.add(name)
        if name in self._given:
            return False
        return all(self._keeps(node, name) for node in self._nodes)

    def _keeps(self, node: ast.AST, name: str) -> bool:
        match node:
            case ast.Assign(targets=targets, value=value):
                return all(self._is_kept_by(target, value, name) for target in targets)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="update")) if (
                owner == name
            ):
                return not node.keywords and all(map(self.are_kept, node.args))
            case ast.Expr(value=ast.Call() as call) if call_name(call) not in _READERS:
                # merge(own, pretrained)
                return not any(isinstance(one, ast.Name) and one.id == name for one in call.args)
            case _:
                return True

    def _is_kept_by(self, target: ast.expr, value: ast.expr, name: str) -> bool:
        if isinstance(target, ast.Name) and target.id == name:
            return self.are_kept(value)
        if isinstance(target, ast.Subscript) and reads_as(root_of(target), name):
            return any(self._is_entry(loop, target, value) for loop in self._loops())
        return name not in target_names(target) or isinstance(target, ast.Name)

    def _loops(self) -> Iterator[ast.For]:
        return (node for node in self._nodes if isinstance(node, ast.For))

    def _is_entry(self, loop: ast.For, target: ast.Subscript, value: ast.expr) -> bool:
        """``for k, v in weights.items(): own[k] = v``, and ``own[k] = weights[k]``"""
        inside = [node for statement in loop.body for node in walk(statement)]
        if target not in inside or not isinstance(target.slice, ast.Name):
            return False
        key, source = target.slice.id, loop.iter
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute):
            if source.func.attr not in ("items", "keys") or source.args:
                return False
            source = source.func.value
        is_renamed = any(
            isinstance(node, ast.Name) and node.id == key and isinstance(node.ctx, ast.Store)
            for node in inside
        )
        if is_renamed or not self.are_kept(source):
            return False
        match loop.target:
            case ast.Tuple(elts=[ast.Name(id=first), ast.Name(id=second)]):
                is_value = isinstance(value, ast.Name) and value.id == second
                return first == key and (is_value or _is_at(value, source, key))
            case ast.Name(id=first):
                return first == key and _is_at(value, source, key)
            case _:
                return False

    def _is_selection(self, made: ast.DictComp) -> bool:
        """``{k: v for k, v in weights.items() if ...}``"""
        match made:
            case ast.DictComp(
                key=ast.Name(id=key),
                value=ast.Name(id=value),
                generators=[
                    ast.comprehension(
                        target=ast.Tuple(elts=[ast.Name(id=first), ast.Name(id=second)]),
                        iter=ast.Call(func=ast.Attribute(value=source, attr="items"), args=[]),
                    )
                ],
            ):
                return (key, value) == (first, second) and self.are_kept(source)
            case _:
                return False


def _is_at(value: ast.expr, source: ast.expr, key: str) -> bool:
    """Whether a value is ``source[key]``."""
    match value:
        case ast.Subscript(value=owner, slice=ast.Name(id=name)):
            return name == key and ast.dump(owner) == ast.dump(source)
        case _:
            return False
