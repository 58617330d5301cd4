"""Whether a table of tensors is the state dict of a model, under whatever prefix."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from bn2gn_codemod.checkpoint.contents import Shape, Table
from bn2gn_codemod.checkpoint.target import Target
from bn2gn_codemod.wording import counted, listed

_COMPILED = "_orig_mod."  # torch.compile puts it wherever a compiled module begins
_SAMPLES = 12  # names of the model that are looked up to find the prefix
_ENOUGH = 0.9  # of the model's tensors: less is another model


@dataclasses.dataclass(frozen=True)
class Fit:
    """How a table compares with the state dict of the migrated model.

    ``keys`` maps the model's names to the table's keys, those of running
    statistics to drop included. The others are the differences that remain
    then, in the model's names but for ``unexpected``.
    """

    table: Table
    target: Target
    prefix: str
    keys: Mapping[str, str]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: Mapping[str, str]  # by name, the two shapes in words

    @property
    def statistics(self) -> tuple[str, ...]:
        """The table's keys of running statistics that go."""
        gone = self.target.statistics
        return tuple(key for name, key in self.keys.items() if name in gone)

    @property
    def matched(self) -> int:
        """How many tensors of the model it has, in the right shape."""
        return len(self.target.state) - len(self.missing) - len(self.misshapen)

    @property
    def is_exact(self) -> bool:
        """Whether what is left loads with ``strict=True``."""
        return not (self.missing or self.unexpected or self.misshapen)

    @property
    def is_model(self) -> bool:
        """Whether it is this model's state dict, perhaps with small differences."""
        return self.matched >= _ENOUGH * len(self.target.state)

    @property
    def is_parameters(self) -> bool:
        """Whether it holds the parameters alone, as some moving averages do."""
        wrong = {*self.missing, *self.misshapen}
        return bool(self.target.parameters) and wrong.isdisjoint(self.target.parameters)

    @property
    def differences(self) -> str:
        """The closest ones, named, in one line."""
        parts = [
            f"{what}: {listed(names)}"
            for what, names in (
                ("not in the checkpoint", self.missing),
                ("not in the model", self.unexpected),
                ("of another shape", [f"{k} ({v})" for k, v in self.misshapen.items()]),
            )
            if names
        ]
        return "; ".join(parts)

    @property
    def summary(self) -> str:
        """How much of the model is there."""
        return f"{self.matched} of {counted(len(self.target.state), 'tensor')} of the model"


def fits(table: Table, target: Target) -> tuple[Fit, ...]:
    """Compare a table with the state dict of ``target``: the best fit first.

    More follow where the table holds the model several times: a module that
    keeps a model and its moving average.
    """
    named = {key: shape for key, shape in table.tensors.items() if isinstance(key, str)}
    plain = {key.replace(_COMPILED, ""): key for key in named}
    if len(plain) < len(named):
        plain = {key: key for key in named}
    found = [_fit(table, target, named, plain, prefix) for prefix in _prefixes(plain, target)]
    return (found[0], *(other for other in found[1:] if other.is_model))


def _fit(
    table: Table,
    target: Target,
    named: Mapping[str, Shape],
    plain: Mapping[str, str],
    prefix: str,
) -> Fit:
    keys = {
        name: plain[prefix + name]
        for name in (*target.state, *sorted(target.statistics - target.state.keys()))
        if prefix + name in plain
    }
    known = set(keys.values())
    return Fit(
        table,
        target,
        prefix,
        keys,
        _missing(keys, target),
        tuple(k for p, k in plain.items() if p.startswith(prefix) and k not in known),
        _misshapen(keys, named, target),
    )


def _prefixes(plain: Iterable[str], target: Target) -> list[str]:
    """What stands before the model's names, in most of the keys first."""
    present = set(plain)
    names = list(target.state)
    samples = names[:: max(1, len(names) // _SAMPLES)]
    found = {
        key[: len(key) - len(name)]
        for name in samples
        for key in present
        if key == name or key.endswith("." + name)
    }
    count = {prefix: sum(prefix + name in present for name in names) for prefix in found or {""}}
    return sorted(count, key=lambda prefix: (-count[prefix], len(prefix), prefix))


def _missing(keys: Mapping[str, str], target: Target) -> tuple[str, ...]:
    missing = [name for name in target.state if name not in keys]
    # BatchNorm counts batches since torch 0.4.1, and loads older files strictly.
    counters = [name for name in target.state if name.endswith(".num_batches_tracked")]
    if counters and set(counters) <= set(missing):
        return tuple(name for name in missing if name not in set(counters))
    return tuple(missing)


def _misshapen(
    keys: Mapping[str, str], named: Mapping[str, Shape], target: Target
) -> dict[str, str]:
    return {
        name: f"{_text(named[keys[name]])} instead of {_text(shape)}"
        for name, shape in target.state.items()
        if name in keys and named[keys[name]] != shape
    }


def _text(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "a single number"
