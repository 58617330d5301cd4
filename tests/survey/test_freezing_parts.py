"""Which part of the model an expression of freezing code is."""

from __future__ import annotations

import ast

import pytest

from bn2gn_codemod.survey.freezing.effects import Part
from bn2gn_codemod.survey.freezing.parts import Bindings


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@pytest.fixture
def bindings() -> Bindings:
    found = Bindings()
    found.parts = {"model": [Part(())], "self.net": [Part(())], "m": [Part((), "each")]}
    found.constants = {"name": "backbone", "on": True}
    return found


PARTS = {
    "model": "",
    "model.backbone": "backbone",
    "model.module.backbone.layer1": "backbone.layer1",
    "self.net.backbone": "backbone",
    "model.backbone[0]": "backbone.[...]",
    "model.backbone.modules()": "backbone each",
    "model.named_modules()": " each",
    "model.backbone.children()": "backbone child",
    "model.parameters()": " parameter",
    "m.parameters()": " parameter",
    "list(model.backbone.parameters())": "backbone parameter",
    "enumerate(model.named_modules())": " each",
    "de_parallel(model).backbone": "backbone",
    "model.cuda().backbone": "backbone",
    "getattr(model, name)": "backbone",
    "getattr(model.backbone, other)": "backbone.[...]",
    "[model.bn1, model.layer1]": "bn1, layer1",
    "model.backbone if on else model.base": "backbone, base",
    "other.backbone": None,
    "f(model)": None,
    "len(model)": None,
}


@pytest.mark.parametrize("source", PARTS)
def test_parts(bindings: Bindings, source: str) -> None:
    found = [
        ".".join(part.path) + ("" if part.what == "module" else f" {part.what}")
        for part in bindings.resolve(expression(source))
    ]
    wanted = PARTS[source]
    assert found == ([] if wanted is None else wanted.split(", "))


@pytest.mark.parametrize(
    ("source", "constant"),
    [("False", False), ("on", True), ("not on", False), ("unknown", None), ("f()", None)],
)
def test_constants(bindings: Bindings, source: str, constant: object) -> None:
    assert bindings.constant(expression(source)) is constant


def test_a_name_that_is_bound_anew(bindings: Bindings) -> None:
    bindings.assign(expression("net"), expression("model.backbone"))
    assert bindings.resolve(expression("net.layer1")) == [Part(("backbone", "layer1"))]
    bindings.assign(expression("net"), expression("build()"))
    assert bindings.resolve(expression("net.layer1")) == []


def test_loop_variables(bindings: Bindings) -> None:
    bindings.bind_loop(
        expression("i, (name, layer)"), expression("enumerate(model.named_modules())")
    )
    assert bindings.resolve(expression("layer")) == [Part((), "each")]
    bindings.bind_loop(expression("layer"), expression("others"))
    assert bindings.resolve(expression("layer")) == []
