"""What a config file computes: sums, signs and f-strings of constants."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable

from bn2gn_codemod.plan import Place
from bn2gn_codemod.survey.configs.values import Entry, Items, Opaque, Scalar, Value


@dataclasses.dataclass
class Arithmetic:
    """Sums, signs and f-strings of constants."""

    place: Place
    evaluate: Callable[[ast.expr], Entry]

    def value(self, node: ast.expr) -> Value:
        if isinstance(node, ast.JoinedStr):
            return self._text(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            operand = self.evaluate(node.operand).value
            if isinstance(operand, Scalar) and isinstance(operand.value, (int, float)):
                return Scalar(self.place, -operand.value)
        if isinstance(node, ast.BinOp):
            left = self.evaluate(node.left).value
            right = self.evaluate(node.right).value
            return self._binary(node.op, left, right)
        return Opaque(self.place)

    def _binary(self, operator: ast.operator, left: Value, right: Value) -> Value:
        if isinstance(left, Items) and isinstance(right, Items) and isinstance(operator, ast.Add):
            return Items(self.place, [*left.entries, *right.entries])
        if not (isinstance(left, Scalar) and isinstance(right, Scalar)):
            return Opaque(self.place)
        a, b = left.value, right.value
        if isinstance(a, str) and isinstance(b, str) and isinstance(operator, ast.Add):
            return Scalar(self.place, a + b)
        apply = _OPERATORS.get(type(operator))
        if apply and isinstance(a, (int, float)) and isinstance(b, (int, float)):
            try:
                return Scalar(self.place, apply(a, b))
            except ArithmeticError:
                pass
        return Opaque(self.place)

    def _text(self, node: ast.JoinedStr) -> Value:
        parts = []
        for part in node.values:
            value: Value = Opaque(self.place)
            if isinstance(part, ast.Constant):
                value = Scalar(self.place, str(part.value))
            elif isinstance(part, ast.FormattedValue) and part.format_spec is None:
                value = self.evaluate(part.value).value
            if not isinstance(value, Scalar):
                return Opaque(self.place)
            parts.append(str(value.value))
        return Scalar(self.place, "".join(parts))


_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
}
