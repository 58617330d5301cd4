"""Runs the repository's own freeze and guard functions on a model."""

from __future__ import annotations

import ast
import inspect
from typing import Any, Callable

import torch
from torch import nn

from . import describe
from .forward import describe_error
from .tree import Tree


def load(tree: Tree, path: str, name: str, package: str) -> Callable[..., Any]:
    """The function ``name`` of the file ``path``, without running the rest of the file.

    Train scripts parse ``sys.argv`` and open data sets when they are imported.
    Only the function, and what it uses of the imports and definitions at the
    file's top level, is executed.
    """
    filename = tree.absolute(path)
    with open(filename, "rb") as file:
        module = ast.parse(file.read(), filename)
    module.body = _needed(module.body, name)
    namespace: dict[str, Any] = {
        "__name__": "bn2gn_slice",
        "__package__": package,
        "__file__": filename,
    }
    exec(compile(module, filename, "exec"), namespace)
    function: Callable[..., Any] = namespace[name]
    return function


def _needed(body: list[ast.stmt], name: str) -> list[ast.stmt]:
    wanted = {name}
    kept: set[int] = set()
    grown = True
    while grown:
        grown = False
        for index, statement in enumerate(body):
            if index in kept or not _binds(statement) & wanted:
                continue
            kept.add(index)
            wanted |= {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
            grown = True
    futures = [node for node in body if isinstance(node, ast.ImportFrom) and _is_future(node)]
    return futures + [body[index] for index in sorted(kept) if body[index] not in futures]


def _is_future(node: ast.ImportFrom) -> bool:
    return node.module == "__future__"


def _binds(statement: ast.stmt) -> set[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


class Wrapper(nn.Module):
    """Holds a model as the repository's own wrapper does, under the same attribute."""

    def __init__(self, attribute: str, model: nn.Module) -> None:
        super().__init__()
        setattr(self, attribute, model)


class Freezer:
    """The repository's freeze and guard functions, applied to one model."""

    def __init__(
        self, tree: Tree, request: dict[str, Any], model_name: str, path: str = ""
    ) -> None:
        """``path`` is the file of the model's class: only scripts that reach it freeze it."""
        self._tree = tree
        self._freezes: list[dict[str, Any]] = [
            freeze
            for freeze in request.get("freezes", [])
            if not path or path in freeze.get("reaches", [path])
        ]
        self._guards: list[dict[str, str]] = request.get("guards", [])
        self._wrappers: list[str] = request.get("wrappers", [])
        self._model_name = model_name

    def each(self, model: nn.Module) -> list[dict[str, Any]]:
        """What each freeze function does to the thawed model; the last one stays applied."""
        return [self._freeze(freeze, model) for freeze in self._freezes]

    def train(self, model: nn.Module) -> None:
        """``.train()`` on the wrapped model, then the guards, as a train loop would."""
        wrapped = model
        for attribute in self._wrappers:
            wrapped = Wrapper(attribute, wrapped)
        wrapped.train()
        for guard in self._guards:
            self._load(guard)(wrapped)

    def _freeze(self, freeze: dict[str, str], model: nn.Module) -> dict[str, Any]:
        name = "{}:{}".format(freeze["path"], freeze["name"])
        found: dict[str, Any] = {"function": name, "error": ""}
        _thaw(model)
        try:
            returned = self._call(self._load(freeze), model)
            if isinstance(returned, int) and not isinstance(returned, bool):
                found["returned"] = returned
            found["states"] = _states(model)
            found["guards"] = ["{}:{}".format(g["path"], g["name"]) for g in self._guards]
            self.train(model)
            found["after_train"] = _states(model)
        except Exception as error:
            found["error"] = describe_error(error)
        return found

    def _load(self, function: dict[str, str]) -> Callable[..., Any]:
        return load(self._tree, function["path"], function["name"], function.get("package", ""))

    def _call(self, function: Callable[..., Any], model: nn.Module) -> Any:
        required = [
            parameter
            for parameter in inspect.signature(function).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
        return function(*[model, self._model_name][: len(required)])


def _thaw(model: nn.Module) -> None:
    model.train()
    # An override of train() may keep layers in eval: thaw those too.
    for module in model.modules():
        module.training = True
    for parameter in model.parameters():
        parameter.requires_grad_(True)


def _states(model: nn.Module) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "training": module.training,
            "requires_grad": any(p.requires_grad for p in module.parameters(recurse=False)),
        }
        for name, module in model.named_modules()
        if describe.is_batch_norm(module)
    ]


def frozen_tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters without gradient, and the statistics of BatchNorm that has only such."""
    found: dict[str, torch.Tensor] = {
        name: p for name, p in model.named_parameters() if not p.requires_grad
    }
    for name, module in model.named_modules():
        own = list(module.parameters(recurse=False))
        if describe.is_batch_norm(module) and own and not any(p.requires_grad for p in own):
            for buffer, value in module.named_buffers(prefix=name, recurse=False):
                found[buffer] = value
    return found
