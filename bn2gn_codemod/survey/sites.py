"""Sites, their verdicts and the edits that follow: what becomes of each norm layer."""

from __future__ import annotations

import ast
import dataclasses
import re

from bn2gn_codemod.norm_signatures import unsupported_arguments
from bn2gn_codemod.plan import NormEdit, Place, Site, Verdict
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.survey import families
from bn2gn_codemod.survey.because import Because, Role, Roles
from bn2gn_codemod.survey.flow import Flow
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.norm_classes import dimension, norm_name
from bn2gn_codemod.survey.roles import RoleMap
from bn2gn_codemod.survey.unfollowed import find_unfollowed
from bn2gn_codemod.survey.values import Class, Function, NormClass, NormLayer, Spot, Text

_MOST_NAMED = 4  # attributes in one line to paste
_TEST = re.compile(r"(?:^|/)(?:tests?/|test_[^/]*$)|_test\.py$")
_COMMENT = re.compile(r"#\s*bn2gn:\s*(keep|convert)\b")


@dataclasses.dataclass(frozen=True)
class Decided:
    """All sites, and the norm edits by file."""

    sites: tuple[Site, ...]
    edits: tuple[NormEdit, ...]
    converted: frozenset[Spot]  # layers that become GroupNorm


def decide_sites(flow: Flow, roles: RoleMap, settings: Settings) -> Decided:
    """Give every site its verdict, and every conversion its edit."""
    decider = _Decider(flow, roles, settings)
    for norm in list(flow.norm_classes):
        if not norm.parents and norm.context != "other":
            decider.site(norm)
    decider.calls_by_other_names()
    decider.unfollowed()
    sites = sorted(decider.sites.values(), key=lambda site: site.place)
    edits = sorted(decider.edits.values(), key=lambda edit: edit.place)
    return Decided(tuple(sites), tuple(edits), frozenset(decider.converted))


@dataclasses.dataclass(frozen=True)
class _Judged:
    verdict: Verdict
    because: tuple[Because, ...]
    note: str = ""


class _Decider:
    def __init__(self, flow: Flow, roles: RoleMap, settings: Settings) -> None:
        self.flow = flow
        self.roles = roles
        self.settings = settings
        self.sites: dict[Place, Site] = {}
        self.edits: dict[Place, NormEdit] = {}
        self.converted: list[Spot] = []  # where layers are made
        self._covered: set[Spot] = set()  # names that go with an edited one
        self._layer_memo: dict[NormLayer, Roles] = {}
        self._below_memo: dict[NormClass, list[NormClass]] = {}
        self._layers_memo: dict[NormClass, list[NormLayer]] = {}
        self._file_roles: dict[str, set[Role]] | None = None

    # --------------------------------------------------------------- sites

    def site(self, norm: NormClass) -> None:
        """Decide one place that names a norm class, and the uses that follow from it."""
        comment = self._comment(norm.spot)
        if comment is not None:
            self._commented(norm, comment)
            return
        judged = self._judge(norm)
        if judged.verdict is Verdict.CONVERT and self.flow.gave_up:
            self._add(norm, _Judged(Verdict.UNKNOWN, judged.because, self.flow.gave_up))
            return
        if judged.verdict is Verdict.CONVERT and not self._asked_for(norm):
            self._add(norm, _Judged(Verdict.UNKNOWN, judged.because, self._not_asked_for(norm)))
            return
        if judged.verdict is Verdict.CONVERT:
            self._convert(norm, judged)
        elif judged.verdict is Verdict.CONFLICT:
            self._split(norm, judged)
        else:
            self._add(norm, judged)

    def calls_by_other_names(self) -> None:
        """List the calls of a norm class by a variable's name: ``norm_layer(channels)``."""
        edited = set(self.edits)
        for norm in list(self.flow.norm_classes):
            place = self._place(norm.spot)
            if norm.parents and norm.context == "callee" and place not in self.sites:
                judged = self._judge(norm)
                if judged.verdict is Verdict.CONVERT and norm.spot not in self._covered:
                    judged = dataclasses.replace(judged, verdict=self._verdict_above(norm))
                self._add(norm, judged, fixable=norm.spot in self._covered or place in edited)

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
                settles=() if comment == "keep" else (_COMMENTS,),
            )

    def _verdict_above(self, norm: NormClass) -> Verdict:
        """What was decided about the name that the call goes by."""
        seen = {norm}
        pending = [norm]
        while pending:
            for parent in sorted(pending.pop().parents - seen, key=_norm_order):
                seen.add(parent)
                pending.append(parent)
                site = self.sites.get(self._place(parent.spot))
                if site is not None and not parent.parents:
                    return Verdict.UNKNOWN if site.verdict is Verdict.KEEP else site.verdict
        return Verdict.UNKNOWN

    def _asked_for(self, norm: NormClass) -> bool:
        return not {norm.norm, dimension(norm.norm)}.isdisjoint(self.settings.norms)

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
        refusal = self._refusal(norm)
        if refusal is None:
            self._add(norm, judged)
            self._edit(norm)
            return
        children = [child for child in self._children(norm) if self._layers(child)]
        if norm.context != "callee" and children and all(map(self._editable_use, children)):
            for child in children:
                self._add(child, judged)
                self._edit(child)
            self._add(norm, dataclasses.replace(judged, verdict=Verdict.KEEP, note=_REPLACED))
            return
        note = f"a new layer, but {refusal}"
        if norm.context == "callee":
            # The verdict is certain, the edit is not possible: say both.
            self._add(norm, dataclasses.replace(judged, note=note), fixable=False)
            return
        self._add(norm, _Judged(Verdict.UNKNOWN, judged.because, note))

    def _editable_use(self, norm: NormClass) -> bool:
        return (
            norm.context in ("callee", "argument", "partial")
            and not self._may_be_other(norm)
            and self._refusal(norm) is None
            and (norm.context == "callee" or self._accepts(norm) is None)
        )

    def _may_be_other(self, norm: NormClass) -> bool:
        """Whether the name may also hold something that is no norm class."""
        node = norm.spot.node
        return not isinstance(node, ast.expr) or any(
            not isinstance(value, (NormClass, Text)) for value in self.flow.value_of(node)
        )

    def _split(self, norm: NormClass, judged: _Judged) -> None:
        """One name that serves both sides: change its uses where each is of one side."""
        parts: list[tuple[NormClass, _Judged]] = []
        if not norm.layers and self._separable(norm, parts, {norm}):
            for part, part_judged in parts:
                if part_judged.verdict is Verdict.CONVERT:
                    self._add(part, part_judged)
                    self._edit(part)
            kept = next(p for _, p in parts if p.verdict is Verdict.KEEP)
            note = "what it names for the new layers is changed where it is handed to them"
            self._add(norm, dataclasses.replace(kept, note=note))
            return
        self._add(norm, judged)

    def _separable(
        self, norm: NormClass, parts: list[tuple[NormClass, _Judged]], seen: set[NormClass]
    ) -> bool:
        for child in self._children(norm):
            if child in seen or not (self._layers(child) or child.context == "other"):
                continue
            seen.add(child)
            judged = self._judge(child)
            if judged.verdict is Verdict.KEEP:
                parts.append((child, judged))
            elif judged.verdict is Verdict.CONVERT:
                if not self._editable_use(child):
                    return False
                parts.append((child, judged))
            elif child.layers or not self._separable(child, parts, seen):
                return False
        return any(judged.verdict is Verdict.KEEP for _, judged in parts)

    # ------------------------------------------------------------ judging

    def _judge(self, norm: NormClass) -> _Judged:
        layers = self._layers(norm)
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
            cls = _class_around(layer.spot.function)
            if cls is not None and self.roles.may_load_unseen(cls):
                words = f"{cls.name} speaks of pretrained weights, and no load of them was followed"
                return _Judged(Verdict.UNKNOWN, (Because(Role.UNDECIDED, words),))
        return None

    def _without_layers(self, norm: NormClass) -> _Judged:
        used = [child for child in norm.children if child is not norm]
        if norm.context == "plain" and not used:
            return _Judged(Verdict.KEEP, (), "no layer is made of it in this repository")
        if norm.context in ("test", "other"):
            return _Judged(Verdict.KEEP, (), "it is compared with, no layer is made of it")
        return _Judged(Verdict.UNKNOWN, (), "where it goes cannot be followed")

    def _below(self, norm: NormClass) -> list[NormClass]:
        """The name and all places that it is passed on to."""
        known = self._below_memo.get(norm)
        if known is None:
            below = {norm: None}
            pending = [norm]
            while pending:
                for child in pending.pop().children:
                    if child not in below:
                        below[child] = None
                        pending.append(child)
            known = self._below_memo[norm] = list(below)
        return known

    def _layers(self, norm: NormClass) -> list[NormLayer]:
        known = self._layers_memo.get(norm)
        if known is None:
            found = [layer for current in self._below(norm) for layer in current.layers]
            known = self._layers_memo[norm] = sorted(found, key=_layer_order)
        return known

    def _children(self, norm: NormClass) -> list[NormClass]:
        return sorted(norm.children - {norm}, key=_norm_order)

    def _roles_of(self, layer: NormLayer) -> Roles:
        known = self._layer_memo.get(layer)
        if known is None:
            known = self.roles.layer_roles(layer)
            if not set(known) - {Role.DOUBT}:
                known = known | self._roles_of_idle(layer)
            self._layer_memo[layer] = known
        return known

    def _roles_of_idle(self, layer: NormLayer) -> Roles:
        """A layer that reaches no attribute with a role: its surroundings may tell."""
        function, cls = layer.spot.function, _class_around(layer.spot.function)
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
        home = families.backbone_home(cls)
        if home is not None:
            return Because(Role.BACKBONE, f"{cls.name} stands in {home}, where backbones live")
        name = cls.name.rsplit(".", 1)[-1]
        if families.is_block_name(name) or families.is_network_name(name):
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

    def _refusal(self, norm: NormClass) -> str | None:
        """Why the name cannot be replaced by the helper's, or ``None``."""
        if norm.local_class is not None and norm.local_class.methods.get("__init__") is not None:
            return f"{norm.norm} is this repository's own class with its own arguments"
        call = _call_of(norm)
        if norm.context == "callee":
            return None if call is None else unsupported_arguments(call)
        return self._accepts(norm)

    def _accepts(self, norm: NormClass) -> str | None:
        """Why a use below would not survive a function in the class's place."""
        for use in self._below(norm):
            for refusal in sorted(use.refusals):
                return f"{norm.norm} {refusal}"
            reason = self._use_refusal(use, is_first=use is norm)
            if reason is not None:
                return f"{use.spot.where}: {reason}"
        return None

    def _use_refusal(self, use: NormClass, *, is_first: bool) -> str | None:
        if not is_first and use.context == "other":
            return f"{use.norm} is compared or tested there"
        if not is_first and use.context == "partial":
            return "it is wrapped in partial() there"
        if is_first and use.context == "callee":
            return None
        for layer in sorted(use.layers, key=_layer_order):
            if isinstance(layer.spot.node, ast.Call):
                reason = _helper_call_refusal(layer.spot.node)
                if reason is not None:
                    return reason
        return None

    def _edit(self, norm: NormClass) -> None:
        place = self._place(norm.spot)
        kind = {"callee": "call", "partial": "partial"}.get(norm.context, "reference")
        if kind == "call":
            self.edits[place] = NormEdit(place, "call", norm.norm)
        elif kind == "partial":
            self.edits[place] = NormEdit(place, "partial", norm.norm)
        else:
            self.edits[place] = NormEdit(place, "reference", norm.norm)
        self.converted.extend(layer.spot for layer in self._layers(norm))
        self._covered.update(other.spot for other in self._below(norm))

    # ------------------------------------------------------------- results

    def _add(self, norm: NormClass, judged: _Judged, fixable: bool | None = None) -> None:
        place = self._place(norm.spot)
        reasons = [judged.note] if judged.note else []
        evidence = list(reasons)
        for because in judged.because:
            chain = because.chain()
            reasons.append(chain[0] if len(chain) == 1 else f"{chain[0]}; {chain[-1]}")
            evidence.extend(chain)
        cls = _class_around(norm.spot.function)
        layers = self._layers(norm)
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

    def _settles(self, norm: NormClass, cls: Class | None, judged: _Judged) -> tuple[str, ...]:
        """Lines to paste that would decide the site."""
        if judged.verdict not in (Verdict.CONFLICT, Verdict.UNKNOWN):
            return ()
        comment = _COMMENTS
        if not self._asked_for(norm):
            names = [*self.settings.norms, dimension(norm.norm)]
            listed = ", ".join(f'"{name}"' for name in names)
            return (f"norms = [{listed}]", comment)
        if cls is None or judged.verdict is Verdict.CONFLICT:
            return (comment,)
        names = self._open_attributes(norm) or [cls.name]
        listed = ", ".join(f'"{name}"' for name in names)
        return (f"backbone = [{listed}]", f"convert = [{listed}]", comment)

    def _open_attributes(self, norm: NormClass) -> list[str]:
        """The undecided attributes that the layers hang on, as settings name them."""
        found: dict[str, None] = {}
        for layer in self._layers(norm):
            for cls, name in self.roles.open_slots(layer):
                found[f"{cls.name}.{name}"] = None
        return sorted(found)[:_MOST_NAMED]

    def _place(self, spot: Spot) -> Place:
        source = spot.module.source
        column = source.column(spot.node.lineno, spot.node.col_offset)
        return Place(spot.module.path, spot.node.lineno, column)


_SAID = "the comment # bn2gn: {} says so"
_COMMENTS = "# bn2gn: keep   or   # bn2gn: convert   on this line"
_REPLACED = "the layers made of it are changed where they are made"


def _verdict(roles: Roles) -> _Judged:
    found = {role: roles[role] for role in Role if role in roles}
    if set(found) <= {Role.BACKBONE, Role.DOUBT} and Role.BACKBONE in found:
        return _Judged(Verdict.KEEP, tuple(found.values()))
    if set(found) == {Role.NEW}:
        return _Judged(Verdict.CONVERT, tuple(found.values()))
    if Role.BACKBONE in found:
        return _Judged(Verdict.CONFLICT, tuple(found.values()))
    return _Judged(Verdict.UNKNOWN, tuple(found.values()))


def _class_around(function: Function) -> Class | None:
    scope: Function | None = function
    while scope is not None:
        if scope.class_ is not None:
            return scope.class_
        scope = scope.outer
    return None


def _call_of(norm: NormClass) -> ast.Call | None:
    for layer in norm.layers:
        if isinstance(layer.spot.node, ast.Call) and layer.spot.node.func is norm.spot.node:
            return layer.spot.node
    return None


def _copies_norm(layer: NormLayer) -> bool:
    """``SyncBN(module.num_features, ...)``, as functions that swap one norm for another do."""
    node = layer.spot.node
    first = node.args[0] if isinstance(node, ast.Call) and node.args else None
    return isinstance(first, ast.Attribute) and first.attr == "num_features"


def _helper_call_refusal(call: ast.Call) -> str | None:
    """Why ``get_group_norm`` would not take these arguments as they stand."""
    reason = unsupported_arguments(call)
    if reason is not None:
        return reason
    if len(call.args) > 1:
        return "the call passes more than the channels by position"
    for keyword in call.keywords:
        if keyword.arg not in ("eps", "affine"):
            return f"the call passes {keyword.arg}="
    return None


def _layer_order(layer: NormLayer) -> tuple[str, int, int]:
    return layer.spot.module.path, layer.spot.node.lineno, layer.spot.node.col_offset


def _norm_order(norm: NormClass) -> tuple[str, int, int]:
    return norm.spot.module.path, norm.spot.node.lineno, norm.spot.node.col_offset
