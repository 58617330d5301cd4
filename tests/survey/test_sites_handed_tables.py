"""A dict with written keys that goes through a parameter: each entry stays under its key."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

TEXT = """\
from torchvision.models import resnet18
class Fuse(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {fuse}
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {block}
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(Block())
        self.layer2 = nn.Sequential(Block())
        self.layer3 = nn.Sequential(Block())
        self.load_state_dict(torch.hub.load_state_dict_from_url("https://x.org/net.pth"))
class Model(nn.Module):
    def __init__(self, parts):
        super().__init__()
        self.name = parts["name"]
        {take}
    def take(self, inputs):
        self.backbone = inputs["backbone"]
        self.neck = inputs["neck"]
def build(args):
    backbone = ResNet()
    neck = Fuse()
    parts = {made}
    {before}
    return Model(parts)
{more}
"""
MADE = '{"backbone": backbone, "neck": neck, "name": args.name}'


def _text(
    fuse: str = "convert",
    block: str = "keep",
    take: str = "self.take(parts)",
    made: str = MADE,
    before: str = "print(parts['name'])",
    more: str = "",
) -> str:
    return TEXT.format(fuse=fuse, block=block, take=take, made=made, before=before, more=more)


def test_what_stands_under_a_key_is_none_of_the_others() -> None:
    check(_text())


def test_dict_in_the_very_call() -> None:
    check(
        _text(
            more=f"def other(args, backbone):\n    return Model({MADE.replace('neck}', 'None}')})"
        )
    )


@pytest.mark.parametrize(
    "parts",
    [
        {"before": "parts['backbone'] = neck"},
        {"before": "parts.update(backbone=neck)"},
        {"before": "change(parts)"},
        {"made": "{**args.parts, 'backbone': backbone, 'neck': neck, 'name': ''}"},
        {"made": "{'backbone': backbone, args.key: backbone, 'neck': neck, 'name': ''}"},
        {"take": "parts['backbone'] = parts['neck']\n        self.take(parts)"},
        {"take": "parts = dict(backbone=parts['neck'])\n        self.take(parts)"},
        {"more": "def other():\n    return Model(dict(backbone=Fuse(), name=''))"},
        {"more": "def other(parts):\n    return Model(dict.fromkeys(parts, Fuse()))"},
        {"more": "make = Model\ndef other():\n    return make({'backbone': Fuse(), 'name': ''})"},
        {"more": "def other(args):\n    make = globals()[args.name]\n"
                 "    return make({'backbone': Fuse(), 'name': ''})"},
        {"more": "class Wide(Model):\n    def __init__(self):\n"
                 "        super().__init__({'backbone': Fuse(), 'neck': None, 'name': ''})"},
        {"more": "class Wide(Model):\n    def take(self, inputs):\n"
                 "        inputs['backbone'] = inputs['neck']\n        super().take(inputs)"},
    ],
)  # fmt: skip
def test_where_a_new_part_may_stand_under_the_key_of_a_backbone(parts: dict[str, str]) -> None:
    """What is called ``backbone`` may be filled by whoever trains it."""
    plan = plan_of(_text(**parts))
    [fuse] = [one.verdict for one in plan.sites if one.class_ == "Fuse"]
    assert fuse in ("keep", "conflict")
