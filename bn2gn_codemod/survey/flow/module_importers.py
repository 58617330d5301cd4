"""Which modules import another one."""

from __future__ import annotations

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.modules import Module


def importers(flow: Flow, module: Module) -> list[Module]:
    """The modules that name another one, or something of it, in an import."""
    paths = {path for (path, _), (target, _) in flow.bindings.items() if target is module}
    for (function, _), inner in flow.packages.items():  # import models.build
        if module in inner.values():
            paths.add(function.module.path)
    return [flow.by_path[path] for path in sorted(paths) if path != module.path]
