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
from typing import Literal, NamedTuple, TypeGuard

from bn2gn_codemod.survey import copied_parameters, families
from bn2gn_codemod.survey.contents import Contents
from bn2gn_codemod.survey.flow import Flow, LoadCall
from bn2gn_codemod.survey.library_models import is_library_model, library_model
from bn2gn_codemod.survey.loaded_attributes import LoadedAttributes
from bn2gn_codemod.survey.loaded_containers import LoadedContainers, has_layers
from bn2gn_codemod.survey.named_keys import NamedKeys, hooks
from bn2gn_codemod.survey.skipped_keys import classifiers, list_of_kept, skipped_keys
from bn2gn_codemod.survey.syntax import all_arguments, dotted, walk
from bn2gn_codemod.survey.values import (
    Class,
    Function,
    Instance,
    NormLayer,
    Value,
    Weights,
)

Slot = tuple[Class, str]

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
_OWN_WEIGHTS = re.compile(rb"https?://[^\s'\"]+\.(?:pth|pt|pkl|tar|th|bin|ckpt)\b")


class Load(NamedTuple):
    """Pretrained weights end up in instances of a class."""

    kind: Literal["url", "file", "library"]
    source: str  # "model_zoo.load_url", "torchvision.models.resnet18"
    where: str  # path:line
    strict: bool
    # The URL is one of a published ImageNet network, and its weights are loaded as they are.
    published: bool = False
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


def find_loads(contents: Contents, owners: set[Class]) -> Loads:
    """All pretrained loads.

    ``owners`` are the classes that hold a backbone of their own: a file loaded
    onto one of those is a checkpoint of the whole model.
    """
    loads, flow, held_in = Loads(), contents.flow, contents.held_in
    held = {
        value.class_
        for value, slots in held_in.items()
        if isinstance(value, Instance)
        and not all(
            families.may_hold_whole_model(slot[1]) or contents.is_above(value.class_, slot)
            for slot in slots
        )
    }
    names = NamedKeys(contents)
    containers = LoadedContainers(flow)
    attributes = LoadedAttributes(flow, held_in)
    named = {slot for call in flow.load_calls for slot in attributes.named(call)}
    for call in flow.load_calls:
        load = read_load(flow, call)
        if load is None:
            continue
        load = load._replace(
            vague=load.vague or flow.is_crowded(call.receiver),
            from_other=not load.by_hand and _is_only_named_after_network(call.spot.function),
            skipped=frozenset[str]() if load.strict else _skipped(call),
            listed_in=None if load.strict else list_of_kept(call.spot.function),
        )
        if call.each_child:
            for value in flow.values(call.receiver):
                for slot in held_in.get(value, ()):
                    loads.of_slot.setdefault(slot, load)
            continue
        mine = attributes.named(call)
        filled = [*mine, *attributes.of_layers(call), *containers.slots(call)]
        for slot in filled:
            loads.of_slot.setdefault(slot, load)
        for slot in _some_of_a_model(contents, containers.attributes_filled(call)):
            loads.of_slot.setdefault(slot, load._replace(into_some=True))
        # Where no attribute is known to hold them, better too many than none.
        elements = containers.elements(call.receiver) if filled else frozenset()
        receivers = [value for value in flow.values(call.receiver) if _is_made(value)]
        parts = parts_of_others(contents, receivers)
        for value in receivers:
            cls = value.class_
            if value in elements and not containers.credits(cls, elements):
                continue
            if not has_layers(flow, cls) or (value in parts and not families.is_network_class(cls)):
                continue
            is_inner = call.spot.function.enclosing_class in cls.ancestors()
            of_classifier = not is_inner and _is_of_classifier(contents, cls, load)
            is_meant = load.kind != "file" or _means_pretrained(contents, call, value, held, owners)
            is_meant = is_meant or (load.published and _is_built_like_known(contents, cls))
            if not (is_meant or load.by_hand or of_classifier):
                known = loads.resumed.get(cls)
                if known is None or (known.strict and not load.strict):
                    loads.resumed[cls] = load
                continue
            if mine and _is_one_of_several(attributes, cls, named):
                for slot in mine:
                    loads.of_slot[slot] = load._replace(is_meant=True)
                continue
            into = load._replace(
                vague=load.vague or value in parts,
                of_classifier=of_classifier,
                named=names.of(call, cls),
                published=load.published and not any(hooks(cls)),
                by_script=load.by_hand and not is_meant and not is_inner,
            )
            loads.of_class.setdefault(cls, []).append(into)
    for cls in flow.classes:
        for ancestor in cls.ancestors():
            for base in ancestor.external_bases:
                if is_library_model(base):
                    where = f"{cls.path}:{cls.node.lineno}"
                    loads.of_class.setdefault(cls, []).append(Load("library", base, where, False))
    return loads


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


def read_load(flow: Flow, call: LoadCall) -> Load | None:
    """What is loaded, as far as the call tells."""
    where = call.spot.where
    if call.loader:
        return Load("file", call.loader, where, False)
    found = [value for node in call.weights for value in flow.values(node)]
    weights = [value for value in found if isinstance(value, Weights)]
    receivers = {value for value in flow.values(call.receiver) if isinstance(value, Instance)}
    # Its own state dict, updated, fits whatever was loaded.
    updated = any(isinstance(value, Instance) and value in receivers for value in found)
    strict = call.strict and not updated
    if copied_parameters.are_copied_back(flow, call) or copied_parameters.are_resumed(flow, call):
        return None
    if weights:
        best = _told_most_by(weights)
        source = re.sub(r"^torch\.utils\.|^torch\.hub\.", "", best.source)
        published = call.as_read and _is_published(best)
        vague = copied_parameters.are_of_one_class(flow, call)
        by_hand = call.into_tensors
        return Load(best.kind, source, where, strict, published, by_hand=by_hand, vague=vague)
    library = next((name for value in found if (name := library_model(value))), None)
    if library is not None:
        return Load("url", f"copying from {library}", where, strict, published=call.as_read)
    if not found and is_named_pretrained(call.spot.function):
        return Load("file", "load_state_dict", where, strict)
    return None


def _told_most_by(weights: list[Weights]) -> Weights:
    """Those that come from a URL, if it is not for the user to say: a file, or a URL.

    ``load_url(path) if "http" in path else torch.load(path)``
    """
    of_users = {
        (one.spot.function, _asked_for(one)): one
        for one in weights
        if one.kind == "file" and _asked_for(one) is not None
    }
    for one in weights:
        if one.kind == "url":
            return of_users.get((one.spot.function, _asked_for(one)), one)
    return weights[0]


def _asked_for(weights: Weights) -> str | None:
    """The variable that holds the path or the URL."""
    call = weights.spot.node
    return dotted(call.args[0]) if isinstance(call, ast.Call) and call.args else None


def _skipped(call: LoadCall) -> frozenset[str]:
    at = call.spot.node
    return skipped_keys(call.spot.function, at) if isinstance(at, ast.expr) else frozenset()


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


def _means_pretrained(
    contents: Contents, call: LoadCall, value: Instance, held: set[Class], owners: set[Class]
) -> bool:
    cls, function = value.class_, call.spot.function
    if cls in owners:
        return False
    named = is_named_pretrained(function)
    if value.spot is None:
        return named or cls in held
    if named:
        # load(model, pretrain_path) is for any model: of a whole one, it may be the checkpoint.
        is_told_by_argument = not _is_pretrained_name(function.name)
        is_handed = value.spot.function is not function
        return not (is_told_by_argument and is_handed) or _is_part(cls, held)
    if families.has_new_word(function.name) or families.has_new_word(cls.name):
        return False
    if isinstance(function.node, ast.Module) or value.spot.function is not function:
        return False
    if not _is_part(cls, held):
        return False
    # A factory: it makes the object, loads the file, and returns the object.
    flow = contents.flow
    return value in list(flow.values(flow.return_node(function))) or _keeps_parts(
        contents, function, cls
    )


def _keeps_parts(contents: Contents, function: Function, network: Class) -> bool:
    """Whether a method's own class keeps parts of a network: ``self.layer1 = net.layer1``."""
    if function.enclosing_class is None:
        return False
    keepers = function.enclosing_class.ancestors()
    parts = {
        value
        for slot in contents.family_slots(network)
        for value in contents.of_slot[slot]
        if isinstance(value, (Instance, NormLayer))
    }
    return any(
        slot[0] in keepers and slot[0] not in network.ancestors()
        for value in parts
        for slot in contents.held_in.get(value, ())
    )


def _is_part(cls: Class, held: set[Class]) -> bool:
    """Whether the class is a part of models, or a network by its name."""
    return families.is_network_class(cls) or not held.isdisjoint(cls.descendants())


def is_named_pretrained(function: Function) -> bool:
    """Whether a function or one of its arguments is named so, or after a network."""
    node = function.node
    if isinstance(node, ast.Module):
        return False
    arguments = (argument.arg for argument in all_arguments(node.args))
    return _is_pretrained_name(function.name) or any(map(_PRETRAINED.search, arguments))


def _is_only_named_after_network(function: Function) -> bool:
    return not _PRETRAINED.search(function.name) and families.names_source_network(function.name)


def _is_pretrained_name(function: str) -> bool:
    return bool(_PRETRAINED.search(function)) or families.names_source_network(function)
