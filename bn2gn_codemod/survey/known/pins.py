"""Names from the settings that decide what a class or an attribute is for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

from bn2gn_codemod.problem import Problem
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.survey.values import Class


class Pins(NamedTuple):
    """The patterns of one setting: classes, attributes, dotted paths, globs of them."""

    patterns: tuple[str, ...]
    settings: Settings
    field: str  # of the settings

    @classmethod
    def of(cls, settings: Settings, field: Literal["backbone", "convert"]) -> Pins:
        """The patterns that a setting lists."""
        return cls(getattr(settings, field), settings, field)

    def match(self, cls: Class, attribute: str | None) -> str | None:
        """The pattern that names the class (``None``) or its attribute."""
        if not self.patterns:
            return None
        names = _names(cls, attribute)
        for pattern in self.patterns:
            if any(fnmatchcase(name, pattern) for name in names):
                return pattern
        return None

    def check_apart(self, other: Pins) -> None:
        """Raise ``Problem`` for a pattern that another setting lists as well."""
        for pattern in self.patterns:
            if pattern in other.patterns:
                named = self.settings.named(self.field, pattern)
                raise Problem(f"{named} stands in {other.field}, too; take it out of one of them")

    def check(self, things: Iterable[tuple[Class, str | None]]) -> None:
        """Raise ``Problem`` for the first pattern that names none of ``things``."""
        if not self.patterns:
            return
        known = {name for cls, attribute in things for name in _names(cls, attribute)}
        for pattern in self.patterns:
            if not any(fnmatchcase(name, pattern) for name in known):
                raise Problem(_unmatched(self.settings.named(self.field, pattern), pattern, known))


def _unmatched(named: str, pattern: str, known: set[str]) -> str:
    text = f"{named} names no class or attribute of this repository"
    wanted = pattern.lower().strip("*.")
    spelled = {name.lower(): name for name in sorted(known, reverse=True)}
    import difflib  # only for a message

    close = difflib.get_close_matches(wanted, spelled, n=1, cutoff=0.5)
    if close:
        return f"{text}; did you mean {spelled[close[0]]!r}?"
    return f"{text}; name one as in 'ResNet', 'PoseResNet.base_layer' or 'lib.models.dla.DLA'"


def setting_name(cls: Class, attribute: str | None, is_only_one: bool) -> str:
    """How a setting names a class or an attribute, where no other class may be meant."""
    name = cls.name if is_only_one else f"{_module(cls)}.{cls.name}"
    return name if attribute is None else f"{name}.{attribute}"


def _names(cls: Class, attribute: str | None) -> tuple[str, ...]:
    return tuple(_spellings(cls, attribute))


def _spellings(cls: Class, attribute: str | None) -> Iterator[str]:
    module = _module(cls)
    if attribute is None:
        yield from (cls.name, f"{module}.{cls.name}", module)
    else:
        yield from (f"{cls.name}.{attribute}", f"{module}.{cls.name}.{attribute}")
        if attribute != "*":
            yield attribute


def _module(cls: Class) -> str:
    return cls.path[: -len(".py")].replace("/", ".").removesuffix(".__init__")
