"""Questions that are answered by a piece of syntax alone."""

from __future__ import annotations

import ast
import bisect
import functools
from collections.abc import Iterator, Sequence

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


# Fields that hold no node, or one that says nothing by its place in the tree.
_LEAVES = {"id", "attr", "arg", "name", "asname", "module", "level", "names", "kind", "tag"}
_LEAVES |= {"type_comment", "conversion", "simple", "is_async", "rest", "kwd_attrs"}
_LEAVES |= {"ctx", "op", "ops"}
_CONSTANTS = (ast.Constant, ast.MatchSingleton)
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}  # what is looked at, found out once


def walk(node: ast.AST) -> list[ast.AST]:
    """``node`` and all below it, in the order of ``ast.walk`` and in a third of its time.

    Left out are operators, load and store contexts, and the names of imports.
    """
    found = [node]
    for parent in found:  # grows
        found += children(parent)
    return found


def walk_scope(scope: ast.AST) -> list[ast.AST]:
    """What a function walks through, and of a module what is not in a function or class."""
    if not isinstance(scope, ast.Module):
        return walk(scope)
    found: list[ast.AST] = [scope]
    for parent in found:  # grows
        found += (
            node
            for node in children(parent)
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        )
    return found


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes directly below ``node``, without those that ``walk`` leaves out."""
    kind = type(node)
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = _inner_fields(kind)
    found: list[ast.AST] = []
    for field in fields:
        part = getattr(node, field, None)
        if type(part) is list:
            found += part if None not in part else filter(None, part)
        elif part is not None:
            found.append(part)
    return found


def nodes_on(tree: ast.AST, lines: Sequence[int]) -> list[ast.AST]:
    """The nodes that stand on one of the sorted ``lines`` or around it, outermost first."""
    found = [tree]
    for parent in found:  # grows
        found += [child for child in children(parent) if _spans(child, lines)]
    return found


def _spans(node: ast.AST, lines: Sequence[int]) -> bool:
    if not isinstance(node, (ast.expr, ast.stmt)):  # others have no place of their own
        return True
    following = bisect.bisect_left(lines, node.lineno)
    return following < len(lines) and lines[following] <= (node.end_lineno or node.lineno)


def _inner_fields(kind: type[ast.AST]) -> tuple[str, ...]:
    if issubclass(kind, _CONSTANTS):
        return ()
    return tuple(field for field in kind._fields if field not in _LEAVES)


def flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of one scope, compound statements opened up."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for inner in blocks(statement):
            yield from flat(inner)


@functools.cache
def number_returned(function: ast.AST) -> int | None:
    """How many values a function gives, if it gives nothing but tuples of so many."""
    if not isinstance(function, ast.FunctionDef) or function.decorator_list:
        return None
    if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in walk(function)):
        return None
    numbers = {
        len(one.value.elts)
        if isinstance(one.value, ast.Tuple)
        and not any(isinstance(part, ast.Starred) for part in one.value.elts)
        else None
        for one in flat(function.body)
        if isinstance(one, ast.Return)
    }
    return numbers.pop() if len(numbers) == 1 else None


def blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks of a compound statement, in source order."""
    for field in ("body", "handlers", "orelse", "finalbody", "cases"):
        for_field = getattr(statement, field, None)
        if not for_field:
            continue
        if field in ("handlers", "cases"):
            for branch in for_field:
                yield branch.body
        else:
            yield for_field


def bound_names(statement: ast.stmt) -> Iterator[str]:
    """The names that a simple or compound statement's own header binds."""
    match statement:
        case ast.Assign():
            for target in statement.targets:
                yield from target_names(target)
        case ast.AnnAssign() | ast.AugAssign() | ast.For() | ast.AsyncFor():
            yield from target_names(statement.target)
        case ast.With() | ast.AsyncWith():
            for item in statement.items:
                if item.optional_vars is not None:
                    yield from target_names(item.optional_vars)
        case ast.Import():
            for alias in statement.names:
                yield alias.asname or alias.name.split(".")[0]
        case ast.ImportFrom():
            for alias in statement.names:
                if alias.name != "*":
                    yield alias.asname or alias.name
        case ast.Expr(value=ast.NamedExpr(target=ast.Name(id=name))):
            yield name
        case ast.Match():
            for branch in statement.cases:
                yield from captured_names(branch.pattern)
        case _:
            pass


def captured_names(pattern: ast.pattern) -> Iterator[str]:
    """The names that a pattern of a ``match`` statement binds."""
    for node in walk(pattern):
        name = node.rest if isinstance(node, ast.MatchMapping) else getattr(node, "name", None)
        if isinstance(node, ast.pattern) and name is not None:
            yield name


def exported_names(tree: ast.Module) -> list[str]:
    """What ``__all__`` lists, in order, as far as it is written out; empty without one."""
    found: list[str] = []
    for statement in flat(tree.body):
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id="__all__")], value=value)
                | ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.expr() as value)
                | ast.AugAssign(target=ast.Name(id="__all__"), value=value)
                | ast.Expr(
                    value=ast.Call(func=ast.Attribute(value=ast.Name(id="__all__")), args=[value])
                )
            ):
                found += [
                    node.value
                    for node in ast.walk(value)
                    if isinstance(node, ast.Constant) and isinstance(node.value, str)
                ]
    return found


def exports_no_more(tree: ast.Module) -> bool:
    """Whether ``__all__`` is one list of strings, so that a star import brings nothing else."""
    lists = [
        statement.value
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        and any(isinstance(one, ast.Name) and one.id == "__all__" for one in statement.targets)
    ]
    return (
        len(lists) == 1
        and isinstance(lists[0], (ast.List, ast.Tuple))
        and all(isinstance(element, ast.Constant) for element in lists[0].elts)
        and sum(isinstance(node, ast.Name) and node.id == "__all__" for node in walk(tree)) == 1
    )


def target_names(target: ast.expr) -> Iterator[str]:
    """The plain names in an assignment target."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from target_names(element)
    elif isinstance(target, ast.Starred):
        yield from target_names(target.value)


def root_of(expr: ast.expr) -> ast.expr:
    """What an expression such as ``state["bn1"].weight`` starts with."""
    while isinstance(expr, (ast.Attribute, ast.Subscript)):
        expr = expr.value
    return expr


def reads_as(expr: ast.expr, source: str) -> bool:
    """Whether ``ast.unparse`` would give ``source``, seldom asking it."""
    if isinstance(expr, ast.Name):
        return expr.id == source
    if isinstance(expr, ast.Attribute) and isinstance(expr.value, (ast.Name, ast.Attribute)):
        owner, _, name = source.rpartition(".")
        return name == expr.attr and reads_as(expr.value, owner)
    return ast.unparse(expr) == source


def all_arguments(arguments: ast.arguments) -> list[ast.arg]:
    """Every parameter, ``*args`` and ``**kwargs`` included."""
    found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    found += [extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None]
    return found


def defaults_of(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr]]:
    """The parameters that have a default, each with it."""
    placed = [*arguments.posonlyargs, *arguments.args]
    yield from zip(reversed(placed), reversed(arguments.defaults), strict=False)
    for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            yield parameter, default


def dotted(expr: ast.expr) -> str | None:
    """``a.b.c`` as text, or ``None`` for anything else."""
    parts: list[str] = []
    while isinstance(expr, ast.Attribute):
        parts.append(expr.attr)
        expr = expr.value
    if not isinstance(expr, ast.Name):
        return None
    return ".".join([expr.id, *reversed(parts)])


def given_arguments(call: ast.Call) -> list[ast.expr]:
    """What a call is handed, in its order: by position, and then by name."""
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def call_name(call: ast.Call) -> str:
    """The last part of the callee's name: ``load_url`` of ``model_zoo.load_url(...)``."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def mangled(owner: str, name: str) -> str:
    """What Python makes of a private name that is written in a class: ``_Build__net``.

    ``owner`` is the class as the repository has it, ``Outer.Inner``; ``""``: there is none.
    """
    inner = owner.rpartition(".")[2].lstrip("_")
    is_private = name.startswith("__") and not name.endswith("__")
    return f"_{inner}{name}" if inner and is_private else name


def is_super(expr: ast.expr) -> bool:
    """Whether the expression is a call of ``super``."""
    return isinstance(expr, ast.Call) and call_name(expr) == "super"


def unpacks(call: ast.Call) -> bool:
    """Whether a call hands over what cannot be counted: ``*args`` or ``**kwargs``."""
    return any(isinstance(argument, ast.Starred) for argument in call.args) or any(
        keyword.arg is None for keyword in call.keywords
    )


def is_off(value: ast.expr) -> bool:
    """Whether an argument says no: ``False``, ``None`` or an empty string."""
    return isinstance(value, ast.Constant) and value.value in (False, None, "")


def makes_empty(value: ast.expr) -> bool:
    """Whether the value is a new list or dict without anything in it: ``{}``, ``dict()``."""
    match value:
        case ast.Dict(keys=[]) | ast.List(elts=[]):
            return True
        case ast.Call(args=[], keywords=[]):
            return call_name(value) in ("dict", "list", "OrderedDict")
        case _:
            return False


def has_decorator(node: FunctionNode, *names: str) -> bool:
    """Whether the last part of a decorator's name is one of ``names``."""
    found = (dotted(decorator) for decorator in node.decorator_list)
    return any(name is not None and name.rsplit(".", 1)[-1] in names for name in found)


def text_pattern(expr: ast.expr) -> str | None:
    """The string that an expression gives, ``*`` for what is computed.

    ``'proj_' + str(i)``, ``'proj_{}'.format(i)``, ``'proj_%d' % i`` and
    ``f'proj_{i}'`` are all ``proj_*``. ``None`` when nothing of it is known.
    """
    pattern = _pattern(expr)
    if pattern is None or not pattern.strip("*"):
        return None
    while "**" in pattern:
        pattern = pattern.replace("**", "*")
    return pattern


def _pattern(expr: ast.expr) -> str | None:
    match expr:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr():
            parts = [part.value if isinstance(part, ast.Constant) else "*" for part in expr.values]
            return "".join(str(part) for part in parts)
        case ast.BinOp(op=ast.Add()):
            left, right = _pattern(expr.left), _pattern(expr.right)
            if left is None and right is None:
                return None
            return ("*" if left is None else left) + ("*" if right is None else right)
        case ast.BinOp(op=ast.Mod(), left=ast.Constant(value=str() as text)):
            return _replace_fields(text, "%")
        case ast.Call(func=ast.Attribute(attr="format", value=ast.Constant(value=str() as text))):
            return _replace_fields(text, "{")
        case _:
            return None


def _replace_fields(text: str, style: str) -> str:
    result, i = [], 0
    while i < len(text):
        if style == "{" and text[i] == "{":
            end = text.find("}", i)
            if end < 0:
                return "*"
            result.append("*")
            i = end + 1
        elif style == "%" and text[i] == "%":
            i += 1
            while i < len(text) and not text[i].isalpha():
                i += 1
            result.append("*")
            i += 1
        else:
            result.append(text[i])
            i += 1
    return "".join(result)


_PUTS_IN = frozenset(
    {"setattr", "add_module", "register_module", "load_state_dict", "copy_", "update"}
)


@functools.cache
def gives_what_it_visits(function: ast.AST) -> bool:
    """Whether a function calls itself for each child of a module, and gives the module back.

    ``for child in module.children(): to_float(child)``, then ``return module``: a child is
    never what the function gives. It stores nothing, so nothing is lost with the child.
    """
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or not function.args.args:
        return False
    module = function.args.args[0].arg
    visits = {
        call
        for loop in flat(function.body)
        if isinstance(loop, ast.For) and goes_over_children(loop.iter)
        for statement in flat(loop.body)
        for call in [statement.value if isinstance(statement, ast.Expr) else None]
        if isinstance(call, ast.Call) and call_name(call) == function.name
    }
    gives = False
    for node in (part for statement in function.body for part in walk(statement)):
        match node:
            case ast.Return(value=value):
                if not isinstance(value, ast.Name) or value.id != module:
                    return False
                gives = True
            case ast.Name(id=name, ctx=ast.Store()) if name == module:
                return False
            case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
                return False
            case ast.Call() if node not in visits:
                if call_name(node) in _PUTS_IN or call_name(node) == function.name:
                    return False
            case _:
                pass
    return gives and bool(visits)


@functools.cache
def built_of(function: ast.AST) -> tuple[str, int] | None:
    """The parameter, and its place, that is a registry out of which a function builds something.

    ``def build(cfg, registry): return registry[cfg.pop("type")](**cfg)``
    """
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    for position, parameter in enumerate([*function.args.posonlyargs, *function.args.args]):
        name = parameter.arg
        if "regist" in name.lower() and _is_asked(function, name):
            return name, position
    return None


def _is_asked(function: ast.FunctionDef | ast.AsyncFunctionDef, registry: str) -> bool:
    """Whether all that a function does with a registry is to get classes, or objects, of it."""
    asked = False
    for node in (part for statement in function.body for part in walk(statement)):
        match node:
            case ast.Subscript(value=ast.Name(id=name), ctx=ctx) if name == registry:
                if not isinstance(ctx, ast.Load):
                    return False
                asked = True
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)) if (
                name == registry
            ):
                if attribute not in ("get", "build"):
                    return False
                asked = True
            case ast.Call(func=ast.Name(id=callee) | ast.Attribute(attr=callee), args=arguments):
                named = [*arguments, *(keyword.value for keyword in node.keywords)]
                if any(isinstance(one, ast.Name) and one.id == registry for one in named):
                    if not callee.startswith("build"):
                        continue
                    asked = True
            case _:
                pass
    return asked


def goes_over_children(expr: ast.expr) -> bool:
    """Whether a loop goes over the children of a module, as its source tells."""
    return any(
        isinstance(node, ast.Attribute) and node.attr in ("named_children", "_modules", "children")
        for node in walk(expr)
    )
