"""One model before and after the migration, and what a check says about it."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Iterable, Mapping

from bn2gn_codemod.plan import Plan, Site, Verdict
from bn2gn_codemod.snapshot import ModelSnapshot, Module


@dataclasses.dataclass(frozen=True)
class Check:
    """The result of one named check; ``detail`` is one line."""

    name: str
    passed: bool
    detail: str


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One model: as it is, as it was (``None``: nothing to compare with), and the plan's view.

    ``verdicts`` maps the dotted names of norm layers to what the plan decided
    about the source line that made them; a layer that no site made is missing.
    """

    after: ModelSnapshot
    before: ModelSnapshot | None = None
    verdicts: Mapping[str, Verdict] = dataclasses.field(default_factory=dict)

    def named(self, verdict: Verdict) -> tuple[str, ...]:
        """The layers of this verdict."""
        return tuple(name for name, found in self.verdicts.items() if found is verdict)


def verdicts(model: ModelSnapshot, plan: Plan) -> dict[str, Verdict]:
    """What ``plan`` decided about each norm layer of ``model``, by dotted name.

    A live layer belongs to the site on the innermost line that was running when
    it was made. Where its class was named elsewhere (``NORMS[kind](channels)``)
    no such line is a site: then to the sites of that file that end up in an
    attribute of its name.
    """
    sites: dict[tuple[str, int], Verdict] = {}
    for site in plan.sites:
        key = (site.place.path, site.place.line)
        sites[key] = _joined(sites.get(key), site)
    found = {}
    for layer in model.norms:
        made = (sites.get((frame.path, frame.line)) for frame in layer.origin)
        verdict = next((verdict for verdict in made if verdict is not None), None)
        if verdict is None:
            verdict = _by_attribute(layer, plan)
        if verdict is not None:
            found[layer.name] = verdict
    return found


def _by_attribute(layer: Module, plan: Plan) -> Verdict | None:
    names = [part for part in layer.name.split(".") if not part.isdigit()]
    path = layer.origin[0].path if layer.origin else ""
    agreed: Verdict | None = None
    for site in plan.sites:
        named = site.attribute and site.place.path == path and names
        if named and fnmatch.fnmatchcase(names[-1], site.attribute):
            agreed = _joined(agreed, site)
    return agreed


def _joined(known: Verdict | None, site: Site) -> Verdict:
    # Two sites on one line that disagree: the line cannot tell them apart.
    return site.verdict if known in (None, site.verdict) else Verdict.UNKNOWN


def by_name(layers: Iterable[Module]) -> dict[str, Module]:
    return {layer.name: layer for layer in layers}
