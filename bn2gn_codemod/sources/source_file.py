"""One Python file: its bytes, its text, its syntax tree, its positions."""

from __future__ import annotations

import ast
import bisect
import codecs
import dataclasses
import functools
import io
import re
import tokenize
import warnings

from bn2gn_codemod.sources.old_names import respelled, restore

# Python ends a line at these only; str.splitlines() would also end it at a
# form feed or a Unicode line separator and shift every later line number.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class Undecodable(Exception):
    """The bytes cannot be read as Python source; the message is one line."""


@dataclasses.dataclass(frozen=True)
class SourceFile:
    """A Python file as it lies on disk.

    ``path`` is relative to the repository and uses ``/``. ``text`` is the
    decoded content without byte order mark and with its newlines untouched,
    so that ``encode(text) == data`` always holds.
    """

    path: str
    data: bytes = dataclasses.field(repr=False)
    text: str = dataclasses.field(repr=False)
    encoding: str
    bom: bool

    @classmethod
    def from_bytes(cls, path: str, data: bytes) -> SourceFile:
        """Decode ``data`` as PEP 263 says; raises ``Undecodable``."""
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            bom = encoding == "utf-8-sig"
            encoding = "utf-8" if bom else encoding
            text = data[len(codecs.BOM_UTF8) if bom else 0 :].decode(encoding)
        except SyntaxError as error:
            raise Undecodable(f"cannot be decoded: {error.msg}") from None
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise Undecodable(
                f"cannot be decoded as {encoding} (line {line}); "
                "save it as UTF-8 or declare its encoding in the first line"
            ) from None
        source = cls(path, data, text, encoding, bom)
        # A stateful encoding (utf-7, iso-2022) has many spellings of one text.
        if encoding not in ("utf-8", "iso-8859-1") and source.encode(text) != data:
            raise Undecodable(f"its encoding {encoding} cannot be written back unchanged")
        return source

    def encode(self, text: str) -> bytes:
        """``text`` as bytes of this file; raises ``UnicodeEncodeError``."""
        return (codecs.BOM_UTF8 if self.bom else b"") + text.encode(self.encoding)

    @functools.cached_property
    def tree(self) -> ast.Module:
        """The syntax tree; raises ``SyntaxError``, which names the file, if it cannot be parsed.

        It is shared by all who read this file: never change it.
        """
        try:
            return parse(self.text)
        except SyntaxError as error:
            error.filename = self.path
            raise

    @functools.cached_property
    def lines(self) -> list[str]:
        """The lines with their newlines; their concatenation is ``text``."""
        return split_lines(self.text)

    @functools.cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        for line in self.lines:
            starts.append(starts[-1] + len(line))
        return starts

    def column(self, line: int, byte_offset: int) -> int:
        """The 1-based character column of ast's UTF-8 ``byte_offset`` (0-based)."""
        text = self.lines[line - 1]
        if text.isascii():
            return byte_offset + 1
        return len(text.encode()[:byte_offset].decode(errors="ignore")) + 1

    def offset(self, line: int, column: int) -> int:
        """The 0-based index into ``text`` of a 1-based line and character column."""
        return self._line_starts[line - 1] + column - 1

    def position(self, offset: int) -> tuple[int, int]:
        """The 1-based line and character column of an index into ``text``.

        The end of the text lies on its last line, behind the newline if it has
        one. Of an empty text it is 1, 1.
        """
        line = bisect.bisect_right(self._line_starts, offset, 0, len(self.lines)) or 1
        return line, offset - self._line_starts[line - 1] + 1

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where ``node`` of ``tree`` begins and ends in ``text`` (half open)."""
        start = self.offset(node.lineno, self.column(node.lineno, node.col_offset))
        last, stop = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        end = self.offset(last, self.column(last, stop))
        return start, end


def split_lines(text: str) -> list[str]:
    """The lines of ``text`` as Python counts them, with their newlines."""
    return _LINE.findall(text)


def parse(text: str) -> ast.Module:
    """The syntax tree of ``text``; raises ``SyntaxError`` for whatever cannot be parsed.

    Where ``async`` is a name, as it could be until Python 3.6, it is read as one.
    """
    try:
        return _parse(text)
    except SyntaxError:
        spelled = respelled(text)
        if spelled is None:
            raise
        return restore(_parse(spelled.text), spelled)


def _parse(text: str) -> ast.Module:
    with warnings.catch_warnings():
        # "\d" in somebody's string is not ours to complain about.
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (ValueError, RecursionError, MemoryError) as error:
            reason = str(error) or "nested too deeply"
            raise SyntaxError(reason) from None
