"""Who loads pretrained weights, and onto which class.

A state dict that comes from a URL is pretrained. One that comes from a file
may as well be a checkpoint to resume from, so it counts only where the class
loads it into itself, or where a factory does before it returns the model.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from typing import Literal

from bn2gn_codemod.survey.flow import Flow, LoadCall
from bn2gn_codemod.survey.syntax import all_arguments
from bn2gn_codemod.survey.values import (
    Class,
    ExternalObject,
    Function,
    Instance,
    Weights,
)

_PRETRAINED = re.compile(r"pretrain|imagenet|init_weights|init_model", re.IGNORECASE)
# Packages whose models come with published weights.
_LIBRARIES = re.compile(
    r"(?:torchvision\.models(?!\.(?:_utils|feature_extraction)\b)|timm(?:\.|$)|"
    r"segmentation_models_pytorch|pretrainedmodels|cnn_finetune|efficientnet_pytorch|resnest|"
    r"geffnet|torch\.hub\.load|transformers|mobilenetv3|open_clip|clip\.load)(?:\.|$)?"
)


@dataclasses.dataclass(frozen=True)
class Load:
    """Pretrained weights end up in instances of a class."""

    kind: Literal["url", "file", "library"]
    source: str  # "model_zoo.load_url", "torchvision.models.resnet18"
    where: str  # path:line
    strict: bool

    @property
    def words(self) -> str:
        """For a reason: ``loads weights from model_zoo.load_url (dla.py:294)``."""
        if self.kind == "library":
            return f"is a subclass of {self.source}, which comes with pretrained weights"
        return f"loads weights by {self.source} ({self.where})"


def is_library_model(name: str) -> bool:
    """Whether an external callable gives a published model."""
    return _LIBRARIES.match(name) is not None


def library_model(value: object) -> str | None:
    """The dotted name of the published model that a value is, or is part of."""
    if isinstance(value, ExternalObject) and is_library_model(value.name):
        return value.name
    return None


def find_loads(flow: Flow, held: set[Class], owners: set[Class]) -> dict[Class, list[Load]]:
    """Pretrained loads by class.

    ``held`` are the classes whose instances some module holds, ``owners`` the
    classes that hold a backbone of their own: a file loaded onto one of those
    is a checkpoint of the whole model.
    """
    loads: dict[Class, list[Load]] = {}
    for call in flow.load_calls:
        weights = _weights(flow, call)
        if weights is None:
            continue
        source = re.sub(r"^torch\.utils\.|^torch\.hub\.", "", weights.source)
        load = Load(weights.kind, source, call.spot.where, call.strict)
        for value in flow.values(call.receiver):
            if not isinstance(value, Instance) or value.weak:
                continue
            cls = value.class_
            if weights.kind == "file" and not _means_pretrained(flow, call, value, held, owners):
                continue
            loads.setdefault(cls, []).append(load)
    for cls in flow.classes:
        for ancestor in cls.ancestors():
            for base in ancestor.external_bases:
                if is_library_model(base):
                    where = f"{cls.path}:{cls.node.lineno}"
                    loads.setdefault(cls, []).append(Load("library", base, where, False))
    return loads


def _weights(flow: Flow, call: LoadCall) -> Weights | None:
    found = [
        value for node in call.weights for value in flow.values(node) if isinstance(value, Weights)
    ]
    return next((value for value in found if value.kind == "url"), found[0] if found else None)


def _means_pretrained(
    flow: Flow, call: LoadCall, value: Instance, held: set[Class], owners: set[Class]
) -> bool:
    cls, function = value.class_, call.spot.function
    if cls in owners:
        return False
    named = _is_named_pretrained(function)
    if value.spot is None:
        return named or cls in held
    if named:
        return True
    # A factory: it makes the object, loads the file, and returns the object.
    return value.spot.function is function and value in list(
        flow.values(flow.return_node(function))
    )


def _is_named_pretrained(function: Function) -> bool:
    node = function.node
    if isinstance(node, ast.Module):
        return False
    names = [function.name, *(argument.arg for argument in all_arguments(node.args))]
    return any(_PRETRAINED.search(name) for name in names)
