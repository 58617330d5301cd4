"""Statements and expressions, turned into nodes and edges of the flow analysis."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable

from bn2gn_codemod.generated.checkpoint_loads import SAID
from bn2gn_codemod.survey.flow import CHILDREN, Arguments, Flow, LoadCall, Node, is_classmethod
from bn2gn_codemod.survey.library_models import is_library_model
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.norm_classes import is_norm_class
from bn2gn_codemod.survey.syntax import (
    all_arguments,
    call_name,
    exported_names,
    flat,
    replaces_children,
    target_names,
    text_pattern,
    walk,
)
from bn2gn_codemod.survey.syntax import dotted as dotted_name
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    Entries,
    External,
    ExternalObject,
    Function,
    FunctionValue,
    Instance,
    Lost,
    ModuleValue,
    NamespaceValue,
    NormClass,
    NormLayer,
    Spot,
    Text,
    TupleValue,
    UseContext,
    Value,
    Weights,
)

_IDENTIFIER = re.compile(r"[A-Za-z_*][\w.*]{0,60}$")
_MUTATORS = {"append", "extend", "insert", "add", "update", "setdefault", "appendleft"}
_SAME_OBJECT = {
    "to", "cuda", "cpu", "train", "eval", "half", "float", "double", "requires_grad_", "apply",
    "get", "pop", "values", "items", "copy", "deepcopy", "type", "share_memory", "popitem",
    "build", "state_dict", "parameters", "named_parameters", "buffers", "named_buffers",
}  # fmt: skip
# Calls whose result does not hold what they are given.
_OPAQUE = re.compile(
    r"(?:torch\.optim|torch\.utils\.data|torch\.(?:save|randn?|zeros|ones|tensor|device)|os|sys|"
    r"numpy|math|logging|argparse|json|time|shutil|builtins\.(?:print|len|isinstance|issubclass|"
    r"range|int|str|float|bool|repr|hasattr|id|min|max|sum|open|format|any|all|round|abs))(?:\.|$)"
)
_DRIVES = re.compile(r"Trainer|Runner|Accelerator|Fabric|Learner|[Ll]ightning|accelerate|deepspeed")
_CONTAINERS = {"Sequential", "ModuleList", "ModuleDict", "OrderedDict", "dict", "list", "UserDict"}
# Layers that hold nothing of what they are given.
_LEAF = re.compile(
    r"torch\.nn\.(?:\w*Conv\w*\d?d?|Linear|\w*Norm\w*|\w*Pool\w*|\w*ReLU\w*|Sigmoid|Softmax\w*|"
    r"Tanh|GELU|SiLU|ELU|Hard\w+|Upsample\w*|Dropout\w*|Parameter|\w*Loss|Embedding|\w*Pad\d?d?|"
    r"PixelShuffle|Identity|Flatten|Fold|Unfold|LSTM|GRU|MultiheadAttention|Bilinear)$|"
    r"torch\.nn\.(?:functional|init)\."
)
_BUILDER = re.compile(
    r"^_?(?:build|create|make|instantiate|get)_?(?:model|net|network|backbone|encoder|instance)",
    re.IGNORECASE,
)
_WEIGHTS_FROM_URL = (
    "load_url",
    "load_state_dict_from_url",
    "load_from_http",
    "download_url_to_file",
)
_WEIGHTS_FROM_FILE = (
    "torch.load", "load_file", "torch.jit.load", "_load_checkpoint", "numpy.load",
    "numpy.fromfile", "pickle.load", "scipy.io.loadmat", "h5py.File",
)  # fmt: skip
# External functions that find weights and put them into the module they are handed.
_LOADER = re.compile(
    r"_?load_?(?:checkpoint\w*|pretrain\w*|weights?\w*|state_dict|model\w*|params?\w*)$|"
    r"copy_(?:weights|params)\w*$|init_from_\w+$|initialize_from_\w+$"
)
# ``bn.weight.data.copy_(...)`` is about ``bn``.
_TENSORS = {"weight", "bias", "running_mean", "running_var", "data"}


def analyse(modules: Iterable[Module]) -> Flow:
    """Build and solve the flow analysis of these modules."""
    flow = Flow(modules)
    flow.declare()
    scopes = [Statements(flow, flow.top_level[module.path]) for module in flow.modules]
    for scope in scopes:
        scope.imports()
    changed = True
    while changed:  # star imports of star imports
        changed = False
        for scope in scopes:
            changed = scope.star_imports() or changed
    flow.link_bases()
    for scope in scopes:
        scope.run(scope.function.module.tree.body)
    flow.solve()
    return flow


@functools.cache
def _matters(name: str) -> bool:
    """Whether it is worth knowing which object an external call gave.

    It is for networks, for containers of layers and for what drives training;
    all the rest is one and the same thing, for there is a lot of it.
    """
    return (
        is_library_model(name)
        or _DRIVES.search(name) is not None
        or name.endswith("GroupNorm")
        or (name.startswith("torch.nn.") and _LEAF.match(name) is None)
    )


def _root(expr: ast.expr) -> str:
    """The name that an expression such as ``state["bn1"].weight`` starts with."""
    while isinstance(expr, (ast.Attribute, ast.Subscript)):
        expr = expr.value
    return expr.id if isinstance(expr, ast.Name) else ""


def _asks_for_pretrained(expr: ast.expr) -> bool:
    """Whether a call is handed something named ``pretrained``."""
    return isinstance(expr, ast.Call) and (
        any(isinstance(given, ast.Name) and given.id == "pretrained" for given in expr.args)
        or any(keyword.arg == "pretrained" for keyword in expr.keywords)
    )


def _begins_report_of_load(arguments: list[ast.expr]) -> bool:
    """Whether they are those of the ``print`` around a load that a migration made lenient."""
    first = arguments[0] if arguments else None
    return isinstance(first, ast.Constant) and first.value == SAID


def _is_container(cls: Class) -> bool:
    """Whether ``instance[i]`` gives something that the instance holds."""
    return any(
        "__getitem__" in owner.methods
        or any(base.rsplit(".", 1)[-1] in _CONTAINERS for base in owner.external_bases)
        for owner in cls.ancestors()
    )


class Statements:
    """Turns the statements of one scope into nodes and edges."""

    def __init__(self, flow: Flow, function: Function, cls: Class | None = None) -> None:
        self.flow = flow
        self.function = function
        self.cls = cls  # set while in a class body
        self._current: ast.stmt | None = None
        self._loosened: set[ast.expr] = set()  # loads that were strict before a migration
        self.children_names: set[str] = set()  # loop variables over a module's children

    # ------------------------------------------------------------- imports

    def imports(self) -> None:
        """Bind the names of every import statement of the module."""
        for statement in flat(self.function.module.tree.body):
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                self.bind_import(statement)

    def bind_import(self, statement: ast.Import | ast.ImportFrom) -> None:
        flow, module = self.flow, self.function.module
        scope = self.function
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                target = alias.name if alias.asname else alias.name.split(".")[0]
                name = alias.asname or target
                path = flow.index.find(alias.name, module.path)
                if path is not None and not alias.asname and "." in alias.name:
                    # ``import a.b.c`` binds ``a``; remember where a.b.c leads
                    self._bind_package(scope, alias.name, flow.by_path[path])
                    continue
                self._bind_name(scope, name, path, target, None)
            return
        dotted = statement.module or ""
        for alias in statement.names:
            if alias.name == "*":
                continue
            if statement.level:
                base = flow.index.find_relative(statement.level, dotted, module.path)
                child = flow.index.find_relative(
                    statement.level, f"{dotted}.{alias.name}".lstrip("."), module.path
                )
            else:
                base = flow.index.find(dotted, module.path)
                child = flow.index.find(f"{dotted}.{alias.name}", module.path)
            name = alias.asname or alias.name
            if base is not None and (
                child is None
                or child == base
                # ``from . import x`` in a package names the module x, not itself
                or (base != module.path and alias.name in flow.top_level[base].locals)
            ):
                self._bind_name(scope, name, base, dotted, alias.name)
            elif child is not None:
                self._bind_name(scope, name, child, dotted, None)
            else:
                self._bind_name(scope, name, None, f"{dotted}.{alias.name}".lstrip("."), None)

    def _bind_name(
        self, scope: Function, name: str, path: str | None, dotted: str, attribute: str | None
    ) -> None:
        flow = self.flow
        scope.locals.add(name)
        node = flow.name_node(scope, name)
        if path is None:
            flow.bindings[(scope.module.path, name)] = (dotted, None)
            flow.add(node, flow.external(dotted))
            return
        target = flow.by_path[path]
        flow.bindings[(scope.module.path, name)] = (target, attribute)
        if attribute is None:
            flow.add(node, flow.once(("module", target), lambda: ModuleValue(target)))
            return
        exporter = flow.top_level[path]
        if attribute not in exporter.locals:
            exporter.locals.add(attribute)
            exporter.guessed.add(attribute)
        flow.edge(flow.name_node(exporter, attribute), node)

    def _bind_package(self, scope: Function, dotted: str, module: Module) -> None:
        flow = self.flow
        head, *rest = dotted.split(".")
        scope.locals.add(head)
        node = flow.name_node(scope, head)
        # A chain of namespaces, one per dot.
        flow.packages.setdefault((scope, head), {})[tuple(rest)] = module
        flow.add(node, flow.external(head))

    def star_imports(self) -> bool:
        """Copy the names that star imports bring; whether any was new."""
        flow, scope = self.flow, self.function
        changed = False
        for statement in flat(scope.module.tree.body):
            if not isinstance(statement, ast.ImportFrom) or statement.names[0].name != "*":
                continue
            dotted = statement.module or ""
            path = (
                flow.index.find_relative(statement.level, dotted, scope.module.path)
                if statement.level
                else flow.index.find(dotted, scope.module.path)
            )
            if path is None:
                continue
            exporter = flow.top_level[path]
            bound = scope.locals - scope.guessed
            listed = exported_names(exporter.module.tree)
            for name in sorted(exporter.locals - exporter.guessed - bound):
                if name in listed or not name.startswith("_"):
                    scope.guessed.discard(name)
                    self._bind_name(scope, name, path, dotted, name)
                    changed = True
        return changed

    # ---------------------------------------------------------- statements

    def run(self, body: list[ast.stmt]) -> None:
        for statement in body:
            try:
                self.statement(statement)
            except RecursionError:
                # Generated code, nested too deeply; its norms are listed as not followed.
                continue

    def statement(self, statement: ast.stmt) -> None:
        self._current = statement
        match statement:
            case ast.Assign():
                value = self.evaluate(statement.value)
                for target in statement.targets:
                    self.assign(target, value, statement.value)
            case ast.AnnAssign():
                if statement.value is not None:
                    self.assign(statement.target, self.evaluate(statement.value), statement.value)
            case ast.AugAssign():
                self.assign(statement.target, self.evaluate(statement.value), statement.value)
            case ast.Expr():
                self.evaluate(statement.value)
            case ast.Return():
                if statement.value is not None:
                    value = self.evaluate(statement.value)
                    if value is not None:
                        self.flow.edge(value, self.flow.return_node(self.function))
            case ast.If() | ast.While():
                self.evaluate(statement.test)
                self.run(statement.body)
                self.run(statement.orelse)
            case ast.For() | ast.AsyncFor():
                if isinstance(statement.iter, ast.Call) and call_name(statement.iter) in CHILDREN:
                    self.children_names.update(target_names(statement.target))
                self.assign(statement.target, self.evaluate(statement.iter), None, iterate=True)
                self.run(statement.body)
                self.run(statement.orelse)
            case ast.With() | ast.AsyncWith():
                for item in statement.items:
                    value = self.evaluate(item.context_expr)
                    if item.optional_vars is not None:
                        self.assign(item.optional_vars, value, None)
                self.run(statement.body)
            case ast.Try():
                self.run(statement.body)
                for handler in statement.handlers:
                    self.run(handler.body)
                self.run(statement.orelse)
                self.run(statement.finalbody)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.define_function(statement)
            case ast.ClassDef():
                self.define_class(statement)
            case ast.Import() | ast.ImportFrom():
                if self.function.outer is not None:
                    self.bind_import(statement)
            case ast.Match():
                self.evaluate(statement.subject)
                for branch in statement.cases:
                    self.run(branch.body)
            case ast.Assert():
                self.evaluate(statement.test)
            case _:
                pass

    def define_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        flow = self.flow
        function = flow.function_of[node]
        value = flow.function_value(function, False)
        if self.cls is None:
            flow.add(flow.name_node(self.function, node.name), value)
        inner = Statements(flow, function)
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        for parameter, default in zip(
            reversed(positional), reversed(arguments.defaults), strict=False
        ):
            self._default(function, parameter, default)
        for parameter, keyword_default in zip(
            arguments.kwonlyargs, arguments.kw_defaults, strict=True
        ):
            if keyword_default is not None:
                self._default(function, parameter, keyword_default)
        if self.cls is not None and positional and not function.is_static:
            first = flow.name_node(function, positional[0].arg)
            if is_classmethod(function):
                for cls in self.cls.descendants():
                    flow.add(first, flow.class_value(cls))
            else:
                flow.add(first, self._self(self.cls))
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Name) and decorator.id in (
                "staticmethod", "classmethod", "property",
            ):  # fmt: skip
                continue
            self._decorate(decorator, value)
        if not self._skippable(node):
            inner.run(node.body)

    def _skippable(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        # A forward pass makes no layers; analysing it costs as much as the rest.
        if self.cls is None or not node.name.startswith("forward"):
            return False
        lines = self.function.module.source.lines
        text = "".join(lines[node.lineno - 1 : node.end_lineno or node.lineno])
        return "Norm" not in text and "norm_layer" not in text

    def _self(self, cls: Class) -> Value:
        return self.flow.once(("self", cls), lambda: Instance(cls, None))

    def _default(self, function: Function, parameter: ast.arg, default: ast.expr) -> None:
        value = self.evaluate(default, "plain")
        if value is not None:
            self.flow.edge(value, self.flow.name_node(function, parameter.arg))

    def define_class(self, node: ast.ClassDef) -> None:
        flow = self.flow
        cls = flow.class_of[node]
        value = flow.class_value(cls)
        if self.cls is None:
            flow.add(flow.name_node(self.function, node.name), value)
        else:
            flow.add(flow.slot(self.cls, node.name), value)
        for decorator in node.decorator_list:
            self._decorate(decorator, value)
        Statements(flow, self.function, cls).run(node.body)

    def _decorate(self, decorator: ast.expr, value: Value) -> None:
        """The decorator is handed the class or function, and may keep it."""
        flow = self.flow
        given = flow.node()
        flow.add(given, value)
        callee = self.evaluate(decorator, "callee")
        if callee is not None:
            self._apply_later(callee, [(0, given)], flow.nowhere, decorator)
        # @REGISTRY.register_module(): the registry holds the class from now on.
        inner = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(inner, ast.Attribute) and inner.attr.startswith("register"):
            holder = self._container(inner.value)
            if holder is not None:
                flow.add(holder, value)

    # ---------------------------------------------------------- assignment

    def assign(
        self,
        target: ast.expr,
        value: Node | None,
        source: ast.expr | None,
        iterate: bool = False,
    ) -> None:
        if value is None:
            return
        flow = self.flow
        match target:
            case ast.Name():
                if self.cls is not None:
                    flow.edge(value, flow.slot(self.cls, target.id))
                else:
                    variable = flow.lookup(self.function, target.id)
                    if variable is not None:
                        flow.edge(value, variable)
            case ast.Attribute():
                base = self.evaluate(target.value)
                if base is None:
                    flow.strays.store(None, target.attr, value)
                else:
                    flow.store(base, target.attr, value)
                if target.attr in _TENSORS:
                    self._weights_into(target, [value], target)
            case ast.Subscript():
                holder = self._container(target.value)
                if holder is not None:
                    flow.edge(value, holder)
                self._store_in_modules(target, value)
            case ast.Starred():
                self.assign(target.value, value, None)
            case ast.Tuple() | ast.List():
                self._unpack(target.elts, value, iterate)

    def _unpack(self, targets: list[ast.expr], value: Node, iterate: bool) -> None:
        flow = self.flow
        nodes = [flow.node() for _ in targets]
        for target, node in zip(targets, nodes, strict=True):
            self.assign(target, node, None)

        def on_value(held: Value) -> None:
            if isinstance(held, TupleValue) and len(held.elements) == len(nodes):
                for element, node in zip(held.elements, nodes, strict=True):
                    flow.edge(element, node)
            elif isinstance(held, TupleValue):
                for element in held.elements:
                    for node in nodes:
                        flow.edge(element, node)
            elif not (isinstance(held, Text) and iterate):
                for node in nodes:
                    flow.add(node, held)

        flow.watch(value, on_value)

    def _store_in_modules(self, target: ast.Subscript, value: Node) -> None:
        # self._modules[name] = layer
        if isinstance(target.value, ast.Attribute) and target.value.attr == "_modules":
            base = self.evaluate(target.value.value)
            if base is not None:
                self._store_named(base, target.slice, value)

    def _store_named(self, base: Node, name: ast.expr, value: Node) -> None:
        flow = self.flow
        pattern = text_pattern(name)
        if pattern is not None:
            flow.store(base, pattern, value)
            return
        named = self.evaluate(name)
        flow.store(base, "*", value) if named is None else self._store_by_text(base, named, value)

    def _store_by_text(self, base: Node, named: Node, value: Node) -> None:
        flow = self.flow
        flow.store(base, "*", value)

        def on_name(held: Value) -> None:
            if isinstance(held, Text):
                flow.store(base, held.pattern, value)
            elif isinstance(held, Lost):
                flow.hand_to_lost([value])
            elif isinstance(held, Entries):
                # for key, value in entries.items(): setattr(self, key, value)
                self._store_entries(base, held)

        flow.watch(named, on_name)

    def _store_entries(self, base: Node, entries: Entries) -> None:
        for key, value in entries.nodes:
            self.flow.store(base, key, value)

    def _spread(self, base: Node, value: Node) -> None:
        """``self.__dict__.update(entries)``"""

        def on_value(held: Value) -> None:
            if isinstance(held, Entries):
                self._store_entries(base, held)

        self.flow.watch(value, on_value)

    def _container(self, expr: ast.expr) -> Node | None:
        """The node that ``expr.append(x)`` or ``expr[k] = x`` adds to."""
        flow = self.flow
        match expr:
            case ast.Name():
                if self.cls is not None:
                    return flow.slot(self.cls, expr.id)
                return self._exported(expr.id) or flow.lookup(self.function, expr.id)
            case ast.Subscript():
                return self._container(expr.value)
            case ast.Attribute():
                base = self.evaluate(expr.value)
                if base is None:
                    return None
                node = flow.node()
                flow.store(base, expr.attr, node)
                self._module_global(base, expr.attr, node)
                return node
            case _:
                return None

    def _exported(self, name: str) -> Node | None:
        """The variable of the other module that an imported name stands for."""
        flow, module, seen = self.flow, self.function.module, set[tuple[str, str]]()
        found: Node | None = None
        scope: Function | None = self.function
        while scope is not None and name not in scope.locals:
            scope = scope.outer
        if scope is None or scope.outer is not None:
            return None
        while (module.path, name) not in seen:
            seen.add((module.path, name))
            target, attribute = flow.bindings.get((module.path, name), ("", None))
            if isinstance(target, str) or attribute is None:
                break
            module, name = target, attribute
            found = flow.name_node(flow.top_level[module.path], name)
        return found

    def _module_global(self, base: Node, name: str, node: Node) -> None:
        flow = self.flow

        def on_base(held: Value) -> None:
            if isinstance(held, ModuleValue):
                scope = flow.top_level[held.module.path]
                if name in scope.locals:
                    flow.edge(node, flow.name_node(scope, name))

        flow.watch(base, on_base)

    # --------------------------------------------------------- expressions

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
                return self._call(expr)
            case ast.Constant():
                if isinstance(expr.value, str) and _IDENTIFIER.match(expr.value):
                    return self._text(expr.value)
                return None
            case ast.List() | ast.Set():
                return self._union(expr.elts, context)
            case ast.Tuple():
                return self._tuple(expr, context)
            case ast.Dict():
                return self._dict(expr, context)
            case ast.Subscript():
                return self._subscript(expr)
            case ast.Starred() | ast.Await() | ast.YieldFrom():
                return self.evaluate(expr.value, context)
            case ast.Yield():
                if expr.value is not None:
                    value = self.evaluate(expr.value)
                    if value is not None:
                        flow.edge(value, flow.return_node(self.function))
                return None
            case ast.IfExp():
                self.evaluate(expr.test)
                return self._union([expr.body, expr.orelse], context)
            case ast.BoolOp():
                return self._union(expr.values, context)
            case ast.NamedExpr():
                value = self.evaluate(expr.value)
                self.assign(expr.target, value, expr.value)
                return value
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                self._comprehension(expr.generators)
                return self.evaluate(expr.elt)
            case ast.DictComp():
                self._comprehension(expr.generators)
                return self._union([expr.key, expr.value], "plain")
            case ast.JoinedStr():
                for part in expr.values:
                    if isinstance(part, ast.FormattedValue):
                        self.evaluate(part.value)
                return self._text(text_pattern(expr) or "*")
            case ast.BinOp():
                pattern = text_pattern(expr)
                if pattern is not None:
                    return self._text(pattern)
                if isinstance(expr.op, (ast.Add, ast.Mult, ast.BitOr)):
                    return self._union([expr.left, expr.right], "plain")
                return None
            case ast.Lambda():
                return self._lambda(expr)
            case ast.Compare():
                harmless = all(
                    isinstance(side, ast.Constant) and side.value is None
                    for side in expr.comparators
                )
                for side in [expr.left, *expr.comparators]:
                    self.evaluate(side, "test" if harmless else "other")
                return None
            case ast.UnaryOp():
                self.evaluate(expr.operand, "test")
                return None
            case _:
                return None

    def _text(self, pattern: str) -> Node | None:
        if not _IDENTIFIER.match(pattern):
            return None
        flow = self.flow
        node = flow.node()
        flow.add(node, flow.once(("text", pattern), lambda: Text(pattern)))
        return node

    def _union(self, parts: Iterable[ast.expr], context: UseContext) -> Node | None:
        nodes = [node for part in parts if (node := self.evaluate(part, context)) is not None]
        if len(nodes) <= 1:
            return nodes[0] if nodes else None
        result = self.flow.node()
        for node in nodes:
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
        for key, part in zip(expr.keys, expr.values, strict=True):
            value = self.evaluate(part, context)
            if value is None:
                continue
            found.append(value)
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                entries.append((key.value, value))
        if len(found) <= 1 and not entries:
            return found[0] if found else None
        node = flow.node()
        for value in found:
            flow.edge(value, node)
        if entries and flow.has_configs:
            flow.add(node, Entries(tuple(entries)))
        return node

    def _subscript(self, expr: ast.Subscript) -> Node | None:
        flow = self.flow
        base = self.evaluate(expr.value)
        if base is None:
            return None
        if isinstance(expr.value, ast.Call) and call_name(expr.value) in ("globals", "vars"):
            return self._by_name(base, expr.slice)
        if isinstance(expr.value, ast.Attribute) and expr.value.attr == "__dict__":
            return self._by_name(base, expr.slice)
        result = flow.node()
        position = expr.slice.value if isinstance(expr.slice, ast.Constant) else None

        def on_base(held: Value) -> None:
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
            elif not isinstance(held, (Text, Entries)):
                flow.add(result, held)

        flow.watch(base, on_base)
        return result

    def _by_name(self, base: Node, key: ast.expr) -> Node:
        """What a mapping of names holds under ``key``: ``globals()[key]``."""
        flow = self.flow
        result = flow.node()
        pattern = text_pattern(key)
        if pattern is not None:
            flow.attribute(base, pattern, result, from_pattern=True)
            return result
        named = self.evaluate(key)
        if named is None:
            flow.attribute(base, "*", result, from_pattern=True)
            return result
        seen: set[str] = set()

        def on_name(held: Value) -> None:
            name = "*" if isinstance(held, Lost) else getattr(held, "pattern", None)
            if name is not None and name not in seen:
                seen.add(name)
                flow.attribute(base, name, result, from_pattern=True)

        flow.watch(named, on_name)
        flow.unnamed.append((named, base, result))
        return result

    def _comprehension(self, generators: list[ast.comprehension]) -> None:
        for generator in generators:
            # Comprehension variables share the function's names: harmless here.
            for name in target_names(generator.target):
                self.function.locals.add(name)
            self.assign(generator.target, self.evaluate(generator.iter), None, iterate=True)
            for condition in generator.ifs:
                self.evaluate(condition)

    def _lambda(self, expr: ast.Lambda) -> Node:
        flow = self.flow
        function = Function("<lambda>", self.function.module, expr, None, self.function)
        function.locals.update(argument.arg for argument in all_arguments(expr.args))
        flow.function_of[expr] = function
        value = Statements(flow, function).evaluate(expr.body)
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
            source = flow.lookup(self.function, expr.id)
        if source is None and not is_norm_class(expr.id):
            return None
        node = flow.node()
        flow.loads[node] = (self._spot(expr), context, self._is_parameter(expr.id))
        if source is None:
            # It comes by a star import from somewhere else.
            flow.add(node, flow.external(expr.id))
        else:
            flow.edge(source, node)
        return node

    def _is_parameter(self, name: str) -> bool:
        return name in self.function.parameters

    def _load_attribute(self, expr: ast.Attribute, context: UseContext) -> Node | None:
        flow = self.flow
        module = self._dotted_module(expr)
        # What asks a norm class for a member makes no layer of it.
        base = self.evaluate(expr.value, "other")
        if base is None:
            return None
        node = flow.node()
        # An attribute that holds a norm class is as good as a parameter: it
        # was set somewhere else.
        flow.loads[node] = (self._spot(expr), context, True)
        if module is not None:
            flow.add(node, flow.once(("module", module), lambda: ModuleValue(module)))
        else:
            flow.attribute(base, expr.attr, node)
        return node

    def _dotted_module(self, expr: ast.Attribute) -> Module | None:
        """``a.b.c`` after ``import a.b.c``."""
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

    def _spot(self, node: ast.expr | ast.stmt) -> Spot:
        return Spot(self.function.module, node, self.function)

    # --------------------------------------------------------------- calls

    def _call(self, expr: ast.Call) -> Node | None:
        flow = self.flow
        if self._current is not None:
            flow.calls_in.setdefault(self.function, []).append((self._current, expr))
        func = expr.func
        result = flow.node()
        if self._is_builtin(func) and isinstance(func, ast.Name):
            return self._builtin_call(func.id, expr, result)
        if isinstance(func, ast.Attribute):
            handled = self._method_call(func, expr, result)
            if handled:
                return result
        callee = self.evaluate(func, "callee")
        arguments = self._arguments(expr)
        if callee is None:
            for _, node in arguments:
                flow.edge(node, result)
            return result
        self._apply_later(callee, arguments, result, expr)
        return result

    def _is_builtin(self, func: ast.expr) -> bool:
        return (
            isinstance(func, ast.Name)
            and self.flow.lookup(self.function, func.id) is None
            and not is_norm_class(func.id)
        )

    def _arguments(self, expr: ast.Call) -> Arguments:
        partial = call_name(expr) == "partial"
        arguments: Arguments = []
        starred = False
        for position, argument in enumerate(expr.args):
            context: UseContext = "partial" if partial and position == 0 else "argument"
            node = self.evaluate(argument, context)
            starred = starred or isinstance(argument, ast.Starred)
            if node is not None:
                arguments.append((None if starred else position, node))
        for keyword in expr.keywords:
            if keyword.arg is None:
                self._forward_keywords(expr, keyword.value)
                continue
            node = self.evaluate(keyword.value, "argument")
            if node is not None:
                arguments.append((keyword.arg, node))
        return arguments

    def _forward_keywords(self, expr: ast.Call, value: ast.expr) -> None:
        self.evaluate(value)
        node = self.function.node
        if (
            isinstance(value, ast.Name)
            and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and node.args.kwarg is not None
            and node.args.kwarg.arg == value.id
        ):
            self.flow.forwards[expr] = self.function

    def _builtin_call(self, name: str, expr: ast.Call, result: Node) -> Node | None:
        flow = self.flow
        arguments = expr.args
        if name == "print" and _begins_report_of_load(arguments):
            self._loosened.update(arguments)
        if name == "getattr" and len(arguments) >= 2:
            base = self.evaluate(arguments[0])
            return self._by_name(base, arguments[1]) if base is not None else None
        if name == "setattr" and len(arguments) == 3:
            base, value = self.evaluate(arguments[0]), self.evaluate(arguments[2])
            if base is not None and value is not None:
                self._store_named(base, arguments[1], value)
            return None
        if name in ("globals", "locals") or (name == "vars" and not arguments):
            module = self.function.module
            flow.add(result, flow.once(("namespace", module), lambda: NamespaceValue(module)))
            return result
        if name == "vars":
            base = self.evaluate(arguments[0])
            if base is not None:
                flow.attribute(base, "__dict__", result)
            return result
        if name == "eval" and arguments:
            return self._evaluate_text(arguments[0])
        if name == "super":
            return None
        if name in ("isinstance", "issubclass"):
            for argument in arguments:
                self.evaluate(argument, "other")
            return None
        evaluated = self._arguments(expr)
        if _OPAQUE.match(f"builtins.{name}"):
            return None
        for _, node in evaluated:
            flow.edge(node, result)
        return result

    def _evaluate_text(self, text: ast.expr) -> Node:
        """``eval('models.' + name + '.get_net')``: what the pattern may name."""
        flow, module = self.flow, self.function.module
        node = flow.node()
        flow.add(node, flow.once(("namespace", module), lambda: NamespaceValue(module)))
        pattern = text_pattern(text)
        if pattern is None:
            return self._by_name(node, text)
        for part in pattern.partition("(")[0].split("."):
            inner = flow.node()
            flow.attribute(node, part, inner, from_pattern=False)
            node = inner
        return node

    def _method_call(self, func: ast.Attribute, expr: ast.Call, result: Node) -> bool:
        """Calls whose meaning is in the method's name; whether that is all."""
        flow = self.flow
        name = func.attr
        if isinstance(func.value, ast.Call) and call_name(func.value) == "super":
            self._super_call(name, expr, result)
            return True
        if name == "format" and isinstance(func.value, (ast.Constant, ast.JoinedStr)):
            text = self._text(text_pattern(expr) or "*")
            if text is not None:
                flow.edge(text, result)
            return True
        if name in ("load_state_dict", "_load_from_state_dict"):
            self._load_state_dict(func, expr)
            return True
        if name == "copy_":
            self._weights_into(func.value, [node for _, node in self._arguments(expr)], expr)
        if name in ("add_module", "register_module", "__setattr__") and len(expr.args) == 2:
            base, value = self.evaluate(func.value), self.evaluate(expr.args[1])
            if base is not None and value is not None:
                self._store_named(base, expr.args[0], value)
                holder = self._container(func.value)
                if holder is not None and isinstance(func.value, ast.Name):
                    self._into_plain_container(base, value, holder)
            return True
        if name == "__getattr__" and len(expr.args) == 1:
            base = self.evaluate(func.value)
            if base is not None:
                flow.edge(self._by_name(base, expr.args[0]), result)
            return True
        if name in _MUTATORS:
            return self._mutate(func, expr)
        if name in _SAME_OBJECT or name in CHILDREN:
            base = self.evaluate(func.value)
            if base is not None:
                self._same_object(base, name, result)
        return name in CHILDREN

    def _into_plain_container(self, base: Node, value: Node, holder: Node) -> None:
        # seq.add_module("bn", nn.BatchNorm2d(c)) on an nn.Sequential of torch
        flow = self.flow

        def on_base(held: Value) -> None:
            if isinstance(held, ExternalObject):
                flow.edge(value, holder)

        flow.watch(base, on_base)

    def _mutate(self, func: ast.Attribute, expr: ast.Call) -> bool:
        flow = self.flow
        holder = self._container(func.value)
        base: Node | None = None
        if isinstance(func.value, ast.Attribute) and func.value.attr == "__dict__":
            base = self.evaluate(func.value.value)
        for key, node in self._arguments(expr):
            if holder is not None:
                flow.edge(node, holder)
            if base is not None and isinstance(key, str):
                flow.store(base, key, node)
            elif base is not None:
                self._spread(base, node)
        return False if func.attr == "add" else holder is not None

    def _same_object(self, base: Node, name: str, result: Node) -> None:
        flow = self.flow

        def on_base(held: Value) -> None:
            if isinstance(held, Instance):
                if name in CHILDREN:
                    for owner in held.class_.ancestors():
                        flow.edge(flow.read(owner, "*"), result)
                elif flow.find_method(held.class_, name) is None:
                    flow.add(result, held)
            elif isinstance(held, ClassValue) and name == "build":
                flow.add(result, self._weak_instance(held.class_))
            elif not isinstance(held, (FunctionValue, ModuleValue, External)):
                flow.add(result, held)

        flow.watch(base, on_base)

    def _weak_instance(self, cls: Class) -> Value:
        spot = Spot(cls.module, cls.node, self.flow.top_level[cls.path])

        def make() -> Instance:
            made = Instance(cls, spot, weak=True)
            self.flow.instances.setdefault(cls, []).append(made)
            return made

        return self.flow.once(("weak", cls), make)

    def _super_call(self, name: str, expr: ast.Call, result: Node) -> None:
        flow = self.flow
        arguments = self._arguments(expr)
        cls = self.function.enclosing_class
        if cls is None:
            return
        for parent in cls.parents:
            method = flow.find_method(parent, name)
            if method is not None:
                self._bind(method, arguments, skip_first=True, expr=expr)
                flow.edge(flow.return_node(method), result)
                return
        if name == "__init__":
            self._hold(cls, arguments)
        elif name in ("add_module", "__setattr__") and len(expr.args) == 2:
            value = self.evaluate(expr.args[1])
            base = flow.node()
            flow.add(base, self._self(cls))
            if value is not None:
                self._store_named(base, expr.args[0], value)

    def _load_state_dict(self, func: ast.Attribute, expr: ast.Call) -> None:
        receiver = self.evaluate(func.value)
        weights = [node for _, node in self._arguments(expr)]
        strict = expr in self._loosened or (
            not any(
                keyword.arg == "strict"
                and isinstance(keyword.value, ast.Constant)
                and not keyword.value.value
                for keyword in expr.keywords
            )
            and not (
                len(expr.args) > 1
                and isinstance(expr.args[1], ast.Constant)
                and not expr.args[1].value
            )
        )
        if receiver is None:
            return
        load = LoadCall(receiver, weights, self._spot(expr), strict)
        load.made_lenient = expr in self._loosened
        load.as_read = bool(expr.args) and self._is_as_read(expr.args[0])
        if isinstance(func.value, ast.Attribute):
            load.base, load.attribute = self.evaluate(func.value.value), func.value.attr
        elif isinstance(func.value, ast.Name):
            load.each_child = func.value.id in self.children_names
        self.flow.load_calls.append(load)

    def _is_as_read(self, weights: ast.expr) -> bool:
        """Whether nobody gives the entries of a state dict other names before it is loaded."""
        if isinstance(weights, ast.Call):
            return True
        if not isinstance(weights, ast.Name):
            return False
        for node in walk(self.function.node):
            targets = node.targets if isinstance(node, ast.Assign) else ()
            for target in targets:
                if isinstance(target, ast.Name) and target.id == weights.id:
                    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
                        return False
                elif isinstance(target, ast.Subscript) and _root(target) == weights.id:
                    return False
        return True

    def _weights_into(self, target: ast.expr, weights: list[Node], at: ast.expr) -> None:
        """``layer.weight.data.copy_(w)``, ``layer.weight.data = w``, ``net.state_dict()[k]...``"""
        while True:
            is_tensor = isinstance(target, ast.Attribute) and target.attr in _TENSORS
            if not (is_tensor or isinstance(target, ast.Subscript)):
                break
            assert isinstance(target, (ast.Attribute, ast.Subscript))
            target = target.value
        receiver = self.evaluate(target)
        if receiver is not None and weights:
            spot = self._spot(at)
            load = LoadCall(receiver, weights, spot, False, into_tensors=True)
            self.flow.load_calls.append(load)

    def _apply_later(
        self, callee: Node, arguments: Arguments, result: Node, expr: ast.expr
    ) -> None:
        self.flow.calls.append((callee, result, arguments))
        self.flow.watch(callee, lambda held: self._apply(held, arguments, result, expr))

    def _apply(self, held: Value, arguments: Arguments, result: Node, expr: ast.expr) -> None:
        flow = self.flow
        match held:
            case ClassValue():
                self._instantiate(held.class_, arguments, result, expr)
            case FunctionValue():
                if self._builds_from_registry(held.function, arguments, result):
                    return
                if replaces_children(held.function.node):
                    # convert_model(module) gives the module, layer for layer; followed
                    # into itself, it would mix all the layers of a repository.
                    for _, node in arguments:
                        flow.edge(node, result)
                    return
                self._bind(held.function, arguments, skip_first=held.bound, expr=expr)
                flow.edge(flow.return_node(held.function), result)
            case External():
                self._apply_external(held.name, arguments, result, expr)
            case NormClass():
                self._make_layer(held, result, expr)
            case Instance():
                method = flow.find_method(held.class_, "__call__")
                if method is not None:
                    self._bind(method, arguments, skip_first=True, expr=expr)
                    flow.edge(flow.return_node(method), result)
            case Lost():
                flow.hand_to_lost(node for _, node in arguments)
                flow.add(result, held)
            case _:
                pass

    def _builds_from_registry(self, function: Function, arguments: Arguments, result: Node) -> bool:
        if not function.name.startswith("build_from"):
            return False
        for _, node in arguments:
            self._same_object(node, "build", result)
        return True

    def _make_layer(self, norm: NormClass, result: Node, expr: ast.expr) -> None:
        flow = self.flow

        def make() -> NormLayer:
            made = NormLayer(norm, self._spot(expr))
            norm.layers.add(made)
            flow.norm_layers.append(made)
            return made

        flow.add(result, flow.once(("layer", norm, expr), make))

    def _instantiate(self, cls: Class, arguments: Arguments, result: Node, expr: ast.expr) -> None:
        flow = self.flow

        def make() -> Instance:
            made = Instance(cls, self._spot(expr))
            flow.instances.setdefault(cls, []).append(made)
            return made

        flow.add(result, flow.once(("instance", cls, expr), make))
        init = flow.find_method(cls, "__init__")
        if init is not None:
            self._bind(init, arguments, skip_first=True, expr=expr)
        elif cls.external_bases and not cls.name.endswith("Registry"):
            self._hold(cls, arguments)

    def _hold(self, cls: Class, arguments: Arguments) -> None:
        """What a class of another package, which this one extends, is made with."""
        flow = self.flow
        base = flow.node()
        flow.add(base, self._self(cls))
        for key, node in arguments:
            flow.edge(node, flow.slot(cls, "*"))
            if not cls.is_module and isinstance(key, str):
                flow.store(base, key, node)
            elif not cls.is_module:
                self._spread(base, node)

    def _apply_external(
        self, name: str, arguments: Arguments, result: Node, expr: ast.expr
    ) -> None:
        flow = self.flow
        last = name.rsplit(".", 1)[-1]
        if name == "functools.partial" or last == "partial":
            self._partial(arguments, result, expr)
            return
        if last in _WEIGHTS_FROM_URL or name.startswith("torch.hub.load_state_dict"):
            self._weights("url", name, result, expr)
            return
        if name in _WEIGHTS_FROM_FILE or last in _WEIGHTS_FROM_FILE:
            self._weights("file", name, result, expr)
            return
        if last == "import_module":
            return
        if last == "__init__":
            self._explicit_init(name, arguments)
            return
        if _OPAQUE.match(name):
            return
        if last.startswith("build_from"):
            for _, node in arguments:
                self._same_object(node, "build", result)
            return
        spot = self._spot(expr)
        if _matters(name):
            made = flow.once(("made", name, expr), lambda: ExternalObject(name, spot))
        else:
            made = flow.once(("made",), lambda: ExternalObject("", spot))
        flow.add(result, made)
        is_loader = _LOADER.match(last) is not None
        if _BUILDER.search(last) and _asks_for_pretrained(expr):
            flow.load_calls.append(LoadCall(result, [], spot, False, loader=last))
        for _, node in arguments:
            if is_loader:
                flow.load_calls.append(LoadCall(node, [], spot, False, loader=last))
            self._hand_to_external(name, node, result, expr)

    def _hand_to_external(self, name: str, node: Node, result: Node, expr: ast.expr) -> None:
        flow = self.flow
        opened: set[TupleValue] = set()

        def on_argument(held: Value) -> None:
            if isinstance(held, TupleValue):
                # OrderedDict([("bn1", nn.BatchNorm2d(64))]); a tuple may hold itself
                if held not in opened:
                    opened.add(held)
                    for element in held.elements:
                        flow.watch(element, on_argument)
            elif isinstance(held, NormClass):
                # The external code makes the layers: one stands for them all.
                held.refusals.add(f"is handed to {name}, which is not in this repository")
                self._make_layer(held, result, expr)
            elif isinstance(held, (FunctionValue, ClassValue)):
                if name.startswith("torch.nn"):
                    return
                flow.add(result, held)
                if isinstance(held, ClassValue) and _BUILDER.search(name.rsplit(".", 1)[-1]):
                    # timm's build_model_with_cfg(ResNet, variant, pretrained)
                    self._instantiate(held.class_, [], result, expr)
            elif _LEAF.match(name):
                return
            elif not isinstance(held, (Text, ModuleValue, External)):
                flow.add(result, held)

        flow.watch(node, on_argument)

    def _explicit_init(self, name: str, arguments: Arguments) -> None:
        # nn.Sequential.__init__(self, *layers)
        cls = self.function.enclosing_class
        if cls is not None:
            for position, node in arguments:
                if position != 0:
                    self.flow.edge(node, self.flow.slot(cls, "*"))

    def _weights(self, kind: str, name: str, result: Node, expr: ast.expr) -> None:
        flow, spot = self.flow, self._spot(expr)
        made = flow.once(
            ("weights", expr),
            lambda: Weights("url" if kind == "url" else "file", spot, name),
        )
        flow.add(result, made)

    def _partial(self, arguments: Arguments, result: Node, expr: ast.expr) -> None:
        flow = self.flow
        if not arguments:
            return
        first = arguments[0][1]
        flow.edge(first, result)
        rest: Arguments = [
            (key - 1 if isinstance(key, int) else key, node) for key, node in arguments[1:]
        ]

        def on_callee(held: Value) -> None:
            if isinstance(held, ClassValue):
                init = flow.find_method(held.class_, "__init__")
                if init is not None:
                    self._bind(init, rest, skip_first=True, expr=expr)
            elif isinstance(held, FunctionValue):
                self._bind(held.function, rest, skip_first=held.bound, expr=expr)
            elif isinstance(held, Lost):
                flow.hand_to_lost(node for _, node in rest)

        flow.watch(first, on_callee)

    def _bind(
        self, function: Function, arguments: Arguments, *, skip_first: bool, expr: ast.expr
    ) -> None:
        """Pass arguments on to the parameters of a function."""
        flow = self.flow
        node = function.node
        if isinstance(node, ast.Module):
            return
        parameters = [*node.args.posonlyargs, *node.args.args][1 if skip_first else 0 :]
        named = {parameter.arg for parameter in [*parameters, *node.args.kwonlyargs]}
        for key, value in arguments:
            if isinstance(key, int) and key < len(parameters):
                flow.edge(value, flow.name_node(function, parameters[key].arg))
            elif isinstance(key, str):
                self._bind_keyword(function, named, key, value)
            else:
                if key is None:
                    for parameter in parameters:
                        flow.edge(value, flow.name_node(function, parameter.arg))
                if node.args.vararg is not None:
                    flow.edge(value, flow.name_node(function, node.args.vararg.arg))
        forwarded = flow.forwards.get(expr)
        if forwarded is not None:
            flow.listen_to_extras(
                forwarded, lambda key, value: self._bind_keyword(function, named, key, value)
            )

    def _bind_keyword(self, function: Function, named: set[str], key: str, value: Node) -> None:
        flow, node = self.flow, function.node
        if key in named:
            flow.edge(value, flow.name_node(function, key))
        elif not isinstance(node, ast.Module) and node.args.kwarg is not None:
            flow.edge(value, flow.extra(function, key))
            flow.edge(value, flow.name_node(function, node.args.kwarg.arg))
