"""Whether what the generated pattern matches is all backbone, in every model it may meet."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bn2gn_codemod.generated.freezing import FREEZE, pattern_of
from bn2gn_codemod.plan import Site, Verdict
from bn2gn_codemod.survey.because import Role, Slot, module_name, shown
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import (
    builds_part,
    holds_library_norms,
    is_built_backbone,
    part_with_norms,
    takes_norm_config,
)
from bn2gn_codemod.survey.known.local_norms import is_torch_norm
from bn2gn_codemod.survey.norms.sites import Decided
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.training.models import Names
from bn2gn_codemod.survey.training.unfollowed_parts import UnfollowedParts
from bn2gn_codemod.survey.values import Class, ExternalObject, Instance, NormLayer, Value

_DEEPEST = 4  # attributes in a path; what lies deeper was not understood


class _Matched(NamedTuple):
    """Something that a pattern matches: ``kept`` is pretrained for certain."""

    slot: Slot
    kept: bool
    layer: NormLayer | None = None
    part: Slot | None = None  # of the model, that the pattern takes it for
    put_in: str = ""  # the line that puts it into a network, or makes it there
    named: Slot | None = None  # a backbone by its name alone, in what is new or undecided


def _not_seen(found: list[_Matched]) -> str:
    """Why the layers of a class that is no ``_BatchNorm`` of torch would not be frozen.

    Where the same line makes either, as the version of torch has it, the other one is.
    """
    layers = [one.layer for one in found if one.layer is not None]
    seen = {one.spot.node for one in layers if is_torch_norm(one.norm.norm, one.norm.local_class)}
    for layer in layers:
        if layer.spot.node not in seen:
            words = f"{layer.norm.norm} ({layer.spot.where}) is no _BatchNorm of torch.nn"
            return f"{words}, so {FREEZE} would not see it: freeze it by hand"
    return ""


class FreezingCertainty:
    """Objections to freezing what a pattern matches."""

    def __init__(
        self, roles: RoleMap, decided: Decided, whole: bool, missing: frozenset[Slot]
    ) -> None:
        """``missing`` are attributes of which the file may not be there, and that are left out."""
        self._missing = missing
        self._roles = roles
        self._parts = UnfollowedParts(roles)
        self._sites = {site.place: site for site in decided.sites}
        self._converted = decided.converted
        self._divided = decided.divided
        self._in_slot: dict[tuple[Slot, Role | None, Slot | None], list[_Matched]] = {}
        self._library_parts: dict[Slot, list[str]] = {}
        self._whole = whole  # everything that is matched is frozen, not BatchNorm alone

    def objection(self, models: Iterable[Class], others: Iterable[Class], names: Names) -> str:
        """Why ``names`` must not be frozen in models of these classes; ``""``: nothing speaks
        against it.

        ``others`` have no backbone, but the same code may be given one of them.
        """
        for path in names.backbone:
            if path.count(".") >= _DEEPEST:
                return f"which part of the model is the backbone is not clear ({path})"
        parts = self._parts
        models = list(models)
        for cls in models:
            reason = parts.unfollowed(cls, set(names.backbone)) or parts.keyed(cls, names)
            if reason:
                return reason
        others = list(others)
        for cls in others:
            reason = parts.unfilled(cls)
            if reason:
                return reason
        pattern = re.compile(pattern_of(names.backbone, names.wrappers))
        known: dict[_Matched, None] = {}
        for cls in dict.fromkeys([*models, *others]):
            for found in self._matched(cls, "", pattern, ()):
                if not found.kept:
                    part = shown(found.part or found.slot)
                    return f"it would freeze {part} as well, {self._why(found)}"
                known[found] = None
        kept = list(known)
        if not kept:
            return "no layer that is certain to be the backbone's lies there"
        for slot in dict.fromkeys(one.part or one.slot for one in kept):
            call = self._roles.made_without(slot)
            if call:
                return f"it would freeze {shown(slot)} as well, and {call} has no weights"
        return _not_seen(kept) or self._started_at_times(kept) or self._unstarted(kept)

    def _started_at_times(self, found: list[_Matched]) -> str:
        """Why what a toolbox builds of a config would be frozen without weights, at times.

        The config may name no others: ``if args.weights: load_checkpoint(net.backbone, ...)``.
        """
        for slot in dict.fromkeys(one.slot for one in found):
            for value in filter(is_built_backbone, self._roles.contents[slot]):
                is_open = self._roles.is_started_at_times(slot, value)
                if is_open and not self._roles.may_come_with_weights(slot):
                    words = f"{shown(slot)} is built of a config, and it is not seen that weights"
                    return f"{words} are always loaded into it: freeze it by hand where they are"
        return ""

    def _unstarted(self, found: list[_Matched]) -> str:
        """Why what a toolbox builds of a config, and nothing else, would not be frozen.

        The config may have weights for it or none: ``init_cfg=None``.
        """
        slots = dict.fromkeys(one.slot for one in found)
        for slot in slots:
            is_built = any(map(is_built_backbone, self._roles.contents[slot]))
            loads = self._roles.loads
            is_loaded = slot in loads.of_slot or any(map(loads.of_class.get, slot[0].ancestors()))
            if is_loaded or not is_built or not self._roles.is_only_named(slot):
                return ""
        for slot in slots:
            if not self._roles.may_come_with_weights(slot):
                words = f"{shown(slot)} is built of a config, and no weights for it are seen"
                return f"{words}: freeze it by hand where the config names some"
        return ""

    def passed_by(self, models: Iterable[Class], names: Names) -> tuple[str, ...]:
        """Parts inside of backbones that are not decided, where ``names`` leave them out."""
        pattern = re.compile(pattern_of(names.backbone, names.wrappers))
        found = (slot for cls in models for slot in self._left_out(cls, "", pattern, ()))
        return tuple(dict.fromkeys(map(shown, found)))

    def _left_out(
        self,
        cls: Class,
        prefix: str,
        pattern: re.Pattern[str],
        around: tuple[Class, ...],
        outer: Role | None = None,
    ) -> Iterator[Slot]:
        for slot in self._roles.family_slots(cls):
            name, own = prefix + slot[1], self._roles.own.get(slot)
            if slot[1] == "*" or pattern.match(name.replace("*", "1")):
                continue
            role = self._role(slot, outer)
            if slot in self._missing:
                yield slot
            elif outer is Role.BACKBONE and own is not None and own.role is not Role.BACKBONE:
                is_held = any(True for _ in self._layers(slot, role, set()))
                if own.role is not Role.NEW and is_held:
                    yield slot
            elif len(around) < _DEEPEST:
                for value in self._roles.contents[slot]:
                    if isinstance(value, Instance) and value.class_ not in (cls, *around):
                        inner = (f"{name}.", pattern, (*around, cls), role)
                        yield from self._left_out(value.class_, *inner)

    # ------------------------------------------------------- what is matched

    def _matched(
        self,
        cls: Class,
        prefix: str,
        pattern: re.Pattern[str],
        around: tuple[Class, ...],
        outer: Role | None = None,
    ) -> Iterator[_Matched]:
        """``outer`` is the role of the attribute that holds the class."""
        for slot in self._roles.family_slots(cls):
            name = prefix + module_name(slot).replace("*", "1")
            if slot[1] == "*":
                continue
            role = None if self._may_be_all(slot) else self._role(slot, outer)
            if pattern.match(name):
                named = slot if self._is_only_named_in(slot, outer) else None
                yield from self._all_layers(slot, role, named)
                if self._whole and role is not Role.BACKBONE:
                    yield _Matched(slot, kept=False, part=slot)
                continue
            yield from self._matched_in_library(slot, name, pattern, role)
            if len(around) < _DEEPEST:
                held = self._roles.contents[slot]
                # What is said of a class is said of each of its objects.
                classes = dict.fromkeys(one.class_ for one in held if isinstance(one, Instance))
                for held_class in classes:
                    if held_class not in (cls, *around):
                        inner = (f"{name}.", pattern, (*around, cls), role)
                        is_unloaded = self._roles.is_unloaded(slot)
                        for found in self._matched(held_class, *inner):
                            yield found._replace(kept=False) if is_unloaded else found

    def _is_only_named_in(self, slot: Slot, outer: Role | None) -> bool:
        """Whether a name is all that speaks for a backbone in a part that is not one for certain.

        The model has its weights elsewhere, or a file for the whole part, if it is given one.
        """
        return outer in (Role.NEW, Role.UNDECIDED) and self._roles.is_only_named(slot)

    def _matched_in_library(
        self, slot: Slot, name: str, pattern: re.Pattern[str], role: Role | None
    ) -> Iterator[_Matched]:
        """The pretrained part of a library's network: ``net.encoder``."""
        if slot not in self._library_parts:
            parts = ((v, self._roles.pretrained_part(slot, v)) for v in self._roles.contents[slot])
            found = [part for value, part in parts if part and holds_library_norms(value)]
            self._library_parts[slot] = found
        for part in self._library_parts[slot]:
            if pattern.match(f"{name}.{part}"):
                yield _Matched(slot, role is Role.BACKBONE)

    def _may_be_all(self, slot: Slot) -> bool:
        """``self.model = nn.Sequential(*layers)``: one pretrained part does not speak for all."""
        if not families.may_hold_whole_model(slot[1]) or self._roles.is_pinned(slot):
            return False
        held = {v.class_ for v in self._roles.contents[slot] if isinstance(v, Instance)}
        networks = [
            cls for cls in held if any(s in self._roles.own for s in self._roles.family_slots(cls))
        ]
        return len(held) > 1 and len(networks) < len(held)

    def _all_layers(self, slot: Slot, role: Role | None, named: Slot | None) -> list[_Matched]:
        """:meth:`_layers`, which many models and many ways in one model come to."""
        key = slot, role, named
        if key not in self._in_slot:
            found = dict.fromkeys(self._layers(slot, role, set()))
            self._in_slot[key] = [
                one._replace(part=slot, named=named, kept=one.kept and not named) for one in found
            ]
        return self._in_slot[key]

    def _layers(
        self, slot: Slot, role: Role | None, seen: set[tuple[Slot, Role | None]]
    ) -> Iterator[_Matched]:
        """The layers in an attribute that stay BatchNorm, however deep."""
        if (slot, role) in seen:
            return
        seen.add((slot, role))
        for value in self._roles.contents[slot]:
            if isinstance(value, NormLayer):
                if value.spot not in self._converted and not (
                    value.spot in self._divided and role is Role.NEW
                ):
                    yield _Matched(slot, self._is_kept(slot, value, role), value)
                continue
            if isinstance(value, Instance):
                around = None if self._roles.is_beside_loaded(slot, value) else role
                is_unloaded = self._roles.is_unloaded(slot)
                known = set[tuple[Slot, Role | None]]() if is_unloaded else seen
                for inner in self._roles.family_slots(value.class_):
                    for found in self._layers(inner, self._role(inner, around), known):
                        yield found._replace(kept=found.kept and not is_unloaded)
            if isinstance(value, ExternalObject) and self._is_beside_built(slot, value):
                yield _Matched(slot, kept=False, put_in=value.spot.where)
                continue
            if holds_library_norms(value):
                is_all = self._roles.pretrained_part(slot, value) == ""
                yield _Matched(slot, role is Role.BACKBONE and is_all)
                yield from self._put_in(slot, value)
            if isinstance(value, ExternalObject) and part_with_norms(value.name):
                is_backbone = Role.BACKBONE in self._roles.library_roles(slot, value)
                is_kept = is_backbone and role is Role.BACKBONE
                yield _Matched(slot, is_kept, put_in="" if is_kept else value.spot.where)

    def _is_beside_built(self, slot: Slot, value: ExternalObject) -> bool:
        """Whether no weights come to what a toolbox makes beside a network that it builds.

        Beside one that is loaded, another one that is not; a neck, or a block, beside any.
        """
        others = [one for one in self._roles.contents[slot] if one is not value]
        built = [one for one in others if is_built_backbone(one)]
        if is_built_backbone(value):
            is_part = any(self._roles.is_started(slot, one) for one in built)
        else:
            call = value.spot.node
            is_part = builds_part(value.name) or (
                isinstance(call, ast.expr) and takes_norm_config(value.name, call)
            )
        return bool(built) and is_part and not self._roles.is_started(slot, value)

    def _put_in(self, slot: Slot, network: Value) -> Iterator[_Matched]:
        """BatchNorm that code puts into a library's network, and that stays."""
        for part, where in self._roles.put_in(slot, network):
            if isinstance(part, NormLayer):
                is_held = part.spot not in self._converted
            elif isinstance(part, Instance):
                is_held = self._has_norms(part.class_)
            else:
                is_held = part_with_norms(part.name)
            if is_held:
                yield _Matched(slot, kept=False, put_in=where)

    def _has_norms(self, cls: Class) -> bool:
        """Whether BatchNorm of the repository's own lies below a class, and stays."""
        pending = [cls]
        for one in pending:
            slots = self._roles.family_slots(one)
            for value in (held for slot in slots for held in self._roles.contents[slot]):
                if isinstance(value, NormLayer) and value.spot not in self._converted:
                    return True
                if isinstance(value, Instance) and value.class_ not in pending:
                    pending.append(value.class_)
        return False

    def _role(self, slot: Slot, around: Role | None) -> Role | None:
        own = self._roles.own.get(slot)
        return own.role if own is not None else around

    def _is_kept(self, slot: Slot, layer: NormLayer, role: Role | None) -> bool:
        """By the verdict; one class that serves both sides is told apart by where it lies."""
        site = self._site(layer)
        if (
            site is None
            or site.verdict is Verdict.CONFLICT
            or layer.spot in self._divided
            # It may not be in the object that is looked at, but in others of its class.
            or self._roles.is_handed_to_some(slot, layer)
        ):
            return role is Role.BACKBONE and not self._roles.is_beside_loaded(slot, layer)
        # ``None`` is a model of which nothing is known; what else differs from the
        # verdict is overruled by a comment on the line.
        return site.verdict is Verdict.KEEP and role is not None

    # --------------------------------------------------------------- reasons

    def _site(self, layer: NormLayer) -> Site | None:
        return self._sites.get(layer.norm.spot.place)

    def _why(self, found: _Matched) -> str:
        if found.named is not None:
            words = "which is a backbone by its name alone, in a part that is none for certain"
            return f'{words}; to settle it: backbone = ["{shown(found.named)}"]'
        if found.put_in and self._role(found.slot, None) is not Role.NEW:
            settles = f'backbone = ["{shown(found.slot)}"]'
            words = f"and nothing is seen to load weights into what is put there ({found.put_in})"
            return f"{words}; to settle it: {settles}"
        site = self._site(found.layer) if found.layer is not None else None
        if site is None:
            settles = f'backbone = ["{shown(found.slot)}"]'
            if self._role(found.slot, None) is Role.NEW:
                return "which is new"
            return f"and nothing says that it is pretrained; to settle it: {settles}"
        where = f"{site.place.path}:{site.place.line}"
        settings = [line for line in site.settles if not line.startswith("#")]
        part = found.part or found.slot
        is_said = self._roles.is_pinned(part)
        # A whole model is in there: a setting that calls it backbone would say too much. And
        # where the lines serve another object as well, it would settle nothing.
        is_shared = self._roles.serves_unloaded(found.slot)
        if not (settings or is_said or is_shared or part[0].is_parallel_wrapper):
            settings = [f'backbone = ["{shown(part)}"]']
        settles = " or ".join([*settings, "a comment # bn2gn: keep (or convert) on that line"])
        return f"and {where} there is not certain to be backbone; to settle it: {settles}"
