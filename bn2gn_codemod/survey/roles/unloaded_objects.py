"""Networks into which nothing loads weights, beside one of the same class that is loaded.

``self.image.load_state_dict(...)`` says nothing of ``self.radar``, which is another object in
the same model. The lines of their class serve both: they are pretrained in one of them.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Collection, Iterator

from bn2gn_codemod.survey.because import Because, Role, Slot, shown
from bn2gn_codemod.survey.flow.call_sites import called_function
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.network_contents import is_aside
from bn2gn_codemod.survey.syntax.nodes import given_arguments, is_off, walk
from bn2gn_codemod.survey.values import Class, Function, FunctionValue, Instance, Spot, Value
from bn2gn_codemod.survey.weights.loads import Load, Loads


class UnloadedObjects:
    """Finds the objects of a loaded class that no load is seen to fill.

    ``is_told`` says whether a setting, or a load of the whole model, tells of an attribute;
    ``leaves_out`` whether a load does not run for a call of a factory: ``make(pretrained=False)``.
    """

    def __init__(
        self,
        contents: Contents,
        loads: Loads,
        is_told: Callable[[Slot], bool],
        leaves_out: Callable[[Spot, ast.Call, Function], bool],
    ) -> None:
        self._leaves_out = leaves_out
        self._contents = contents
        self._loads = loads
        self._is_told = is_told
        self._found: dict[Class, dict[Slot, Because]] = {}
        self._declined: dict[tuple[Slot, Class], bool] = {}

    def beside(self, slot: Slot) -> Because | None:
        """What speaks against an attribute of a class being loaded in all objects of the class."""
        return next(iter(self._unloaded(slot[0]).values()), None)

    def is_in(self, slot: Slot, cls: Class) -> bool:
        """Whether what an attribute holds of a class is an object that nothing loads."""
        return slot in self._unloaded(cls)

    def _unloaded(self, cls: Class) -> dict[Slot, Because]:
        if cls not in self._found:
            self._found[cls] = dict(self._judge(cls))
        return self._found[cls]

    def _judge(self, cls: Class) -> Iterator[tuple[Slot, Because]]:
        load = self._load_by_objects(cls)
        made = [
            one
            for child in cls.descendants()
            for one in self._contents.flow.instances.get(child, ())
            if one.spot is not None and not one.weak and one in self._contents.held_in
        ]
        loaded = [one for one in made if one in self._filled]
        if load is None or not loaded:
            return
        for one in made:
            for slot in self._contents.held_in[one]:
                if one in self._filled and not self._is_declined(slot, cls):
                    continue
                beside = self._loaded_beside(slot, loaded, cls)
                if beside is not None:
                    words = f"{cls.name} is held by {shown(slot)}, too, into which nothing is"
                    words = f"{words} seen to load weights ({load.where} is for {shown(beside)})"
                    yield slot, Because(Role.UNDECIDED, words)

    def _is_declined(self, slot: Slot, network: Class) -> bool:
        """Whether each call that gives an attribute its network leaves out all loads into it."""
        key = slot, network
        if key not in self._declined:
            loads = self._loads_into(slot, network)
            calls = list(self._calls_for(slot))
            self._declined[key] = bool(calls and loads) and all(
                call is not None
                and (
                    self._filled.isdisjoint(self._contents.flow.value_of(call))
                    or all(self._leaves_out(spot, call, function) for spot in loads)
                )
                for call, function in calls
            )
        return self._declined[key]

    def made_without(self, slot: Slot) -> str:
        """A call in what is stored in an attribute that declines all loads; ``""``: none.

        ``self.both = nn.ModuleList([make(), make(pretrained=False)])``
        """
        flow = self._contents.flow
        for made, function in self._calls_for(slot):
            parts = walk(made) if made is not None else []
            if any(isinstance(one, (ast.IfExp, ast.BoolOp)) for one in parts):
                continue  # what is asked for decides, as with an option
            for call in parts:
                if not isinstance(call, ast.Call) or not any(map(is_off, given_arguments(call))):
                    continue
                if not any(isinstance(one, FunctionValue) for one in flow.value_of(call.func)):
                    continue
                run = self._run_by(call)
                loads = [
                    one for one in self._loads_of({*flow.value_of(call)}) if one.function in run
                ]
                if loads and all(self._leaves_out(spot, call, function) for spot in loads):
                    return ast.unparse(call)
        return ""

    def _run_by(self, call: ast.Call) -> set[Function]:
        """The functions that a call comes to, in any number of steps."""
        found: set[Function] = set()
        pending = [call]
        while pending:
            for value in self._contents.flow.value_of(pending.pop().func):
                function = called_function(value)
                if function is not None and function not in found:
                    found.add(function)
                    pending += (
                        inner for _, inner in self._contents.flow.calls_in.get(function, ())
                    )
        return found

    def _calls_for(self, slot: Slot) -> Iterator[tuple[ast.Call | None, Function]]:
        """The calls whose result is stored in an attribute; ``None`` for any other store."""
        for cls in (*slot[0].ancestors(), *slot[0].descendants()):
            for method in dict.fromkeys(cls.methods.values()):
                for node in method.attribute_stores.get(slot[1], ()):
                    if not isinstance(node, ast.Call):  # self.depth.cuda()
                        yield _call_for(slot[1], node), method

    def _loads_into(self, slot: Slot, network: Class) -> list[Spot]:
        """Where weights go into networks that are, or may be, in an attribute."""
        kin = {*network.ancestors(), *network.descendants()}
        held = {
            one
            for one in self._contents.of_slot[slot]
            if isinstance(one, Instance) and one.class_ in kin
        }
        return self._loads_of(held)

    def _loads_of(self, held: Collection[Value]) -> list[Spot]:
        networks = {one for one in held if isinstance(one, Instance)}
        return [
            call.spot
            for call in self._contents.flow.load_calls
            for node in (call.receiver, *(whole.model for whole in call.wholes))
            if not networks.isdisjoint(self._contents.flow.values(node))
        ]

    def _load_by_objects(self, cls: Class) -> Load | None:
        """A load into a class, where each goes into objects that are told apart.

        Not where the class loads itself, whoever makes it.
        """
        kin = {*cls.ancestors(), *cls.descendants()}
        found = [self._loads.best(cls), *map(self._loads.resumed.get, cls.descendants())]
        load = next(filter(None, found), None)
        if load is None or load.vague or not kin.isdisjoint(self._load_self):
            return None
        every = [one for kind in kin for one in self._loads.of_class.get(kind, ())]
        return None if any(one.kind == "library" for one in every) else load

    def _loaded_beside(self, slot: Slot, loaded: list[Instance], cls: Class) -> Slot | None:
        """The attribute of a loaded object in a model that holds the other one for certain."""
        is_alone = self._is_alone(slot) or self._is_declined(slot, cls)
        if is_aside(self._contents, slot) or not is_alone or self._is_told(slot):
            return None
        around = self._above(slot[0])
        if any(self._loads.best(one) is not None for one in around):
            return None
        for one in loaded:
            for other in self._contents.held_in[one]:
                if other == slot or is_aside(self._contents, other):
                    continue
                if self._is_declined(other, cls):
                    continue
                others = self._above(other[0])
                apart = {above for cls in around - others for above in cls.ancestors()}
                if apart.isdisjoint(self._classes_filled) and any(
                    self._holds_both(model, (slot, around), (other, others))
                    for model in around & others
                ):
                    return other
        return None

    def _is_alone(self, slot: Slot) -> bool:
        """Whether nothing that may be in an attribute is loaded, as far as it is seen."""
        held = self._contents.of_slot[slot]
        return (
            slot not in self._loads.of_slot
            and not self._is_told(slot)
            and all(isinstance(one, Instance) and one not in self._filled for one in held)
        )

    def _holds_both(
        self, model: Class, one: tuple[Slot, set[Class]], other: tuple[Slot, set[Class]]
    ) -> bool:
        """Whether a model holds two attributes, or what has them, in attributes of its own."""
        leading = [self._leading(model, *one), self._leading(model, *other)]
        return all(mine - theirs for mine, theirs in (leading, leading[::-1]))

    def _leading(self, model: Class, slot: Slot, around: set[Class]) -> set[Slot]:
        """The attributes of a model by which another attribute is come to."""
        return {
            own
            for own in self._contents.family_slots(model)
            if own == slot
            or any(
                isinstance(value, Instance) and not value.weak and value.class_ in around
                for value in self._contents.of_slot[own]
                if model not in (value.class_ if isinstance(value, Instance) else model).ancestors()
            )
        }

    def _above(self, cls: Class) -> set[Class]:
        """A class, what extends it, and all that holds one of them."""
        found = set(cls.descendants())
        pending = list(found)
        for one in pending:
            for holder, _ in self._contents.holders.get(one, ()):
                new = [kind for kind in holder.descendants() if kind not in found]
                found.update(new)
                pending.extend(new)
        return found

    @functools.cached_property
    def _filled(self) -> set[Instance]:
        """All objects into which anything goes, be it to go on with a training."""
        flow = self._contents.flow
        nodes = (
            node
            for call in flow.load_calls
            for node in (call.receiver, *(whole.model for whole in call.wholes))
        )
        return {one for node in nodes for one in flow.values(node) if isinstance(one, Instance)}

    @functools.cached_property
    def _classes_filled(self) -> set[Class]:
        return {one.class_ for one in self._filled}

    @functools.cached_property
    def _load_self(self) -> set[Class]:
        """The classes that load weights into ``self``."""
        return {one.class_ for one in self._filled if one.spot is None}


def _call_for(name: str, store: ast.AST) -> ast.Call | None:
    """The call whose result a statement stores in an attribute, alone or among others."""
    match store:
        case ast.Assign(targets=[ast.Attribute()], value=ast.Call() as call):
            return call
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)) if len(
            targets
        ) == len(values):
            for target, value in zip(targets, values, strict=True):
                if isinstance(target, ast.Attribute) and target.attr == name:
                    return value if isinstance(value, ast.Call) else None
            return None
        case _:
            return None
