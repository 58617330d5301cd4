"""The trees of models that were built: every norm layer is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from bn2gn_codemod.plan import Plan, Verdict
from bn2gn_codemod.reports.review.tree import Leaf, Model, Node, State, with_children
from bn2gn_codemod.snapshot import LiveRun, ModelSnapshot, Module, Norm
from bn2gn_codemod.verify.comparison import Comparison, verdicts

_UNDECIDED = (Verdict.CONFLICT, Verdict.UNKNOWN)
_States = Callable[[Module], State]


def compared(comparison: Comparison, plan: Plan) -> Model:
    """The tree of one model before and after; ``plan`` is that of the earlier state."""
    after, before = comparison.after, comparison.before
    name = f"{after.factory}({after.passed})"
    problem = after.error
    if before is not None and before.error:
        problem = problem or f"cannot be compared; before: {before.error}"
        before = None
    was = _layers(before) if before is not None else {}
    now = _layers(after)
    state_before = _frozen_by_functions(before) if before is not None else None
    state_after = _decided(_frozen_by_functions(after), comparison.verdicts)
    sites = _sites(plan)
    leaves = {
        layer: _leaf(was.get(layer), now.get(layer), state_before, state_after, sites)
        for layer in dict.fromkeys((*was, *now))
    }
    classes = {m.name: m.class_.rpartition(".")[2] for m in (*after.modules, *_of(before))}
    return Model(
        _tree(name, leaves, classes),
        after.path,
        problem,
        is_compared=before is not None,
    )


def running(run: LiveRun, plan: Plan) -> Model:
    """The tree of a model as it ran in a training command."""
    leaves = {
        layer.name: _leaf(
            None,
            layer,
            None,
            _decided(_frozen_while_running(run), verdicts(run.model, plan)),
            _sites(plan),
        )
        for layer in run.model.norms
    }
    classes = {module.name: module.class_.rpartition(".")[2] for module in run.model.modules}
    return Model(
        _tree(" ".join(run.command), leaves, classes), f"process {run.pid}", is_compared=False
    )


def _of(model: ModelSnapshot | None) -> tuple[Module, ...]:
    return model.modules if model is not None else ()


def _layers(model: ModelSnapshot) -> dict[str, Module]:
    return {layer.name: layer for layer in model.norms}


# ------------------------------------------------------------------- states


def _frozen_by_functions(model: ModelSnapshot) -> _States:
    """Frozen is what every freeze function of the repository freezes, ``.train()`` or not."""
    freezes = [
        {state.name for state in freeze.after_train if state.is_frozen}
        for freeze in model.freezes
        if not freeze.error
    ]
    frozen = frozenset.intersection(*map(frozenset, freezes)) if freezes else frozenset()
    training = _training(model)

    def state(layer: Module) -> State:
        is_frozen = layer.name in frozen or (not layer.training and layer.name not in training)
        return _state(layer, is_frozen)

    return state


def _frozen_while_running(run: LiveRun) -> _States:
    in_train = {norm.name for norm in run.norms if norm.train}
    idle = {norm.name for norm in run.norms if not norm.train and not norm.eval}
    training = _training(run.model)

    def state(layer: Module) -> State:
        is_train = layer.name in in_train or (layer.name in idle and layer.training)
        return _state(layer, not is_train and layer.name not in training)

    return state


def _training(model: ModelSnapshot) -> frozenset[str]:
    """The modules with a parameter of their own that trains."""
    return frozenset(p.name.rpartition(".")[0] for p in model.parameters if p.requires_grad)


def _state(layer: Module, is_frozen: bool) -> State:
    assert layer.norm is not None
    if layer.norm.is_batch_norm:
        return State.FROZEN if is_frozen else State.TRAIN
    return State.GROUP if layer.norm.kind == "GroupNorm" else State.OTHER


def _decided(states: _States, found: Mapping[str, Verdict]) -> _States:
    """BatchNorm in train mode that nobody decided about is undecided."""

    def state(layer: Module) -> State:
        seen = states(layer)
        undecided = seen is State.TRAIN and found.get(layer.name) in _UNDECIDED
        return State.UNDECIDED if undecided else seen

    return state


# --------------------------------------------------------------------- tree


def _leaf(
    was: Module | None,
    now: Module | None,
    before: _States | None,
    after: _States,
    sites: frozenset[tuple[str, int]],
) -> Leaf:
    made = was or now
    frames = made.origin if made is not None else ()
    places = ((frame.path, frame.line) for frame in frames)
    return Leaf(
        before(was) if was is not None and before is not None else None,
        after(now) if now is not None else None,
        _words(was),
        _words(now),
        next((place for place in places if place in sites), None),
    )


def _words(layer: Module | None) -> str:
    norm: Norm | None = layer.norm if layer is not None else None
    if norm is None:
        return ""
    if norm.groups is not None:
        return f"{norm.kind}({norm.groups}, {norm.channels})"
    return f"{norm.kind}({norm.channels})"


def _sites(plan: Plan) -> frozenset[tuple[str, int]]:
    return frozenset((site.place.path, site.place.line) for site in plan.sites)


def _tree(name: str, leaves: Mapping[str, Leaf], classes: Mapping[str, str]) -> Node:
    """``name`` is the model's; ``leaves`` and ``classes`` go by dotted name."""
    return with_children(name, classes.get("", ""), _children("", leaves, classes))


def _children(
    around: str, leaves: Mapping[str, Leaf], classes: Mapping[str, str]
) -> Iterable[Node]:
    prefix = f"{around}." if around else ""
    by_part: dict[str, dict[str, Leaf]] = {}
    for dotted, leaf in leaves.items():
        if dotted != around:
            part = dotted[len(prefix) :].partition(".")[0]
            by_part.setdefault(part, {})[dotted] = leaf
    for part, below in by_part.items():
        dotted = prefix + part
        if list(below) == [dotted]:
            yield Node(part, "", {dotted: below[dotted]})
        else:
            yield with_children(part, classes.get(dotted, ""), _children(dotted, below, classes))
