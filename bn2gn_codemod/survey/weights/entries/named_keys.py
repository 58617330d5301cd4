"""The layers that code speaks of where it loads weights: ``key.replace("layer4", "neck")``.

A checkpoint of a well-known network has no neck. But an entry of it may be given another
name, and what is loaded by a list is what the list names.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.syntax.nodes import call_name, walk
from bn2gn_codemod.survey.values import Class, Function, FunctionValue
from bn2gn_codemod.survey.weights.files.named_files import file_of_a_task

_NAME = re.compile(r"[A-Za-z_]\w*")
_TENSOR = re.compile(r"(?:\w+\.)+(?:weight|bias|running_mean|running_var|num_batches_tracked)")
# Methods by which a module sees, and may change, the state dict that is loaded into it.
_LOADERS = frozenset({"load_state_dict", "_load_from_state_dict"})
_HOOK = "load_state_dict_pre_hook"


class NamedKeys:
    """Finds the names in the code that loads weights."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._flow = contents.flow
        self._call_sites = CallSites(contents.flow)

    def of(self, call: LoadCall, cls: Class) -> frozenset[str]:
        """The names in strings of the code that loads the class, and of what it calls."""
        asked = _asked_of_settings(call)
        names = {name for one in self._functions(call, cls) for name in _names_in(one.node, asked)}
        if _takes_by_list(call.spot.function):
            names.update(self._listed_beside_others(cls))
        return frozenset(names)

    def tensors(self, call: LoadCall, cls: Class) -> frozenset[str]:
        """The keys of tensors that the same code asks for: ``if key == "final_layer.weight"``.

        Whoever tells such an entry apart, be it to leave it out, has seen a file that has it.
        """
        functions = self._functions(call, cls)
        return frozenset(key for one in functions for key in _tensors_in(one.node))

    def file_of_a_task(self, call: LoadCall) -> str:
        """Words that name the file after the data set of a task, if any do."""
        return file_of_a_task(call, self._call_sites)

    def _functions(self, call: LoadCall, cls: Class) -> dict[Function, None]:
        """The code that may look at the weights that a call loads into the class."""
        function = call.spot.function
        functions = {function: None, **dict.fromkeys(self._called_by(function))}
        if _is_handed_weights(call):
            functions.update((caller, None) for caller, _ in self._call_sites.of(function))
        functions.update(dict.fromkeys(hooks(cls)))
        return functions

    def _called_by(self, function: Function) -> Iterator[Function]:
        for _, call in self._flow.calls_in.get(function, ()):
            for value in self._flow.value_of(call.func):
                if isinstance(value, FunctionValue):
                    yield value.function

    def _listed_beside_others(self, cls: Class) -> Iterator[str]:
        """The attributes of the class that a list somewhere names together."""
        known = self._contents.names(cls)
        for names in self._lists:
            mine = names & known
            if len(mine) > 1:
                yield from mine

    @functools.cached_property
    def _lists(self) -> set[frozenset[str]]:
        lists = (
            _texts(node)
            for module in self._flow.modules
            for node in walk(module.tree)
            if isinstance(node, (ast.List, ast.Tuple)) and len(node.elts) > 1
        )
        return {names for names in lists if names}


def _texts(node: ast.List | ast.Tuple) -> frozenset[str]:
    """The strings of a list of nothing else."""
    found = [one.value for one in node.elts if isinstance(one, ast.Constant)]
    names = frozenset(one for one in found if isinstance(one, str))
    return names if len(found) == len(node.elts) else frozenset()


def hooks(cls: Class) -> Iterator[Function]:
    """The methods that may change what is loaded into an object of the class."""
    for one in cls.ancestors():
        has_hook = _HOOK.encode() in one.module.source.data and _HOOK in ast.unparse(one.node)
        for name, method in one.methods.items():
            if name in _LOADERS or (has_hook and ("hook" in name or _registers(method))):
                yield method


def _registers(method: Function) -> bool:
    return any(isinstance(node, ast.Attribute) and _HOOK in node.attr for node in walk(method.node))


def speaks_of(attribute: str, names: frozenset[str]) -> bool:
    """Whether an attribute is among the names, be it with a number that is put in: ``fuse{i}``."""
    return attribute in names or attribute.rstrip("0123456789") in names


def given_names(function: Function) -> frozenset[str]:
    """The names in keys that a function puts together: ``"neck." + key``, ``f"neck.{key}"``."""
    found: set[str] = set()
    for node in walk(function.node):
        match node:
            case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Add()):
                found.update(_NAME.findall(text))
            case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
                found.update(_NAME.findall(text))
            case ast.Call(
                func=ast.Attribute(attr="replace" | "sub"),
                args=[_, ast.Constant(value=str(text)), *_],
            ):
                found.update(_NAME.findall(text))
            case _:
                pass
    return frozenset(found)


def prefixes(expr: ast.AST) -> frozenset[str]:
    """The first names of keys that an expression puts together: ``own["neck." + key]``."""
    texts: set[str] = set()
    for node in walk(expr):
        match node:
            case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Add()):
                texts.add(text)
            case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
                texts.add(text)
            case _:
                pass
    return frozenset(text.partition(".")[0] for text in texts)


def _is_handed_weights(call: LoadCall) -> bool:
    """Whether the state dict is an argument of the function that loads it."""
    match call.spot.node:
        case ast.Call(args=[ast.Name(id=name), *_]):
            return name in call.spot.function.parameters
        case _:
            return False


def _asked_of_settings(call: LoadCall) -> set[ast.AST]:
    """``if "aux" in args.method``, below the load: the string cannot be a key of what is loaded."""
    load, nodes = call.spot.node, walk(call.spot.function.node)
    again = [one for one in nodes if isinstance(one, (ast.For, ast.AsyncFor, ast.While))]
    inside = {part for loop in again if load in walk(loop) for part in walk(loop)}
    return {
        node.left
        for node in nodes
        if isinstance(node, ast.Compare)
        and isinstance(node.comparators[0], ast.Attribute)
        and node.lineno > (load.end_lineno or load.lineno)
        and node not in inside
    }


def _names_in(node: ast.AST, beside: set[ast.AST]) -> Iterator[str]:
    """The words in strings that may be keys: prose has spaces. Those ``beside`` are none."""
    for one in walk(node) if not isinstance(node, ast.Module) else ():
        match one:
            case ast.Constant(value=str(text)) if one not in beside and not re.search(r"\s", text):
                yield from _NAME.findall(text)
            case _:
                pass


def _tensors_in(node: ast.AST) -> Iterator[str]:
    """The keys of tensors that code reads, compares with, takes out, or deletes."""
    for one in walk(node) if not isinstance(node, ast.Module) else ():
        match one:
            case ast.Compare(left=left, comparators=compared):
                asked = [left, *compared]
            case ast.Delete(targets=targets):
                asked = [target.slice for target in targets if isinstance(target, ast.Subscript)]
            case ast.Call(func=ast.Attribute(attr="pop"), args=[key, *_]):
                asked = [key]
            case ast.Subscript(value=owner, slice=key, ctx=ast.Load()) if ast.unparse(
                owner
            ) not in _own_states(node):
                asked = [key]
            case _:
                continue
        for key in asked:
            parts = key.elts if isinstance(key, (ast.Tuple, ast.List, ast.Set)) else [key]
            for part in parts:
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield from _TENSOR.findall(part.value)[:1]


def _own_states(node: ast.AST) -> Iterator[str]:
    """What code calls the entries that a model has before anything is loaded."""
    for one in walk(node):
        match one:
            case ast.Call(func=ast.Attribute(attr="state_dict")):
                yield ast.unparse(one)
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                pairs = zip(targets, values, strict=False)
                yield from (ast.unparse(name) for name, value in pairs if _is_state(value))
            case ast.Assign(targets=targets, value=value) if _is_state(value):
                yield from map(ast.unparse, targets)
            case _:
                pass


def _is_state(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and call_name(value) == "state_dict"


def _takes_by_list(function: Function) -> bool:
    """``if key.split(".")[0] in self.layers``"""
    return any(
        isinstance(node, ast.Compare)
        and isinstance(node.ops[0], ast.In)
        and isinstance(node.comparators[0], (ast.Name, ast.Attribute))
        and any(
            isinstance(part, ast.Attribute) and part.attr == "split" for part in walk(node.left)
        )
        for node in walk(function.node)
    )
