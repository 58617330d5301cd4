"""Files that another framework wrote: as good as a URL where training begins with one.

Training in PyTorch writes none of them, so that none is of training that goes on. What only
turns such a file into one of PyTorch says nothing of what is trained.
"""

from __future__ import annotations

import re

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.values import Weights
from bn2gn_codemod.survey.weights.evaluations import trains

_OTHERS = re.compile(
    r"caffe\.Net|mxnet\.(?:nd|ndarray|model|gluon)\.(?:\w+\.)*load\w*|paddle\.load|"
    r"tensorflow\.(?:\w+\.)*(?:load_checkpoint|NewCheckpointReader)"
)


def starts_from_foreign_file(flow: Flow, call: LoadCall, weights: Weights) -> bool:
    """Whether code that trains comes to a load of what a file of another framework gives."""
    return _OTHERS.fullmatch(weights.source) is not None and _is_for_training(flow, call)


def _is_for_training(flow: Flow, call: LoadCall) -> bool:
    sites = CallSites(flow)
    functions = [call.spot.function]
    for function in functions:
        if trains(function.module):
            return True
        functions.extend(caller for caller, _ in sites.of(function) if caller not in functions)
    return False
