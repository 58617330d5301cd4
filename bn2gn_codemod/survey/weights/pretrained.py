"""Who loads pretrained weights, and onto which class or attribute.

A state dict that comes from a URL is pretrained. One that comes from a file
may as well be a checkpoint to resume from, so it counts only where the class
loads it into itself, where a factory does before it returns the model, or
where it goes into one attribute of a model and not into the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.flow.receivers import Receivers
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import is_library_model, parts_handed
from bn2gn_codemod.survey.values import Class, Instance, NormLayer, Value
from bn2gn_codemod.survey.weights.copied.copied_models import CopiedModels, of_wholes
from bn2gn_codemod.survey.weights.copied.copied_parameters import (
    are_copied_back,
    are_layers_of_same_model,
    are_resumed,
)
from bn2gn_codemod.survey.weights.entries.filled_networks import filled_class
from bn2gn_codemod.survey.weights.entries.fine_tuned import FineTunedNetworks
from bn2gn_codemod.survey.weights.entries.named_keys import NamedKeys, hooks
from bn2gn_codemod.survey.weights.entries.prefixed_keys import parts_of_keys
from bn2gn_codemod.survey.weights.entries.skipped_keys import (
    classifiers,
    list_of_kept,
    skipped_keys,
)
from bn2gn_codemod.survey.weights.evaluated.evaluations import Evaluations
from bn2gn_codemod.survey.weights.files.foreign_files import is_foreign
from bn2gn_codemod.survey.weights.files.imagenet_files import reads_imagenet_file
from bn2gn_codemod.survey.weights.loaded_attributes import LoadedAttributes
from bn2gn_codemod.survey.weights.loaded_containers import LoadedContainers, has_layers
from bn2gn_codemod.survey.weights.loads import Load, Loads, Slot
from bn2gn_codemod.survey.weights.meant_files import MeantFiles
from bn2gn_codemod.survey.weights.parts_of_others import parts_of_others
from bn2gn_codemod.survey.weights.pretrained_names import (
    is_named_pretrained,
    is_only_named_after_network,
)
from bn2gn_codemod.survey.weights.read_loads import is_strict, load_without_a_source, read_load
from bn2gn_codemod.survey.weights.resumed.resumed_training import is_resumed
from bn2gn_codemod.survey.weights.single_layers import is_single_layer


def find_loads(contents: Contents, owners: set[Class], evaluations: Evaluations) -> Loads:
    """All pretrained loads.

    ``owners`` are the classes that hold a backbone of their own: a file loaded
    onto one of those is a checkpoint of the whole model.
    """
    search = _Search(contents, owners, evaluations)
    search.run()
    return search.loads


class _Search:
    """Goes over the places where weights are put into something."""

    def __init__(self, contents: Contents, owners: set[Class], evaluations: Evaluations) -> None:
        self.loads = Loads()
        self._evaluations = evaluations
        self._contents = contents
        self._flow = contents.flow
        self._containers = LoadedContainers(contents.flow)
        self._receivers = Receivers(contents.flow)
        self._attributes = LoadedAttributes(contents.flow, contents.held_in)
        self._calls = [
            one
            for call in self._flow.load_calls
            if not are_layers_of_same_model(self._flow, call)
            for one in of_wholes(self._flow, call)
        ]
        self._named = {slot for call in self._calls for slot in self._attributes.named(call)}
        self._names = NamedKeys(contents)
        self._meant = MeantFiles(contents, owners, evaluations)
        self._models = CopiedModels(contents, self.loads)
        self._fine_tuned = FineTunedNetworks(contents, owners)

    def run(self) -> None:
        """Add what is read, then what is copied from models that are loaded themselves."""
        left: list[LoadCall] = []
        for call in self._calls:
            if call.of_driver:
                continue  # where all of a model starts, if it is no training that goes on
            if are_copied_back(self._flow, call) or are_resumed(self._flow, call):
                continue
            load = read_load(self._flow, call)
            if load is None:
                left.append(call)
            else:
                published = load.published and self._models.are_networks(call)
                self._add(call, load._replace(published=published))
        self._add_bases()
        for call in self._add_copies(left):
            load = load_without_a_source(self._flow, call)
            if load is not None:
                self._add(call, load)

    def _add_bases(self) -> None:
        """Networks of a library that classes extend."""
        for cls in self._flow.classes:
            for ancestor in cls.ancestors():
                for base in ancestor.external_bases:
                    if is_library_model(base) and not parts_handed(base):
                        where = f"{cls.path}:{cls.node.lineno}"
                        load = Load("library", base, where, False)
                        self.loads.of_class.setdefault(cls, []).append(load)

    def _add_copies(self, calls: list[LoadCall]) -> list[LoadCall]:
        """Add what is copied from loaded models, which are loaded then; return the other calls."""
        left = calls
        while True:
            copies = [(call, self._copied(call)) for call in left]
            left = [call for call, load in copies if load is None]
            if len(left) == len(copies):
                return left
            for call, load in copies:
                if load is not None:
                    self._add(call, load)

    def _copied(self, call: LoadCall) -> Load | None:
        """What is copied out of a model of the repository that is loaded itself."""
        source = self._models.source(call)
        if source is None:
            return None
        words, where = f"copying from {source.name}", call.spot.where
        published, vague = self._models.are_networks(call), self._models.is_vague(source)
        strict = is_strict(self._flow, call) and not vague
        load = Load("url", words, where, strict, published, call.in_order, source)
        return load._replace(vague=vague)

    def _add(self, call: LoadCall, load: Load) -> None:
        """Add a load to the classes and attributes that it is into."""
        load = load._replace(
            vague=load.vague or self._flow.is_crowded(call.receiver),
            from_other=not load.by_hand and is_only_named_after_network(call.spot.function),
            skipped=frozenset[str]()
            if load.strict
            else skipped_keys(call.spot.function, call.spot.node),
            listed_in=None if load.strict else list_of_kept(call.spot.function),
            goes_on=is_resumed(self._flow, call),
            by_path=load.kind == "file" and reads_imagenet_file(self._flow, call),
        )
        if call.each_child:
            for value in self._flow.values(call.receiver):
                for slot in self._contents.held_in.get(value, ()):
                    self.loads.of_slot.setdefault(slot, load)
            return
        mine = self._attributes.named(call)
        elements = self._containers.elements(call.receiver)
        of_layers = self._attributes.of_layers(call, elements)
        filled = [*mine, *of_layers, *self._containers.slots(call)]
        for slot in filled:
            self.loads.of_slot.setdefault(slot, load)
        in_container = self._containers.attributes_filled(call)
        for slot in _some_of_a_model(self._contents, in_container):
            self.loads.of_slot.setdefault(slot, load._replace(into_some=True))
        if not filled:  # Where no attribute is known to hold them, better too many than none.
            elements = frozenset()
        in_network = self._containers.elements_of_network(call)
        for layer in in_network:
            if isinstance(layer, NormLayer):
                self.loads.of_layer.setdefault(layer, load)
        receivers = [value for value in self._flow.values(call.receiver) if _is_made(value)]
        parts = parts_of_others(self._contents, receivers)
        for value in receivers:
            if value in elements and not self._containers.credits(value.class_, elements):
                continue
            if value in parts and not families.is_network_class(value.class_):
                continue
            if has_layers(self._flow, value.class_) and not is_single_layer(
                self._contents, call, value
            ):
                is_part = self._containers.is_all_in(value.class_, in_network)
                is_network = value in in_network and is_part
                into = load._replace(vague=load.vague or value in parts, of_network=is_network)
                self._credit(call, into, value, mine)

    def _credit(self, call: LoadCall, load: Load, value: Instance, mine: list[Slot]) -> None:
        """Add a load into an object, which is in the attributes ``mine`` if any are named."""
        cls = value.class_
        if call.loader and self._evaluations.is_outcome_for_certain(cls, load):
            load = load._replace(kind="file")  # a demo's URL, of what the training here gave
        is_inner = call.spot.function.enclosing_class in cls.ancestors()
        of_classifier = not is_inner and _is_of_classifier(self._contents, cls, load)
        is_named = is_named_pretrained(call.spot.function)
        if self._fine_tuned.are_filled(call, load, cls):
            load = load._replace(of_network=True)
        is_meant = load.of_network or load.kind != "file"
        is_meant = is_meant or self._meant.are_pretrained(
            call, load, value, is_named=is_named or load.by_path
        )
        is_meant = is_meant or (load.published and _is_built_like_known(self._contents, cls))
        if not (is_meant or load.by_hand or of_classifier):
            self._keep_resumed(cls, load)
            return
        if mine and _is_one_of_several(self._attributes, cls, self._named):
            for slot in mine:
                self.loads.of_slot[slot] = load._replace(is_meant=True)
            return
        into = load._replace(
            of_classifier=of_classifier,
            named=self._names.of(call, cls),
            parts=parts_of_keys(self._flow, call),
            tensors=self._names.tensors(call, cls),
            of_task=self._names.file_of_a_task(call) if load.kind == "file" else "",
            published=load.published and not any(hooks(cls)),
            by_script=load.by_hand and not is_meant and not is_inner,
            by_path=load.by_path and not is_named,
            is_resumed=load.kind == "file" and self._meant.may_lack(call),
        )
        if into.published and into.kind == "url" and into.strict:
            fills = filled_class(self._flow, call, value, self._calls)
            into = into._replace(fills=fills)
        for filled in self._receivers.classes(call, value):
            of_base = _base_of_file(self._contents, filled, into)
            self.loads.of_class.setdefault(filled, []).append(into._replace(of_base=of_base))

    def _keep_resumed(self, cls: Class, load: Load) -> None:
        """Of all loads into a class, the one that says least of training that was there before."""
        is_own = load.goes_on or self._evaluations.is_outcome(cls, load)
        known = self.loads.resumed.get(cls)
        if known is None or (known.of_own_training, known.strict) > (is_own, load.strict):
            self.loads.resumed[cls] = load._replace(of_own_training=is_own)


def _base_of_file(contents: Contents, cls: Class, load: Load) -> Class | None:
    """The base class that a file of another framework is for, unless it has to fit all of it.

    What a subclass adds came later.
    """
    if load.strict or not is_foreign(load.source):
        return None
    return next((one for one in cls.ancestors()[::-1] if contents.slots_of.get(one)), None)


def _is_made(value: Value) -> TypeGuard[Instance]:
    return isinstance(value, Instance) and not value.weak


def _is_one_of_several(attributes: LoadedAttributes, cls: Class, named: set[Slot]) -> bool:
    """Whether what is loaded into an attribute is not in all that are of the class.

    Each of several networks of a kind is one, and what was added inside is told by the class.
    """
    return not families.is_network_class(cls) and attributes.is_elsewhere(cls, named)


def _some_of_a_model(contents: Contents, slots: list[Slot]) -> Iterator[Slot]:
    """The attributes, without those of a class that trains no others with layers."""
    filled = set(slots)
    for slot in dict.fromkeys(slots):
        others = [
            one
            for one in contents.family_slots(slot[0])
            if one not in filled and not families.is_aside(one[1])
        ]
        if any(map(contents.may_hold_layers, others)):
            yield slot


def _is_of_classifier(contents: Contents, cls: Class, load: Load) -> bool:
    """Whether the file has the last layer of a classification network, which the class has not.

    What is left out by such a word is in the file. The class's own file would not have it.
    Loaded from outside, that is: a backbone that loads itself was trained with what it has.
    """
    names = classifiers(load.skipped)
    known = contents.names(cls)
    if not names or families.family_of(cls, known) is None:
        return False
    inner = frozenset().union(known, *map(contents.names, contents.below(cls)))
    return not any(name in attribute for name in names for attribute in inner)


def _is_built_like_known(contents: Contents, cls: Class) -> bool:
    return families.family_of(cls, contents.names(cls)) is not None
