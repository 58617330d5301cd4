"""Sites, their verdicts and the edits that follow: what becomes of each norm layer."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from bn2gn_codemod.plan import NormEdit, Place, Site, Verdict
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.survey import families
from bn2gn_codemod.survey.because import Because, Role, Roles
from bn2gn_codemod.survey.flow import Flow
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.norm_classes import dimension, norm_name
from bn2gn_codemod.survey.norm_uses import NormUses, reached, source_order
from bn2gn_codemod.survey.roles import CROWDED, RoleMap
from bn2gn_codemod.survey.unfollowed import find_unfollowed
from bn2gn_codemod.survey.values import Class, Function, NormClass, NormLayer, Spot

_MOST_NAMED = 4  # attributes in one line to paste
_TEST = re.compile(r"(?:^|/)(?:tests?/|test_[^/]*$)|_test\.py$")
_COMMENT = re.compile(r"#\s*bn2gn:\s*(keep|convert)\b")


class Decided(NamedTuple):
    """All sites, and the norm edits by file."""

    sites: tuple[Site, ...]
    edits: tuple[NormEdit, ...]
    converted: frozenset[Spot]  # layers that become GroupNorm


def decide_sites(flow: Flow, roles: RoleMap, settings: Settings) -> Decided:
    """Give every site its verdict, and every conversion its edit."""
    decider = _Decider(flow, roles, settings)
    for norm in list(flow.norm_classes):
        if _is_origin(norm):
            decider.site(norm)
    decider.take_back()
    decider.calls_by_other_names()
    decider.unfollowed()
    sites = sorted(decider.sites.values(), key=lambda site: site.place)
    edits = sorted(decider.edits.values(), key=lambda edit: edit.place)
    return Decided(tuple(sites), tuple(edits), decider.converted())


class _Judged(NamedTuple):
    verdict: Verdict
    because: tuple[Because, ...]
    note: str = ""


class _Decider:
    def __init__(self, flow: Flow, roles: RoleMap, settings: Settings) -> None:
        self.flow = flow
        self.roles = roles
        self.settings = settings
        self.uses = NormUses(flow, frozenset(settings.norms))
        self.sites: dict[Place, Site] = {}
        self.edits: dict[Place, NormEdit] = {}
        self._at: dict[Place, list[NormClass]] = {}
        for norm in flow.norm_classes:
            self._at.setdefault(self._place(norm.spot), []).append(norm)
        self._layer_memo: dict[NormLayer, Roles] = {}
        self._file_roles: dict[str, set[Role]] | None = None
        self._classes_of: dict[str, list[Class]] = {}
        for cls in flow.classes:
            self._classes_of.setdefault(cls.path, []).append(cls)

    # --------------------------------------------------------------- sites

    def site(self, norm: NormClass) -> None:
        """Decide one place that names a norm class, and the uses that follow from it."""
        comment = self._comment(norm.spot)
        if comment is not None:
            self._commented(norm, comment)
            return
        judged = self._judge(norm)
        note = self._left_open(norm)
        if judged.verdict is Verdict.CONVERT and note is not None:
            judged = _Judged(Verdict.UNKNOWN, judged.because, note)
        if judged.verdict is Verdict.KEEP or note is not None:
            self._add(norm, judged)
        elif judged.verdict is Verdict.CONVERT:
            self._convert(norm, judged)
        else:
            self._split(norm, judged)

    def take_back(self) -> None:
        """Drop edits of a name whose layers go on to be made of BatchNorm that others hand over.

        To change a default that every caller overrides would change nothing.
        """
        while True:
            staying = self._staying()
            idle = {
                place: layer.norm
                for place in self.edits
                for norm in self._at[place]
                for layer in self.uses.layers(norm)
                if layer.norm in staying and self._comment(norm.spot) is None
            }
            if not idle:
                return
            for place, norm in idle.items():
                del self.edits[place]
                self._add(self._at[place][0], self._stays(norm, self._judge(norm)))

    def calls_by_other_names(self) -> None:
        """List the calls of a norm class by a variable's name: ``norm_layer(channels)``."""
        staying = self._staying()
        changed = reached(self._edited(), frozenset())
        for place, norms in self._at.items():
            called = [norm for norm in norms if norm.context == "callee"]
            if not called or place in self.sites:
                continue
            norm = next((norm for norm in called if norm in staying), called[0])
            judged = self._judge(norm)
            if judged.verdict is Verdict.CONVERT and norm in staying:
                judged = self._stays(norm, judged)
            elif judged.verdict is Verdict.CONVERT and norm not in changed:
                judged = _Judged(Verdict.KEEP, (), "a comment keeps what is handed to it")
            self._add(norm, judged)

    def converted(self) -> frozenset[Spot]:
        """Where the layers are made that become GroupNorm."""
        changed = reached(self._edited(), frozenset())
        return frozenset(layer.spot for norm in changed for layer in norm.layers)

    def _edited(self) -> list[NormClass]:
        return [norm for place in self.edits for norm in self._at[place]]

    def _staying(self) -> dict[NormClass, None]:
        """Names that may hold BatchNorm after all edits, where no comment asks for it."""
        edited = self._edited()
        kept = [norm for norm in self.flow.norm_classes if self._comment(norm.spot) == "keep"]
        return reached(filter(_is_origin, self.flow.norm_classes), frozenset([*edited, *kept]))

    def _stays(self, norm: NormClass, judged: _Judged) -> _Judged:
        """The verdict on a new layer to which BatchNorm is handed from what is not changed."""
        edited = frozenset(self._edited())
        origins = [
            origin
            for origin in sorted(filter(_is_origin, self.flow.norm_classes), key=source_order)
            if norm in reached([origin], edited)
        ]
        # What is new as a whole is not the cause, but left for the same reason.
        causes = [one for one in origins if self._judge(one).verdict is not Verdict.CONVERT]
        where = (causes or origins)[0].spot.where
        sites = [self.sites[self._place(origin.spot)] for origin in causes]
        is_conflict = any(site.verdict is Verdict.CONFLICT for site in sites)
        verdict = Verdict.CONFLICT if is_conflict else Verdict.UNKNOWN
        note = f"a new layer, but {norm.norm} is handed to it from {where}, which is not changed"
        return _Judged(verdict, judged.because, note)

    def unfollowed(self) -> None:
        """List what the analysis never came to, so that nobody believes it is done."""
        seen: set[ast.AST] = {norm.spot.node for norm in self.flow.norm_classes}
        for found in find_unfollowed(self.flow, seen):
            place = found.module.place(found.call)
            if place in self.sites:
                continue
            comment = self._comment_on(found.module, found.call)
            verdict = Verdict.KEEP if comment == "keep" else Verdict.UNKNOWN
            words = _SAID.format(comment) if comment == "keep" else found.reason
            self.sites[place] = Site(
                place=place,
                norm=norm_name(ast.unparse(found.call.func)),
                class_=found.class_,
                attribute="",
                verdict=verdict,
                reasons=(words,),
                evidence=(words,),
                settles=() if comment == "keep" else (_KEEP_COMMENT,),
            )

    def _left_open(self, norm: NormClass) -> str | None:
        """Why a new layer is not converted all the same, or ``None``."""
        values = self.flow.out_of_sight.values
        for below in self.uses.below(norm) if values else ():
            if below in values:
                return CROWDED.format(norm.norm, values[below])
        return None if self.uses.is_asked_for(norm) else self._not_asked_for(norm)

    def _not_asked_for(self, norm: NormClass) -> str:
        return f"a new layer, but the setting norms does not name {dimension(norm.norm)}"

    def _commented(self, norm: NormClass, comment: str) -> None:
        words = _SAID.format(comment)
        if comment == "keep":
            self._add(norm, _Judged(Verdict.KEEP, (), words))
            return
        self._convert(norm, _Judged(Verdict.CONVERT, (), words))

    def _comment(self, spot: Spot) -> str | None:
        return self._comment_on(spot.module, spot.node)

    def _comment_on(self, module: Module, node: ast.expr | ast.stmt) -> str | None:
        lines = module.source.lines
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            match = _COMMENT.search(lines[number - 1])
            if match:
                return match.group(1)
        return None

    def _convert(self, norm: NormClass, judged: _Judged) -> None:
        refusal = self.uses.refusal(norm)
        if refusal is None and not any(map(self._is_kept, self.uses.below(norm))):
            self._add(norm, judged)
            self._edit(norm)
            return
        if norm.context == "callee":
            # The verdict is certain, the edit is not possible: say both.
            note = f"a new layer, but {refusal}"
            self._add(norm, judged._replace(note=note), fixable=False)
            return
        note = f"a new layer, but {refusal or 'not every use of it can be changed'}"
        self._split(norm, judged._replace(verdict=Verdict.UNKNOWN, note=note))

    def _is_kept(self, norm: NormClass) -> bool:
        return self._comment(norm.spot) == "keep"

    def _split(self, norm: NormClass, judged: _Judged) -> None:
        """One name that cannot be changed as a whole: change its uses that are new for certain."""
        parts: list[tuple[NormClass, _Judged]] = []
        is_whole = self._separate(norm, parts, {norm})
        for part, part_judged in parts:
            if part_judged.verdict is Verdict.CONVERT:
                self._add(part, part_judged)
                self._edit(part)
        if is_whole and parts:
            kept = [part for _, part in parts if part.verdict is Verdict.KEEP]
            because = kept[0].because if kept else judged.because
            judged = _Judged(Verdict.KEEP, because, _HANDED_ON if kept else _REPLACED)
        self._add(norm, judged)

    def _separate(
        self, norm: NormClass, parts: list[tuple[NormClass, _Judged]], seen: set[NormClass]
    ) -> bool:
        """Collect the uses of one side each; whether all layers are below one of them."""
        is_whole = not norm.layers
        for child in self.uses.children(norm):
            if child in seen or not self.uses.layers(child):
                continue
            seen.add(child)
            judged = self._judge_use(child)
            if judged.verdict is Verdict.KEEP or (
                judged.verdict is Verdict.CONVERT
                and self.uses.is_editable(child)
                and not any(map(self._is_kept, self.uses.below(child)))
            ):
                parts.append((child, judged))
            elif not self._separate(child, parts, seen):
                is_whole = False
        return is_whole

    def _judge_use(self, norm: NormClass) -> _Judged:
        comment = self._comment(norm.spot)
        if comment is None:
            return self._judge(norm)
        verdict = Verdict.KEEP if comment == "keep" else Verdict.CONVERT
        return _Judged(verdict, (), _SAID.format(comment))

    # ------------------------------------------------------------ judging

    def _judge(self, norm: NormClass) -> _Judged:
        layers = self.uses.layers(norm)
        if not layers:
            return self._without_layers(norm)
        roles: Roles = {}
        for layer in layers:
            for role, because in self._roles_of(layer).items():
                roles.setdefault(role, because)
        judged = _verdict(roles)
        return self._doubted(layers) or judged if judged.verdict is Verdict.CONVERT else judged

    def _doubted(self, layers: list[NormLayer]) -> _Judged | None:
        """Unknown, if a new part speaks of pretrained weights and no load of them was seen."""
        for layer in layers:
            cls = layer.spot.function.enclosing_class
            if cls is not None and self.roles.may_load_unseen(cls):
                words = f"{cls.name} speaks of pretrained weights, and no load of them was followed"
                return _Judged(Verdict.UNKNOWN, (Because(Role.UNDECIDED, words),))
        return None

    def _without_layers(self, norm: NormClass) -> _Judged:
        used = [child for child in norm.children if child is not norm]
        if norm.context == "plain" and not used and self.flow.strays.holds(norm):
            return _Judged(Verdict.UNKNOWN, (), "it is stored where nothing is seen to read it")
        if norm.context == "plain" and not used:
            return _Judged(Verdict.KEEP, (), "no layer is made of it in this repository")
        if norm.context in ("test", "other"):
            return _Judged(Verdict.KEEP, (), "it is compared with, no layer is made of it")
        return _Judged(Verdict.UNKNOWN, (), "where it goes cannot be followed")

    def _roles_of(self, layer: NormLayer) -> Roles:
        known = self._layer_memo.get(layer)
        if known is None:
            known = self._said(layer) or self.roles.layer_roles(layer)
            if not set(known) - {Role.DOUBT}:
                known = known | self._roles_of_idle(layer)
            self._layer_memo[layer] = known
        return known

    def _said(self, layer: NormLayer) -> Roles:
        """What a comment says on the line that makes the layer."""
        comment = self._comment(layer.norm.spot)
        if comment is None:
            return {}
        role = Role.BACKBONE if comment == "keep" else Role.NEW
        return {role: Because(role, _SAID.format(comment))}

    def _roles_of_idle(self, layer: NormLayer) -> Roles:
        """A layer that reaches no attribute with a role: its surroundings may tell."""
        function, cls = layer.spot.function, layer.spot.function.enclosing_class
        if _copies_norm(layer):
            return {Role.BACKBONE: Because(Role.BACKBONE, "it stands in for a norm that is there")}
        if _TEST.search(layer.spot.module.path) and not self.roles.held_in.get(layer):
            return {Role.BACKBONE: Because(Role.BACKBONE, "a test makes it for itself")}
        if cls is not None and self.roles.held_in.get(layer):
            found = self._roles_of_home(cls, function)
        elif cls is not None:
            found = self._roles_of_class(cls, function)
        else:
            found = self._roles_of_file(layer, f"{function.name}() is not used")
        if found is not None:
            return {found.role: found}
        return {Role.UNDECIDED: Because(Role.UNDECIDED, self._no_evidence(layer, cls))}

    def _roles_of_class(self, cls: Class, function: Function) -> Because | None:
        pinned = self.roles.pinned_class(cls)
        if pinned is not None:
            return pinned
        contexts = self.roles.contexts.get(cls, {})
        own = {
            because.role: because
            for slot in self.roles.family_slots(cls)
            if (because := self.roles.own.get(slot)) is not None
        }
        seen = {**own, **contexts}
        seen.pop(Role.UNDECIDED, None)
        seen.pop(Role.DOUBT, None)
        unused = f"nothing calls {function.name}()"
        if set(seen) == {Role.BACKBONE}:
            return Because(Role.BACKBONE, f"{unused} of a backbone class", seen[Role.BACKBONE])
        if Role.BACKBONE in own and families.has_certainly_new_word(function.name):
            words = f"{unused}, but by its name it makes layers beside the backbone"
            return Because(Role.NEW, words, own[Role.BACKBONE])
        if set(contexts) == {Role.NEW} and not self.roles.handles_weights(cls):
            return contexts[Role.NEW]
        return None if seen else self._roles_of_home(cls, function)

    def _roles_of_home(self, cls: Class, function: Function) -> Because | None:
        """A class of whose users nothing is known, by its name and where it stands."""
        pinned = self.roles.pinned_class(cls)
        if pinned is not None:
            return pinned
        name = cls.name.rsplit(".", 1)[-1]
        is_named = families.is_block_name(name) or families.is_network_name(name)
        home = families.backbone_home(cls.path)
        if home is not None and (is_named or not self.roles.is_part_used_outside(cls, home)):
            return Because(Role.BACKBONE, f"{cls.name} stands in {home}, where backbones live")
        if is_named:
            spot = Spot(cls.module, cls.node, function)
            return self._roles_of_file(None, f"{cls.name} is not used", spot)
        home = families.new_home(cls)
        if home is not None and self.roles.has_backbone and not self.roles.handles_weights(cls):
            return Because(Role.NEW, f"{cls.name} stands in {home}, where new parts live")
        return None

    def _roles_of_file(
        self, layer: NormLayer | None, words: str, spot: Spot | None = None
    ) -> Because | None:
        """Unused code in a file whose used layers are backbone, all or the block's kin."""
        at = spot or (layer.spot if layer is not None else None)
        assert at is not None
        path = at.module.path
        roles = self._roles_by_file().get(path, set())
        if Role.BACKBONE in roles and (spot is not None or roles == {Role.BACKBONE}):
            return Because(Role.BACKBONE, f"{words}; {path} holds a backbone and its blocks")
        return None

    def _roles_by_file(self) -> dict[str, set[Role]]:
        if self._file_roles is None:
            self._file_roles = {}
            for layer in self.flow.norm_layers:
                roles = self.roles.layer_roles(layer)
                self._file_roles.setdefault(layer.spot.module.path, set()).update(roles)
        return self._file_roles

    def _no_evidence(self, layer: NormLayer, cls: Class | None) -> str:
        if cls is None:
            maker = layer.spot.function.name or "this line"
            return f"the layer that {maker} makes reaches no model"
        if not self.roles.is_built(cls):
            return f"{cls.name} is built nowhere in this repository"
        return f"{cls.name} holds no backbone, and no backbone holds it"

    # -------------------------------------------------------------- edits

    def _edit(self, norm: NormClass) -> None:
        place = self._place(norm.spot)
        kind = {"callee": "call", "partial": "partial"}.get(norm.context, "reference")
        if kind == "call":
            self.edits[place] = NormEdit(place, "call", norm.norm)
        elif kind == "partial":
            self.edits[place] = NormEdit(place, "partial", norm.norm)
        else:
            self.edits[place] = NormEdit(place, "reference", norm.norm)

    # ------------------------------------------------------------- results

    def _add(self, norm: NormClass, judged: _Judged, fixable: bool | None = None) -> None:
        place = self._place(norm.spot)
        reasons = [judged.note] if judged.note else []
        evidence = list(reasons)
        for because in judged.because:
            chain = because.chain()
            is_said = chain[-1] in chain[0]
            reasons.append(chain[0] if is_said else f"{chain[0]}; {chain[-1]}")
            evidence.extend(chain)
        cls = self._class_around(norm.spot)
        layers = self.uses.layers(norm)
        attributes = sorted({name for layer in layers for name in self.roles.attributes(layer)})
        self.sites[place] = Site(
            place=place,
            norm=norm.norm,
            class_=cls.name if cls is not None else "",
            attribute=attributes[0] if len(attributes) == 1 else "",
            verdict=judged.verdict,
            reasons=tuple(dict.fromkeys(reasons)),
            evidence=tuple(dict.fromkeys(evidence)),
            settles=self._settles(norm, cls, judged),
            fixable=judged.verdict is Verdict.CONVERT if fixable is None else fixable,
        )

    def _class_around(self, spot: Spot) -> Class | None:
        """The class whose code the spot is in, its defaults and attributes included."""
        found = spot.function.enclosing_class
        for cls in self._classes_of.get(spot.module.path, ()) if found is None else ():
            if cls.node.lineno <= spot.line <= (cls.node.end_lineno or 0):
                found = cls  # the innermost comes last
        return found

    def _settles(self, norm: NormClass, cls: Class | None, judged: _Judged) -> tuple[str, ...]:
        """Lines to paste that would decide the site."""
        if judged.verdict not in (Verdict.CONFLICT, Verdict.UNKNOWN):
            return ()
        # What is handed over is changed where that happens, if at all.
        is_handed = bool(norm.parents) and norm.is_parameter
        may_convert = not is_handed and (
            norm.context == "callee" or self.uses.refusal(norm) is None
        )
        comment = _COMMENTS if may_convert else _KEEP_COMMENT
        names = self._open_names(norm, cls) if judged.verdict is Verdict.UNKNOWN else []
        listed = ", ".join(f'"{name}"' for name in names)
        keeping = (f"backbone = [{listed}]",) if names else ()
        if not self.uses.is_asked_for(norm):
            if judged.note != self._not_asked_for(norm):
                return (*keeping, comment)
            asked = [*self.settings.norms, dimension(norm.norm)]
            return ("norms = [{}]".format(", ".join(f'"{name}"' for name in asked)), comment)
        converting = (f"convert = [{listed}]",) if names and may_convert else ()
        return (*keeping, *converting, comment)

    def _open_names(self, norm: NormClass, cls: Class | None) -> list[str]:
        """What a setting has to name to decide about all that the layers hang on."""
        if cls is None:
            return []
        slots = {slot for layer in self.uses.layers(norm) for slot in self.roles.open_slots(layer)}
        names = sorted({f"{holder.name}.{name}" for holder, name in slots})
        if len(names) > _MOST_NAMED:
            names = sorted({holder.name for holder, _ in slots})
        return names or [cls.name]

    def _place(self, spot: Spot) -> Place:
        source = spot.module.source
        column = source.column(spot.node.lineno, spot.node.col_offset)
        return Place(spot.module.path, spot.node.lineno, column)


_SAID = "the comment # bn2gn: {} says so"
_COMMENTS = "# bn2gn: keep   or   # bn2gn: convert   on this line"
_HANDED_ON = "what it names for the new layers is changed where it is handed to them"
_KEEP_COMMENT = "# bn2gn: keep   on this line"
_REPLACED = "the layers made of it are changed where they are made"


def _is_origin(norm: NormClass) -> bool:
    return norm.is_origin and norm.context != "other"


def _verdict(roles: Roles) -> _Judged:
    found = {role: roles[role] for role in Role if role in roles}
    if set(found) <= {Role.BACKBONE, Role.DOUBT} and Role.BACKBONE in found:
        return _Judged(Verdict.KEEP, tuple(found.values()))
    if set(found) == {Role.NEW}:
        return _Judged(Verdict.CONVERT, tuple(found.values()))
    if Role.BACKBONE in found:
        return _Judged(Verdict.CONFLICT, tuple(found.values()))
    return _Judged(Verdict.UNKNOWN, tuple(found.values()))


def _copies_norm(layer: NormLayer) -> bool:
    """``SyncBN(module.num_features, ...)``, as functions that swap one norm for another do."""
    node = layer.spot.node
    first = node.args[0] if isinstance(node, ast.Call) and node.args else None
    return isinstance(first, ast.Attribute) and first.attr == "num_features"
