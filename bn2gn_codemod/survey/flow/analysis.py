"""Which objects reach which attribute: a points-to analysis of the repository.

Every variable, attribute, parameter and return value is a node that holds a
set of values (``survey.values``); assignments and calls are edges along which
values move until nothing changes. The analysis is insensitive to the order of
statements and to the calling context, so it says what *may* be somewhere:
that is the safe side, for a layer that may be in a backbone is not converted.

Containers are transparent (a list holds what its elements hold), tuples are
not. Modules run nothing: the analysis reads syntax trees.
"""

from __future__ import annotations

import ast
import fnmatch
import functools
import re
from collections.abc import Callable, Collection, Container, Iterable, Iterator
from typing import NamedTuple

from bn2gn_codemod.module_names import ModuleIndex
from bn2gn_codemod.sources import SourceFile
from bn2gn_codemod.survey.flow.crowds import OutOfSight, out_of_sight
from bn2gn_codemod.survey.flow.external_members import (
    WRAPPED,
    ExternalMembers,
    attribute_matches,
    has_named_parts,
    is_known,
    is_plain_module,
)
from bn2gn_codemod.survey.flow.filled_containers import FilledContainers
from bn2gn_codemod.survey.flow.given_anew import GivenAnew
from bn2gn_codemod.survey.flow.injections import Injections
from bn2gn_codemod.survey.flow.load_calls import AppliedFunction, HandedTensor, LoadCall
from bn2gn_codemod.survey.flow.stray_attributes import StrayAttributes
from bn2gn_codemod.survey.flow.value_graph import Node, ValueGraph
from bn2gn_codemod.survey.flow.wrapped_places import WrappedPlaces
from bn2gn_codemod.survey.flow.written_tables import WrittenTables
from bn2gn_codemod.survey.known.norm_classes import is_norm_class
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import has_decorator
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
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
    Value,
    Weights,
    is_registry,
)

_DEEPEST_NAME = 6
_MOST_EXTERNALS = 3_000
_NEAR_GUESS = 200  # variables that a class goes through before it is called
# Packages in which no layer can be.
_NO_NETS = re.compile(
    r"(?:numpy|os|sys|math|cv2|PIL|matplotlib|pandas|scipy|json|logging|argparse|typing|enum|"
    r"pathlib|random|tqdm|yaml|time|re|itertools|copy|glob|shutil|datetime|skimage|pycocotools)"
    r"(?:\.|$)"
)
# Modules of these that read weights.
_READERS = frozenset({"scipy.io"})
# What a module of a library tells about itself, which holds no layer.
_FIGURES = re.compile(
    r"(?:num_|n_|nb_)\w+|\w*_?(?:channels?|features|planes|dims?|sizes?|strides?|reductions?)s?|"
    r"expansion|\w*info|shape|\w*settings|\w*cfg|config|name|device|dtype|training|__\w+__"
)
# Classes whose attributes are the entries of a dict.
_CONFIGS = re.compile(
    rb"setattr(?:__)?\(|__dict__\.update\(|\((?:dict|OrderedDict|UserDict|\w*Namespace)\):"
)
_PARTIAL = re.compile(rb"partial\(\s*(?:\w+\.)*(\w+)")
# What a parameter has and no module: where one is written, its model gets no attribute.
OF_TENSORS = frozenset({"data", "grad"})
# Accessors that give whatever a module holds.
CHILDREN = {"children", "modules", "named_children", "named_modules", "_modules"}


class Unpacked(NamedTuple):
    """The place of ``*values`` or ``**values`` in a call, or of what comes after ``*values``."""

    first: int | None  # the position of the first of the values, if that is known
    by_keyword: bool = False
    # The call whose values come before: then ``first`` is the position if it gives none.
    behind: ast.Call | None = None


Arguments = list[tuple[str | int | Unpacked, Node]]  # by keyword or position


class Making(NamedTuple):
    """A call, as it is written, of what each caller of its function names.

    ``apply`` makes it with what a node holds, hands the arguments over, and tells the result.
    """

    arguments: Arguments
    apply: Callable[[Node, Arguments], Node]


class Flow(ValueGraph):
    """The solved analysis. Build it with ``survey.tracing``."""

    def __init__(
        self,
        modules: Iterable[Module],
        injections: Injections | None = None,
        own_names: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__()
        self.modules = list(modules)
        self.injections = injections  # ``None`` where no class asks for any
        self.unread: list[SourceFile] = []  # files that do not parse
        self.left_out: list[SourceFile] = []  # files that bear on no norm layer
        self.index = ModuleIndex((module.path for module in self.modules), own_names)
        self.by_path = {module.path: module for module in self.modules}
        self.top_level: dict[str, Function] = {}
        self.classes: list[Class] = []
        self.class_names: set[str] = set()
        self.functions: list[Function] = []
        self.norm_layers: list[NormLayer] = []
        self.instances: dict[Class, list[Instance]] = {}
        self.load_calls: list[LoadCall] = []
        self.handed_tensors: list[HandedTensor] = []
        self.applied: list[AppliedFunction] = []
        self.transplants: list[LoadCall] = []
        # (module, part, where) of what is put beside a child that stays in the module
        self.put_beside: list[tuple[ast.expr, ast.expr, Spot]] = []
        # Parameters that are tensors, and what weights are copied into them
        self.filled_parameters: dict[tuple[Function, str], list[list[Node]]] = {}
        # (class, attribute or pattern) -> node, for what is stored and read
        self.slots: dict[tuple[Class, str], Node] = {}
        # Attributes with a container of parts under known keys -> what stands for it
        self.parted: dict[tuple[Class, str], Instance] = {}
        self._slots_of: dict[Class, dict[str, Node]] = {}
        self._reads: dict[Class, dict[str, Node]] = {}
        self.class_read: dict[Node, Class] = {}  # by the node of what a read gives
        self._names: dict[tuple[Function, str], Node] = {}
        self.externals: dict[str, External] = {}
        # Where values go that nobody reads.
        self.nowhere = self.node()
        # What functions return that code of other packages calls.
        self.escaped = self.node()
        self.class_of: dict[ast.ClassDef, Class] = {}
        self.function_of: dict[ast.AST, Function] = {}
        # **kwargs: what callers passed by name, and who forwards it
        self.extras: dict[Function, dict[str, Node]] = {}
        self.extras_listeners: dict[Function, list[Callable[[str, Node], None]]] = {}
        self.calls: list[tuple[Node, Node, Arguments]] = []
        # What a name that is not known stands for: all that a module has.
        self.guesses: list[Node] = []
        # what is done if nothing comes to a node: for what stands behind ``*f()`` in a call, and
        # modules that a path names
        self.unplaced: list[tuple[Node, Callable[[], None]]] = []
        # import_module(name) of which it is not known what it gives
        self.unnamed_imports: list[Spot] = []
        # getattr(module, name) whose name may stay unknown
        self.unnamed: list[tuple[Node, Node, Node]] = []
        # (path, name) -> (module, attribute) or (dotted name, None)
        self.bindings: dict[tuple[str, str], tuple[Module | str, str | None]] = {}
        self.tables = WrittenTables(self.modules, self.bindings)
        self.packages: dict[tuple[Function, str], dict[tuple[str, ...], Module]] = {}
        self.expressions: dict[ast.expr, Node | None] = {}
        # Calls in the order of the source, with the statement whose own they are.
        self.calls_in: dict[Function, list[tuple[ast.stmt, ast.Call]]] = {}
        # ``a, b = f()``: targets that were given as many values as do not fit, so all of them
        self.misfits: set[ast.expr] = set()
        # what the constructor of a base class of another package is handed, by class
        self._for_bases: dict[Class, set[Node]] = {}
        # and what it is handed by ``**kwargs``, which is in no attribute here
        self.forwarded_to_base: dict[Class, list[Node]] = {}
        # calls with ``**kwargs`` of their own function -> that function
        self.forwards: dict[ast.expr, Function] = {}
        # functions that make what their caller names -> how, and who waits until that is read
        self.makers: dict[Function, Making] = {}
        self.makers_listeners: dict[Function, list[Callable[[Making], None]]] = {}
        self.strays = StrayAttributes(self)
        self.wrapped_places = WrappedPlaces(self)
        self.containers = FilledContainers(self)
        self.given_anew = GivenAnew(self)
        # what containers have for keys, and what is looked up in some container
        self.keys: list[Node] = []
        self.lookups: list[Node] = []
        # whether any class may set attributes by the keys of a dict
        self.has_configs = any(_CONFIGS.search(module.source.data) for module in self.modules)
        self.members = ExternalMembers(self)

    # -------------------------------------------------------------- queries

    def with_members(self, node: Node) -> Iterator[Value]:
        """What the node may hold, with what was set on bare modules in it."""
        seen = dict.fromkeys(self._values[node])
        pending = list(seen)
        for value in pending:
            yield value
            for member in self.members.of(value):
                pending.extend(held for held in self._values[member] if held not in seen)
                seen.update(self._values[member])

    def holders(self) -> Iterator[tuple[Class, str, Node]]:
        """Every attribute that something is stored in."""
        for (cls, attribute), node in self.slots.items():
            yield cls, attribute, node

    def attributes_of(self, cls: Class) -> Collection[str]:
        """Names of the attributes (and patterns of names) that a class stores in."""
        return self._slots_of.get(cls, {})

    def variables(self) -> Iterator[tuple[Function, str, Node]]:
        """Every variable and parameter, by the function that it is local to."""
        for (function, name), node in self._names.items():
            yield function, name, node

    @functools.cached_property
    def out_of_sight(self) -> OutOfSight:
        """What was not followed everywhere, because too much came together."""
        return out_of_sight(self, self._crowds)

    def value_of(self, expr: ast.expr) -> Iterator[Value]:
        """What an expression that was seen may hold."""
        return self.values(self.expressions.get(expr))

    @functools.cached_property
    def _guessed(self) -> dict[Node, set[Value]]:
        """By attribute, what calls may give there of what a name that is not known stands for."""
        found: dict[Node, set[Value]] = {}
        slots = set(self.slots.values())
        for guess in self.guesses:
            if sum(isinstance(v, (ClassValue, FunctionValue)) for v in self._values[guess]) < 2:
                continue
            near = set(self.downstream(guess, _NEAR_GUESS))
            for result in [result for callee, result, _ in self.calls if callee in near]:
                for node in slots.intersection(self.downstream(result, _NEAR_GUESS)):
                    found.setdefault(node, set()).update(self._values[result])
        return found

    def is_guess(self, attribute: tuple[Class, str], value: Value) -> bool:
        """Whether what an attribute holds is one of all that a name may stand for."""
        return value in self._guessed.get(self.slots[attribute], ())

    @functools.cached_property
    def begun_elsewhere(self) -> frozenset[str]:
        """The functions, by name, to which ``partial`` hands some of their arguments."""
        found = (_PARTIAL.findall(module.source.data) for module in self.modules)
        return frozenset(name.decode() for names in found for name in names)

    # ------------------------------------------------------------- solving

    def solve(self) -> None:
        """Move values until nothing changes."""
        self.run()
        while self.strays.join() | self.containers.join():
            self.run()
        for named, base, result in self.unnamed:
            texts = [held.pattern for held in self._values[named] if isinstance(held, Text)]
            if not any(self._may_name(base, text) for text in texts):
                self.attribute(base, "*", result, from_pattern=True)
        self.run()
        for callee, bind_anywhere in self.unplaced:
            if not self._values[callee]:
                bind_anywhere()
        self._settle()
        # What is called is not known: it may well be a wrapper around its arguments.
        for callee, result, arguments in self.calls:
            if not self._values[callee]:
                for _, node in arguments:
                    self.containers.separate(node, result)
                    self.edge(node, result)
        self._settle()
        self.given_anew.join()
        self._settle()

    def _settle(self) -> None:
        """Move values, and put what is wrapped back into what has a place for it by now."""
        self.run()
        while self.wrapped_places.join():
            self.run()

    def _may_name(self, base: Node, text: str) -> bool:
        """Whether a text could be a name in what is looked into, as far as that is known.

        A text that comes from some other setting names nothing there, and tells nothing
        of the name that is meant.
        """
        for held in self._values[base]:
            if not isinstance(held, (ModuleValue, NamespaceValue)):
                return True
            names = [*self.top_level[held.module.path].locals]
            if held.module.is_package:
                names += [name for name, _ in self._submodules(held.module)]
            if any(fnmatch.fnmatchcase(name, text) for name in names):
                return True
        return not self._values[base]

    # --------------------------------------------------------------- names

    def name_node(self, function: Function, name: str) -> Node:
        key = (function, name)
        node = self._names.get(key)
        if node is None:
            node = self._names[key] = self.node()
        return node

    def lookup(self, function: Function, name: str) -> Node | None:
        scope: Function | None = function
        while scope is not None:
            if name in scope.locals:
                return self.name_node(scope, name)
            if name in scope.global_names:
                scope = self.top_level[function.module.path]
                return self.name_node(scope, name)
            scope = scope.outer
        top = self.top_level[function.module.path]
        return self.name_node(top, name) if self.join_computed(top, name) else None

    def extra(self, function: Function, name: str) -> Node:
        """What callers pass by a name that only ``**kwargs`` takes."""
        extras = self.extras.setdefault(function, {})
        if name not in extras:
            extras[name] = self.node()
            for listener in list(self.extras_listeners.get(function, ())):
                listener(name, extras[name])
        return extras[name]

    def listen_to_extras(self, function: Function, listener: Callable[[str, Node], None]) -> None:
        """Call ``listener`` for each present and future extra keyword."""
        self.extras_listeners.setdefault(function, []).append(listener)
        for name, node in list(self.extras.get(function, {}).items()):
            listener(name, node)

    def read_maker(self, function: Function, making: Making) -> None:
        """The call in a function that makes what its caller names was read."""
        self.makers[function] = making
        for listener in self.makers_listeners.get(function, ()):
            listener(making)

    def listen_to_maker(self, function: Function, listener: Callable[[Making], None]) -> None:
        """Call ``listener`` once that call is read."""
        self.makers_listeners.setdefault(function, []).append(listener)
        if function in self.makers:
            listener(self.makers[function])

    # --------------------------------------------------------------- slots

    def slot(self, cls: Class, attribute: str) -> Node:
        """The node of what is stored in an attribute (or a pattern of names)."""
        stored = self._slots_of.setdefault(cls, {})
        node = stored.get(attribute)
        if node is None:
            node = stored[attribute] = self.slots[(cls, attribute)] = self.node()
            for name, read in list(self._reads.get(cls, {}).items()):
                if attribute_matches(attribute, name):
                    self.edge(node, read)
        return node

    def read(self, cls: Class, attribute: str) -> Node:
        """The node of what a read of an attribute (or a pattern of names) gives."""
        reads = self._reads.setdefault(cls, {})
        node = reads.get(attribute)
        if node is None:
            node = reads[attribute] = self.node()
            self.class_read[node] = cls
            for name, stored in list(self._slots_of.get(cls, {}).items()):
                if attribute_matches(name, attribute):
                    self.edge(stored, node)
        return node

    def store(
        self,
        base: Node,
        attribute: str,
        value: Node,
        *,
        is_written: bool = False,
        makers: Container[ast.AST] = (),
        is_wrapped: bool = False,
    ) -> None:
        """``base.attribute = value``; ``is_written``: in these words, and not by ``setattr``.

        ``makers`` are the calls there that give the value, as far as they are in sight.
        ``is_wrapped``: it is what was there, which only objects with the attribute have.
        """

        def on_base(held: Value) -> None:
            if is_wrapped and isinstance(held, Instance):
                return
            if is_written and isinstance(held, Instance) and _is_tensor(held.class_, attribute):
                self._keep_made(value, makers, self.slot(held.class_, attribute))
                return
            if isinstance(held, (Instance, ClassValue)):
                self.edge(value, self.slot(held.class_, attribute))
                if isinstance(held, ClassValue):
                    self.keep_in_class(held.class_, value)
            elif isinstance(held, Lost):
                self.hand_to_lost([value])
            elif isinstance(held, (ModuleValue, NamespaceValue)):
                if self.has_global(held.module, attribute):
                    self.edge(value, self.name_node(self.top_level[held.module.path], attribute))
            elif is_plain_module(held) or has_named_parts(held):
                self.edge(value, self.members.node(held, attribute))
            elif isinstance(held, External):
                self._keep_patched(f"{held.name}.{attribute}", value)

        self.watch(base, on_base)
        self.strays.store(base, attribute, value)
        if is_wrapped:
            self.wrapped_places.store(base, attribute, value)

    def _keep_made(self, value: Node, makers: Container[ast.AST], slot: Node) -> None:
        """``model.grad = Net()``: a module that is made right there is no parameter's tensor."""

        def on_value(held: Value) -> None:
            if isinstance(held, Instance) and held.spot is not None and held.spot.node in makers:
                self.add(slot, held)

        self.watch(value, on_value)

    def _keep_patched(self, name: str, value: Node) -> None:
        """``torch.nn.BatchNorm2d = norm``: other packages make layers of it from now on."""

        def on_value(held: Value) -> None:
            if isinstance(held, NormClass):
                held.refusals.add(f"is put into {name}, which is not in this repository")

        self.watch(value, on_value)

    def hold_in_base(self, cls: Class, value: Node) -> None:
        """A base class of another package holds the value, below a name that is not known."""
        self.edge(value, self.slot(cls, "*"))
        self._for_bases.setdefault(cls, set()).add(value)

    def are_all_held_in_base(self, cls: Class) -> bool:
        """Whether nothing else is below names that are not known: ``setattr`` stores none there."""
        held = self._for_bases.get(cls)
        return held is not None and held.issuperset(self.upstream(self.slot(cls, "*")))

    def keep_in_class(self, cls: Class, value: Node) -> None:
        """The value is an attribute of the class itself, so its instances bind functions."""
        watched = {value}

        def on_value(held: Value) -> None:
            if isinstance(held, TupleValue):
                for element in held.elements:
                    if element not in watched:  # ``node = (node, left)`` holds itself
                        watched.add(element)
                        self.watch(element, on_value)
            # partial() gives an object that nothing binds.
            elif isinstance(held, NormClass) and held.context != "partial":
                held.refusals.add(f"is an attribute of {cls.name}, which would bind a function")

        self.watch(value, on_value)

    def has_global(self, module: Module, name: str) -> bool:
        """Whether the module's own code binds the name."""
        return name in self.top_level[module.path].locals

    def join_computed(self, scope: Function, name: str) -> bool:
        """Let a name that a module does not plainly bind be what goes by patterns that it fits."""
        found = [one for one in sorted(scope.computed) if fnmatch.fnmatchcase(name, one)]
        for pattern in found:
            self.edge(self.name_node(scope, pattern), self.name_node(scope, name))
        return bool(found)

    def attribute(self, base: Node, name: str, result: Node, from_pattern: bool = False) -> None:
        """``result = base.name``; ``name`` may be a pattern."""
        self.strays.read(base, name, result)
        self.hand_on(base, result)

        def on_base(held: Value) -> None:
            if isinstance(held, (ModuleValue, NamespaceValue)):
                self._module_attribute(held.module, name, result, from_pattern)
            elif isinstance(held, External):
                self._external_attribute(held, name, result)
            elif isinstance(held, (Weights, Lost)) or (
                isinstance(held, NormClass) and name == "value"  # of a member of an Enum
            ):
                self.add(result, held)
            elif is_known(held, name):
                self.edge(self.members.read(held, name), result)
            elif isinstance(held, ExternalObject):
                if name == "features" or not _FIGURES.fullmatch(name):
                    self.add(result, held)
                if has_named_parts(held):
                    self.edge(self.members.read(held, name), result)
            elif isinstance(held, ClassValue):
                self._member(held.class_, name, result, bound=False, of_self=False)
            elif isinstance(held, Instance):
                if name == "__class__":
                    self._classes_of(held, result)
                    return
                if is_registry(held):
                    return
                if name == WRAPPED and held.class_.is_parallel_wrapper:
                    self.edge(self.members.node(held, name), result)
                self._member(held.class_, name, result, bound=True, of_self=held.spot is None)

        self.watch(base, on_base)

    def _classes_of(self, held: Instance, result: Node) -> None:
        """``type(held)``: of ``self`` it may be any subclass."""
        classes = held.class_.descendants() if held.spot is None else [held.class_]
        for cls in classes:
            self.add(result, self.class_value(cls))

    def _external_attribute(self, held: External, name: str, result: Node) -> None:
        # ``node = node.next`` would go on for ever.
        deepest = _DEEPEST_NAME if _NO_NETS.match(held.name) is None else 1
        if held.name.count(".") >= deepest and held.name not in _READERS:
            return
        if len(self.externals) > _MOST_EXTERNALS and not is_norm_class(name):
            return
        self.add(result, self.external(f"{held.name}.{name}"))

    def external(self, name: str) -> External:
        """Something importable from elsewhere, by its dotted name."""
        if name not in self.externals:
            self.externals[name] = External(name)
        return self.externals[name]

    def _module_attribute(
        self, module: Module, name: str, result: Node, from_pattern: bool
    ) -> None:
        scope = self.top_level[module.path]
        if name == "__dict__":
            self.add(result, self.namespace_value(module))
        elif "*" in name:
            if name == "*":
                self.guesses.append(result)
            for local in sorted(scope.locals):
                if fnmatch.fnmatchcase(local, name) or (
                    local in scope.computed and fnmatch.fnmatchcase(name, local)
                ):
                    self._edge_nameable(self.name_node(scope, local), result)
            if module.is_package:
                self._add_submodules(module, name, result)
        elif name in scope.locals or self.join_computed(scope, name):
            self.edge(self.name_node(scope, name), result)
        elif not from_pattern:
            path = self.index.find_relative(1, name, module.path) if module.is_package else None
            if path is not None:
                self.add(result, self.module_value(self.by_path[path]))

    def _edge_nameable(self, source: Node, target: Node) -> None:
        # Of all the names in a module, a computed one means a class, a
        # function or a submodule.
        def on_value(held: Value) -> None:
            if isinstance(held, (FunctionValue, ClassValue, ModuleValue)):
                self.add(target, held)

        self.watch(source, on_value)

    def _add_submodules(self, package: Module, pattern: str, result: Node) -> None:
        for name, module in self._submodules(package):
            if fnmatch.fnmatchcase(name, pattern):
                self.add(result, self.module_value(module))

    def _submodules(self, package: Module) -> Iterator[tuple[str, Module]]:
        folder = package.path[: -len("__init__.py")]
        for path, module in self.by_path.items():
            name = path[len(folder) : -len(".py")]
            if path.startswith(folder) and "/" not in name:
                yield name, module

    def module_value(self, module: Module) -> Value:
        """The module itself, as a value."""
        return self.once(("module", module), lambda: ModuleValue(module))

    def namespace_value(self, module: Module) -> Value:
        """The names of the module, as a mapping."""
        return self.once(("namespace", module), lambda: NamespaceValue(module))

    def _member(self, cls: Class, name: str, result: Node, *, bound: bool, of_self: bool) -> None:
        related = cls.ancestors()
        if of_self:
            related = [*related, *(c for c in cls.descendants() if c not in related)]
        if name in CHILDREN and not _is_own_attribute(cls, name):
            for owner in related:
                self.children(owner, result)
            return
        found: list[Class] = []
        for owner in related:
            method = owner.methods.get(name)
            below = owner not in cls.ancestors()
            if method is not None and (below or cls.may_inherit(owner, found)):
                found.append(owner)
                if _is_property(method):
                    self.edge(self.return_node(method), result)
                else:
                    is_bound = (bound or is_classmethod(method)) and not method.is_static
                    self.add(result, self.function_value(method, is_bound))
            self.edge(self.read(owner, name), result)

    def children(self, cls: Class, result: Node) -> None:
        """What ``modules()`` and the like give: of a module no class that it has for its blocks."""
        self.edge(self.read(cls, "*"), result, _may_be_child if cls.is_module else None)

    def class_value(self, cls: Class) -> Value:
        """The class itself, as a value."""
        return self.once(("class", cls), lambda: ClassValue(cls))

    def self_value(self, cls: Class) -> Value:
        """``self`` in the methods of the class."""
        return self.once(("self", cls), lambda: Instance(cls, None))

    def function_value(self, function: Function, bound: bool) -> Value:
        return self.once(("function", function, bound), lambda: FunctionValue(function, bound))


def _may_be_child(value: Value) -> bool:
    return not isinstance(value, (ClassValue, FunctionValue))


def _is_tensor(cls: Class, name: str) -> bool:
    """Whether ``x.data = y`` fills a parameter, for all of which their model stands."""
    return name in OF_TENSORS and cls.is_module and not _is_own_attribute(cls, name)


def _is_own_attribute(cls: Class, name: str) -> bool:
    """Whether torch's accessor is hidden by what the class stores: ``self.modules = []``."""
    return name != "_modules" and any(name in one.stored_names for one in cls.ancestors())


def is_classmethod(function: Function) -> bool:
    """Whether the function is declared a class method."""
    return isinstance(function.node, (ast.FunctionDef, ast.AsyncFunctionDef)) and has_decorator(
        function.node, "classmethod"
    )


def _is_property(function: Function) -> bool:
    return isinstance(function.node, (ast.FunctionDef, ast.AsyncFunctionDef)) and has_decorator(
        function.node, "property", "cached_property"
    )
