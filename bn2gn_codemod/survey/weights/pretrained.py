"""Who loads pretrained weights, and onto which class or attribute.

A state dict that comes from a URL is pretrained. One that comes from a file
may as well be a checkpoint to resume from, so it counts only where the class
loads it into itself, where a factory does before it returns the model, or
where it goes into one attribute of a model and not into the whole.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from typing import Literal, TypeGuard

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.flow.receivers import Receivers
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import (
    is_library_model,
    library_model,
    parts_handed,
)
from bn2gn_codemod.survey.syntax.nodes import all_arguments, call_name, dotted, walk
from bn2gn_codemod.survey.values import (
    Class,
    ExternalObject,
    Function,
    Instance,
    NormLayer,
    Value,
    Weights,
)
from bn2gn_codemod.survey.weights.copied.copied_models import CopiedModels, of_wholes
from bn2gn_codemod.survey.weights.copied.copied_parameters import (
    are_copied_back,
    are_layers_of_same_model,
    are_of_one_class,
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
from bn2gn_codemod.survey.weights.files.downloads import is_downloaded, names_url
from bn2gn_codemod.survey.weights.files.foreign_files import is_foreign, starts_from_foreign_file
from bn2gn_codemod.survey.weights.files.imagenet_files import reads_imagenet_file
from bn2gn_codemod.survey.weights.files.shared_files import SharedFiles
from bn2gn_codemod.survey.weights.loaded_attributes import LoadedAttributes
from bn2gn_codemod.survey.weights.loaded_containers import LoadedContainers, has_layers
from bn2gn_codemod.survey.weights.loads import Load, Loads, Slot
from bn2gn_codemod.survey.weights.resumed.resumed_training import is_resumed

_PRETRAINED = re.compile(r"pretrain|imagenet|init_weights|init_model|init_from", re.IGNORECASE)
# Where the ImageNet weights of the well-known families are published.
_PUBLISHED = re.compile(
    rb"download\.pytorch\.org/models/(?:resne|wide_resne|vgg|densenet|mobilenet|shufflenet|"
    rb"efficientnet|regnet|mnasnet|googlenet|inception|convnext|alexnet|squeezenet)|"
    rb"dl\.yf\.io/(?:dla|drn)|data\.lip6\.fr/cadene/pretrainedmodels"
)
_PUBLISHED_FILE = re.compile(
    r"(?:^|/)(?:resnext|resnet|wide_resnet|vgg|densenet|mobilenet|shufflenet|efficientnet|mnasnet|"
    r"googlenet|inception)[\w.]*-[0-9a-f]{8}\.pth$"
)
_TENSORS = frozenset({"weight", "bias", "running_mean", "running_var"})
# Code by which an object may have them, too.
_ACCESSORS = frozenset({*_TENSORS, "__getattr__", "__getattribute__"})
_STORING = frozenset({"setattr", "register_parameter", "register_buffer", "__setattr__"})
_OWN_WEIGHTS = re.compile(rb"https?://[^\s'\"]+\.(?:pth|pt|pkl|tar|th|bin|ckpt)\b")


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
        self._owners = owners
        self._held = {
            value.class_
            for value, slots in contents.held_in.items()
            if isinstance(value, Instance)
            and not all(_is_no_part(contents, value.class_, slot) for slot in slots)
        }
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
        self._shared = SharedFiles(contents.flow)
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
        strict = _is_strict(self._flow, call) and not vague
        load = Load("url", words, where, strict, published, call.in_order, source)
        return load._replace(vague=vague)

    def _add(self, call: LoadCall, load: Load) -> None:
        """Add a load to the classes and attributes that it is into."""
        load = load._replace(
            vague=load.vague or self._flow.is_crowded(call.receiver),
            from_other=not load.by_hand and _is_only_named_after_network(call.spot.function),
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
            if has_layers(self._flow, value.class_) and not self._is_single_layer(call, value):
                is_part = self._containers.is_all_in(value.class_, in_network)
                is_network = value in in_network and is_part
                into = load._replace(vague=load.vague or value in parts, of_network=is_network)
                self._credit(call, into, value, mine)

    def _is_single_layer(self, call: LoadCall, value: Instance) -> bool:
        """Whether nothing but a tensor of a layer without norms is set: ``conv.weight = w``.

        That says nothing of the other layers of this kind, nor of what stands beside them.
        """
        if not call.into_tensors or not call.of_layer or call.wholes:
            return False
        if call.in_place and not _may_have_tensors(value.class_):
            return True  # ``stem[0].weight``: another one stands there
        return value.spot is None or not any(  # ``self.weight``, or a layer that has one
            isinstance(one, NormLayer)
            for inner in (value.class_, *self._contents.below(value.class_))
            for slot in self._contents.family_slots(inner)
            for one in self._contents.of_slot[slot]
        )

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
        is_meant = is_meant or self._means_pretrained(
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

    def _means_pretrained(
        self, call: LoadCall, load: Load, value: Instance, *, is_named: bool
    ) -> bool:
        """Whether a file is no training that goes on; ``is_named``: by a name or its path."""
        cls, function = value.class_, call.spot.function
        if cls in self._owners:
            return False
        if families.has_new_word(cls.name) and self._shared.fills_several_parts(call, cls):
            return False
        if value.spot is None:
            return is_named or cls in self._held
        if is_named:
            # load(model, pretrain_path) is for any model: of a whole one, it may be the checkpoint.
            is_told_by_argument = not _is_pretrained_name(function.name)
            is_handed = value.spot.function is not function
            return not (is_told_by_argument and is_handed) or _is_part(cls, self._held)
        if families.has_new_word(function.name) or families.has_new_word(cls.name):
            return False
        if self._evaluations.is_outcome(cls, load):
            return False  # an agent that is made of what the training here gave
        if isinstance(function.node, ast.Module) or value.spot.function is not function:
            return False
        if not _is_part(cls, self._held):
            return False
        # A factory: it makes the object, loads the file, and returns the object.
        returned = self._flow.values(self._flow.return_node(function))
        return value in list(returned) or _keeps_parts(self._contents, function, cls)


def read_load(flow: Flow, call: LoadCall) -> Load | None:
    """What is read from a URL, from a file, or out of a library's model, as the call tells."""
    where = call.spot.where
    if call.loader:
        kind: Literal["url", "file"] = "url" if names_url(call.spot) else "file"
        return Load(kind, call.loader, where, False)
    found, strict = list(_given(flow, call)), _is_strict(flow, call)
    weights = [value for value in found if isinstance(value, Weights)]
    if weights:
        best = _told_most_by(flow, call, weights)
        source = re.sub(r"^torch\.utils\.|^torch\.hub\.", "", best.source)
        published = call.as_read and _is_published(best)
        vague = are_of_one_class(flow, call)
        by_hand = call.into_tensors
        return Load(best.kind, source, where, strict, published, by_hand=by_hand, vague=vague)
    library = next((name for value in found if (name := library_model(value))), None)
    if library is not None:
        published = call.as_read or call.into_tensors
        words = f"copying from {library}"
        return Load("url", words, where, strict, published, call.in_order)
    return None


def load_without_a_source(flow: Flow, call: LoadCall) -> Load | None:
    """What a function loads that is named after pretraining, whatever it is that it loads."""
    found = list(_given(flow, call))
    # Of what was made of other tensors nothing is known either.
    is_made = bool(call.sources) and all(isinstance(one, ExternalObject) for one in found)
    if (found and not is_made) or not is_named_pretrained(call.spot.function):
        return None
    where, strict = call.spot.where, _is_strict(flow, call)
    return Load("file", "load_state_dict", where, strict, in_order=call.in_order)


def _given(flow: Flow, call: LoadCall) -> Iterator[Value]:
    return (value for node in call.weights for value in flow.values(node))


def _is_strict(flow: Flow, call: LoadCall) -> bool:
    """Whether a model gets all that it has: its own state dict, updated, always fits."""
    own = {value for value in flow.values(call.receiver) if isinstance(value, Instance)}
    return call.strict and own.isdisjoint(_given(flow, call))


def _told_most_by(flow: Flow, call: LoadCall, given: list[Weights]) -> Weights:
    """Those that come from a URL, if it is not for the user to say: a file, or a URL.

    ``load_url(path) if "http" in path else torch.load(path)``
    """
    for one in given:  # whoever may begin so trains no network of the repository's own
        if starts_from_foreign_file(flow, call, one):
            return dataclasses.replace(one, kind="url")
    weights = [
        dataclasses.replace(value, kind="url") if is_downloaded(flow, value) else value
        for value in given
    ]
    of_users = {
        (one.spot.function, _asked_for(one)): one
        for one in weights
        if one.kind == "file" and _asked_for(one) is not None
    }
    for one in weights:
        if one.kind == "url":
            return of_users.get((one.spot.function, _asked_for(one)), one)
    return weights[0]


def _base_of_file(contents: Contents, cls: Class, load: Load) -> Class | None:
    """The base class that a file of another framework is for, unless it has to fit all of it.

    What a subclass adds came later.
    """
    if load.strict or not is_foreign(load.source):
        return None
    return next((one for one in cls.ancestors()[::-1] if contents.slots_of.get(one)), None)


def _asked_for(weights: Weights) -> str | None:
    """The variable that holds the path or the URL."""
    call = weights.spot.node
    return dotted(call.args[0]) if isinstance(call, ast.Call) and call.args else None


def _may_have_tensors(cls: Class) -> bool:
    """Whether an object may have ``weight`` or ``bias`` itself, and not in a layer that it holds.

    Of a class of which nothing is known but that it is a module, those that its code stores.
    """
    kin = {*cls.ancestors(), *cls.descendants()}
    return any(base != "torch.nn.Module" for one in kin for base in one.external_bases) or any(
        not _TENSORS.isdisjoint(one.stored_names)
        or not _ACCESSORS.isdisjoint(one.methods)
        or any(call_name(node) in _STORING for node in walk(one.node) if isinstance(node, ast.Call))
        for one in kin
    )


def _is_made(value: Value) -> TypeGuard[Instance]:
    return isinstance(value, Instance) and not value.weak


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


def _is_published(weights: Weights) -> bool:
    """Whether every URL in the file that loads is one of a published ImageNet network.

    A file is, where it has the name that torchvision gives such weights.
    """
    if weights.kind == "file":
        names = (node.value for node in walk(weights.spot.node) if isinstance(node, ast.Constant))
        return any(isinstance(name, str) and _PUBLISHED_FILE.search(name) for name in names)
    data = weights.spot.module.source.data
    urls = _OWN_WEIGHTS.findall(data)
    if urls:
        return all(_PUBLISHED.search(url) for url in urls)
    # 'http://dl.yf.io/dla/models' joined with the name at run time
    return b"dl.yf.io/" in data and b"http" in data


def _is_built_like_known(contents: Contents, cls: Class) -> bool:
    return families.family_of(cls, contents.names(cls)) is not None


def _keeps_parts(contents: Contents, function: Function, network: Class) -> bool:
    """Whether a method's own class keeps parts of a network: ``self.layer1 = net.layer1``."""
    if function.enclosing_class is None:
        return False
    keepers = function.enclosing_class.ancestors()
    parts = {
        value
        for slot in contents.family_slots(network)
        for value in contents.of_slot[slot]
        if isinstance(value, NormLayer) or (isinstance(value, Instance) and value.class_.is_module)
    }
    return any(
        slot[0] in keepers and slot[0] not in network.ancestors()
        for value in parts
        for slot in contents.held_in.get(value, ())
    )


def _is_no_part(contents: Contents, cls: Class, slot: Slot) -> bool:
    """Whether what an attribute holds is the whole model of a wrapper, or what holds its holder."""
    return (
        families.may_hold_whole_model(slot[1])
        or slot[0].is_parallel_wrapper
        or contents.is_above(cls, slot)
    )


def _is_part(cls: Class, held: set[Class]) -> bool:
    """Whether the class is a part of models, or a network by its name."""
    return families.is_network_class(cls) or not held.isdisjoint(cls.descendants())


def is_named_pretrained(function: Function) -> bool:
    node = function.node
    if isinstance(node, ast.Module):
        return False
    arguments = (argument.arg for argument in all_arguments(node.args))
    return _is_pretrained_name(function.name) or any(map(_PRETRAINED.search, arguments))


def _is_only_named_after_network(function: Function) -> bool:
    return not _PRETRAINED.search(function.name) and families.names_source_network(function.name)


def _is_pretrained_name(function: str) -> bool:
    return bool(_PRETRAINED.search(function)) or families.names_source_network(function)
