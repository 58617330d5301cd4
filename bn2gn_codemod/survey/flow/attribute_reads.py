"""What ``base.name`` gives, by what ``base`` may be: a module, a class, or an object.

A name that is computed is a pattern, and gives whatever goes by a name that fits.
"""

from __future__ import annotations

import ast
import fnmatch
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bn2gn_codemod.survey.flow.external_members import WRAPPED, has_named_parts, is_known
from bn2gn_codemod.survey.flow.value_graph import Node
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
    Value,
    Weights,
    is_registry,
)

if TYPE_CHECKING:
    from bn2gn_codemod.survey.flow.analysis import Flow


_DEEPEST_NAME = 6
_MOST_EXTERNALS = 3_000
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
# Accessors that give whatever a module holds.
CHILDREN = {"children", "modules", "named_children", "named_modules", "_modules"}


class AttributeReads:
    """Reads of attributes: each is for all that its object may turn out to be."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def add(self, base: Node, name: str, result: Node, from_pattern: bool = False) -> None:
        """``result = base.name``; ``name`` may be a pattern."""
        self._flow.strays.read(base, name, result)
        self._flow.hand_on(base, result)

        def on_base(held: Value) -> None:
            if isinstance(held, (ModuleValue, NamespaceValue)):
                self._module_attribute(held.module, name, result, from_pattern)
            elif isinstance(held, External):
                self._external_attribute(held, name, result)
            elif isinstance(held, (Weights, Lost)) or (
                isinstance(held, NormClass) and name == "value"  # of a member of an Enum
            ):
                self._flow.add(result, held)
            elif is_known(held, name):
                self._flow.edge(self._flow.members.read(held, name), result)
            elif isinstance(held, ExternalObject):
                if name == "features" or not _FIGURES.fullmatch(name):
                    self._flow.add(result, held)
                if has_named_parts(held):
                    self._flow.edge(self._flow.members.read(held, name), result)
            elif isinstance(held, ClassValue):
                self._member(held.class_, name, result, bound=False, of_self=False)
            elif isinstance(held, Instance):
                if name == "__class__":
                    self._classes_of(held, result)
                    return
                if is_registry(held):
                    return
                if name == WRAPPED and held.class_.is_parallel_wrapper:
                    self._flow.edge(self._flow.members.node(held, name), result)
                self._member(held.class_, name, result, bound=True, of_self=held.spot is None)

        self._flow.watch(base, on_base)

    def _classes_of(self, held: Instance, result: Node) -> None:
        """``type(held)``: of ``self`` it may be any subclass."""
        classes = held.class_.descendants() if held.spot is None else [held.class_]
        for cls in classes:
            self._flow.add(result, self._flow.class_value(cls))

    def _external_attribute(self, held: External, name: str, result: Node) -> None:
        # ``node = node.next`` would go on for ever.
        deepest = _DEEPEST_NAME if _NO_NETS.match(held.name) is None else 1
        if held.name.count(".") >= deepest and held.name not in _READERS:
            return
        if len(self._flow.externals) > _MOST_EXTERNALS and not is_norm_class(name):
            return
        self._flow.add(result, self._flow.external(f"{held.name}.{name}"))

    def _module_attribute(
        self, module: Module, name: str, result: Node, from_pattern: bool
    ) -> None:
        scope = self._flow.top_level[module.path]
        if name == "__dict__":
            self._flow.add(result, self._flow.namespace_value(module))
        elif "*" in name:
            if name == "*":
                self._flow.guesses.append(result)
            for local in sorted(scope.locals):
                if fnmatch.fnmatchcase(local, name) or (
                    local in scope.computed and fnmatch.fnmatchcase(name, local)
                ):
                    self._edge_nameable(self._flow.name_node(scope, local), result)
            if module.is_package:
                self._add_submodules(module, name, result)
        elif name in scope.locals or self._flow.join_computed(scope, name):
            self._flow.edge(self._flow.name_node(scope, name), result)
        elif not from_pattern:
            path = (
                self._flow.index.find_relative(1, name, module.path) if module.is_package else None
            )
            if path is not None:
                self._flow.add(result, self._flow.module_value(self._flow.by_path[path]))

    def _edge_nameable(self, source: Node, target: Node) -> None:
        """Of all the names in a module, a computed one means a class, a function or a submodule."""

        def on_value(held: Value) -> None:
            if isinstance(held, (FunctionValue, ClassValue, ModuleValue)):
                self._flow.add(target, held)

        self._flow.watch(source, on_value)

    def _add_submodules(self, package: Module, pattern: str, result: Node) -> None:
        for name, module in self.submodules(package):
            if fnmatch.fnmatchcase(name, pattern):
                self._flow.add(result, self._flow.module_value(module))

    def submodules(self, package: Module) -> Iterator[tuple[str, Module]]:
        """The modules in a package, by their names there."""
        folder = package.path[: -len("__init__.py")]
        for path, module in self._flow.by_path.items():
            name = path[len(folder) : -len(".py")]
            if path.startswith(folder) and "/" not in name:
                yield name, module

    def _member(self, cls: Class, name: str, result: Node, *, bound: bool, of_self: bool) -> None:
        related = cls.ancestors()
        if of_self:
            related = [*related, *(c for c in cls.descendants() if c not in related)]
        if name in CHILDREN and not is_own_attribute(cls, name):
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
                    self._flow.edge(self._flow.return_node(method), result)
                else:
                    is_bound = (bound or is_classmethod(method)) and not method.is_static
                    self._flow.add(result, self._flow.function_value(method, is_bound))
            self._flow.edge(self._flow.read(owner, name), result)

    def children(self, cls: Class, result: Node) -> None:
        """What ``modules()`` and the like give: of a module no class that it has for its blocks."""
        self._flow.edge(self._flow.read(cls, "*"), result, _may_be_child if cls.is_module else None)


def _may_be_child(value: Value) -> bool:
    return not isinstance(value, (ClassValue, FunctionValue))


def is_own_attribute(cls: Class, name: str) -> bool:
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
