"""Parts of whole models that start from the state dict of a model, and from no file at once.

``net.load_state_dict(old.state_dict())``, where ``old`` is loaded and of another class; and
``own["depth." + key] = own["rgb." + key]``, where the one part is pretrained and the other is not.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.known.library_models import library_model
from bn2gn_codemod.survey.syntax.nodes import call_name, reads_as, walk, walk_scope
from bn2gn_codemod.survey.values import Class, Function, Instance
from bn2gn_codemod.survey.weights.entries.skipped_keys import listed_words
from bn2gn_codemod.survey.weights.loads import Load
from bn2gn_codemod.survey.weights.read_loads import read_load
from bn2gn_codemod.survey.weights.resumed.resumed_training import is_resumed


class CopiedStates:
    """Tells the attributes that start from other models, or from other attributes."""

    def __init__(
        self,
        contents: Contents,
        call_sites: CallSites,
        is_loaded_network: Callable[[Class], bool],
    ) -> None:
        self._contents = contents
        self._flow = contents.flow
        self._call_sites = call_sites
        self._is_loaded_network = is_loaded_network

    def slots(self, call: LoadCall) -> Iterator[tuple[Slot, Load]]:
        """The attributes that a load fills which reads no weights itself, with that load."""
        if call.into_tensors or self._flow.is_crowded(call.receiver):
            return
        receivers = [
            value
            for value in self._flow.values(call.receiver)
            if isinstance(value, Instance) and not value.weak and value.class_.is_module
        ]
        mine = tuple({value.class_ for value in receivers})
        for node in call.weights if mine else ():
            for value in self._flow.values(node):
                if isinstance(value, Instance) and value.class_ not in mine:
                    load = self._loaded_here(value, call.spot.function)
                    if load is not None:
                        yield from ((one, load) for one in self._shared((value.class_, *mine)))
                elif value in receivers:
                    yield from self._filled_from_own(call, value)

    def _shared(self, classes: tuple[Class, ...]) -> Iterator[Slot]:
        """The attributes that all of the classes have in common.

        Between models of one class it is a moving average.
        """
        names = frozenset.intersection(*map(self._contents.names, classes))
        for cls in classes:
            yield from (one for one in self._contents.family_slots(cls) if one[1] in names)

    def _loaded_here(self, model: Instance, function: Function) -> Load | None:
        """What a function, one that it calls or one that calls it loads into a model.

        Who loads it elsewhere may as well go on with it.
        """
        callers = [caller for caller, _ in self._call_sites.of(function)]
        for call in self._flow.load_calls:
            loader = call.spot.function
            is_here = loader in (function, *callers) or any(
                caller is function for caller, _ in self._call_sites.of(loader)
            )
            if is_here and not call.into_tensors and model in self._flow.values(call.receiver):
                load = read_load(self._flow, call)
                if load is not None and load.kind == "file" and not is_resumed(self._flow, call):
                    return load
        return None

    def _filled_from_own(self, call: LoadCall, model: Instance) -> Iterator[tuple[Slot, Load]]:
        """Those whose entries get those of a pretrained part of the same model."""
        match call.spot.node:
            case ast.Call(args=[ast.Name(id=state), *_]):
                filled = set(_filled(call.spot.function, state))
            case _:
                return
        slots = self._contents.family_slots(model.class_)
        said = {
            node.value.strip(".").partition(".")[0]
            for node in walk(call.spot.function.node)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        if any(slot[1] in said - filled and self._is_pretrained(slot) for slot in slots):
            load = Load("file", "copying entries of its own", call.spot.where, False)
            yield from ((slot, load) for slot in slots if slot[1] in filled)

    def _is_pretrained(self, slot: Slot) -> bool:
        """Whether an attribute holds a library's network, or one that is loaded by itself."""
        return any(
            library_model(value) is not None
            or (isinstance(value, Instance) and self._is_loaded_network(value.class_))
            for value in self._contents.of_slot[slot]
        )


def _filled(function: Function, state: str) -> Iterator[str]:
    """The first names of keys that get entries: ``own["depth." + key] = ...``"""
    nodes = walk_scope(function.node)
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=filled), slice=key)]) if (
                filled == state
            ):
                words = _words(key, nodes, function.module.tree)
                yield from (word.strip(".").partition(".")[0] for word in words)
            case _:
                pass


def _words(key: ast.expr, nodes: list[ast.AST], module: ast.Module) -> Iterator[str]:
    match key:
        case ast.Constant(value=str(text)) | ast.BinOp(left=ast.Constant(value=str(text))):
            yield text
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            yield text
        case ast.Call(args=[_, ast.Constant(value=str(text)), *_]) if call_name(key) == "replace":
            yield text
        case ast.Name(id=name):
            for loop in nodes:
                if isinstance(loop, ast.For) and reads_as(loop.target, name):
                    yield from listed_words(loop, nodes, module)
            for node in nodes:
                match node:
                    case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                        if not isinstance(value, ast.Name):
                            yield from _words(value, nodes, module)
                    case _:
                        pass
        case _:
            pass
