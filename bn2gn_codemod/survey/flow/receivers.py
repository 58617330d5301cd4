"""On objects of which classes a method runs, where every call of it is seen.

``def load_pretrained(self, path)`` of a base class that models and their backbones share: where
all its calls are ``self.backbone.load_pretrained(path)``, it fills no model as a whole.
"""

from __future__ import annotations

import ast
import fnmatch
import functools
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.syntax.nodes import call_name, is_super, text_pattern, walk
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    External,
    Function,
    Instance,
    ModuleValue,
    NamespaceValue,
    Value,
)

_DEEPEST = 3  # methods of an object that call one another


class Receivers:
    """Follows a method to the objects that it is called on."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._calls: dict[str, list[tuple[Function, ast.Call]] | None] = {}

    def classes(self, load: LoadCall, value: Instance) -> list[Class]:
        """Of which classes what is loaded is; for ``self``, those on which the method is called."""
        function = load.spot.function
        is_self = value.spot is None and value.class_ is function.class_
        called = self.of(function) if is_self else None
        if called is None:
            return [value.class_]
        return [cls for cls in value.class_.descendants() if cls in called]

    def of(self, method: Function, depth: int = _DEEPEST) -> frozenset[Class] | None:
        """The classes; ``None`` where other code may call the method, or is not followed."""
        name = method.name.rpartition(".")[2]
        if method.class_ is None or method.is_static or name.startswith("__") or depth == 0:
            return None
        calls = self._calls_of(name)
        if not calls or _may_be_called_by_library(method.class_) or self._is_looked_up(name):
            return None
        found: set[Class] = set()
        for caller, call in calls:
            assert isinstance(call.func, ast.Attribute)
            classes = self._of_call(caller, call.func.value, depth)
            if classes is None:
                return None
            found.update(classes)
        return frozenset(found)

    def _of_call(self, caller: Function, owner: ast.expr, depth: int) -> set[Class] | None:
        """The classes of what stands before the dot."""
        if is_super(owner):
            return self._of_self(caller, depth)
        made = _all_made(caller, owner)
        held = [list(self._flow.value_of(one)) for one in made]
        values = [one for each in held for one in each]
        is_known = bool(held) and all(held)
        if not is_known or not all(isinstance(one, Instance) and not one.weak for one in values):
            return None
        return {cls for one in values for cls in self._of_value(caller, one, depth) or ()}

    def _of_value(self, caller: Function, value: Value, depth: int) -> set[Class] | None:
        if not isinstance(value, Instance):
            return None
        if value.spot is None:
            own = caller.enclosing_class
            is_own = own is not None and value.class_ in own.ancestors()
            return self._of_self(caller, depth) if is_own else set(value.class_.descendants())
        return {value.class_}

    def _of_self(self, caller: Function, depth: int) -> set[Class] | None:
        cls = caller.enclosing_class
        if cls is None:
            return None
        found = self.of(caller, depth - 1)
        return set(cls.descendants()) if found is None else set(found) & set(cls.descendants())

    # ---------------------------------------------------------------- calls

    def _is_looked_up(self, name: str) -> bool:
        """Whether code calls methods by names that it puts together, and this may be one."""
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self._looked_up)

    @functools.cached_property
    def _looked_up(self) -> set[str]:
        return {
            text_pattern(call.func.args[1]) or "*"
            for calls in self._flow.calls_in.values()
            for _, call in calls
            if isinstance(call.func, ast.Call)
            and call_name(call.func) == "getattr"
            and len(call.func.args) > 1
            and not isinstance(call.func.args[1], ast.Constant)
            and not any(
                isinstance(one, (ModuleValue, ClassValue, NamespaceValue, External))
                for one in self._flow.value_of(call.func.args[0])
            )
        }

    def _calls_of(self, name: str) -> list[tuple[Function, ast.Call]] | None:
        """All calls of methods of a name; ``None`` where the name is used in another way."""
        if name not in self._calls:
            known = [
                (caller, call)
                for caller, calls in self._flow.calls_in.items()
                for _, call in calls
                if isinstance(call.func, ast.Attribute) and call.func.attr == name
            ]
            read = {call.func for _, call in known}
            is_all_read = all(one in read for one in self._mentions(name))
            self._calls[name] = known if is_all_read else None
        return self._calls[name]

    def _mentions(self, name: str) -> Iterator[ast.AST | None]:
        if any(name in file.text for file in self._flow.unread):
            yield None
        for module in self._flow.modules:
            if name.encode() in module.source.data:
                for node in walk(module.tree):
                    match node:
                        case ast.Name(id=said) | ast.Attribute(attr=said) if said == name:
                            yield node
                        case ast.Constant(value=str(said)) if said == name:
                            yield node
                        case _:
                            pass


def _may_be_called_by_library(cls: Class) -> bool:
    """Whether a base class of another package, as of Lightning, may call the method itself."""
    bases = [base for one in cls.ancestors() for base in one.external_bases]
    return any(not base.startswith("torch.nn.") and base != "object" for base in bases)


def _all_made(caller: Function, owner: ast.expr) -> list[ast.expr]:
    """Everything that an expression stands for; empty where it may as well be something else."""
    match owner:
        case ast.Attribute(attr=name):  # ``self.model`` is whatever model there is
            return [] if families.may_hold_whole_model(name) else [owner]
        case ast.Name(id=name) if caller.class_ is not None and name == caller.first_parameter:
            return [owner]
        case ast.Name(id=name):
            return [] if name in caller.parameters else _only_made(caller, name)
        case _:
            return [owner]


def _only_made(function: Function, name: str) -> list[ast.expr]:
    """All that a variable is assigned to, if calls make it."""
    nodes = walk(function.node)
    stores = [
        one
        for one in nodes
        if isinstance(one, ast.Name) and one.id == name and not isinstance(one.ctx, ast.Load)
    ]
    made = [
        one.value
        for one in nodes
        if isinstance(one, ast.Assign) and any(target in stores for target in one.targets)
    ]
    is_all = len(made) == len(stores) and all(isinstance(one, ast.Call) for one in made)
    return made if is_all else []
