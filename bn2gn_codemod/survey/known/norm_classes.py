"""Which names are BatchNorm classes, and of which dimension."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from bn2gn_codemod.problem import Problem
from bn2gn_codemod.settings import Settings

# SynchronizedBatchNorm2d, SyncBN: in-house and third-party variants that are
# drop-in replacements of BatchNorm2d. BatchNorm*d is one of computed name.
_NORM = re.compile(
    r"^(?:Sync|Synchronized|Naive|Naive(?:Sync)|Distributed|Ghost|My|Custom|Cross|Lazy)*"
    r"BatchNorm(?:2d|1d|3d|2D|1D|3D|ND|\*d?|_?)?$|^SyncBN$|^SynchronizedBatchNorm$|"
    # Activated ones: what follows the normalisation has to be asked for.
    r"^(?:In[Pp]lace)?ABN(?:Sync)?$"
)

# The names under which OpenMMLab's libraries register the norm layers.
REGISTERED = {
    "BN": "BatchNorm2d",
    "BN1d": "BatchNorm1d",
    "BN2d": "BatchNorm2d",
    "BN3d": "BatchNorm3d",
    "SyncBN": "SyncBatchNorm",
    "MMSyncBN": "SyncBatchNorm",
    "naiveSyncBN1d": "NaiveSyncBatchNorm1d",
    "naiveSyncBN2d": "NaiveSyncBatchNorm2d",
    "naiveSyncBN3d": "NaiveSyncBatchNorm3d",
}

# Those of detectron2; what it calls FrozenBN learns nothing.
_OF_STRING = re.compile(r"(?:nn|naive)?(Sync)?BN(?:_N)?$")

_USUAL = ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm")
_OTHER_FRAMEWORKS = frozenset(
    {"paddle", "tensorflow", "keras", "jittor", "mindspore", "megengine", "oneflow", "mxnet"}
)


@functools.cache
def is_norm_class(dotted: str) -> bool:
    """Whether a dotted name is a BatchNorm class (of any dimension)."""
    first, last = dotted.split(".", 1)[0], dotted.rsplit(".", 1)[-1]
    if first in _OTHER_FRAMEWORKS:
        return False
    return last != "BatchNorm" and last != "BatchNorm_" and _NORM.match(last) is not None


def norm_name(dotted: str) -> str:
    """The class's own name: ``torch.nn.BatchNorm2d`` -> ``BatchNorm2d``."""
    return dotted.rsplit(".", 1)[-1]


def norm_of_string(said: object) -> str | None:
    """The BatchNorm that ``get_norm(said, 64)`` makes: ``SyncBN`` -> ``SyncBatchNorm``."""
    found = _OF_STRING.match(said) if isinstance(said, str) else None
    if found is None:
        return None
    return "BatchNorm2d" if found[1] is None else "SyncBatchNorm"


def dimension(norm: str) -> str:
    """The plain BatchNorm that a class stands in for: ``SyncBatchNorm`` -> ``BatchNorm2d``.

    ``BatchNorm*d`` may be any of them, and is only itself.
    """
    if "*" in norm:
        return norm
    for digit in "13":
        if norm.lower().endswith(f"{digit}d"):
            return f"BatchNorm{digit}d"
    return "BatchNorm2d"


def is_asked_for(norm: str, asked_for: Iterable[str]) -> bool:
    """Whether the setting ``norms`` names a class, or the one that it stands in for."""
    return not {norm, dimension(norm)}.isdisjoint(asked_for)


def not_asked_for(norm: str) -> str:
    """In words, that a new layer is left because of the setting ``norms``."""
    return f"a new layer, but the setting norms does not name {dimension(norm)}"


def naming(norm: str, settings: Settings) -> str:
    """The setting ``norms``, ready to paste, that names a class as well."""
    asked = [*settings.norms, dimension(norm)]
    return "norms = [{}]".format(", ".join(f'"{name}"' for name in asked))


def check_asked_for(settings: Settings) -> None:
    """Raise ``Problem`` for the first name in the setting ``norms`` that no layer can have."""
    for name in settings.norms:
        if not is_norm_class(name):
            import difflib  # only for a message

            close = difflib.get_close_matches(name, _USUAL, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(_USUAL)}"
            raise Problem(f"{settings.named('norms', name)} is no BatchNorm class; {hint}")
