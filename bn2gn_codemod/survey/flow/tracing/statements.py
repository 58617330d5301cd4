"""What the statements of one scope do: they bind, define, return, and hold other statements."""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.flow.analysis import Arguments, Flow
from bn2gn_codemod.survey.flow.attribute_reads import CHILDREN, is_classmethod
from bn2gn_codemod.survey.flow.tracing.arguments import Call
from bn2gn_codemod.survey.flow.tracing.calls import call_whatever
from bn2gn_codemod.survey.flow.tracing.containers import container, put_into
from bn2gn_codemod.survey.flow.tracing.expressions import Expressions
from bn2gn_codemod.survey.flow.tracing.extended_norms import keep_bases
from bn2gn_codemod.survey.flow.tracing.imports import bind_import
from bn2gn_codemod.survey.flow.tracing.kept_classes import (
    compares_subject,
    keep_annotated,
    keep_asked_in,
    keep_class,
    keep_in_unions,
    keep_matched,
    keep_stored_keys,
)
from bn2gn_codemod.survey.flow.tracing.targets import assign, assign_each
from bn2gn_codemod.survey.flow.tracing.type_tests import narrowed_by
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.syntax.nodes import (
    call_name,
    captured_names,
    defaults_of,
    target_names,
    walk,
)
from bn2gn_codemod.survey.values import Class, Function, TupleValue, Value

# What a forward pass says that makes norm layers, or asks for what GroupNorm does not have.
_TELLS = re.compile(r"Norm|norm_layer|running_|num_features|momentum")
_CONTAINERS = (ast.Dict, ast.List, ast.Set)


class Statements:
    """Turns the statements of one scope into nodes and edges."""

    def __init__(self, flow: Flow, function: Function, cls: Class | None = None) -> None:
        self.flow = flow
        self.function = function
        self.cls = cls  # set while in a class body
        self._expressions = Expressions(flow, function, cls)

    def run(self, body: list[ast.stmt], is_branch: bool = False) -> None:
        """Trace statements in the order of the source; ``is_branch``: those under an ``if``."""
        bindings = self._expressions.bindings
        with bindings.block(is_branch):
            for statement in body:
                bindings.enter(statement)
                try:
                    self._trace(statement)
                except RecursionError:
                    # Generated code, nested too deeply; its norms are listed as not followed.
                    continue
                finally:
                    bindings.leave(statement)
                if isinstance(statement, ast.Assign):
                    bindings.bind(statement, self.flow.expressions.get(statement.value))

    def _trace(self, statement: ast.stmt) -> None:
        expressions = self._expressions
        expressions.statement = statement
        match statement:
            case ast.Assign():
                value = expressions.evaluate(statement.value)
                keep_stored_keys(expressions, statement.targets)
                for target in statement.targets:
                    assign(expressions, target, value)
                self._keep_as_attribute(statement.value)
            case ast.AnnAssign():
                keep_in_unions(expressions, statement.annotation)
                if statement.value is not None:
                    value = expressions.evaluate(statement.value)
                    assign(expressions, statement.target, value)
                    self._keep_as_attribute(statement.value)
            case ast.AugAssign():
                value = expressions.evaluate(statement.value)
                if value is not None and not isinstance(statement.target, ast.Subscript):
                    holder = container(expressions, statement.target)
                    put_into(expressions, statement.target, holder, value)
                assign(expressions, statement.target, value)
            case ast.Expr():
                expressions.evaluate(statement.value)
            case ast.Return():
                if statement.value is not None:
                    value = expressions.evaluate(statement.value)
                    if value is not None:
                        self.flow.edge(value, self.flow.return_node(self.function))
            case ast.If() | ast.While():
                expressions.evaluate(statement.test)
                self._run_branch(statement)
                self.run(statement.orelse, is_branch=True)
            case ast.For() | ast.AsyncFor():
                self._loop(statement)
            case ast.With() | ast.AsyncWith():
                for item in statement.items:
                    value = expressions.evaluate(item.context_expr)
                    if item.optional_vars is not None:
                        assign(expressions, item.optional_vars, value)
                self.run(statement.body)
            case ast.Delete() | ast.Raise():
                for part in walk(statement):
                    if isinstance(part, ast.Call):
                        expressions.evaluate(part)
            case ast.Try():
                self.run(statement.body)
                for handler in statement.handlers:
                    self.run(handler.body)
                self.run(statement.orelse)
                self.run(statement.finalbody)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._define_function(statement)
            case ast.ClassDef():
                self._define_class(statement)
            case ast.Import() | ast.ImportFrom():
                if self.function.outer is not None:
                    bind_import(self.flow, self.function, statement)
            case ast.Match():
                if compares_subject(statement):
                    keep_class(expressions, statement.subject, "is compared")
                subject = expressions.evaluate(statement.subject)
                for branch in statement.cases:
                    keep_matched(expressions, branch.pattern)
                    self._capture(branch.pattern, subject)
                    if branch.guard is not None:
                        expressions.evaluate(branch.guard)
                    self.run(branch.body)
            case ast.Assert():
                expressions.evaluate(statement.test)
            case _:
                pass

    def _run_branch(self, branch: ast.If | ast.While) -> None:
        before = dict(self._expressions.narrowed)
        tested = narrowed_by(self.flow, self.function, branch)
        self._expressions.narrowed = {**tested, **before}
        self.run(branch.body, is_branch=True)
        self._expressions.narrowed = before

    def _capture(self, pattern: ast.pattern, subject: Node | None) -> None:
        """Each name in a pattern may be any part of the subject, or all of it."""
        flow, part = self.flow, self.flow.node()

        def on_value(held: Value) -> None:
            if isinstance(held, TupleValue):
                for element in held.elements:
                    flow.edge(element, part)
            flow.add(part, held)

        if subject is not None:
            flow.watch(subject, on_value)
            for name in captured_names(pattern):
                assign(self._expressions, ast.Name(name, ast.Store()), part)

    def _loop(self, loop: ast.For | ast.AsyncFor) -> None:
        expressions = self._expressions
        if isinstance(loop.iter, ast.Call) and call_name(loop.iter) in CHILDREN:
            expressions.children_names.update(target_names(loop.target))
        assign_each(expressions, loop.target, loop.iter)
        self.run(loop.body)
        self.run(loop.orelse)

    def _keep_as_attribute(self, expr: ast.expr) -> None:
        """What a class body binds is an attribute of the class; what a container holds is not."""
        held = self.flow.expressions.get(expr)
        if self.cls is not None and held is not None and not isinstance(expr, _CONTAINERS):
            self.flow.attribute_stores.keep_in_class(self.cls, held)

    # --------------------------------------------------------- definitions

    def _define_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        flow = self.flow
        function = flow.function_of[node]
        value = flow.function_value(function, False)
        if self.cls is None:
            flow.add(flow.name_node(self.function, node.name), value)
        inner = Statements(flow, function)
        self._bind_defaults(function, node.args)
        keep_annotated(self._expressions, node)
        self._bind_self(function, node.args)
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Name) and decorator.id in (
                "staticmethod", "classmethod", "property",
            ):  # fmt: skip
                continue
            self._decorate(decorator, value)
        if self._skippable(node):
            keep_asked_in(inner._expressions, node)
        else:
            inner.run(node.body)

    def _bind_defaults(self, function: Function, arguments: ast.arguments) -> None:
        for parameter, default in defaults_of(arguments):
            self._bind_default(function, parameter, default)

    def _bind_default(self, function: Function, parameter: ast.arg, default: ast.expr) -> None:
        value = self._expressions.evaluate(default, "plain")
        if value is not None:
            self.flow.edge(value, self.flow.name_node(function, parameter.arg))

    def _bind_self(self, function: Function, arguments: ast.arguments) -> None:
        """The first parameter of a method holds an instance, or the class."""
        flow = self.flow
        positional = [*arguments.posonlyargs, *arguments.args]
        if self.cls is None or not positional or function.is_static:
            return
        first = flow.name_node(function, positional[0].arg)
        if is_classmethod(function):
            for cls in self.cls.descendants():
                flow.add(first, flow.class_value(cls))
        else:
            flow.add(first, flow.self_value(self.cls))

    def _skippable(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        # A forward pass makes no layers; analysing it costs as much as the rest.
        if self.cls is None and self.flow.injections is not None:
            return self.function.module in self.flow.injections.workspaces
        if self.cls is None or not node.name.startswith("forward"):
            return False
        lines = self.function.module.source.lines
        text = "".join(lines[node.lineno - 1 : node.end_lineno or node.lineno])
        return _TELLS.search(text) is None

    def _define_class(self, node: ast.ClassDef) -> None:
        flow = self.flow
        cls = flow.class_of[node]
        value = flow.class_value(cls)
        if self.cls is None:
            named = flow.name_node(self.function, node.name)
        else:
            named = flow.slot(self.cls, node.name)
        flow.add(named, value)
        for decorator in node.decorator_list:
            self._decorate(decorator, value)
        keep_bases(self._expressions, cls, named)
        Statements(flow, self.function, cls).run(node.body)

    def _decorate(self, decorator: ast.expr, value: Value) -> None:
        """The decorator is handed the class or function, and may keep it."""
        flow = self.flow
        given = flow.node()
        flow.add(given, value)
        callee = self._expressions.evaluate(decorator, "callee")
        if callee is not None:
            arguments: Arguments = [(0, given)]
            call_whatever(callee, Call(flow, self.function, decorator, arguments, flow.nowhere))
        # @REGISTRY.register_module(): the registry holds the class from now on.
        inner = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(inner, ast.Attribute) and inner.attr.startswith("register"):
            holder = container(self._expressions, inner.value)
            if holder is not None:
                flow.add(holder, value)
