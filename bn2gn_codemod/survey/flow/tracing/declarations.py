"""Which classes and functions there are, which names each scope binds, and what extends what."""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.tracing.computed_globals import declare_computed
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import all_arguments, bound_names, flat
from bn2gn_codemod.survey.syntax.nodes import dotted as dotted_name
from bn2gn_codemod.survey.values import Class, Function


def declare(flow: Flow) -> None:
    """Find classes, functions and the names that each scope binds."""
    for module in flow.modules:
        function = Function("", module, module.tree)
        flow.top_level[module.path] = function
        _declare_body(flow, module.tree.body, function, None)
        declare_computed(function)


def link_bases(flow: Flow) -> None:
    """Find the repository bases of every class; call it after the imports."""
    named = {(cls.path, cls.name): cls for cls in flow.classes}
    for cls in flow.classes:
        _link_bases(flow, named, cls)


def _declare_body(
    flow: Flow, body: list[ast.stmt], scope: Function, cls: Class | None, prefix: str = ""
) -> None:
    for statement in flat(body):
        if isinstance(statement, ast.ClassDef):
            made = Class(prefix + statement.name, scope.module, statement)
            flow.class_of[statement] = made
            flow.classes.append(made)
            flow.class_names.add(made.name)
            if cls is None:
                scope.locals.add(statement.name)
            _declare_body(flow, statement.body, scope, made, made.name + ".")
        elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if cls is None:
                scope.locals.add(statement.name)
            _declare_function(flow, statement, scope, cls, prefix)
        elif cls is None:
            scope.locals.update(bound_names(statement))
            if isinstance(statement, ast.Global):
                scope.global_names.update(statement.names)
            elif isinstance(statement, ast.Nonlocal):
                scope.nonlocal_names.update(statement.names)
    if cls is None:
        scope.locals -= scope.global_names | scope.nonlocal_names


def _declare_function(
    flow: Flow,
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    scope: Function,
    cls: Class | None,
    prefix: str,
) -> None:
    function = Function(prefix + node.name, scope.module, node, cls, scope)
    function.is_static = any(
        isinstance(decorator, ast.Name) and decorator.id == "staticmethod"
        for decorator in node.decorator_list
    )
    function.locals.update(argument.arg for argument in all_arguments(node.args))
    flow.function_of[node] = function
    flow.functions.append(function)
    if cls is not None:
        cls.methods[node.name] = function
    _declare_body(flow, node.body, function, None, prefix + node.name + ".")


def _link_bases(flow: Flow, named: dict[tuple[str, str], Class], cls: Class) -> None:
    for base in cls.node.bases:
        dotted = dotted_name(base)
        if dotted is None:
            continue
        # A class defined in a function may extend its neighbour there.
        neighbour = cls.name[: -len(cls.node.name)] + dotted
        found: Class | str | None = named.get((cls.path, neighbour))
        if found is None or found is cls:  # ``class Net(Net)`` extends what it replaces
            found = _imported(flow, named, cls, dotted)
        for one in [found] if isinstance(found, Class) else _held(flow, named, cls, dotted, found):
            if not isinstance(one, Class):
                cls.external_bases.append(one)
            elif cls not in one.ancestors() and one not in cls.parents:
                cls.parents.append(one)
                one.children.append(cls)


def _held(
    flow: Flow, named: dict[tuple[str, str], Class], cls: Class, base: str, otherwise: str
) -> list[Class | str]:
    """The classes that a variable may hold which a class in a function extends.

    Each is one of its bases, and any of them may be what ``super()`` means. What a constructor
    that is inherited would be handed goes to one of them alone, so the class needs its own.
    """
    scope = next((method.outer for method in cls.methods.values()), None)
    if scope is None or scope.outer is None or base not in scope.locals:
        return [otherwise]
    is_own = "__init__" in cls.methods and base not in scope.parameters
    values = _assigned(scope.node, base) if is_own else []
    found = [_imported(flow, named, cls, value) for value in dict.fromkeys(values)]
    cls.is_one_of_several = len(found) > 1
    cls.has_open_base = not found
    return found or [otherwise]


def _assigned(function: ast.AST, name: str) -> list[str]:
    """The names that assignments give a variable of a function; none if it may be anything."""
    found: list[str] = []
    for statement in flat(getattr(function, "body", [])):
        match statement:
            case ast.Assign(targets=[ast.Name(id=one)], value=value) if one == name:
                parts = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
                texts = [dotted_name(part) for part in parts if not _is_none(part)]
                if None in texts:
                    return []
                found += filter(None, texts)
            case _ if name in bound_names(statement):
                return []
            case _:
                pass
    return found


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _imported(
    flow: Flow, named: dict[tuple[str, str], Class], cls: Class, dotted: str
) -> Class | str:
    """A class, other than ``cls``, named at the top level of its module, through imports."""
    module = cls.module
    name, *rest = dotted.split(".")
    seen: set[tuple[str, str]] = set()
    while (module.path, name) not in seen:
        seen.add((module.path, name))
        found = named.get((module.path, ".".join([name, *rest])))
        if found is not None and found is not cls:
            return found
        package = flow.packages.get((flow.top_level[module.path], name), {})
        inside = next((end for end in range(len(rest), 0, -1) if tuple(rest[:end]) in package), 0)
        if inside and inside < len(rest):  # ``import nets.body``, and ``nets.body.Body``
            module = package[tuple(rest[:inside])]
            name, *rest = rest[inside:]
            continue
        bound = flow.bindings.get((module.path, name))
        if bound is None:
            break
        target, attribute = bound
        if isinstance(target, Module):
            module = target
            if attribute is not None:
                name = attribute
            elif rest:
                name, *rest = rest
            else:
                break
        else:
            return ".".join([target, *rest])
    return dotted
