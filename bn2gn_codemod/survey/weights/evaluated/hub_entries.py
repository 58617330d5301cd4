"""Finished models that a repository offers on PyTorch Hub.

What ``hubconf.py`` loads is the outcome of a training, not what it starts from.
"""

from __future__ import annotations

import functools

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.values import Class, Instance

_NAME = "hubconf.py"


class HubEntries:
    """What ``hubconf.py`` is for: others, or the training code of the repository as well."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def is_only_offered(self, where: str) -> bool:
        """Whether a load at ``path:line`` is in ``hubconf.py``, which nobody here makes use of."""
        path = where.rpartition(":")[0]
        return path.rpartition("/")[2] == _NAME and not self._is_used

    def is_trained(self, cls: Class) -> bool:
        """Whether code that trains has an object of the class, made without the hub."""
        return any(
            value.class_ is cls and value.spot is not None and not _is_hub(value.spot.module)
            for value in self._in_training
        )

    @functools.cached_property
    def _is_used(self) -> bool:
        return any(
            b"hubconf" in module.source.data or b"hub.load(" in module.source.data
            for module in self._flow.modules
            if not _is_hub(module)
        )

    @functools.cached_property
    def _in_training(self) -> set[Instance]:
        """The objects in variables of files that train, and those that are made there."""
        training = {module for module in self._flow.modules if _trains(module)}
        held = (
            value
            for function, _, node in self._flow.variables()
            if function.module in training
            for value in self._flow.values(node)
        )
        made = (
            one
            for instances in self._flow.instances.values()
            for one in instances
            if one.spot is not None and one.spot.module in training
        )
        return {value for value in (*held, *made) if isinstance(value, Instance)}


def _is_hub(module: Module) -> bool:
    return module.path.rpartition("/")[2] == _NAME


def _trains(module: Module) -> bool:
    return b".backward(" in module.source.data
