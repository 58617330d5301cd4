"""Options that are off unless whoever starts a script says otherwise."""

from __future__ import annotations

import ast
import functools
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.syntax.nodes import call_name, dotted, is_off, walk

# What options are parsed into, or kept in.
_OPTIONS = re.compile(r"\w*(?:arg|opt|cfg|conf|flag|param|setting|hp)\w*", re.IGNORECASE)
_UPDATES = re.compile(r"update|merge|load|override|from_file|from_list|from_yaml", re.IGNORECASE)
_SETTING = re.compile(rb"^[ \t-]*['\"]?(\w+)['\"]?[ \t]*:[ \t]*([^#\r\n]*)", re.MULTILINE)
_OFF_IN_YAML = frozenset({"", "false", "no", "off", "null", "none", "~", "''", '""'})
_ON_IN_YAML = frozenset({"true", "yes", "on"})
_WRITES_PATH = frozenset({"expanduser", "expandvars", "abspath", "realpath", "normpath", "Path"})
_SETS_DEFAULTS = frozenset({"set_defaults", "dict", "edict", "EasyDict", "CN", "Namespace"})


class _Default(NamedTuple):
    is_off: bool
    where: str
    is_no_text: bool = False  # neither a path nor a URL: ``True``

    @property
    def path(self) -> str:
        return self.where.partition(":")[0]


class OptionDefaults:
    """Reads what parsers, configurations in Python and YAML files say of an option."""

    def __init__(self, flow: Flow, repository: Repository) -> None:
        self._flow = flow
        self._repository = repository
        self._read: dict[str, dict[str, list[_Default]]] = {}

    def where_off(self, option: str, path: str, *, but_text: bool = False) -> str:
        """Where ``args.pretrained`` is said to be off; ``""``: nowhere, or another place has it on.

        Rather in the file at ``path``: scripts have options of one name. Where that imports the
        options from a file beside it, ``from config import config``, no other file counts but
        those that set options of that file, or any that the script may merge into it.
        With ``but_text``, all that is no text is as good as off.
        """
        owner, _, name = option.rpartition(".")
        if not _OPTIONS.fullmatch(owner.rpartition(".")[2]):
            return ""
        everywhere = [*self._in_python.get(name, ()), *self._in_yaml.get(name, ())]
        beside = self._path_beside(path, owner.partition(".")[0])
        found = self._said_in(beside, name)
        if not found or self._is_updated(path, beside):
            found = [*found, *everywhere]
        else:
            others = {path, *self._importers(path, beside)}
            found = [*found, *(said for one in sorted(others) for said in self._said_in(one, name))]
        if not all(one.is_off or (but_text and one.is_no_text) for one in found):
            return ""
        places = [one.where for one in found]
        here = (where for where in places if where.startswith(f"{path}:"))
        return next(here, next(iter(places), ""))

    def _path_beside(self, path: str, name: str) -> str:
        """The file in the same folder that a script has a name from; ``""``: none."""
        beside = self._imports(path)
        return next((one for one, names in beside.items() if name in names), "")

    def _imports(self, path: str) -> dict[str, set[str]]:
        """What a file imports of files in its folder, by their paths: the names that it has then.

        A module as a whole may set what it likes: it is there without any name.
        """
        module = self._flow.by_path.get(path)
        found: dict[str, set[str]] = {}
        for node in module.tree.body if module is not None else ():
            match node:
                case ast.ImportFrom(module=str(source), names=names, level=0):
                    file = _beside(path, source)
                    found.setdefault(file, set()).update(one.asname or one.name for one in names)
                case ast.Import(names=names):
                    found.update({_beside(path, one.name): set() for one in names})
                case _:
                    pass
        return found

    def _importers(self, path: str, config: str) -> set[str]:
        """The files that may set options of a config: those with anything of it.

        Of those without any layers, the ones that the script imports are read.
        """
        files = {*self._imports(path), *(module.path for module in self._flow.modules)}
        return {one for one in files - {config} if self._has_of(one, config)}

    def _has_of(self, path: str, config: str) -> bool:
        """Whether a file imports anything of a config that lies beside it."""
        source = self._repository.file_or_outside(path)
        name = os.path.basename(config).removesuffix(".py")
        if source is None or name.encode() not in source.data:
            return False
        try:
            body = source.tree.body
        except SyntaxError:
            return False
        return any(
            isinstance(node, ast.ImportFrom) and _beside(path, node.module or "") == config
            for node in body
        )

    def _is_updated(self, path: str, config: str) -> bool:
        """Whether a script merges a file into its config, or calls what may do that.

        ``config.update(yaml.safe_load(...))``, ``cfg_from_file(path)`` of the config's own file.
        """
        module = self._flow.by_path.get(path)
        names = self._imports(path).get(config, set())
        for node in walk(module.tree) if module is not None else ():
            match node:
                case ast.Call(func=ast.Name(id=called)) if called in names:
                    return True
                case ast.Call(func=ast.Attribute(value=owner)) if _UPDATES.search(call_name(node)):
                    if (dotted(owner) or "").partition(".")[0] in names:
                        return True
                case ast.Call(args=given) if _UPDATES.search(call_name(node)):
                    if any((dotted(one) or "").partition(".")[0] in names for one in given):
                        return True
                case _:
                    pass
        return False

    def _said_in(self, path: str, name: str) -> list[_Default]:
        """What a file says of an option; it may be one without any layers, and not read yet."""
        if path not in self._read:
            source = self._repository.file_or_outside(path) if path else None
            self._read[path] = _in_file(source) if source is not None else {}
        return self._read[path].get(name, [])

    @functools.cached_property
    def _in_python(self) -> dict[str, list[_Default]]:
        found: dict[str, list[_Default]] = {}
        for module in self._flow.modules:
            for name, said in _in_file(module.source).items():
                found.setdefault(name, []).extend(said)
        return found

    @functools.cached_property
    def _in_yaml(self) -> dict[str, list[_Default]]:
        found: dict[str, list[_Default]] = {}
        for path, data in self._repository.yaml_files():
            where = os.path.relpath(path, self._repository.root)
            for match in _SETTING.finditer(data):
                name, value = (part.decode("utf-8", "replace") for part in match.groups())
                said = value.strip().lower()
                default = _Default(said in _OFF_IN_YAML, where, said in _ON_IN_YAML)
                found.setdefault(name, []).append(default)
        return found


def _beside(path: str, module: str) -> str:
    return os.path.join(os.path.dirname(path), *module.split(".")) + ".py"


def _in_file(source: SourceFile) -> dict[str, list[_Default]]:
    """What a file in Python says of options, by their names."""
    found: dict[str, list[_Default]] = {}
    try:
        tree = source.tree
    except SyntaxError:
        return found
    owners = _second_names(tree)
    for node in walk(tree):
        for name, off, no_text in _said(node, owners):
            where = f"{source.path}:{getattr(node, 'lineno', 0)}"
            found.setdefault(name, []).append(_Default(off, where, no_text))
    return found


def _second_names(tree: ast.Module) -> frozenset[str]:
    """What a file calls its options for short: ``C`` of ``config = C``."""
    return frozenset(
        value.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(value := node.value, ast.Name)
        for target in node.targets
        if isinstance(target, ast.Name) and _OPTIONS.fullmatch(target.id)
    )


def _said(node: ast.AST, owners: frozenset[str]) -> Iterator[tuple[str, bool, bool]]:
    """The options that a statement or expression gives a value: whether it is off, or no text."""
    match node:
        case ast.Call() if call_name(node) == "add_argument":
            for name, off in _added(node):
                yield name, off, False  # a command line may give one
        case ast.Call(keywords=keywords) if call_name(node) in _SETS_DEFAULTS:
            for keyword in keywords:
                if keyword.arg is not None:
                    yield keyword.arg, *_value(keyword.value)
        case ast.Assign(targets=[ast.Attribute(value=owner, attr=name)], value=value):
            kept_in = (dotted(owner) or "").rpartition(".")[2]
            if _is_same_path(value, f"{dotted(owner)}.{name}"):
                return  # ``args.weights = os.path.expanduser(args.weights)``: nobody is given one
            if kept_in != "self" and (_OPTIONS.fullmatch(kept_in) or kept_in in owners):
                yield name, *_value(value)
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, *_value(value)
        case _:
            pass


def _is_same_path(value: ast.expr, option: str) -> bool:
    """Whether a call only says in other words what path an option is."""
    return (
        isinstance(value, ast.Call)
        and call_name(value) in _WRITES_PATH
        and len(value.args) == 1
        and dotted(value.args[0]) == option
    )


def _value(value: ast.expr) -> tuple[bool, bool]:
    return is_off(value), isinstance(value, ast.Constant) and not isinstance(value.value, str)


def _added(call: ast.Call) -> Iterator[tuple[str, bool]]:
    """``add_argument("--pretrained", action="store_true")``: off."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    flags = [one.value for one in call.args if isinstance(one, ast.Constant)]
    names = [flag for flag in flags if isinstance(flag, str)]
    long = [name for name in names if name.startswith("--")] or names
    if not long:
        return
    dest = given.get("dest")
    is_named = isinstance(dest, ast.Constant) and isinstance(dest.value, str)
    name = dest.value if isinstance(dest, ast.Constant) and is_named else long[0]
    action = given.get("action")
    is_on = isinstance(action, ast.Constant) and action.value == "store_false"
    required = given.get("required")
    is_required = required is not None and not is_off(required)
    is_asked = is_required or not long[0].startswith("-") or None in given
    default = given.get("default")
    off = is_off(default) if default is not None else not is_on
    yield str(name).lstrip("-").replace("-", "_"), off and not is_asked
