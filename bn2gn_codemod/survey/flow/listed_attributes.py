"""Plain lists of a model's own attributes: ``self.fine_tune = [self.conv1, self.layer1]``.

Optimizers want them. Such a list registers nothing and has nothing of its own, so it tells
nothing of what is in it, whatever a checkpoint may lack. Nor do groups of parameters,
``[{"params": self.head.parameters(), "lr": 0.1}]``, or what is looked up among the object's own
modules, ``[m for m in self.modules() if isinstance(m, nn.Conv2d)]``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.values import Class, Function, Instance, NormLayer

_MODULES = frozenset({"modules", "children", "named_modules", "named_children"})
_FILL = frozenset({"append", "extend", "insert"})


def lists_attributes(contents: Contents, slot: Slot) -> bool:
    """Whether an attribute is such a list, wherever it is filled."""
    cls, name = slot
    if not _are_all(cls, name, _is_list_of_own):
        return False
    layers = {one for one in contents.of_slot[slot] if isinstance(one, (Instance, NormLayer))}
    others = (one for one in contents.family_slots(cls) if one != slot)
    return layers.issubset(held for one in others for held in contents.of_slot[one])


def lists_modules(contents: Contents, slot: Slot) -> bool:
    """Whether an attribute is never given anything but lists of the object's own modules.

    What is in them was found in other attributes, or in a subclass's, however deep.
    """
    cls, name = slot
    if not _are_all(cls, name, _is_list_of_modules):
        return False
    family = {*cls.ancestors(), *cls.descendants()}
    others = (one for owner in family for one in contents.slots_of.get(owner, ()) if one != slot)
    return contents.layers_in(slot).issubset(
        held for one in others for held in contents.inside(one)
    )


def is_plain_list(contents: Contents, slot: Slot) -> bool:
    """Whether an attribute is a list of layers that no attribute holds otherwise.

    ``self.align = []; self.align.append(Align())``: they are no modules of the object, and no
    checkpoint of it has entries for them.
    """
    cls, name = slot
    if not _are_all(cls, name, _is_any_list):
        return False
    family = {*cls.ancestors(), *cls.descendants()}
    others = (one for owner in family for one in contents.slots_of.get(owner, ()) if one != slot)
    return contents.layers_in(slot).isdisjoint(
        held for one in others for held in contents.of_slot[one]
    )


def lists_parameters(slot: Slot) -> bool:
    """Whether an attribute is never given anything but groups of parameters."""
    cls, name = slot
    return _are_all(cls, name, _is_list_of_groups)


# Whether something is such a list; with ``self`` and the attribute. ``None``: it is empty, and
# others may fill it.
_IsListed = Callable[[ast.expr, "str | None", str], "bool | None"]


def _are_all(cls: Class, name: str, is_listed: _IsListed) -> bool:
    """Whether an attribute is filled, and with nothing else."""
    methods = [method for owner in cls.descendants() for method in owner.methods.values()]
    methods += [method for owner in cls.ancestors()[1:] for method in owner.methods.values()]
    is_filled = False
    for method in methods:
        for given in _stored(method, name, is_listed):
            if given is None:
                continue
            if not given:
                return False  # most attributes are no list, and said so by their constructor
            is_filled = True
    return is_filled


def _stored(method: Function, name: str, is_listed: _IsListed) -> Iterator[bool | None]:
    """For each place where something is put into the attribute, whether it is such a list."""
    stores = method.attribute_stores.get(name)
    if stores is None:  # as in most methods
        return
    own = method.first_parameter
    for node in stores:
        match node:
            case ast.Assign(targets=[_], value=value) | ast.AugAssign(value=value):
                yield is_listed(value, own, name)
            case ast.AnnAssign(value=ast.expr() as value):
                yield is_listed(value, own, name)
            case ast.Call(func=ast.Attribute(attr=called), args=args):
                if called in _FILL:
                    # append() takes an element, extend() a list
                    lists = [ast.List([one], ast.Load()) for one in args]
                    pairs = zip(args, lists, strict=True)
                    yield all(any(is_listed(one, own, name) for one in pair) for pair in pairs)
            case ast.Assign():
                yield False
            case _:
                pass


def _is_list_of_own(value: ast.expr, own: str | None, name: str) -> bool:
    match value:
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return all(_is_own(part, own, name) for part in parts)
        case _:
            return False


def _is_list_of_modules(value: ast.expr, own: str | None, name: str) -> bool | None:
    """``list(self.children())``, ``[m for _, m in self.named_modules()]``; not by an index."""
    match value:
        case ast.List(elts=[]):
            return None
        case ast.Call(func=ast.Name("list" | "tuple"), args=[given], keywords=[]):
            return _are_own_modules(given, own) or _is_list_of_modules(given, own, name)
        case (
            ast.ListComp(elt=element, generators=[loop])
            | ast.GeneratorExp(elt=element, generators=[loop])
        ):
            # Of a module that the loop comes to nothing else is taken: m.conv may be anything.
            return _are_own_modules(loop.iter, own) and _are_names(element)
        case _:
            return False


def _are_own_modules(value: ast.expr, own: str | None) -> bool:
    match value:
        case ast.Call(func=ast.Attribute(ast.Name(base), attr), args=[], keywords=[]):
            return base == own and attr in _MODULES
        case _:
            return False


def _are_names(element: ast.expr) -> bool:
    match element:
        case ast.Name():
            return True
        case ast.Tuple(elts=parts):
            return all(isinstance(part, ast.Name) for part in parts)
        case _:
            return False


def _is_any_list(value: ast.expr, _own: str | None, _name: str) -> bool | None:
    match value:
        case ast.List(elts=[]):
            return None
        case ast.List() | ast.ListComp():
            return True
        case _:
            return False


def _is_list_of_groups(value: ast.expr, own: str | None, name: str) -> bool | None:
    """``[{"params": ..., "lr": 0.1}]``, as optimizers name what they train."""
    match value:
        case ast.List(elts=[]):
            return None
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return all(isinstance(part, ast.Dict) and _names_parameters(part) for part in parts)
        case _:
            return False


def _names_parameters(group: ast.Dict) -> bool:
    return any(isinstance(key, ast.Constant) and key.value == "params" for key in group.keys)


def _is_own(value: ast.expr, own: str | None, name: str) -> bool:
    """Whether an expression is another attribute of the same object, or a number."""
    match value:
        case ast.Attribute(value=ast.Name(id=base), attr=attribute):
            return base == own and attribute != name
        case ast.Constant():
            return True
        case _:
            return False
