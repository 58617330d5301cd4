"""What code does to the layers of a model, whoever wrote it: eval mode, no gradient.

The code is followed statement by statement, from the expression that is the
model to the part of it that each ``eval()`` and ``requires_grad = False`` is
for, through loops, tests of names and classes, and functions of the
repository. What stands under a test that is not understood does not count: a
layer that is frozen twice is harmless, one that only seems frozen is not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.freezing.conditions import LayerTests
from bn2gn_codemod.survey.freezing.effects import Condition, Effect, Part
from bn2gn_codemod.survey.freezing.parts import Bindings
from bn2gn_codemod.survey.freezing.rebuilt_norms import rebuilding_test
from bn2gn_codemod.survey.syntax.nodes import call_name, children, given_arguments
from bn2gn_codemod.survey.values import Class, Function, FunctionValue

_DEEPEST = 4
_MOST_CALLED = 4  # functions of which one call may be a call
_Kind = Literal["eval", "train", "no gradient", "gradient"]
_KINDS: dict[str, tuple[_Kind, _Kind]] = {  # for False, for True
    "mode": ("eval", "train"),
    "gradient": ("no gradient", "gradient"),
}


class FreezingCode:
    """Follows code from a model to what is done to its parts."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def effects(
        self,
        statements: Iterable[ast.stmt],
        function: Function,
        roots: Mapping[str, Part],
        classes: Iterable[Class] = (),
    ) -> list[Effect]:
        """What statements of ``function`` do, where ``roots`` are parts of the model by source.

        ``classes`` are what the model may be an instance of.
        """
        follower = _Follower(self._flow, function, tuple(classes))
        follower.roots = frozenset(roots)
        follower.bindings.parts = {source: [part] for source, part in roots.items()}
        follower.block(list(statements), ())
        return follower.effects


class _Follower:
    def __init__(
        self,
        flow: Flow,
        function: Function,
        classes: tuple[Class, ...],
        depth: int = 0,
        active: tuple[Function, ...] = (),
    ) -> None:
        self.effects: list[Effect] = []
        self.repeats: set[Function] = set()  # functions that call themselves
        self.roots: frozenset[str] = frozenset()
        around = function.enclosing_class
        self.bindings = Bindings(around.name if around is not None else "")
        self._flow = flow
        self._function = function
        self._classes = classes
        self._depth = depth
        self._active = active
        self._tests = LayerTests(flow, function, self.bindings)

    # ---------------------------------------------------------- statements

    def block(self, statements: list[ast.stmt], conditions: tuple[Condition, ...]) -> None:
        for statement in statements:
            following = self._statement(statement, conditions)
            conditions = (*conditions, *following)

    def _statement(
        self, statement: ast.stmt, conditions: tuple[Condition, ...]
    ) -> tuple[Condition, ...]:
        """Note what a statement does; conditions for those after it in the block."""
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                pass
            case ast.Assign(targets=[target], value=value):
                self._expression(value, conditions)
                self._assign(target, value, conditions)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._expression(value, conditions)
                self._assign(target, value, conditions)
            case ast.Expr(value=value):
                self._expression(value, conditions)
            case ast.Return(value=ast.expr() as value) if self._depth:
                self._expression(value, conditions)  # it holds for what the caller does next
            case ast.For(target=target, iter=iterated, body=body):
                self._loop(target, iterated, body, conditions)
            case ast.While(test=test, body=body):
                self._expression(test, conditions)
                self.block(body, conditions)
            case ast.If(test=test, body=body, orelse=orelse):
                self._expression(test, conditions)
                self.block(body, (*conditions, *self._tests.of(test, True)))
                self.block(orelse, (*conditions, *self._tests.of(test, False)))
                if body and isinstance(body[-1], (ast.Continue, ast.Return, ast.Break, ast.Raise)):
                    if isinstance(body[-1], ast.Raise):
                        return ()
                    return tuple(self._tests.of(test, False))
            case ast.With(body=body) | ast.AsyncWith(body=body):
                self.block(body, conditions)
            case ast.Try(body=body, orelse=orelse, finalbody=finalbody):
                for inner in (body, orelse, finalbody):
                    self.block(inner, conditions)
            case _:
                pass
        return ()

    def _assign(self, target: ast.expr, value: ast.expr, conditions: tuple[Condition, ...]) -> None:
        if isinstance(target, ast.Attribute) and target.attr in ("requires_grad", "training"):
            self._set_flag(target, value, conditions)
            return
        source = ast.unparse(target)
        if source in self.roots:
            return  # made, wrapped or moved here: it stays the model
        self.bindings.assign(target, value)

    def _set_flag(
        self, target: ast.Attribute, value: ast.expr, conditions: tuple[Condition, ...]
    ) -> None:
        flag, owner = self.bindings.constant(value), target.value
        if target.attr == "training":
            self._note(target, "mode", flag, self._layers(owner), conditions)
        elif _parameter(owner) is not None:
            assert isinstance(owner, ast.Attribute)
            found = self._layers(owner.value)
            self._note(target, "gradient", flag, found, conditions, _parameter(owner))
        else:
            found = [part for part in self.bindings.resolve(owner) if part.what == "parameter"]
            self._note(target, "gradient", flag, found, conditions)

    def _layers(self, expr: ast.expr) -> list[Part]:
        return [part for part in self.bindings.resolve(expr) if part.what == "each"]

    def _note(
        self,
        node: ast.expr,
        what: Literal["mode", "gradient"],
        flag: object,
        parts: Iterable[Part],
        conditions: tuple[Condition, ...],
        only: Literal["weight", "bias"] | None = None,
    ) -> None:
        """``flag``: False, True, or something else for what is not known."""
        off, on = _KINDS[what]
        kind = off if flag is False else on
        path, is_certain = self._function.module.path, isinstance(flag, bool)
        for part in parts:
            self.effects.append(Effect(kind, part, conditions, path, node, is_certain, only))

    def _loop(
        self,
        target: ast.expr,
        iterated: ast.expr,
        body: list[ast.stmt],
        conditions: tuple[Condition, ...],
    ) -> None:
        self._expression(iterated, conditions)
        before = dict(self.bindings.parts)
        self.bindings.bind_loop(target, iterated)
        self.block(body, conditions)
        self.bindings.parts = before

    # --------------------------------------------------------- expressions

    def _expression(self, value: ast.expr, conditions: tuple[Condition, ...]) -> None:
        for node in _own_nodes(value):
            if isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.SetComp)):
                self._comprehension(node, conditions)
            elif isinstance(node, ast.Call):
                self._call(node, conditions)

    def _comprehension(
        self,
        node: ast.ListComp | ast.GeneratorExp | ast.SetComp,
        conditions: tuple[Condition, ...],
    ) -> None:
        [generator, *others] = node.generators
        if others:
            return
        tests = [c for test in generator.ifs for c in self._tests.of(test, True)]
        statement = ast.copy_location(ast.Expr(node.elt), node.elt)
        self._loop(generator.target, generator.iter, [statement], (*conditions, *tests))

    def _call(self, call: ast.Call, conditions: tuple[Condition, ...]) -> None:
        if isinstance(call.func, ast.Attribute) and self._mode_call(call, call.func, conditions):
            return
        name = call_name(call)
        if name == "apply" and isinstance(call.func, ast.Attribute) and len(call.args) == 1:
            each = [Part(part.path, "each") for part in self.bindings.modules(call.func.value)]
            for function in self._functions(call.args[0]):
                self._enter(function, {0: each}, {}, conditions)
            return
        if self._depth >= _DEEPEST:
            return
        functions = self._called(call)
        before = len(self.effects)
        for function in functions[:_MOST_CALLED]:
            self._enter_call(function, call, conditions)
        if len(functions) > 1:
            # None of them is sure to be called: what it freezes does not count, what it thaws does.
            found = self.effects[before:]
            self.effects[before:] = [e for e in found if e.kind in ("train", "gradient")]

    def _mode_call(
        self, call: ast.Call, func: ast.Attribute, conditions: tuple[Condition, ...]
    ) -> bool:
        """``eval()``, ``train(...)``, ``requires_grad_(...)`` on a part of the model."""
        if func.attr not in ("eval", "train", "requires_grad_"):
            return False
        owner = func.value
        only = _parameter(owner) if func.attr == "requires_grad_" else None
        if only is not None:
            assert isinstance(owner, ast.Attribute)
            found = self._layers(owner.value)
        else:
            found = self.bindings.resolve(owner)
        if not found:
            return False
        arguments = given_arguments(call)
        flag = self.bindings.constant(arguments[0]) if arguments else True
        if func.attr == "eval":
            flag = False
        what: Literal["mode", "gradient"] = "gradient" if func.attr == "requires_grad_" else "mode"
        self._note(call, what, flag, found, conditions, only)
        return True

    # --------------------------------------------------- functions called

    def _called(self, call: ast.Call) -> list[Function]:
        found = list(self._functions(call.func))
        func = call.func
        if not found and isinstance(func, ast.Attribute) and self.bindings.is_model(func.value):
            # model.module.freeze_bn(), where nothing is known of the wrapper
            methods = (cls.find_method(func.attr) for cls in self._classes)
            found = list(dict.fromkeys(method for method in methods if method is not None))
        return found

    def _functions(self, expr: ast.expr) -> Iterator[Function]:
        for value in self._flow.value_of(expr):
            if isinstance(value, FunctionValue):
                yield value.function

    def _enter_call(
        self, function: Function, call: ast.Call, conditions: tuple[Condition, ...]
    ) -> None:
        positional: dict[int, list[Part]] = {}
        named: dict[str, list[Part]] = {}
        constants: dict[int | str, ast.expr] = {}
        offset = 0
        if isinstance(call.func, ast.Attribute) and _is_method(function):
            offset = 1
            positional[0] = self.bindings.resolve(call.func.value)
        for index, argument in enumerate(call.args):
            positional[index + offset] = self.bindings.resolve(argument)
            constants[index + offset] = argument
        for keyword in call.keywords:
            if keyword.arg is not None:
                named[keyword.arg] = self.bindings.resolve(keyword.value)
                constants[keyword.arg] = keyword.value
        shared = {}
        if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "self":
            shared = {s: found for s, found in self.bindings.parts.items() if s.startswith("self.")}
        rebuilt = rebuilding_test(self._flow, function) if positional.get(0) else None
        if rebuilt is not None:
            self._note_rebuilt(call, function, rebuilt, positional[0], conditions)
        elif any(positional.values()) or any(named.values()) or shared:
            self._enter(function, positional, named, conditions, shared, constants)

    def _note_rebuilt(
        self,
        call: ast.Call,
        function: Function,
        test: ast.expr,
        parts: list[Part],
        conditions: tuple[Condition, ...],
    ) -> None:
        """``model = convert_fixedbn_model(model)``: all its BatchNorm is frozen for good."""
        asked = LayerTests(self._flow, function, Bindings()).of(test, True)
        conditions = (
            *conditions,
            *(one._replace(module_path=function.module.path) for one in asked),
        )
        path = self._function.module.path
        for part in parts:
            if part.what == "module":
                each = Part(part.path, "each")
                kinds: tuple[_Kind, ...] = ("eval", "no gradient")
                self.effects.extend(
                    Effect(kind, each, conditions, path, call, is_for_good=True) for kind in kinds
                )

    def _enter(
        self,
        function: Function,
        positional: Mapping[int, list[Part]],
        named: Mapping[str, list[Part]],
        conditions: tuple[Condition, ...],
        shared: Mapping[str, list[Part]] | None = None,
        constants: Mapping[int | str, ast.expr] | None = None,
    ) -> None:
        node = function.node
        if isinstance(node, ast.Module) or self._depth >= _DEEPEST:
            return
        if function in self._active:
            self.repeats.add(function)
            return
        active = (*self._active, function)
        inner = _Follower(self._flow, function, self._classes, self._depth + 1, active)
        names = [argument.arg for argument in [*node.args.posonlyargs, *node.args.args]]
        inner.bindings.parts = {source: list(found) for source, found in (shared or {}).items()}
        for index, found in positional.items():
            if found and index < len(names):
                inner.bindings.parts[names[index]] = found
        for name, found in named.items():
            if found:
                inner.bindings.parts[name] = found
        inner.bindings.take_constants(node, names, constants or {}, self.bindings)
        if isinstance(node, ast.Lambda):
            inner._expression(node.body, conditions)
        else:
            inner.block(node.body, conditions)
        effects = inner.effects
        if function in inner.repeats:  # for each child, and so for all modules
            effects = [_for_each(effect) for effect in effects]
        self.repeats |= inner.repeats - {function}
        self.effects.extend(effects)


def _for_each(effect: Effect) -> Effect:
    if effect.part.what != "child":
        return effect
    return effect._replace(part=Part(effect.part.path, "each"))


def _own_nodes(value: ast.expr) -> Iterator[ast.expr]:
    """The expressions in one, outermost first, not those of lambdas and comprehensions."""
    pending: list[ast.AST] = [value]
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.expr):
            yield node
        if not isinstance(node, (ast.Lambda, ast.ListComp, ast.GeneratorExp, ast.SetComp)):
            pending.extend(children(node))


def _parameter(expr: ast.expr) -> Literal["weight", "bias"] | None:
    """Which parameter of a layer an expression is."""
    match expr:
        case ast.Attribute(attr="weight"):
            return "weight"
        case ast.Attribute(attr="bias"):
            return "bias"
    return None


def _is_method(function: Function) -> bool:
    return function.class_ is not None and not function.is_static
