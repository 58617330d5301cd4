"""Backbones that a toolbox makes of a config: ``self.backbone = build_backbone(cfg)``.

Such a toolbox has its own ways to fill a whole model as well: ``load_checkpoint(model,
cfg.load_from)``, and a runner that does so for each model that is registered with it.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.known.library_models import is_built_backbone
from bn2gn_codemod.survey.values import Class, Instance
from bn2gn_codemod.survey.weights.evaluations import Evaluations


class BuiltBackbones:
    """Tells what may fill all of a model around such a backbone."""

    def __init__(self, contents: Contents, evaluations: Evaluations) -> None:
        self._contents = contents
        self._evaluations = evaluations
        self._known: dict[Class, str] = {}

    def filled_by(self, cls: Class) -> str:
        """In words, what may load a model that such a backbone is in; ``""``: nothing."""
        if cls not in self._known:
            self._known[cls] = self._filled_by(cls) if self._has_one(cls) else ""
        return self._known[cls]

    def _has_one(self, cls: Class) -> bool:
        return any(
            is_built_backbone(value)
            for one in (cls, *self._contents.below(cls))
            for slot in self._contents.family_slots(one)
            for value in self._contents.of_slot[slot]
        )

    def _filled_by(self, cls: Class) -> str:
        around = dict.fromkeys((*cls.ancestors(), *cls.descendants()))
        pending = list(around)
        for one in pending:
            for holder, _ in self._contents.holders.get(one, ()):
                if holder not in around:
                    around[holder] = None
                    pending.append(holder)
        for one in around:
            if _is_registered(one):
                return f"what {one.name} is registered with"
        flow = self._contents.flow
        for call in flow.load_calls:
            is_around = any(
                isinstance(value, Instance) and value.class_ in around
                for value in flow.values(call.receiver)
            )
            if call.loader and is_around and not self._evaluations.only_evaluates(call.spot.module):
                return f"{call.loader} ({call.spot.where})"
        return ""


def _is_registered(cls: Class) -> bool:
    """``@DETECTORS.register_module()``"""
    return any("register" in ast.unparse(one) for one in cls.node.decorator_list)
