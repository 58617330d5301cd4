"""Tests by which code tells BatchNorm from other layers, and what each is for."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterable, Iterator

from bn2gn_codemod.norm_test_forms import is_negative, named_class, type_of
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.syntax_tree import SCOPES, Tree
from bn2gn_codemod.survey.known.norm_classes import dimension, is_norm_class
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.class_tables import keys_of, lookup_in
from bn2gn_codemod.survey.syntax.nodes import (
    call_name,
    dotted,
    nodes_on,
    root_of,
    target_names,
    walk,
)
from bn2gn_codemod.survey.values import (
    ClassValue,
    External,
    Function,
    NormClass,
    NormLayer,
    TupleValue,
    Value,
)

_TEST_WORDS = ("isinstance", "issubclass", "__class__", "type(", "_get_name", "case ")
_QUOTED_NORM = re.compile(r"""['"][^'"]*batch_?norm""", re.IGNORECASE)
_ANY_NORM = re.compile(r"norm", re.IGNORECASE)
_NAMED = re.compile(r"batch_?norm(?:(\d)d?)?", re.IGNORECASE)
_TEXT_METHODS = {"find", "rfind", "count", "startswith", "endswith", "__contains__"}
_FORMS = (ast.Call, ast.Compare, ast.Subscript)


@dataclasses.dataclass(frozen=True, eq=False)
class FoundTest:
    """One test for BatchNorm.

    ``subject`` is the module that is tested, where that can be seen. ``names``
    are the classes that pass (``BatchNorm``: any of them). ``chain`` is the
    outermost ``if`` of the ``elif`` chain, or the statement that the test
    stands in. ``body`` runs for the layers that pass.
    """

    module: Module
    function: Function
    node: ast.expr
    subject: ast.expr | None
    names: frozenset[str]
    is_widenable: bool
    sees_group_norm: bool
    chain: ast.stmt
    body: tuple[ast.stmt, ...]
    is_condition: bool  # of an ``if`` statement, whose block ``body`` is

    def passes(self, layer: NormLayer | None) -> bool:
        """Whether the layer passes; ``None`` stands for one that was a BatchNorm2d."""
        norm = layer.norm.norm if layer is not None else "BatchNorm2d"
        return not self.names.isdisjoint({norm, dimension(norm), "BatchNorm", "_BatchNorm"})


class NormTests:
    """Finds the tests of the analysed modules."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._trees: dict[str, Tree] = {}

    def tree(self, module: Module) -> Tree:
        """The module's tree, made when asked for."""
        if module.path not in self._trees:
            self._trees[module.path] = Tree(self._flow, module)
        return self._trees[module.path]

    def all(self) -> Iterator[FoundTest]:
        """Every test for BatchNorm, in source order."""
        for module in self._flow.modules:
            lines = _lines_that_may_test(module)
            if lines:
                tree = self.tree(module)
                nodes = nodes_on(module.tree, lines)
                found = [test for node in nodes if (test := self._test(tree, node))]
                yield from sorted(found, key=lambda test: module.place(test.node))

    def mentions_norm(self, nodes: Iterable[ast.AST], tree: Tree) -> bool:
        """Whether any of these nodes of a tree tests for a norm of any kind."""
        return any(
            _ANY_NORM.search(name)
            for node in nodes
            if isinstance(node, ast.expr)
            for name in self._tested(node, tree)[1]
        )

    # --------------------------------------------------------- recognition

    def _test(self, tree: Tree, node: ast.AST) -> FoundTest | None:
        if isinstance(node, ast.MatchClass):
            return self._pattern(tree, node)
        if not isinstance(node, _FORMS):
            return None
        if isinstance(node, ast.Call) and isinstance(tree.parent(node), ast.Compare):
            return None  # name.find(...) != -1: the comparison is the test
        subject, names = self._tested(node, tree)
        passing = frozenset(filter(None, map(_batch_norm, names)))
        if not passing:
            return None
        chain, body, is_condition = _block(tree, node)
        return FoundTest(
            module=tree.module,
            function=tree.function(node),
            node=node,
            subject=subject,
            names=passing,
            is_widenable=self._asked_of_table(node, tree) is None
            and not (isinstance(node, ast.Call) and call_name(node) == "issubclass"),
            sees_group_norm=self._sees_group_norm(tree, chain, node, subject),
            chain=chain,
            body=tuple(body),
            is_condition=is_condition,
        )

    def _tested(self, node: ast.expr, tree: Tree) -> tuple[ast.expr | None, frozenset[str]]:
        """What is tested, and the names of the classes that are tested for."""
        by_table = self._asked_of_table(node, tree)
        if by_table is not None:
            return by_table
        match node:
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[subject, classes]):
                return type_of(subject) or subject, frozenset(self._class_names(classes))
            case ast.Compare(left=left, ops=[_], comparators=[right]):
                typed = type_of(left) or type_of(right)
                if typed is not None:
                    return typed, frozenset(self._class_names(right if type_of(left) else left))
                return self._tested_by_name(node, [left, right], tree)
            case ast.Call(func=ast.Attribute(attr=name, value=owner)) if name in _TEXT_METHODS:
                return self._tested_by_name(node, [owner], tree)
        return None, frozenset()

    def _asked_of_table(
        self, node: ast.expr, tree: Tree
    ) -> tuple[ast.expr | None, frozenset[str]] | None:
        """The same of ``TABLE[type(m)]`` and its like, whose keys are classes or their names."""
        lookup = lookup_in(node)
        subject = None if lookup is None else type_of(lookup.key) or named_class(lookup.key)
        if lookup is None or subject is None:
            return None
        names: set[str] = set()
        for key in keys_of(lookup.table, tree.module.tree):
            if isinstance(key, ast.Constant):
                names.add(str(key.value))
            else:
                names.update(self._class_names(key))
        return (subject, frozenset(names)) if names else None

    def _pattern(self, tree: Tree, node: ast.MatchClass) -> FoundTest | None:
        """``case nn.BatchNorm2d():``"""
        passing = frozenset(filter(None, map(_batch_norm, self._class_names(node.cls))))
        statement = tree.statement(node)
        if not passing or not isinstance(statement, ast.Match):
            return None
        others = [one for one in walk(statement) if isinstance(one, ast.MatchClass)]
        seen = {name for one in others for name in self._class_names(one.cls)}
        return FoundTest(
            module=tree.module,
            function=tree.function(node),
            node=node.cls,
            subject=statement.subject,
            names=passing,
            is_widenable=False,
            sees_group_norm=any("GroupNorm" in name for name in seen),
            chain=statement,
            body=tuple(
                inner
                for branch in statement.cases
                if any(one is node for one in walk(branch.pattern))
                for inner in branch.body
            ),
            is_condition=True,
        )

    def _tested_by_name(
        self, node: ast.expr, sides: list[ast.expr], tree: Tree
    ) -> tuple[ast.expr | None, frozenset[str]]:
        texts = frozenset(
            inner.value
            for inner in walk(node)
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
        )
        if not texts:
            return None, texts
        for side in sides:
            match side:
                case ast.Call(func=ast.Attribute(attr=name, value=owner)) if name in _TEXT_METHODS:
                    side = owner
            subject = named_class(side) or self._by_variable(side, tree)
            if subject is not None:
                return subject, texts
        return None, frozenset()

    def _by_variable(self, side: ast.expr, tree: Tree) -> ast.expr | None:
        """``m`` of ``name`` after ``name = m.__class__.__name__``."""
        if not isinstance(side, ast.Name):
            return None
        scope = next((n for n in tree.above(side) if isinstance(n, SCOPES)), tree.module.tree)
        for node in walk(scope):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == side.id:
                    subject = named_class(value)
                    if subject is not None:
                        return subject
        return None

    def _class_names(self, classes: ast.expr) -> Iterator[str]:
        match classes:
            case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
                for part in parts:
                    yield from self._class_names(part)
                return
            case ast.BinOp(left=left, right=right):
                yield from self._class_names(left)
                yield from self._class_names(right)
                return
        values = list(self._flow.value_of(classes))
        for value in values:
            yield from self._names_of(value, depth=0)
        name = dotted(classes)
        if name is not None and not values:
            yield name.rsplit(".", 1)[-1]

    def _names_of(self, value: Value, depth: int) -> Iterator[str]:
        match value:
            case NormClass():
                yield value.norm
            case External():
                yield value.name.rsplit(".", 1)[-1]
            case ClassValue():
                yield value.class_.name.rsplit(".", 1)[-1]
            case TupleValue() if depth < 3:
                for element in value.elements:
                    for inner in self._flow.values(element):
                        yield from self._names_of(inner, depth + 1)
            case _:
                pass

    def _sees_group_norm(
        self, tree: Tree, chain: ast.stmt, node: ast.expr, subject: ast.expr | None
    ) -> bool:
        """Whether this test, or another in the same loop over the same module, sees GroupNorm."""
        loop = next(
            (above for above in tree.above(node) if isinstance(above, (ast.For, *SCOPES))), chain
        )
        wanted = ast.dump(subject) if subject is not None else None
        for inner in walk(loop):
            if not isinstance(inner, _FORMS):
                continue
            about, names = self._tested(inner, tree)
            same = about is None or wanted is None or ast.dump(about) == wanted
            if same and any("GroupNorm" in name or name == "Norm" for name in names):
                return True
        return False


def _batch_norm(name: str) -> str | None:
    """The BatchNorm that a class name, or a text in one, stands for."""
    last = name.rsplit(".", 1)[-1]
    if last == "_BatchNorm" or is_norm_class(last):
        return last
    match = _NAMED.fullmatch(last)
    if match is None:
        return None
    return f"BatchNorm{match[1]}d" if match[1] else "BatchNorm"


def _block(tree: Tree, node: ast.expr) -> tuple[ast.stmt, list[ast.stmt], bool]:
    """The ``elif`` chain of a test, what runs for the layers that pass, and if by an ``if``."""
    positive = not is_negative(node)
    below: ast.AST = node
    for above in tree.above(node):
        if isinstance(above, ast.UnaryOp) and isinstance(above.op, ast.Not):
            positive = not positive
        elif isinstance(above, ast.If) and below is above.test:
            body = list(above.body) if positive else list(above.orelse)
            if not positive and _leaves(above.body):
                body += tree.following(above)
            return _chain(tree, above), body, True
        elif isinstance(above, ast.stmt):
            return above, [above], False
        elif not isinstance(above, ast.BoolOp):
            statement = tree.statement(above)
            return statement, [statement], False
        below = above
    raise AssertionError("an expression stands in a statement")


def _chain(tree: Tree, statement: ast.If) -> ast.If:
    parent = tree.parent(statement)
    while isinstance(parent, ast.If) and parent.orelse == [statement]:
        statement, parent = parent, tree.parent(parent)
    return statement


def _lines_that_may_test(module: Module) -> list[int]:
    source = module.source
    if "orm" not in source.text or not _has_word(source.text):
        return []
    return [number for number, line in enumerate(source.lines, 1) if _may_test(line)]


def _may_test(line: str) -> bool:
    if _has_word(line):
        return True
    return ("orm" in line or "ORM" in line) and _QUOTED_NORM.search(line) is not None


def _has_word(text: str) -> bool:
    return any(word in text for word in _TEST_WORDS)


def _leaves(body: list[ast.stmt]) -> bool:
    return isinstance(body[-1], (ast.Continue, ast.Return, ast.Raise, ast.Break))


def loop_over(tree: Tree, node: ast.AST, subject: ast.expr) -> list[ast.expr]:
    """``net`` of ``for m in net.modules()`` around a node: what the subject comes out of."""
    root = root_of(subject)
    if not isinstance(root, ast.Name):
        return []
    found: list[ast.expr] = []
    for above in tree.above(node):
        pairs: list[tuple[ast.expr, ast.expr]] = []
        if isinstance(above, (ast.For, ast.AsyncFor)):
            pairs = [(above.target, above.iter)]
        elif isinstance(above, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            pairs = [(part.target, part.iter) for part in above.generators]
        for target, source in pairs:
            if root.id in target_names(target):
                found.extend(_receivers(source))
    return found


def _receivers(source: ast.expr) -> Iterator[ast.expr]:
    for node in walk(source):
        match node:
            case ast.Call(
                func=ast.Attribute(
                    value=receiver,
                    attr="modules" | "named_modules" | "children" | "named_children",
                )
            ):
                yield receiver
            case ast.Attribute(value=receiver, attr="_modules"):
                yield receiver
