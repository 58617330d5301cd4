"""What import statements bind: names of other modules of the repository, or of elsewhere."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Container, Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.tracing.replaced_imports import not_replaced, replaced_imports
from bn2gn_codemod.survey.known.library_models import makes_named_norm
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import bound_names, exported_names, exports_no_more, flat
from bn2gn_codemod.survey.values import Function


def bind_imports(flow: Flow, scope: Function) -> None:
    """Bind the names of every import statement at the top level of a module."""
    replaced = replaced_imports(scope.module.tree, functools.partial(_is_asked, flow, scope.module))
    for statement in flat(scope.module.tree.body):
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            names = {name for one, name in replaced if one is statement}
            bind_import(flow, scope, statement, names)


def bind_import(
    flow: Flow,
    scope: Function,
    statement: ast.Import | ast.ImportFrom,
    replaced: Container[str] = (),
) -> None:
    """Bind the names of one import statement, but for those of ``*``; some may be replaced."""
    if isinstance(statement, ast.Import):
        _bind_modules(flow, scope, statement, replaced)
    else:
        _bind_members(flow, scope, statement, replaced)


def bind_star_imports(flow: Flow, scopes: list[Function]) -> None:
    """Copy the names that star imports bring, also those of star imports of star imports.

    What libraries have is copied last: by then it is known what modules of the repository bring
    under such a name.
    """
    _copy_names(flow, scopes)
    for scope in scopes:
        _bind_named_norm(flow, scope)
    _copy_names(flow, scopes)


def _copy_names(flow: Flow, scopes: list[Function]) -> None:
    changed = True
    while changed:
        changed = False
        for scope in scopes:
            changed = _bind_star_import(flow, scope) or changed


def _stars(flow: Flow, scope: Function) -> Iterator[tuple[ast.ImportFrom, str | None]]:
    """The star imports of a module, and the files that they are of, if these are there."""
    for statement in flat(scope.module.tree.body):
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
            dotted = statement.module or ""
            yield statement, _find(flow, scope.module, statement.level, dotted)


def _bind_star_import(flow: Flow, scope: Function) -> bool:
    """Copy the names that star imports of the repository's files bring; whether any was new."""
    changed = False
    for statement, path in _stars(flow, scope):
        if path is None:
            continue
        exporter = flow.top_level[path]
        bound = scope.locals - scope.guessed
        brought = exporter.locals - exporter.guessed
        names = sorted(brought - bound)
        if brought & bound:
            names += _brought_beside(flow, scope, exporter, statement)
        if not names:
            continue
        for name in filter(_exported(exporter), names):
            scope.guessed.discard(name)
            _bind_name(flow, scope, name, path, statement.module or "", name)
            changed = True
    return changed


def _exported(exporter: Function) -> Callable[[str], bool]:
    """Whether a star import of a module brings one of its names."""
    listed = exported_names(exporter.module.tree)
    is_whole = exports_no_more(exporter.module.tree)
    return lambda name: name in listed or not (is_whole or name.startswith("_"))


def _bind_named_norm(flow: Flow, scope: Function) -> None:
    """``from detectron2.layers import *`` brings ``get_norm``, if nothing else does for sure."""
    name = "get_norm"
    for statement, path in _stars(flow, scope):
        is_bound = name in scope.locals - scope.guessed
        full = f"{statement.module or ''}.{name}"
        if path is not None or not makes_named_norm(full):
            continue
        if not is_bound or _has_alternative(flow, scope, statement, name):
            scope.guessed.discard(name)
            _bind_name(flow, scope, name, None, full, None)


def _has_alternative(flow: Flow, scope: Function, star: ast.ImportFrom, name: str) -> bool:
    """Whether a star import of the repository brings a name where another one fails.

    ``try: from detectron2.layers import *``, ``except ImportError: from layers import *``
    """
    around = [
        one for one in scope.module.tree.body if isinstance(one, ast.Try) and star in one.body
    ]
    handled = {inner for one in around for handler in one.handlers for inner in flat(handler.body)}
    return any(
        statement in handled and path is not None and _defines(flow, path, name)
        for statement, path in _stars(flow, scope)
    )


def _brought_beside(
    flow: Flow, scope: Function, exporter: Function, star: ast.ImportFrom
) -> list[str]:
    """What a star import may bring beside what the module binds itself, if that is new."""
    if exporter is scope:
        return []
    new = {
        name
        for name in exporter.locals & scope.locals
        if name not in exporter.guessed | scope.guessed
        and not flow.has_edge(flow.name_node(exporter, name), flow.name_node(scope, name))
    }
    is_asked = functools.partial(_is_asked, flow, scope.module)
    return sorted(not_replaced(scope.module.tree, star, new, is_asked)) if new else []


def _is_asked(flow: Flow, module: Module, name: str) -> bool:
    """Whether another module imports a name from one that is called like this one."""
    parts = module.path.removesuffix(".py").split("/")
    home = parts[-2] if parts[-1] == "__init__" and len(parts) > 1 else parts[-1]
    return any(
        (one.module or home).rpartition(".")[2] == home
        and any(alias.name in (name, "*") for alias in one.names)
        for other in flow.modules
        if other is not module and name.encode() in other.source.data
        for one in flat(other.tree.body)
        if isinstance(one, ast.ImportFrom)
    )


def _bind_modules(
    flow: Flow, scope: Function, statement: ast.Import, replaced: Container[str]
) -> None:
    for alias in statement.names:
        target = alias.name if alias.asname else alias.name.split(".")[0]
        path = _find(flow, scope.module, 0, alias.name)
        if path is not None and not alias.asname and "." in alias.name:
            # ``import a.b.c`` binds ``a``; remember where a.b.c leads
            _bind_package(flow, scope, alias.name, flow.by_path[path])
        else:
            _bind_name(flow, scope, alias.asname or target, path, target, None, replaced)


def _bind_members(
    flow: Flow, scope: Function, statement: ast.ImportFrom, replaced: Container[str]
) -> None:
    module, dotted = scope.module, statement.module or ""
    for alias in statement.names:
        if alias.name == "*":
            continue
        full = f"{dotted}.{alias.name}".lstrip(".")
        base = _find(flow, module, statement.level, dotted)
        child = _find(flow, module, statement.level, full)
        name = alias.asname or alias.name
        if base is not None and (
            child is None
            # ``from nets import nets`` of the file nets/nets.py: no folder is a file
            or (child == base and _has(flow, base, alias.name))
            # ``from . import x`` in a package names the module x, not itself
            or (base != module.path and alias.name in flow.top_level[base].locals)
            or (base != module.path and _replaces_submodule(flow, base, child, alias.name))
        ):
            _bind_name(flow, scope, name, base, dotted, alias.name, replaced)
        elif child is not None:
            _bind_name(flow, scope, name, child, dotted, None, replaced)
        else:
            _bind_name(flow, scope, name, None, full, None, replaced)


def _has(flow: Flow, path: str, name: str) -> bool:
    """Whether a module binds a name itself, or by a star import."""
    scope = flow.top_level[path]
    return name in scope.locals - scope.guessed or _defines(flow, path, name)


def _replaces_submodule(flow: Flow, package: str, child: str, name: str) -> bool:
    """Whether a package has by ``from .x import *`` an ``x`` that its module ``x`` defines.

    Python binds the module to that name first, while it imports it, and then what it brings.
    Not where another star import may bring another one, of which the last would count.
    """
    home = flow.by_path[package]
    stars = [
        _find(flow, home, statement.level, statement.module or "")
        for statement in flat(home.tree.body)
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"
    ]
    if child not in stars or not _defines(flow, child, name):
        return False
    others = [one for one in stars if one != child]
    return not any(one is None or _may_bring(flow, one, name) for one in others)


def _may_bring(flow: Flow, path: str, name: str) -> bool:
    """Whether a star import of a module may bring a name, be it one that it imports."""
    scope = flow.top_level[path]
    bound = {one for statement in flat(scope.module.tree.body) for one in bound_names(statement)}
    return _defines(flow, path, name) or (name in bound and _exported(scope)(name))


def _defines(flow: Flow, path: str, name: str, seen: tuple[str, ...] = ()) -> bool:
    """Whether a star import of a module brings a name, its own or by its star imports."""
    scope = flow.top_level[path]
    if path in seen or not _exported(scope)(name):
        return False
    if name in scope.locals - scope.guessed:
        return True
    return any(
        _defines(flow, source, name, (*seen, path))
        for _, source in _stars(flow, scope)
        if source is not None
    )


def _find(flow: Flow, module: Module, level: int, dotted: str) -> str | None:
    """The file of a module that another one imports by this name, from ``level`` dots up."""
    if level:
        return flow.index.find_relative(level, dotted, module.path)
    return flow.index.find(dotted, module.path)


def _bind_name(
    flow: Flow,
    scope: Function,
    name: str,
    path: str | None,
    dotted: str,
    attribute: str | None,
    replaced: Container[str] = (),
) -> None:
    scope.locals.add(name)
    if "*" in name:
        scope.computed.add(name)
    node, target = flow.name_node(scope, name), flow.by_path.get(path or "")
    flow.bindings[(scope.module.path, name)] = (target or dotted, attribute if target else None)
    if name in replaced:
        return  # it is imported, but nothing sees it
    if target is None:
        flow.add(node, flow.external(dotted))
    elif attribute is None:
        flow.add(node, flow.module_value(target))
    else:
        exporter = flow.top_level[target.path]
        if attribute not in exporter.locals:
            exporter.locals.add(attribute)
            exporter.guessed.add(attribute)
            flow.join_computed(exporter, attribute)
        flow.edge(flow.name_node(exporter, attribute), node)


def _bind_package(flow: Flow, scope: Function, dotted: str, module: Module) -> None:
    head, *rest = dotted.split(".")
    scope.locals.add(head)
    node = flow.name_node(scope, head)
    # A chain of namespaces, one per dot.
    flow.packages.setdefault((scope, head), {})[tuple(rest)] = module
    flow.add(node, flow.external(head))
