"""Init functions that go over the children of a module, and no deeper than they say themselves.

``for m in module.children():``, with ``init(m)`` for containers and ``m.initialize()`` for all
else: a network among the children is left to its own method.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.hidden_calls import HiddenCalls
from bn2gn_codemod.survey.norms.type_tests import FoundTest
from bn2gn_codemod.survey.roles.held_layers import HeldLayers
from bn2gn_codemod.survey.syntax.nodes import dotted, walk
from bn2gn_codemod.survey.values import Function, Instance, Lost, TupleValue, Value

_CONTAINERS = frozenset({"Sequential", "ModuleList", "ModuleDict"})
# What a loop may read or set of a child without going into it.
_OF_LAYERS = frozenset(
    {"weight", "bias", "running_mean", "running_var", "eps", "momentum", "affine"}
)
# Methods that hand a child's own children out, or go over them.
_GOES_DEEPER = frozenset(
    {"apply", "modules", "children", "named_modules", "named_children", "get_submodule"}
    | {"parameters", "named_parameters", "state_dict", "load_state_dict", "__getattr__"}
)


class ChildLoops:
    """Narrows down what such a loop initialises."""

    def __init__(self, flow: Flow, held: HeldLayers) -> None:
        self._flow = flow
        self._held = held
        self._call_sites = CallSites(flow)
        self._hidden = HiddenCalls(flow)

    def owners(self, test: FoundTest) -> list[Value] | None:
        """The modules with BatchNorm that stays among the children which the loop comes to.

        With all that hold them and are gone over as well. ``None``: the loop may go deeper, or
        it is not known over what.
        """
        function, loop = test.function, _loop_around(test)
        if loop is None:
            return None
        within = _recursions(function, loop)
        given = None if within is None else self._given(function, within)
        if given is None:
            return None
        over = self._with_containers(given)
        mine = {cls for one in over if self._has_kept(one) for cls in _kin(one)}
        return [
            one
            for one in given
            if not isinstance(one, Instance)
            or any(not mine.isdisjoint(_kin(inner)) for inner in self._held.below([one]))
        ]

    def _given(self, function: Function, within: set[ast.Call]) -> list[Value] | None:
        """What the function is called with, but for its own calls for containers."""
        if self._hidden.of(function):
            return None
        found: dict[Value, None] = {}
        for caller, call in self._call_sites.of(function):
            if call in within or self._is_never_called(caller):
                continue
            values = list(self._flow.value_of(call.args[0])) if len(call.args) == 1 else []
            if not values or any(isinstance(value, (Lost, TupleValue)) for value in values):
                return None
            found.update(dict.fromkeys(values))
        return list(found) or None

    def _is_never_called(self, function: Function) -> bool:
        """Whether a function is there that no code of the repository calls or hands over."""
        if function.class_ is not None or not isinstance(function.node, ast.FunctionDef):
            return False
        return not any(
            word in module.source.data.replace(b"def " + word, b"")
            for word in [function.name.rpartition(".")[2].encode()]
            for module in self._flow.modules
        )

    def _with_containers(self, values: Iterable[Value]) -> list[Instance]:
        """The objects, and those below them that extend a container: it goes into them, too."""
        found = {one: None for one in values if isinstance(one, Instance)}
        pending = list(found)
        while pending:
            for inner in self._children(pending.pop()):
                if isinstance(inner, Instance) and inner not in found and _may_be_container(inner):
                    found[inner] = None
                    pending.append(inner)
        return list(found)

    def _has_kept(self, one: Instance) -> bool:
        return any(map(self._held.is_kept, self._children(one)))

    def _children(self, one: Instance) -> Iterator[Value]:
        for cls in dict.fromkeys(slot[0] for slot in self._held.slots(one)):
            yield from self._held.own(cls)


def _kin(value: Value) -> set[object]:
    """The classes that an object may be taken for."""
    if not isinstance(value, Instance):
        return set()
    return {*value.class_.ancestors(), *value.class_.descendants()}


def _may_be_container(one: Instance) -> bool:
    """Whether a child may pass for ``nn.Sequential``: it extends more than ``nn.Module``."""
    return any(
        base.rpartition(".")[2] not in {"Module", "object"}
        for cls in (*one.class_.ancestors(), *one.class_.descendants())
        for base in cls.external_bases
    )


def _loop_around(test: FoundTest) -> ast.For | None:
    """``for name, m in module.named_children():`` over what the function is handed."""
    function = test.function.node
    if not isinstance(function, ast.FunctionDef) or test.function.class_ is not None:
        return None
    arguments = function.args
    if len(arguments.args) != 1 or arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
        return None
    name = arguments.args[0].arg
    for statement in function.body:
        match statement:
            case ast.For(
                iter=ast.Call(
                    func=ast.Attribute(value=ast.Name(id=over), attr="children" | "named_children"),
                    args=[],
                    keywords=[],
                )
            ) if over == name and test.chain in statement.body:
                uses = [node for node in walk(function) if _is_name(node, name)]
                # nothing else is done with the module, be it in another loop
                return statement if len(uses) == 1 else None
            case _:
                pass
    return None


def _recursions(function: Function, loop: ast.For) -> set[ast.Call] | None:
    """The calls of a function for containers; ``None`` where it may go deeper otherwise."""
    match loop.target:
        case ast.Name(id=child) | ast.Tuple(elts=[_, ast.Name(id=child)]):
            pass
        case _:
            return None
    allowed, within = set[ast.AST](), set[ast.Call]()
    for node in walk(loop):
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name() as asked, _]):
                allowed.add(asked)
            case ast.Call(func=ast.Attribute(value=ast.Name() as of, attr=method)):
                if method not in _GOES_DEEPER:
                    allowed.add(of)
            case ast.Attribute(value=ast.Name() as of, attr=attribute) if attribute in _OF_LAYERS:
                allowed.add(of)
            case ast.If(
                test=ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=asked_of), kinds]),
                body=[
                    ast.Expr(
                        value=ast.Call(
                            func=ast.Name(id=called), args=[ast.Name() as handed], keywords=[]
                        ) as call
                    )
                ],
            ) if asked_of == child and called == function.name and _are_containers(kinds):
                allowed.add(handed)
                within.add(call)
            case _:
                pass
    uses = [node for node in walk(loop) if _is_name(node, child)]
    targets = [node for node in walk(loop.target) if _is_name(node, child)]
    # the loop alone binds the name
    is_plain = len(targets) == 1 and all(one in allowed or one in targets for one in uses)
    return within if is_plain else None


def _are_containers(kinds: ast.expr) -> bool:
    parts = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
    return all((dotted(part) or "").rpartition(".")[2] in _CONTAINERS for part in parts)


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
