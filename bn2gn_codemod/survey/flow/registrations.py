"""Classes that a decorator puts into a registry, which hands them out by names in configs."""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.values import Class, External, Value, is_registry


def is_registered(flow: Flow, cls: Class) -> bool:
    """Whether a registry decorates the class: ``@MODELS.register()``."""
    return any(
        isinstance(node, ast.Attribute)
        and any(_is_registry(value, node.attr) for value in flow.value_of(node.value))
        for decorator in cls.node.decorator_list
        for node in (decorator.func if isinstance(decorator, ast.Call) else decorator,)
    )


def _is_registry(value: Value, method: str) -> bool:
    # What a library calls its registry is not known: `mmcv.cnn.NORM_LAYERS.register_module()`.
    is_called_so = isinstance(value, External) and method in ("register", "register_module")
    return is_called_so or is_registry(value)
