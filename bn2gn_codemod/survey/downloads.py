"""Files of weights that code downloads for itself: as good as a URL, and no training's own."""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.flow import Flow
from bn2gn_codemod.survey.newest_value import newest_value
from bn2gn_codemod.survey.syntax import call_name, walk
from bn2gn_codemod.survey.values import FunctionValue, Weights

# Files that only fetch are not read by the survey, so that the name of a function has to do.
_DOWNLOADS = re.compile(r"download_url_to_file$|hf_hub_download$|cached_download$|\w*from_url$")


def is_downloaded(flow: Flow, weights: Weights) -> bool:
    """Whether what is read is a file that the call's argument downloads.

    ``torch.load(hf_hub_download(...))``, ``torch.load(fetch(url))`` where ``fetch`` calls
    ``download_url_to_file``.
    """
    call = weights.spot.node
    if not isinstance(call, ast.Call) or not call.args:
        return False
    path: ast.expr | None = call.args[0]
    if isinstance(path, ast.Name):
        path = newest_value(weights.spot.function.node, call, path)
    if not isinstance(path, ast.Call):
        return False
    return _is_download(path) or any(
        isinstance(value, FunctionValue) and _downloads(value.function.node)
        for value in flow.value_of(path.func)
    )


def _downloads(function: ast.AST) -> bool:
    return any(isinstance(one, ast.Call) and _is_download(one) for one in walk(function))


def _is_download(call: ast.Call) -> bool:
    return _DOWNLOADS.match(call_name(call) or "") is not None
