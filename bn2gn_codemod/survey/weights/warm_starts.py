"""Training that starts from a file of weights, and says so: ``load_pretrained(model, path)``.

That is said by the words of the load, of what reads the file, and of the calls that hand the
model to a helper; and by a download of the file, or a file that is always the same. It counts
only beside an optimizer: tests load finished models by the same helpers, which are for any
model. Where such a helper, or the script that loads the model, fills a part of it as well, the
training starts from that part, and all of the model is an option. And where the optimizer gets
its state there, the training goes on.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.statements.guarding_tests import guarding_tests
from bn2gn_codemod.survey.syntax.nodes import call_name, given_arguments, root_of, walk, walk_scope
from bn2gn_codemod.survey.values import Class, Function, FunctionValue, Instance, Weights
from bn2gn_codemod.survey.weights.always_read_files import begins_with_file
from bn2gn_codemod.survey.weights.downloads import fetches_first
from bn2gn_codemod.survey.weights.resumed_training import is_resumed, speaks_of_resuming
from bn2gn_codemod.survey.weights.skipped_keys import kept_words

_START = re.compile(
    r"pre_?train|imagenet|fine_?tun|warm_?start|init(?:ial)?_from|"
    # ``args.init_1``, ``initial_weights``; not what initialises layers: ``init_weights(net)``
    r"\.init(?:ial)?(?:_?\d+|_model|_file|_path)?\b(?!\()|"
    r"\binit(?:ial)?_(?:weights?|checkpoint|ckpt|state\w*)\b(?!\()|"
    # What is asked of DeepSpeed for a training that does not go on.
    r"\bload_module_only=True|\bload_optimizer_states=False",
    re.IGNORECASE,
)
# What configs of toolboxes call such a file, for their own loaders; ``resume_from`` is the other.
_LOAD_FROM = re.compile(r"\bload_from\b")

_OF_OPTIMIZER = re.compile(r"optim|(?:\b|_)opt\.", re.IGNORECASE)
_OPTIMIZER = re.compile(
    rb"\boptim\w*\.[A-Z]\w+\(|\b(?:SGD|AdamW?|RMSprop)\(|\.backward\(|\.zero_grad\(|"
    rb"\b(?:Trainer|Runner)\(|\.(?:fit\w*|fine_tune)\(",
)


class _Said(NamedTuple):
    """A function, what it says of a load, and the calls by which the file is read, and where."""

    function: Function
    words: str
    reading: list[tuple[Function, ast.AST]]


class WarmStarts:
    """Tells the loads of whole models that scripts begin with."""

    def __init__(self, contents: Contents, call_sites: CallSites) -> None:
        self._contents = contents
        self._flow = contents.flow
        self._call_sites = call_sites

    def is_one(self, call: LoadCall, value: Instance) -> bool:
        """Whether a training says that a model starts from what a call loads into it."""
        if is_resumed(self._flow, call) or restores_optimizer(call, value):
            return False
        if self._is_one_part(call, value):
            return False
        return any(
            trains(function)
            and (
                _START.search(words) is not None
                or (call.loader and _LOAD_FROM.search(words) is not None)
                or any(fetches_first(self._flow, *one) for one in reading)
                or (
                    not kept_words(call.spot.function, call.spot.node)
                    and begins_with_file(
                        self._flow,
                        function,
                        [one for where, one in reading if where is function],
                        call,
                    )
                )
            )
            for function, words, reading in self._said(call, value)
        ) and not self._fills_part(call, value)

    def _said(self, call: LoadCall, value: Instance) -> Iterator[_Said]:
        """The code that loads the model, and what it says there."""
        function = call.spot.function
        read: list[ast.AST] = [
            one.spot.node
            for node in call.weights
            for one in self._flow.values(node)
            if isinstance(one, Weights) and one.spot.function is function
        ]
        if call.loader and call.spot.node is not None:
            read.append(call.spot.node)
        read += self._reading(function, call.spot.node)
        if any(speaks_of_resuming(function, node) for node in read):
            return
        here = " ".join(_words(function, node) for node in (call.spot.node, *read))
        reading: list[tuple[Function, ast.AST]] = [(function, node) for node in read]
        if self._is_made_in(function, value):
            yield _Said(function, here, reading)
        for caller, site in self._call_sites.of(function):
            is_handed = any(value in self._flow.value_of(given) for given in given_arguments(site))
            is_own = function.class_ is not None and _are_kin(function.class_, caller.class_)
            is_its_method = value.spot is None and self._is_called_on(site, value)
            told = [site, *self._reading(caller, site)]
            if (is_handed or is_own or is_its_method) and not any(
                speaks_of_resuming(caller, one) for one in told
            ):
                words = " ".join([here, *(_words(caller, one) for one in told)])
                yield _Said(caller, words, [*reading, *((caller, one) for one in told)])

    def _reading(self, function: Function, load: ast.AST) -> list[ast.AST]:
        """The calls of helpers that read what a call is handed: ``saved = load_file(path)``."""
        given = {node.id for node in walk(load) if isinstance(node, ast.Name)}
        nodes = walk_scope(function.node)
        found: list[ast.AST] = []
        names: set[str] = set()
        while given - names:
            names |= given
            for node in nodes:
                match node:
                    case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in names:
                        pass
                    case _:
                        continue
                if node.lineno > getattr(load, "lineno", 0) or not self._is_read(value):
                    continue
                given |= {one.id for one in walk(value) if isinstance(one, ast.Name)}
                found += (one for one in walk(value) if self._is_helper(one))
        return list(dict.fromkeys(found))

    def _is_read(self, value: ast.expr) -> bool:
        return any(isinstance(one, Weights) for one in self._flow.value_of(value))

    def _is_helper(self, node: ast.AST) -> bool:
        return (
            isinstance(node, ast.Call)
            and self._is_read(node)
            and any(isinstance(one, FunctionValue) for one in self._flow.value_of(node.func))
        )

    def _is_made_in(self, function: Function, value: Instance) -> bool:
        """Whether a function makes the model, or a call in it does: ``net = define_model()``.

        What it is handed it does not make, be that the model, what wraps it or what knows it.
        """
        if value.spot is None:
            return False
        if value.spot.function is function:
            return True
        handed = function.parameters
        if function.class_ is not None:
            handed = handed - {function.first_parameter}
        for _, call in self._flow.calls_in.get(function, ()):
            if value not in self._flow.value_of(call):
                continue
            root = root_of(call.func)
            is_known = isinstance(root, ast.Name) and root.id in handed
            given = (one for part in given_arguments(call) for one in self._flow.value_of(part))
            if not is_known and value not in given:
                return True
        return False

    def _is_called_on(self, site: ast.Call, own: Instance) -> bool:
        """Whether a call is ``net.load(file)``, for the ``self`` of that method."""
        kin = own.class_.descendants()
        return isinstance(site.func, ast.Attribute) and any(
            isinstance(one, Instance) and one.spot is not None and one.class_ in kin
            for one in self._flow.value_of(site.func.value)
        )

    def _fills_part(self, call: LoadCall, value: Instance) -> bool:
        """Whether the same helper, or the code that hands it the model, loads a part alone."""
        function = call.spot.function
        callers = [caller for caller, _ in self._call_sites.of(function)]
        return any(
            self._is_part_of(value, other)
            for other in self._flow.load_calls
            if other.spot.function is function or other.spot.function in callers
        )

    def _is_one_part(self, call: LoadCall, value: Instance) -> bool:
        """Whether only the entries of one part are taken: ``if "trunk" in key: ...``"""
        words = kept_words(call.spot.function, call.spot.node)
        names = {name for _, name in self._contents.family_slots(value.class_)}
        return len(names.intersection(word.partition(".")[0] for word in words)) == 1

    def _is_part_of(self, value: Instance, other: LoadCall) -> bool:
        below = self._contents.below(value.class_)
        slots = self._contents.family_slots(value.class_)
        parts = {held for slot in slots for held in self._contents.of_slot[slot]}
        return any(
            held in parts or (isinstance(held, Instance) and held.class_ in below)
            for held in self._flow.values(other.receiver)
        )


def _are_kin(cls: Class, other: Class | None) -> bool:
    """Whether a method of one class may be called on the ``self`` of the other one's."""
    return other is not None and (cls in other.ancestors() or other in cls.ancestors())


def _words(function: Function, call: ast.AST) -> str:
    """A call, the name of its function, and the tests that it stands under."""
    tests = map(ast.unparse, guarding_tests(function, call))
    # ``Trainer.init_model`` is no attribute that is read.
    return " ".join((function.name.replace(".", " "), ast.unparse(call), *tests))


def trains(function: Function) -> bool:
    return _OPTIMIZER.search(function.module.source.data) is not None


def restores_optimizer(call: LoadCall, value: Instance) -> bool:
    """Whether the state of an optimizer is loaded where the model is, in the same branch.

    A helper for both of them is for training that goes on, and is handed no optimizer else.
    """
    function = call.spot.function
    is_helper = value.spot is not None and value.spot.function is not function
    here = set(guarding_tests(function, call.spot.node))
    return any(
        isinstance(node, ast.Call)
        and call_name(node) == "load_state_dict"
        and _OF_OPTIMIZER.search(ast.unparse(node.func))
        and (is_helper or here == set(guarding_tests(function, node)))
        for node in walk_scope(function.node)
    )
