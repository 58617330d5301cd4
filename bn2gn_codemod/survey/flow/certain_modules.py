"""What is a module of torch whatever happens: code that we write asks it for its modules.

The flow analysis says what *may* be in a variable. That is enough to report, but
``freeze_backbone_bn(x)`` and ``self.x.modules()`` fail where ``x`` is an image or a list.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known.library_models import is_library_model
from bn2gn_codemod.survey.known.module_classes import OF_MODULES_ALONE, ModuleClasses
from bn2gn_codemod.survey.statements.scopes import Scope, assignments, targets_of
from bn2gn_codemod.survey.syntax.nodes import flat, walk
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    Entries,
    External,
    ExternalObject,
    Function,
    FunctionValue,
    Instance,
    NormLayer,
    TupleValue,
    Value,
    Weights,
)

# What only a module is asked for, or a class of the repository that has a method of that name.
_OF_MODULES = frozenset(
    {
        "parameters", "named_parameters", "modules", "named_modules", "children",
        "named_children", "train", "eval", "zero_grad",
    }
)  # fmt: skip
# What is asked of a model, and hardly of what was made with one: Actor(net).train()
_ASKED_OF_MODEL = OF_MODULES_ALONE | {"parameters", "named_parameters"}
# They give the module that is asked.
_SAME_MODULE = frozenset(
    {"cuda", "cpu", "to", "eval", "half", "float", "double", "requires_grad_", "apply"}
)
_LAYER = re.compile(r"torch\.nn\.(?!functional|init|utils|parallel|parameter|Parameter)[\w.]+$")
_DRIVES = re.compile(r"(?:Trainer|Runner|Learner)(?:\.\w+)?$")
BY_HAND = "freeze it by hand"
_DEEPEST = 4  # functions that hand on what they were given by another one


class CertainModules:
    """Tells what is a module for certain."""

    def __init__(self, flow: Flow, classes: ModuleClasses) -> None:
        self._flow = flow
        self._classes = classes

    def uses(self, function: Function, source: str) -> frozenset[str]:
        """The methods of modules that a function calls on ``source``, an expression in it."""
        return frozenset(
            node.func.attr
            for node in walk(function.node)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _OF_MODULES
            and ast.unparse(node.func.value) == source
        )

    def is_module(self, expression: ast.expr, uses: frozenset[str]) -> bool:
        """Whether it is one wherever the code around it works.

        ``uses`` are methods that this code calls on it: what lacks them is not there.
        """
        return not any(self._is_none(value, uses) for value in self._flow.value_of(expression))

    def _is_none(self, value: Value, uses: frozenset[str]) -> bool:
        """Whether a value may be there, and is no module for all that can be seen."""
        match value:
            case Instance(class_=cls):
                if self._classes.has(cls):
                    return False
                # A base class that is not known may have a train() of its own.
                asked = uses & OF_MODULES_ALONE if cls.is_module else uses
                return not asked or any(
                    name in owner.methods for owner in cls.ancestors() for name in asked
                )
            case ExternalObject(name=name, is_around=is_around):
                if _DRIVES.search(name) is not None:
                    return True
                return is_around and uses.isdisjoint(_ASKED_OF_MODEL)
            case (
                NormLayer() | TupleValue() | Entries() | Weights() | ClassValue() | FunctionValue()
            ):
                return False  # what a model is made of or came with
            case _:
                return not uses

    def names_module(self, function: Function, source: str) -> bool:
        """Whether ``source`` stands for a module wherever a function reads it."""
        uses = self.uses(function, source)
        found = [
            node
            for node in walk(function.node)
            if isinstance(node, ast.expr)
            and self._flow.expressions.get(node) is not None
            and ast.unparse(node) == source
        ]
        return bool(found) and all(self.is_module(node, uses) for node in found)

    def is_misfit(self, scope: Scope, source: str) -> bool:
        """Whether a variable is never set but by ``a, b = f()``, where three values are given.

        All of them are taken for each of the two then, and the model is only one.
        """
        given = [target for statement in scope.body for target in targets_of(statement, source)]
        return bool(given) and self._flow.misfits.issuperset(given)

    # --------------------------------------------------- attributes of a class

    def is_module_class(self, cls: Class) -> bool:
        """Whether instances of a class are modules, whatever its base classes are."""
        return self._classes.has(cls)

    def inherited_train(self, cls: Class) -> Function | None:
        """The ``train()`` of a base class of the repository that one of ``cls`` would call."""
        return next((m for p in cls.parents if (m := p.find_method("train"))), None)

    def are_always_there(self, cls: Class, attributes: tuple[str, ...]) -> bool:
        """Whether ``cls`` makes a module for each attribute, before anything asks for its mode."""
        init = cls.methods.get("__init__")
        if init is None or isinstance(init.node, (ast.Module, ast.Lambda)):
            return False
        methods = [method for owner in cls.ancestors() for method in owner.methods.values()]
        for method in methods:
            if self.uses(method, "self") & {"train", "eval"}:
                return False  # it may be called before the attributes are set
        return all(self._is_set(init, attribute, methods) for attribute in attributes)

    def is_never_none(self, cls: Class, attribute: str) -> bool:
        """Whether all that the class ever stores in an attribute are modules that it makes."""
        stored = [
            (method, value)
            for owner in cls.ancestors()
            for method in owner.methods.values()
            for value in _assigned(method, f"self.{attribute}")
        ]
        return bool(stored) and all(
            value is not None and self._makes_module(method, value, 0) for method, value in stored
        )

    def _is_set(self, init: Function, attribute: str, methods: list[Function]) -> bool:
        source = f"self.{attribute}"
        assert not isinstance(init.node, (ast.Module, ast.Lambda))
        is_bound = any(
            isinstance(statement, ast.Assign) and list(assignments(statement, source))
            for statement in init.node.body
        )
        return is_bound and all(
            value is not None and self._makes_module(method, value, 0)
            for method in methods
            for value in _assigned(method, source)
        )

    def _makes_module(self, function: Function, value: ast.expr, depth: int) -> bool:
        """Whether an expression of ``function`` gives a new module, and nothing else ever."""
        match value:
            case _ if depth > _DEEPEST:
                return False
            case ast.IfExp(body=body, orelse=orelse):
                return all(self._makes_module(function, one, depth + 1) for one in (body, orelse))
            case ast.Name(id=name) if name not in function.parameters:
                found = list(_assigned(function, name))
                return bool(found) and all(
                    one is not None and self._makes_module(function, one, depth + 1)
                    for one in found
                )
            case ast.Call(func=ast.Attribute(attr=name, value=base)) if name in _SAME_MODULE:
                return self._makes_module(function, base, depth + 1)
            case ast.Call(func=callee):
                called = list(self._flow.value_of(callee))
                return bool(called) and all(self._is_maker(one, depth + 1) for one in called)
            case _:
                return False

    def _is_maker(self, callee: Value, depth: int) -> bool:
        match callee:
            case ClassValue(class_=cls):
                return self._classes.has(cls)
            case External(name=name):
                return _LAYER.match(name) is not None or is_library_model(name)
            case FunctionValue(function=function):
                return self._returns_module(function, depth)
            case _:
                return False

    def _returns_module(self, function: Function, depth: int) -> bool:
        node = function.node
        if not isinstance(node, ast.FunctionDef) or node.decorator_list:
            return False
        returned = [one.value for one in flat(node.body) if isinstance(one, ast.Return)]
        return (
            bool(returned)
            and isinstance(node.body[-1], (ast.Return, ast.Raise))
            and all(
                one is not None and self._makes_module(function, one, depth) for one in returned
            )
        )


def not_certain(source: str) -> str:
    """Why nothing is written for what may be no module."""
    return f"{source} may be something else than a module: {BY_HAND}"


def takes_mode(train: Function) -> bool:
    """Whether ``train(mode)`` of a base class takes the mode."""
    node = train.node
    if isinstance(node, ast.Module):
        return False
    return len(node.args.args) > 1 or node.args.vararg is not None


def _assigned(function: Function, source: str) -> Iterator[ast.expr | None]:
    """What a function gives to a variable or an attribute; ``None``: it cannot be told."""
    node = function.node
    if isinstance(node, (ast.Module, ast.Lambda)):
        return
    for statement in node.body:
        for _, value in assignments(statement, source):
            yield value
    for inner in walk(node):
        match inner:
            case ast.For(target=target) | ast.comprehension(target=target):
                targets = [target]
            case ast.NamedExpr(target=target):
                targets = [target]
            case ast.Delete(targets=several):
                targets = several
            case _:
                continue
        parts = [part for target in targets for part in walk(target) if isinstance(part, ast.expr)]
        if any(ast.unparse(part) == source for part in parts):
            yield None
