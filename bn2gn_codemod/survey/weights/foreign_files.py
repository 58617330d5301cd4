"""Files that another framework wrote: as good as a URL where training begins with one.

Training in PyTorch writes none of them, so that none is of training that goes on. What only
turns such a file into one of PyTorch says nothing of what is trained.
"""

from __future__ import annotations

import re

from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.values import Weights
from bn2gn_codemod.survey.weights.evaluations import trains

_OTHERS = re.compile(
    r"caffe\.Net|mxnet\.(?:nd|ndarray|model|gluon)\.(?:\w+\.)*load\w*|paddle\.load|"
    r"tensorflow\.(?:\w+\.)*(?:load_checkpoint|NewCheckpointReader)"
)


def starts_from_foreign_file(call: LoadCall, weights: Weights) -> bool:
    """Whether code that trains loads what a file of another framework gives."""
    return _OTHERS.fullmatch(weights.source) is not None and trains(call.spot.module)
