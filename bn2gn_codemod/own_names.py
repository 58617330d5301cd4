"""What import statements name, and the name under which a repository may import itself.

``from RMI.model import psp`` in a repository with ``model/psp.py``: the folder above it is on
``sys.path``, and the repository is the package ``RMI``. Nothing in it has that name, and a
checkout may have any other. So the imports must tell: all that they name there is in a file at
that place below the root, and there are several such files. No library is like that.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

from bn2gn_codemod.module_names import dotted_parts
from bn2gn_codemod.sources import SourceFile

_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+([^\n]+))",
    re.MULTILINE,
)
_NAME = re.compile(rb"[A-Za-z_][\w.]*")
_ALIAS = re.compile(rb"\bas[ \t]+\w+")
# Fewer modules of a repository may well have the names of those of a library.
_FEWEST = 3


def imports_in(data: bytes) -> Iterator[tuple[int, str]]:
    """What the import statements of a file may mean: dots in front, and the dotted name.

    ``from .nets import cam`` is (1, "nets") and (1, "nets.cam").
    """
    for match in _IMPORT.finditer(data):
        module, names, plain = match.groups()
        if plain is not None:
            heads = map(_NAME.search, plain.split(b","))
            yield from ((0, head.group().decode()) for head in heads if head)
            continue
        dotted = module.decode()
        stripped = dotted.lstrip(".")
        for child in ["", *(name.decode() for name in _NAME.findall(_ALIAS.sub(b"", names)))]:
            target = ".".join(part for part in (stripped, child) if part)
            yield len(dotted) - len(stripped), target


def own_names(files: Iterable[SourceFile]) -> frozenset[str]:
    """The names under which files import others from the root of the repository."""
    files = list(files)
    at_root = {dotted_parts(file.path): file for file in files}
    known = {part for parts in at_root for part in parts} | sys.stdlib_module_names
    asked: dict[str, set[tuple[str, ...]]] = {}
    for file in files:
        for level, dotted in imports_in(file.data):
            name, *rest = dotted.split(".")
            if level == 0 and name not in known:
                asked.setdefault(name, set()).add(tuple(rest))
    folders = {parts[:length] for parts in at_root for length in range(1, len(parts))}
    return frozenset(
        name
        for name, found in asked.items()
        if sum(one in at_root and not _is_package(at_root[one]) for one in found) >= _FEWEST
        and all(_is_there(rest, at_root, folders) for rest in found if rest)
    )


def _is_package(file: SourceFile) -> bool:
    return file.path.endswith("__init__.py")


def _is_there(
    rest: tuple[str, ...],
    at_root: dict[tuple[str, ...], SourceFile],
    folders: set[tuple[str, ...]],
) -> bool:
    """Whether a name is that of a file or folder at a place, or stands in a file."""
    if rest in at_root or rest in folders:
        return True
    home = at_root.get(rest[:-1])
    return home is not None and rest[-1].encode() in home.data
