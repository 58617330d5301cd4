"""Training that starts from a file of weights, and says so: ``load_pretrained(model, path)``.

That is said by the words of the load, of what reads the file, and of the calls that hand the
model to a helper; and by a download of the file, or a file that is always the same. It counts
only beside an optimizer: tests load finished models by the same helpers, which are for any
model. Where such a helper, or the script that loads the model, fills a part of it as well, the
training starts from that part, and all of the model is an option. And where the optimizer gets
its state there, the training goes on. Where no code restores any more than weights, no training
can go on, and a file that it is given is its start whatever it is called.
"""

from __future__ import annotations

import re

from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.values import Function, Instance
from bn2gn_codemod.survey.weights.entries.skipped_keys import kept_words
from bn2gn_codemod.survey.weights.evaluated.evaluations import Evaluations
from bn2gn_codemod.survey.weights.files.downloads import fetches_first
from bn2gn_codemod.survey.weights.resumed.restored_optimizers import restores_optimizer
from bn2gn_codemod.survey.weights.resumed.resumed_training import is_resumed
from bn2gn_codemod.survey.weights.starts.always_read_files import begins_with_file
from bn2gn_codemod.survey.weights.starts.loading_code import LoadingCode, Step
from bn2gn_codemod.survey.weights.starts.started_trainings import StartedTrainings
from bn2gn_codemod.survey.weights.starts.weights_alone import WeightsAlone

_START = re.compile(
    r"pre_?train|imagenet|fine_?tun|warm_?start|init(?:ial)?_from|"
    # ``args.init_1``, ``initial_weights``; not what initialises layers: ``init_weights(net)``
    r"\.init(?:ial)?(?:_?\d+|_model|_file|_path)?\b(?!\()|"
    r"\binit(?:ial)?_(?:weights?|checkpoint|ckpt|state\w*)\b(?!\()|"
    # What is asked of DeepSpeed for a training that does not go on.
    r"\bload_module_only=True|\bload_optimizer_states=False",
    re.IGNORECASE,
)
# What configs of toolboxes call such a file, for their own loaders; ``resume_from`` is the other.
_LOAD_FROM = re.compile(r"\bload_from\b")

_OPTIMIZER = re.compile(
    rb"\boptim\w*\.[A-Z]\w+\(|\b(?:SGD|AdamW?|RMSprop)\(|\.backward\(|\.zero_grad\(|"
    rb"\b(?:Trainer|Runner)\(|\.(?:fit\w*|fine_tune)\(",
)


class WarmStarts:
    """Tells the loads of whole models that scripts begin with."""

    def __init__(self, contents: Contents, call_sites: CallSites, evaluations: Evaluations) -> None:
        self._contents = contents
        self._flow = contents.flow
        self._call_sites = call_sites
        self._trainings = StartedTrainings(contents, evaluations)
        self._code = LoadingCode(contents.flow, call_sites, self._trainings)
        self._weights_alone = WeightsAlone(contents.flow)

    def is_one(self, call: LoadCall, value: Instance) -> bool:
        """Whether a training says that a model starts from what a call loads into it."""
        if is_resumed(self._flow, call):
            return False
        if restores_optimizer(call, value) and not self._code.is_for_the_model_alone(call, value):
            return False
        if self._is_one_part(call, value):
            return False
        return any(
            self._is_start(call, step) for step in self._code.steps(call, value)
        ) and not self._fills_part(call, value)

    def _is_start(self, call: LoadCall, step: Step) -> bool:
        function = step.function
        direct = self._trainings.direct(function, step.models)
        others = self._trainings.by_others(function, step.models)
        here = [node for where, node in step.reading if where is function]
        begins = (direct, others, self._trainings.loops(function, step.models))
        if not kept_words(call.spot.function, call.spot.node) and any(
            begins_with_file(function, begin, here, call, step.way) for begin in begins
        ):
            return True
        if self._weights_alone.begin(call, step, (*direct, *others)):
            return True
        if not (
            others or (direct and not step.is_its_own) or (step.is_its_own and may_train(function))
        ):
            return False
        return (
            _START.search(step.words) is not None
            or (call.loader and _LOAD_FROM.search(step.words) is not None)
            or any(fetches_first(self._flow, *one) for one in step.reading)
        )

    def _fills_part(self, call: LoadCall, value: Instance) -> bool:
        """Whether the same helper, or the code that hands it the model, loads a part alone."""
        function = call.spot.function
        callers = [caller for caller, _ in self._call_sites.of(function)]
        return any(
            self._is_part_of(value, other)
            for other in self._flow.load_calls
            if other.spot.function is function or other.spot.function in callers
        )

    def _is_one_part(self, call: LoadCall, value: Instance) -> bool:
        """Whether only the entries of one part are taken: ``if "trunk" in key: ...``"""
        words = kept_words(call.spot.function, call.spot.node)
        names = {name for _, name in self._contents.family_slots(value.class_)}
        return len(names.intersection(word.partition(".")[0] for word in words)) == 1

    def _is_part_of(self, value: Instance, other: LoadCall) -> bool:
        below = self._contents.below(value.class_)
        slots = self._contents.family_slots(value.class_)
        parts = {held for slot in slots for held in self._contents.of_slot[slot]}
        return any(
            held in parts or (isinstance(held, Instance) and held.class_ in below)
            for held in self._flow.values(other.receiver)
        )


def may_train(function: Function) -> bool:
    """Whether code beside a function trains something, by its text."""
    return _OPTIMIZER.search(function.module.source.data) is not None
