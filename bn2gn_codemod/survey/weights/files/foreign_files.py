"""Files that another framework wrote: as good as a URL where training begins with one.

Training in PyTorch writes none of them, so that none is of training that goes on. What only
turns such a file into one of PyTorch, or compares with it, says nothing of what is trained.
"""

from __future__ import annotations

import re

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.values import Weights
from bn2gn_codemod.survey.weights.evaluated.trained_after import is_trained_after

_OTHERS = re.compile(
    r"caffe\.Net|mxnet\.(?:nd|ndarray|model|gluon)\.(?:\w+\.)*load\w*|paddle\.load|"
    r"tensorflow\.(?:\w+\.)*(?:load_checkpoint|NewCheckpointReader)"
)


def starts_from_foreign_file(flow: Flow, call: LoadCall, weights: Weights) -> bool:
    """Whether what gets a file of another framework comes to an optimizer from there."""
    return is_foreign(weights.source) and is_trained_after(flow, call)


def is_foreign(source: str) -> bool:
    """Whether a function reads files of another framework."""
    return _OTHERS.fullmatch(source) is not None
