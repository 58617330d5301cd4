"""What the code that loads a file calls it: ``cfg.MODEL.PRETRAINED_COCO``, ``pose_mpii.pth``.

A network that was trained for classification has no decoder. A file that is named after a data
set of detection, segmentation or pose is that of a model which was trained for the task. So is
one that a method reads which is named after the task, or only if its name has such a word, or
if it is said not to be ImageNet's.
"""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.statements.guarding_tests import guarding_tests
from bn2gn_codemod.survey.syntax.nodes import given_arguments, walk
from bn2gn_codemod.survey.values import Function

_TASK = re.compile(
    r"(?<![a-z])(?:coco|mpii|h36m|human36m?|crowdpose|cityscapes|ade20k|pascal|voc|kitti|nuscenes|"
    r"lvis|objects365|openimages|widerface|culane|tusimple)(?![a-z])",
    re.IGNORECASE,
)
# The tasks themselves, in the name of a function.
_FOR_TASK = re.compile(
    r"(?<![a-z])(?:pose|keypoints?|detector|detection|segmentation)(?![a-z])", re.IGNORECASE
)
_IMAGENET = re.compile(r"image?net|imgnet", re.IGNORECASE)
_FILE = re.compile(
    r"pretrain|weight|checkpoint|ckpt|snapshot|\.(?:pth|pt|tar|pkl)\b", re.IGNORECASE
)


def file_of_a_task(call: LoadCall, call_sites: CallSites) -> str:
    """The words by which the code that loads, or calls it, names the file of a task's model."""
    function, load = call.spot.function, call.spot.node
    sites = call_sites.of(function)
    handed = [argument for _, site in sites for argument in given_arguments(site)]
    for expr in ([load] if load is not None else []) + handed:
        for part in walk(expr):
            words = _words(part)
            if words and _TASK.search(words) and _FILE.search(words):
                return words
    name = function.name.rpartition(".")[2]
    if _FOR_TASK.search(name) and _FILE.search(name):
        return name
    declined = _not_of_imagenet(function, load)
    if declined:
        return declined
    loads = [(function, load)] if isinstance(load, ast.Call) else []
    for around, one in (*loads, *sites):
        for test in guarding_tests(around, one):
            for part in walk(test):
                words = _asked(part, one)
                if words:
                    return words
    return ""


def _not_of_imagenet(function: Function, load: ast.AST | None) -> str:
    """The test on ImageNet's files that fails where a load runs: ``if imagenet: ... else: ...``."""
    for node in walk(function.node):
        match node:
            case ast.If(test=ast.Name() | ast.Attribute() as test, orelse=orelse) if any(
                load in walk(other) for other in orelse
            ):
                if _IMAGENET.search(ast.unparse(test)):
                    return f"not {ast.unparse(test)}"
    return ""


def is_named_after_task(words: str) -> bool:
    """Whether words have a data set of detection, segmentation or pose in them."""
    return _TASK.search(words) is not None


def _asked(test: ast.AST, call: ast.Call) -> str:
    """``'mpii' in pretrained``, where ``pretrained`` is a file's name, or what is handed over."""
    match test:
        case ast.Compare(
            left=ast.Constant(value=str(text)), ops=[ast.In()], comparators=[name]
        ) if _TASK.search(text):
            words = ast.unparse(name)
            is_handed = any(
                _words(part) == words for one in given_arguments(call) for part in walk(one)
            )
            is_file = is_handed or _FILE.search(words)
            return f"{text!r} in {words}" if is_file else ""
        case _:
            return ""


def _words(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Attribute() | ast.Name():
            return ast.unparse(node)
        case _:
            return ""
