"""Counting a model's parameters: in all, by module, and those that matter most."""

from __future__ import annotations

import collections
import dataclasses
import fnmatch
from collections.abc import Iterable, Mapping, Sequence

from bn2gn_codemod.audit.evidence import Evidence
from bn2gn_codemod.snapshot import LiveRun, ModelSnapshot, Parameter

_WRAPPERS = ("module", "model", "_orig_mod")  # DataParallel, a loss wrapper, torch.compile
ITSELF = "(the model)"


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table of modules. Rows are disjoint: they add up to the total."""

    name: str
    parameters: int
    trainable: int
    status: str

    @property
    def frozen(self) -> int:
        return self.parameters - self.trainable


@dataclasses.dataclass(frozen=True)
class KeyParameter:
    """One parameter that matters. ``value`` is that of a learned scalar before training.

    ``in_optimizer`` is ``None`` when no optimizer was seen.
    """

    name: str
    parameters: int
    trainable: bool
    in_optimizer: bool | None
    value: float | None = None


@dataclasses.dataclass(frozen=True)
class NormCount:
    """The norm layers of one kind: how many there are in each mode during training."""

    kind: str
    train: int
    eval: int
    frozen: int  # in eval mode and without a trainable parameter


def inner_name(model: ModelSnapshot, name: str) -> str:
    """``name`` without the wrappers around the model (``module.``, ``model.``)."""
    prefix = _prefix(model)
    return name[len(prefix) :] if name.startswith(prefix) else name


def rows(evidence: Evidence, requested: Sequence[str] = ()) -> tuple[Row, ...]:
    """A row for each top-level module, for each requested one, and for the
    modules that hold a learned scalar beside other parameters."""
    model = evidence.model
    if model is None:
        return ()
    own = {*requested, *_modules_with_scalars(model)}
    counted: dict[str, list[Parameter]] = collections.defaultdict(list)
    for parameter in model.parameters:
        counted[_row_of(inner_name(model, parameter.name), own)].append(parameter)
    known = known_modules(evidence)
    names = dict.fromkeys((*counted, *(name for name in requested if name in known)))
    pretended = _without_learning_rate(evidence.run)
    return tuple(_row(name, counted.get(name, []), pretended) for name in names)


def known_modules(evidence: Evidence) -> set[str]:
    """The names under which a row can be requested."""
    model = evidence.model
    return {inner_name(model, module.name) for module in model.modules} if model else set()


def key_parameters(evidence: Evidence, globs: Iterable[str] = ()) -> tuple[KeyParameter, ...]:
    """The parameters that ``globs`` name, after the learned scalars."""
    model = evidence.model
    if model is None:
        return ()
    before = {p.name: p.value for p in evidence.built.parameters} if evidence.built else {}
    found: dict[str, KeyParameter] = {}
    classes = _classes(model)
    scalars = [p for p in model.parameters if _is_learned_scalar(p, classes)]
    named = [parameter for glob in globs for parameter in matching(evidence, glob)]
    for parameter in (*scalars, *named):
        name = inner_name(model, parameter.name)
        found[name] = KeyParameter(
            name,
            parameter.numel,
            parameter.requires_grad,
            _in_optimizer(evidence.run, parameter.name),
            before.get(name, parameter.value),
        )
    return tuple(found.values())


def matching(evidence: Evidence, glob: str) -> list[Parameter]:
    """The parameters that ``glob`` names."""
    model = evidence.model
    return [p for p in model.parameters if _matches(model, p, glob)] if model else []


def norms(evidence: Evidence) -> tuple[NormCount, ...]:
    """The norm layers by kind; the mode is the one in which they ran."""
    model = evidence.model
    if model is None:
        return ()
    in_train = modes(evidence)
    trainable = {p.name.rpartition(".")[0] for p in model.parameters if p.requires_grad}
    counted: dict[str, list[tuple[bool, bool]]] = collections.defaultdict(list)
    for module in model.norms:
        assert module.norm is not None
        counted[module.norm.kind].append((in_train[module.name], module.name in trainable))
    return tuple(
        NormCount(
            kind,
            sum(train for train, _ in layers),
            sum(not train for train, _ in layers),
            sum(not train and not trains for train, trains in layers),
        )
        for kind, layers in sorted(counted.items())
    )


def modes(evidence: Evidence) -> Mapping[str, bool]:
    """For each norm layer whether it is in train mode during training."""
    model = evidence.model
    assert model is not None
    norms_seen = evidence.run.norms if evidence.run else ()
    ran = {norm.name: norm.train > 0 for norm in norms_seen if norm.train or norm.eval}
    return {module.name: ran.get(module.name, module.training) for module in model.norms}


def _prefix(model: ModelSnapshot) -> str:
    prefix = ""
    while True:
        tops = {p.name[len(prefix) :].partition(".")[0] for p in model.parameters}
        if len(tops) != 1 or not tops <= set(_WRAPPERS):
            return prefix
        prefix += tops.pop() + "."


def _row_of(name: str, own: set[str]) -> str:
    """The deepest of ``own`` that holds the parameter, else its top-level module."""
    parts = name.split(".")
    for depth in range(len(parts) - 1, 0, -1):
        above = ".".join(parts[:depth])
        if above in own or depth == 1:
            return above
    return ITSELF


def _row(name: str, parameters: Sequence[Parameter], pretended: set[str]) -> Row:
    total = sum(parameter.numel for parameter in parameters)
    trainable = sum(parameter.numel for parameter in parameters if parameter.requires_grad)
    if not total:
        status = "no parameters"
    elif not trainable:
        status = "frozen"
    elif all(p.name in pretended for p in parameters if p.requires_grad):
        status = "not frozen: its learning rate is 0"
    else:
        status = "partly frozen" if trainable < total else "trainable"
    return Row(name, total, trainable, status)


def _without_learning_rate(run: LiveRun | None) -> set[str]:
    groups = [group for optimizer in run.optimizers for group in optimizer.groups] if run else []
    if not any(group.lr for group in groups):
        return set()  # a warm-up that starts at 0
    return {name for group in groups if not group.lr for name in group.parameters}


def _modules_with_scalars(model: ModelSnapshot) -> set[str]:
    sizes: collections.Counter[str] = collections.Counter()
    owners = set()
    classes = _classes(model)
    for parameter in model.parameters:
        parts = parameter.name.split(".")
        sizes.update({".".join(parts[:depth]): parameter.numel for depth in range(1, len(parts))})
        if _is_learned_scalar(parameter, classes):
            owners.add(parameter.name.rpartition(".")[0])
    return {inner_name(model, owner) for owner in owners if sizes[owner] > 1}


def _is_learned_scalar(parameter: Parameter, classes: Mapping[str, str]) -> bool:
    """One element, held by a class of somebody's own: no bias of a one-channel layer."""
    owner = classes.get(parameter.name.rpartition(".")[0], "")
    return parameter.numel == 1 and not owner.startswith("torch.")


def _classes(model: ModelSnapshot) -> dict[str, str]:
    return {module.name: module.class_ for module in model.modules}


def _matches(model: ModelSnapshot, parameter: Parameter, glob: str) -> bool:
    return fnmatch.fnmatchcase(inner_name(model, parameter.name), glob)


def _in_optimizer(run: LiveRun | None, name: str) -> bool | None:
    if run is None or not run.optimizers:
        return None
    return any(name in optimizer.parameters for optimizer in run.optimizers)
