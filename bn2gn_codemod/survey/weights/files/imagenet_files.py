"""Files that are called after the data set of classification: ``imagenet/resnet38.pth``.

What was trained on ImageNet was trained to classify. Training of another task starts from such
a file and does not go on with it. The path is what the load says itself, a constant, or the
default of an option, if no script has another one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.flow import script_options
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import dotted, walk
from bn2gn_codemod.survey.values import Weights
from bn2gn_codemod.survey.weights.files.named_files import is_named_after_task
from bn2gn_codemod.survey.weights.resumed.resumed_training import is_resumed

_OF_CLASSIFIER = re.compile(r"imagenet|ilsvrc", re.IGNORECASE)
# The other data sets under that name, and files of training that was interrupted or is done.
_OTHERWISE = re.compile(
    r"(?<![a-z])(?:vid|video|det|loc|best|last|latest|final|epochs?_?\d{2,}|iters?_?\d+)(?![a-z])",
    re.IGNORECASE,
)


def reads_imagenet_file(flow: Flow, call: LoadCall) -> bool:
    """Whether what is loaded comes from a file whose path says that it is of ImageNet.

    Whoever trains on ImageNet goes on with such a file as well, but loads all of it.
    """
    if call.strict or is_resumed(flow, call):
        return False
    read = [
        value.spot
        for node in call.weights
        for value in flow.values(node)
        if isinstance(value, Weights) and value.kind == "file"
    ]
    return bool(read) and all(
        isinstance(spot.node, ast.Call)
        and bool(spot.node.args)
        and _is_of_imagenet(list(_paths(flow, spot.function.module, spot.node.args[0])))
        for spot in read
    )


def _is_of_imagenet(paths: list[str]) -> bool:
    return bool(paths) and all(
        _OF_CLASSIFIER.search(path)
        and not _OTHERWISE.search(path)
        and not is_named_after_task(path)
        for path in paths
    )


def _paths(flow: Flow, module: Module, expr: ast.expr) -> Iterator[str]:
    """What a path may be: one text for all that stands in the expression, or some for a name."""
    name = dotted(expr)
    if name is None:
        texts = (node.value for node in walk(expr) if isinstance(node, ast.Constant))
        yield "/".join(text for text in texts if isinstance(text, str))
    elif "." in name:
        yield from script_options.defaults(flow, module, name.rpartition(".")[2])
    else:
        yield from _constants(module, name)


def _constants(module: Module, name: str) -> Iterator[str]:
    """The texts that a name of a module stands for; ``""`` where it may be anything else."""
    bound = 0
    for node in walk(module.tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=ast.Constant(value=str(text))) if (
                target == name
            ):
                bound -= 1
                yield text
            case ast.Name(id=target, ctx=ast.Store()) | ast.arg(arg=target) if target == name:
                bound += 1
            case _:
                pass
    if bound:
        yield ""
