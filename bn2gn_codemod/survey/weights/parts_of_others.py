"""Which receivers of a load are only parts of others that the same call may make."""

from __future__ import annotations

from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.values import Class, Instance


def parts_of_others(contents: Contents, receivers: list[Instance]) -> set[Instance]:
    """Those that the same call makes as another one that holds their class.

    ``encoders.__dict__[name]()`` may make whatever can be called in the module, blocks
    that it imports among them; but weights of a network go into the network.
    """
    made_by: dict[object, list[Instance]] = {}
    for value in receivers:
        if value.spot is not None:
            made_by.setdefault(value.spot.node, []).append(value)
    found: set[Instance] = set()
    for together in made_by.values():
        for whole in together if len(together) > 1 else ():
            inner = contents.below(whole.class_)
            found.update(
                part
                for part in together
                if part.class_ in inner and _is_held_as_part(contents, part.class_)
            )
    return found


def _is_held_as_part(contents: Contents, cls: Class) -> bool:
    """Whether anything holds the class but wrappers around whole models."""
    holders = contents.holders.get(cls, ())
    return not all(families.may_hold_whole_model(name) for _, name in holders)
