"""What expressions of a function are: parts of a model, and constants."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from bn2gn_codemod.survey.freezing.effects import ELEMENT, WRAPPERS, Part
from bn2gn_codemod.survey.syntax.nodes import all_arguments, call_name, mangled, target_names

_GOING_OVER = {
    "modules": "each",
    "named_modules": "each",
    "children": "child",
    "named_children": "child",
    "parameters": "parameter",
    "named_parameters": "parameter",
}
_SAME_ITEMS = {"list", "tuple", "iter", "reversed", "enumerate", "sorted", "set", "tqdm"}
_PARALLEL = re.compile(r"^(?:\w*DataParallel|DDP)$")
_UNWRAPS = re.compile(r"de_?parallel|un_?wrap|without_?ddp|bare_?model")


class Bindings:
    """What the names of one function stand for, as far as it has been followed."""

    def __init__(self, owner: str = "") -> None:
        """``owner`` is the class that the function is written in."""
        self._owner = owner
        self.parts: dict[str, list[Part]] = {}  # of the model, by source
        self.constants: dict[str, object] = {}  # arguments
        self.values: dict[str, list[ast.expr]] = {}  # all that was assigned to other names
        self.loop_names: set[str] = set()  # loop variables: ``name`` of ``for name, module in``

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        """``target = value``."""
        source = ast.unparse(target)
        found = self.resolve(value)
        if found:
            self.parts[source] = found
        elif isinstance(target, ast.Name):
            self.parts.pop(source, None)
            self.values.setdefault(source, []).append(value)

    def bind_loop(self, target: ast.expr, iterated: ast.expr) -> None:
        """``for target in iterated``: what the loop variable stands for."""
        self.loop_names.update(target_names(target))
        name = _layer_variable(target)
        if name is not None:
            found = self.resolve(iterated) or self._chosen_by_method(iterated)
            if found:
                self.parts[name] = found
            else:
                self.parts.pop(name, None)

    def _chosen_by_method(self, iterated: ast.expr) -> list[Part]:
        """``for layer in model.backbone.trained_layers()``: some layer of it."""
        match iterated:
            case ast.Call(func=ast.Attribute(value=owner)):
                return [Part((*part.path, ELEMENT)) for part in self.modules(owner)]
        return []

    def is_model(self, expr: ast.expr) -> bool:
        """Whether an expression is the model itself, in a wrapper or not."""
        return any(set(part.path) <= {*WRAPPERS, "model"} for part in self.modules(expr))

    def take_constants(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        names: list[str],
        given: Mapping[int | str, ast.expr],
        caller: Bindings,
    ) -> None:
        """Bind the parameters of a function, called with ``given`` by position and name."""
        defaults = node.args.defaults
        for name, default in zip(names[len(names) - len(defaults) :], defaults, strict=True):
            if isinstance(default, ast.Constant):
                self.constants[name] = default.value
        for argument, keyword in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
            if isinstance(keyword, ast.Constant):
                self.constants[argument.arg] = keyword.value
        known = {argument.arg for argument in all_arguments(node.args)}
        for key, value in given.items():
            given_to = names[key] if isinstance(key, int) and key < len(names) else key
            if isinstance(given_to, str) and given_to in known:
                self.constants[given_to] = caller.constant(value)

    def constant(self, value: ast.expr) -> object:
        """A constant, through the arguments of the call; ``None`` for anything else."""
        if isinstance(value, ast.Constant):
            return value.value
        if isinstance(value, ast.Name):
            return self.constants.get(value.id)
        if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not):
            inner = self.constant(value.operand)
            return not inner if isinstance(inner, bool) else None
        return None

    def modules(self, expr: ast.expr) -> list[Part]:
        """Those of :meth:`resolve` that are one module."""
        return [part for part in self.resolve(expr) if part.what == "module"]

    def resolve(self, expr: ast.expr) -> list[Part]:
        """The parts of the model that an expression is."""
        known = self.parts.get(ast.unparse(expr)) if _is_plain(expr) else None
        if known is not None:
            return known
        match expr:
            case ast.Attribute(value=owner, attr=name):
                own = mangled(self._owner, name)
                return [_attribute(part, own) for part in self.modules(owner)]
            case ast.Subscript(value=owner):
                inner = self.resolve(owner)
                return [Part((*part.path, ELEMENT), part.what) for part in inner]
            case ast.IfExp(body=body, orelse=orelse):
                return list(dict.fromkeys([*self.resolve(body), *self.resolve(orelse)]))
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return [part for element in elements for part in self.resolve(element)]
            case ast.Call():
                return self._resolve_call(expr)
        return []

    def _resolve_call(self, call: ast.Call) -> list[Part]:
        name = call_name(call)
        if _PARALLEL.search(name):
            return [Part((*part.path, WRAPPERS[0])) for part in self.modules(_wrapped_by(call))]
        if isinstance(call.func, ast.Attribute):
            owner = call.func.value
            if name in _GOING_OVER:
                what = _GOING_OVER[name]
                found = self.resolve(owner)
                if any(part.what == "each" for part in found) and what == "parameter":
                    # The parameters of each layer, where the layers were chosen before.
                    return [Part(part.path, "parameter") for part in found]
                return [Part(part.path, what) for part in found if part.what != "parameter"]
            if name in ("cuda", "to", "cpu", "train", "eval", "float", "half", "requires_grad_"):
                return self.resolve(owner)
            if name == "chain":
                return [part for argument in call.args for part in self.resolve(argument)]
            return []
        if name == "getattr" and len(call.args) >= 2:
            attribute = self.constant(call.args[1])
            if not isinstance(attribute, str):
                # for name in names: getattr(model.backbone, name): some layer of it
                return [Part((*part.path, ELEMENT)) for part in self.modules(call.args[0])]
            named = ast.Attribute(call.args[0], attribute, ast.Load())
            return self.resolve(named)
        if name in _SAME_ITEMS or name == "chain" or _UNWRAPS.search(name):
            return [part for argument in call.args[:8] for part in self.resolve(argument)]
        return []


def _attribute(part: Part, name: str) -> Part:
    """An attribute of a part; ``module`` of a parallel wrapper is what it is around."""
    if name in WRAPPERS:
        return Part(part.path[:-1]) if part.is_wrapped else part
    return Part((*part.path, name))


def _wrapped_by(call: ast.Call) -> ast.expr:
    given = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "module")]
    return given[0] if given else ast.Constant(None)


def _layer_variable(target: ast.expr) -> str | None:
    """The loop variable that holds the layer: ``m`` of ``name, m`` and ``i, (name, m)``."""
    while isinstance(target, (ast.Tuple, ast.List)) and target.elts:
        target = target.elts[-1]
    return target.id if isinstance(target, ast.Name) else None


def _is_plain(expr: ast.expr) -> bool:
    return isinstance(expr, (ast.Name, ast.Attribute, ast.Subscript))
