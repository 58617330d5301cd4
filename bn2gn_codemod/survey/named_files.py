"""What the code that loads a file calls it: ``cfg.MODEL.PRETRAINED_COCO``, ``pose_mpii.pth``.

A network that was trained for classification has no decoder. A file that is named after a data
set of detection, segmentation or pose is that of a model which was trained for the task.
"""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.call_sites import CallSites
from bn2gn_codemod.survey.flow import LoadCall
from bn2gn_codemod.survey.syntax import walk

_TASK = re.compile(
    r"(?<![a-z])(?:coco|mpii|h36m|human36m?|crowdpose|cityscapes|ade20k|pascal|voc|kitti|nuscenes|"
    r"lvis|objects365|openimages|widerface|culane|tusimple)(?![a-z])",
    re.IGNORECASE,
)
_FILE = re.compile(
    r"pretrain|weight|checkpoint|ckpt|snapshot|\.(?:pth|pt|tar|pkl)\b", re.IGNORECASE
)


def file_of_a_task(call: LoadCall, call_sites: CallSites) -> str:
    """The words by which the code that loads, or calls it, names the file of a task's model."""
    own = [call.spot.node] if call.spot.node is not None else []
    handed = [
        argument
        for _, site in call_sites.of(call.spot.function)
        for argument in (*site.args, *(keyword.value for keyword in site.keywords))
    ]
    for expr in (*own, *handed):
        for part in walk(expr):
            words = _words(part)
            if words and _TASK.search(words) and _FILE.search(words):
                return words
    return ""


def _words(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Attribute() | ast.Name():
            return ast.unparse(node)
        case _:
            return ""
