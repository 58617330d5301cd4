"""Which module classes hold which: the outline of the models, without building them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bn2gn_codemod.plan import ModuleClass, Part, Place, Site
from bn2gn_codemod.survey.known.library_models import library_model
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.values import Class, Instance, NormClass, NormLayer, Value


def outline(roles: RoleMap, sites: Iterable[Site]) -> tuple[ModuleClass, ...]:
    """The classes with norm layers below them, in the order of their places."""
    return _Outline(roles, frozenset(site.place for site in sites)).classes()


class _Outline:
    def __init__(self, roles: RoleMap, sites: frozenset[Place]) -> None:
        self._roles = roles
        self._sites = sites
        self._parts: dict[Class, list[Part]] = {}
        self._held: dict[Class, dict[Class, None]] = {}

    def classes(self) -> tuple[ModuleClass, ...]:
        candidates = {child: None for cls in self._roles.slots_of for child in cls.descendants()}
        for cls in candidates:
            self._look_at(cls)
        wanted = self._with_norms()
        places = {_place(cls) for cls in wanted}
        found = (
            ModuleClass(_place(cls), cls.name, tuple(_kept(self._parts[cls], places)))
            for cls in wanted
        )
        return tuple(sorted(found))

    def _look_at(self, cls: Class) -> None:
        by_name: dict[str, list[Value]] = {}
        for slot in self._roles.family_slots(cls):
            by_name.setdefault(slot[1], []).extend(self._roles.contents[slot])
        self._parts[cls] = [self._part(name, values) for name, values in by_name.items()]
        self._held[cls] = {
            value.class_: None
            for values in by_name.values()
            for value in values
            if isinstance(value, Instance)
        }

    def _part(self, name: str, values: list[Value]) -> Part:
        return Part(
            name,
            tuple(sorted(set(self._layers(values)))),
            tuple(dict.fromkeys(_place(v.class_) for v in values if isinstance(v, Instance))),
            tuple(dict.fromkeys(filter(None, map(library_model, values)))),
        )

    def _layers(self, values: list[Value]) -> Iterator[Place]:
        """The sites of the layers among the values: where their class is named for them."""
        for value in values:
            if isinstance(value, NormLayer):
                yield from self._site_of(value.norm)

    def _site_of(self, norm: NormClass) -> Iterator[Place]:
        seen, pending = {norm}, [norm]
        for one in pending:
            place = one.spot.place
            if place in self._sites:
                yield place
                return
            found = [parent for parent in one.parents if parent not in seen]
            seen.update(found)
            pending.extend(found)

    def _with_norms(self) -> dict[Class, None]:
        """The classes that hold a norm layer or a library's model, however deep."""
        holders: dict[Class, list[Class]] = {}
        for cls, held in self._held.items():
            for inner in held:
                holders.setdefault(inner, []).append(cls)
        start = [
            cls
            for cls, parts in self._parts.items()
            if any(part.layers or part.library for part in parts)
        ]
        found = dict.fromkeys(start)
        for cls in start:
            for holder in holders.get(cls, ()):
                if holder not in found:
                    found[holder] = None
                    start.append(holder)
        return found


def _kept(parts: Iterable[Part], places: set[Place]) -> Iterator[Part]:
    for part in parts:
        kept = part._replace(classes=tuple(place for place in part.classes if place in places))
        if kept.layers or kept.classes or kept.library:
            yield kept


def _place(cls: Class) -> Place:
    return cls.module.place(cls.node)
