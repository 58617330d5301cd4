"""Keys of a checkpoint that code leaves out when it loads it: ``if "fc" in key: continue``."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from typing import TypeGuard

from bn2gn_codemod.survey.syntax.nodes import dotted, flat, makes_empty, walk, walk_scope
from bn2gn_codemod.survey.values import Function
from bn2gn_codemod.survey.weights.entries.taken_entries import (
    is_of_model,
    is_taken_before,
    puts_back,
    sources,
    takes_entry,
    takes_one_of,
)

_TENSORS = frozenset({"weight", "bias", "running_mean", "running_var"})
# The last layer of classification networks, in their published checkpoints.
_CLASSIFIERS = frozenset({"fc", "_fc", "last_linear", "classifier"})
# ``^(?:enc|dec)\\.``, ``enc\\.``
_BEGINNING = re.compile(r"\^?\(?(?:\?:)?(\w+(?:\|\w+)*)(?:\)|(?=\\\.|$))")
_LEFT_OUT = re.compile(r"exclu|ignore|skip|drop")
_SHORTEST = 2  # "1" or "." name no attribute


def skipped_keys(function: Function, load: ast.AST, *, surely: bool = False) -> frozenset[str]:
    """Words and keys by which a function sorts entries out before ``load``, a call in it.

    With ``surely``, none of those that may be of another load, or whose entries may get in under
    another name.
    """
    if isinstance(function.node, ast.Lambda) or not isinstance(load, ast.expr):
        return frozenset()
    found: set[str] = set(_excluded(load))
    nodes = walk_scope(function.node)
    loops = [one for one in nodes if isinstance(one, ast.For) and one.lineno < load.lineno]
    inside = [loop for loop in loops if any(one is load for one in walk(loop))]
    mine = sources(load, function) if surely else set(nodes)
    # In a loop of its own an entry is copied or not; else all that came before may sort them out.
    for loop in inside or [one for one in loops if one in mine]:
        found.update(_passed_over(loop, load, nodes, surely=surely))
    for loop in inside:
        found.update(_left_out(nodes, loop.iter, [one for one in loops if one not in inside]))
    if not inside:
        for one in mine:
            if isinstance(one, (ast.expr, ast.Delete)) and one.lineno <= load.lineno:
                found.update(_removed(one))
        for loop in loops:
            if loop in mine and not (surely and puts_back(loop)):
                found.update(_removed_in(loop, nodes, function.module.tree))
    return frozenset(word for word in found if len(word) >= _SHORTEST)


def _excluded(load: ast.expr) -> Iterator[str]:
    """Words that the load itself is told to leave out: ``restore(net, exclude=["fc"])``"""
    for keyword in load.keywords if isinstance(load, ast.Call) else ():
        if keyword.arg is not None and _LEFT_OUT.match(keyword.arg):
            yield from _texts(keyword.value)


@functools.cache  # the same is asked of a load for each model that it may fill
def kept_words(function: Function, load: ast.AST) -> frozenset[str]:
    """The words that an entry has to have, or to begin with, to be loaded at all."""
    found: set[str] = set()
    end = load.lineno if isinstance(load, ast.expr) else 0
    nodes = walk_scope(function.node)
    for node in nodes:
        match node:
            case ast.For(lineno=line, iter=source) if line < end and not is_of_model(source):
                for one in takes_one_of(node, load, nodes):
                    found.update(_asked(one.test))
            case ast.DictComp(lineno=line, generators=generators) if line <= end:
                for generator in generators:
                    for condition in generator.ifs if not is_of_model(generator.iter) else ():
                        found.update(_asked(condition))
            case ast.Call(
                lineno=line, func=ast.Name(id="filter"), args=[ast.Lambda(body=asked), source]
            ) if line <= end and not is_of_model(source):
                found.update(_asked(asked))
            case _:
                pass
    return frozenset(found)


def _asked(test: ast.expr) -> Iterator[str]:
    """What a key has to have to pass a test, of which each part may ask for something."""
    for part in test.values if _is_and(test) else [test]:
        yield from _words(part)


def _is_and(test: ast.expr) -> TypeGuard[ast.BoolOp]:
    return isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And)


def list_of_kept(function: Function) -> str | None:
    """The list that an entry's layer has to be on: ``key.split(".")[0] in self.layers``.

    What stands in it is for whoever configures the model to say.
    """
    for node in walk(function.node):
        match node:
            case ast.Compare(
                left=ast.Subscript(
                    value=ast.Call(func=ast.Attribute(attr="split")), slice=ast.Constant(value=0)
                ),
                ops=[ast.In()],
                comparators=[ast.Attribute() | ast.Name() as given],
            ):
                return dotted(given)
            case _:
                pass
    return None


def is_skipped(attribute: str, words: Iterable[str]) -> str:
    """The word by which the entries of an attribute are left out; ``""``: they are not."""
    for word in sorted(words):
        parts = [part for part in word.split(".") if part]
        if len(parts) == 1:
            if parts[0] in attribute:
                return word
            continue
        if _layer_of(word).rpartition(".")[2] == attribute:
            return word
    return ""


def are_left_out(attribute: str, words: Iterable[str]) -> bool:
    """Whether none of the entries of an attribute are loaded, as far as words tell."""
    return is_skipped(attribute, words).strip(".") == attribute


def is_short_of(attribute: str, words: Iterable[str]) -> bool:
    """Whether a single layer, or one of a part, is left out, by keys of its tensors or its own.

    ``del state["head.4.weight"]``, and ``if "head.4" in key: del state[key]``
    """
    mine = re.compile(rf"(?:module\.)?{re.escape(attribute)}(?P<place>\.\d+)?")
    for word in words:
        match = mine.fullmatch(_layer_of(word))
        if match and (match["place"] or word.rpartition(".")[2] in _TENSORS):
            return True
    return False


def classifiers(words: Iterable[str]) -> frozenset[str]:
    """The names of a classification network's last layer among words that are left out."""
    names = (_layer_of(word) for word in words)
    return frozenset(name for name in names if name in _CLASSIFIERS)


def _layer_of(word: str) -> str:
    parts = [part for part in word.split(".") if part]
    while len(parts) > 1 and parts[-1] in _TENSORS:
        parts.pop()
    return ".".join(parts)


def _passed_over(
    loop: ast.For, load: ast.expr | ast.stmt, nodes: list[ast.AST], *, surely: bool = False
) -> Iterator[str]:
    for statement in flat(loop.body):
        if isinstance(statement, ast.If) and statement.lineno < load.lineno:
            if isinstance(statement.body[-1], ast.Continue):
                if not (surely and is_taken_before(statement, loop, load, nodes)):
                    yield from _words(statement.test)
            elif not statement.orelse and takes_entry(statement, loop, load, nodes):
                yield from _words(_opposite(statement.test))


def _left_out(nodes: list[ast.AST], source: ast.expr, loops: list[ast.For]) -> set[str]:
    """Words by which entries were left out of what a loop goes over: ``for name in mapping``.

    Those by which all the loops do that fill it; nothing where other code fills it as well.
    """
    if isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute):
        source = source.func.value  # mapping.items()
    if not isinstance(source, ast.Name):
        return set()
    fillings = [one for one in nodes if _fills(one, source.id)]
    found: list[set[str]] = []
    for filling in fillings:
        around = [loop for loop in loops if any(one is filling for one in walk(loop))]
        if not around:
            return set()
        found.append({word for loop in around for word in _passed_over(loop, filling, nodes)})
    return set.intersection(*found) if found else set()


def _fills(node: ast.AST, name: str) -> TypeGuard[ast.expr | ast.stmt]:
    """``mapping[key] = value``, ``mapping.update(more)``; that it is made empty is no filling."""
    match node:
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=filled))]):
            return filled == name
        case ast.Assign(targets=[ast.Name(id=bound)], value=value):
            return bound == name and not makes_empty(value)
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id=filled), attr="update" | "append" | "extend")
        ):
            return filled == name
        case _:
            return False


def _removed(node: ast.expr | ast.Delete) -> Iterator[str]:
    """``del state["fc.weight"]``, ``state.pop("fc.weight")``, ``{... if "fc" not in key}``"""
    match node:
        case ast.Delete(targets=targets):
            for target in targets:
                if isinstance(target, ast.Subscript):
                    yield from _keys(target.slice)
        case ast.Call(func=ast.Attribute(attr="pop"), args=[key, *_]):
            yield from _keys(key)
        case ast.DictComp(generators=generators):
            for generator in generators:
                for condition in generator.ifs:
                    yield from _words(_opposite(condition))
        case ast.Call(func=ast.Name(id="filter"), args=[ast.Lambda(body=condition), _]):
            yield from _words(_opposite(condition))
        case _:
            pass


def _removed_in(loop: ast.For, nodes: list[ast.AST], module: ast.Module) -> Iterator[str]:
    """``for key in list(state): if "fc" in key: del state[key]``, and over keys that are listed.

    What is listed is written out, or is all of the keys that pass a test.
    """
    if not isinstance(loop.target, ast.Name):
        return
    key = loop.target.id
    for statement in flat(loop.body):
        if isinstance(statement, ast.If) and any(_takes_out(one, key) for one in statement.body):
            yield from _words(statement.test)
    if any(_takes_out(one, key) for one in walk(loop)):
        for listed in _listed(loop.iter, nodes, module):
            yield from _keys(listed)
        yield from listed_words(loop, nodes, module)


def listed_words(loop: ast.For, nodes: list[ast.AST], module: ast.Module) -> Iterator[str]:
    """The words that keys have which a loop goes over: ``for k in [k for k in own if ...]``"""
    for listed in _listed(loop.iter, nodes, module):
        if isinstance(listed, (ast.ListComp, ast.GeneratorExp, ast.SetComp)):
            for generator in listed.generators:
                for condition in generator.ifs:
                    yield from _words(condition)


def _listed(source: ast.expr, nodes: list[ast.AST], module: ast.Module) -> Iterator[ast.expr]:
    """What a loop goes over, or what gives the variable that it goes over: here, or outside."""
    yield source
    if isinstance(source, ast.Name):
        for node in (*nodes, *module.body):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == source.id:
                    yield value
                case _:
                    pass


def _takes_out(node: ast.AST, key: str) -> bool:
    """``del state[key]``, ``state.pop(key)``"""
    match node:
        case ast.Delete(targets=[ast.Subscript(slice=ast.Name(id=name))]):
            return name == key
        case ast.Expr(value=ast.Call() as call):
            return _takes_out(call, key)
        case ast.Call(func=ast.Attribute(attr="pop"), args=[ast.Name(id=name), *_]):
            return name == key
        case _:
            return False


def _words(test: ast.expr) -> Iterator[str]:
    """What a key that passes the test contains, begins with or is; each alone is enough."""
    match test:
        case ast.BoolOp(op=ast.Or(), values=parts):
            for part in parts:
                yield from _words(part)
        case ast.Compare(left=left, ops=[ast.In()], comparators=[given]) if isinstance(
            given, ast.Name
        ) or _is_first(given):
            yield from _texts(left)
        case ast.Compare(left=left, ops=[ast.Eq() | ast.In()], comparators=[given]):
            if isinstance(left, ast.Name) or _is_first(left):
                yield from _texts(given)
        case ast.Call(func=ast.Attribute(attr="startswith", value=asked), args=[given]) if (
            isinstance(asked, ast.Name) or _is_first(asked)
        ):
            yield from _texts(given)
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="re"), attr="match" | "fullmatch"),
            args=[ast.Constant(value=str(pattern)), _],
        ):
            yield from _alternatives(pattern)
        case _:
            pass


def _alternatives(pattern: str) -> list[str]:
    """``enc`` and ``dec`` of ``(enc|dec)\\.``: what a key begins with that a pattern matches."""
    match = _BEGINNING.match(pattern)
    return match[1].split("|") if match is not None else []


def _is_first(expr: ast.expr) -> bool:
    """``parts[0]``, as of ``key.split(".")``, or that call's at once"""
    match expr:
        case ast.Subscript(
            value=ast.Name() | ast.Call(func=ast.Attribute(value=ast.Name(), attr="split")),
            slice=ast.Constant(value=0),
        ):
            return True
        case _:
            return False


def _opposite(test: ast.expr) -> ast.expr:
    """The test that fails where this one passes, as far as :func:`_words` reads it."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return operand
        case ast.Compare(left=left, ops=[ast.NotIn()], comparators=given):
            return ast.Compare(left, [ast.In()], given)
        case ast.Compare(left=left, ops=[ast.NotEq()], comparators=given):
            return ast.Compare(left, [ast.Eq()], given)
        case ast.BoolOp(op=ast.And(), values=parts):
            return ast.BoolOp(ast.Or(), [_opposite(part) for part in parts])
        case _:
            return ast.Constant(value=None)


def _keys(expr: ast.expr) -> Iterator[str]:
    """Names of tensors; other dicts have other keys."""
    return (text for text in _texts(expr) if "." in text)


def _texts(expr: ast.expr) -> Iterator[str]:
    match expr:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            for part in parts:
                yield from _texts(part)
        case _:
            pass
