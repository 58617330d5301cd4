"""Whole models, a backbone in them and all, that start from a file of weights.

A file that is loaded onto a model with a backbone is a checkpoint of the model, and most
scripts resume or test one. It is where the training starts if the model loads it when it is
made, if the code says that it is pretrained, if a part is left out or replaced, or if the model
is itself a part of another one.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Iterator

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.call_order import about
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.flow.network_contents import is_aside
from bn2gn_codemod.survey.flow.receivers import Receivers
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.statements.guarding_tests import guarding_tests
from bn2gn_codemod.survey.syntax.nodes import dotted, walk_scope
from bn2gn_codemod.survey.values import Class, Function, Instance, NormLayer, Weights
from bn2gn_codemod.survey.weights.declined.guarded_loads import GuardedLoads
from bn2gn_codemod.survey.weights.entries.fitting_entries import restores_more, takes_what_fits
from bn2gn_codemod.survey.weights.entries.named_keys import given_names, prefixes
from bn2gn_codemod.survey.weights.entries.prefixed_keys import parts_of_keys
from bn2gn_codemod.survey.weights.entries.refitted_entries import refits_entries
from bn2gn_codemod.survey.weights.entries.skipped_keys import (
    are_left_out,
    classifiers,
    is_short_of,
    kept_words,
    skipped_keys,
)
from bn2gn_codemod.survey.weights.evaluated.evaluations import Evaluations
from bn2gn_codemod.survey.weights.evaluated.hub_entries import HubEntries
from bn2gn_codemod.survey.weights.loads import Load
from bn2gn_codemod.survey.weights.pretrained_names import is_named_pretrained
from bn2gn_codemod.survey.weights.read_loads import read_load
from bn2gn_codemod.survey.weights.resumed.resumed_training import is_resumed, speaks_of_resuming
from bn2gn_codemod.survey.weights.starts.changed_parts import ChangedParts
from bn2gn_codemod.survey.weights.starts.copied_states import CopiedStates
from bn2gn_codemod.survey.weights.starts.offered_factories import OfferedFactories
from bn2gn_codemod.survey.weights.starts.taken_parts import taken_apart
from bn2gn_codemod.survey.weights.starts.warm_starts import WarmStarts, may_train

_PRETRAINED = re.compile(r"pretrain|imagenet", re.IGNORECASE)


class WholeModels:
    """The models that start from files, and what loads them."""

    def __init__(
        self,
        contents: Contents,
        is_loaded_network: Callable[[Class], bool],
        evaluations: Evaluations,
    ) -> None:
        self._contents = contents
        self._evaluations = evaluations
        self._is_loaded_network = is_loaded_network
        self._flow = contents.flow
        self._call_sites = CallSites(contents.flow)
        self._guarded = GuardedLoads(contents.flow)
        self._receivers = Receivers(contents.flow)
        self._taken_apart = taken_apart(contents.flow)
        self._changed = ChangedParts(contents)
        self._offered = OfferedFactories(
            contents.flow, self._call_sites, evaluations, is_loaded_network
        )
        self._warm_starts = WarmStarts(contents, self._call_sites, evaluations)
        self._copied_states = CopiedStates(contents, self._call_sites, is_loaded_network)
        self._loads: dict[Class, list[Load]] = {}
        self._by_users: set[str] = set()  # the places of loads
        self._named: dict[Slot, Load] = {}
        self._parts: dict[Instance, bool] = {}  # the same for each load that may fill a model
        hub = HubEntries(contents.flow)
        for call in contents.flow.load_calls:
            load = read_load(contents.flow, call)
            if load is None:
                for slot, copied in self._copied_states.slots(call):
                    self._named.setdefault(slot, copied)
            if load is None or (load.kind != "file" and not call.of_driver):
                continue
            if call.into_tensors:
                names = self._put_together(call)
                self._add_named(call, load, names)
                for cls in self._filled_by_key(call):
                    if names.isdisjoint(self._contents.names(cls)):
                        self._loads.setdefault(cls, []).append(load)
                continue
            if not call.as_read:
                self._add_named(call, load, given_names(call.spot.function))
            words = kept_words(call.spot.function, call.spot.node)
            self._add_named(call, load, frozenset(map(_first_of, words)), are_asked_for=True)
            load = load._replace(skipped=frozenset(), left_out=frozenset())
            if not load.strict:
                place = (call.spot.function, call.spot.node)
                load = load._replace(
                    skipped=skipped_keys(*place), left_out=skipped_keys(*place, surely=True)
                )
            for cls in self._started(call, load):
                if not (hub.is_only_offered(load.where) and hub.is_trained(cls)):
                    self._loads.setdefault(cls, []).append(load)
                    if self._is_of_user(call):
                        self._by_users.add(load.where)

    def load_of(self, slot: Slot) -> Load | None:
        """What loads the attribute together with a whole model, as far as it starts from there."""
        return next(self._loads_of(slot), None)

    def users_load_of(self, slot: Slot) -> Load | None:
        """:meth:`load_of`, by what uses the model: no method of its own, and not what makes it.

        ``net = resnet50(pretrained=True)``, and ``net.load_state_dict(torch.load(path))`` after it.
        """
        return next((load for load in self._loads_of(slot) if load.where in self._by_users), None)

    def _loads_of(self, slot: Slot) -> Iterator[Load]:
        cls, name = slot
        named = self._named.get(slot)
        loads = [] if named is None else [named]
        for load in itertools.chain(loads, self._whole_loads(cls)):
            if not are_left_out(name, load.left_out):
                yield load

    def _is_of_user(self, call: LoadCall) -> bool:
        """Whether a model is made by other code than that which loads it, or uses it there."""
        function = call.spot.function
        return any(
            isinstance(value, Instance)
            and value.spot is not None
            and not (value.spot.function is function and self._gives(function, value))
            for value in self._flow.values(call.receiver)
        )

    def _whole_loads(self, cls: Class) -> Iterator[Load]:
        """What loads the class, or a model that holds it: one may have what another leaves out."""
        kin = {*cls.ancestors(), *cls.descendants()}
        for model, loads in self._loads.items():
            if model in kin or any(
                cls in self._contents.below(one) for one in self._kinds_of_model(model)
            ):
                yield from loads

    def _kinds_of_model(self, model: Class) -> Iterator[Class]:
        """The classes that are loaded with a class and may hold models: no backbone does."""
        if not self._is_loaded_network(model):
            yield from (one for one in model.descendants() if not self._is_loaded_network(one))

    def _add_named(
        self, call: LoadCall, load: Load, names: frozenset[str], *, are_asked_for: bool = False
    ) -> None:
        """``own.update({"neck." + key: value ...})``, in whatever is loaded as a whole.

        Where the entries of some parts are asked for, that is a load of these: nothing is
        resumed so. What all of the model's parts are asked by is no choice.
        """
        for value in self._flow.values(call.receiver) if names else ():
            if isinstance(value, Instance) and not value.weak:
                for cls in value.class_.descendants() if value.spot is None else [value.class_]:
                    if are_asked_for and names >= self._contents.names(cls):
                        continue
                    for slot in self._contents.family_slots(cls):
                        if slot[1] in names:
                            self._named.setdefault(slot, load)

    def _put_together(self, call: LoadCall) -> frozenset[str]:
        """The names in keys of the tensor that is filled, also where a helper is handed the key.

        ``own["neck." + key].copy_(tensor)``, ``fill(net, "neck." + key, tensor)``
        """
        if call.of_layer or call.wholes:
            return frozenset()
        sites = (site for _, site in self._call_sites.of(call.spot.function))
        return frozenset().union(*map(prefixes, (call.spot.node, *sites)))

    def _filled_by_key(self, call: LoadCall) -> Iterator[Class]:
        """``own[key].copy_(tensor)`` in a helper that says that training starts from there."""
        if call.of_layer or call.wholes:
            return
        for value in self._flow.values(call.receiver):
            if not isinstance(value, Instance) or value.weak or value.spot is None:
                continue
            is_resumed_as_fits = (
                is_resumed(self._flow, call)
                and takes_what_fits(call)
                and self._trains_and_restores_no_more(call.spot.function)
            )
            if is_resumed_as_fits or self._warm_starts.is_one(call, value):
                yield value.class_

    def _trains_and_restores_no_more(self, function: Function) -> bool:
        """Whether code that trains loads weights, itself or by a helper, and nothing else."""
        callers = [caller for caller, _ in self._call_sites.of(function)]
        return not restores_more(function.module) and any(
            may_train(one) and not restores_more(one.module) for one in (function, *callers)
        )

    def _started(self, call: LoadCall, load: Load) -> Iterator[Class]:
        function = call.spot.function
        goes_on = is_resumed(self._flow, call)
        parts = parts_of_keys(self._flow, call)
        for value in self._flow.values(call.receiver):
            if not isinstance(value, Instance):
                continue
            cls = value.class_
            if value.weak and self._may_be_part(cls):
                continue  # a registry has such, too
            if parts and parts < self._contents.names(cls):
                continue  # nothing else gets anything
            if value.spot is not None and self._guarded.pass_by(call, cls):
                continue
            if call.of_driver or value.weak:
                if self._warm_starts.is_one(call, value):
                    yield cls
                continue
            if self._is_short_of_a_part(cls, load) or self._changed.is_changed(
                call, cls, self._evaluations
            ):
                yield cls
            elif goes_on:
                if takes_what_fits(call) and self._trains_and_restores_no_more(function):
                    yield cls
            elif refits_entries(call) or self._is_trained_part(call, value):
                yield cls
            elif value.spot is None:
                is_said = is_named_pretrained(function) and self._is_called(function)
                if is_said or self._warm_starts.is_one(call, value):
                    yield from self._receivers.classes(call, value)
                yield from self._made_with(function, cls)
                if self._is_made_with_file(call, cls):
                    yield cls
            elif value.spot.function is function and self._gives(function, value):
                tests = map(ast.unparse, guarding_tests(function, call.spot.node))
                is_said = any(map(_PRETRAINED.search, (function.name, *tests)))
                is_start = is_said or self._warm_starts.is_one(call, value)
                if is_start and not self._offered.are_offered(function, call.spot.node):
                    yield cls
            elif self._warm_starts.is_one(call, value):
                yield cls

    def _may_be_part(self, cls: Class) -> bool:
        """Whether models of other classes hold such objects."""
        return any(slot[0] is not cls for slot in self._contents.holders.get(cls, ()))

    def _is_trained_part(self, call: LoadCall, model: Instance) -> bool:
        """Whether it is a part, and not of what looks at a finished model: ``Extractor(net)``."""
        module = call.spot.module
        return self._is_part(model) and not self._evaluations.are_after_training(
            model.class_, module
        )

    def _is_part(self, model: Instance) -> bool:
        """Whether another model holds the object, or parts of it: nobody resumes a part."""
        if model not in self._parts:
            self._parts[model] = model in self._taken_apart or self._is_held(model)
        return self._parts[model]

    def _is_held(self, model: Instance) -> bool:
        """Whether another model holds the object, and not for a wrapper around it."""
        kin = {*model.class_.ancestors(), *model.class_.descendants()}
        return model.spot is not None and any(
            slot[0] not in kin
            and slot[1] != "*"
            and not slot[0].is_parallel_wrapper
            and not self._is_all_there_is(slot)
            and not is_aside(self._contents, slot)
            for slot in self._contents.held_in.get(model, ())
        )

    def _is_all_there_is(self, slot: Slot) -> bool:
        """Whether what holds a model as ``self.net`` has no other norms than those in there.

        An application or a trainer that some library gives is nothing but a wrapper.
        """
        if not families.may_hold_whole_model(slot[1]):
            return False
        bases = [base for one in slot[0].ancestors() for base in one.external_bases]
        if not any(base.startswith("torch.nn.") for base in bases):
            return True
        others = (one for one in self._contents.family_slots(slot[0]) if one != slot)
        beside = (held for one in others for held in self._contents.inside(one))
        return not any(isinstance(held, NormLayer) for held in beside)

    def _made_with(self, function: Function, cls: Class) -> Iterator[Class]:
        """The classes whose constructor is the function, or comes to it with what it makes.

        ``cls`` is the class of the ``self`` that a function outside of classes is handed.
        """
        functions = [function]
        for loading in functions:
            if loading.is_constructor and loading.class_ is not None:
                yield loading.class_
                continue
            for caller, site in self._call_sites.of(loading):
                is_its_own = loading.class_ is not None or caller.class_ in (None, cls)
                is_handed_on = _hands_on(caller, site) and not speaks_of_resuming(caller, site)
                if is_its_own and is_handed_on and caller not in functions:
                    functions.append(caller)

    def _is_made_with_file(self, call: LoadCall, cls: Class) -> bool:
        """Whether a method that is called reads the file that its model is made with.

        ``self.path = path`` in the constructor, and ``torch.load(self.path)``
        """
        return any(
            isinstance(value, Weights)
            and value.spot.function.class_ in {*cls.ancestors(), *cls.descendants()}
            and self._is_called(value.spot.function)
            and _file_of_constructor(value, cls)
            for node in call.weights
            for value in self._flow.values(node)
        )

    def _is_called(self, method: Function) -> bool:
        """Whether anybody calls a method of that name, on whatever."""
        name = method.name.rpartition(".")[2]
        return any(
            isinstance(call.func, ast.Attribute) and call.func.attr == name
            for calls in self._flow.calls_in.values()
            for _, call in calls
        )

    def _gives(self, function: Function, value: Instance) -> bool:
        return value in set(self._flow.values(self._flow.return_node(function)))

    def _is_short_of_a_part(self, cls: Class, load: Load) -> bool:
        """Whether entries of one of the model's parts are left out: nothing is resumed so.

        Parts without norms are none of the slots, as the last layer mostly is. It may be one of a
        head's; what is left out of a network that is loaded is not in the file of that network.
        """
        if not load.skipped:
            return False
        heads = (one for one in self._contents.below(cls) if not self._is_loaded_network(one))
        inner = {name for head in heads for name in self._contents.names(head)}
        of_heads = [word for word in load.skipped if not classifiers([word])]
        return any(
            are_left_out(name, load.skipped) or is_short_of(name, load.skipped)
            for name in self._contents.names(cls)
        ) or any(are_left_out(name, of_heads) for name in inner)


def _file_of_constructor(weights: Weights, cls: Class) -> bool:
    """Whether what is read is the path that a constructor keeps as an attribute."""
    match weights.spot.node:
        case ast.Call(args=[ast.Attribute(value=ast.Name(id=owner), attr=name), *_]):
            is_own = owner == weights.spot.function.first_parameter
        case _:
            return False
    return is_own and any(
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Name)
        and node.value.id in init.parameters
        and any(_attribute_of(one, init.first_parameter or "") == name for one in node.targets)
        for one in cls.ancestors()
        if (init := one.methods.get("__init__")) is not None
        for node in walk_scope(init.node)
    )


def _first_of(word: str) -> str:
    """``neck`` of ``neck.`` and of ``neck.0.weight``"""
    return word.partition(".")[0]


def _hands_on(caller: Function, site: ast.Call) -> bool:
    """Whether a call is about the ``self`` of a method, or what another function is handed."""
    given = {caller.first_parameter} if caller.class_ is not None else caller.parameters
    return any(isinstance(expr, ast.Name) and expr.id in given for expr in about(site))


def _attribute_of(target: ast.expr, model: str) -> str:
    match target:
        case ast.Attribute(value=owner, attr=attribute) if dotted(owner) == model:
            return attribute
        case _:
            return ""
