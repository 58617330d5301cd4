"""Every ``norm_cfg`` of a model in a config, and the configs in which it holds."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

from bn2gn_codemod.plan import Place, Site, Verdict
from bn2gn_codemod.survey.configs.inheritance import Config
from bn2gn_codemod.survey.configs.values import Entry, Keys, Table, dotted, walk
from bn2gn_codemod.survey.configs.weights import OwnTrainings, is_backbone
from bn2gn_codemod.survey.known.norm_classes import REGISTERED, is_norm_class

# Of a kind that is in no library: it is one for its name alone.
_CALLED_BATCH_NORM = re.compile(r"BN|BatchNorm")


@dataclasses.dataclass
class NormChoice:
    """One ``norm_cfg`` as written, and the configs in which it holds."""

    keys: Keys
    entry: Entry
    kind: str
    uses: list[Config] = dataclasses.field(default_factory=list)
    all_keys: set[Keys] = dataclasses.field(default_factory=set)

    @property
    def sides(self) -> set[bool]:
        """Whether it serves a backbone, and whether it serves anything else."""
        return {is_backbone(keys) for keys in self.all_keys}

    @property
    def norm(self) -> str:
        """The class of the layers, ``""`` where only the name of the kind speaks for one."""
        return REGISTERED.get(self.kind, self.kind if is_norm_class(self.kind) else "")

    def trained_before(self, trainings: OwnTrainings) -> Iterator[Entry]:
        """What stands in its place where the weights are trained that its configs start from."""
        for use in self.uses:
            for trainer in trainings.before(use):
                for keys in sorted(self.all_keys, key=dotted):
                    entry = trainer.resolved.entry(*keys)
                    if entry and entry.at != self.entry.at and _kind(entry):
                        yield entry

    def site(self, verdict: Verdict, *reasons: str, settles: tuple[str, ...] = ()) -> Site:
        at, name = self.entry.at, dotted(self.keys)
        return Site(at, self.kind, "", name, verdict, reasons, settles=settles)


def norm_choices(configs: Sequence[Config]) -> list[NormChoice]:
    found: dict[Place, NormChoice] = {}
    paths = {config.path for config in configs}
    for config in configs:
        model = config.resolved.get("model")
        for keys, entry in walk(model, ("model",)) if model else ():
            if keys[-1] != "norm_cfg" or entry.at.path not in paths:
                continue
            kind = _kind(entry)
            if kind:
                choice = found.setdefault(entry.at, NormChoice(keys, entry, kind))
                if config.path == entry.at.path:
                    choice.entry, choice.kind = entry, kind  # as written: heirs may change it
                choice.uses.append(config)
                choice.all_keys.add(keys)
    return [found[place] for place in sorted(found)]


def _kind(entry: Entry) -> str:
    """The ``type`` of a ``norm_cfg``, if that is a BatchNorm by its name."""
    kind = entry.value.scalar("type") if isinstance(entry.value, Table) else None
    is_one = isinstance(kind, str) and _CALLED_BATCH_NORM.search(kind) is not None
    return str(kind) if is_one else ""
