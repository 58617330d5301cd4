"""Which functions say by their names that they load pretrained weights."""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.syntax.nodes import all_arguments
from bn2gn_codemod.survey.values import Function

_PRETRAINED = re.compile(r"pretrain|imagenet|init_weights|init_model|init_from", re.IGNORECASE)


def is_named_pretrained(function: Function) -> bool:
    """Whether a function or one of its arguments is named after pretrained weights."""
    node = function.node
    if isinstance(node, ast.Module):
        return False
    arguments = (argument.arg for argument in all_arguments(node.args))
    return has_pretrained_name(function) or any(map(_PRETRAINED.search, arguments))


def is_only_named_after_network(function: Function) -> bool:
    """Whether it is named after a network whose weights it takes, and after nothing else."""
    return not _PRETRAINED.search(function.name) and families.names_source_network(function.name)


def has_pretrained_name(function: Function) -> bool:
    """Whether that is said by the name of the function itself."""
    name = function.name
    return bool(_PRETRAINED.search(name)) or families.names_source_network(name)
