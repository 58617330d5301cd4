"""What code does to a model's layers, and what it comes to for the backbone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

from bn2gn_codemod.survey.known.families import has_new_word

WRAPPERS = ("module", "_orig_mod")
ELEMENT = "[...]"  # some layer of a container of layers


class Part(NamedTuple):
    """Something below the model: a module, each of its modules or parameters, one by one."""

    path: tuple[str, ...]
    what: str = "module"

    @property
    def is_wrapped(self) -> bool:
        """Whether it is a parallel wrapper: the names of all modules below start with its own."""
        return self.path[-1:] == WRAPPERS[:1]


class Condition(NamedTuple):
    """A test that decides which layers are meant."""

    kind: Literal["norm", "norm2d", "words", "classes", "pattern", "has", "option", "unknown"]
    positive: bool = True
    # What a name must hold, or that of a class for ``classes``; the attribute of ``has``.
    words: frozenset[str] = frozenset()
    anchored: str = ""  # what a name must start with
    pattern: re.Pattern[str] | None = None
    node: ast.expr | None = None
    module_path: str = ""  # of the file that the test of an option stands in


class Effect(NamedTuple):
    """One ``eval()`` or ``requires_grad``, and the layers that it is for."""

    kind: Literal["eval", "train", "no gradient", "gradient"]
    part: Part
    conditions: tuple[Condition, ...]
    module_path: str  # of the file that it stands in
    node: ast.expr | ast.stmt | None = None  # the statement or call
    is_certain: bool = True  # that it does it, and not the opposite
    only: Literal["weight", "bias"] | None = None  # the layer's other one is left
    is_for_good: bool = False  # the layers are of a class that is never trained

    @property
    def is_for_norms(self) -> bool:
        """Whether only BatchNorm layers get past its conditions."""
        return any(c.kind in ("norm", "norm2d") and c.positive for c in self.conditions)

    @property
    def is_for_others(self) -> bool:
        """Whether no BatchNorm layer gets past its conditions."""
        return any(c.kind in ("norm", "norm2d") and not c.positive for c in self.conditions)

    @property
    def option(self) -> Condition | None:
        """The test of an option that decides whether it is done at all."""
        return next((c for c in self.conditions if c.kind == "option"), None)

    @property
    def test_for_2d(self) -> ast.expr | None:
        """The test that ``SyncBatchNorm`` escapes."""
        found = (c.node for c in self.conditions if c.kind == "norm2d")
        return next(found, None)


class Model(NamedTuple):
    """What is asked about: where a model's backbone is, and what else it has.

    ``parts`` are the names of its own attributes, ``is_wrapped`` says that its
    modules' names start with ``module.`` where the code runs, ``whole`` that
    all parameters of the backbone are to be frozen. ``classes`` are the names of
    the repository's classes that it is, or has in its backbone.
    """

    backbone: tuple[str, ...]
    parts: frozenset[str]
    is_wrapped: bool = False
    whole: bool = False
    classes: frozenset[str] = frozenset()


class Coverage(NamedTuple):
    """What a piece of code does to the backbone of a model."""

    evaluates: bool  # all of it is in eval mode afterwards
    stops_gradient: bool
    touches: bool  # some of it is in eval mode or without gradient
    misses: bool  # it freezes layers by names that the model does not have
    hidden: tuple[Effect, ...] = ()  # effects that it needs and SyncBatchNorm escapes

    @property
    def freezes(self) -> bool:
        """Eval mode and no gradient."""
        return self.evaluates and self.stops_gradient


def coverage(effects: Iterable[Effect], model: Model) -> Coverage:
    """What effects, in their order, come to for a model."""
    evaluated: dict[str, Effect] = {}
    stopped: dict[str, Effect] = {}
    halves: dict[str, set[str]] = {}  # which of weight and bias, where one was done alone
    touches, misses = False, False
    for effect in effects:
        kept = {"eval": evaluated, "train": evaluated}.get(effect.kind, stopped)
        for path in model.backbone:
            if effect.kind in ("train", "gradient"):
                if _overlaps(effect, path, model):
                    kept.pop(path, None)
            elif _covers(effect, path, model) and not (
                model.whole and effect.kind == "no gradient" and effect.is_for_norms
            ):
                if effect.only is not None:
                    done = halves.setdefault(path, set())
                    done.add(effect.only)
                    if len(done) < 2:
                        continue
                kept[path] = effect
        if effect.kind in ("eval", "no gradient"):
            touched = any(_overlaps(effect, path, model) for path in model.backbone)
            touches |= touched
            misses |= not touched and _names_nothing(effect, model)
    needed = {**evaluated, **stopped}.values()
    return Coverage(
        evaluates=len(evaluated) == len(model.backbone) > 0,
        stops_gradient=len(stopped) == len(model.backbone) > 0,
        touches=touches,
        misses=misses,
        hidden=tuple(dict.fromkeys(effect for effect in needed if effect.test_for_2d is not None)),
    )


def extent(effects: Iterable[Effect], model: Model) -> dict[str, str]:
    """By path, what is without gradient in the end: ``BatchNorm`` or ``everything``.

    Besides the backbone, parts of the model that are frozen as a whole.
    """
    effects = list(effects)
    heads = {path.split(".")[0] for path in model.backbone}
    named = {part for effect in effects for part in _bare(effect.part.path)[:1]}
    found: dict[str, str] = {}
    for path in (*model.backbone, *sorted((model.parts | named) - heads - {ELEMENT})):
        for effect in effects:
            if effect.kind == "gradient" and _overlaps(effect, path, model):
                found.pop(path, None)
            elif effect.kind == "no gradient" and _covers(effect, path, model):
                if not effect.is_for_norms and effect.only is None:
                    found[path] = "everything"
                elif path in model.backbone:
                    found.setdefault(path, "BatchNorm")
    return found


def thaws(effects: Iterable[Effect], model: Model) -> Effect | None:
    """The first of the effects that gives some of the backbone its gradients back."""
    return next(
        (
            effect
            for effect in effects
            if effect.kind == "gradient" and effect.is_certain
            if any(_overlaps(effect, path, model) for path in model.backbone)
        ),
        None,
    )


def wakes(effects: Iterable[Effect], model: Model) -> list[Effect]:
    """Effects that put layers of the backbone itself into train mode, and nothing undoes.

    Not ``train()`` of the model: that is a matter of the loop and its guard.
    """
    found: list[Effect] = []
    for effect in effects:
        if effect.kind == "eval" and all(_covers(effect, path, model) for path in model.backbone):
            found = []
        elif (
            effect.kind == "train"
            and effect.is_certain
            and (_bare(effect.part.path) or effect.is_for_norms)
            and not effect.is_for_others
            and any(_reaches_into(effect, path, model) for path in model.backbone)
        ):
            found.append(effect)
    return found


def _reaches_into(effect: Effect, path: str, model: Model) -> bool:
    """Whether an effect is for the backbone's part at ``path``, or for layers in it."""
    is_inside = len(_bare(effect.part.path)) >= len(_parts(path)) or effect.is_for_norms
    return is_inside and _overlaps(effect, path, model)


def without_options(effects: Iterable[Effect]) -> list[Effect]:
    """The effects, where every option says that they are wanted."""
    return [
        effect._replace(conditions=tuple(c for c in effect.conditions if c.kind != "option"))
        for effect in effects
    ]


def _covers(effect: Effect, path: str, model: Model) -> bool:
    model = _as_seen(effect, model)
    parts = _parts(path)
    given = _bare(effect.part.path)
    if given != parts[: len(given)]:
        return False
    if effect.part.what == "child" and any(c.kind != "has" for c in effect.conditions):
        return False  # only the layers of the first level are looked at
    return all(_holds(condition, path, given, model) for condition in effect.conditions)


def _as_seen(effect: Effect, model: Model) -> Model:
    """The model, wrapped where the effect goes over the modules of a wrapper around it."""
    return model._replace(is_wrapped=True) if effect.part.is_wrapped else model


def _holds(condition: Condition, path: str, given: list[str], model: Model) -> bool:
    """Whether a condition surely lets all of the backbone's part at ``path`` through."""
    if condition.kind in ("norm", "norm2d"):
        return condition.positive
    if condition.kind == "has":
        (name,) = condition.words
        return (name in model.parts) == condition.positive
    rest = ".".join(_parts(path)[len(given) :])
    # Names below a wrapper have its name in front, names below a part start there.
    names = [f"module.{rest}"] if model.is_wrapped and not given else [rest]
    if not given and "*" in rest:
        names = [name.replace("*", number) for name in names for number in ("1", "x")]
    if condition.kind == "pattern":
        assert condition.pattern is not None
        return condition.positive and all(
            condition.pattern.match(f"{name}.weight") is not None for name in names
        )
    if condition.kind == "words":
        if condition.anchored:
            start = condition.anchored.rstrip(".")
            if not condition.positive:
                return has_new_word(start)
            return all(name.startswith(start) for name in names)
        if not condition.positive:
            return all(has_new_word(word) for word in condition.words)
        return all(any(word in name for word in condition.words) for name in names)
    return False


def _overlaps(effect: Effect, path: str, model: Model) -> bool:
    """Whether an effect may reach some layer of the backbone's part at ``path``."""
    model = _as_seen(effect, model)
    parts, given = _parts(path), _bare(effect.part.path)
    if any(one not in (other, ELEMENT) for one, other in zip(given, parts, strict=False)):
        return False
    if any(c.kind == "classes" and not _may_be_of(c, model) for c in effect.conditions):
        return False
    return not any(
        condition.kind in ("has", "pattern", "words")
        and condition.positive
        and given == parts[: len(given)]
        and not _holds(condition, path, given, model)
        for condition in effect.conditions
    )


def _may_be_of(condition: Condition, model: Model) -> bool:
    """Whether classes that are asked for by name are some of the backbone's."""
    return not condition.positive or any(
        word in name for name in model.classes for word in condition.words
    )


def _names_nothing(effect: Effect, model: Model) -> bool:
    """Whether an effect is for layers by a name that the model does not have."""
    model = _as_seen(effect, model)
    given = _bare(effect.part.path)
    if given and given[0] not in model.parts and given[0] != ELEMENT:
        return True
    for condition in effect.conditions:
        if condition.kind == "words" and condition.positive and not given:
            if condition.anchored and (
                condition.anchored.startswith("module.") != model.is_wrapped
            ):
                return True
            words = condition.words or {condition.anchored}
            heads = {word.removeprefix("module.").split(".")[0] for word in words}
            if not any(head in part for head in heads for part in model.parts):
                return True
        if condition.kind == "pattern" and condition.positive and not given:
            assert condition.pattern is not None
            prefix = "module." if model.is_wrapped else ""
            if not any(condition.pattern.match(f"{prefix}{part}.") for part in model.parts):
                return True
    return False


def _parts(path: str) -> list[str]:
    """Where a part of the backbone is, below the wrappers; a backbone that is named like one."""
    parts = path.split(".")
    return _bare(parts) or parts[-1:]


def _bare(path: Iterable[str]) -> list[str]:
    """A path without the wrappers in it."""
    found = [part for part in path if part not in WRAPPERS]
    while len(found) > 1 and found[0] == "model":
        found = found[1:]
    return found
