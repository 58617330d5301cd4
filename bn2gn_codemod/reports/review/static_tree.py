"""The trees of the models that a plan knows: by class and attribute, nothing is built."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence

from bn2gn_codemod.plan import ModuleClass, Part, Place, Plan, Site, TrainScript, Verdict
from bn2gn_codemod.reports.review.tree import Leaf, Model, Node, State, with_children

# Findings that say that BatchNorm of a backbone is, or gets, out of eval mode: at
# the optimizer of a train script, and elsewhere.
_AT_OPTIMIZER = frozenset({"BN201", "BN203"})
_ANYWHERE = frozenset({"BN202", "BN204", "BN205", "BN304"})
_ELSEWHERE = "Outside of the models"
_SAME = "the same as above"


def models(plan: Plan, untouched: Collection[str] = ()) -> tuple[Model, ...]:
    """A tree for each model, and one of the layers that are in none of them.

    ``untouched`` are the files that the migration left as they are.
    """
    return _Trees(plan, untouched).models()


class _Trees:
    def __init__(self, plan: Plan, untouched: Collection[str]) -> None:
        self._plan = plan
        self._classes = {cls.place: cls for cls in plan.module_classes}
        self._layers = _Layers(plan, untouched)
        self._leaves = self._layers.leaves(())
        self._shown: set[Place] = set()

    def models(self) -> tuple[Model, ...]:
        roots = dict.fromkeys(self._roots())
        found = [model for root in roots if (model := self._model(root)) is not None]
        found.sort(key=lambda model: len(model.tree.leaves), reverse=True)
        seen = {key for model in found for key in model.tree.leaves}
        self._leaves = self._layers.leaves(())
        rest = [site for site in self._plan.sites if site.place not in seen]
        if rest:
            found.append(Model(with_children(_ELSEWHERE, "", self._by_file(rest))))
        return tuple(found)

    def _model(self, root: ModuleClass) -> Model | None:
        self._shown = set()
        self._leaves = self._layers.leaves(self._training(root))
        tree = self._class("", root)
        if not tree.leaves and not tree.children:
            return None
        where = f"{root.place.path}:{root.place.line}"
        return Model(Node(root.name, "", tree.leaves, tree.children), where)

    def _training(self, root: ModuleClass) -> list[TrainScript]:
        """The train scripts of a model, or of what is in it or around it."""
        below = set(self._below(root.place))
        return [
            script
            for script in self._plan.train_scripts
            if not below.isdisjoint(script.classes)
            or any(root.place in self._below(cls) for cls in script.classes if cls in self._classes)
        ]

    # --------------------------------------------------------------- roots

    def _roots(self) -> Iterator[ModuleClass]:
        """The classes that nothing else holds; in a circle, the one that reaches most."""
        held = {
            inner
            for cls in self._classes.values()
            for part in cls.parts
            for inner in part.classes
            if inner != cls.place
        }
        left = dict(self._classes)
        while left:
            tops = [cls for place, cls in left.items() if place not in held]
            if not tops:
                tops = [max(left.values(), key=lambda cls: len(self._below(cls.place)))]
            for cls in tops:
                yield from self._unwrapped(cls, set())
                for place in self._below(cls.place):
                    left.pop(place, None)

    def _unwrapped(self, cls: ModuleClass, seen: set[Place]) -> Iterator[ModuleClass]:
        """The models themselves where a class only wraps a choice of them; each is seen once."""
        seen.add(cls.place)
        choice = cls.parts[0].classes if len(cls.parts) == 1 else ()
        inner = [self._classes[place] for place in choice if place not in seen]
        if len(choice) > 1 and inner and not (cls.parts[0].layers or cls.parts[0].library):
            for one in inner:
                if one.place not in seen:
                    yield from self._unwrapped(one, seen)
        else:
            yield cls

    def _below(self, place: Place) -> list[Place]:
        found = [place]
        for one in found:
            for part in self._classes[one].parts:
                found.extend(inner for inner in part.classes if inner not in found)
        return found

    # --------------------------------------------------------------- nodes

    def _class(self, name: str, cls: ModuleClass) -> Node:
        """What a class holds; each is opened up once in a model."""
        if cls.place in self._shown:
            reached = {
                site: self._leaves[site]
                for place in self._below(cls.place)
                for part in self._classes[place].parts
                for site in part.layers
                if site in self._leaves
            }
            return Node(name, cls.name, reached, note=_SAME)
        self._shown.add(cls.place)
        nodes = (self._part(part) for part in cls.parts)
        return with_children(name, cls.name, (node for node in nodes if _is_shown(node)))

    def _part(self, part: Part) -> Node:
        name = "(computed names)" if part.attribute == "*" else part.attribute
        children = [
            self._layer(f"line {place.line}", place)
            for place in part.layers
            if place in self._leaves
        ]
        children += [self._class("", self._classes[place]) for place in part.classes]
        children += [_library(dotted) for dotted in part.library]
        children = [child for child in children if _is_shown(child)]
        if len(children) == 1:
            (only,) = children
            return Node(name, only.class_, only.leaves, only.children, only.note)
        return with_children(name, "", children)

    def _layer(self, name: str, place: Place) -> Node:
        return Node(name, "", {place: self._leaves[place]})

    def _by_file(self, sites: list[Site]) -> Iterator[Node]:
        for path, in_file in itertools.groupby(sites, key=lambda site: site.place.path):
            children = (self._layer(site.name, site.place) for site in in_file)
            yield with_children(path, "", children)


class _Layers:
    """What becomes of the layers of a plan."""

    def __init__(self, plan: Plan, untouched: Collection[str]) -> None:
        self._plan = plan
        self._untouched = untouched
        self._mendable = {
            finding.place
            for finding in plan.findings
            if finding.code == "BN101" and finding.fixable
        }

    def leaves(self, scripts: Sequence[TrainScript]) -> dict[Place, Leaf]:
        """The layers by place, in a model that these scripts train."""
        before, after = self._kept(scripts)
        return {site.place: self._leaf(site, before, after) for site in self._plan.sites}

    def _leaf(self, site: Site, before: State, after: State) -> Leaf:
        key = (site.place.path, site.place.line)
        if site.verdict is Verdict.KEEP:
            return Leaf(before, after, site.norm, site.norm, key)
        if site.verdict is Verdict.CONVERT:
            done = site.place in self._mendable and site.place.path not in self._untouched
            after = State.GROUP if done else State.TRAIN
            return Leaf(State.TRAIN, after, site.norm, "GroupNorm" if done else site.norm, key)
        return Leaf(State.TRAIN, State.UNDECIDED, site.norm, f"{site.norm}, left alone", key)

    def _kept(self, scripts: Sequence[TrainScript]) -> tuple[State, State]:
        """What BatchNorm that stays is, before and after."""
        if not scripts:
            return State.STAYS, State.STAYS
        optimizers = {script.optimizer for script in scripts}
        thawed = [
            finding
            for finding in self._plan.findings
            if finding.code in _ANYWHERE
            or (finding.code in _AT_OPTIMIZER and finding.place in optimizers)
        ]
        left = [f for f in thawed if not f.fixable or f.place.path in self._untouched]
        return (
            State.TRAIN if thawed else State.FROZEN,
            State.TRAIN if left else State.FROZEN,
        )


def _library(dotted: str) -> Node:
    return Node("", dotted, note="a library's model: bn2gn verify counts its layers")


def _is_shown(node: Node) -> bool:
    return bool(node.leaves or node.children or (node.note and node.note != _SAME))
