"""The style of the file that generated code is written into."""

from __future__ import annotations

import dataclasses

_UNIT = "    "  # what templates are indented with


@dataclasses.dataclass(frozen=True)
class Style:
    """One indentation step, the newline, and the quote of a file."""

    indent: str = _UNIT
    newline: str = "\n"
    quote: str = "'"

    def expression(self, source: str) -> str:
        """An expression as ``ast.unparse`` writes it, in the quotes of the file."""
        return source if '"' in source else source.replace("'", self.quote)

    def render(self, template: str) -> str:
        """``template`` (4 spaces, ``\\n``, single quotes) in this style.

        Single quotes stand in templates as string delimiters only.
        """
        lines = []
        for line in template.split("\n"):
            body = line.lstrip(" ")
            depth, rest = divmod(len(line) - len(body), len(_UNIT))
            lines.append(self.indent * depth + " " * rest + body)
        return self.newline.join(lines).replace("'", self.quote)
