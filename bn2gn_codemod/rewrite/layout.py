"""The elements of a call, dict or list and the white space before, between and after them."""

from __future__ import annotations

import dataclasses
from typing import TypeAlias

import libcst as cst

Container: TypeAlias = cst.Call | cst.Dict | cst.List | cst.Tuple
Element: TypeAlias = cst.Arg | cst.BaseDictElement | cst.BaseElement
Gap: TypeAlias = cst.BaseParenthesizableWhitespace

_SPACE = cst.SimpleWhitespace(" ")
_NOTHING = cst.SimpleWhitespace("")


@dataclasses.dataclass
class Layout:
    """Elements can be dropped and appended; comments stay with what they stand beside."""

    elements: list[Element]
    gaps: list[Gap]  # one more than elements: gaps[i] stands before elements[i]
    trailing_comma: bool

    @classmethod
    def of(cls, container: Container) -> Layout:
        """The layout of ``container`` as it is written."""
        elements = _elements(container)
        gaps = [_first_gap(container)]
        comma = False
        for element in elements:
            comma = isinstance(element.comma, cst.Comma)
            gaps.append(_gap_after(element))
        closing = _closing_gap(container)
        if closing is not None and not (comma and _is_empty(closing)):
            gaps[-1] = closing
        return cls(elements, gaps, comma)

    def drop(self, index: int, *, keep_comment: bool = True) -> None:
        """Drop one element; the two gaps around it become one.

        The comment at the end of its line is about it and maybe about more:
        it gets a line of its own unless ``keep_comment`` is false.
        """
        is_last = index == len(self.elements) - 1
        before, after = self.gaps[index : index + 2]
        if not keep_comment and isinstance(after, cst.ParenthesizedWhitespace):
            after = after.with_changes(
                first_line=cst.TrailingWhitespace(newline=after.first_line.newline)
            )
        self.gaps[index : index + 2] = [_merge(before, after, is_last)]
        del self.elements[index]

    def append(self, element: Element) -> None:
        """Add an element at the end, on a line of its own where the others have one."""
        closing = self.gaps[-1]
        above = self.gaps[-2] if self.elements else None
        if isinstance(above, cst.ParenthesizedWhitespace):
            gap: Gap = above.with_changes(first_line=cst.TrailingWhitespace(), empty_lines=[])
        else:
            gap = _SPACE if self.elements else closing
        if isinstance(closing, cst.ParenthesizedWhitespace) and closing.first_line.comment:
            gap = closing.with_changes(empty_lines=[])
            if isinstance(above, cst.ParenthesizedWhitespace):
                gap = gap.with_changes(indent=above.indent, last_line=above.last_line)
            closing = closing.with_changes(first_line=cst.TrailingWhitespace())
        self.gaps[-1:] = [gap, closing]
        self.elements.append(element)

    def apply(self, container: Container) -> Container:
        """``container`` with these elements, gaps and commas."""
        count = len(_elements(container))
        keep_comma = self.trailing_comma
        if len(self.elements) < count:
            keep_comma = keep_comma and isinstance(self.gaps[-1], cst.ParenthesizedWhitespace)
        last = len(self.elements) - 1
        elements = [
            self._placed(element, self.gaps[index + 1], index < last or keep_comma, index == last)
            for index, element in enumerate(self.elements)
        ]
        return _with_elements(container, elements, self.gaps[0], self.gaps[-1])

    def _placed(self, element: Element, gap: Gap, has_comma: bool, is_last: bool) -> Element:
        comma = element.comma if isinstance(element.comma, cst.Comma) else cst.Comma()
        in_argument = isinstance(element, cst.Arg)
        if not has_comma:
            plain = element.with_changes(comma=cst.MaybeSentinel.DEFAULT)
            return plain.with_changes(whitespace_after_arg=gap) if in_argument else plain
        after = gap if in_argument or not is_last else _NOTHING
        if in_argument and not isinstance(element.comma, cst.Comma):
            element = element.with_changes(
                whitespace_after_arg=_NOTHING
            )  # it comes after the comma
        return element.with_changes(comma=comma.with_changes(whitespace_after=after))


# ---------------------------------------------------------------- containers


def _elements(container: Container) -> list[Element]:
    return list(container.args if isinstance(container, cst.Call) else container.elements)


def _first_gap(container: Container) -> Gap:
    match container:
        case cst.Call():
            return container.whitespace_before_args
        case cst.Dict():
            return container.lbrace.whitespace_after
        case cst.List():
            return container.lbracket.whitespace_after
    return container.lpar[-1].whitespace_after if container.lpar else _NOTHING


def _closing_gap(container: Container) -> Gap | None:
    match container:
        case cst.Call():
            return None
        case cst.Dict():
            return container.rbrace.whitespace_before
        case cst.List():
            return container.rbracket.whitespace_before
    return container.rpar[0].whitespace_before if container.rpar else None


def _with_elements(
    container: Container, elements: list[Element], first: Gap, closing: Gap
) -> Container:
    if not elements:
        first = closing if isinstance(first, cst.SimpleWhitespace) else first
        closing = _NOTHING
    match container:
        case cst.Call():
            return container.with_changes(args=elements, whitespace_before_args=first)
        case cst.Dict():
            return container.with_changes(
                elements=elements,
                lbrace=container.lbrace.with_changes(whitespace_after=first),
                rbrace=container.rbrace.with_changes(whitespace_before=closing),
            )
        case cst.List():
            return container.with_changes(
                elements=elements,
                lbracket=container.lbracket.with_changes(whitespace_after=first),
                rbracket=container.rbracket.with_changes(whitespace_before=closing),
            )
    if not container.rpar:
        return container.with_changes(elements=elements)
    [*before, opening], [bracket, *behind] = container.lpar, container.rpar  # the innermost
    return container.with_changes(
        elements=elements,
        lpar=[*before, opening.with_changes(whitespace_after=first)],
        rpar=[bracket.with_changes(whitespace_before=closing), *behind],
    )


def _gap_after(element: Element) -> Gap:
    if isinstance(element.comma, cst.Comma):
        return element.comma.whitespace_after
    return element.whitespace_after_arg if isinstance(element, cst.Arg) else _NOTHING


def _is_empty(gap: Gap) -> bool:
    return isinstance(gap, cst.SimpleWhitespace) and not gap.value


def _merge(before: Gap, after: Gap, is_last: bool) -> Gap:
    """The gap that is left where an element between two gaps went."""
    if not isinstance(before, cst.ParenthesizedWhitespace):
        return after if is_last or isinstance(after, cst.ParenthesizedWhitespace) else before
    if not isinstance(after, cst.ParenthesizedWhitespace):
        has_comment = before.first_line.comment or any(line.comment for line in before.empty_lines)
        return after if is_last and not has_comment else before
    lines = [*before.empty_lines]
    if after.first_line.comment:  # the comment beside the dropped element gets its own line
        line = cst.EmptyLine(
            indent=before.indent,
            whitespace=before.last_line,
            comment=after.first_line.comment,
            newline=after.first_line.newline,
        )
        lines.append(line)
    return before.with_changes(
        empty_lines=[*lines, *after.empty_lines], indent=after.indent, last_line=after.last_line
    )
