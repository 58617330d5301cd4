"""What is to be changed in a checkpoint, decided from its contents and the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from bn2gn_codemod.checkpoint.contents import Contents, Edits, OptimizerState, Path, Table
from bn2gn_codemod.checkpoint.fit import Fit, fits
from bn2gn_codemod.checkpoint.target import Target
from bn2gn_codemod.problem import Problem

Rule = Literal["keep", "drop"]
# Where training loops keep the model; the shortest path where it has none of these.
_USUAL: tuple[Path, ...] = (("state_dict",), ("model",), ("model_state_dict",), ())


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What the command line asks for: ``reset`` converted layers, keep or drop the rest."""

    reset: bool = False
    optimizer: Rule = "keep"
    ema: Rule = "keep"


@dataclasses.dataclass(frozen=True)
class TableOutcome:
    """What becomes of a table of tensors, in keys of the table."""

    table: Table
    role: Literal["model", "average"]
    rule: str
    dropped: tuple[str, ...] = ()
    reset: Mapping[str | int, int] = dataclasses.field(default_factory=dict)
    removed: bool = False


@dataclasses.dataclass(frozen=True)
class OptimizerOutcome:
    """What becomes of an optimizer; ``forgotten`` are parameters, by their names."""

    optimizer: OptimizerState
    rule: str
    forgotten: tuple[str, ...] = ()
    removed: bool = False


@dataclasses.dataclass(frozen=True)
class Decision:
    """All that is to be done to a checkpoint, and why."""

    target: Target
    model: Fit
    tables: tuple[TableOutcome, ...]
    optimizers: tuple[OptimizerOutcome, ...]
    edits: Edits


def decide(name: str, contents: Contents, targets: Sequence[Target], wishes: Wishes) -> Decision:
    """Find the model in the checkpoint ``name`` and say what changes.

    Raises ``Problem`` when it fits none of ``targets``, or the migrated one already.
    """
    model = _model(name, contents, targets)
    if not model.statistics and not wishes.reset:
        raise Problem(f"{name}: fits the migrated {model.target.name} already; nothing to convert")
    tables = tuple(_tables(contents, model, wishes))
    optimizers = tuple(
        _optimizer(optimizer, model.target, wishes) for optimizer in contents.optimizers
    )
    edits = _edits(tables, optimizers, model.target)
    return Decision(model.target, model, tables, optimizers, edits)


def _model(name: str, contents: Contents, targets: Sequence[Target]) -> Fit:
    if not contents.tables:
        kind = f" (it is a {contents.kind})" if contents.kind else ""
        raise Problem(f"{name}: holds no state dict: no tensors by name{kind}")
    found = [fits(table, target)[0] for table in contents.tables for target in targets]
    found.sort(key=_rank)
    best = found[0]
    if not best.is_model:
        raise Problem(
            f"{name}: does not fit {best.target.name}; it has {best.summary}; {best.differences}"
        )
    for other in found[1:]:
        is_as_good = other.table is best.table and _rank(other)[:2] == _rank(best)[:2]
        if is_as_good and other.statistics != best.statistics:
            raise Problem(
                f"{name}: fits both {best.target.name} and {other.target.name}; "
                "say which with --model"
            )
    return best


def _rank(fit: Fit) -> tuple[float, int, int, int]:
    """The best comes first: the model's own table where several fit equally well."""
    share = fit.matched / max(1, len(fit.target.state))
    path = fit.table.path
    usual = _USUAL.index(path) if path in _USUAL else len(_USUAL)
    return (-share, len(fit.unexpected), usual, len(path))


def _tables(contents: Contents, model: Fit, wishes: Wishes) -> Iterator[TableOutcome]:
    yield _changed(model, "model", wishes)
    for other in fits(model.table, model.target)[1:]:
        yield _changed(other, "average", wishes)
    for table in contents.tables:
        if table is not model.table:
            for found in fits(table, model.target):
                if found.is_model or found.is_parameters:
                    yield _average(found, wishes)
    for table in contents.lists:
        if tuple(table.tensors.values()) == tuple(model.target.parameters.values()):
            if wishes.ema == "drop":
                yield TableOutcome(table, "average", "dropped (--ema drop)", removed=True)
                continue
            affine = model.target.affine if wishes.reset else {}
            numbers = enumerate(model.target.parameters)
            yield TableOutcome(
                table,
                "average",
                "a list in the order of the parameters, carried over",
                reset={number: affine[name] for number, name in numbers if name in affine},
            )


def _average(found: Fit, wishes: Wishes) -> TableOutcome:
    if wishes.ema == "drop":
        return TableOutcome(found.table, "average", "dropped (--ema drop)", removed=True)
    return _changed(found, "average", wishes)


def _changed(found: Fit, role: Literal["model", "average"], wishes: Wishes) -> TableOutcome:
    affine = found.target.affine
    values: dict[str | int, int] = {
        found.keys[name]: value for name, value in affine.items() if name in found.keys
    }
    become = "reset to 1 and 0" if wishes.reset else "kept"
    rule = f"weights and biases of converted layers ({len(values)}) {become}"
    return TableOutcome(found.table, role, rule, found.statistics, values if wishes.reset else {})


def _optimizer(optimizer: OptimizerState, target: Target, wishes: Wishes) -> OptimizerOutcome:
    if wishes.optimizer == "drop":
        return OptimizerOutcome(optimizer, "dropped (--optimizer drop)", removed=True)
    if not optimizer.state:
        return OptimizerOutcome(optimizer, "carried over; it has no state of any parameter")
    names = _names(optimizer, target)
    if not names:
        return OptimizerOutcome(
            optimizer,
            "carried over as it is: its parameters cannot be matched with the model's "
            "(--optimizer drop leaves it out)",
        )
    stale = target.frozen | (target.affine.keys() if wishes.reset else set())
    forgotten = tuple(name for n, name in names.items() if name in stale and n in optimizer.state)
    return OptimizerOutcome(optimizer, "carried over", forgotten)


def _names(optimizer: OptimizerState, target: Target) -> dict[int, str]:
    """Which parameter each number of the optimizer means; empty when it is not certain.

    Optimizers number parameters in the order in which they got them. That is
    the model's where one group got all of them, or each got one; and then the
    state's tensors have the parameters' shapes.
    """
    groups = optimizer.groups
    numbers = [number for group in groups for number in group]
    in_order = len(groups) == 1 or all(len(group) == 1 for group in groups)
    if not in_order or numbers != list(range(len(target.parameters))):
        return {}
    shapes = list(target.parameters.values())
    for number, kept in optimizer.state.items():
        if number >= len(shapes) or any(shape != shapes[number] for shape in kept):
            return {}
    return dict(enumerate(target.parameters))


def _edits(
    tables: Sequence[TableOutcome], optimizers: Sequence[OptimizerOutcome], target: Target
) -> Edits:
    numbers = {name: number for number, name in enumerate(target.parameters)}
    drop: dict[Path, tuple[str, ...]] = {}
    reset: dict[Path, dict[str | int, int]] = {}
    for outcome in tables:
        path = outcome.table.path
        if outcome.dropped:
            drop[path] = (*drop.get(path, ()), *outcome.dropped)
        if outcome.reset:
            reset[path] = {**reset.get(path, {}), **outcome.reset}
    return Edits(
        drop=drop,
        reset=reset,
        forget={
            o.optimizer.path: tuple(numbers[name] for name in o.forgotten)
            for o in optimizers
            if o.forgotten
        },
        remove=tuple(
            dict.fromkeys(
                [
                    *(t.table.path for t in tables if t.removed),
                    *(o.optimizer.path for o in optimizers if o.removed),
                ]
            )
        ),
    )
