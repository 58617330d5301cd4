"""``load_state_dict`` as classes of the repository write it: whether it is strict at all.

A model that overrides it fills itself by hand, hands some of what it gets to the method of
``nn.Module``, or does not know the argument ``strict``, which is then not to be added to a call.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.syntax.nodes import call_name, walk
from bn2gn_codemod.survey.values import Class, Function

_METHOD = "load_state_dict"


def is_strict(cls: Class) -> bool:
    """Whether a call that does not speak of ``strict`` fails for a key that does not fit."""
    method = cls.find_method(_METHOD)
    if method is None:
        return True
    inner = [one for one in walk(method.node) if _hands_on(one)]
    default = _default(method)
    if isinstance(default, ast.Constant) and default.value is False:
        return False
    if inner and all(map(_says_no, inner)):
        return False
    return bool(inner) or _takes_strict(method)


def takes_no_strict(cls: Class) -> str:
    """Why ``strict=False`` must not be added to a call for such a model; ``""`` if it may."""
    method = cls.find_method(_METHOD)
    if method is None or isinstance(method.node, ast.Module) or _takes_strict(method):
        return ""
    where = f"{method.module.path}:{method.node.lineno}"
    return f"{cls.name} has a {_METHOD} of its own ({where}), which takes no strict"


def _takes_strict(method: Function) -> bool:
    if isinstance(method.node, (ast.Module, ast.Lambda)):
        return True
    given = method.node.args
    names = {one.arg for one in (*given.args, *given.kwonlyargs)}
    return "strict" in names or given.kwarg is not None


def _default(method: Function) -> ast.expr | None:
    """What ``strict`` is for whoever does not give it."""
    if isinstance(method.node, (ast.Module, ast.Lambda)):
        return None
    given = method.node.args
    last = given.args[len(given.args) - len(given.defaults) :]
    defaults = [*zip(last, given.defaults, strict=True)]
    defaults += [
        (one, value)
        for one, value in zip(given.kwonlyargs, given.kw_defaults, strict=True)
        if value is not None
    ]
    return next((value for one, value in defaults if one.arg == "strict"), None)


def _hands_on(node: ast.AST) -> bool:
    """A load of all of the model, or of a part of it, or one that may be either."""
    return isinstance(node, ast.Call) and call_name(node).endswith(_METHOD)


def _says_no(node: ast.AST) -> bool:
    assert isinstance(node, ast.Call)
    said = [one.value for one in node.keywords if one.arg == "strict"]
    return bool(said) and isinstance(said[0], ast.Constant) and said[0].value is False
