"""Bytes to text and back, and positions in it."""

from __future__ import annotations

import ast
import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bn2gn_codemod.sources import SourceFile, Undecodable
from bn2gn_codemod.sources.source_file import parse, split_lines


@pytest.mark.parametrize(
    ("data", "encoding", "bom", "text"),
    [
        (b"", "utf-8", False, ""),
        (b"x = 1", "utf-8", False, "x = 1"),
        ("s = '层'\n".encode(), "utf-8", False, "s = '层'\n"),
        (codecs.BOM_UTF8 + b"x = 1\n", "utf-8", True, "x = 1\n"),
        (b"# coding: latin-1\n# \xe9\n", "iso-8859-1", False, "# coding: latin-1\n# \xe9\n"),
        (b"#!/bin/py\n# -*- coding: cp1252 -*-\n# \x80\n", "cp1252", False, None),
        (b"a = 1\r\nb = 2\nc = 3\r\n", "utf-8", False, "a = 1\r\nb = 2\nc = 3\r\n"),
    ],
)
def test_decoding(data: bytes, encoding: str, bom: bool, text: str | None) -> None:
    source = SourceFile.from_bytes("net.py", data)
    assert (source.encoding, source.bom) == (encoding, bom)
    assert source.text == text or text is None
    assert source.encode(source.text) == data


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"x = 1\ny = 2\ns = '\xe9'\n", r"utf-8 \(line 3\); save it as UTF-8"),
        (b"# coding: klingon\n", "unknown encoding: klingon"),
        (codecs.BOM_UTF8 + b"# coding: latin-1\n", "encoding problem"),
        (b"# coding: utf-7\nx = '+AGE-'\n", "cannot be written back unchanged"),
    ],
)
def test_undecodable(data: bytes, says: str) -> None:
    with pytest.raises(Undecodable, match=says) as raised:
        SourceFile.from_bytes("net.py", data)
    assert "\n" not in str(raised.value)


ANY_TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from("\r\n\t\f \x1c\u2028#'=x"))


@given(ANY_TEXT, st.booleans())
def test_what_is_decoded_is_encoded_to_the_same_bytes(text: str, bom: bool) -> None:
    data = (codecs.BOM_UTF8 if bom else b"") + text.encode()
    try:
        source = SourceFile.from_bytes("net.py", data)
    except Undecodable:
        return
    assert source.encode(source.text) == data
    assert "".join(source.lines) == source.text


@given(st.lists(st.sampled_from(["x = 1", "'''a", "b'''", "if x:", "\ty", "é = '\x0c層'", ""])))
def test_lines_are_those_that_python_counts(lines: list[str]) -> None:
    for newline in ("\n", "\r\n", "\r"):
        text = newline.join(lines)
        try:
            tree = parse(text)
        except SyntaxError:
            continue
        assert len(split_lines(text)) >= max((node.lineno for node in tree.body), default=0)
        source = SourceFile.from_bytes("net.py", text.encode())
        for node in tree.body:
            start, end = source.span(node)
            assert ast.dump(parse(text[start:end])) == ast.dump(ast.Module([node], []))


@pytest.mark.parametrize(
    "text",
    [
        "x = 'a'; norm = nn.BatchNorm2d(c)\n",
        "x = '层'; norm = nn.BatchNorm2d(c)\n",
        "x = '\U0001f600e\u0301'; norm = nn.BatchNorm2d(c)\n",
        "y = 1\r\n\tif_ = 'é', norm == nn.BatchNorm2d(c)\n".replace("\tif_", "if_"),
    ],
)
def test_columns_count_characters(text: str) -> None:
    source = SourceFile.from_bytes("net.py", text.encode())
    [call] = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    column = source.column(call.lineno, call.col_offset)
    assert source.offset(call.lineno, column) == text.index("nn.BatchNorm2d")
    start, end = source.span(call)
    assert text[start:end] == "nn.BatchNorm2d(c)"


@pytest.mark.parametrize("text", ["x = (", "x = 1\0\n", "(" * 5000 + ")" * 5000])
def test_whatever_cannot_be_parsed_is_a_syntax_error(text: str) -> None:
    with pytest.raises(SyntaxError):
        _ = SourceFile.from_bytes("net.py", text.encode()).tree


def test_parsing_does_not_warn_about_other_peoples_strings(
    recwarn: pytest.WarningsRecorder,
) -> None:
    parse("pattern = '\\d'\nif x is 'a': pass\n")
    assert not recwarn.list
