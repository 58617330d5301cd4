"""Which expressions are models with a backbone to freeze, and where in them it is."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bn2gn_codemod.generated.freezing import WRAPPERS
from bn2gn_codemod.module_names import ModuleIndex
from bn2gn_codemod.sources import Repository
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.certain_modules import BY_HAND
from bn2gn_codemod.survey.flow.external_members import wraps_model
from bn2gn_codemod.survey.flow.unused_branches import UnusedBranches
from bn2gn_codemod.survey.flow.wrapped_models import WrappedModels
from bn2gn_codemod.survey.freezing.effects import Model
from bn2gn_codemod.survey.known.families import (
    is_backbone_attribute,
    may_be_backbone_attribute,
    may_hold_whole_model,
)
from bn2gn_codemod.survey.known.module_classes import ModuleClasses
from bn2gn_codemod.survey.roles.backbone_paths import BackbonePaths
from bn2gn_codemod.survey.syntax.nodes import children, mangled, walk
from bn2gn_codemod.survey.training.foreign_holders import ForeignHolders
from bn2gn_codemod.survey.values import Class, External, ExternalObject, Instance, Value

# Methods that give some: optim_parameters(args). What a model is told are none: self.hparams
_PARAMETERS = re.compile(r"(?<!\bh)(?<!\bhyper)(?<!\bhyper_)param|group|optim")

# What goes over all that is in a model.
_OVER_ALL = ("modules", "named_modules", "children", "named_children", "_modules", "state_dict")


class Names(NamedTuple):
    """What the generated pattern is to match.

    ``wrappers`` are attributes of the repository's own wrapper modules, below
    which every path is found as well.
    """

    backbone: tuple[str, ...]
    wrappers: tuple[str, ...] = ()


class TrainedModels:
    """Models by the expressions of the repository that are one."""

    def __init__(
        self, flow: Flow, paths: BackbonePaths, classes: ModuleClasses, repository: Repository
    ) -> None:
        self._flow = flow
        self._paths = paths
        self._classes = classes
        self._wrapped = WrappedModels(flow, self._is_transparent)
        self._unused = UnusedBranches(flow)
        self.foreign = ForeignHolders(flow)
        read = flow.by_path
        self._files = ModuleIndex(f.path for f in repository.files if f.path not in read)
        self._owners_of: dict[Class, list[Class]] = {}
        self._names_of: dict[Class, frozenset[str]] = {}
        self._models_of: dict[ast.expr, tuple[Class, ...]] = {}

    def of(self, expr: ast.expr) -> tuple[Class, ...]:
        """Classes with a backbone to freeze that an expression may be an instance of.

        A class that is the backbone of another one of them is not counted.
        """
        if expr not in self._models_of:
            self._models_of[expr] = self._find_models(expr)
        return self._models_of[expr]

    def _find_models(self, expr: ast.expr) -> tuple[Class, ...]:
        values = self._wrapped.values(expr)
        if any(map(self._is_unread, values)):
            return ()
        classes = dict.fromkeys(value.class_ for value in values if isinstance(value, Instance))
        found = [cls for cls in classes if self._paths.below(cls)]
        parts = {part for cls in found for part in self._paths.backbones_below(cls)}
        return tuple(cls for cls in found if cls not in parts) or tuple(found)

    def _is_transparent(self, cls: Class) -> bool:
        """Whether a parallel wrapper has its model below a name that every pattern knows."""
        if not cls.is_parallel_wrapper:
            return False
        # Lists of its parameters seem to hold it as well.
        names = {attribute for attribute, _ in self._paths.holders(cls)}
        # What DataParallel of torch is handed by a subclass is its ``module``.
        return not names or not names.isdisjoint({*WRAPPERS, "*"})

    @functools.cached_property
    def _packages(self) -> frozenset[str]:
        return frozenset(path.split("/")[0] for path in self._flow.by_path if "/" in path)

    def _is_unread(self, value: Value) -> bool:
        """Whether an object is of a class of the repository that had no reason to be read.

        It was made with the model, as in ``Actor(net)``; it is no model itself. A
        ``DataParallel`` of the repository's own is as good as the one of torch.
        """
        return (
            isinstance(value, ExternalObject)
            and self.is_unread(value)
            and not wraps_model(value.name)
            and value.name.rpartition(".")[2][:1].isupper()
        )

    def is_unread(self, value: Value) -> bool:
        """Whether something has its name from a file of the repository that was not read."""
        if not isinstance(value, (External, ExternalObject)):
            return False
        parts = value.name.split(".")
        return parts[0] in self._packages or any(
            self._files.find(".".join(parts[:length]), "") is not None
            for length in range(1, len(parts))
        )

    def expressions(self, root: ast.AST) -> Iterator[ast.expr]:
        """``model`` of ``model.backbone.parameters()``: the shortest part that is a model.

        The longer one of two, where only that is a module for certain.
        """
        pending: list[ast.AST] = [root]
        while pending:
            node = pending.pop(0)
            if not isinstance(node, (ast.Attribute, ast.Name, ast.Subscript)):
                pending.extend(children(node))
                continue
            chain: list[ast.expr] = [node]
            while (inner := _whole(chain[-1])) is not None:
                chain.append(inner)
            if _collects(chain[-1]):
                pending.extend(children(chain[-1]))
                continue
            found = [part for part in reversed(chain) if self.of(part)]
            sure = [part for part in found if self._is_sure(part)]
            meant = sure or [part for part in found if self._leads_to_backbone(chain, part)]
            if meant:
                yield meant[0]
            elif not isinstance(chain[-1], ast.Name):
                pending.append(chain[-1])

    def is_followed(self, expr: ast.expr) -> bool:
        """Whether it is known of which classes of the repository an expression makes objects."""
        values = self._wrapped.values(expr)
        return bool(values) and all(isinstance(value, Instance) for value in values)

    def is_beside(self, root: ast.AST, source: str, classes: Iterable[Class]) -> bool:
        """Whether code that hands over parameters reads nothing of a model's backbone.

        ``self.critic.parameters()``, where ``self`` holds the backbone in ``self.net``.
        """
        classes = list(classes)
        methods = {name for cls in classes for owner in cls.ancestors() for name in owner.methods}
        read: set[str] = set()
        known: set[str] = set()  # parts that are called like a wrapper's, and hold no backbone
        inner: set[ast.AST] = set()
        for node in walk(root):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == source:
                inner.add(node.value)
                read |= {node.attr, *(mangled(cls.name, node.attr) for cls in classes)}
                if node.attr in WRAPPERS and self._has_none(node):
                    known.add(node.attr)
        is_whole = any(
            node not in inner and isinstance(node, ast.expr) and ast.unparse(node) == source
            for node in walk(root)
        )
        parts = {part for cls in classes for part in self._paths.parts(cls)}
        # net.module, which a parallel wrapper is around
        any_of_it = methods.union(WRAPPERS, _OVER_ALL) - known
        gives_any = not read.isdisjoint(any_of_it) or any(map(_PARAMETERS.search, read - parts))
        return not is_whole and not gives_any and read.isdisjoint(self._heads(classes))

    def _has_none(self, part: ast.expr) -> bool:
        """Whether all that a part of a model may be is known, and no backbone is in it."""
        if not self.is_followed(part) or self.of(part):
            return False
        # What has norm layers of its own may be the backbone itself.
        values = self._wrapped.values(part)
        classes = {value.class_ for value in values if isinstance(value, Instance)}
        return not any(map(self._paths.norm_attributes, classes))

    def _heads(self, classes: Iterable[Class]) -> set[str]:
        """The attributes of models that lead to their backbones."""
        return {path.split(".")[0] for cls in classes for path in self._paths.below(cls)}

    def _is_sure(self, expr: ast.expr) -> bool:
        """Whether a model is a module for certain, by its class."""
        return all(map(self._classes.has, self.of(expr)))

    def _leads_to_backbone(self, chain: list[ast.expr], part: ast.expr) -> bool:
        """Whether what a chain reads of an object is the backbone, what it is in, or all of it.

        A trainer that holds a critic as well does not train it with ``self.net``.
        """
        index = chain.index(part)
        read = chain[index - 1] if index else None
        if not isinstance(read, ast.Attribute):
            return True
        classes = self.of(part)
        heads = self._heads(classes)
        names = {read.attr, *(mangled(cls.name, read.attr) for cls in classes)}
        return not heads.isdisjoint(names) or _PARAMETERS.search(read.attr) is not None

    def names(self, classes: Iterable[Class]) -> Names:
        """The names that the backbones of these classes have below their models."""
        classes = list(classes)
        found = dict.fromkeys(path for cls in classes for path in self._paths.below(cls))
        paths = dict.fromkeys(_below_wrappers(path, set(found)) for path in found)
        heads = dict.fromkeys(path.split(".")[0] for path in paths if "." in path)
        wrappers = [
            head
            for head in heads
            if all(path.partition(".")[2] in paths for path in paths if path.startswith(head + "."))
        ]
        kept = [path for path in paths if "." not in path or path.split(".")[0] not in wrappers]
        # Of what one class has as a whole, the parts in another one are matched already.
        wholes = [path for path in kept if not any(path.startswith(f"{one}.") for one in kept)]
        wrappers += (name for name in self._foreign_names(classes) if name not in wrappers)
        return Names(tuple(wholes), tuple(wrappers))

    def _foreign_names(self, classes: Iterable[Class]) -> list[str]:
        inner = (part for cls in classes for part in (cls, *self._paths.held.below(cls)))
        return self.foreign.names_of(inner)

    def same_as_foreign(self, classes: Iterable[Class]) -> str:
        """The name of a backbone that a library has for a whole model as well; ``""``: none."""
        classes = list(classes)
        heads = self._heads(classes)
        return next((name for name in self._foreign_names(classes) if name in heads), "")

    def model(self, cls: Class, is_wrapped: bool = False) -> Model:
        """The class as ``freezing_effects`` wants it."""
        parts = self._paths.parts(cls)
        for attribute, inner in self._paths.holders(cls):
            if attribute in WRAPPERS:
                parts |= self._paths.parts(inner)
        names = self._class_names(cls)
        return Model(self._paths.below(cls), parts, is_wrapped, classes=names)

    def _class_names(self, cls: Class) -> frozenset[str]:
        """The names of a model's class, and of those of its backbones and what these are of."""
        if cls not in self._names_of:
            inner = self._paths.backbones_below(cls)
            below = {part for one in inner for part in self._paths.held.below(one)}
            self._names_of[cls] = frozenset(one.name for one in {cls, *inner, *below})
        return self._names_of[cls]

    def norms_inside(self, cls: Class) -> dict[Class, frozenset[str]]:
        """By class of what is in the backbone of a model, the attributes that hold BatchNorm."""
        found: dict[Class, frozenset[str]] = {}
        for owner in self.owners(cls):
            inner = self._paths.backbone_classes(owner)
            below = {part for one in inner for part in self._paths.held.below(one)}
            for part in dict.fromkeys([owner, *inner, *below]):
                found[part] = self._paths.norm_attributes(part)
        heads = {path.split(".")[0] for path in self._paths.below(cls)}
        if cls in found:  # of the model itself, not what stands beside the backbone
            found[cls] &= heads
        return found

    def owners(self, cls: Class) -> list[Class]:
        """The classes in a model that hold a backbone in an attribute of their own."""
        if cls not in self._owners_of:
            self._owners_of[cls] = list(self._owners(cls, set()))
        return self._owners_of[cls]

    def _owners(self, cls: Class, seen: set[Class]) -> Iterator[Class]:
        # Once for each class: the ways from one to another are too many to go them all.
        seen.add(cls)
        if self._paths.owns(cls):
            yield cls
            return
        heads = {path.split(".")[0] for path in self._paths.below(cls)}
        for attribute, inner in self._paths.holders(cls):
            if attribute in heads and inner not in seen:
                yield from self._owners(inner, seen)

    def holds(self, outer: Class, inner: Class) -> bool:
        """Whether a model of one class is, or has in it, a model of the other one."""
        seen, pending = {outer}, [outer]
        while pending:
            cls = pending.pop()
            if inner in cls.ancestors() or inner in cls.descendants():
                return True
            for _, held in self._paths.holders(cls):
                if held not in seen:
                    seen.add(held)
                    pending.append(held)
        return False

    def paths_below(self, cls: Class) -> tuple[str, ...]:
        """Attribute paths below an instance of the class."""
        return self._paths.below(cls)

    def are_only_named(self, classes: Iterable[Class]) -> bool:
        """Whether no load of weights into the backbones of these classes is seen."""
        return all(map(self._paths.weights.is_only_named, classes))

    @property
    def starts_nothing(self) -> bool:
        """Whether every load of the repository may be one that lets a training go on."""
        return self._paths.weights.starts_nothing

    def start_from_nothing(self, classes: Iterable[Class]) -> bool:
        """Whether every load into one of these may be one that lets its training go on."""
        return all(map(self._paths.weights.starts_from_nothing, classes))

    def tangle(self, classes: Iterable[Class]) -> str:
        """Why no pattern of names is certain to be complete; ``""``: all paths were followed."""
        tangled = next((cls for cls in classes if self._paths.is_tangled(cls)), None)
        if tangled is None:
            return ""
        return f"too much comes together in {tangled.name} to name all backbones in it: {BY_HAND}"

    def nameless(self, classes: Iterable[Class]) -> str:
        """Where a pattern of names would pass by a part of the backbone; ``""``: nowhere."""
        return next((path for cls in classes for path in self._paths.nameless(cls)), "")

    def with_backbones(self, classes: Iterable[Class]) -> list[Class]:
        """Models and the backbones in them, however deep."""
        classes = list(classes)
        return [*classes, *(part for cls in classes for part in self._paths.backbones_below(cls))]

    def others(self, expr: ast.expr) -> tuple[Class, ...]:
        """Classes without a backbone that an expression may be an instance of.

        Parts of the model itself do not count: code that goes over them blurs the two. Nor does
        what a factory makes where no call asks for it: ``if refine:``, which is off by default.
        """
        values = self._wrapped.values(expr)
        made = [value for value in values if isinstance(value, Instance)]
        found = {value.class_: None for value in made if not self._is_never_made(value)}
        parts = {part for cls in self.of(expr) for part in self._paths.held.below(cls)}
        return tuple(cls for cls in found if cls not in parts and not self._paths.below(cls))

    def _is_never_made(self, value: Instance) -> bool:
        return value.spot is not None and self._unused.holds(value.spot)

    def elsewhere(self, classes: Iterable[Class]) -> list[Class]:
        """Other models of the repository, whose backbone is one plain attribute or two.

        Nothing says that these train scripts build them, but people swap models,
        and such a name means a backbone wherever it is used. A part of a network that
        one of them takes to pieces (``features4``) may be anything in another one.
        """
        classes = list(classes)
        taken = {part for cls in classes for part in self._paths.parts(cls)}
        parts = {part for cls in self._flow.classes for part in self._paths.backbone_classes(cls)}
        return [
            cls
            for cls in self._flow.classes
            if cls not in classes and cls not in parts and self._paths.owns(cls)
            for paths in [self._paths.below(cls)]
            if 0 < len(paths) <= 2 and all(map(self._is_always_backbone, paths))
            if taken.isdisjoint(paths)
        ]

    def _is_always_backbone(self, path: str) -> bool:
        is_named_so = is_backbone_attribute(path) or may_be_backbone_attribute(path)
        return (
            is_named_so and not may_hold_whole_model(path) and self._paths.is_always_backbone(path)
        )


def _collects(expr: ast.expr) -> bool:
    """``dict(net.named_parameters())``, in which a model's parameters are, and no model."""
    return (
        isinstance(expr, ast.Call)
        and isinstance(expr.func, ast.Name)
        and expr.func.id in ("dict", "list", "tuple", "set", "sorted", "filter")
    )


def _whole(expr: ast.expr) -> ast.expr | None:
    """What an expression is a part of: ``net`` for ``net.head`` and ``getattr(net, name)``."""
    match expr:
        case ast.Attribute(value=value) | ast.Subscript(value=value):
            return value
        case ast.Call(func=ast.Name(id="getattr"), args=[value, *_]):
            return value
    return None


def _below_wrappers(path: str, paths: set[str]) -> str:
    head, _, rest = path.partition(".")
    while rest and head in WRAPPERS and head not in paths:
        path = rest
        head, _, rest = path.partition(".")
    return path
