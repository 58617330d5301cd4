"""Loads that say of themselves that they let a training go on: ``if args.resume: ...``."""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.statements.guarding_tests import guarding_tests
from bn2gn_codemod.survey.values import Function, Weights

_RESUMED = re.compile(r"resum|snapshot", re.IGNORECASE)
# Not ``not args.resume is None``, nor ``not args.no_resume``, which say the opposite.
_NOT_RESUMED = re.compile(
    r"\bnot (?![\w.]*(?:\b|_)(?:no|not|skip|disable|without|never|ignore|dont)_?(?:\w+_)?"
    r"(?:resum|snapshot))"
    r"[\w.]*(?:resum|snapshot)[\w.]*(?![\w.(\[]|\s+(?:is|in|not|[=!<>]))",
    re.IGNORECASE,
)


def is_resumed(flow: Flow, call: LoadCall) -> bool:
    """Whether the load, or what reads the file for it, speaks of training that goes on."""
    read = (
        value.spot
        for node in call.weights
        for value in flow.values(node)
        if isinstance(value, Weights)
    )
    return any(speaks_of_resuming(spot.function, spot.node) for spot in (call.spot, *read))


def speaks_of_resuming(function: Function, call: ast.AST) -> bool:
    """The same of any call: by its words, those of its function and of the tests around it."""
    tests = (_NOT_RESUMED.sub("", ast.unparse(test)) for test in guarding_tests(function, call))
    around = (function.name, ast.unparse(call), *tests)
    return any(map(_RESUMED.search, around))
