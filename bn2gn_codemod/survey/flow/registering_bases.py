"""Classes that somebody may know though no code names them: a base class is told of each.

``__init_subclass__`` of a base class, or its metaclass, is handed every class that extends it,
and may put it wherever it is looked for.
"""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.syntax.nodes import dotted
from bn2gn_codemod.survey.values import Class

_KEEPS_NONE = re.compile(r"(?:abc\.)?ABCMeta$")


class RegisteringBases:
    """Tells the classes with such a base class, or with one that is not known."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._unread: dict[str, bool] = {}  # by the name of a base; most classes have the same few

    def may_tell(self, cls: Class) -> bool:
        """Whether a base class of the class may have told somebody of it."""
        return any(
            one.has_open_base
            or _registers(one)
            or any(map(self._is_unread, one.external_bases))
            or not all(map(_is_named, one.node.bases))
            for one in cls.ancestors()
        )

    def _is_unread(self, base: str) -> bool:
        """Whether a file that was not followed may define the base class."""
        name = base.rpartition(".")[2]
        if name not in self._unread:
            defined = re.compile(rb"\bclass\s+%s\b" % name.encode())
            files = (*self._flow.unread, *self._flow.left_out)
            self._unread[name] = any(defined.search(file.data) for file in files)
        return self._unread[name]


def _registers(cls: Class) -> bool:
    has_metaclass = any(
        keyword.arg != "metaclass" or not _KEEPS_NONE.match(dotted(keyword.value) or "")
        for keyword in cls.node.keywords
    )
    return (
        has_metaclass
        or "__init_subclass__" in cls.methods
        or any("metaclass" in ast.unparse(one) for one in cls.node.decorator_list)
    )


def _is_named(base: ast.expr) -> bool:
    """``Base`` or ``Base[T]``; not ``with_metaclass(Meta, Base)``"""
    return dotted(base.value if isinstance(base, ast.Subscript) else base) is not None
