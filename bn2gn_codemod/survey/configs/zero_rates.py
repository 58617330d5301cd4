"""Learning rates of 0 in optimizer settings, and the parts of a model that they are about."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from bn2gn_codemod.plan import Place
from bn2gn_codemod.survey.configs.inheritance import Config
from bn2gn_codemod.survey.configs.values import Entry, Keys, Scalar, Table, dotted, model_keys, walk


@dataclasses.dataclass
class ZeroRate:
    """An entry that sets a learning rate to 0, and the configs in which it holds.

    ``names`` is what MMEngine looks for in parameter names, ``None`` for the
    learning rate of the optimizer itself.
    """

    keys: Keys
    entry: Entry
    uses: list[Config]

    @property
    def names(self) -> str | None:
        return str(self.keys[-2]) if "custom_keys" in self.keys else None

    def holds_in(self, config: Config) -> bool:
        """Whether this entry, or another one in its place, is 0 in ``config``."""
        group = config.resolved.get(*self.keys[:-1])
        entries = group.entries.items() if isinstance(group, Table) else ()
        return any(_is_zero_rate((*self.keys[:-1], key), entry) for key, entry in entries)


def zero_rates(configs: Sequence[Config]) -> list[ZeroRate]:
    """Every learning rate of 0 in the optimizer settings of ``configs``, by place."""
    found: dict[tuple[Place, Keys], ZeroRate] = {}
    for config in configs:
        for setting in ("optim_wrapper", "optimizer", "paramwise_cfg"):
            value = config.resolved.get(setting)
            for keys, entry in walk(value, (setting,)) if value else ():
                if _is_zero_rate(keys, entry):
                    rate = found.setdefault((entry.at, keys), ZeroRate(keys, entry, []))
                    rate.uses.append(config)
    return [found[place] for place in sorted(found, key=lambda each: (each[0], dotted(each[1])))]


def _is_zero_rate(keys: Keys, entry: Entry) -> bool:
    in_group = len(keys) > 2 and keys[-3] == "custom_keys" and keys[-1] in ("lr_mult", "lr")
    of_optimizer = keys[-2:] == ("optimizer", "lr")
    value = entry.value.value if isinstance(entry.value, Scalar) else None
    is_zero = isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0
    return (in_group or of_optimizer) and is_zero


def reached(model: Table, names: str) -> list[Keys]:
    """The parts of the model whose parameters a custom key matches, none inside another."""
    parts = [keys for keys in model_keys(model) if names.strip(".") in dotted(keys)]
    return [
        keys
        for keys in parts
        if not any(len(above) < len(keys) and keys[: len(above)] == above for above in parts)
    ]


def trained_inside(config: Config, rate: ZeroRate) -> list[str]:
    """Other custom keys that win over this one in a part of what it matches, and train it."""
    others = config.resolved.get(*rate.keys[:-2])
    if not isinstance(others, Table) or rate.names is None:
        return []
    return [
        key
        for key, entry in others.entries.items()
        if len(key) >= len(rate.names)
        and key != rate.names
        and isinstance(entry.value, Table)
        and entry.value.scalar("lr_mult") not in (None, 0, 0.0)
        # `backbone.layer4` lies within `backbone`; `head` does not.
        and rate.names.strip(".") in key
    ]
