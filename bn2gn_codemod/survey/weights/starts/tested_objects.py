"""Objects that could train a model, of which nothing but tests is called: ``engine.test(data)``.

That no step of an optimizer is seen is no proof: it may be made by a helper that is handed the
optimizer, by a callback, or by code that is not here. So what is called must show that it tests
(``eval()``, ``no_grad``), and must not touch what could train: what the object makes of an
optimizer or of itself, its own methods as values, and code of others that is handed the model.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterable, Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.optimizer_calls import drives, is_fitted, optimizer_call
from bn2gn_codemod.survey.syntax.nodes import call_name, given_arguments, is_super, root_of, walk
from bn2gn_codemod.survey.values import Class, External, ExternalObject, Function, Value

Models = frozenset[Value]

# One of the two may stand in a function of its own; weights may be changed by hand as well.
_LEARNS = re.compile(
    r"backward\(|\.step\(|\bautograd\b|\.grad\b|enable_grad|set_grad_enabled|"
    r"\.data(?:\[[^\]]*\])?\s*[-+*/]?=(?!=)|\.data\.\w+_\("
)
_TESTS = re.compile(r"\.eval\(\)|\bno_grad\b|\binference_mode\b|\.train\(False\)")
# Code that trains nothing that it is handed.
_HARMLESS = re.compile(r"(?:torch|torchvision|numpy|tqdm|time|os|sys|logging|copy|json)(?:\.|$)")
_GIVES = ("parameters", "named_parameters", "modules", "state_dict")


class TestedObjects:
    """Proves of methods of an object that they only test the models that it has."""

    def __init__(
        self, flow: Flow, reached: Callable[[Function, Models], Iterable[Function]]
    ) -> None:
        self._flow = flow
        self._reached = reached

    def may_learn(self, made_by: Iterable[Function], about: Models) -> bool:
        """Whether what constructors come to trains at once."""
        return any(
            _LEARNS.search(ast.unparse(one.node)) or self._is_driven(one)
            for function in made_by
            for one in self._reached(function, about)
        )

    def are_tests(self, methods: Iterable[Function], classes: set[Class], about: Models) -> bool:
        """Whether all that methods of objects of some classes come to is testing for certain."""
        reached = {one for method in methods for one in self._reached(method, about)}
        able = _able_to_train(self._flow, classes)
        texts = [ast.unparse(one.node) for one in reached]
        return (
            any(map(_TESTS.search, texts))
            and not any(map(_LEARNS.search, texts))
            and not any(self._may_train(one, able, about) for one in reached)
        )

    def _may_train(self, function: Function, able: set[str], about: Models) -> bool:
        if self._is_driven(function):
            return True
        own = _own(function)
        called = {node.func for node in walk(function.node) if isinstance(node, ast.Call)}
        for node in walk(function.node):
            match node:
                case ast.Attribute(attr=name) if name in able and not self._meets(node, about):
                    return True
                case ast.Attribute(value=ast.Name(id=owner), attr=name) if (
                    owner == own and node not in called and _is_method(function, name)
                ):
                    return True
                case ast.Call() if self._is_of_others(function, node, about):
                    return True
                case _:
                    pass
        return False

    def _is_of_others(self, function: Function, call: ast.Call, about: Models) -> bool:
        """Whether a call may come to code that trains what it is handed, or is not known."""
        if is_super(call):
            return False
        match call.func:
            case ast.Attribute(attr="train"):
                return not _is_false(call.args)
            case ast.Attribute():
                pass
            case ast.Name(id=name) if name not in function.locals | function.parameters:
                pass
            case _:
                # What lies in a variable, or is taken out of a table, may be a method of its own.
                values = list(self._flow.value_of(call.func))
                is_network = bool(values) and not about.isdisjoint(values)
                is_layer = bool(values) and all(isinstance(one, ExternalObject) for one in values)
                if not (is_network or is_layer):
                    return True
        own = _own(function)
        given = [part for one in given_arguments(call) for part in _handed(one)]
        if any(isinstance(one, ast.Name) and one.id == own for one in given):
            return True
        values = list(self._flow.value_of(call.func))
        is_here = bool(values) and not any(isinstance(one, External) for one in values)
        return not (is_here or _is_harmless(call, values)) and any(
            self._meets(one, about) for one in given
        )

    def _meets(self, expr: ast.expr, about: Models) -> bool:
        return not about.isdisjoint(self._flow.value_of(expr))

    def _is_driven(self, function: Function) -> bool:
        """Whether a library trains there, or what is called with the function's own is open."""
        return any(
            drives(self._flow, call) or is_fitted(self._flow, call) or self._is_open(function, call)
            for _, call in self._flow.calls_in.get(function, ())
        )

    def _is_open(self, function: Function, call: ast.Call) -> bool:
        """``self.hook(data)``, ``self.solver.run(data)``, ``go(self)``: not known what it is."""
        if any(True for _ in self._flow.value_of(call.func)):
            return False
        own = _own(function)
        if any(isinstance(one, ast.Name) and one.id == own for one in given_arguments(call)):
            return True
        match call.func:
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super"))):
                return True
            case ast.Attribute(value=owner):
                is_known = any(True for _ in self._flow.value_of(owner))
                return _is_root(owner, own) and (isinstance(owner, ast.Name) or not is_known)
            case _:
                return False


def _able_to_train(flow: Flow, classes: set[Class]) -> set[str]:
    """The attributes in which an optimizer lies, what is made with it, or with the object itself.

    ``self.scaler = Scaler(self.optimizer)``, ``self.phases = [self.fit, self.test]``
    """
    methods = {one for cls in classes for kin in cls.ancestors() for one in kin.methods.values()}
    attributes: set[str] = set()
    variables: dict[Function, set[str]] = {method: set() for method in methods}
    size = -1
    while size != len(attributes) + sum(map(len, variables.values())):
        size = len(attributes) + sum(map(len, variables.values()))
        for method in methods:
            for node in walk(method.node):
                match node:
                    case ast.Assign(targets=targets, value=value):
                        places = targets
                    case ast.AnnAssign(target=target, value=ast.expr() as value):
                        places = [target]
                    case ast.AugAssign(target=target, value=value):
                        places = [target]
                    case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner)) as value):
                        places = [owner]
                    case _:
                        continue
                if _is_able(flow, method, value, attributes, variables[method]):
                    for place in places:
                        attributes |= _attributes(place, _own(method))
                        variables[method] |= _variables(place) - {_own(method) or ""}
    return attributes


def _is_able(
    flow: Flow, method: Function, value: ast.expr, attributes: set[str], variables: set[str]
) -> bool:
    own = _own(method)
    nodes = walk(value)
    owners = {node.value for node in nodes if isinstance(node, ast.Attribute)}
    called = {node.func for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        match node:
            case ast.Call() if optimizer_call(flow, node) is not None or is_fitted(flow, node):
                return True
            case ast.Name(id=name) if name in variables or (name == own and node not in owners):
                return True
            case ast.Attribute(attr=name) if name in attributes:
                return True
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if (
                owner == own and node not in called and _is_method(method, name)
            ):
                return True
            case _:
                pass
    return False


def _attributes(place: ast.expr, own: str | None) -> set[str]:
    return {
        node.attr
        for node in walk(place)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == own
    }


def _variables(place: ast.expr) -> set[str]:
    return {node.id for node in walk(place) if isinstance(node, ast.Name)}


def _is_method(function: Function, name: str) -> bool:
    cls = function.class_
    return cls is not None and any(one.find_method(name) is not None for one in cls.descendants())


def _own(function: Function) -> str | None:
    return function.first_parameter if function.class_ is not None else None


def _handed(expr: ast.expr) -> Iterator[ast.expr]:
    """What an argument hands on, and not what only computes it: ``x`` of ``net(x)``."""
    match expr:
        case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in _GIVES:
            yield owner
        case ast.Call():
            for one in given_arguments(expr):
                yield from _handed(one)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            for one in elements:
                yield from _handed(one)
        case ast.Dict(values=values):
            for one in values:
                yield from _handed(one)
        case ast.Starred(value=inner):
            yield from _handed(inner)
        case _:
            yield expr


def _is_harmless(call: ast.Call, values: list[Value]) -> bool:
    names = [one.name for one in values if isinstance(one, (External, ExternalObject))]
    if not values:
        return isinstance(call.func, ast.Name) and hasattr(builtins, call_name(call))
    return len(names) == len(values) and all(map(_HARMLESS.match, names))


def _is_false(args: list[ast.expr]) -> bool:
    match args:
        case [ast.Constant(value=False)]:
            return True
        case _:
            return False


def _is_root(expr: ast.expr, name: str | None) -> bool:
    """Whether an expression is about what a name stands for: ``self.parts[0]``."""
    root = root_of(expr)
    return isinstance(root, ast.Name) and root.id == name
