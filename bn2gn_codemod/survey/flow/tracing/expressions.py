"""What an expression stands for: its node in the flow analysis."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.tracing.calls import trace_call
from bn2gn_codemod.survey.flow.tracing.computed_globals import is_own_module
from bn2gn_codemod.survey.flow.tracing.computed_names import is_namespace, read_named, text_node
from bn2gn_codemod.survey.flow.tracing.containers import MUTATORS
from bn2gn_codemod.survey.flow.tracing.cut_texts import taken_text
from bn2gn_codemod.survey.flow.tracing.elements import element_at
from bn2gn_codemod.survey.flow.tracing.kept_classes import (
    keep_asked_for_member,
    keep_compared,
    keep_in_typing,
    keep_in_unions,
    keep_keys,
    note_lookup,
)
from bn2gn_codemod.survey.flow.tracing.table_entries import give_entry, give_handed_entry
from bn2gn_codemod.survey.flow.tracing.targets import assign, assign_each
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.tracing.type_tests import Narrowing, gives_number, may_be
from bn2gn_codemod.survey.flow.tracing.weight_loads import hand_on_load
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.known.norm_classes import is_norm_class
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import (
    all_arguments,
    defaults_of,
    target_names,
    text_pattern,
    walk,
)
from bn2gn_codemod.survey.syntax.nodes import dotted as dotted_name
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    Entries,
    Function,
    Instance,
    Text,
    TupleValue,
    UseContext,
    Value,
)

_CONTAINERS = {"Sequential", "ModuleList", "ModuleDict", "OrderedDict", "dict", "list", "UserDict"}


class Expressions(Tracer):
    """Turns the expressions of one scope into nodes and edges, each of them once."""

    def evaluate(self, expr: ast.expr, context: UseContext = "plain") -> Node | None:
        known = self.flow.expressions
        if expr not in known:
            known[expr] = None  # a recursive lambda or default must end
            known[expr] = self._evaluate(expr, context)
        return known[expr]

    def _evaluate(self, expr: ast.expr, context: UseContext) -> Node | None:
        flow = self.flow
        match expr:
            case ast.Name():
                return self._load_name(expr, context)
            case ast.Attribute():
                return self._load_attribute(expr, context)
            case ast.Call():
                return trace_call(self, expr, context)
            case ast.Constant():
                return text_node(flow, expr.value) if isinstance(expr.value, str) else None
            case ast.List() | ast.Set():
                return self._container(expr.elts, context)
            case ast.Tuple():
                return self._tuple(expr, context)
            case ast.Dict():
                return self._dict(expr, context)
            case ast.Subscript():
                return self._subscript(expr, context)
            case ast.Starred() | ast.Await():
                return self.evaluate(expr.value, context)
            case ast.Yield() | ast.YieldFrom():
                if expr.value is not None:
                    value = self.evaluate(expr.value)
                    if value is not None:
                        flow.edge(value, flow.return_node(self.function))
                return None
            case ast.IfExp():
                self.evaluate(expr.test)
                if gives_number(expr):
                    return self.evaluate(expr.orelse, _of_part(context))
                return self._union([expr.body, expr.orelse], _of_part(context))
            case ast.BoolOp():
                return self._union(expr.values, _of_part(context))
            case ast.NamedExpr():
                value = self.evaluate(expr.value, _of_part(context))
                self._bind_here(expr.target)
                assign(self, expr.target, value)
                return value
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                self._comprehension(expr.generators)
                return self._container([expr.elt], context)
            case ast.DictComp():
                self._comprehension(expr.generators)
                keep_keys(self, [expr.key])
                made = self._container([expr.key, expr.value], "plain")
                key = self.evaluate(expr.key)
                if made is not None and key is not None and key != self.evaluate(expr.value):
                    flow.containers.separate(key, made)
                return made
            case ast.JoinedStr():
                for part in expr.values:
                    if isinstance(part, ast.FormattedValue):
                        self.evaluate(part.value, "other" if context == "other" else "plain")
                return text_node(flow, text_pattern(expr) or "*")
            case ast.BinOp():
                pattern = text_pattern(expr)
                if pattern is not None:
                    self._calls_in(expr)
                    return text_node(flow, pattern)
                keep_in_unions(self, expr)
                if isinstance(expr.op, (ast.Add, ast.Mult, ast.BitOr)):
                    parts = [expr.left, expr.right]
                    if any(_is_text(part) for part in parts):
                        return self._text(parts)
                    return self._container(parts, "plain")
                self._calls_in(expr)
                return None
            case ast.Lambda():
                return self._lambda(expr)
            case ast.Compare():
                keep_compared(self, expr)
                return None
            case ast.UnaryOp():
                self.evaluate(expr.operand, "test")
                return None
            case _:
                self._calls_in(expr)
                return None

    def _calls_in(self, expr: ast.expr) -> None:
        """Look at loads in a part of which nothing else is asked: ``"%s" % net.load(path)``."""
        lines = self.function.module.source.lines[expr.lineno - 1 : expr.end_lineno]
        if any("load" in line for line in lines):
            for part in walk(expr):
                if isinstance(part, ast.Call):
                    self.evaluate(part)

    def _union(self, parts: Iterable[ast.expr], context: UseContext) -> Node | None:
        nodes = [node for part in parts if (node := self.evaluate(part, context)) is not None]
        if len(nodes) <= 1:
            return nodes[0] if nodes else None
        result = self.flow.node()
        for node in nodes:
            self.flow.edge(node, result)
        return result

    def _text(self, parts: list[ast.expr]) -> Node | None:
        """A string of parts, some of which are not known to be strings."""
        result = self._union(parts, "plain")
        for part in parts:
            node = self.evaluate(part)
            if node is not None and result is not None:
                self.flow.containers.separate(node, result)
        return result

    def _container(self, parts: list[ast.expr], context: UseContext) -> Node | None:
        """A new container of what the parts hold; ``None`` if nobody would fill it with layers."""
        nodes = [node for part in parts if (node := self.evaluate(part, context)) is not None]
        if parts and not nodes:
            return None  # [64, 128]
        result = self.flow.node()
        self.flow.containers.make(result)
        for node in nodes:
            self.flow.containers.hold(node, result)
            self.flow.edge(node, result)
        return result

    def _tuple(self, expr: ast.Tuple, context: UseContext) -> Node | None:
        flow = self.flow
        found = [self.evaluate(part, context) for part in expr.elts]
        if all(value is None for value in found):
            return None  # (3, 224, 224)
        node = flow.node()
        held = TupleValue(tuple(flow.node() if value is None else value for value in found))
        flow.add(node, held)
        return node

    def _dict(self, expr: ast.Dict, context: UseContext) -> Node | None:
        flow = self.flow
        entries: list[tuple[str, Node]] = []
        found: list[Node] = []
        keep_keys(self, expr.keys)
        for key, part in zip(expr.keys, expr.values, strict=True):
            value = self.evaluate(part, context)
            if value is None:
                continue
            found.append(value)
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                entries.append((key.value, value))
        if expr.values and not found:
            return None
        node = flow.node()
        flow.containers.make(node)
        for value in found:
            flow.containers.hold(value, node)
            flow.edge(value, node)
        is_told = any(not isinstance(value, ast.Constant) for value in expr.values) or any(
            key == "type" for key, _ in entries
        )
        if entries and (is_told or flow.has_configs):
            flow.add(node, Entries(tuple(entries)))
        return node

    def _subscript(self, expr: ast.Subscript, context: UseContext) -> Node | None:
        flow = self.flow
        if is_own_module(expr):
            own = flow.node()
            flow.add(own, flow.module_value(self.function.module))
            return own
        text = taken_text(self, expr)
        if text is not None:
            return text
        base = self.evaluate(expr.value)
        note_lookup(self, expr.slice)
        keep_in_typing(self, expr)
        if not isinstance(expr.slice, (ast.Constant, ast.Name)):
            self._calls_in(expr.slice)
        if base is None:
            return None
        element = element_at(self.function, expr)
        if element is not None and flow.expressions.get(element) is not None:
            return flow.expressions[element]
        if is_namespace(expr.value):
            return read_named(self, base, expr.slice, expr, context)
        result = flow.node()
        if give_entry(self, expr, result):
            return result
        handed = give_handed_entry(self, expr, result)
        if not handed:
            flow.containers.take(base, result)
        if isinstance(expr.slice, ast.Slice):
            flow.containers.make(result)
        position = expr.slice.value if isinstance(expr.slice, ast.Constant) else None

        def on_base(held: Value) -> None:
            dicts = (flow.expressions.get(one) for one in handed)
            if any(node is not None and flow.holds(node, held) for node in dicts):
                return  # it is there under its key
            if isinstance(held, TupleValue):
                if isinstance(position, int) and -len(held.elements) <= position < len(
                    held.elements
                ):
                    flow.edge(held.elements[position], result)
                else:
                    for element in held.elements:
                        flow.edge(element, result)
            elif isinstance(held, Instance):
                flow.add(result, held)
                for owner in held.class_.ancestors() if _is_container(held.class_) else ():
                    flow.edge(flow.read(owner, "*"), result)
            elif isinstance(held, ClassValue) and _is_enum(held.class_):
                flow.edge(flow.read(held.class_, "*"), result)
            elif not isinstance(held, (Text, Entries)):
                flow.add(result, held)

        flow.hand_on(base, result)
        flow.watch(base, on_base)
        return result

    def _comprehension(self, generators: list[ast.comprehension]) -> None:
        for generator in generators:
            # Comprehension variables share the function's names: harmless here.
            self._bind_here(generator.target)
            assign_each(self, generator.target, generator.iter)
            for condition in generator.ifs:
                self.evaluate(condition)

    def _bind_here(self, target: ast.expr) -> None:
        """Names that an expression binds are local, unless they are declared to be others."""
        function = self.function
        names = set(target_names(target)) - function.global_names - function.nonlocal_names
        function.locals.update(names)
        for name in names:
            self.bindings.forget_name(name)

    def _lambda(self, expr: ast.Lambda) -> Node:
        flow = self.flow
        function = Function("<lambda>", self.function.module, expr, None, self.function)
        function.locals.update(argument.arg for argument in all_arguments(expr.args))
        flow.function_of[expr] = function
        for parameter, default in defaults_of(expr.args):
            given = self.evaluate(default)
            if given is not None:
                flow.edge(given, flow.name_node(function, parameter.arg))
        value = Expressions(flow, function).evaluate(expr.body)
        if value is not None:
            flow.edge(value, flow.return_node(function))
        node = flow.node()
        flow.add(node, flow.function_value(function, False))
        return node

    def _load_name(self, expr: ast.Name, context: UseContext) -> Node | None:
        flow = self.flow
        if self.cls is not None and (self.cls, expr.id) in flow.slots:
            source: Node | None = flow.slots[(self.cls, expr.id)]
        else:
            source = self.bindings.get(expr, self.statement)
            if source is None:
                source = flow.lookup(self.function, expr.id)
        if source is None and not (is_norm_class(expr.id) or self._is_starred(expr.id)):
            return None
        node = flow.node()
        flow.loads[node] = (self.spot(expr), context, expr.id in self.function.parameters)
        if source is None:
            # It comes by a star import from somewhere else.
            flow.add(node, flow.external(expr.id))
        elif expr.id in self.narrowed:
            _move_narrowed(flow, source, node, self.narrowed[expr.id])
        else:
            flow.edge(source, node)
        return node

    def _is_starred(self, name: str) -> bool:
        """Whether a name that is bound nowhere is torch, by a star import of a file that has it."""
        return name == "torch" and any(
            isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"
            for statement in self.function.module.tree.body
        )

    def _load_attribute(self, expr: ast.Attribute, context: UseContext) -> Node | None:
        flow = self.flow
        module = self._dotted_module(expr)
        # What asks a norm class for a member makes no layer of it.
        base = self.evaluate(expr.value, "other")
        if base is None:
            return None
        keep_asked_for_member(self, expr.value, expr.attr, base)
        node = flow.node()
        # An attribute that holds a norm class is as good as a parameter: it
        # was set somewhere else.
        flow.loads[node] = (self.spot(expr), context, True)
        if module is not None:
            flow.add(node, flow.module_value(module))
        else:
            flow.attribute_reads.add(base, expr.attr, node)
            if expr.attr in MUTATORS:
                flow.containers.give_adder(base, node)
            if expr.attr == "load_state_dict":
                hand_on_load(self, expr, base)
        return node

    def _dotted_module(self, expr: ast.Attribute) -> Module | None:
        """``a.b.c`` after ``import a.b.c``."""
        if not self.flow.packages:
            return None
        dotted = dotted_name(expr)
        if dotted is None:
            return None
        head, *rest = dotted.split(".")
        scope: Function | None = self.function
        while scope is not None:
            packages = self.flow.packages.get((scope, head))
            if packages is not None:
                return packages.get(tuple(rest))
            scope = scope.outer
        return None


def _move_narrowed(flow: Flow, source: Node, target: Node, narrowing: Narrowing) -> None:
    def on_value(held: Value) -> None:
        if may_be(narrowing, held):
            flow.add(target, held)

    flow.watch(source, on_value)


def _of_part(context: UseContext) -> UseContext:
    """``(norm or nn.BatchNorm2d)(c)`` calls neither part by its name."""
    return "plain" if context in ("callee", "activation", "partial") else context


def _is_text(expr: ast.expr) -> bool:
    """Whether an operand is certain to be a string."""
    match expr:
        case ast.BinOp(left=left, right=right) | ast.IfExp(body=left, orelse=right):
            return _is_text(left) or _is_text(right)
        case _:
            return isinstance(expr, ast.JoinedStr) or (
                isinstance(expr, ast.Constant) and isinstance(expr.value, str)
            )


def _is_enum(cls: Class) -> bool:
    """Whether ``cls["NAME"]`` gives a member of the class."""
    return any(base.rsplit(".", 1)[-1].endswith("Enum") for base in cls.external_bases)


def _is_container(cls: Class) -> bool:
    """Whether ``instance[i]`` gives something that the instance holds."""
    return not cls.is_registry and any(
        "__getitem__" in owner.methods
        or any(base.rsplit(".", 1)[-1] in _CONTAINERS for base in owner.external_bases)
        for owner in cls.ancestors()
    )
