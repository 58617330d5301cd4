"""Pretrained weights that are put into something, as far as it is known."""

from __future__ import annotations

import dataclasses
from typing import Literal, NamedTuple

from bn2gn_codemod.survey.values import Class

Slot = tuple[Class, str]


class Load(NamedTuple):
    """Pretrained weights end up in instances of a class."""

    kind: Literal["url", "file", "library"]
    source: str  # "model_zoo.load_url", "torchvision.models.resnet18"
    where: str  # path:line
    strict: bool
    # The URL is one of a published ImageNet network, and its weights are loaded as they are.
    published: bool = False
    # Copied out of a model, whose layers go into those that stand in the same place.
    in_order: bool = False
    of_model: Class | None = None  # it is one of the repository, of this class
    from_other: bool = False  # of a network that the loader is named after: a model has more
    by_hand: bool = False  # layer by layer, which nobody does to resume
    by_script: bool = False  # so, and nothing but that says that the file is a backbone's
    into_some: bool = False  # attributes of a model together, which is no resuming either
    # So many objects come to where the weights are loaded that it may be a mix-up.
    vague: bool = False
    skipped: frozenset[str] = frozenset()  # words and keys of entries that are left out
    listed_in: str | None = None  # the variable that tells which layers are taken
    named: frozenset[str] = frozenset()  # in strings of the code that loads
    of_classifier: bool = False  # a classification network's, whose last layer is left out
    is_resumed: bool = False  # nothing says that it is no training that goes on
    # It names one attribute, and its function says that the weights are pretrained.
    is_meant: bool = False

    @property
    def words(self) -> str:
        """For a reason: ``loads weights by model_zoo.load_url (dla.py:294)``."""
        if self.kind == "library":
            return f"is a subclass of {self.source}, which comes with pretrained weights"
        return f"loads weights by {self.source} ({self.where})"


@dataclasses.dataclass
class Loads:
    """Pretrained loads, by class and by single attribute."""

    of_class: dict[Class, list[Load]] = dataclasses.field(default_factory=dict)
    of_slot: dict[Slot, Load] = dataclasses.field(default_factory=dict)
    # Loads onto a class of which nothing says whether they resume training.
    resumed: dict[Class, Load] = dataclasses.field(default_factory=dict)
