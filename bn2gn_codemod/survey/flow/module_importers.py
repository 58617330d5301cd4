"""Which modules import another one."""

from __future__ import annotations

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.modules import Module


def importers_by_module(flow: Flow) -> dict[Module, set[str]]:
    """The paths of the modules that name a module, or something of it, in an import."""
    found: dict[Module, set[str]] = {}
    for (path, _), (target, _) in flow.bindings.items():
        if isinstance(target, Module):
            found.setdefault(target, set()).add(path)
    for (function, _), inner in flow.packages.items():  # import models.build
        for module in inner.values():
            found.setdefault(module, set()).add(function.module.path)
    return found


def importers(flow: Flow, module: Module) -> list[Module]:
    """The other modules that import one."""
    paths = importers_by_module(flow).get(module, set())
    return [flow.by_path[path] for path in sorted(paths) if path != module.path]
