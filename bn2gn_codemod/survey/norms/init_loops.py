"""Init loops and other tests for BatchNorm that must also see GroupNorm.

A test matters when a layer that becomes GroupNorm may come to it. A loop that
overwrites pretrained BatchNorm is never edited, and none is added where it
would.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import Literal, NamedTuple

from bn2gn_codemod.plan import HelperEdit, InitLoopEdit, NormTest
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.top_names import TopNames
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.norms.child_loops import ChildLoops
from bn2gn_codemod.survey.norms.load_order import LoadOrder
from bn2gn_codemod.survey.norms.purposes import Effects, effects_of, purpose_of
from bn2gn_codemod.survey.norms.type_tests import FoundTest, NormTests, loop_over
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.converted_layers import is_group_norm
from bn2gn_codemod.survey.roles.held_layers import HeldLayers
from bn2gn_codemod.survey.syntax.nodes import all_arguments, call_name, walk
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    Entries,
    Function,
    FunctionValue,
    Instance,
    Lost,
    NormLayer,
    Text,
    Value,
)

_NO_NAME = "the file has no name for torch.nn"


class InitLoops(NamedTuple):
    """All tests for BatchNorm, and the edits that make them see GroupNorm."""

    tests: tuple[NormTest, ...] = ()
    edits: tuple[InitLoopEdit, ...] = ()


def survey_init_loops(
    flow: Flow,
    roles: RoleMap,
    held: HeldLayers,
    helpers: tuple[HelperEdit, ...],
    settings: Settings,
) -> InitLoops:
    """Judge every test for BatchNorm; find the init loops that lack one.

    ``helpers`` are the planned helpers: with one a file may come to know
    ``torch.nn`` by a name that it has not yet.
    """
    survey = _Survey(flow, roles, held, helpers)
    survey.widen()
    survey.branch()
    if settings.init_loop == "inject":
        survey.inject()
    order = sorted(survey.edits, key=lambda edit: edit.place)
    return InitLoops(tuple(sorted(survey.tests, key=lambda test: test.place)), tuple(order))


class _Survey:
    def __init__(
        self,
        flow: Flow,
        roles: RoleMap,
        held: HeldLayers,
        helpers: tuple[HelperEdit, ...],
    ) -> None:
        self._flow = flow
        self._roles = roles
        self._held = held
        self._helpers = {helper.path: helper for helper in helpers}
        self._names = TopNames(flow)
        self._found = NormTests(flow)
        self._order = LoadOrder(flow, roles, held)
        self._children = ChildLoops(flow, held)
        self._covered: set[Class] = set()  # classes with a loop that sees GroupNorm
        self._handled: set[tuple[ast.stmt, str]] = set()
        self.tests: list[NormTest] = []
        self.edits: list[InitLoopEdit] = []

    # -------------------------------------------------------------- widen

    def widen(self) -> None:
        """Judge the tests that are there."""
        for test in self._found.all():
            self.tests.append(self._judge(test))

    def _judge(self, test: FoundTest) -> NormTest:
        purpose, effects = purpose_of(self._flow, test)
        judged = NormTest(test.module.place(test.node), purpose)
        if purpose in ("freezing", "copying"):
            return judged
        reached = self._reached(test)
        if purpose == "init":
            if test.body and test.passes(None) and reached:
                owners = self._children.owners(test)
                over = reached if owners is None else owners
                resets = self._order.overwritten(over, test.function, test.body[0])
                if resets:
                    return judged._replace(resets=resets)
            if test.sees_group_norm:
                self._cover(test.function)
        if test.sees_group_norm or not self._bears(test, reached):
            return judged
        key = (test.chain, ast.dump(test.subject) if test.subject is not None else "")
        if key in self._handled:
            return judged
        reason = self._refusal(test, judged, effects)
        if reason is not None:
            return judged._replace(reason=reason)
        self._handled.add(key)
        self._cover(test.function)
        self._edit(judged, test)
        return judged._replace(fix="the test sees GroupNorm too")

    def _refusal(self, test: FoundTest, judged: NormTest, effects: Effects) -> str | None:
        """Why the test is not widened; ``""`` when there is no need to."""
        if judged.purpose == "setting":
            kept = effects.stored & {"eps"}
            return "it sets eps, which the new layers do not get then" if kept else ""
        if judged.purpose == "fusing":
            return "GroupNorm cannot be folded into a convolution"
        if judged.purpose == "other":
            return "what it is for was not understood"
        lacking = sorted(effects.only_batch_norm)
        if lacking:
            return f"it uses {lacking[0]}, which GroupNorm does not have"
        if not test.is_widenable:
            return "the form of the test is not one that can be widened"
        return None if self._nn_name(test.module.path) is not None else _NO_NAME

    def _edit(self, judged: NormTest, test: FoundTest) -> None:
        nn_name = self._nn_name(test.module.path)
        assert nn_name is not None
        cls = test.function.enclosing_class
        name = cls.name if cls is not None else ""
        is_init = judged.purpose == "init"
        self.edits.append(InitLoopEdit(judged.place, "widen", name, nn_name, is_init))

    def _cover(self, function: Function) -> None:
        cls = function.enclosing_class
        if cls is not None:
            self._covered.add(cls)

    def _nn_name(self, path: str) -> str | None:
        found = self._names.torch_nn(path)
        helper = self._helpers.get(path)
        if found is None and helper is not None and helper.import_from is None:
            return "nn"  # imported together with the helper
        return found

    # ------------------------------------------------------- what is tested

    def _bears(self, test: FoundTest, reached: list[Value] | None) -> bool:
        """Whether a layer that becomes GroupNorm may come to the test."""
        if reached is None or any(isinstance(value, Lost) for value in reached):
            # Somebody uses it, on what is not known: missing a layer is worse.
            return self._any_converted and self._is_used(test.function) and test.passes(None)
        return any(
            test.passes(value if isinstance(value, NormLayer) else None)
            for value in self._held.converted_below(reached)
        )

    @functools.cached_property
    def _any_converted(self) -> bool:
        return any(
            self._held.is_converted(value)
            for values in self._roles.contents.values()
            for value in values
        )

    def _is_used(self, function: Function) -> bool:
        if isinstance(function.node, (ast.Module, ast.Lambda)):
            return True
        name = function.name.rsplit(".", 1)[-1]
        return any(
            name.encode() in module.source.data and _speaks_of(module.tree, name)
            for module in self._flow.modules
        )

    def _reached(self, test: FoundTest) -> list[Value] | None:
        """What the tested module may be, or is part of; ``None`` when nothing is known."""
        if test.subject is None:
            return None
        flow, tree = self._flow, self._found.tree(test.module)
        around: list[Value] = []
        for receiver in loop_over(tree, test.node, test.subject):
            around.extend(flow.value_of(receiver))
        node = test.function.node
        if (
            isinstance(test.subject, ast.Name)
            and not isinstance(node, ast.Module)
            and test.subject.id in {argument.arg for argument in all_arguments(node.args)}
        ):
            around.extend(self._applied.get(test.function, ()))
        values = [*flow.value_of(test.subject), *around]
        modules: list[Value] = [
            v for v in dict.fromkeys(values) if not isinstance(v, (Text, Entries))
        ]
        if any(isinstance(value, Instance) for value in around):
            # Whose layer it is, and so whether it is a backbone's, is only known from above.
            modules = [value for value in modules if not is_group_norm(value)]
        return modules or None

    @functools.cached_property
    def _applied(self) -> dict[Function, list[Value]]:
        """What each function is applied to, as in ``model.apply(weights_init)``."""
        found: dict[Function, list[Value]] = {}
        for module in self._flow.modules:
            if b".apply(" not in module.source.data:
                continue
            for call in walk(module.tree):
                match call:
                    case ast.Call(func=ast.Attribute(value=receiver, attr="apply"), args=[given]):
                        for value in self._flow.value_of(given):
                            if isinstance(value, FunctionValue):
                                receivers = found.setdefault(value.function, [])
                                receivers.extend(self._flow.value_of(receiver))
        return found

    # ------------------------------------------------------ branch, inject

    def branch(self) -> None:
        """Find init loops that pass over the norms that their class converts.

        Where another loop of the class sees them, there is nothing to add. Nor is there where the
        last norm of a block gets its zero: the branch would come to it after the block.
        """
        for cls in self._converting_classes():
            loops = [one for method in cls.methods.values() for one in _loops_over_self(method)]
            if self._see_norms(cls, loops) or any(map(self._sets_inside_blocks, loops)):
                continue
            for loop in loops:
                if any(self._initialising(loop)) and self._is_safe(cls):
                    self._add_branch(cls, loop)

    def _see_norms(self, cls: Class, loops: list[ast.For]) -> bool:
        tree = self._found.tree(cls.module)
        return any(
            self._found.mentions_norm(walk(loop), tree)
            for loop in loops
            if any(self._initialising(loop))
        )

    def _initialising(self, loop: ast.For) -> Iterator[ast.If]:
        """The branches in a loop that initialise modules of some class."""
        return (
            statement
            for statement in loop.body
            if isinstance(statement, ast.If)
            and _class_tests(statement.test)
            and effects_of(self._flow, statement.body).initialises
        )

    def _sets_inside_blocks(self, loop: ast.For) -> bool:
        """Whether a loop initialises what blocks hold: ``if isinstance(m, Block): zero(m.bn2)``"""
        return any(
            self._may_be_block(tested)
            for statement in self._initialising(loop)
            for test in _class_tests(statement.test)
            for tested in test.args[1:]
        )

    def _may_be_block(self, tested: ast.expr) -> bool:
        """Whether a test is for a class of the repository that holds norms."""
        parts = tested.elts if isinstance(tested, ast.Tuple) else [tested]
        return any(
            isinstance(layer, NormLayer) or is_group_norm(layer)
            for part in parts
            for value in self._flow.value_of(part)
            if isinstance(value, ClassValue)
            for layer in self._held.below([Instance(value.class_, None)])
        )

    def _add_branch(self, cls: Class, loop: ast.For) -> None:
        self._covered.add(cls)
        self._add(cls, loop, "branch", f"the loop of {cls.name} gets a branch for norms")

    def inject(self) -> None:
        """Find classes that convert norms and initialise nothing."""
        for cls in self._converting_classes():
            init = cls.methods.get("__init__")
            related = {*cls.ancestors(), *cls.descendants()}
            if init is None or related & self._covered or not self._is_safe(cls):
                continue
            if not any(_loops_over_self(function) for function in cls.methods.values()):
                self._add(cls, cls.node, "inject", f"{cls.name} gets an init loop")

    def _add(self, cls: Class, node: ast.stmt, kind: Literal["branch", "inject"], fix: str) -> None:
        place, nn_name = cls.module.place(node), self._nn_name(cls.path)
        if nn_name is None:
            self.tests.append(NormTest(place, "init", reason=_NO_NAME))
            return
        self.tests.append(NormTest(place, "init", fix=fix))
        self.edits.append(InitLoopEdit(place, kind, cls.name, nn_name))

    def _converting_classes(self) -> list[Class]:
        """Classes that store converted layers in attributes of their own."""
        return [
            cls
            for cls in self._roles.slots_of
            if any(map(self._held.is_converted, self._held.own(cls)))
        ]

    def _is_safe(self, cls: Class) -> bool:
        """Whether a loop over all norms of the class can touch no backbone."""
        around = Instance(cls, None)
        reached = self._held.below([around])
        return not any(
            self._held.is_kept(value) or (isinstance(value, Instance) and value.weak)
            for value in reached
        ) and not any(self._may_be_backbone(*stored) for stored in _stored(cls))

    def _may_be_backbone(self, name: str, value: ast.expr) -> bool:
        """Whether an attribute may hold a backbone that the analysis could not follow."""
        if any(True for _ in self._flow.value_of(value)):
            return False
        return families.is_backbone_attribute(name) or families.may_be_backbone_attribute(name)


def _speaks_of(tree: ast.Module, name: str) -> bool:
    """Whether code uses a function by its name: an import alone does not."""
    for node in walk(tree):
        match node:
            case ast.Name(id=said) | ast.Attribute(attr=said) | ast.Constant(value=str(said)):
                if said == name:
                    return True
            case ast.ImportFrom(names=names) if any(
                one.name == name and one.asname for one in names
            ):
                return True
            case _:
                pass
    return False


def _class_tests(test: ast.expr) -> list[ast.Call]:
    return [
        node
        for node in walk(test)
        if isinstance(node, ast.Call) and call_name(node) == "isinstance"
    ]


def _loops_over_self(function: Function) -> list[ast.For]:
    """``for m in self.modules()`` and ``for name, m in self.named_modules()``."""
    found: list[ast.For] = []
    for node in walk(function.node):
        match node:
            case ast.For(
                iter=ast.Call(
                    func=ast.Attribute(value=ast.Name(id="self"), attr="modules" | "named_modules")
                )
            ):
                found.append(node)
    return found


def _stored(cls: Class) -> Iterator[tuple[str, ast.expr]]:
    """Attributes that the class and its bases store, each with what is stored."""
    for owner in cls.ancestors():
        for function in owner.methods.values():
            for node in walk(function.node):
                match node:
                    case ast.Assign(
                        targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=value
                    ):
                        yield name, value
