"""The lines to paste, into the code or the settings, that would settle an undecided site."""

from __future__ import annotations

from bn2gn_codemod.plan import Verdict
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.survey.because import Role
from bn2gn_codemod.survey.known.norm_classes import naming, not_asked_for
from bn2gn_codemod.survey.known.pins import setting_name
from bn2gn_codemod.survey.known.verdict_comments import EITHER_COMMENT, KEEP_COMMENT
from bn2gn_codemod.survey.norms.uses import NormUses
from bn2gn_codemod.survey.norms.verdicts import Judged
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.values import Class, NormClass

_MOST_NAMED = 4  # attributes in one line to paste


class Settling:
    """Knows what names a comment or a setting has to be about."""

    def __init__(self, uses: NormUses, roles: RoleMap, settings: Settings) -> None:
        self._uses = uses
        self._roles = roles
        self._settings = settings

    def lines(
        self,
        norm: NormClass,
        cls: Class | None,
        judged: Judged,
        *,
        by_comment: bool,
        by_setting: bool,
    ) -> tuple[str, ...]:
        """The lines for an undecided name in a class, under the verdict that it has.

        ``by_comment``, ``by_setting``: whether its layers would be made of it alone, if it were
        changed, or all that a setting names with it; else to change it would change nothing.
        """
        # What is handed over is changed where that happens, if at all.
        is_handed = bool(norm.parents) and norm.is_parameter
        may_convert = not is_handed and self._may_be_changed(norm)
        comment = EITHER_COMMENT if may_convert and by_comment else KEEP_COMMENT
        names = self._open_names(norm, cls) if judged.verdict is Verdict.UNKNOWN else []
        listed = ", ".join(f'"{name}"' for name in names)
        # Where the line serves a new part as well, a backbone would make it a conflict.
        is_new_too = not judged.note and any(one.role is Role.NEW for one in judged.because)
        keeping = (f"backbone = [{listed}]",) if names and not is_new_too else ()
        if not self._uses.is_asked_for(norm):
            if judged.note != not_asked_for(norm.norm):
                return (*keeping, comment)
            return (naming(norm.norm, self._settings), comment)
        converting = (f"convert = [{listed}]",) if names and may_convert and by_setting else ()
        if cls is not None and names == [self._name(cls)] and not self._is_all_below(norm, cls):
            converting = ()  # what else holds them would leave them open
        return (*keeping, *converting, comment)

    def _may_be_changed(self, norm: NormClass) -> bool:
        """Whether a comment on the line could have it converted."""
        if norm.parents:
            return self._uses.is_editable(norm)
        if self._uses.activation(norm) is not None:
            return False
        return norm.context == "callee" or self._uses.refusal(norm) is None

    def _open_names(self, norm: NormClass, cls: Class | None) -> list[str]:
        """What a setting has to name to decide about all that the layers hang on."""
        layers = self._uses.layers(norm)
        if not layers:  # a setting decides about layers, and none is followed
            return []
        own = [] if cls is None else [self._name(cls)]
        slots = {slot for layer in layers for slot in self._roles.open_slots(layer)}
        if any(map(self._roles.may_hold_any, slots)):
            return own  # what is decided there would be so for all of them
        names = sorted({self._name(holder, attribute) for holder, attribute in slots})
        if len(names) > _MOST_NAMED:
            names = sorted({self._name(holder) for holder, _ in slots})
        return names or own

    def _is_all_below(self, norm: NormClass, cls: Class) -> bool:
        return all(self._roles.is_all_below(layer, cls) for layer in self._uses.layers(norm))

    def _name(self, cls: Class, attribute: str | None = None) -> str:
        return setting_name(cls, attribute, self._roles.is_only_one_named(cls))
