"""What the classes of models do themselves to keep their backbones as they are."""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.freezing.code import FreezingCode
from bn2gn_codemod.survey.freezing.effects import Coverage, Effect, Part, coverage
from bn2gn_codemod.survey.training.models import TrainedModels
from bn2gn_codemod.survey.values import Class


class SelfFreezing:
    """Follows constructors, and ``train()``."""

    def __init__(self, models: TrainedModels, code: FreezingCode) -> None:
        self._models = models
        self._code = code
        self._when_made: dict[Class, list[Effect]] = {}

    def freezes_itself(self, cls: Class) -> bool:
        """Whether the class freezes its backbone when it is made, and keeps it so."""
        return self.keeps_eval(cls) and self._stops_gradient_when_made(cls)

    def _stops_gradient_when_made(self, cls: Class) -> bool:
        owners = self._models.owners(cls)
        return bool(owners) and all(
            self._method_coverage(owner, "__init__").stops_gradient for owner in owners
        )

    def freezes_in_train(self, cls: Class) -> bool:
        """Whether ``train()`` of the model, or of a backbone in it, freezes some of it.

        That may hang on options, and comes after the optimizer.
        """
        owners = dict.fromkeys([cls, *self._models.owners(cls)])
        if any(self._method_coverage(owner, "train").touches for owner in owners):
            return True
        return any(
            effect.kind in ("eval", "no gradient") and effect.is_certain
            for part in self._models.with_backbones([cls])
            if part not in owners
            for effect in self._effects_of_method(part, "train")
        )

    def stops_gradient_inside(self, cls: Class) -> bool:
        """Whether what the backbone is built of stops gradients of its own BatchNorm.

        ``for p in self.bn1.parameters(): p.requires_grad = False`` in a block's constructor:
        that may be all of it or not, and never is the mode.
        """
        return any(
            effect.kind == "no gradient"
            and effect.is_certain
            and not effect.conditions
            and effect.part.path[:1] == (attribute,)
            for part, attributes in self._models.norms_inside(cls).items()
            for effect in (self._effects_when_made(part) if attributes else ())
            for attribute in attributes
        )

    def _effects_when_made(self, cls: Class) -> list[Effect]:
        """What the constructor of a class does to its parts."""
        known = self._when_made.get(cls)
        if known is None:
            known = self._when_made[cls] = self._effects_of_method(cls, "__init__")
        return known

    def keeps_eval(self, cls: Class) -> bool:
        """Whether ``train()`` of the class, or of the owner inside, keeps the backbone in eval."""
        if self._method_coverage(cls, "train").evaluates:
            return True
        owners = self._models.owners(cls)
        return bool(owners) and all(
            self._method_coverage(owner, "train").evaluates for owner in owners
        )

    def _method_coverage(self, cls: Class, name: str) -> Coverage:
        return coverage(self._effects_of_method(cls, name), self._models.model(cls))

    def _effects_of_method(self, cls: Class, name: str) -> list[Effect]:
        function = cls.find_method(name)
        if function is None or isinstance(function.node, (ast.Module, ast.Lambda)):
            return []
        roots = {"self": Part(())}
        return self._code.effects(function.node.body, function, roots, [cls])
