"""Files that a training is given where code keeps nothing of a training but the model's weights.

``if args.checkpoint: net.load_state_dict(torch.load(args.checkpoint))``, and then the optimizer.
What goes on with a training restores its optimizer, or at least knows the epoch. Where the code
saves the weights of models, and no code saves or reads anything else, nothing can go on: what is
loaded there, before a training, is where that begins. So it is with a file that is said to be of
weights, and no checkpoint: ``args.weights``.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.values import Instance
from bn2gn_codemod.survey.weights.resumed.resumed_training import is_said_to_go_on
from bn2gn_codemod.survey.weights.starts.loading_code import Step
from bn2gn_codemod.survey.weights.starts.trainings_after import AfterLoad

_KEEPS_WEIGHTS = re.compile(rb"\bsave\w*\([^\n]*state_dict\(\)")
# What a training is resumed with, by code of the repository or by a library that drives it.
_KEEPS_MORE = re.compile(
    rb"\b\w*(?:opt|sched|scaler)\w*(?:\[[^\]\n]*\]|\.\w+|\(\))*\.(?:load_)?state_dict\b|"
    rb"['\"](?:\w*optim\w*|\w*sched\w*|opt|scaler)['\"]\s*\]|"
    rb"['\"](?:(?:start|last|cur\w*|best|global)_)?(?:epoch|iter|iteration|step)['\"]\s*[\]:]|"
    rb"\.get\(\s*['\"]\w*(?:epoch|iter|iteration|step)['\"]|"
    rb"\bsave\([^\n]*optim|\b(?:save|load)_state\(|"
    rb"^[ \t]*(?:from|import)[ \t]+(?:pytorch_lightning|lightning|mmcv|mmengine|detectron2|fvcore|"
    rb"ignite|deepspeed|fastai|transformers|catalyst)\b",
    re.MULTILINE,
)
# The file is one of the training's own: ``"net_%d.pth" % args.start_epoch``
_OF_TRAINING = re.compile(r"epoch|\biters?\b|iteration|step|\blast|latest|contin", re.IGNORECASE)
# The file has weights alone, by what it is called: ``args.weights``, ``cfg.load_weights``.
_OF_WEIGHTS = re.compile(r"\w\.(?:load_|model_)?weights(?:_file|_path)?\b(?!\()", re.IGNORECASE)


class WeightsAlone:
    """Tells the loads that a training begins with for want of anything that goes on."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def begin(self, call: LoadCall, step: Step, trainings: Iterable[ast.Call]) -> bool:
        """Whether one of the trainings comes after the load, and nothing else is restored."""
        function, site = step.way[-1]
        is_made_here = any(
            isinstance(model, Instance)
            and model.spot is not None
            and model.spot.function is function
            for model in step.models
        )
        after = AfterLoad(function, site, is_made_here, [node for _, node in step.reading])
        return (
            any(map(after.begins, trainings))
            and _OF_TRAINING.search(step.words) is None
            and (self._are_kept_alone or _OF_WEIGHTS.search(step.words) is not None)
            and not is_said_to_go_on(self._flow, call)
        )

    @functools.cached_property
    def _are_kept_alone(self) -> bool:
        """Whether code saves weights, and none saves or restores more, by the text of all files."""
        read = (module.source for module in self._flow.modules)
        files = [*read, *self._flow.unread, *self._flow.left_out]
        return any(_KEEPS_WEIGHTS.search(file.data) for file in files) and not any(
            _KEEPS_MORE.search(file.data) for file in files
        )
