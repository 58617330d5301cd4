"""Parts that files of settings put into a model: the registries that inject.

A class says which of its arguments are parts, and a YAML file which class fills
each of them, as in PaddleDetection and the detectors that took over its workspace::

    @register()
    class Detector(nn.Module):
        __inject__ = ["backbone", "encoder"]

        def __init__(self, backbone, encoder): ...

    # configs/detector.yml
    model: Detector
    Detector:
      backbone: ResNet
      encoder: {type: HybridEncoder, depth: 2}
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from bn2gn_codemod.sources import Repository
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import dotted, walk
from bn2gn_codemod.survey.values import Class

_MARK = "__inject__"
# What the builder goes over: ``cfg["_inject"]``, ``schema.inject``.
_LISTED = re.compile(r"_*inject_*")
# ``backbone: ResNet`` in a file that is no YAML.
_LINE = re.compile(rb"^[\s-]*(\w+):\s*[\"']?(\w+)[\"']?\s*(?:#.*)?$", re.MULTILINE)


class Injections:
    """What the YAML files of a repository say: which class fills which argument.

    ``workspaces`` are the modules of the registry itself. Every class goes through what they
    hold, and nothing else does.
    """

    def __init__(
        self, files: Iterable[tuple[str, bytes]], workspaces: frozenset[Module] = frozenset()
    ) -> None:
        self.workspaces = workspaces
        self._of_key: dict[str, set[str]] = {}
        self._of_argument: dict[tuple[str, str], set[str]] = {}
        self._of_any_class: dict[str, set[str]] = {}
        for _, data in files:
            self._read(data)

    def named_by(self, key: str) -> list[str]:
        """The classes that stand at the top of a file under this key: ``model: Detector``."""
        return sorted(self._of_key.get(key, set()))

    def parts(self, cls: str, argument: str) -> list[str]:
        """The classes that fill an argument of the class of that name."""
        found = self._of_argument.get((cls, argument), set())
        return sorted(found | self._of_any_class.get(argument, set()))

    def _read(self, data: bytes) -> None:
        tables = _tables(data)
        if tables is None:  # it may be read all the same, after a template was filled in
            for key, value in _LINE.findall(data):
                self._of_key.setdefault(key.decode(), set()).add(value.decode())
                self._of_any_class.setdefault(key.decode(), set()).add(value.decode())
            return
        for table in tables:
            for key, value in table.items():
                name = _class_of(value)
                if name is not None:
                    self._of_key.setdefault(key, set()).add(name)
                if isinstance(value, dict):
                    self._fill(name or key, value)

    def _fill(self, cls: str, table: dict[str, object]) -> None:
        for argument, value in table.items():
            name = _class_of(value)
            if name is not None:
                self._of_argument.setdefault((cls, str(argument)), set()).add(name)
            if isinstance(value, dict):
                self._fill(name or str(argument), value)


def read_injections(repository: Repository, modules: Iterable[Module]) -> Injections | None:
    """What is injected, if any class of the repository asks for that; else no file is read."""
    if not any(_MARK.encode() in module.source.data for module in modules):
        return None
    return Injections(repository.yaml_files(), frozenset(filter(_is_workspace, modules)))


def injected_arguments(cls: Class) -> list[str]:
    """The arguments that a class wants to be filled, as it or a base of it lists them."""
    for one in cls.ancestors():
        for statement in one.node.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == _MARK:
                    return _texts(value)
                case ast.AnnAssign(target=ast.Name(id=name), value=value) if name == _MARK:
                    return _texts(value)
                case _:
                    pass
    return []


def is_injector(function: ast.AST) -> bool:
    """Whether a function goes over the arguments that a class wants to be filled, and fills them.

    What it calls is any class of the repository, by names that only files have.
    """
    return any(
        isinstance(node, ast.For) and any(_names_the_list(part) for part in walk(node.iter))
        for node in walk(function)
    )


def _is_workspace(module: Module) -> bool:
    """Whether a module has the registry: it looks for lists of arguments, and defines no layers."""
    if b"inject" not in module.source.data or not _reads_lists(module.tree):
        return False
    return not any(
        isinstance(statement, ast.ClassDef) and any(map(_is_layer, statement.bases))
        for statement in module.tree.body
    )


def _reads_lists(tree: ast.Module) -> bool:
    return is_injector(tree) or any(
        isinstance(node, ast.Constant) and node.value == _MARK for node in walk(tree)
    )


def _is_layer(base: ast.expr) -> bool:
    return (dotted(base) or "Module").endswith(("Module", "Layer", "Sequential", "ModuleList"))


def _names_the_list(part: ast.AST) -> bool:
    match part:
        case ast.Constant(value=str(name)) | ast.Attribute(attr=name):
            return _LISTED.fullmatch(name) is not None
        case _:
            return False


def _texts(expr: ast.expr | None) -> list[str]:
    parts = expr.elts if isinstance(expr, (ast.List, ast.Tuple)) else []
    return [
        part.value
        for part in parts
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]


def _class_of(value: object) -> str | None:
    """``ResNet``, and the ``type`` of a table of arguments."""
    found = value.get("type", value.get("name")) if isinstance(value, dict) else value
    return found if isinstance(found, str) and found.isidentifier() else None


def _tables(data: bytes) -> list[dict[str, object]] | None:
    """The tables of a YAML file, ``None`` if it cannot be parsed."""
    import yaml  # only where it is asked for: most repositories have nothing of this

    class Loader(yaml.SafeLoader):
        """Leaves out what a tag would make: ``!include other.yml``."""

    def nothing(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> None:
        del loader, suffix, node

    Loader.add_multi_constructor("", nothing)
    try:
        documents = list(yaml.load_all(data, Loader=Loader))  # it is a safe one
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return list(_with_names(documents))


def _with_names(documents: list[object]) -> Iterator[dict[str, object]]:
    for document in documents:
        if isinstance(document, dict):
            yield {str(key): value for key, value in document.items()}
