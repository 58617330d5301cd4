"""Parts of a model that are stored below names that are not known, and below no others.

``for name, part in net.named_children(): setattr(self, name, part)``; an attribute ``*`` often
holds as well what ``setattr`` merely stores anew in attributes with names, which say enough.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.values import Class, Instance, NormLayer, Value


def held_without_name(
    values: Iterable[Value], held_in: Mapping[Value, Sequence[Slot]], inside: Container[Class]
) -> list[Instance | NormLayer]:
    """Those of an attribute ``*`` that no attribute with a name holds in the classes ``inside``."""
    return [
        value
        for value in values
        if isinstance(value, Instance | NormLayer)
        and not any(cls in inside and name != "*" for cls, name in held_in.get(value, ()))
    ]
