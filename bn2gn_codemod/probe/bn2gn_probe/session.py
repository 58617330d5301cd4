"""A probe of a repository: imports, builds, exercises and describes its models."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from types import ModuleType
from typing import Any, Iterator, NamedTuple

import torch
from torch import nn

from . import (
    cpu_only,
    describe,
    factories,
    forward,
    numpy_aliases,
    old_checkpoint,
    origins,
    training_step,
    weights,
)
from .channel import Channel
from .config_session import ConfigSession
from .freezing import Freezer
from .missing_imports import Finder
from .tree import Tree


def run(request: dict[str, Any]) -> None:
    """Do what ``request`` asks and send what was seen to its ``result`` file."""
    Session(request).run()


class Session:
    def __init__(self, request: dict[str, Any]) -> None:
        self._request = request
        self._channel = Channel(request["result"])
        self._tree = Tree(request["root"])
        self._finder = Finder(self._tree)
        self._imported: dict[str, Any] = {}

    def run(self) -> None:
        self._channel.stage("starting")
        self._prepare()
        versions = {"python": platform.python_version(), "torch": torch.__version__}
        self._channel.send("versions", versions=versions)
        for module in self._request.get("modules", []):
            self._import(module["path"], module["name"])
        for model in self._request.get("models", []):
            self._send_model(model)
        if self._request.get("offering"):
            self._discover(self._request["offering"])
        self._channel.send("stubs", stubs=self._finder.stubs)
        if self._request.get("config"):
            # Its training ends the process.
            ConfigSession(self._request["config"], self._tree, self._channel).run()
        self._channel.send("end")

    def _prepare(self) -> None:
        numpy_aliases.restore()
        cpu_only.install()
        weights.install()
        origins.record(self._tree)
        if self._request.get("stubs", True):
            self._finder.install()
        # The probe's own folder comes last: it is no business of the code that runs.
        here = sys.path.pop(0)
        paths = [
            self._tree.absolute(path) if path else self._tree.root
            for path in self._request.get("paths", [""])
        ]
        sys.path[:0] = paths
        sys.path.append(here)
        sys.argv[:] = [""]

    def _import(self, path: str, name: str) -> None:
        self._channel.stage(f"importing {path}")
        error = ""
        try:
            self._imported[path] = importlib.import_module(name)
        except BaseException as raised:  # SystemExit among them
            error = self._line(raised)
        self._channel.send("import", path=path, error=error)

    def _line(self, error: BaseException) -> str:
        # Relative paths: the same error in another copy reads the same.
        return forward.describe_error(error).replace(self._tree.root + os.sep, "")

    # ------------------------------------------------------------ models

    def _send_model(self, spec: dict[str, Any]) -> None:
        factory = spec["factory"]
        args, kwargs = spec.get("args", []), spec.get("kwargs", {})
        self._channel.stage(f"building {factory}")
        found = _identity(factory, args, kwargs)
        try:
            model = factories.build(factory, args, kwargs)
        except factories.Unusable as unusable:
            found["error"] = str(unusable)
        except BaseException as error:
            found["error"] = self._line(error)
        if found["error"]:
            self._channel.send("model", model=found)
            return
        self._exercise(model, spec, found)
        self._channel.send("model", model=found)

    def _exercise(self, model: nn.Module, spec: dict[str, Any], found: dict[str, Any]) -> None:
        factory = spec["factory"]
        if self._request.get("stubs", True):
            self._finder.repair_deformable()
        found.update(describe.model(model, self._tree))
        found["skipped_weights"] = weights.skipped[:]
        del weights.skipped[:]
        if not self._request.get("forward", True):
            return
        self._channel.stage(f"running {factory} forward")
        shapes = spec.get("inputs") or forward.guess_inputs(model)
        if shapes:
            found["forwards"] = [forward.passed(model, shapes, batch) for batch in (1, 2)]
        if spec.get("checkpoint"):
            self._channel.stage("loading {}".format(spec["checkpoint"]))
            found["load"] = old_checkpoint.load(model, spec["checkpoint"])
        if self._request.get("train"):
            self._channel.stage(f"freezing {factory}")
            freezer = Freezer(self._tree, self._request, _model_name(spec), found["path"])
            found["freezes"] = freezer.each(model)
            if shapes:
                self._channel.stage(f"training {factory} for one step")
                found["step"] = training_step.take(model, shapes, freezer)

    # ------------------------------------------------------------ discovery

    def _discover(self, offering: list[dict[str, str]]) -> None:
        """Build what these modules offer, and keep what is a whole model with norms."""
        built: list[_Built] = []
        for entry in offering:
            module = self._imported.get(entry["path"]) or self._try_import(entry)
            for name, candidate in factories.candidates(module):
                found = self._first_working(f"{entry['name']}:{name}", candidate)
                if found is not None:
                    built.append(found)
        for whole in _covering(list(_whole(built))):
            self._send_model({"factory": whole.factory, "kwargs": whole.kwargs})

    def _try_import(self, entry: dict[str, str]) -> Any:
        self._channel.stage(f"importing {entry['path']}")
        try:
            return importlib.import_module(entry["name"])
        except BaseException:  # it was not rewritten: another model will have to do
            return ModuleType(entry["name"])

    def _first_working(self, factory: str, candidate: Any) -> _Built | None:
        for kwargs in factories.fillings(candidate):
            self._channel.stage(f"building {factory}({factories.call_text([], kwargs)})")
            try:
                model = factories.build(factory, [], kwargs)
            except BaseException:
                continue
            finally:
                del weights.skipped[:]
            if not any(describe.is_norm(module) for module in model.modules()):
                return None
            parts = frozenset(describe.class_name(m) for m in model.modules() if m is not model)
            is_class = isinstance(candidate, type)
            lines = frozenset(_lines(model))
            return _Built(factory, kwargs, is_class, describe.class_name(model), parts, lines)
        return None


class _Built(NamedTuple):
    """A candidate that gave a model with norm layers.

    ``parts`` are the classes inside it, ``lines`` those that made its norm layers.
    """

    factory: str
    kwargs: dict[str, Any]
    is_class: bool
    root: str
    parts: frozenset[str]
    lines: frozenset[tuple[str, int]]


def _whole(built: list[_Built]) -> Iterator[_Built]:
    """What is no part of another model; a class only where no factory makes it."""
    parts = {part for candidate in built for part in candidate.parts}
    made = {candidate.root for candidate in built if not candidate.is_class}
    for candidate in built:
        if candidate.root not in parts and not (candidate.is_class and candidate.root in made):
            yield candidate


def _covering(candidates: list[_Built]) -> list[_Built]:
    """As few of them as make every norm layer that any of them makes, in their order."""
    left = {line for candidate in candidates for line in candidate.lines}
    chosen = []
    while left:
        best = max(candidates, key=lambda candidate: len(candidate.lines & left))
        chosen.append(best)
        left -= best.lines
    return [candidate for candidate in candidates if candidate in chosen]


def _lines(model: nn.Module) -> Iterator[tuple[str, int]]:
    for module in model.modules():
        for frame in origins.of(module)[:1]:
            yield frame["path"], frame["line"]


def _identity(factory: str, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    text = factories.call_text(args, kwargs)
    return {"factory": factory, "args": args, "kwargs": kwargs, "passed": text, "error": ""}


def _model_name(spec: dict[str, Any]) -> str:
    """What a freeze function would get as ``model_name``: a name among the arguments."""
    values = list(spec.get("args", [])) + list(spec.get("kwargs", {}).values())
    names = [value for value in values if isinstance(value, str)]
    return names[0] if names else spec["factory"].rpartition(":")[2]
