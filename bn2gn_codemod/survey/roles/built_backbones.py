"""Backbones that a toolbox makes of a config: ``self.backbone = build_backbone(cfg)``.

Such a toolbox has its own ways to fill a whole model as well: ``load_checkpoint(model,
cfg.load_from)``, a runner that does so for each model that it is handed or that is registered
with it, and the ``init_cfg`` of its base classes. So what may fill all of such a model leaves
open what stands beside the backbone, and so does what is not known to leave the model alone.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Collection, Iterator

from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.known.library_models import is_built_backbone
from bn2gn_codemod.survey.syntax.nodes import call_name, given_arguments
from bn2gn_codemod.survey.values import Class, ClassValue, External, Instance, Spot
from bn2gn_codemod.survey.weights.evaluated.evaluations import Evaluations
from bn2gn_codemod.survey.weights.read_loads import read_load
from bn2gn_codemod.survey.weights.resumed.restored_optimizers import restores_optimizer
from bn2gn_codemod.survey.weights.resumed.resumed_training import is_resumed

# Decorators that hand a class to nobody.
_KEEPS_TO_ITSELF = re.compile(
    r"(?:(?:dataclasses\.)?dataclass|(?:functools\.)?total_ordering|(?:typing\.)?final|"
    r"(?:torch\.)?jit\.script)\b"
)
# Base classes that load nothing by themselves.
_BARE_BASE = re.compile(r"torch\.nn\.|object$|(?:abc\.)?ABC$|(?:.*\.)?LightningModule$")
# What trains a model from the file that its config names.
_RUNNER = re.compile(r"(?:.*\.)?(?:\w*[Rr]unner|train_\w+)$")
_REGISTERS = re.compile(r"regist", re.IGNORECASE)


class BuiltBackbones:
    """Tells what may fill all of a model around such a backbone."""

    def __init__(self, contents: Contents, evaluations: Evaluations) -> None:
        self._contents = contents
        self._flow = contents.flow
        self._evaluations = evaluations
        self._known: dict[Class, str] = {}

    def filled_by(self, cls: Class) -> str:
        """In words, what may load a model that such a backbone is in; ``""``: nothing."""
        if cls not in self._known:
            fillers = self._fillers(self._around(cls)) if self._has_one(cls) else iter(())
            self._known[cls] = next(fillers, "")
        return self._known[cls]

    def _has_one(self, cls: Class) -> bool:
        return any(
            is_built_backbone(value)
            for one in (cls, *self._contents.below(cls))
            for slot in self._contents.family_slots(one)
            for value in self._contents.of_slot[slot]
        )

    def _around(self, cls: Class) -> Collection[Class]:
        """The class, its kin, and whatever holds one of them."""
        around = dict.fromkeys((*cls.ancestors(), *cls.descendants()))
        pending = list(around)
        for one in pending:
            for holder, _ in self._contents.holders.get(one, ()):
                if holder not in around:
                    around[holder] = None
                    pending.append(holder)
        return around

    def _fillers(self, around: Collection[Class]) -> Iterator[str]:
        for one in around:
            if _is_handed_on(one):
                yield f"what {one.name} is registered with"
            base = _filling_base(one)
            if base:
                yield f"{base}, which {one.name} extends,"
        for load in self._flow.load_calls:
            if self._starts(load, around):
                yield f"{load.loader or 'a load'} ({load.spot.where})"
        for spot, call in self._handing:
            if any(value.class_ in around for value in self._handed(call)):
                yield f"{ast.unparse(call.func)} ({spot.where})"

    def _starts(self, call: LoadCall, around: Collection[Class]) -> bool:
        """Whether a load is into a model, and may be what its training starts from."""
        models = [
            value
            for value in self._flow.values(call.receiver)
            if isinstance(value, Instance) and value.class_ in around
        ]
        if not models or self._evaluations.only_evaluates(call.spot.module):
            return False
        if call.loader:
            return True
        return (
            read_load(self._flow, call) is not None
            and not is_resumed(self._flow, call)
            and not all(restores_optimizer(call, value) for value in models)
        )

    @functools.cached_property
    def _handing(self) -> list[tuple[Spot, ast.Call]]:
        """The calls of runners, and those by which something is registered."""
        return [
            (Spot(function.module, call, function), call)
            for function, calls in self._flow.calls_in.items()
            for _, call in calls
            if _REGISTERS.search(ast.unparse(call.func))
            or (self._is_runner(call) and not self._evaluations.only_evaluates(function.module))
        ]

    def _handed(self, call: ast.Call) -> Iterator[ClassValue | Instance]:
        """The classes that a call is handed, and the objects if it is a runner."""
        is_runner = self._is_runner(call)
        for given in _given(call):
            for value in self._flow.value_of(given):
                if isinstance(value, ClassValue) or (is_runner and isinstance(value, Instance)):
                    yield value

    def _is_runner(self, call: ast.Call) -> bool:
        """Whether a call makes, or is, a runner of a library, or one that extends such a one."""
        names: list[str] = []
        callees = list(self._flow.value_of(call.func))
        for callee in callees:
            if isinstance(callee, ClassValue):
                names += [base for one in callee.class_.ancestors() for base in one.external_bases]
            elif isinstance(callee, External):
                names.append(callee.name)
        if not callees:
            names.append(call_name(call))
        return any(map(_RUNNER.match, names))


def _is_handed_on(cls: Class) -> bool:
    """``@DETECTORS.register_module()``, or what may do the same"""
    return any(
        not _KEEPS_TO_ITSELF.match(ast.unparse(decorator)) for decorator in cls.node.decorator_list
    )


def _filling_base(cls: Class) -> str:
    """A base class that may load what extends it, as those of a toolbox do."""
    if cls.has_open_base:
        return "a class that is not known"
    return next((base for base in cls.external_bases if not _BARE_BASE.match(base)), "")


def _given(call: ast.Call) -> Iterator[ast.expr]:
    """What a call is handed, also in a dict: ``build_runner(cfg, default_args=dict(model=net))``"""
    for given in given_arguments(call):
        yield given
        if isinstance(given, ast.Call) and call_name(given) == "dict":
            yield from given_arguments(given)
        elif isinstance(given, ast.Dict):
            yield from given.values
