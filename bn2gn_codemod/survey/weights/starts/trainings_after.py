"""Trainings that come after a load in the code of one function, and whether they begin with it.

Not those that run where the load does not, nor those that the load belongs to: one that takes its
own best weights back, or one whose outcome is read for a test.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.statements.function_ends import ends_function
from bn2gn_codemod.survey.statements.opposite_tests import never_both
from bn2gn_codemod.survey.statements.run_conditions import blocks_around, outcomes_at
from bn2gn_codemod.survey.syntax.nodes import call_name, dotted, given_arguments, walk
from bn2gn_codemod.survey.values import Function

_FILE = re.compile(r"\w\.\w+$")
_STEPS = re.compile(r"\.step\(|\.backward\(")
_TESTS = re.compile(
    r"(?:do_|is_|run_)?(?:test|eval|evaluate|infer|inference|predict)(?:_only|ing)?"
)
_TRAINS = re.compile(r"(?:do_|is_|run_)?train(?:ing)?")
_SCHEDULE = re.compile(r"LR$|Restarts$|Plateau$")
_MAY_NOT_RUN = (ast.If, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


class AfterLoad(NamedTuple):
    """What code does with a model that it has loaded at one place."""

    function: Function
    site: ast.AST
    is_made_here: bool
    reading: list[ast.AST]

    def begins(self, training: ast.Call) -> bool:
        """Whether a training that the code begins somewhere may begin with what is loaded."""
        return (
            _comes_before(self.function, self.site, training)
            and not self._never_runs(training)
            and not is_own_outcome(self.function, self.site, self.reading)
            and not self._is_tested(training)
        )

    def _never_runs(self, training: ast.Call) -> bool:
        """Whether a training is not for what is loaded, nor is what its optimizer is used for.

        ``if args.mode != "train": net.load_state_dict(...)``, ``sgd = SGD(net.parameters())``,
        and ``if args.mode == "train": fit(net, sgd)``.
        """
        return self._is_missed(training) or self._is_used_elsewhere(training, set())

    def _is_missed(self, node: ast.AST) -> bool:
        return never_both(self.function, self.site, node, is_made_here=self.is_made_here)

    def _is_used_elsewhere(self, made: ast.Call, seen: set[str]) -> bool:
        name = _variable_of(self.function, made)
        if name is None or name in seen:
            return name is not None
        whole = self.function.node
        if not isinstance(whole, ast.Module) and (
            name not in self.function.locals or name in self.function.global_names
        ):
            return False
        uses = [
            node
            for node in walk(whole)
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        ]
        return bool(uses) and all(
            self._is_missed(node)
            or any(
                self._is_used_elsewhere(call, seen | {name}) for call in _schedules_of(whole, node)
            )
            for node in uses
        )

    def _is_tested(self, training: ast.Call) -> bool:
        """Whether what a training writes is read for a test, and the training is asked for apart.

        ``if args.test: net.load_state_dict(torch.load("net.pth"))``, ``if args.train: fit(net)``.
        """
        asked = {*_options(self.function, self.site)}
        return (
            any(map(_TESTS.fullmatch, asked))
            and any(map(_TRAINS.fullmatch, {*_options(self.function, training)} - asked))
            and _writes(self.function.module.tree, self.reading)
        )


def is_own_outcome(function: Function, load: ast.AST, reading: list[ast.AST]) -> bool:
    """Whether a model gets back what the same run has made of it, and written to a file.

    The training is over by then, or it is the best one so far that comes back in its loop.
    """
    models = set(_models_of(load))
    around = blocks_around(function.node, load)
    before = [one for block, index in around for one in block[:index]]
    if _trains(before) and any(_writes(one, reading, models) for one in _run(before)):
        return True
    return any(
        isinstance(block[index], (ast.For, ast.While))
        and _trains([one for inner, at in around[depth + 1 :] for one in inner[:at]])
        and _writes(block[index], reading, models)
        for depth, (block, index) in enumerate(around)
    )


def _run(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Without what another run may do, as under ``if args.stage == 1:``."""
    return (one for one in statements if not isinstance(one, _MAY_NOT_RUN))


def _trains(statements: list[ast.stmt]) -> bool:
    return any(_STEPS.search(ast.unparse(one)) for one in _run(statements))


def _writes(scope: ast.AST, reading: list[ast.AST], models: set[str] | None = None) -> bool:
    """Whether code writes the file that is read: its name is written out, and the model said."""
    read = {name for node in reading for name in _files(node)}
    return not read.isdisjoint(
        name
        for node in walk(scope)
        if isinstance(node, ast.Call) and call_name(node).startswith("save")
        if models is None or any(_name_of(one) in models for one in walk(node))
        for name in _files(node)
    )


def _models_of(load: ast.AST) -> Iterator[str]:
    """``net`` of ``net.load_state_dict(saved)`` and of ``restore(net, path)``"""
    if isinstance(load, ast.Call):
        owner = [load.func.value] if isinstance(load.func, ast.Attribute) else []
        yield from filter(None, map(_name_of, (*owner, *given_arguments(load))))


def _name_of(expr: ast.AST) -> str | None:
    text = dotted(expr) if isinstance(expr, (ast.Name, ast.Attribute)) else None
    return None if text is None else text.removesuffix(".module")


def _files(node: ast.AST) -> Iterator[str]:
    """The names of files that a call is handed: ``torch.load("net.pth")``."""
    for one in given_arguments(node) if isinstance(node, ast.Call) else ():
        match one:
            case ast.Constant(value=str(name)) if _FILE.search(name):
                yield name


def _options(function: Function, node: ast.AST) -> Iterator[str]:
    """``test`` of ``if args.test:``, for what is on where the code at a place runs."""
    for test, holds in outcomes_at(function, node):
        if holds and (text := dotted(test)) is not None:
            yield text.rpartition(".")[2]


def _variable_of(function: Function, made: ast.Call) -> str | None:
    """The one variable that what a call makes is kept in, and nowhere else."""
    for node in walk(function.node):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if value is made:
                return name
            case _:
                pass
    return None


def _schedules_of(scope: ast.AST, optimizer: ast.Name) -> Iterator[ast.Call]:
    """``StepLR(optimizer, 10)``, which steps no sooner than the optimizer does."""
    return (
        node
        for node in walk(scope)
        if isinstance(node, ast.Call)
        and optimizer in node.args
        and _SCHEDULE.search(call_name(node))
    )


def _comes_before(function: Function, first: ast.AST, second: ast.Call) -> bool:
    """Whether code may come to the second place next that has been at the first one."""
    after = {id(block): index for block, index in blocks_around(function.node, second)}
    around = blocks_around(function.node, first)
    for depth, (block, index) in enumerate(around):
        if after.get(id(block), -1) > index:
            in_loop = isinstance(block[index], _LOOPS)
            for within, at in around[depth + 1 :]:
                for one in within[at + 1 :]:
                    # A loop that is left goes on to what comes after it.
                    is_left = not in_loop and isinstance(one, (ast.Break, ast.Continue))
                    if is_left or ends_function(one):
                        return False
                in_loop = in_loop or isinstance(within[at], _LOOPS)
            return True
    return False
