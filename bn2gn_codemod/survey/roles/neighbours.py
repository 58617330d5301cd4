"""What stands beside a backbone in the same model."""

from __future__ import annotations

from bn2gn_codemod.survey.because import Because, Role, Slot, shown
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.network_contents import (
    external_network,
    is_aside,
    network_content,
)
from bn2gn_codemod.survey.flow.second_names import same_layers, wraps
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import is_built_backbone
from bn2gn_codemod.survey.roles.additions import Additions
from bn2gn_codemod.survey.roles.behind_backbone import BehindBackbone
from bn2gn_codemod.survey.roles.built_backbones import BuiltBackbones
from bn2gn_codemod.survey.roles.evidence import Evidence
from bn2gn_codemod.survey.values import Class, Instance
from bn2gn_codemod.survey.weights.entries.checkpoint_members import first_stores
from bn2gn_codemod.survey.weights.loads import Load


class Neighbours:
    """Judges the attributes for which only the company that they keep speaks."""

    def __init__(self, contents: Contents, evidence: Evidence) -> None:
        self._contents = contents
        self._evidence = evidence
        self._own = evidence.own
        self._built = BuiltBackbones(contents, evidence.evaluations)
        self._behind = BehindBackbone(contents, evidence)
        self._beside_which: dict[Slot, Because] = {}
        self._again: set[Slot] = set()  # second names of what stands in a backbone
        self._again_only_named: set[Slot] = set()

    def judge(self) -> None:
        """Decide what can be decided, in :attr:`Evidence.own`."""
        by_itself = dict(self._own)
        self._judge_beside()
        while doubted := {**self._only_named_behind(), **self._only_named_in_new_parts()}:
            by_itself.update(doubted)
            self._own.clear()
            self._own.update(by_itself)
            self._beside_which.clear()
            self._evidence.only_named -= self._again_only_named
            self._judge_beside()
        Additions(self._contents, self._evidence).judge()
        self._judge_named_again()

    def _judge_beside(self) -> None:
        owners = self._owners()
        for cls, slots in self._contents.slots_of.items():
            owner = owners.get(cls)
            if owner is None:
                continue
            for slot in slots:
                if slot in self._own or slot is owner[0] or wraps(self._contents, slot, owner[0]):
                    continue
                same = self._named_again(slot)
                if same is None:
                    self._own[slot] = self._beside(slot, *owner)
                    self._beside_which[slot] = owner[1]
                else:
                    self._own[slot] = same
            self._doubt_stem(cls, slots)

    def _named_again(self, slot: Slot) -> Because | None:
        """That of the backbone whose layers stand in an attribute for a second time.

        ``self.low = nn.Sequential(self.resnet.conv1, self.resnet.layer1)`` stands beside nothing.
        """
        beside = self._evidence.backbones_beside(slot)
        same = same_layers(self._contents, slot, beside, for_certain=True)
        if same is None:
            return None
        self._again.add(slot)
        if same in self._evidence.only_named:
            self._again_only_named.add(slot)
            self._evidence.only_named.add(slot)
        because = self._own[same]
        words = f"{shown(slot)} holds layers of {shown(same)}"
        return Because(Role.BACKBONE, words, because, because.vague)

    def _judge_named_again(self) -> None:
        """A second name says no more than the first: ``self.neck = self.backbone.neck``."""
        for slot in self._again:
            for value in self._contents.layers_in(slot):
                for one in self._contents.held_in.get(value, ()):
                    own = self._own.get(one)
                    if one not in self._again and own is not None and own.role is not Role.BACKBONE:
                        self._own[slot] = own

    def _doubt_stem(self, cls: Class, slots: list[Slot]) -> None:
        """``bn1`` before a ``layer1`` that may be another backbone's is as much of that one."""
        stored = first_stores(cls.node)
        stages = [
            stored[slot[1]]
            for slot in slots
            if slot in self._beside_which
            and self._own[slot].role is Role.UNDECIDED
            and families.is_first_stage(slot[1])
            and slot[1] in stored
        ]
        for slot in slots:
            is_new = slot in self._beside_which and self._own[slot].role is Role.NEW
            comes_before = stages and stored.get(slot[1], max(stages)) < max(stages)
            if is_new and comes_before and families.may_be_stem(slot[1]):
                words = f"{shown(slot)} may be the stem of another backbone"
                self._own[slot] = Because(Role.UNDECIDED, words, self._beside_which[slot])

    def _owners(self) -> dict[Class, tuple[Slot, Because]]:
        """Classes that hold a backbone in an attribute, directly or deeper, and where."""
        owners: dict[Class, tuple[Slot, Because]] = {}
        without = {*self._contents.flow.out_of_sight.classes, *self._loaded_parts()}
        for slot, because in self._own.items():
            is_one = because.role is Role.BACKBONE and not because.vague and slot[0] not in without
            # Code that goes over the layers of any model may load what has no name of its own.
            is_anywhere = slot[1] == "*" and slot in self._evidence.loads.of_slot
            if is_one and not is_anywhere and not is_aside(self._contents, slot):
                for cls in slot[0].descendants():
                    owners.setdefault(cls, (slot, because))
        self._lift(owners)
        for cls in self._contents.slots_of:
            children = [child for child in cls.descendants() if not child.children]
            if cls not in owners and children and cls.children:
                found = [owners[child] for child in children if child in owners]
                if len(found) == len(children):
                    owners[cls] = found[0]
        return owners

    def _loaded_parts(self) -> set[Class]:
        """Classes of what well-known networks are made of: none has a backbone of its own."""
        pending = [
            slot
            for slot, because in self._own.items()
            if because.role is Role.BACKBONE and self._evidence.is_part_of_family(slot)
        ]
        found: set[Class] = set()
        for slot in pending:
            for value in self._contents.of_slot.get(slot, ()):
                if not isinstance(value, Instance) or value.class_ in found:
                    continue
                if not self._contents.is_above(value.class_, slot):
                    found.add(value.class_)
                    pending += self._contents.family_slots(value.class_)
        return found

    def _lift(self, owners: dict[Class, tuple[Slot, Because]]) -> None:
        """``self.cp = ContextPath()`` holds what ``ContextPath.resnet`` holds."""
        pending = list(owners)
        while pending:
            inner = pending.pop()
            for slot in self._contents.holders.get(inner, ()):
                if slot in self._own or slot[1] == "*" or is_aside(self._contents, slot):
                    continue
                if self._contents.is_above(inner, slot):
                    continue
                if families.may_hold_whole_model(slot[1]) and not self._is_all_backbone(inner):
                    continue
                because = owners[inner][1]
                for cls in slot[0].descendants():
                    if cls not in owners and cls is not inner:
                        owners[cls] = (slot, because)
                        pending.append(cls)

    def _is_all_backbone(self, cls: Class) -> bool:
        """Whether a class is named after a network, and all of it is known to be backbone."""
        slots = [
            slot
            for slot in self._contents.family_slots(cls)
            if self._contents.may_hold_layers(slot) or external_network(self._contents, slot)
        ]
        return families.is_network_class(cls) and all(
            slot in self._own and self._own[slot].role is Role.BACKBONE for slot in slots
        )

    def _beside(self, slot: Slot, trunk: Slot, owner: Because) -> Because:
        cls, name = slot
        load = self._load_of_all(slot)
        if load is not None:
            words = f"{cls.name} as a whole {load.words}: whether {shown(slot)} comes with them"
            return Because(Role.UNDECIDED, f"{words} is not known ({owner.words})")
        filler = self._built.filled_by(cls)
        if filler:
            words = f"{filler} may load all of {cls.name}, and {shown(slot)} with it"
            return Because(Role.UNDECIDED, f"{words} ({owner.words})")
        owners = [one for one, because in self._own.items() if because == owner]
        finished = self._evidence.finished_load(cls, owners)
        if finished is not None:
            words = f"nothing trains {cls.name}, and all of it {finished.words} to be evaluated"
            return Because(Role.UNDECIDED, f"{words} ({owner.words})")
        where = self._evidence.reference_models.where(slot)
        if where is not None:
            words = f"nothing trains {cls.name}, and whatever makes one loads all of it ({where})"
            return Because(Role.UNDECIDED, f"{words} ({owner.words})")
        if families.is_stem_attribute(name):
            words = f"{shown(slot)} is the stem of the backbone ({owner.words})"
            return Because(Role.BACKBONE, words, owner)
        is_for_task = families.is_backbone_for_task(name)
        if is_for_task or not families.has_new_word(name):
            # ``setattr(owner, name, wrapped)`` puts a part of the model back where it was.
            besides = self._evidence.backbones_beside(slot) if name == "*" else []
            network = network_content(self._contents, slot, besides)
            may_be_one = is_for_task or families.may_be_backbone_attribute(name)
            if network is None and may_be_one and not self._behind.is_new(slot, trunk):
                network = "what may be another backbone by the attribute's name"
            if network is not None and self._contents.may_hold_layers(slot):
                words = "but nothing is seen to load weights into it"
                return Because(Role.UNDECIDED, f"{shown(slot)} holds {network}, {words}")
        words = f"{shown(slot)} stands beside the backbone ({owner.words})"
        family = self._evidence.members.family(cls)
        is_member = family is not None and self._evidence.is_member_of_network(slot)
        is_fed = self._behind.is_plain_head(slot) or self._behind.is_behind_library(slot, trunk)
        if family is not None and is_member and not is_fed:
            words = f"{words}, but it is part of a {family.name} checkpoint"
            return Because(Role.UNDECIDED, words)
        loaded = self._evidence.loaded_part(slot)
        if loaded is not None:
            return loaded
        resumed = self._where_resumed(cls, owner)
        if resumed is not None:
            words = f"{words}, but nothing is loaded except to go on with a training ({resumed})"
            return Because(Role.UNDECIDED, words)
        return Because(Role.NEW, words)

    def _where_resumed(self, cls: Class, owner: Because) -> str | None:
        """The line by which a training goes on with a model that begins with no weights at all.

        What a toolbox builds is no name alone: it is told there which file it begins with.
        """
        named = [one for one in self._evidence.only_named if self._own.get(one) == owner]
        held = (value for one in named for value in self._contents.of_slot[one])
        if not named or any(map(is_built_backbone, held)):
            return None
        return self._evidence.resumed_models.where_trained(cls)

    def _load_of_all(self, slot: Slot) -> Load | None:
        """What loads the model as a whole, and may have the attribute as well."""
        cls, name = slot
        loads = [load for load in self._evidence.loads.into(cls) if load.kind == "url"]
        for load in loads:
            if not (load.published and families.has_new_word(name)):
                return load
        return self._evidence.whole_models.load_of(slot)

    def _only_named_behind(self) -> dict[Slot, Because]:
        """Attributes named like a network that get what one that is loaded gives.

        What is called ``backbone`` stands behind another such ``backbone`` alone.
        """
        found: dict[Slot, Because] = {}
        for slot in self._evidence.only_named:
            because = self._own[slot]
            trunk = self._loaded_before(slot) if because.role is Role.BACKBONE else None
            if trunk is not None:
                words = f"{because.words}, but {shown(trunk)} comes before it"
                words = f"{words}, and nothing is seen to load weights into it"
                found[slot] = Because(Role.UNDECIDED, words)
        return found

    def _loaded_before(self, slot: Slot) -> Slot | None:
        """The loaded network that comes before what has a network's name, if one does."""
        before = self._behind.feeding(slot)
        if families.is_backbone_attribute(slot[1]):
            if families.is_for_volumes(slot[1]):  # it is seldom seen how each image gets there
                before = iter(self._contents.family_slots(slot[0]))
            before = (
                one
                for one in before
                if families.is_backbone_attribute(one[1]) and not families.is_for_volumes(one[1])
            )
        return next(filter(self._evidence.is_loaded, before), None)

    def _only_named_in_new_parts(self) -> dict[Slot, Because]:
        """Attributes named like a network inside of nothing but new parts, with that doubt.

        A name is less than what stands beside: ``self.stem = VGG16()`` in a head may be new.
        """
        found: dict[Slot, Because] = {}
        for slot in self._evidence.only_named:
            because = self._own[slot]
            if because.role is Role.BACKBONE and not families.is_backbone_attribute(slot[1]):
                above = self._decided_above(slot[0])
                if above and all(self._is_beside_loaded(one) for one in above):
                    words = f"{because.words}, but nothing is seen to load weights into it"
                    found[slot] = Because(Role.UNDECIDED, words, self._own[above[0]])
        return found

    def _decided_above(self, cls: Class) -> list[Slot]:
        """The nearest attributes with a role that hold a class; none if it may be all of a model.

        What holds it may be a part of several models.
        """
        found: dict[Slot, None] = {}
        pending = [cls]
        for inner in pending:
            holders = self._contents.holders.get(inner, ())
            if not holders or self._is_built_alone(inner):
                return []
            found.update(dict.fromkeys(slot for slot in holders if slot in self._own))
            further = (slot[0] for slot in holders if slot not in self._own)
            pending.extend(one for one in dict.fromkeys(further) if one not in pending)
        return list(found)

    def _is_built_alone(self, cls: Class) -> bool:
        """Whether an object of the class is made that no attribute holds."""
        return any(
            made not in self._contents.held_in
            for child in cls.descendants()
            for made in self._contents.flow.instances.get(child, ())
        )

    def _is_beside_loaded(self, slot: Slot) -> bool:
        """Whether an attribute is new for what stands beside it, by more than a name."""
        owner = self._beside_which.get(slot)
        is_new = self._own[slot].role is Role.NEW
        return is_new and owner is not None and not self._is_only_named(owner)

    def _is_only_named(self, owner: Because) -> bool:
        """Whether an attribute is a backbone for nothing but a name."""
        return any(self._own.get(one) == owner for one in self._evidence.only_named)
