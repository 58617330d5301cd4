"""Where only a class will do: a norm class that comes there cannot become a function.

Names and attributes that stand there are read in the context ``other``, or ``base``. What comes
there in a container or as what a call gives goes by no name, and is marked here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.known.norm_classes import is_norm_class
from bn2gn_codemod.survey.syntax.nodes import call_name, dotted, walk
from bn2gn_codemod.survey.values import NormClass, TupleValue, UseContext, Value

_READS = (ast.Name, ast.Attribute, ast.Subscript)
# Methods of containers that look their first argument up, among elements or among keys.
_FINDS = frozenset({"index", "count", "remove"})
_LOOKS_UP = frozenset({"get", "pop"})
# Members of a class that the objects made of it are not asked for.
_OF_CLASSES = frozenset({"mro", "forward"})


def keep_class(
    tracer: Tracer, expr: ast.expr, use: str, context: UseContext = "other"
) -> Node | None:
    """What the expression gives has to stay a class, for ``use`` in words of it."""
    node = tracer.evaluate(expr, context)
    if node is not None:
        keep_classes(tracer.flow, node, use)
    return node


def keep_classes(flow: Flow, node: Node, use: str) -> None:
    """Every norm class that the node may hold has to stay one, in tuples as well."""
    seen: set[TupleValue] = set()

    def on_value(held: Value) -> None:
        if isinstance(held, NormClass):
            held.refusals.add(use)
        elif isinstance(held, TupleValue) and held not in seen:
            seen.add(held)
            for element in held.elements:
                flow.watch(element, on_value)

    flow.watch(node, on_value)


def keep_compared(tracer: Tracer, expr: ast.Compare) -> None:
    """``norm is nn.BatchNorm2d``, ``norm in (...)``; what ``type(m)`` tells is a layer's class."""
    sides = [expr.left, *expr.comparators]
    if _is_none(expr.comparators):
        for side in sides:
            tracer.evaluate(side, "test")
        return
    asks_for_metaclass = any(isinstance(side, ast.Name) and side.id == "type" for side in sides)
    for side in sides:
        match side:
            case ast.Call(func=ast.Name(id="type"), args=[subject]):
                if asks_for_metaclass:
                    keep_class(tracer, subject, "is asked for its type")
                tracer.evaluate(side, "other")
            case ast.Attribute(attr="__class__"):
                tracer.evaluate(side, "other")
            case _:
                keep_class(tracer, side, "is compared")


def _is_none(sides: Iterable[ast.expr]) -> bool:
    return all(isinstance(side, ast.Constant) and side.value is None for side in sides)


def keep_asked(tracer: Tracer, name: str, arguments: list[ast.expr]) -> None:
    """``isinstance(m, classes)``, ``issubclass(norm, classes)``."""
    use = f"is one of the classes that {name}() is asked about"
    for position, argument in enumerate(arguments):
        is_class = position > 0 or name == "issubclass" or _asks_for_type(arguments)
        if is_class:
            keep_class(tracer, argument, use)
        else:
            tracer.evaluate(argument, "other")


def _asks_for_type(arguments: list[ast.expr]) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == "type"
        for argument in arguments[1:]
        for node in walk(argument)
    )


def keep_asked_in(tracer: Tracer, function: ast.AST) -> None:
    """What a forward pass asks for classes, where nothing else is read of it."""
    for node in walk(function):
        match node:
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass" as name), args=[_, classes]):
                parts = classes.elts if isinstance(classes, ast.Tuple) else [classes]
                if all(isinstance(part, _READS) for part in parts):
                    keep_asked(tracer, name, [ast.Constant(None), classes])
            case ast.Compare(left=left, comparators=others) if not _is_none(others):
                for side in (left, *others):
                    is_class = isinstance(side, ast.Attribute) and side.attr == "__class__"
                    if isinstance(side, (ast.Name, ast.Attribute)) and not is_class:
                        keep_class(tracer, side, "is compared")
            case ast.Attribute(value=ast.Attribute() as owner, attr=name) if is_member_of_class(
                name
            ):
                keep_class(tracer, owner, f"is asked for {name}")


def keep_keys(tracer: Tracer, keys: Iterable[ast.expr | None]) -> None:
    """``{norm: 1}``"""
    for key in keys:
        if isinstance(key, _READS):
            keep_class(tracer, key, "is a key")
            node = tracer.evaluate(key)
            if node is not None:
                tracer.flow.keys.append(node)


def keep_stored_keys(tracer: Tracer, targets: Iterable[ast.expr]) -> None:
    """``table[norm] = 1``"""
    keep_keys(tracer, [target.slice for target in targets if isinstance(target, ast.Subscript)])


def keep_looked_up(tracer: Tracer, method: str, arguments: list[ast.expr]) -> None:
    """``norms.index(norm)``, ``table.get(norm)``"""
    if method in _FINDS and arguments:
        keep_class(tracer, arguments[0], "is looked for in a container")
    elif method == "setdefault":
        keep_keys(tracer, arguments[:1])
    elif method in _LOOKS_UP and arguments:
        note_lookup(tracer, arguments[0])


def note_lookup(tracer: Tracer, key: ast.expr) -> None:
    """``table[norm]``: a name of a norm class, or the class, and nobody tells which."""
    if isinstance(key, _READS):
        is_spelled_out = is_norm_class(dotted(key) or "")
        node = tracer.evaluate(key, "other" if is_spelled_out else "test")
        if node is not None:
            tracer.flow.lookups.append(node)


def keep_lookups(flow: Flow) -> None:
    """Keep what is looked up, where any container has a norm class for a key."""
    if any(isinstance(held, NormClass) for node in flow.keys for held in flow.values(node)):
        for node in flow.lookups:
            keep_classes(flow, node, "is looked up in a container")


def keep_asked_for_member(tracer: Tracer, owner: ast.expr, name: str, node: Node) -> None:
    """``make_norm().__name__``"""
    if isinstance(owner, ast.Call) and is_member_of_class(name):
        keep_classes(tracer.flow, node, f"is asked for {name}")


def is_member_of_class(name: str) -> bool:
    """Whether only a class is asked for such a member."""
    return name in _OF_CLASSES or (name.startswith("__") and name.endswith("__"))


def keep_in_unions(tracer: Tracer, annotation: ast.expr | None) -> None:
    """``def f(norm: NORM | None)``: Python works the union out where the function is defined."""
    for node in walk(annotation) if annotation is not None else ():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            for side in (node.left, node.right):
                if isinstance(side, _READS):
                    keep_class(tracer, side, "is part of a union of classes")


def keep_in_typing(tracer: Tracer, expr: ast.Subscript) -> None:
    """``KINDS = Union[norm, nn.GroupNorm]``, which ``isinstance`` may be asked about."""
    name = dotted(expr.value)
    if name is not None and name.rpartition(".")[2] in ("Union", "Optional"):
        parts = expr.slice.elts if isinstance(expr.slice, ast.Tuple) else [expr.slice]
        for part in parts:
            if isinstance(part, _READS):
                keep_class(tracer, part, "is part of a union of classes")


def keep_annotated(tracer: Tracer, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """The annotations of a function; what ``@singledispatch`` registers is told apart by them."""
    arguments = function.args
    annotated = [
        one.annotation
        for one in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        if one.annotation is not None
    ]
    for annotation in [*annotated, function.returns]:
        keep_in_unions(tracer, annotation)
    if any(isinstance(d, ast.Attribute) and d.attr == "register" for d in function.decorator_list):
        for annotation in annotated:
            if isinstance(annotation, _READS):
                keep_class(tracer, annotation, "tells what a function is registered for")


def keep_matched(tracer: Tracer, pattern: ast.pattern) -> None:
    """``case NORM():``, ``case cfg.norm:``"""
    for node in walk(pattern):
        if isinstance(node, ast.MatchClass):
            keep_class(tracer, node.cls, "is a pattern")
        elif isinstance(node, ast.MatchValue) and isinstance(node.value, ast.Attribute):
            keep_class(tracer, node.value, "is a pattern")


def compares_subject(match: ast.Match) -> bool:
    """Whether a ``match`` statement compares its subject with something that has a name."""
    return any(
        isinstance(node, ast.MatchValue) and isinstance(node.value, ast.Attribute)
        for branch in match.cases
        for node in walk(branch.pattern)
    )


def keep_handed_to_builtin(tracer: Tracer, expr: ast.Call) -> None:
    """``type("Own", (norm,), {})``, ``map(norm, widths)``, ``str(norm)``"""
    name = call_name(expr)
    if name == "type" and len(expr.args) == 3:
        keep_class(tracer, expr.args[1], "is extended")
    elif name in ("map", "filter") or any(keyword.arg == "key" for keyword in expr.keywords):
        for argument in expr.args:
            keep_class(tracer, argument, f"is handed to {name}()")
    elif name in ("str", "repr", "vars", "dir"):
        for argument in expr.args:
            tracer.evaluate(argument, "other")


def keep_handed(flow: Flow, node: Node, name: str) -> None:
    """What other packages do with a norm class is not known: they may make a backbone of it."""
    keep_classes(flow, node, f"is handed to {name}, which is not in this repository")


def keep_forwarded(flow: Flow, expr: ast.expr, name: str) -> None:
    """``library.resnet18(**kwargs)`` hands on what callers gave by other names."""
    forwarded = flow.forwards.get(expr)
    if forwarded is not None:
        flow.listen_to_extras(forwarded, lambda _, node: keep_handed(flow, node, name))
