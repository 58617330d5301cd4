"""What a variable of the analysed repository may hold.

The flow analysis pushes these values along assignments, calls, returns,
attributes and containers. Each is compared by identity; ``flow.Flow`` makes
each one once.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
from collections.abc import Iterable
from typing import Literal

from bn2gn_codemod.plan import Place
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.layer_functions import layer_calls
from bn2gn_codemod.survey.syntax.nodes import all_arguments, bound_names, dotted, flat, walk

# fmt: off
_PLAIN_BASES = frozenset({
    "object", "ABC", "Exception", "dict", "list", "tuple", "Enum", "IntEnum", "Protocol",
    "Generic", "NamedTuple", "Thread", "Dataset", "IterableDataset", "Optimizer", "Function",
    "Process", "Action", "_LRScheduler", "TestCase",
})
# fmt: on
# Packages whose classes hand out samples, change them, or steer the training.
_PLAIN_HOMES = re.compile(
    r"torchvision\.(?:datasets|transforms)\.|torch\.(?:utils\.data|optim|distributions|autograd)\."
)
# How a name that holds a norm class is used where it stands.
# ``activation``: a callee that no BatchNorm is, by what it is handed.
UseContext = Literal[
    "callee", "activation", "partial", "argument", "plain", "test", "base", "other"
]


@dataclasses.dataclass(eq=False)
class Class:
    """A class statement of the repository."""

    name: str  # dotted from the module: "Outer.Inner"
    module: Module
    node: ast.ClassDef
    methods: dict[str, Function] = dataclasses.field(default_factory=dict)
    parents: list[Class] = dataclasses.field(default_factory=list)
    children: list[Class] = dataclasses.field(default_factory=list)
    external_bases: list[str] = dataclasses.field(default_factory=list)
    is_one_of_several: bool = False  # its parents are what its one base may be
    has_open_base: bool = False  # it extends a variable, and what that holds is not known

    @property
    def path(self) -> str:
        return self.module.path

    @functools.cached_property
    def stored_names(self) -> frozenset[str]:
        """The attributes that its own code assigns to: in methods, or in the class body."""
        in_body = (name for statement in flat(self.node.body) for name in bound_names(statement))
        in_methods = (
            one.attr
            for method in self.methods.values()
            for one in ast.walk(method.node)
            if isinstance(one, ast.Attribute)
            and isinstance(one.ctx, ast.Store)
            and isinstance(one.value, ast.Name)
            and one.value.id == method.first_parameter
        )
        return frozenset((*in_body, *in_methods))

    def ancestors(self) -> list[Class]:
        """The class and its repository bases, nearest first."""
        seen: list[Class] = [self]
        if not self.parents:  # as most, and this is asked more often than anything else
            return seen
        for cls in seen:
            seen.extend(parent for parent in cls.parents if parent not in seen)
        return seen

    def find_method(self, name: str) -> Function | None:
        """The method that an instance answers to, in the repository."""
        return next((one.methods[name] for one in self.ancestors() if name in one.methods), None)

    def may_inherit(self, inherited: Class, nearer: Iterable[Class]) -> bool:
        """Whether a method may be inherited from one class, though nearer ones have it as well."""
        found = [one for one in nearer if one in self.ancestors()]
        if any(one.is_one_of_several for one in self.ancestors()):
            return not any(inherited in one.ancestors() for one in found)
        return not found

    @property
    def is_module(self) -> bool:
        """Whether instances are ``torch.nn`` modules, as far as can be seen."""
        return any(
            base.rsplit(".", 1)[-1] not in _PLAIN_BASES and _PLAIN_HOMES.match(base) is None
            for ancestor in self.ancestors()
            for base in ancestor.external_bases
        )

    @property
    def is_parallel_wrapper(self) -> bool:
        """Whether its objects are ``nn.DataParallel`` or the like, around a whole model.

        apex's own ``DistributedDataParallel``, which repositories copy, extends nothing of that.
        """
        return any(
            name.endswith("DataParallel")
            for ancestor in self.ancestors()
            for name in (ancestor.name, *ancestor.external_bases)
        )

    @property
    def is_registry(self) -> bool:
        """Whether its objects are what classes are registered with, and handed out by."""
        return self.name.endswith("Registry")

    def descendants(self) -> list[Class]:
        """The class and its repository subclasses."""
        seen: list[Class] = [self]
        if not self.children:
            return seen
        for cls in seen:
            seen.extend(child for child in cls.children if child not in seen)
        return seen

    def __repr__(self) -> str:
        return f"<class {self.module.path}:{self.name}>"


@dataclasses.dataclass(eq=False)
class Function:
    """A function of the repository, or a module's top level."""

    name: str
    module: Module
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Module
    class_: Class | None = None
    outer: Function | None = None
    locals: set[str] = dataclasses.field(default_factory=set)
    global_names: set[str] = dataclasses.field(default_factory=set)
    nonlocal_names: set[str] = dataclasses.field(default_factory=set)
    # Names that others import from a module and that it does not plainly bind.
    guessed: set[str] = dataclasses.field(default_factory=set)
    # Patterns of names that a module puts together: ``net_*``. They are among its names.
    computed: set[str] = dataclasses.field(default_factory=set)
    is_static: bool = False

    @functools.cached_property
    def parameters(self) -> frozenset[str]:
        """The names of its parameters."""
        if isinstance(self.node, ast.Module):
            return frozenset()
        return frozenset(argument.arg for argument in all_arguments(self.node.args))

    @property
    def is_constructor(self) -> bool:
        """Whether it is the ``__init__`` of a class."""
        return self.class_ is not None and self.class_.methods.get("__init__") is self

    @property
    def first_parameter(self) -> str | None:
        """The name of its first positional parameter: ``self`` of a method."""
        if isinstance(self.node, ast.Module):
            return None
        placed = [*self.node.args.posonlyargs, *self.node.args.args]
        return placed[0].arg if placed else None

    @property
    def rest_parameter(self) -> str | None:
        """The name of ``*args``."""
        if isinstance(self.node, ast.Module) or self.node.args.vararg is None:
            return None
        return self.node.args.vararg.arg

    @property
    def keywords_parameter(self) -> str | None:
        """The name of ``**kwargs``."""
        if isinstance(self.node, ast.Module) or self.node.args.kwarg is None:
            return None
        return self.node.args.kwarg.arg

    @property
    def extra_parameters(self) -> frozenset[str]:
        """The names of ``*args`` and ``**kwargs``."""
        if isinstance(self.node, ast.Module):
            return frozenset()
        extra = (self.node.args.vararg, self.node.args.kwarg)
        return frozenset(argument.arg for argument in extra if argument is not None)

    @functools.cached_property
    def attribute_stores(self) -> dict[str, list[ast.AST]]:
        """What may put something into attributes of its own object, by their names.

        Assignments, and calls of methods of what is in them: ``self.layers.append(layer)``.
        """
        own, found = self.first_parameter, dict[str, list[ast.AST]]()
        for node in walk(self.node):
            match node:
                case ast.Assign(targets=targets):
                    places = [place for target in targets for place in walk(target)]
                case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
                    places = [target]
                case ast.Call(func=ast.Attribute(value=base)):
                    places = [base]
                case _:
                    continue
            for place in places:
                match place:
                    case ast.Attribute(value=ast.Name(id=base_name), attr=name):
                        if base_name == own and node not in found.setdefault(name, []):
                            found[name].append(node)
        return found

    @functools.cached_property
    def layer_calls(self) -> frozenset[ast.expr]:
        """The calls that make the one layer that it gives, if it does nothing beside."""
        is_method = self.class_ is not None
        return frozenset() if is_method else layer_calls(self.node)

    @functools.cached_property
    def enclosing_class(self) -> Class | None:
        """The class whose method the function is, or stands in."""
        if self.class_ is not None or self.outer is None:
            return self.class_
        return self.outer.enclosing_class

    @property
    def is_of_module(self) -> bool:
        """Whether it is a method of a module class, or stands in one."""
        cls = self.enclosing_class
        return cls is not None and cls.is_module

    def __repr__(self) -> str:
        return f"<function {self.module.path}:{self.name}>"


@dataclasses.dataclass(eq=False)
class Spot:
    """A syntax node in a function of a module: where something happens."""

    module: Module
    node: ast.expr | ast.stmt
    function: Function

    @property
    def line(self) -> int:
        return self.node.lineno

    @property
    def where(self) -> str:
        return f"{self.module.path}:{self.node.lineno}"

    @property
    def place(self) -> Place:
        return self.module.place(self.node)

    @property
    def scope(self) -> str:
        """What it stands in: ``conv_bn()``, or the variable that a module sets there."""
        if self.function.name:
            return f"{self.function.name}()"
        found = ""
        for statement in flat(self.module.tree.body):
            if statement.lineno <= self.line <= (statement.end_lineno or 0):
                match statement:
                    case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                        found = f"{name}()"  # in its defaults or decorators
                    case ast.Assign(targets=[target]) | ast.AnnAssign(target=target):
                        found = dotted(target) or found
        return found


@dataclasses.dataclass(eq=False)
class ClassValue:
    """A class of the repository, itself."""

    class_: Class


@dataclasses.dataclass(eq=False)
class FunctionValue:
    """A function, or a method bound to an instance."""

    function: Function
    bound: bool
    # It came by a name: where it makes norm layers, that name is the class of them.
    is_named: bool = False


@dataclasses.dataclass(eq=False)
class ModuleValue:
    """A module of the repository."""

    module: Module


@dataclasses.dataclass(eq=False)
class NamespaceValue:
    """The names of a module, as a mapping: ``globals()``, ``module.__dict__``."""

    module: Module


@dataclasses.dataclass(eq=False)
class External:
    """Something importable that is not in the repository, by dotted name."""

    name: str


@dataclasses.dataclass(eq=False)
class ExternalObject:
    """What a call of an external function or class gave (``""``: of one that does not matter).

    ``is_around``: it was made with a module, which seems to be there as well, by something
    that does not matter and is called like a class: ``Actor(net)``.
    ``is_frozen``: all that call its function hand over frozen norm layers for it.
    """

    name: str
    spot: Spot
    is_around: bool = False
    is_frozen: bool = False


@dataclasses.dataclass(eq=False)
class Instance:
    """An object of a repository class, made at ``spot`` (``None``: ``self``)."""

    class_: Class
    spot: Spot | None
    # Handed out by a registry or a factory that could give any class in it:
    # where the object goes says little about what it is.
    weak: bool = False


@dataclasses.dataclass(eq=False)
class NormClass:
    """A norm class, named at ``spot``; ``parents`` are where it came from.

    ``is_origin``: it is named here without any, perhaps beside what came from elsewhere.
    ``function``: it is named by a function that makes such layers and does nothing else.
    """

    norm: str
    spot: Spot
    context: UseContext
    is_parameter: bool
    # In the order in which they were found, so that every run tells the same.
    parents: dict[NormClass, None] = dataclasses.field(default_factory=dict)
    children: dict[NormClass, None] = dataclasses.field(default_factory=dict)
    layers: dict[NormLayer, None] = dataclasses.field(default_factory=dict)
    # Uses that a function in the class's place would not survive.
    refusals: set[str] = dataclasses.field(default_factory=set)
    # partial() gives it arguments there that a call below does not name.
    is_bound: bool = False
    # What partial() binds there.
    bound: dict[ast.Call, None] = dataclasses.field(default_factory=dict)
    local_class: Class | None = None  # of the repository: a subclass, or one of its own kind
    is_origin: bool = False
    function: Function | None = None

    def names_inside(self) -> list[NormClass]:
        """The names in its function by which that makes the layers."""
        found = dict.fromkeys([self])
        pending = list(found)
        for one in pending:
            if one.function is self.function:
                pending.extend(parent for parent in one.parents if parent not in found)
                found.update(dict.fromkeys(one.parents))
        return [one for one in found if one.function is not self.function]


@dataclasses.dataclass(eq=False)
class NormLayer:
    """A norm layer made at ``spot`` by calling ``norm``."""

    norm: NormClass
    spot: Spot

    @property
    def is_called(self) -> bool:
        """Whether the name itself is called, not code of other packages that is handed it."""
        return isinstance(self.spot.node, ast.Call) and self.spot.node.func is self.norm.spot.node

    def is_given_by(self, function: Function | None) -> bool:
        """Whether the function makes it, and gives nothing but such layers."""
        return self.spot.function is function and self.spot.node in function.layer_calls


@dataclasses.dataclass(eq=False)
class Text:
    """A string; ``*`` stands for what is not known."""

    pattern: str


@dataclasses.dataclass(eq=False)
class Weights:
    """A state dict read from a URL or a file."""

    kind: Literal["url", "file"]
    spot: Spot
    source: str  # "model_zoo.load_url"


@dataclasses.dataclass(eq=False)
class Lost:
    """Stands for values that were dropped: too many came together (see ``survey.crowds``)."""


@dataclasses.dataclass(eq=False)
class TupleValue:
    """A tuple, element by element (flow nodes).

    ``origin``: the tuple of a function that gives back its arguments, of which this
    one is what a single call gives.
    """

    elements: tuple[int, ...]
    origin: TupleValue | None = None


@dataclasses.dataclass(eq=False)
class Entries:
    """The entries of a dict literal whose keys are strings, by key (flow nodes).

    It goes where the dict goes, beside all that the dict holds.
    """

    nodes: tuple[tuple[str, int], ...]


Value = (
    ClassValue
    | FunctionValue
    | ModuleValue
    | NamespaceValue
    | External
    | ExternalObject
    | Instance
    | NormClass
    | NormLayer
    | Text
    | Weights
    | Lost
    | TupleValue
    | Entries
)


def is_registry(value: Value) -> bool:
    """Whether classes are registered with the object, which hands them out by name."""
    if isinstance(value, ExternalObject):
        return value.name.endswith("Registry")
    return isinstance(value, Instance) and value.class_.is_registry
