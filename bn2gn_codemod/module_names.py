"""Files of a repository by the dotted names under which they are imported.

Nothing is imported: dotted names are compared with paths. A package root need
not be the repository's root (``src/lib`` on the path), so a dotted name matches
every file whose path ends with it; the one nearest to the importing file wins.
"""

from __future__ import annotations

from collections.abc import Iterable


class ModuleIndex:
    """Finds files by the dotted names under which they are imported."""

    def __init__(self, paths: Iterable[str], own_names: frozenset[str] = frozenset()) -> None:
        """``own_names``: of the repository itself, as a package."""
        self._own_names = own_names
        self._paths: dict[tuple[str, ...], str] = {}
        self._by_tail: dict[str, list[tuple[str, ...]]] = {}
        for path in paths:
            parts = dotted_parts(path)
            self._paths[parts] = path
            if parts:
                self._by_tail.setdefault(parts[-1], []).append(parts)

    def __contains__(self, path: object) -> bool:
        """Whether there is a file at the path."""
        return isinstance(path, str) and self._paths.get(dotted_parts(path)) == path

    def find(self, dotted: str, importer: str) -> str | None:
        """The path that ``dotted`` (absolute) names for ``importer``, or ``None``."""
        wanted = tuple(dotted.split("."))
        home = dotted_parts(importer)
        candidates = [
            parts
            for parts in self._by_tail.get(wanted[-1], ())
            if parts[-len(wanted) :] == wanted and _plausible_root(parts[: -len(wanted)], home)
        ]
        if not candidates:
            return self._paths.get(wanted[1:]) if wanted[0] in self._own_names else None
        return self._paths[max(candidates, key=lambda parts: _nearness(parts, home))]

    def find_import(self, level: int, dotted: str, importer: str) -> str | None:
        """The path of a name with ``level`` dots in front of it, or ``None``."""
        if level:
            return self.find_relative(level, dotted, importer)
        return self.find(dotted, importer) if dotted else None

    def find_relative(self, level: int, dotted: str, importer: str) -> str | None:
        """The path of ``from <dots><dotted> import``, or ``None``."""
        base = package_around(level, importer)
        if base is None:
            return None
        return self._paths.get(base + tuple(part for part in dotted.split(".") if part))


def package_around(level: int, importer: str) -> tuple[str, ...] | None:
    """What ``level`` dots mean in a file, ``None`` above the top."""
    package = dotted_parts(importer)
    if not importer.endswith("/__init__.py") and importer != "__init__.py":
        package = package[:-1]
    return package[: len(package) - (level - 1)] if level - 1 <= len(package) else None


def dotted_parts(path: str) -> tuple[str, ...]:
    """``lib/models/__init__.py`` -> ``("lib", "models")``."""
    parts = path[: -len(".py")].split("/") if path.endswith(".py") else path.split("/")
    return tuple(parts[:-1] if parts[-1] == "__init__" else parts)


def _plausible_root(root: tuple[str, ...], home: tuple[str, ...]) -> bool:
    # Any folder of the repository can be on sys.path; one inside a package of
    # the same depth elsewhere is as likely as not a vendored copy, and is
    # beaten by a nearer one.
    del home
    return not any(part.startswith(".") for part in root)


def _nearness(parts: tuple[str, ...], home: tuple[str, ...]) -> tuple[int, int]:
    shared = 0
    for a, b in zip(parts, home, strict=False):
        if a != b:
            break
        shared += 1
    return shared, -len(parts)
