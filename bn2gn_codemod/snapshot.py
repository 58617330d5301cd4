"""The snapshot: what a probe saw of live models, as plain frozen data.

A probe runs in the user's interpreter and reports in JSON; these classes are
the tool's side of it. ``verify``, ``audit`` and ``checkpoint`` share them.
Module and parameter names are dotted, relative to the model (``""`` is the
model itself); paths are relative to the repository and use ``/``; shapes are
in elements; lines are 1-based.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Literal, TypeVar

Statistics = Literal["", "trained", "untrained", "skipped"]


@dataclasses.dataclass(frozen=True)
class Frame:
    """A line of the repository that was running."""

    path: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclasses.dataclass(frozen=True)
class Norm:
    """What is special to a norm layer.

    ``kind`` is the class of ``torch.nn`` that it is or derives from
    (``BatchNorm2d``, ``SyncBatchNorm``, ``GroupNorm``, ...). ``groups`` is
    ``None`` but for GroupNorm. ``statistics`` says whether the running
    statistics are those of a fresh layer (mean 0, variance 1, no batch seen):
    ``untrained``; ``skipped`` when they would have come from weights that were
    not downloaded; ``""`` when there are none.
    """

    kind: str
    channels: int
    groups: int | None = None
    eps: float = 1e-5
    affine: bool = True
    track_running_stats: bool = False
    statistics: Statistics = ""

    @property
    def is_batch_norm(self) -> bool:
        """Whether it normalises over the batch, SyncBatchNorm included."""
        return "BatchNorm" in self.kind


@dataclasses.dataclass(frozen=True)
class Module:
    """One submodule.

    ``class_`` is the qualified name of its class. ``origin`` is, for norm
    layers, the lines of the repository that were running when it was made,
    innermost first: it matches static sites to live layers.
    """

    name: str
    class_: str
    training: bool
    norm: Norm | None = None
    origin: tuple[Frame, ...] = ()

    @property
    def top(self) -> str:
        """The first part of its name: the top-level module that it lies in."""
        return self.name.partition(".")[0]


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter. ``value`` is that of a learned scalar (one element) before training."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    requires_grad: bool
    value: float | None = None

    @property
    def numel(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)


@dataclasses.dataclass(frozen=True)
class StateEntry:
    """One tensor of the state dict; ``kind`` says what it is in the module."""

    key: str
    shape: tuple[int, ...]
    dtype: str
    kind: Literal["parameter", "buffer", "other"]


@dataclasses.dataclass(frozen=True)
class Output:
    """One leaf of a forward result; ``path`` is where it lies (``[0].hm``).

    ``shape`` is ``None`` for what is not a tensor; ``type`` is then its class.
    """

    path: str
    type: str
    shape: tuple[int, ...] | None = None
    finite: bool = True


@dataclasses.dataclass(frozen=True)
class Forward:
    """One forward pass in eval mode on random input.

    ``dead`` are the norm layers whose output was constant although their input
    was not: each group held a single value. ``ran`` are the norm layers that
    the pass went through.
    """

    batch: int
    inputs: tuple[tuple[int, ...], ...]
    error: str = ""
    outputs: tuple[Output, ...] = ()
    ran: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class NormState:
    """The mode of one norm layer; ``requires_grad`` when any of its parameters does."""

    name: str
    training: bool
    requires_grad: bool

    @property
    def is_frozen(self) -> bool:
        return not self.training and not self.requires_grad


@dataclasses.dataclass(frozen=True)
class Freeze:
    """What one freeze function of the repository did to the model.

    ``returned`` is its result (``None`` when that is no number), ``states`` are
    the BatchNorm layers after it, ``after_train`` the same after ``.train()``
    and the repository's guards.
    """

    function: str
    error: str = ""
    returned: int | None = None
    states: tuple[NormState, ...] = ()
    after_train: tuple[NormState, ...] = ()
    guards: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Step:
    """One training step at batch 1, after freeze and guard.

    ``frozen_changed`` are frozen tensors that are no longer bit-for-bit what
    they were; ``changed`` the trainable parameters that the step changed;
    ``without_gradient`` the trainable ones that got no gradient or only zeros.
    """

    error: str = ""
    frozen: int = 0
    frozen_changed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    without_gradient: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Load:
    """What ``load_state_dict(checkpoint, strict=False)`` did."""

    error: str = ""
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class ModelSnapshot:
    """One model: how it was made, and what it is made of.

    ``error`` says why it could not be built; then everything else is empty.
    ``passed`` are the arguments in source form, as they were filled in.
    """

    factory: str
    passed: str = ""
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    error: str = ""
    class_: str = ""
    path: str = ""  # the file that the class stands in
    modules: tuple[Module, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    state: tuple[StateEntry, ...] = ()
    forwards: tuple[Forward, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    step: Step | None = None
    load: Load | None = None
    skipped_weights: tuple[str, ...] = ()

    @property
    def norms(self) -> Iterator[Module]:
        """The norm layers, in the order of ``named_modules``."""
        return (module for module in self.modules if module.norm is not None)

    @property
    def batch_norms(self) -> Iterator[Module]:
        """The norm layers that normalise over the batch."""
        return (module for module in self.norms if module.norm and module.norm.is_batch_norm)


@dataclasses.dataclass(frozen=True)
class ImportedModule:
    """A file of the repository that was imported; ``error`` when it could not be."""

    path: str
    error: str = ""


@dataclasses.dataclass(frozen=True)
class Stub:
    """A module that could not be found and was stood in for."""

    module: str
    kind: Literal["deformable convolution", "inert"]
    imported_by: str = ""


@dataclasses.dataclass(frozen=True)
class Group:
    """One parameter group of an optimizer. ``unnamed`` counts parameters of no known model."""

    lr: float
    weight_decay: float
    parameters: tuple[str, ...]
    unnamed: int = 0


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """An optimizer that stepped."""

    class_: str
    groups: tuple[Group, ...]

    @property
    def parameters(self) -> frozenset[str]:
        """The names in all its groups."""
        return frozenset(name for group in self.groups for name in group.parameters)


@dataclasses.dataclass(frozen=True)
class NormRun:
    """How often a norm layer ran forward in each mode."""

    name: str
    train: int
    eval: int


@dataclasses.dataclass(frozen=True)
class LiveRun:
    """The first optimizer steps of a real training command, in one process.

    ``model`` is the outermost module that ran; names are relative to it.
    ``frozen_changed`` are parameters without gradient and BatchNorm statistics
    that moved although their layer was not training, ``statistics_moved`` the
    BatchNorm layers whose running statistics moved.
    """

    pid: int
    command: tuple[str, ...]
    steps: int
    model: ModelSnapshot
    optimizers: tuple[Optimizer, ...] = ()
    norms: tuple[NormRun, ...] = ()
    with_gradient: tuple[str, ...] = ()
    frozen_changed: tuple[str, ...] = ()
    statistics_moved: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class ConfigValues:
    """An MMEngine config as MMEngine resolved it.

    ``error`` says in one line why it could not be read or built.
    ``skipped_weights`` are those that were not loaded, by the part of the model
    that they are for (``""``: all of it).
    """

    path: str
    error: str = ""
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    skipped_weights: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ModePass:
    """A forward pass in one of MMEngine's modes, on made-up data samples.

    ``given`` are the metadata that the samples carried: those of the config's
    own pipeline if ``is_known``, else what every pipeline packs. ``needs`` are
    those, beyond what every pipeline packs, without which the pass fails,
    ``unmade`` those that the pipeline is told to pack and that no step makes.
    """

    mode: str
    given: tuple[str, ...]
    error: str = ""
    needs: tuple[str, ...] = ()
    unmade: tuple[str, ...] = ()
    is_known: bool = True


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """All that one probe saw. ``versions`` holds those of python, torch, ...

    ``training_error`` says why a config could not be trained on made-up images.
    """

    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    imports: tuple[ImportedModule, ...] = ()
    stubs: tuple[Stub, ...] = ()
    models: tuple[ModelSnapshot, ...] = ()
    runs: tuple[LiveRun, ...] = ()
    config: ConfigValues | None = None
    modes: tuple[ModePass, ...] = ()
    training_error: str = ""


_T = TypeVar("_T")


def from_json(cls: type[_T], data: Mapping[str, Any]) -> _T:
    """A data class of this module from the JSON object that a probe sent.

    Raises ``ValueError`` for a key that the class does not have.
    """
    hints = _hints(typing.cast(Hashable, cls))
    unknown = data.keys() - hints.keys()
    if unknown:
        raise ValueError(f"{cls.__name__} has no {', '.join(sorted(unknown))}")
    return cls(**{name: _value(hints[name], value) for name, value in data.items()})


@functools.cache
def _hints(cls: Hashable) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _value(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType or origin is typing.Union:
        inner = next(argument for argument in arguments if argument is not type(None))
        return _value(inner, value)
    if origin is tuple:
        return tuple(_value(arguments[0], item) for item in value)
    if dataclasses.is_dataclass(hint):
        return from_json(typing.cast("type[Any]", hint), value)
    return value
