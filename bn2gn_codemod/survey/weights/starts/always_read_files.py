"""Training that always begins with a file: ``net.load_state_dict(torch.load(args.file))``.

Whoever goes on with a training asks for it by an option, or looks whether there is a checkpoint.
A file that is loaded whatever is asked for, before the optimizer is made, is where every training
of the script starts: there is none without it. Of a helper that may load nothing this is so for
a file whose name is written out.
"""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.statements.newest_value import newest_value
from bn2gn_codemod.survey.statements.run_conditions import blocks_around
from bn2gn_codemod.survey.statements.sure_calls import passes
from bn2gn_codemod.survey.syntax.nodes import given_arguments
from bn2gn_codemod.survey.values import Function

_PATH = re.compile(r"\w[./]")


def begins_with_file(
    function: Function,
    begin: list[ast.Call],
    reading: list[ast.AST],
    load: LoadCall,
    way: list[tuple[Function, ast.AST]],
) -> bool:
    """Whether a function reads such a file before each training that it begins by a call.

    ``load`` puts what is read into a model, in the function or in one that it comes to by the
    calls of ``way``.
    """
    if not begin:
        return False
    loaded = _entries(load)
    places = ((where, loaded if node is load.spot.node else node) for where, node in way)
    below = [place for place in places if place[0] is not function]
    if not all(runs_always(*place) for place in below[1:]):
        return False
    if load.loader and load.loader != "load_from_checkpoint":
        is_loaded = False  # code of others, which may do nothing without a file
    elif not below:
        is_loaded = all(_comes_first(function, loaded, call) for call in begin)
    else:
        is_loaded = runs_always(*below[0])
    is_named = any(_names_file(*place) for place in below)
    return any(
        all(_comes_first(function, node, call) for call in begin)
        for node in reading
        if isinstance(node, ast.Call) and (is_loaded or is_named or _names_file(function, node))
    )


def _entries(load: LoadCall) -> ast.AST:
    """A load, or the loop that fills the tensors of a model one by one: it is never empty."""
    function, node = load.spot.function, load.spot.node
    around = blocks_around(function.node, node) if load.into_tensors else []
    loops = [block[at] for block, at in around if isinstance(block[at], ast.For)]
    return loops[-1] if loops else node


def _names_file(function: Function, call: ast.AST) -> bool:
    """Whether a call is handed the name of a file, or of a folder, that is written out."""
    if not isinstance(call, ast.Call):
        return False
    given = given_arguments(call)
    values = [newest_value(function.node, call, one) or one for one in given]
    return any(
        isinstance(one, ast.Constant) and isinstance(one.value, str) and _PATH.search(one.value)
        for one in values
    )


def runs_always(function: Function, node: ast.AST) -> bool:
    """Whether whoever calls a function comes to a place in it."""
    if isinstance(function.node, ast.Lambda):
        return True
    return passes(function.node.body, node, to_its_end=True)


def _comes_first(function: Function, first: ast.AST, second: ast.Call) -> bool:
    """Whether whatever comes to the second call has passed the first one."""
    return any(
        passes([statement], first)
        for block, index in blocks_around(function.node, second)
        for statement in block[:index]
    )
