"""What a single load reads: a URL, a file, or a model of a library.

What it is read into bears on it only so far as a model gets back what is its own.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from typing import Literal

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.known.library_models import library_model
from bn2gn_codemod.survey.syntax.nodes import dotted, walk
from bn2gn_codemod.survey.values import ExternalObject, Instance, Value, Weights
from bn2gn_codemod.survey.weights.copied.copied_parameters import are_of_one_class
from bn2gn_codemod.survey.weights.files.downloads import is_downloaded, names_url
from bn2gn_codemod.survey.weights.files.foreign_files import starts_from_foreign_file
from bn2gn_codemod.survey.weights.loads import Load
from bn2gn_codemod.survey.weights.pretrained_names import is_named_pretrained

# Where the ImageNet weights of the well-known families are published.
_PUBLISHED = re.compile(
    rb"download\.pytorch\.org/models/(?:resne|wide_resne|vgg|densenet|mobilenet|shufflenet|"
    rb"efficientnet|regnet|mnasnet|googlenet|inception|convnext|alexnet|squeezenet)|"
    rb"dl\.yf\.io/(?:dla|drn)|data\.lip6\.fr/cadene/pretrainedmodels"
)
_PUBLISHED_FILE = re.compile(
    r"(?:^|/)(?:resnext|resnet|wide_resnet|vgg|densenet|mobilenet|shufflenet|efficientnet|mnasnet|"
    r"googlenet|inception)[\w.]*-[0-9a-f]{8}\.pth$"
)
_OWN_WEIGHTS = re.compile(rb"https?://[^\s'\"]+\.(?:pth|pt|pkl|tar|th|bin|ckpt)\b")


def read_load(flow: Flow, call: LoadCall) -> Load | None:
    """What is read from a URL, from a file, or out of a library's model, as the call tells."""
    where = call.spot.where
    if call.loader:
        kind: Literal["url", "file"] = "url" if names_url(call.spot) else "file"
        return Load(kind, call.loader, where, False)
    found, strict = list(_given(flow, call)), is_strict(flow, call)
    weights = [value for value in found if isinstance(value, Weights)]
    if weights:
        best = _told_most_by(flow, call, weights)
        source = re.sub(r"^torch\.utils\.|^torch\.hub\.", "", best.source)
        published = call.as_read and _is_published(best)
        vague = are_of_one_class(flow, call)
        by_hand = call.into_tensors
        return Load(best.kind, source, where, strict, published, by_hand=by_hand, vague=vague)
    library = next((name for value in found if (name := library_model(value))), None)
    if library is not None:
        published = call.as_read or call.into_tensors
        words = f"copying from {library}"
        return Load("url", words, where, strict, published, call.in_order)
    return None


def load_without_a_source(flow: Flow, call: LoadCall) -> Load | None:
    """What a function loads that is named after pretraining, whatever it is that it loads."""
    found = list(_given(flow, call))
    # Of what was made of other tensors nothing is known either.
    is_made = bool(call.sources) and all(isinstance(one, ExternalObject) for one in found)
    if (found and not is_made) or not is_named_pretrained(call.spot.function):
        return None
    where, strict = call.spot.where, is_strict(flow, call)
    return Load("file", "load_state_dict", where, strict, in_order=call.in_order)


def is_strict(flow: Flow, call: LoadCall) -> bool:
    """Whether a model gets all that it has: its own state dict, updated, always fits."""
    own = {value for value in flow.values(call.receiver) if isinstance(value, Instance)}
    return call.strict and own.isdisjoint(_given(flow, call))


def _given(flow: Flow, call: LoadCall) -> Iterator[Value]:
    return (value for node in call.weights for value in flow.values(node))


def _told_most_by(flow: Flow, call: LoadCall, given: list[Weights]) -> Weights:
    """Those that come from a URL, if it is not for the user to say: a file, or a URL.

    ``load_url(path) if "http" in path else torch.load(path)``
    """
    for one in given:  # whoever may begin so trains no network of the repository's own
        if starts_from_foreign_file(flow, call, one):
            return dataclasses.replace(one, kind="url")
    weights = [
        dataclasses.replace(value, kind="url") if is_downloaded(flow, value) else value
        for value in given
    ]
    of_users = {
        (one.spot.function, _asked_for(one)): one
        for one in weights
        if one.kind == "file" and _asked_for(one) is not None
    }
    for one in weights:
        if one.kind == "url":
            return of_users.get((one.spot.function, _asked_for(one)), one)
    return weights[0]


def _asked_for(weights: Weights) -> str | None:
    """The variable that holds the path or the URL."""
    call = weights.spot.node
    return dotted(call.args[0]) if isinstance(call, ast.Call) and call.args else None


def _is_published(weights: Weights) -> bool:
    """Whether every URL in the file that loads is one of a published ImageNet network.

    A file is, where it has the name that torchvision gives such weights.
    """
    if weights.kind == "file":
        names = (node.value for node in walk(weights.spot.node) if isinstance(node, ast.Constant))
        return any(isinstance(name, str) and _PUBLISHED_FILE.search(name) for name in names)
    data = weights.spot.module.source.data
    urls = _OWN_WEIGHTS.findall(data)
    if urls:
        return all(_PUBLISHED.search(url) for url in urls)
    # 'http://dl.yf.io/dla/models' joined with the name at run time
    return b"dl.yf.io/" in data and b"http" in data
