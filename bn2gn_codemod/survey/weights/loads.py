"""Pretrained weights that are put into something, as far as it is known."""

from __future__ import annotations

import dataclasses
from typing import Literal, NamedTuple

from bn2gn_codemod.survey.values import Class, NormLayer

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
    left_out: frozenset[str] = frozenset()  # those of which that is certain
    listed_in: str | None = None  # the variable that tells which layers are taken
    # The attributes below which all entries go, where code gives them such keys.
    parts: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()  # in strings of the code that loads
    tensors: frozenset[str] = frozenset()  # keys by which that code tells entries apart
    of_task: str = ""  # words of that code by which the file is a model's, trained for a task
    of_classifier: bool = False  # a classification network's, whose last layer is left out
    is_resumed: bool = False  # nothing says that it is no training that goes on
    goes_on: bool = False  # it says so: ``if args.resume: ...``
    # It does, or evaluates what training has made that the repository has.
    of_own_training: bool = False
    # It names one attribute, and its function says that the weights are pretrained.
    is_meant: bool = False
    by_path: bool = False  # for a file that is a backbone's by nothing but its path
    of_base: Class | None = None  # the file has nothing of what subclasses of this one add
    # A published file surely has all that objects of this class have when it is loaded.
    fills: Class | None = None
    # Of a container of layers that is a network by its factory's name, or of a network that
    # another last layer makes fit for another task.
    of_network: bool = False
    declined: str = ""  # the call by which nobody asks for it, where every one says no

    @property
    def words(self) -> str:
        """For a reason: ``loads weights by model_zoo.load_url (dla.py:294)``."""
        if self.kind == "library":
            return f"is a subclass of {self.source}, which comes with pretrained weights"
        words = f"loads weights by {self.source} ({self.where})"
        if self.declined:
            words = f"{words} only for who asks, and nobody does ({self.declined})"
        return words


@dataclasses.dataclass
class Loads:
    """Pretrained loads, by class and by single attribute."""

    of_class: dict[Class, list[Load]] = dataclasses.field(default_factory=dict)
    of_slot: dict[Slot, Load] = dataclasses.field(default_factory=dict)
    # Loads onto a class of which nothing says whether they resume training.
    resumed: dict[Class, Load] = dataclasses.field(default_factory=dict)
    # Networks that are containers of layers, and no class.
    of_layer: dict[NormLayer, Load] = dataclasses.field(default_factory=dict)
    _best: dict[Class, Load | None] = dataclasses.field(default_factory=dict)

    def best(self, cls: Class) -> Load | None:
        """How pretrained weights get into the class, if they do."""
        if cls not in self._best:
            found = self.all_into(cls)
            best = min(found, key=lambda load: (load.declined != "", load.vague), default=None)
            if best is not None and best.published:
                # What is not in one file may be in another one.
                others = [load for load in found if load.kind == "url" and not load.published]
                names = best.named.union(*(load.named for load in others))
                best = best._replace(published=not others, named=names)
            if best is not None and not best.of_task:
                # Which of the files it is, is for the user to say.
                of_task = next((load.of_task for load in found if load.of_task), "")
                best = best._replace(of_task=of_task)
            self._best[cls] = best
        return self._best[cls]

    def forget_best(self) -> None:
        """Look again for :meth:`best`, after the loads have changed."""
        self._best.clear()

    def into(self, cls: Class) -> list[Load]:
        """:meth:`best`, and what is copied from other models, which may have more to give."""
        best = self.best(cls)
        if best is None:
            return []
        copies = [one for one in self.all_into(cls) if one.of_model not in (None, best.of_model)]
        return list(dict.fromkeys([best, *copies]))

    def filling(self, cls: Class) -> Load | None:
        """A load that fills all of the class from a file that may be its own, if there is one."""
        return next(
            (
                load
                for load in self.all_into(cls)
                if load.strict and not (load.published or load.vague or load.goes_on)
            ),
            None,
        )

    def all_into(self, cls: Class) -> list[Load]:
        """The loads into a class and what it extends."""
        return [load for one in cls.ancestors() for load in self.of_class.get(one, ())]
