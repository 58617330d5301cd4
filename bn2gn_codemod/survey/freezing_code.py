"""What code does to the layers of a model, whoever wrote it: eval mode, no gradient.

The code is followed statement by statement, from the expression that is the
model to the part of it that each ``eval()`` and ``requires_grad = False`` is
for, through loops, tests of names and classes, and functions of the
repository. What stands under a test that is not understood does not count: a
layer that is frozen twice is harmless, one that only seems frozen is not.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from bn2gn_codemod.survey.flow import Flow
from bn2gn_codemod.survey.freezing_effects import ELEMENT, WRAPPERS, Condition, Effect, Part
from bn2gn_codemod.survey.syntax import all_arguments, call_name, flat
from bn2gn_codemod.survey.values import Class, Function, FunctionValue

_NORM_WORD = re.compile(r"batch_?norm|syncbn", re.IGNORECASE)
_GOING_OVER = {
    "modules": "each",
    "named_modules": "each",
    "children": "child",
    "named_children": "child",
    "parameters": "parameter",
    "named_parameters": "parameter",
}
_SAME_ITEMS = {"list", "tuple", "iter", "reversed", "enumerate", "sorted", "set", "tqdm"}
_UNWRAPS = re.compile(r"de_?parallel|un_?wrap|without_?ddp|bare_?model")
# What a frozen layer is asked before its attributes are touched.
_ABOUT_A_LAYER = {"affine", "weight", "bias", "track_running_stats", "requires_grad", "training"}
_DEEPEST = 4


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
        follower.parts = {source: [part] for source, part in roots.items()}
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
        self.parts: dict[str, list[Part]] = {}
        self._flow = flow
        self._function = function
        self._classes = classes
        self._depth = depth
        self._active = active
        self._flags: dict[str, list[ast.expr]] = {}
        self._constants: dict[str, object] = {}

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
            case ast.For(target=target, iter=iterated, body=body):
                self._loop(target, iterated, body, conditions)
            case ast.While(body=body):
                self.block(body, conditions)
            case ast.If(test=test, body=body, orelse=orelse):
                self.block(body, (*conditions, *self._conditions(test, True)))
                self.block(orelse, (*conditions, *self._conditions(test, False)))
                if body and isinstance(body[-1], (ast.Continue, ast.Return, ast.Break, ast.Raise)):
                    if isinstance(body[-1], ast.Raise):
                        return ()
                    return tuple(self._conditions(test, False))
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
        found = self._resolve(value)
        if found:
            self.parts[source] = found
        elif isinstance(target, ast.Name):
            self.parts.pop(source, None)
            self._flags.setdefault(source, []).append(value)

    def _set_flag(
        self, target: ast.Attribute, value: ast.expr, conditions: tuple[Condition, ...]
    ) -> None:
        flag = self._constant(value)
        owner = target.value
        if target.attr == "requires_grad":
            if _is_weight(owner):
                assert isinstance(owner, ast.Attribute)
                found = [part for part in self._resolve(owner.value) if part.what == "each"]
            else:
                found = [part for part in self._resolve(owner) if part.what == "parameter"]
            self._note(flag, "no gradient", "gradient", found, conditions)
        else:
            found = [part for part in self._resolve(owner) if part.what == "each"]
            self._note(flag, "eval", "train", found, conditions)

    def _note(
        self,
        value: object,
        off: Literal["eval", "no gradient"],
        on: Literal["train", "gradient"],
        parts: Iterable[Part],
        conditions: tuple[Condition, ...],
    ) -> None:
        """``value``: False, True, or something else for what is not known."""
        kind = off if value is False else on
        for part in parts:
            effect = Effect(kind, part, conditions, self._function.module.path)
            self.effects.append(effect)

    def _loop(
        self,
        target: ast.expr,
        iterated: ast.expr,
        body: list[ast.stmt],
        conditions: tuple[Condition, ...],
    ) -> None:
        self._expression(iterated, conditions)
        name = _layer_variable(target, iterated)
        before = dict(self.parts)
        if name is not None:
            found = self._resolve(iterated)
            if found:
                self.parts[name] = found
            else:
                self.parts.pop(name, None)
        self.block(body, conditions)
        self.parts = before

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
        tests = [c for test in generator.ifs for c in self._conditions(test, True)]
        statement = ast.copy_location(ast.Expr(node.elt), node.elt)
        self._loop(generator.target, generator.iter, [statement], (*conditions, *tests))

    def _call(self, call: ast.Call, conditions: tuple[Condition, ...]) -> None:
        if isinstance(call.func, ast.Attribute) and self._mode_call(call, call.func, conditions):
            return
        name = call_name(call)
        if name == "apply" and isinstance(call.func, ast.Attribute) and len(call.args) == 1:
            each = [Part(part.path, "each") for part in self._modules(call.func.value)]
            for function in self._functions(call.args[0]):
                self._enter(function, {0: each}, {}, conditions)
            return
        if self._depth >= _DEEPEST:
            return
        for function in self._called(call):
            self._enter_call(function, call, conditions)

    def _mode_call(
        self, call: ast.Call, func: ast.Attribute, conditions: tuple[Condition, ...]
    ) -> bool:
        """``eval()``, ``train(...)``, ``requires_grad_(...)`` on a part of the model."""
        if func.attr not in ("eval", "train", "requires_grad_"):
            return False
        owner = func.value
        if func.attr == "requires_grad_" and _is_weight(owner):
            assert isinstance(owner, ast.Attribute)
            found = [part for part in self._resolve(owner.value) if part.what == "each"]
        else:
            found = self._resolve(owner)
        if not found:
            return False
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        value = self._constant(arguments[0]) if arguments else True
        if func.attr == "eval":
            self._note(False, "eval", "train", found, conditions)
        elif func.attr == "train":
            self._note(value, "eval", "train", found, conditions)
        else:
            self._note(value, "no gradient", "gradient", found, conditions)
        return True

    # --------------------------------------------------- functions called

    def _called(self, call: ast.Call) -> Iterator[Function]:
        found = list(self._functions(call.func))
        func = call.func
        if not found and isinstance(func, ast.Attribute) and self._is_model(func.value):
            # model.module.freeze_bn(), where nothing is known of the wrapper
            methods = (self._flow.find_method(cls, func.attr) for cls in self._classes)
            found = list(dict.fromkeys(method for method in methods if method is not None))
        # Of several, none is sure to be called.
        yield from found if len(found) == 1 else ()

    def _is_model(self, expr: ast.expr) -> bool:
        return any(set(part.path) <= {*WRAPPERS, "model"} for part in self._modules(expr))

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
            positional[0] = self._resolve(call.func.value)
        for index, argument in enumerate(call.args):
            positional[index + offset] = self._resolve(argument)
            constants[index + offset] = argument
        for keyword in call.keywords:
            if keyword.arg is not None:
                named[keyword.arg] = self._resolve(keyword.value)
                constants[keyword.arg] = keyword.value
        shared = {}
        if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "self":
            shared = {s: found for s, found in self.parts.items() if s.startswith("self.")}
        if any(positional.values()) or any(named.values()) or shared:
            self._enter(function, positional, named, conditions, shared, constants)

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
        inner.parts = {source: list(found) for source, found in (shared or {}).items()}
        for index, found in positional.items():
            if found and index < len(names):
                inner.parts[names[index]] = found
        for name, found in named.items():
            if found:
                inner.parts[name] = found
        inner._take_constants(node, names, constants or {}, self)
        if isinstance(node, ast.Lambda):
            inner._expression(node.body, conditions)
        else:
            inner.block(node.body, conditions)
        effects = inner.effects
        if function in inner.repeats:  # for each child, and so for all modules
            effects = [_for_each(effect) for effect in effects]
        self.repeats |= inner.repeats - {function}
        self.effects.extend(effects)

    def _take_constants(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        names: list[str],
        given: Mapping[int | str, ast.expr],
        caller: _Follower,
    ) -> None:
        defaults = node.args.defaults
        for name, default in zip(names[len(names) - len(defaults) :], defaults, strict=True):
            if isinstance(default, ast.Constant):
                self._constants[name] = default.value
        for argument, keyword in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
            if isinstance(keyword, ast.Constant):
                self._constants[argument.arg] = keyword.value
        known = {argument.arg for argument in all_arguments(node.args)}
        for key, value in given.items():
            given_to = names[key] if isinstance(key, int) and key < len(names) else key
            if isinstance(given_to, str) and given_to in known:
                self._constants[given_to] = caller._constant(value)

    def _constant(self, value: ast.expr) -> object:
        """A constant, through the arguments of the call; ``None`` for anything else."""
        if isinstance(value, ast.Constant):
            return value.value
        if isinstance(value, ast.Name):
            return self._constants.get(value.id)
        if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not):
            inner = self._constant(value.operand)
            return not inner if isinstance(inner, bool) else None
        return None

    # ------------------------------------------------------------- parts

    def _modules(self, expr: ast.expr) -> list[Part]:
        return [part for part in self._resolve(expr) if part.what == "module"]

    def _resolve(self, expr: ast.expr) -> list[Part]:
        """The parts of the model that an expression is."""
        known = self.parts.get(ast.unparse(expr)) if _is_plain(expr) else None
        if known is not None:
            return known
        match expr:
            case ast.Attribute(value=owner, attr=name):
                return [
                    part if name in WRAPPERS else Part((*part.path, name))
                    for part in self._modules(owner)
                ]
            case ast.Subscript(value=owner):
                inner = self._resolve(owner)
                return [Part((*part.path, ELEMENT), part.what) for part in inner]
            case ast.IfExp(body=body, orelse=orelse):
                return list(dict.fromkeys([*self._resolve(body), *self._resolve(orelse)]))
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return [part for element in elements for part in self._resolve(element)]
            case ast.Call():
                return self._resolve_call(expr)
        return []

    def _resolve_call(self, call: ast.Call) -> list[Part]:
        name = call_name(call)
        if isinstance(call.func, ast.Attribute):
            owner = call.func.value
            if name in _GOING_OVER:
                what = _GOING_OVER[name]
                found = self._resolve(owner)
                if any(part.what == "each" for part in found) and what == "parameter":
                    # The parameters of each layer, where the layers were chosen before.
                    return [Part(part.path, "parameter") for part in found]
                return [Part(part.path, what) for part in found if part.what != "parameter"]
            if name in ("cuda", "to", "cpu", "train", "eval", "float", "half", "requires_grad_"):
                return self._resolve(owner)
            if name == "chain":
                return [part for argument in call.args for part in self._resolve(argument)]
            return []
        if name == "getattr" and len(call.args) >= 2:
            attribute = self._constant(call.args[1])
            if not isinstance(attribute, str):
                return []
            named = ast.Attribute(call.args[0], attribute, ast.Load())
            return self._resolve(named)
        if name in _SAME_ITEMS or name == "chain" or _UNWRAPS.search(name):
            return [part for argument in call.args[:8] for part in self._resolve(argument)]
        return []

    # --------------------------------------------------------- conditions

    def _conditions(self, test: ast.expr, positive: bool) -> list[Condition]:
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._conditions(operand, not positive)
            case ast.BoolOp(op=op, values=values):
                return self._combined(op, values, positive)
            case ast.Name(id=name) if name in self._flags:
                tests = [
                    value
                    for value in self._flags[name]
                    if not (isinstance(value, ast.Constant) and value.value is False)
                ]
                return self._combined(ast.Or(), tests, positive)
            case ast.Name(id="mode"):
                return []
            case ast.Call(func=ast.Name(id="isinstance"), args=[subject, classes]):
                return self._class_test(test, subject, classes, positive)
            case ast.Call(func=ast.Name(id="hasattr"), args=[owner, ast.Constant(value=str(name))]):
                return self._has(owner, name, positive)
            case ast.Call() | ast.Compare():
                return self._text_test(test, positive)
            case ast.Attribute(attr=name, value=owner) if name in _ABOUT_A_LAYER:
                return [] if self._resolve(owner) else [_UNKNOWN]
        return [] if self._constant(test) is positive else [_UNKNOWN]

    def _combined(self, op: ast.boolop, values: list[ast.expr], positive: bool) -> list[Condition]:
        each = [self._conditions(value, positive) for value in values]
        if isinstance(op, ast.And) == positive:
            return [condition for found in each for condition in found]
        # Any one of them suffices: understood where all of them are of one kind.
        flat_ = [condition for found in each for condition in found]
        if any(len(found) != 1 for found in each) or not flat_:
            return (
                flat_ if all(c.kind in ("norm", "norm2d") for c in flat_) and flat_ else [_UNKNOWN]
            )
        kinds = {condition.kind for condition in flat_}
        if kinds <= {"norm", "norm2d"}:
            wide = next((c for c in flat_ if c.kind == "norm"), None)
            return [wide or flat_[0]]
        if kinds == {"words"} and len({c.positive for c in flat_}) == 1:
            words = frozenset(word for c in flat_ for word in c.words)
            return [Condition("words", flat_[0].positive, words)]
        return [_UNKNOWN]

    def _class_test(
        self, test: ast.expr, subject: ast.expr, classes: ast.expr, positive: bool
    ) -> list[Condition]:
        named = classes.elts if isinstance(classes, ast.Tuple) else [classes]
        if isinstance(classes, ast.BinOp):
            named = [part for part in ast.walk(classes) if isinstance(part, ast.expr)]
        texts = [ast.unparse(cls).rsplit(".", 1)[-1] for cls in named]
        if any("BatchNorm" in text or text in ("SyncBN", "_NormBase") for text in texts):
            kind: Literal["norm", "norm2d"] = "norm2d" if texts == ["BatchNorm2d"] else "norm"
            return [Condition(kind, positive, node=test)]
        if any("Parallel" in text for text in texts):
            return []
        if any("Module" in text for text in texts):
            return [] if positive else [_UNKNOWN]
        return [_UNKNOWN]

    def _has(self, owner: ast.expr, name: str, positive: bool) -> list[Condition]:
        if name in _ABOUT_A_LAYER or name in WRAPPERS:
            return []
        if self._is_model(owner):
            return [Condition("has", positive, frozenset({name}))]
        return [_UNKNOWN]

    def _text_test(self, test: ast.expr, positive: bool) -> list[Condition]:
        """A test of a module's name, or of its class's name."""
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            if isinstance(test.ops[0], (ast.NotIn, ast.NotEq)):
                positive = not positive
            other = test.comparators[0]
            if isinstance(other, ast.Constant) and other.value is None:
                return []  # m.weight is not None
            if isinstance(test.ops[0], (ast.Eq, ast.NotEq)) and _is_find(test.left):
                positive = not positive if _is_minus_one(other) else positive
            if _is_layer_question(test.left):
                return []
        pattern = self._pattern(test)
        if pattern is not None:
            return [Condition("pattern", positive, pattern=pattern)]
        texts = [
            node.value
            for node in ast.walk(test)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        texts += self._listed(test)
        if not texts:
            return [_UNKNOWN]
        if all(_NORM_WORD.search(text) for text in texts):
            return [Condition("norm", positive, node=test)]
        anchored = ""
        match test:
            case ast.Call(
                func=ast.Attribute(attr="startswith"), args=[ast.Constant(value=str(text))]
            ):
                anchored = text
            case _:
                pass
        words = frozenset(text.strip(".") for text in texts if re.search(r"\w\w", text))
        if not words:
            return [_UNKNOWN]
        return [Condition("words", positive, words, anchored)]

    def _listed(self, test: ast.expr) -> list[str]:
        """Strings of a list or tuple that a name in the test stands for."""
        names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
        found: list[str] = []
        for name in names:
            values = list(self._flags.get(name, ()))
            if not values:
                values = list(_module_values(self._function, name))
            for value in values:
                if isinstance(value, (ast.List, ast.Tuple, ast.Set, ast.Constant)):
                    found += [
                        node.value
                        for node in ast.walk(value)
                        if isinstance(node, ast.Constant) and isinstance(node.value, str)
                    ]
        return found

    def _pattern(self, test: ast.expr) -> re.Pattern[str] | None:
        """The pattern of ``PATTERN.match(name)`` and ``re.match('...', name)``."""
        while isinstance(test, ast.Compare):
            test = test.left
        if not isinstance(test, ast.Call) or not isinstance(test.func, ast.Attribute):
            return None
        if test.func.attr != "match":
            return None
        text: str | None = None
        owner = test.func.value
        if isinstance(owner, ast.Name) and owner.id == "re" and test.args:
            if isinstance(test.args[0], ast.Constant) and isinstance(test.args[0].value, str):
                text = test.args[0].value
        elif isinstance(owner, ast.Name):
            known = self._flags.get(owner.id) or list(_module_values(self._function, owner.id))
            for value in known:
                match value:
                    case ast.Call(func=ast.Attribute(attr="compile"), args=[ast.Constant(), *_]):
                        literal = value.args[0]
                        assert isinstance(literal, ast.Constant)
                        text = literal.value if isinstance(literal.value, str) else None
                    case _:
                        pass
        try:
            return re.compile(text) if text is not None else None
        except (re.error, RecursionError):
            return None


_UNKNOWN = Condition("unknown")


def _for_each(effect: Effect) -> Effect:
    if effect.part.what != "child":
        return effect
    return dataclasses.replace(effect, part=Part(effect.part.path, "each"))


def _layer_variable(target: ast.expr, iterated: ast.expr) -> str | None:
    """The loop variable that holds the layer: ``m`` of ``name, m`` and ``i, (name, m)``."""
    while isinstance(target, (ast.Tuple, ast.List)) and target.elts:
        target = target.elts[-1]
    return target.id if isinstance(target, ast.Name) else None


def _own_nodes(value: ast.expr) -> Iterator[ast.expr]:
    """The expressions in one, outermost first, not those of lambdas and comprehensions."""
    pending: list[ast.AST] = [value]
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.expr):
            yield node
        if not isinstance(node, (ast.Lambda, ast.ListComp, ast.GeneratorExp, ast.SetComp)):
            pending.extend(ast.iter_child_nodes(node))


def _is_weight(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Attribute) and expr.attr in ("weight", "bias")


def _is_plain(expr: ast.expr) -> bool:
    return isinstance(expr, (ast.Name, ast.Attribute, ast.Subscript))


def _is_method(function: Function) -> bool:
    return function.class_ is not None and not function.is_static


def _is_find(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Call) and call_name(expr) == "find"


def _is_minus_one(expr: ast.expr) -> bool:
    return ast.unparse(expr) == "-1"


def _is_layer_question(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Attribute) and expr.attr in _ABOUT_A_LAYER


def _module_values(function: Function, name: str) -> Iterator[ast.expr]:
    """What the top level of the function's file assigns to a name."""
    for statement in flat(function.module.tree.body):
        match statement:
            case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                yield value
            case _:
                pass
