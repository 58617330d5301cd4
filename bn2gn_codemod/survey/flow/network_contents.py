"""Which network an attribute holds, as far as its classes, its makers and libraries tell."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.registrations import is_registered
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import is_built_backbone, library_model
from bn2gn_codemod.survey.values import Class, Instance


def external_network(contents: Contents, slot: Slot) -> bool:
    """Whether a library's network is in there."""
    return any(library_model(value) is not None for value in contents.of_slot[slot])


def may_be_network(contents: Contents, slot: Slot) -> bool:
    """Whether layers of the repository are in there, or a network that it did not write."""
    return (
        contents.may_hold_layers(slot)
        or external_network(contents, slot)
        or any(map(is_built_backbone, contents.of_slot[slot]))
    )


def is_aside(contents: Contents, slot: Slot) -> bool:
    """Whether a network that only measures or teaches another one is in there, by its name."""
    return families.is_aside(slot[1]) or any(
        isinstance(value, Instance) and families.is_aside(value.class_.name)
        for value in contents.of_slot[slot]
    )


def network_content(contents: Contents, slot: Slot, besides: Iterable[Slot] = ()) -> str | None:
    """In words, the network that an attribute holds, as far as names tell.

    None that is in one of the attributes ``besides`` as well.
    """
    known = {value for one in besides for value in contents.of_slot[one]}
    for value in contents.of_slot[slot]:
        if value in known:
            continue
        if isinstance(value, Instance) and _may_be_backbone(contents, value.class_):
            if families.is_network_class(value.class_):
                return f"{value.class_.name}, a backbone network by its name"
            home = families.backbone_home(value.class_.path)
            is_block = families.is_block_name(value.class_.name)
            is_part = is_block or contents.is_one_layer(value.class_)
            if home is not None and not (is_part or _is_part_there(contents, value.class_, slot)):
                return f"{value.class_.name} from {value.class_.path}, where backbones live"
            made_in = value.spot.function if value.spot is not None else None
            maker = made_in.name if made_in is not None and made_in.class_ is None else ""
            if made_in is not None and value not in set(
                contents.flow.values(contents.flow.return_node(made_in))
            ):
                continue  # one part of the model that the function is named after
            if maker and families.is_network_name(maker) and not families.has_new_word(maker):
                return f"what {maker}() makes, a backbone network by its name"
    return None


def _may_be_backbone(contents: Contents, cls: Class) -> bool:
    """Whether the class has no part by which it is more than a backbone."""
    return not any(
        families.has_certainly_new_word(slot[1]) or families.is_backbone_attribute(slot[1])
        for slot in contents.family_slots(cls)
        if contents.may_hold_layers(slot)
    )


def _is_part_there(contents: Contents, cls: Class, slot: Slot) -> bool:
    """Whether a class stands in a folder of backbones for the sake of others there alone.

    What holds it has a backbone of its own, so the folder says no more of its parts than of itself.
    """
    has_backbone = any(
        families.is_backbone_attribute(name) and may_be_network(contents, (owner, name))
        for owner, name in contents.family_slots(slot[0])
    )
    if not has_backbone or is_registered(contents.flow, cls):
        return False
    folder = cls.path.rpartition("/")[0]
    word = re.compile(rb"\b" + re.escape(cls.name).encode() + rb"\b")
    files = [*(module.source for module in contents.flow.modules), *contents.flow.unread]
    # What other code names it may train by itself, whoever holds it in the end.
    return not any(
        word.search(file.data) for file in files if file.path.rpartition("/")[0] != folder
    ) and all(
        holder.path.rpartition("/")[0] == folder for holder, _ in contents.holders.get(cls, ())
    )
