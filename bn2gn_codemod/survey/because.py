"""A role and the argument for it."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import NamedTuple

from bn2gn_codemod.survey.syntax.nodes import mangled
from bn2gn_codemod.survey.values import Class

Slot = tuple[Class, str]  # an attribute of a class; "*" for unknown names


class Role(enum.Enum):
    """What a layer is for."""

    BACKBONE = "backbone"
    NEW = "new"
    UNDECIDED = "undecided"  # something speaks for both
    DOUBT = "doubt"  # part of a model of which nothing says what is pretrained

    __hash__ = object.__hash__  # each is there once; that of enums is slow


class Because(NamedTuple):
    """A role, in words that a reviewer can check, and what it follows from."""

    role: Role
    words: str
    after: Because | None = None
    # It may as well come from a mix-up of many models: nothing is new beside it.
    vague: bool = False
    # It is so for one of many classes, and nothing says for which.
    is_guess: bool = False

    def guess(self) -> list[str]:
        """The step that is a guess, if one is: all that follows from it is one, too."""
        steps: list[str] = []
        step: Because | None = self
        while step is not None and step.is_guess:
            steps = [step.words]
            step = step.after
        return steps

    def chain(self) -> list[str]:
        """The whole argument, nearest step first."""
        steps: list[str] = []
        step: Because | None = self
        while step is not None:
            steps.append(step.words)
            step = step.after
        return steps


Roles = dict[Role, Because]


def together(first: Roles, second: Roles) -> Roles:
    """The roles of both; of two arguments for one, the first that is no guess."""
    found = {**second, **first}
    for role, because in second.items():
        if found[role].is_guess and not because.is_guess:
            found[role] = because
    return found


def told(note: str, because: Iterable[Because]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a site says, and the whole chain of evidence."""
    reasons = [note] if note else []
    evidence = list(reasons)
    for one in because:
        chain = one.chain()
        is_said = chain[-1] in chain[0]
        steps = [chain[0], *one.guess(), *([] if is_said else chain[-1:])]
        reasons.append("; ".join(dict.fromkeys(steps)))
        evidence.extend(chain)
    return tuple(dict.fromkeys(reasons)), tuple(dict.fromkeys(evidence))


def shown(slot: Slot) -> str:
    """An attribute as people write it: ``DLASeg.base``."""
    cls, name = slot
    return f"{cls.name}'s children" if name == "*" else f"{cls.name}.{name}"


def module_name(slot: Slot) -> str:
    """What ``named_modules`` calls an attribute: ``_Net__stem`` for ``__stem`` of ``Net``."""
    return mangled(slot[0].node.name, slot[1])
