"""Uses of what only BatchNorm has, on layers that become GroupNorm."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from bn2gn_codemod.plan import NormAttributeUse
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.syntax_tree import Tree
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.norms.members import Member, OwnMembers, asked_for, made_again
from bn2gn_codemod.survey.norms.narrowed_layers import NarrowedLayers
from bn2gn_codemod.survey.norms.type_tests import NormTests
from bn2gn_codemod.survey.roles.held_layers import HeldLayers
from bn2gn_codemod.survey.syntax.nodes import call_name, walk
from bn2gn_codemod.survey.values import Instance, Value

_FOLDS = re.compile(r"fuse_?\w*(?:conv|bn|modules)", re.IGNORECASE)


def find_attribute_uses(flow: Flow, held: HeldLayers) -> tuple[NormAttributeUse, ...]:
    """Every such use, in source order."""
    finder = _Finder(flow, held)
    found = [use for module in flow.modules for use in finder.uses(module)]
    return tuple(sorted(found, key=lambda use: (use.place, use.name)))


class _Finder:
    def __init__(self, flow: Flow, held: HeldLayers) -> None:
        self._flow = flow
        self._held = held
        self._tests = NormTests(flow)
        self._narrowed = NarrowedLayers(flow, self._tests, self._is_converted)
        self._own = OwnMembers(filter(held.is_converted, flow.norm_layers))
        self._names = self._own.names()
        names = "|".join(map(re.escape, sorted(self._names)))
        self._mentioned = re.compile(
            rf"\b(?:{names})\b|fuse|__class__\(|\btype\([^()]*\)\(".encode()
        )

    def uses(self, module: Module) -> Iterator[NormAttributeUse]:
        if not self._mentioned.search(module.source.data):
            return
        for node in walk(module.tree):
            if not isinstance(node, ast.expr):
                continue
            member, again = asked_for(node), made_again(node)
            if member is not None and self._is_asked_in_vain(module, node, member):
                yield NormAttributeUse(module.place(node), member.name, ast.unparse(member.layer))
            if again is not None and self._comes_to(module, node, again):
                yield NormAttributeUse(module.place(node), "__class__", ast.unparse(again))
            if isinstance(node, ast.Call) and _FOLDS.search(call_name(node)):
                layers = [*self._folded(module, node), *self._folded_by_name(module, node)]
                if layers:  # the norm comes last
                    yield NormAttributeUse(module.place(node), call_name(node), layers[-1])

    def _folded(self, module: Module, call: ast.Call) -> Iterator[str]:
        """``fuse_conv_bn_eval(self.conv, self.bn)``"""
        for argument in call.args:
            if self._is_layer(self._flow.value_of(argument)) and not self._narrowed.is_narrowed(
                module, call, argument
            ):
                yield ast.unparse(argument)

    def _folded_by_name(self, module: Module, call: ast.Call) -> Iterator[str]:
        """``fuse_modules(self, ["conv", "bn"])``"""
        if len(call.args) < 2:
            return
        owners = [v for v in self._values(module, call.args[0]) if isinstance(v, Instance)]
        classes = dict.fromkeys(cls for owner in owners for cls in owner.class_.ancestors())
        for node in walk(call.args[1]):
            name = str(node.value) if isinstance(node, ast.Constant) else ""
            nodes = (self._flow.slots.get((cls, name)) for cls in classes)
            if any(self._is_layer(self._flow.values(slot)) for slot in nodes):
                yield f"{ast.unparse(call.args[0])}.{name}"

    def _is_asked_in_vain(self, module: Module, node: ast.expr, member: Member) -> bool:
        layer, name = member
        return (
            name in self._names
            and any(
                self._held.is_converted(value) and self._own.is_lacking(value, name)
                for value in self._values(module, layer)
            )
            and self._comes_to(module, node, layer, name)
        )

    def _comes_to(self, module: Module, node: ast.expr, layer: ast.expr, name: str = "") -> bool:
        """Whether a layer that becomes GroupNorm comes to its use, by all tests around."""
        return (
            self._is_converted(module, layer)
            and not self._is_guarded(module, node, layer, name)
            and not self._narrowed.is_narrowed(module, node, layer)
        )

    def _is_converted(self, module: Module, layer: ast.expr) -> bool:
        return self._is_layer(self._values(module, layer))

    def _values(self, module: Module, layer: ast.expr) -> list[Value]:
        """What the expression may hold; not all of a forward pass is part of the analysis."""
        if layer in self._flow.expressions:
            return list(self._flow.value_of(layer))
        function = self._tests.tree(module).function(layer)
        match layer:
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                cls = function.enclosing_class
                if cls is not None:
                    nodes = (self._flow.slots.get((owner, name)) for owner in cls.ancestors())
                    return [value for node in nodes for value in self._flow.values(node)]
            case ast.Name(id=name):
                return list(self._flow.values(self._flow.lookup(function, name)))
            case ast.Subscript(value=holder):
                return self._values(module, holder)
        return []

    def _is_layer(self, values: Iterable[Value]) -> bool:
        return any(map(self._held.is_converted, values))

    def _is_guarded(self, module: Module, use: ast.expr, layer: ast.expr, name: str) -> bool:
        """Whether an ``if`` around the use lets only layers come to it that have the attribute."""
        tree = self._tests.tree(module)
        below: ast.AST = use
        for above in tree.above(use):
            asked: ast.expr | None = above if isinstance(above, ast.BoolOp) else None
            if isinstance(above, (ast.If, ast.IfExp)) and below is not above.test:
                asked = above.test
            if asked is not None and self._asks(asked, layer, name, tree):
                return True
            below = above
        return False

    def _asks(self, test: ast.expr, layer: ast.expr, attribute: str, tree: Tree) -> bool:
        for node in walk(test):
            match node:
                case ast.Call(func=ast.Name(id="hasattr"), args=[owner, ast.Constant(value=name)]):
                    if name == attribute and ast.dump(owner) == ast.dump(layer):
                        return True
        return self._tests.mentions_norm(walk(test), tree)
