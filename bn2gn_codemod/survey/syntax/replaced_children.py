"""Functions that go through a model and replace its layers: ``convert_model(module)``."""

from __future__ import annotations

import ast
import functools

from bn2gn_codemod.survey.syntax.nodes import (
    FunctionNode,
    all_arguments,
    call_name,
    flat,
    goes_over_children,
    target_names,
    walk,
)

# What makes a new object, or gives the one that it is asked of, under names of all lower case.
_MAKES_NEW = frozenset({"cls", "type", "__class__", "copy", "deepcopy"})
_GIVES_ITSELF = frozenset({"to", "cuda", "cpu", "float", "half", "eval", "train", "requires_grad_"})

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@functools.cache
def replaces_children(function: ast.AST) -> bool:
    """Whether a function goes over a module's children and puts its own result in their place.

    ``for name, child in module.named_children(): new.add_module(name, convert(child))``
    What it gives is the module or a new one: it looks up none that stands elsewhere.
    """
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    return _puts_results_in(function) and _gives_own(function)


@functools.cache
def calls_what_it_is_handed(function: ast.AST) -> bool:
    """Whether what a function makes depends on code that callers hand it: ``make(old, new)``."""
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    calls = (node for node in walk(function) if isinstance(node, ast.Call))
    return any(_is_handed_maker(function, call.func) for call in calls)


def _puts_results_in(function: FunctionNode) -> bool:
    for loop in flat(function.body):
        if isinstance(loop, ast.For) and goes_over_children(loop.iter):
            results: set[str] = set()  # new = convert(child)
            for statement in flat(loop.body):
                value = _stored(statement)
                if isinstance(value, ast.Name) and value.id in results:
                    return True
                if isinstance(value, ast.Call) and call_name(value) == function.name:
                    return True
                match statement:
                    case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                        if call_name(call) == function.name:
                            results.add(name)
                    case _:
                        pass
    return False


def _is_own(function: FunctionNode, given: ast.expr, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a value is what the function was handed, or is made there."""
    match given:
        case ast.Constant(value=None):
            return True
        case ast.IfExp(body=body, orelse=orelse):
            return all(_is_own(function, one, seen) for one in (body, orelse))
        case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in _GIVES_ITSELF:
            return _is_own(function, owner, seen)
        case ast.Call(func=ast.Call() as maker):  # type(module)(...)
            return call_name(maker) == "type"
        case ast.Call():
            name = call_name(given)
            is_class = name.lstrip("_")[:1].isupper()
            is_class = is_class or name in _looped(function)
            is_new = is_class or name in _MAKES_NEW or name == function.name
            return is_new or _is_handed_maker(function, given.func)
        case ast.Attribute(value=owner, attr="module"):  # what nn.DataParallel is put around
            return _is_own(function, owner, seen)
        case ast.Name(id=name) if name in seen:
            return True
        case ast.Name(id=name):
            values = _assigned(function, name)
            is_handed = any(one.arg == name for one in all_arguments(function.args))
            return (is_handed or bool(values)) and all(
                value is not None and _is_own(function, value, seen | {name}) for value in values
            )
        case _:
            return False


def _gives_own(function: FunctionNode) -> bool:
    inner = (one for one in walk(function) if one is not function and isinstance(one, _FUNCTIONS))
    of_inner = {id(node) for one in inner for node in walk(one)}
    return all(
        node.value is None or _is_own(function, node.value)
        for node in walk(function)
        if isinstance(node, ast.Return) and id(node) not in of_inner
    )


def _is_handed_maker(function: FunctionNode, called: ast.expr) -> bool:
    """Whether a parameter is called, for which an inner function may stand in that makes one."""
    if not isinstance(called, ast.Name):
        return False
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    known = dict(zip([one.arg for one in positional], defaults, strict=True))
    known.update(zip([one.arg for one in arguments.kwonlyargs], arguments.kw_defaults, strict=True))
    if called.id not in known:
        return False
    default = known[called.id]
    inner = {one.name: one for one in function.body if isinstance(one, _FUNCTIONS)}
    return (
        default is None or (isinstance(default, ast.Constant) and default.value is None)
    ) and all(
        isinstance(value, ast.Name) and value.id in inner and _gives_own(inner[value.id])
        for value in _assigned(function, called.id)
    )


def _looped(function: FunctionNode) -> set[str]:
    """The variables of loops: ``for old, new in zip(old_classes, new_classes): ...``"""
    loops = (node for node in walk(function) if isinstance(node, ast.For))
    return {name for loop in loops for name in target_names(loop.target)}


def _assigned(function: FunctionNode, name: str) -> list[ast.expr | None]:
    """What a function gives a variable, ``None`` for what is not written as one value."""
    found: list[ast.expr | None] = []
    for node in walk(function):
        match node:
            case ast.Assign(targets=[*targets], value=value):
                for target in targets:
                    if name in target_names(target):
                        found.append(value if isinstance(target, ast.Name) else None)
            case ast.AnnAssign(target=ast.Name(id=stored), value=value) if stored == name:
                found.append(value)
            case ast.For(target=target) | ast.NamedExpr(target=target):
                found.extend([None] if name in target_names(target) else [])
            case ast.withitem(optional_vars=ast.expr() as target):
                found.extend([None] if name in target_names(target) else [])
            case _:
                pass
    return found


def _stored(statement: ast.stmt) -> ast.expr | None:
    """The value of ``m.add_module(k, v)``, ``setattr(m, k, v)`` and ``m._modules[k] = v``."""
    match statement:
        case ast.Expr(value=ast.Call() as call) if call_name(call) in ("add_module", "setattr"):
            return call.args[-1] if call.args else None
        case ast.Assign(targets=[ast.Subscript()], value=value):
            return value
        case _:
            return None
