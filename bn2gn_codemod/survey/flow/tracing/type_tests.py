"""What a variable still may hold where ``isinstance`` was asked of it first."""

from __future__ import annotations

import ast
import functools
import re
from typing import Literal

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.tracing.keyed_choices import chosen_by
from bn2gn_codemod.survey.known.library_models import is_library_model
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import bound_names, call_name, dotted, flat
from bn2gn_codemod.survey.values import Class, ExternalObject, Function, Instance, NormLayer, Value

# Layers that hold no others, and that are no containers: those are transparent here.
_SIMPLE_LAYER = re.compile(r"torch\.nn\.(?:\w+\.)*(?:Conv(?:Transpose)?[123]d|Linear)$")
_LIBRARY_LAYER = re.compile(r"torch\.nn\.(?:\w+\.)*[A-Z]\w*$")
_NUMBERS = ("int", "float", "bool")
_TORCH_BASES = re.compile(r"torch\.nn\.(?:\w+\.)*[A-Z]\w*$|object$")
_PLAIN_BASES = re.compile(r"torch\.nn\.(?:\w+\.)*Module$|object$|(?:abc\.)?ABC$")


# What ``isinstance`` says of a variable: a convolution or linear layer, a library's network, or
# an object of one of these classes of the repository.
Narrowing = Literal["layer", "network"] | frozenset[Class]


def narrowed_by(flow: Flow, function: Function, branch: ast.If | ast.While) -> dict[str, Narrowing]:
    """The variables that are such a layer, or network, in the body of ``branch``."""
    found: dict[str, Narrowing] = {}
    module = function.module
    tests = [branch.test]
    if isinstance(branch.test, ast.BoolOp) and isinstance(branch.test.op, ast.And):
        tests = branch.test.values
    for test in tests:
        match test:
            case ast.Call(args=[ast.Name(id=name), kinds]) if call_name(test) == "isinstance":
                narrowing = _narrowing(flow, module, kinds)
                if narrowing is not None and not any(
                    name in bound_names(statement) for statement in flat(branch.body)
                ):
                    found.setdefault(name, narrowing)
            case ast.Compare() if isinstance(branch, ast.If):
                class_of = functools.partial(_told_class, flow, module)
                for name, classes in chosen_by(flow, function, branch, test, class_of):
                    found.setdefault(name, classes)
            case _:
                pass
    return found


def _narrowing(flow: Flow, module: Module, kinds: ast.expr) -> Narrowing | None:
    named = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
    asked = [_outside(flow, module, kind) for kind in named]
    if all(map(_SIMPLE_LAYER.match, asked)):
        return "layer"
    if all(map(is_library_model, asked)):
        return "network"
    classes = [_told_class(flow, module, kind) for kind in named]
    told = frozenset(cls for cls in classes if cls is not None)
    return told if told and len(told) == len(named) else None


def may_be(narrowing: Narrowing, held: Value) -> bool:
    """Whether a value may be what ``isinstance`` said, or of a class made from that."""
    if isinstance(narrowing, frozenset):
        return _may_be_of(narrowing, held)
    return _may_be_simple_layer(held) if narrowing == "layer" else _may_be_library_model(held)


def _may_be_of(classes: frozenset[Class], held: Value) -> bool:
    """Whether a value may be of one of some classes: ``self`` of a base stands for subclasses."""
    if not isinstance(held, Instance) or not _is_told(held.class_):
        return True
    line = {*held.class_.ancestors(), *held.class_.descendants()}
    return not classes.isdisjoint(line)


def _is_told(cls: Class) -> bool:
    """Whether it is known what a class extends: its own bases, and nothing but torch."""
    line = cls.ancestors()
    bases = [base for one in line for base in one.external_bases]
    return not any(one.has_open_base for one in line) and all(map(_TORCH_BASES.match, bases))


def _may_be_library_model(held: Value) -> bool:
    """Whether a value may be a library's network: what extends nothing but Module is none."""
    if not isinstance(held, Instance):
        return True
    line = held.class_.ancestors()
    bases = [base for cls in line for base in cls.external_bases]
    is_known = bool(bases) and not any(cls.has_open_base for cls in line)
    return not is_known or not all(map(_PLAIN_BASES.match, bases))


def _may_be_simple_layer(held: Value) -> bool:
    if isinstance(held, NormLayer):
        return False
    if isinstance(held, ExternalObject) and _LIBRARY_LAYER.match(held.name):
        return _SIMPLE_LAYER.match(held.name) is not None
    if not isinstance(held, Instance):
        return True
    bases = [base for cls in held.class_.ancestors() for base in cls.external_bases]
    return not bases or not all(map(_PLAIN_BASES.match, bases))


def gives_number(choice: ast.IfExp) -> bool:
    """Whether the first branch is a variable that is a number there: ``q if type(q) == int``."""
    match choice.test:
        case (
            ast.Compare(
                left=ast.Call(func=ast.Name(id="type"), args=[ast.Name(id=name)]),
                ops=[ast.Eq() | ast.Is()],
                comparators=[kinds],
            )
            | ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=name), kinds])
        ):
            named = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
            is_one = isinstance(choice.body, ast.Name) and choice.body.id == name
            return is_one and all(isinstance(k, ast.Name) and k.id in _NUMBERS for k in named)
    return False


def _told_class(flow: Flow, module: Module, kind: ast.expr) -> Class | None:
    """The class that a name stands for, where it is known what that extends."""
    cls = _class(flow, module, kind)
    return cls if cls is not None and _is_told(cls) else None


def _class(flow: Flow, module: Module, kind: ast.expr) -> Class | None:
    """The class of the repository that a name stands for wherever it is read in the module."""
    if not isinstance(kind, ast.Name) or _times_bound(module, kind.id) != 1:
        return None
    home, name = flow.bindings.get((module.path, kind.id), (module, kind.id))
    if isinstance(home, str) or name is None or (home != module and _times_bound(home, name) != 1):
        return None
    defined = (one for one in flat(home.tree.body) if isinstance(one, ast.ClassDef))
    return next((flow.class_of[one] for one in defined if one.name == name), None)


def _times_bound(module: Module, name: str) -> int:
    """How often code may give a name something, in any scope of a module."""
    bound: list[str] = []
    for node in ast.walk(module.tree):
        match node:
            case ast.alias(name="*"):
                bound.append(name)
            case ast.alias(name=imported, asname=other):
                bound.append(other or imported.split(".")[0])
            case (
                ast.ClassDef(name=own) | ast.FunctionDef(name=own) | ast.AsyncFunctionDef(name=own)
            ):
                bound.append(own)
            case ast.arg(arg=own) | ast.Name(id=own, ctx=ast.Store()):
                bound.append(own)
            case _:
                pass
    return bound.count(name)


def _outside(flow: Flow, module: Module, kind: ast.expr) -> str:
    """The dotted name outside of the repository under which a class is imported, or ``""``."""
    name = dotted(kind)
    if name is None:
        return ""
    head, _, rest = name.partition(".")
    target, _ = flow.bindings.get((module.path, head), ("", None))
    if not isinstance(target, str):
        return ""
    return f"{target}.{rest}" if rest else target
