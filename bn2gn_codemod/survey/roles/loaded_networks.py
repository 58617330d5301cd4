"""What the loads into a class say of each of its attributes.

They are its own, or those of a subclass, which load what it inherits; or else the file that some
script loads onto a network of a known kind.
"""

from __future__ import annotations

from collections.abc import Callable

from bn2gn_codemod.survey.because import Because, Role, Slot, shown
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.roles.loaded_alone import is_in_backbone
from bn2gn_codemod.survey.roles.replaced_parts import ReplacedParts
from bn2gn_codemod.survey.statements.overridden_attributes import overrides
from bn2gn_codemod.survey.values import Class
from bn2gn_codemod.survey.weights.entries.checkpoint_members import CheckpointMembers
from bn2gn_codemod.survey.weights.evaluated.evaluations import Evaluations
from bn2gn_codemod.survey.weights.loading_models import is_added_to
from bn2gn_codemod.survey.weights.loads import Load, Loads
from bn2gn_codemod.survey.weights.starts.whole_models import WholeModels

# Where several networks inherit an attribute, the first of these that one of them gives it.
_CAUTION = (Role.BACKBONE, Role.UNDECIDED, Role.NEW)


class LoadedNetworks:
    """Judges the attributes of classes that weights are loaded into, in ``own``.

    ``loaded_part`` says what speaks against an attribute being new.
    """

    def __init__(
        self,
        contents: Contents,
        loads: Loads,
        own: dict[Slot, Because],
        members: CheckpointMembers,
        evaluations: Evaluations,
        replaced: ReplacedParts,
        whole_models: WholeModels,
        loaded_part: Callable[[Slot], Because | None],
    ) -> None:
        self._contents = contents
        self._loads = loads
        self._own = own
        self._members = members
        self._evaluations = evaluations
        self._replaced = replaced
        self._whole_models = whole_models
        self._loaded_part = loaded_part
        self.only_resumed: set[Slot] = set()  # open, for nothing but training that may go on
        # open, for what may be no training at all: that tells nothing of the blocks in it
        self.never_trained: dict[Slot, Because] = {}

    def into(self, cls: Class) -> list[tuple[Class, Load]]:
        """The networks that are loaded where the class's own attributes are, and how.

        A subclass that loads weights into itself loads them into what it inherits, too.
        """
        loads = self._loads.into(cls)
        if loads:
            return [(cls, self._lenient(cls, load)) for load in loads]
        below = [
            (child, self._loads.of_class[child][0])
            for child in cls.descendants()
            if self._loads.of_class.get(child)
        ]
        resumed = self._resumed(cls)
        return below or ([] if resumed is None else [(cls, resumed._replace(is_resumed=True))])

    def _lenient(self, cls: Class, load: Load) -> Load:
        """The lenient load of a published file beside a strict one of such a file.

        The file has nothing of what is added to a known network. A strict load fails there, so
        that the lenient one is how such a network is made, whichever builder stands first.
        """
        every = self._loads.all_into(cls)
        is_published = any(one.published and one.where == load.where for one in every)
        if not (load.strict and is_published) or self._members.family(cls) is None:
            return load
        other = next((one for one in every if one.kind == "url" and not one.strict), load)
        return load._replace(
            source=other.source, where=other.where, strict=other.strict, skipped=other.skipped
        )

    def judge(self, cls: Class, networks: list[tuple[Class, Load]]) -> None:
        """Judge what a class holds where weights are loaded into it, or into subclasses."""
        inside = self._part_of(cls)
        related = {*cls.ancestors(), *cls.descendants()}
        # A network is made for such files, with or without what a subclass changes in it.
        is_network = families.is_network_class(cls)
        places = {load.where for one in related for load in self._loads.of_class.get(one, ())}
        for slot in self._contents.slots_of[cls]:
            if slot not in self._own:
                if all(load.is_resumed or load.declined for _, load in networks) and (
                    is_in_backbone(self._contents, slot)
                ):
                    continue  # judged as what holds it
                filled = [one for one in networks if is_network or not overrides(one[0], slot)]
                if not filled:
                    continue  # what is loaded has something else there
                found = [self._members.judge(slot, *network, inside) for network in filled]
                # What one of them loads is a backbone's, and new is what none of them does.
                because = min(found, key=lambda because: _CAUTION.index(because.role))
                if because.role is Role.NEW:
                    because = (
                        self._filled_otherwise(slot, filled) or self._loaded_part(slot) or because
                    )
                if because.role is not Role.UNDECIDED and all(load.declined for _, load in filled):
                    because = because._replace(role=Role.UNDECIDED)
                if because.role is Role.BACKBONE:
                    self._replaced.add_put_in(slot, places)
                    because = self._replaced.said(slot, networks[0][1].words, places) or because
                if because.role is Role.UNDECIDED and all(load.is_resumed for _, load in networks):
                    if all(self._evaluations.is_never_trained(*network) for network in networks):
                        words = f"{because.words}; but nothing here trains {cls.name}"
                        self.never_trained[slot] = Because(Role.DOUBT, words)
                    self.only_resumed.add(slot)
                self._own[slot] = because

    def _filled_otherwise(self, slot: Slot, judged: list[tuple[Class, Load]]) -> Because | None:
        """What another load than ``judged`` says of a part that is new to their files."""
        cls = slot[0]
        load = self._loads.filling(cls)
        if load is not None:
            words = f"{cls.name} also {load.words}, strictly: whether that fills {shown(slot)}"
            return Because(Role.UNDECIDED, f"{words} in a training is not known")
        load = self._whole_models.users_load_of(slot)
        if load is None or load.where in {one.where for _, one in judged}:
            return None
        words = f"{cls.name} also {load.words}, where a training may start"
        return Because(Role.UNDECIDED, f"{words}: whether that fills {shown(slot)} is not known")

    def _part_of(self, cls: Class) -> Slot | None:
        """An attribute that holds the class as a part of a model, not as all of it."""
        for child in cls.descendants():
            for slot in self._contents.holders.get(child, ()):
                is_around = slot[0] in child.ancestors() or self._contents.is_above(child, slot)
                is_around = is_around or slot[0].is_parallel_wrapper
                is_wrapper = families.may_hold_whole_model(slot[1])
                if not is_around and (
                    not is_wrapper or is_added_to(self._contents, slot, self._loads.best(child))
                ):
                    return slot
        return None

    def _resumed(self, cls: Class) -> Load | None:
        """A file that some script loads onto a class that is built like a known network."""
        if not families.is_network_class(cls):
            return None
        if self._members.family(cls) is None:
            return None
        resumed = self._loads.resumed
        found = (resumed[one] for one in cls.descendants() if one in resumed)
        return min(found, key=lambda load: load.of_own_training, default=None)
