"""Reading one config file: its assignments, evaluated as far as they are constant."""

from __future__ import annotations

import ast
import dataclasses
import posixpath
import re
from collections.abc import Iterable

from bn2gn_codemod.plan import Place
from bn2gn_codemod.sources import SourceFile
from bn2gn_codemod.survey.configs.arithmetic import Arithmetic
from bn2gn_codemod.survey.configs.values import (
    Entry,
    Items,
    Opaque,
    Scalar,
    Table,
    Value,
    copied,
    merged,
)

BASE = "_base_"
_MOST_REPEATED = 100  # parts in a list that are read one by one
_FILE_VARIABLE = re.compile(r"\{\{\s*(file\w+)\s*\}\}")


def is_config(source: SourceFile) -> bool:
    """Whether the file is an MMEngine config.

    It is when it inherits (``_base_``, ``read_base``), or sets a model with a
    ``type`` or an optimizer wrapper at top level; in a ``configs`` folder any
    file of plain assignments is one. Raises ``SyntaxError``.
    """
    body = source.tree.body
    names = {name for statement in body for name in _assigned(statement)}
    if BASE in names or "optim_wrapper" in names or any(map(base_modules, body)):
        return True
    if any(_is_typed_model(statement) for statement in body):
        return True
    return has_only_settings(source) and "configs" in source.path.split("/")[:-1]


def has_only_settings(source: SourceFile) -> bool:
    """Whether the file consists of assignments. Raises ``SyntaxError``."""
    body = source.tree.body
    plain = all(isinstance(s, (ast.Assign, ast.Expr, ast.Import, ast.ImportFrom)) for s in body)
    return plain and any(_assigned(statement) for statement in body)


def _is_typed_model(statement: ast.stmt) -> bool:
    if "model" not in _assigned(statement) or not isinstance(statement, ast.Assign):
        return False
    value = statement.value
    if isinstance(value, ast.Dict):
        return any(isinstance(key, ast.Constant) and key.value == "type" for key in value.keys)
    return isinstance(value, ast.Call) and "type" in {keyword.arg for keyword in value.keywords}


def base_modules(statement: ast.stmt) -> list[tuple[ast.ImportFrom, tuple[str, ...]]]:
    """The imports of a ``with read_base():`` statement and the names they take."""
    if not isinstance(statement, ast.With):
        return []
    call = statement.items[0].context_expr
    if not (isinstance(call, ast.Call) and _name_of(call.func) == "read_base"):
        return []
    return [
        (inner, tuple(alias.name for alias in inner.names))
        for inner in statement.body
        if isinstance(inner, ast.ImportFrom)
    ]


def base_files(source: SourceFile) -> tuple[list[tuple[str, Place]], bool]:
    """The file names in ``_base_`` as written, and whether all could be read."""
    for statement in source.tree.body:
        if BASE in _assigned(statement) and isinstance(statement, ast.Assign):
            reader = Reader(source, Table(Place(source.path, 1)))
            value = reader.evaluate(statement.value).value
            entries = value.entries if isinstance(value, Items) else [Entry(value.place, value)]
            names = [
                (entry.value.value, entry.at)
                for entry in entries
                if isinstance(entry.value, Scalar) and isinstance(entry.value.value, str)
            ]
            return names, len(names) == len(entries)
    return [], True


@dataclasses.dataclass
class Reader:
    """Evaluates the statements of one file, top to bottom.

    ``inherited`` is what ``_base_`` stands for. ``names`` collects what the
    file assigns; ``take`` puts in what it imports from a base.
    """

    source: SourceFile
    inherited: Table
    names: Table = dataclasses.field(init=False)
    imported: set[str] = dataclasses.field(default_factory=set)

    def __post_init__(self) -> None:
        self.names = Table(Place(self.source.path, 1))

    def take(self, base: Table, names: Iterable[str]) -> None:
        """Put ``names`` (or all, ``*``) of a base's entries among this file's."""
        for name in names:
            chosen = base.entries if name == "*" else {name: base.entries.get(name)}
            for key, entry in chosen.items():
                if entry is not None:
                    self.names.entries[key] = copied(entry)

    def run(self, statement: ast.stmt) -> None:
        """Evaluate one top-level statement."""
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            self.imported.update(a.asname or a.name.split(".")[0] for a in statement.names)
        elif isinstance(statement, ast.Assign):
            entry = self.evaluate(statement.value)
            for target in statement.targets:
                self._assign(target, entry)
        elif isinstance(statement, ast.AnnAssign) and statement.value:
            self._assign(statement.target, self.evaluate(statement.value))
        elif isinstance(statement, ast.AugAssign):
            both = ast.BinOp(statement.target, statement.op, statement.value)
            self._assign(statement.target, self.evaluate(ast.copy_location(both, statement)))
        elif isinstance(statement, ast.Expr):
            self._method(statement.value)
        elif isinstance(statement, ast.Delete):
            for target in statement.targets:
                self._delete(target)
        else:
            self._forget(statement)

    def _assign(self, target: ast.expr, entry: Entry) -> None:
        if isinstance(target, ast.Name):
            if target.id != BASE:
                self.names.entries[target.id] = entry
        elif isinstance(target, (ast.Subscript, ast.Attribute)):
            owner, key = self.evaluate(target.value).value, self._key(target)
            if isinstance(owner, Table) and isinstance(key, str):
                owner.change(key, entry)
            if isinstance(owner, Items) and isinstance(key, int) and key < len(owner.entries):
                owner.entries[key] = entry
        else:
            self._forget(target)

    def _forget(self, node: ast.AST) -> None:
        # A branch or loop at top level may assign these or not.
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                place = self._place(inner)
                self.names.entries[inner.id] = Entry(place, Opaque(place))

    def _method(self, call: ast.expr) -> None:
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            return
        owner = self.evaluate(call.func.value).value
        if isinstance(owner, Table) and call.func.attr in ("update", "merge"):
            other = self._table(call)
            # What comes from another file is a ConfigDict, which updates dicts inside of it, too.
            is_config_dict = owner.place.path != self.source.path
            merges = call.func.attr == "merge" or is_config_dict
            changed = merged(owner, other) if merges else other
            for key, entry in changed.entries.items():
                if owner.entries.get(key) != entry:
                    owner.change(key, entry)
            owner.is_open = owner.is_open or changed.is_open
        elif isinstance(owner, Items) and call.func.attr == "append" and call.args:
            owner.entries.append(self.evaluate(call.args[0]))
        elif isinstance(owner, Table) and call.func.attr == "pop" and call.args:
            owner.change(self._literal(call.args[0]) or "", None)
        elif isinstance(owner, Table) and call.func.attr in ("setdefault", "clear", "popitem"):
            owner.change("", None)

    def _delete(self, target: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.names.entries.pop(target.id, None)
        elif isinstance(target, (ast.Subscript, ast.Attribute)):
            owner, key = self.evaluate(target.value).value, self._key(target)
            if isinstance(owner, Table):
                owner.change(str(key), None)

    # -------------------------------------------------------- expressions

    def evaluate(self, node: ast.expr) -> Entry:
        """The value of an expression, ``Opaque`` where it takes running to know."""
        place = self._place(node)
        return Entry(place, self._value(node, place))

    def _value(self, node: ast.expr, place: Place) -> Value:
        if isinstance(node, ast.Constant):
            return self._constant(node, place)
        if isinstance(node, ast.Dict) or _is_dict_call(node):
            return self._table(node)
        if isinstance(node, (ast.List, ast.Tuple)):
            return self._items(node, place)
        if isinstance(node, ast.ListComp):
            return self._repeated(node, place)
        if isinstance(node, ast.Name):
            return self._lookup(node.id, place)
        if isinstance(node, (ast.Subscript, ast.Attribute)):
            return self._member(node, place)
        if isinstance(node, ast.Set):
            return self._template(node, place)
        if isinstance(node, (ast.UnaryOp, ast.BinOp, ast.JoinedStr)):
            return Arithmetic(place, self.evaluate).value(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return self._popped(node.func, node.args) or Opaque(place)
        return Opaque(place)

    def _popped(self, method: ast.Attribute, args: list[ast.expr]) -> Value | None:
        owner = self.evaluate(method.value).value if method.attr == "pop" and args else None
        if not isinstance(owner, Table):
            return None
        entry = owner.change(self._literal(args[0]) or "", None)
        return entry.value if entry else None

    def _constant(self, node: ast.Constant, place: Place) -> Value:
        value = node.value
        if isinstance(value, str):
            return Scalar(place, _FILE_VARIABLE.sub(self._file_variable, value))
        if value is None or isinstance(value, (bool, int, float)):
            return Scalar(place, value)
        return Opaque(place)

    def _file_variable(self, match: re.Match[str]) -> str:
        folder, name = posixpath.split(self.source.path)
        stem, suffix = posixpath.splitext(name)
        variables = {
            "fileDirname": folder,
            "fileBasename": name,
            "fileBasenameNoExtension": stem,
            "fileExtname": suffix,
        }
        return variables.get(match.group(1), match.group())

    def _table(self, node: ast.expr) -> Table:
        table = Table(self._place(node))
        for key, value in _pairs(node):
            if key is None:
                self._spread(table, value)
                continue
            name = key if isinstance(key, str) else self._literal(key)
            if name is None:
                table.is_open = True
            elif name == "_delete_":
                table.replaces = self._literal(value) == "True"
            else:
                table.entries[name] = self.evaluate(value)
        return table

    def _spread(self, table: Table, node: ast.expr) -> None:
        other = self.evaluate(node).value
        if isinstance(other, Table):
            table.entries.update(other.entries)
            table.is_open = table.is_open or other.is_open
        else:
            table.is_open = True

    def _literal(self, key: ast.expr) -> str | None:
        value = self.evaluate(key).value
        return str(value.value) if isinstance(value, Scalar) else None

    def _items(self, node: ast.List | ast.Tuple, place: Place) -> Value:
        items = Items(place, [])
        for element in node.elts:
            if not isinstance(element, ast.Starred):
                items.entries.append(self.evaluate(element))
                continue
            spread = self.evaluate(element.value).value
            if not isinstance(spread, Items):
                return Opaque(place)
            items.entries.extend(spread.entries)
        return items

    def _repeated(self, node: ast.ListComp, place: Place) -> Value:
        """``[dict(...) for _ in range(6)]``: what differs from one to the next is not known."""
        match node.generators:
            case [ast.comprehension(target=ast.Name(id=name), iter=over, ifs=[])]:
                count = self._count(over)
            case _:
                return Opaque(place)
        if count is None:
            return Opaque(place)
        outside = self.names
        inside = {**outside.entries, name: Entry(place, Opaque(place))}
        self.names = dataclasses.replace(outside, entries=inside)
        element = self.evaluate(node.elt)
        self.names = outside
        return Items(place, [copied(element) for _ in range(count)], is_repeated=True)

    def _count(self, over: ast.expr) -> int | None:
        """How often a loop runs, as far as that is known."""
        if isinstance(over, ast.Call) and _name_of(over.func) == "range" and not over.keywords:
            bounds = [self.evaluate(bound).value for bound in over.args]
            numbers = [
                bound.value
                for bound in bounds
                if isinstance(bound, Scalar) and type(bound.value) is int
            ]
            is_known = len(numbers) == len(bounds) and 1 <= len(numbers) <= 2
            count = len(range(*numbers)) if is_known else _MOST_REPEATED
            return count if count < _MOST_REPEATED else None
        value = self.evaluate(over).value
        return len(value.entries) if isinstance(value, Items) else None

    def _lookup(self, name: str, place: Place) -> Value:
        if name == BASE:
            return self.inherited
        if name in self.names.entries:
            return self.names.entries[name].value
        # `type=ResNet` of the pure Python style means what `type='ResNet'` does.
        return Scalar(place, name) if name in self.imported else Opaque(place)

    def _member(self, node: ast.Subscript | ast.Attribute, place: Place) -> Value:
        owner, key = self.evaluate(node.value).value, self._key(node)
        if isinstance(owner, Scalar) and isinstance(node, ast.Attribute):
            return Scalar(place, node.attr)
        if isinstance(owner, Table) and isinstance(key, str) and key in owner.entries:
            return owner.entries[key].value
        if isinstance(owner, Items) and isinstance(key, int) and key < len(owner.entries):
            return owner.entries[key].value
        return Opaque(place)

    def _key(self, node: ast.Subscript | ast.Attribute) -> str | int | None:
        if isinstance(node, ast.Attribute):
            return node.attr
        value = self.evaluate(node.slice).value
        key = value.value if isinstance(value, Scalar) else None
        return key if isinstance(key, (str, int)) else None

    def _template(self, node: ast.Set, place: Place) -> Value:
        # {{_base_.model}} parses as a set within a set.
        inner = node.elts[0]
        if len(node.elts) == 1 and isinstance(inner, ast.Set) and len(inner.elts) == 1:
            return self.evaluate(inner.elts[0]).value
        return Opaque(place)

    def _place(self, node: ast.expr) -> Place:
        column = self.source.column(node.lineno, node.col_offset)
        return Place(self.source.path, node.lineno, column)


def _pairs(node: ast.expr) -> list[tuple[str | ast.expr | None, ast.expr]]:
    """Keys and values of a dict display or call; a key of ``None`` is ``**``."""
    if isinstance(node, ast.Dict):
        return list(zip(node.keys, node.values, strict=True))
    assert isinstance(node, ast.Call)
    spread: list[tuple[str | ast.expr | None, ast.expr]] = [(None, arg) for arg in node.args]
    return spread + [(keyword.arg, keyword.value) for keyword in node.keywords]


def _is_dict_call(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _name_of(node.func) in ("dict", "ConfigDict")


def _name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _assigned(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.Assign):
        return {_name_of(target) for target in statement.targets} - {""}
    return set()
