"""What a constructor has just put into an attribute, and fills with weights.

    class Net(Base):
        def __init__(self):
            super().__init__()  # a base class has another network there
            self.features = vgg()
            for ours, theirs in zip(self.features.state_dict().values(), weights):
                ours.copy_(theirs)

An attribute is one node for all that any class of the family stores there. The weights are for
what is there now.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.syntax.nodes import is_super, walk
from bn2gn_codemod.survey.values import Function

# What gives the tensors of a module, all of them or some.
_TENSORS_OF = frozenset(
    {"state_dict", "parameters", "named_parameters", "items", "values", "buffers"}
)


def just_stored(function: Function, layer: ast.expr) -> ast.Call | None:
    """The call that made the module of which a constructor takes tensors; ``None``: not certain."""
    attribute = attribute_of_tensors(layer)
    node, cls = function.node, function.class_
    if attribute is None or cls is None or not function.is_constructor:
        return None
    own = function.first_parameter
    if not isinstance(attribute.value, ast.Name) or attribute.value.id != own:
        return None
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    found: ast.Call | None = None
    for statement in node.body:
        if any(inner is attribute for inner in walk(statement)):
            # What the statement itself stores, it may have stored in an earlier turn.
            return None if _may_store(statement, own, attribute.attr) else found
        match statement:
            case ast.Assign(targets=[ast.Attribute() as target], value=ast.Call() as made) if (
                _is_own(target, own, attribute.attr)
            ):
                found = made
            case _ if _may_store(statement, own, attribute.attr):
                found = None
    return None


def is_only_set_in_constructors(function: Function, layer: ast.expr) -> bool:
    """Whether no method that the constructor may call in between puts anything else there."""
    attribute, cls = attribute_of_tensors(layer), function.class_
    if attribute is None or cls is None:
        return False
    family = dict.fromkeys(one for child in cls.descendants() for one in child.ancestors())
    return not any(
        _may_store(method.node, method.first_parameter, attribute.attr)
        for one in family
        for method in one.methods.values()
        if not method.is_constructor
    )


def is_of_one_class(constructor: Function, attribute: str) -> bool:
    """Whether no base or subclass stores anything else there: what is said of it holds for all."""
    cls = constructor.class_
    return cls is not None and not any(
        attribute in one.stored_names for one in (*cls.ancestors()[1:], *cls.descendants()[1:])
    )


def attribute_of_tensors(layer: ast.expr) -> ast.Attribute | None:
    """``self.features`` of ``list(self.features.state_dict().items())[i][1]``"""
    is_tensor = False
    while True:
        match layer:
            case ast.Subscript(value=inner) | ast.Call(func=ast.Name(id="list"), args=[inner]):
                layer = inner
            case ast.Call(func=ast.Attribute(value=inner, attr=name)) if name in _TENSORS_OF:
                layer, is_tensor = inner, True
            case ast.Attribute():
                return layer if is_tensor else None
            case _:
                return None


def _may_store(node: ast.AST, own: str | None, name: str) -> bool:
    """Whether code stores something in the attribute, or under a name that is not seen.

    The constructor of a base class does, too.
    """
    for inner in walk(node):
        match inner:
            case ast.Attribute(ctx=ast.Store() | ast.Del()) if _is_own(inner, own, name):
                return True
            case ast.Call(func=ast.Name(id="setattr")):
                return True
            case ast.Call(func=ast.Attribute(attr="add_module" | "register_module")):
                return True
            case ast.Call(func=ast.Attribute(value=owner, attr="__init__")) if is_super(
                owner
            ) or isinstance(owner, (ast.Name, ast.Attribute)):
                return True
            case _:
                pass
    return False


def _is_own(target: ast.Attribute, own: str | None, name: str) -> bool:
    return isinstance(target.value, ast.Name) and target.value.id == own and target.attr == name
