"""``@configurable``: the dict that ``from_config`` returns is what ``__init__`` is handed."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

REPOSITORY = """\
from torchvision.models import resnet50
from fvcore.common.config import configurable
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {head}
class Base(nn.Module):
    {decorator}
    def __init__(self, *, backbone, head, sizes=None):
        super().__init__()
        self.backbone = backbone
        self.head = head
    @classmethod
    def {maker}(cls, cfg):
{body}
class Distill(Base):
    def __init__(self, cfg):
        super().__init__(cfg)
        self.connect = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {connect}
{more}
"""
RETURNED = "return {'backbone': resnet50(pretrained=True), 'head': Head()}"


def _check(
    head: str,
    connect: str,
    body: str = RETURNED,
    decorator: str = "@configurable",
    maker: str = "from_config",
    more: str = "model = Base(None)\nother = Distill(None)",
) -> None:
    check(
        REPOSITORY.format(
            head=head,
            connect=connect,
            body=textwrap.indent(textwrap.dedent(body), " " * 8),
            decorator=decorator,
            maker=maker,
            more=textwrap.dedent(more),
        )
    )


@pytest.mark.parametrize(
    "body",
    [
        RETURNED,
        "return dict(backbone=resnet50(pretrained=True), head=Head())",
        "backbone = resnet50(pretrained=True)\nreturn {'backbone': backbone, 'head': Head()}",
        "made = {'backbone': resnet50(pretrained=True)}\nmade['head'] = Head()\nreturn made",
        "made = dict(head=Head())\nmade.update(backbone=resnet50(pretrained=True))\nreturn made",
        "made = {}\nmade.update({'backbone': resnet50(pretrained=True), 'head': Head()})\n"
        "return made",
    ],
)
def test_the_dict_has_the_arguments(body: str) -> None:
    _check("convert", "convert", body)


@pytest.mark.parametrize("decorator", ["@configurable", "@config.configurable"])
def test_a_decorator_of_the_repository_s_own(decorator: str) -> None:
    more = """\
    from lib import config
    model = Base(None)
    -- lib/config.py --
    def configurable(init):
        def wrapped(self, *args, **kwargs):
            init(self, **type(self).from_config(*args, **kwargs))
        return wrapped
    """
    _check("convert", "convert", decorator=decorator, more=more)


@pytest.mark.parametrize(
    "parts",
    [
        {"decorator": "@gin.register"},
        {"decorator": "@torch.no_grad()"},
        {"maker": "from_file"},
        # What they are is not known.
        {"body": "return make(cfg)"},
        {"body": "return {'model': resnet50(pretrained=True), 'head_of': Head()}"},
        {"body": "return {'sizes': {'backbone': resnet50(pretrained=True), 'head': Head()}}"},
        {"body": "return {name: part for name, part in parts(cfg)}"},
    ],
)
def test_what_is_handed_over_is_not_known(parts: dict[str, str]) -> None:
    _check("unknown", "unknown", **parts)


def test_what_is_the_backbone_stays() -> None:
    _check(
        "keep",
        "convert",
        "return {'backbone': Head(), 'head': nn.Linear(8, 8)}",
    )


def test_what_is_in_both_is_a_conflict() -> None:
    _check("conflict", "convert", "return {'backbone': Head(), 'head': Head()}")


@pytest.mark.parametrize(
    ("made", "connect"),
    [
        ("{**super().from_config(cfg), 'sizes': 8}", "convert"),
        ("{'sizes': 8}", "unknown"),
    ],
)
def test_what_a_base_class_makes_is_taken_where_it_is_asked_for(made: str, connect: str) -> None:
    check(
        f"""\
from torchvision.models import resnet50
from detectron2.config import configurable
class Maker:
    @classmethod
    def from_config(cls, cfg):
        return {{'backbone': resnet50(pretrained=True)}}
class Model(Maker, nn.Module):
    @configurable
    def __init__(self, backbone, sizes):
        super().__init__()
        self.backbone = backbone
        self.connect = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {connect}
    @classmethod
    def from_config(cls, cfg):
        return {made}
model = Model(load())
"""
    )
