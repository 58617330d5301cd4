"""Under which conditions code runs: what the ``if`` around it, and the exits before it, ask.

Only what is asked about one name, or one attribute of a name, is compared, and
only where nothing gives the name another value in between.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple, TypeGuard

from bn2gn_codemod.survey.statements.unpacked_keywords import brought
from bn2gn_codemod.survey.syntax.nodes import dotted, is_off, is_super, unpacks, walk
from bn2gn_codemod.survey.values import Function

_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
# Arguments of constructors by which networks come with their weights.
_ASKS_FOR_WEIGHTS = ("pretrained", "weights")


class Condition(NamedTuple):
    """That a name, as ``owner`` (a function, or the path of a module) knows it, is true or not."""

    text: str  # ``pretrained``, ``cfg.MODEL.PRETRAINED``
    holds: bool
    owner: Function | str
    of_text: bool = False  # that it is a text, a path or a URL, and not merely true


Conditions = frozenset[Condition]
NONE: Conditions = frozenset()


def exclude(first: Conditions, second: Conditions) -> bool:
    """Whether what runs under the first ones does not run under the second ones."""
    return any(one._replace(holds=not one.holds) in second for one in first)


def conditions_at(function: Function, node: ast.AST) -> Conditions:
    """What must be so in a function for the code at ``node`` to run."""
    asked = (_asked(function, *outcome) for outcome in outcomes_at(function, node))
    return frozenset(dict.fromkeys(one for each in asked for one in each))


def outcomes_at(function: Function, node: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
    """The tests on the way to the code at ``node``, and how each must come out."""
    holder: ast.AST = function.node
    for block, index in blocks_around(function.node, node):
        yield from _of_block(holder, block)
        for statement in block[:index]:
            if isinstance(statement, ast.If):
                yield from _of_exit(statement)
        holder = block[index]


def weights_asked(function: Function, node: ast.AST) -> Conditions:
    """``pretrained`` of ``resnet18(pretrained=pretrained)``, without which it loads nothing."""
    if not isinstance(node, ast.Call):
        return NONE
    values = [keyword.value for keyword in node.keywords if keyword.arg in _ASKS_FOR_WEIGHTS]
    named = ((dotted(value) or "").rpartition(".")[2] for value in node.args[:1])
    values += [value for value, name in zip(node.args, named, strict=False) if name == "pretrained"]
    return frozenset(one for value in values[:1] for one in _given_if(function, value))


def _given_if(function: Function, value: ast.expr) -> Iterator[Condition]:
    """When an argument is on: ``pretrained`` of ``Weights.DEFAULT if pretrained else None``."""
    match value:
        case ast.IfExp(test=test, body=body, orelse=orelse) if is_off(body) is not is_off(orelse):
            yield from _asked(function, test, is_off(orelse))
        case _:
            yield from _asked(function, value, True)


def conditions_above(
    conditions: Conditions, function: Function, call: ast.Call, caller: Function
) -> Conditions | None:
    """The conditions as the caller knows them; ``None`` where the call does not meet them."""
    found: set[Condition] = set()
    for condition in conditions:
        if condition.owner is not function:
            if isinstance(condition.owner, str) or condition.owner is caller:
                found.add(condition)
            continue
        root, _, rest = condition.text.partition(".")
        if root == "self":
            if _is_on_self(call):
                found.add(condition._replace(owner=owner_of(caller, "self")))
                found.update(_of_stored(caller, condition))
            continue
        is_of_rest = (
            root == function.keywords_parameter
        )  # ``kwargs.pretrained``, see ``_handed_on``
        given = handed(function, call, condition.text if is_of_rest else root)
        if given is None:
            if is_of_rest or not rest:
                above_it = _handed_on(condition, function, call, caller)
                if above_it is None:
                    return None
                found.update(above_it)
            continue
        if is_of_rest:
            rest = ""
        if not rest and isinstance(given, ast.Constant):
            if not _is_met(condition, given):
                return None
            continue
        text = dotted(given)
        if not rest:
            asked = _asked(caller, given, condition.holds)
            found.update(one._replace(of_text=condition.of_text) for one in asked)
        elif text is not None and is_steady(caller, given, f"{text}.{rest}"):
            above = f"{text}.{rest}"
            owner = owner_of(caller, text.partition(".")[0])
            found.add(Condition(above, condition.holds, owner, condition.of_text))
    return frozenset(found)


def _is_met(condition: Condition, given: ast.Constant) -> bool:
    is_so = isinstance(given.value, str) if condition.of_text else bool(given.value)
    return is_so is condition.holds


def _handed_on(
    condition: Condition, function: Function, call: ast.Call, caller: Function
) -> Conditions | None:
    """What ``**options`` must bring for a condition to be met that is not without it.

    Of the caller's own ``**kwargs`` that is a condition again: ``kwargs.pretrained``. Who calls it
    without is none who meets it.
    """
    root, _, rest = condition.text.partition(".")
    if not rest:
        default = _default_of(function, call, root)
        if default is None or _is_met(condition, default):
            return NONE  # not known, or met already
    bring = brought(caller, call, rest or root)
    if bring is None:
        return NONE
    if bring.parameter is not None:
        return frozenset(
            {condition._replace(text=f"{bring.parameter}.{rest or root}", owner=caller)}
        )
    is_brought = any(
        not isinstance(one, ast.Constant) or _is_met(condition, one) for one in bring.values
    )
    return NONE if is_brought else None


def _default_of(function: Function, call: ast.Call, name: str) -> ast.Constant | None:
    """What a parameter is if no ``**options`` of a call bring it, and no ``*args`` may."""
    if any(isinstance(one, ast.Starred) for one in call.args):
        return None
    bare = ast.Call(func=call.func, args=call.args, keywords=[])
    default = passed(function, bare, name)
    return default if isinstance(default, ast.Constant) else None


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((one.value for one in call.keywords if one.arg == name), None)


# ------------------------------------------------------------------ blocks


def blocks_around(scope: ast.AST, node: ast.AST) -> list[tuple[list[ast.stmt], int]]:
    """The blocks that ``node`` stands in, outermost first, and where in each."""
    found: list[tuple[list[ast.stmt], int]] = []
    current: ast.AST = scope
    while True:
        step = _step(current, node)
        if step is None:
            return found
        found.append(step)
        current = step[0][step[1]]
        if current is node:
            return found


def _step(holder: ast.AST, node: ast.AST) -> tuple[list[ast.stmt], int] | None:
    holders = [holder, *getattr(holder, "handlers", ()), *getattr(holder, "cases", ())]
    for part in holders:
        for field in ("body", "orelse", "finalbody"):
            block = getattr(part, field, None)
            if not isinstance(block, list):
                continue
            for index, statement in enumerate(block):
                if _spans(statement, node) and any(inner is node for inner in walk(statement)):
                    return block, index
    return None


def _spans(statement: ast.stmt, node: ast.AST) -> bool:
    """Whether the node's line is one of the statement's, decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    line: int = getattr(node, "lineno", first)
    return first <= line <= (statement.end_lineno or first)


def _of_block(holder: ast.AST, block: list[ast.stmt]) -> Iterator[tuple[ast.expr, bool]]:
    if isinstance(holder, ast.If):
        yield holder.test, block is holder.body


def _of_exit(statement: ast.If) -> Iterator[tuple[ast.expr, bool]]:
    """``if pretrained: ... return``: what comes after it runs without."""
    if isinstance(statement.body[-1], _LEAVES):
        yield statement.test, False
    if statement.orelse and isinstance(statement.orelse[-1], _LEAVES):
        yield statement.test, True


# ------------------------------------------------------------------- tests


def _asked(function: Function, test: ast.expr, holds: bool) -> Iterator[Condition]:
    """What a test that comes out as ``holds`` says of single names."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _asked(function, operand, not holds)
        case ast.BoolOp(op=op, values=values) if isinstance(op, ast.And) is holds:
            for value in values:
                yield from _asked(function, value, holds)
        case ast.Compare(left=left, ops=[op], comparators=[ast.Constant(value=value)]):
            is_same = isinstance(op, (ast.Is, ast.Eq))
            if is_same or isinstance(op, (ast.IsNot, ast.NotEq)):
                if value is None or value is False or value == "":
                    yield from _asked(function, left, holds is not is_same)
                elif value is True:
                    yield from _asked(function, left, holds is is_same)
        case (
            ast.Call(func=ast.Name(id="isinstance"), args=[subject, kind])
            | ast.Compare(
                left=ast.Call(func=ast.Name(id="type"), args=[subject]),
                ops=[ast.Eq() | ast.Is()],
                comparators=[kind],
            )
        ) if holds:
            is_text = isinstance(kind, ast.Name) and kind.id == "str"
            if is_text or isinstance(subject, ast.Name):
                for one in _asked(function, subject, holds):
                    yield from (one, one._replace(of_text=True)) if is_text else (one,)
        # No path is none of a file.
        case ast.Call(func=ast.Attribute(attr="isfile" | "exists"), args=[ast.Name() as path]) if (
            holds
        ):
            yield from _asked(function, path, holds)
        case ast.Name() | ast.Attribute():
            text = dotted(test)
            if text is not None and is_steady(function, test, text):
                found = Condition(text, holds, owner_of(function, text.partition(".")[0]))
                yield found
                yield from _of_stored(function, found)


def _of_stored(function: Function, condition: Condition) -> Iterator[Condition]:
    """``pretrained`` of ``self.pretrained``, where a function stores the one as the other."""
    if not condition.text.startswith("self."):
        return
    for node in walk(function.node):
        match node:
            case ast.Assign(targets=[target], value=ast.Name() as value):
                if dotted(target) == condition.text:
                    yield from _asked(function, value, condition.holds)


def owner_of(function: Function, root: str) -> Function | str:
    """The function that a name is local to, else the path of the module."""
    scope: Function | None = function
    while scope is not None and not isinstance(scope.node, ast.Module):
        if root in scope.parameters or (root in scope.locals and root not in scope.global_names):
            return scope
        scope = scope.outer
    return function.module.path


def is_steady(function: Function, expr: ast.expr, text: str) -> bool:
    """Whether a name that ``expr`` asks for has had one value until then."""
    root, _, rest = text.partition(".")
    owner = owner_of(function, root)
    is_given = isinstance(owner, Function) and root in owner.parameters
    where = owner.node if isinstance(owner, Function) else function.module.tree
    is_here = where is function.node and not any(
        isinstance(block[index], (ast.For, ast.AsyncFor, ast.While))
        for block, index in blocks_around(where, expr)
    )
    nodes = walk(where)
    restored = {node.targets[0] for node in nodes if _restores(node, root)}
    stores = [
        node.lineno
        for node in nodes
        if isinstance(node, ast.Name) and node.id == root and isinstance(node.ctx, ast.Store)
        if node not in restored
    ]
    before = [line for line in stores if not is_here or line < expr.lineno]
    if len(before) > (0 if is_given else 1):
        return False
    most = 1 if root == "self" else 0  # ``self.pretrained = pretrained``
    return not rest or _times_stored(function, text) <= most


def _restores(node: ast.AST, name: str) -> TypeGuard[ast.Assign]:
    """``args = checkpoint["args"]``: what the training was started with that goes on.

    ``pretrained = "imagenet" if pretrained else None`` is what it was, too: on or off.
    """
    match node:
        case ast.Assign(
            targets=[ast.Name(id=target)],
            value=ast.IfExp(test=ast.Name(id=asked), body=ast.Constant() as on, orelse=off),
        ):
            return target == name == asked and not is_off(on) and is_off(off)
        case ast.Assign(
            targets=[ast.Name(id=target)], value=ast.Subscript(slice=ast.Constant(value=key))
        ):
            return target == name == key
        case _:
            return False


def _times_stored(function: Function, text: str) -> int:
    return sum(
        isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and dotted(node) == text
        for node in walk(function.module.tree)
    )


# --------------------------------------------------------------- arguments


def _is_on_self(call: ast.Call) -> bool:
    """``self.f()`` and ``super().f()``."""
    if not isinstance(call.func, ast.Attribute):
        return False
    owner = call.func.value
    return (isinstance(owner, ast.Name) and owner.id == "self") or is_super(owner)


def handed(function: Function, call: ast.Call, text: str) -> ast.expr | None:
    """What a call hands to a parameter, or to a key of ``**kwargs``: ``kwargs.pretrained``."""
    root, _, key = text.partition(".")
    if key and root == function.keywords_parameter:
        return _keyword(call, key)
    return passed(function, call, text)


def passed(function: Function, call: ast.Call, parameter: str) -> ast.expr | None:
    """What a call hands to a parameter, its default included; ``None`` if that is not seen."""
    scope = function.node
    if not isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    if parameter not in function.parameters - function.extra_parameters:
        return None
    value = _keyword(call, parameter)
    names = [argument.arg for argument in (*scope.args.posonlyargs, *scope.args.args)]
    if function.class_ is not None and not function.is_static:
        names = names[1:]
    if value is None and parameter in names:
        given = call.args[: names.index(parameter) + 1]
        if any(isinstance(argument, ast.Starred) for argument in given):
            return None
        value = given[-1] if len(given) > names.index(parameter) else None
    if value is None and unpacks(call):
        return None  # ``**kwargs`` may bring it
    return value if value is not None else _default(scope, parameter)


def _default(scope: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> ast.expr | None:
    arguments = scope.args
    positional = [*arguments.posonlyargs, *arguments.args]
    for argument, default in zip(reversed(positional), reversed(arguments.defaults), strict=False):
        if argument.arg == name:
            return default
    for argument, keyword_default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if argument.arg == name:
            return keyword_default
    return None
