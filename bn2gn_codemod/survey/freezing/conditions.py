"""What a test in freezing code says about the layers that get past it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Literal

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.freezing.effects import WRAPPERS, Condition
from bn2gn_codemod.survey.freezing.parts import Bindings
from bn2gn_codemod.survey.known.norm_classes import is_norm_class
from bn2gn_codemod.survey.syntax.nodes import call_name, flat, root_of, walk
from bn2gn_codemod.survey.values import Function, NormClass

_NORM_WORD = re.compile(r"batch_?norm|syncbn", re.IGNORECASE)
# What a frozen layer is asked before its attributes are touched.
_ABOUT_A_LAYER = {"affine", "weight", "bias", "track_running_stats", "requires_grad", "training"}
_UNKNOWN = Condition("unknown")
# What options are parsed into, or kept in.
_OPTIONS = re.compile(r"^(?:\w*(?:arg|opt|cfg|conf|flag|param|setting|hp)\w*|self)$", re.IGNORECASE)
_NO_LAYER = Condition("words")  # none of no words is in any name


class LayerTests:
    """Reads the tests of one function."""

    def __init__(self, flow: Flow, function: Function, bindings: Bindings) -> None:
        self._flow = flow
        self._function = function
        self._bindings = bindings
        self._followed: set[str] = set()  # names whose values are being read

    def of(self, test: ast.expr, positive: bool) -> list[Condition]:
        """What holds for the layers where a test passes, or where it fails."""
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self.of(operand, not positive)
            case ast.BoolOp(op=op, values=values):
                return self._combined(op, values, positive)
            case ast.Name(id=name) if name in self._followed:
                return [_UNKNOWN]  # ok = ok or ...
            case ast.Name(id=name) if name in self._bindings.values:
                return self._of_name(name, positive)
            case ast.Name(id="mode"):
                return []
            case ast.Compare(left=ast.Name(id="__name__")):
                return [] if positive else [_UNKNOWN]
            case ast.Compare() if self._asks_class_name(test):
                return self._text_test(test, positive)
            case ast.Compare(left=ast.Name(id=name), ops=[ast.Eq() | ast.NotEq()]) if (
                name not in self._bindings.loop_names
            ):
                return [_UNKNOWN]  # if phase == "train": no layer's name
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, classes]):
                return self._class_test(test, classes, positive)
            case ast.Call(func=ast.Name(id="hasattr"), args=[owner, ast.Constant(value=str(name))]):
                return self._has(owner, name, positive)
            case ast.Call() | ast.Compare():
                return self._text_test(test, positive)
            case ast.Attribute(attr=name, value=owner) if name in _ABOUT_A_LAYER:
                return [] if self._bindings.resolve(owner) else [_UNKNOWN]
        if _is_option(test) and self._bindings.constant(test) is None:
            return [self._option(test, positive)]
        return [] if self._bindings.constant(test) is positive else [_UNKNOWN]

    def _option(self, test: ast.expr, positive: bool) -> Condition:
        path = self._function.module.path
        return Condition("option", positive, node=test, module_path=path)

    def _of_name(self, name: str, positive: bool) -> list[Condition]:
        """What a test says that a name was given before."""
        tests = [
            value
            for value in self._bindings.values[name]
            if not (isinstance(value, ast.Constant) and value.value is False)
        ]
        self._followed.add(name)
        found = self._combined(ast.Or(), tests, positive)
        self._followed.remove(name)
        return found

    def _combined(self, op: ast.boolop, values: list[ast.expr], positive: bool) -> list[Condition]:
        each = [self.of(value, positive) for value in values]
        if isinstance(op, ast.And) == positive:
            return [condition for found in each for condition in found]
        # Any one of them suffices: understood where all of them are of one kind.
        flat_ = [condition for found in each for condition in found]
        if any(len(found) != 1 for found in each) or not flat_:
            return (
                flat_ if all(c.kind in ("norm", "norm2d") for c in flat_) and flat_ else [_UNKNOWN]
            )
        kinds = {condition.kind for condition in flat_}
        if kinds <= {"norm", "norm2d"}:
            wide = next((c for c in flat_ if c.kind == "norm"), None)
            return [wide or flat_[0]]
        if kinds == {"option"}:
            return [flat_[0]]
        if kinds in ({"words"}, {"classes"}) and len({c.positive for c in flat_}) == 1:
            words = frozenset(word for c in flat_ for word in c.words)
            return [Condition(flat_[0].kind, flat_[0].positive, words)]
        return [_UNKNOWN]

    def _class_test(self, test: ast.expr, classes: ast.expr, positive: bool) -> list[Condition]:
        named = classes.elts if isinstance(classes, ast.Tuple) else [classes]
        if isinstance(classes, ast.BinOp):
            named = [part for part in walk(classes) if isinstance(part, ast.expr)]
        texts = [text for cls in named for text in self._class_names(cls)]
        if any("BatchNorm" in text or text in ("SyncBN", "_NormBase") for text in texts):
            kind: Literal["norm", "norm2d"] = "norm2d" if texts == ["BatchNorm2d"] else "norm"
            return [Condition(kind, positive, node=test)]
        if any("Parallel" in text for text in texts):
            return []
        if any("Module" in text for text in texts):
            return [] if positive else [_UNKNOWN]
        return [_UNKNOWN]

    def _class_names(self, cls: ast.expr) -> list[str]:
        """What a class is called; of ``Block.NORM``, the norms that this stands for."""
        name = ast.unparse(cls).rsplit(".", 1)[-1]
        if is_norm_class(name) or not isinstance(cls, (ast.Name, ast.Attribute)):
            return [name]
        values = list(self._flow.value_of(cls))
        norms = {value.norm for value in values if isinstance(value, NormClass)}
        is_norm = bool(norms) and all(isinstance(value, NormClass) for value in values)
        # What stands for a norm of its own may leave out those of the backbone.
        return sorted(norms) if is_norm and "BatchNorm2d" in norms else [name]

    def _has(self, owner: ast.expr, name: str, positive: bool) -> list[Condition]:
        if name in _ABOUT_A_LAYER or name in WRAPPERS:
            return []
        if self._bindings.is_model(owner):
            return [Condition("has", positive, frozenset({name}))]
        return [_UNKNOWN]

    def _text_test(self, test: ast.expr, positive: bool) -> list[Condition]:
        """A test of a module's name, or of its class's name."""
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            if isinstance(test.ops[0], (ast.NotIn, ast.NotEq)):
                positive = not positive
            other = test.comparators[0]
            if isinstance(other, ast.Constant) and other.value is None:
                return []  # m.weight is not None
            if isinstance(test.ops[0], (ast.Eq, ast.NotEq)) and _is_find(test.left):
                positive = not positive if _is_minus_one(other) else positive
            if _is_layer_question(test.left):
                return []
            if _is_option(test.left):
                return [self._option(test, positive)]
        if self._lists_nothing(test):
            return [_NO_LAYER] if positive else []
        pattern = self._pattern(test)
        if pattern is not None:
            return [Condition("pattern", positive, pattern=pattern)]
        texts = [
            node.value
            for node in walk(test)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        texts += self._listed(test)
        if not texts:
            return [_UNKNOWN]
        if all(_NORM_WORD.search(text) for text in texts):
            return [Condition("norm", positive, node=test)]
        anchored = ""
        match test:
            case ast.Call(
                func=ast.Attribute(attr="startswith"), args=[ast.Constant(value=str(text))]
            ):
                anchored = text
            case _:
                pass
        words = frozenset(text.strip(".") for text in texts if re.search(r"\w\w", text))
        if not words:
            return [_UNKNOWN]
        if self._asks_class_name(test):
            return [Condition("classes", positive, words)]
        return [Condition("words", positive, words, anchored)]

    def _asks_class_name(self, test: ast.expr) -> bool:
        """Whether a test is about ``m.__class__.__name__``, be it by a name that was given it."""
        return any(
            _is_class_name(value)
            for node in walk(test)
            if isinstance(node, ast.expr)
            for value in (
                self._bindings.values.get(node.id, ()) if isinstance(node, ast.Name) else (node,)
            )
        )

    def _lists_nothing(self, test: ast.expr) -> bool:
        """Whether a test looks into an empty list: ``any(x in name for x in freeze)``."""
        match test:
            case ast.Call(
                func=ast.Name(id="any"),
                args=[ast.GeneratorExp(generators=[ast.comprehension(iter=ast.Name(id=name))])],
            ):
                pass
            case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[ast.Name(id=name)]):
                pass
            case _:
                return False
        values = self._bindings.values.get(name) or list(_module_values(self._function, name))
        return bool(values) and all(
            isinstance(value, (ast.List, ast.Tuple)) and not value.elts for value in values
        )

    def _listed(self, test: ast.expr) -> list[str]:
        """Strings of a list or tuple that a name in the test stands for."""
        names = {node.id for node in walk(test) if isinstance(node, ast.Name)}
        found: list[str] = []
        for name in names:
            values = list(self._bindings.values.get(name, ()))
            if not values:
                values = list(_module_values(self._function, name))
            for value in values:
                if isinstance(value, (ast.List, ast.Tuple, ast.Set, ast.Constant)):
                    found += [
                        node.value
                        for node in walk(value)
                        if isinstance(node, ast.Constant) and isinstance(node.value, str)
                    ]
        return found

    def _pattern(self, test: ast.expr) -> re.Pattern[str] | None:
        """The pattern of ``PATTERN.match(name)`` and ``re.match('...', name)``."""
        while isinstance(test, ast.Compare):
            test = test.left
        if not isinstance(test, ast.Call) or not isinstance(test.func, ast.Attribute):
            return None
        if test.func.attr != "match":
            return None
        text: str | None = None
        owner = test.func.value
        if isinstance(owner, ast.Name) and owner.id == "re" and test.args:
            if isinstance(test.args[0], ast.Constant) and isinstance(test.args[0].value, str):
                text = test.args[0].value
        elif isinstance(owner, ast.Name):
            known = self._bindings.values.get(owner.id) or list(
                _module_values(self._function, owner.id)
            )
            for value in known:
                match value:
                    case ast.Call(func=ast.Attribute(attr="compile"), args=[ast.Constant(), *_]):
                        literal = value.args[0]
                        assert isinstance(literal, ast.Constant)
                        text = literal.value if isinstance(literal.value, str) else None
                    case _:
                        pass
        try:
            return re.compile(text) if text is not None else None
        except (re.error, RecursionError):
            return None


def _is_option(expr: ast.expr) -> bool:
    """Whether an expression is one of the options: ``args.freeze``, ``cfg["FREEZE"]``."""
    root = root_of(expr)
    return root is not expr and isinstance(root, ast.Name) and bool(_OPTIONS.match(root.id))


def _is_class_name(expr: ast.expr) -> bool:
    match expr:
        case ast.Attribute(
            attr="__name__",
            value=ast.Attribute(attr="__class__") | ast.Call(func=ast.Name(id="type")),
        ):
            return True
        case ast.Call(func=ast.Attribute(attr="_get_name"), args=[]):
            return True
        case _:
            return False


def _is_find(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Call) and call_name(expr) == "find"


def _is_minus_one(expr: ast.expr) -> bool:
    return ast.unparse(expr) == "-1"


def _is_layer_question(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Attribute) and expr.attr in _ABOUT_A_LAYER


def _module_values(function: Function, name: str) -> Iterator[ast.expr]:
    """What the top level of the function's file assigns to a name."""
    for statement in flat(function.module.tree.body):
        match statement:
            case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                yield value
            case _:
                pass
