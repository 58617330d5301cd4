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
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from bn2gn_codemod.module_names import ModuleIndex
from bn2gn_codemod.sources import SourceFile
from bn2gn_codemod.survey.flow.attribute_reads import AttributeReads
from bn2gn_codemod.survey.flow.attribute_stores import AttributeStores
from bn2gn_codemod.survey.flow.crowds import OutOfSight, out_of_sight
from bn2gn_codemod.survey.flow.external_members import ExternalMembers, attribute_matches
from bn2gn_codemod.survey.flow.filled_containers import FilledContainers
from bn2gn_codemod.survey.flow.given_anew import GivenAnew
from bn2gn_codemod.survey.flow.handed_tables import HandedTables
from bn2gn_codemod.survey.flow.injections import Injections
from bn2gn_codemod.survey.flow.load_calls import AppliedFunction, HandedTensor, LoadCall
from bn2gn_codemod.survey.flow.stray_attributes import StrayAttributes
from bn2gn_codemod.survey.flow.value_graph import Node, ValueGraph
from bn2gn_codemod.survey.flow.wrapped_places import WrappedPlaces
from bn2gn_codemod.survey.flow.written_tables import WrittenTables
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    External,
    Function,
    FunctionValue,
    Instance,
    ModuleValue,
    NamespaceValue,
    NormLayer,
    Spot,
    Text,
    Value,
)

_NEAR_GUESS = 200  # variables that a class goes through before it is called
# Classes whose attributes are the entries of a dict.
_CONFIGS = re.compile(
    rb"setattr(?:__)?\(|__dict__\.update\(|\((?:dict|OrderedDict|UserDict|\w*Namespace)\):"
)
_PARTIAL = re.compile(rb"partial\(\s*(?:\w+\.)*(\w+)")


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
        self.handed_tables = HandedTables(self.modules, self.function_of)
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
        self.attribute_reads = AttributeReads(self)
        self.attribute_stores = AttributeStores(self)
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
                self.attribute_reads.add(base, "*", result, from_pattern=True)
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
                names += [name for name, _ in self.attribute_reads.submodules(held.module)]
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

    def hold_in_base(self, cls: Class, value: Node) -> None:
        """A base class of another package holds the value, below a name that is not known."""
        self.edge(value, self.slot(cls, "*"))
        self._for_bases.setdefault(cls, set()).add(value)

    def are_all_held_in_base(self, cls: Class) -> bool:
        """Whether nothing else is below names that are not known: ``setattr`` stores none there."""
        held = self._for_bases.get(cls)
        return held is not None and held.issuperset(self.upstream(self.slot(cls, "*")))

    def has_global(self, module: Module, name: str) -> bool:
        """Whether the module's own code binds the name."""
        return name in self.top_level[module.path].locals

    def join_computed(self, scope: Function, name: str) -> bool:
        """Let a name that a module does not plainly bind be what goes by patterns that it fits."""
        found = [one for one in sorted(scope.computed) if fnmatch.fnmatchcase(name, one)]
        for pattern in found:
            self.edge(self.name_node(scope, pattern), self.name_node(scope, name))
        return bool(found)

    # -------------------------------------------------------------- values

    def external(self, name: str) -> External:
        """Something importable from elsewhere, by its dotted name."""
        if name not in self.externals:
            self.externals[name] = External(name)
        return self.externals[name]

    def module_value(self, module: Module) -> Value:
        """The module itself, as a value."""
        return self.once(("module", module), lambda: ModuleValue(module))

    def namespace_value(self, module: Module) -> Value:
        """The names of the module, as a mapping."""
        return self.once(("namespace", module), lambda: NamespaceValue(module))

    def class_value(self, cls: Class) -> Value:
        """The class itself, as a value."""
        return self.once(("class", cls), lambda: ClassValue(cls))

    def self_value(self, cls: Class) -> Value:
        """``self`` in the methods of the class."""
        return self.once(("self", cls), lambda: Instance(cls, None))

    def function_value(self, function: Function, bound: bool) -> Value:
        return self.once(("function", function, bound), lambda: FunctionValue(function, bound))
