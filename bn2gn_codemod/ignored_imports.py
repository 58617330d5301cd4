"""Files that others import, and that ``.gitignore`` leaves out.

Research code ignores ``lib/`` for what it builds there, and keeps its own code in it. Where git
tracks such files they are read; in a copy without its history they are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.module_names import ModuleIndex, dotted_parts, package_around
from bn2gn_codemod.own_names import imports_in, own_names
from bn2gn_codemod.sources import Repository


def ignored_imports(repository: Repository) -> tuple[str, ...]:
    """The paths of such files, sorted; of a file that is read nothing else is looked up."""
    if not repository.ignored:
        return ()
    index = ModuleIndex((file.path for file in repository.files), own_names(repository.files))
    asked: dict[tuple[int, str, str], None] = {}
    for file in repository.files:
        folder = file.path.rpartition("/")[0]
        for level, dotted in imports_in(file.data):
            if dotted and index.find_import(level, dotted, file.path) is None:
                asked[level, dotted, folder if level else ""] = None
    found = {
        path
        for level, dotted, folder in asked
        for path in _paths(repository, level, dotted, f"{folder}/_.py" if folder else "_.py")
        if repository.has_ignored(path)
    }
    return tuple(sorted(found))


def _paths(repository: Repository, level: int, dotted: str, importer: str) -> Iterator[str]:
    """Where a module of that name could be, as far as something is ignored there."""
    parts = tuple(dotted.split("."))
    if level:
        package = package_around(level, importer)
        wholes = [] if package is None else [(*package, *parts)]
    else:
        wholes = list(
            dict.fromkeys(whole for one in repository.ignored for whole in _below(one, parts))
        )
    for whole in wholes:
        path = "/".join(whole)
        yield from (f"{path}.py", f"{path}/__init__.py")


def _below(ignored: str, parts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Where a name leads to in something that is ignored: any folder may be on the path."""
    home = dotted_parts(ignored.rstrip("/"))
    for n in range(min(len(home), len(parts)) + 1):
        is_within = ignored.endswith("/") or n == len(parts)
        if is_within and home[len(home) - n :] == parts[:n]:
            yield (*home, *parts[n:])
