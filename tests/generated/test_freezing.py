"""The generated freezing, run on live models."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from bn2gn_codemod.generated import freezing

BACKBONE = ("backbone", "bn1", "cp.resnet")
FREEZINGS: tuple[freezing.Freeze, ...] = ("bn", "backbone")


def block() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.SyncBatchNorm(4))


class Net(nn.Module):
    """``bn1``, ``backbone`` and ``cp.resnet`` are pretrained; all else is new."""

    def __init__(self) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(3)
        self.backbone = block()
        self.cp = nn.Module()
        self.cp.resnet = block()
        self.cp.head = block()
        self.backbone_head = block()
        self.head = nn.Module()
        self.head.bn1 = nn.BatchNorm2d(3)
        self.head.backbone = block()


class ModelWithLoss(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.loss = nn.BatchNorm2d(3)


class InNet(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.net = model


def compiled(model: nn.Module) -> nn.Module:
    """What ``torch.compile`` returns, without compiling anything."""
    wrapper = torch.compile(model)
    assert isinstance(wrapper, nn.Module)
    return wrapper


def with_wrapped_parts(model: nn.Module) -> nn.Module:
    assert isinstance(model, Net)
    model.backbone = compiled(model.backbone)
    model.cp = nn.DataParallel(model.cp)
    return model


WRAPPINGS: list[Callable[[nn.Module], nn.Module]] = [
    lambda model: model,
    nn.DataParallel,
    lambda model: nn.DataParallel(ModelWithLoss(model)),
    compiled,
    lambda model: compiled(nn.DataParallel(ModelWithLoss(compiled(model)))),
    InNet,
    lambda model: nn.Sequential(nn.Identity(), model),
    lambda model: nn.ModuleList([InNet(model)]),
    with_wrapped_parts,
]


def functions(freeze: freezing.Freeze = "bn", backbone: tuple[str, ...] = BACKBONE) -> Any:
    source = "\n".join(
        [
            "import re, warnings",
            freezing.NORM_IMPORT,
            freezing.pattern_definition(backbone, ["net"]),
            freezing.freeze_definition(freeze),
            freezing.eval_definition(),
        ]
    )
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    return namespace


def parts(net: Net) -> Iterator[nn.Module]:
    """The pretrained modules, looked up without any name matching."""
    yield net.bn1
    yield from net.backbone.modules()
    cp = net.cp.module if isinstance(net.cp, nn.DataParallel) else net.cp
    yield from cp.resnet.modules()  # type: ignore[union-attr]


@pytest.mark.parametrize("freeze", FREEZINGS)
@pytest.mark.parametrize("wrap", WRAPPINGS)
def test_freezes_the_backbone_and_nothing_else(
    wrap: Callable[[nn.Module], nn.Module], freeze: freezing.Freeze
) -> None:
    net = Net()
    model = wrap(net).train()
    pretrained = set(parts(net))
    norms = {module for module in pretrained if isinstance(module, _BatchNorm)}
    assert len(norms) == 5
    assert functions(freeze)["freeze_backbone_bn"](model, "net") == 5
    for module in net.modules():
        own = list(module.parameters(recurse=False))
        if isinstance(module, _BatchNorm):
            assert module.training == (module not in norms)
        if own:
            frozen = module in norms or (freeze == "backbone" and module in pretrained)
            assert {parameter.requires_grad for parameter in own} == {not frozen}


@pytest.mark.parametrize("wrap", WRAPPINGS)
def test_eval_after_train(wrap: Callable[[nn.Module], nn.Module]) -> None:
    net = Net()
    model = wrap(net).train()
    functions()["eval_backbone_bn"](model)
    norms = {module for module in parts(net) if isinstance(module, _BatchNorm)}
    assert {m for m in net.modules() if isinstance(m, _BatchNorm) and not m.training} == norms


def test_parameters_and_statistics_do_not_move() -> None:
    model = nn.Module()
    model.backbone = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    model.head = nn.Conv2d(4, 1, 1)
    generated = functions(backbone=("backbone",))
    generated["freeze_backbone_bn"](model, "net")
    optimizer = torch.optim.SGD((p for p in model.parameters() if p.requires_grad), lr=0.1)
    norm = model.backbone[1]
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    for _ in range(3):
        model.train()
        generated["eval_backbone_bn"](model)
        model.head(model.backbone(torch.randn(2, 3, 4, 4))).sum().backward()
        optimizer.step()
    assert all(torch.equal(before[name], value) for name, value in norm.state_dict().items())
    assert norm.track_running_stats


@pytest.mark.parametrize("freeze", FREEZINGS)
def test_freezing_nothing_warns(freeze: freezing.Freeze) -> None:
    freeze_backbone_bn = functions(freeze, ("base",))["freeze_backbone_bn"]
    with pytest.warns(UserWarning, match=r"DLADCN: no BatchNorm in the backbone"):
        assert freeze_backbone_bn(Net(), "DLADCN") == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert functions(freeze)["freeze_backbone_bn"](Net(), "DLADCN") == 5


def test_norm_without_affine_parameters() -> None:
    model = nn.Module()
    model.base = nn.BatchNorm2d(3, affine=False)
    assert functions(backbone=("base",))["freeze_backbone_bn"](model, "net") == 1
    assert not model.base.training


@pytest.mark.parametrize(
    ("path", "names", "others"),
    [
        ("bn1", ["bn1", "module.bn1"], ["head.bn1", "bn10", "bn1_x", "xbn1"]),
        ("layer*", ["layer1.0.bn1", "model.layer4"], ["deconv_layer1", "head.layer1"]),
        ("a.b", ["a.b", "a.module.b.c", "_orig_mod.a._orig_mod.b"], ["a", "a.c", "b", "a.x.b"]),
    ],
)
def test_names_are_anchored(path: str, names: list[str], others: list[str]) -> None:
    pattern = functions(backbone=(path,))["_BACKBONE_NAME"]
    assert [name for name in names + others if pattern.match(name)] == names


# ---------------------------------------------------------------- train()


def overriding(backbone: tuple[str, ...]) -> type[Net]:
    method = freezing.train_override(backbone).replace("\n", "\n    ")
    source = f"{freezing.NORM_IMPORT}\nclass Guarded(Net):\n    {method}"
    namespace: dict[str, Any] = {"Net": Net}
    exec(source, namespace)
    guarded: type[Net] = namespace["Guarded"]
    return guarded


def test_train_override() -> None:
    net = overriding(BACKBONE)()
    assert net.train() is net
    norms = {module for module in parts(net) if isinstance(module, _BatchNorm)}
    assert {m for m in net.modules() if isinstance(m, _BatchNorm) and not m.training} == norms
    assert net.head.training
    assert net.backbone.training
    net.eval()
    assert not any(module.training for module in net.modules())


# ---------------------------------------------------------------- recognition


def module_with(*definitions: str) -> ast.Module:
    return ast.parse("\n".join(["import re, warnings", *definitions]))


PATTERN = freezing.pattern_definition(["backbone"], ["net"])


@pytest.mark.parametrize("freeze", FREEZINGS)
def test_freeze_is_recognised(freeze: freezing.Freeze) -> None:
    source = freezing.freeze_definition(freeze).replace("'", '"').replace("(model,", "(model: M,")
    found = freezing.recognise_freeze(module_with(PATTERN, source))
    assert found is not None
    assert found.freeze == freeze
    assert found.covers(["backbone"], ["net"])
    assert not found.covers(["backbone"], ["other"])
    assert not found.covers(["backbone", "base_layer"])
    assert not found.covers(["backbone_head"])


def test_eval_is_recognised() -> None:
    found = freezing.recognise_eval(module_with(PATTERN, freezing.eval_definition()))
    assert found is not None
    assert found.covers(["backbone"])


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("module.eval()", "module.train()"),
        ("module.requires_grad_(False)", "module.requires_grad_(True)"),
        ("frozen += 1", "frozen += 2"),
        ("_BatchNorm)", "nn.BatchNorm2d)"),
    ],
)
def test_changed_function_is_not_ours(part: str, other: str) -> None:
    source = freezing.freeze_definition("bn")
    assert part in source
    assert freezing.recognise_freeze(module_with(PATTERN, source.replace(part, other))) is None


@pytest.mark.parametrize(
    "pattern", ["", "_BACKBONE_NAME = re.compile(name)", "_BACKBONE_NAME = re.compile('(')"]
)
def test_unreadable_pattern(pattern: str) -> None:
    assert freezing.recognise_eval(module_with(pattern, freezing.eval_definition())) is None


@pytest.mark.parametrize(
    "source",
    [
        PATTERN,
        *(freezing.freeze_definition(freeze) for freeze in FREEZINGS),
        freezing.eval_definition(),
        freezing.train_override(BACKBONE),
    ],
)
def test_lines_fit_the_usual_88_columns(source: str) -> None:
    assert max(map(len, source.splitlines())) <= 88
