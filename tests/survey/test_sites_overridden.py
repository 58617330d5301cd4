"""Weights that are loaded into a subclass, and what its base class had in an attribute."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

FAMILY = """\
class Shallow(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! {shallow}
class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! keep
class Tracker(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = Shallow()
    def wrap(self):
        {wrap}
class DeepTracker(Tracker):
    def __init__(self, deep=True):
{body}
def load_pretrain(model, path):
    model.load_state_dict(torch.load(path), strict=False)
    return model
load_pretrain(DeepTracker(), "deep.pth")
Tracker()
"""
SUPER = "super().__init__()\n"


def family(body: str, shallow: str) -> str:
    wrap = "self.kept = self.features" if "wrap()" in body else "pass"
    return FAMILY.format(body=textwrap.indent(body, 8 * " "), shallow=shallow, wrap=wrap)


@pytest.mark.parametrize("between", ["", "print(deep)\n", "self.count = 4\n"])
def test_what_the_subclass_replaces_is_not_loaded(between: str) -> None:
    check(family(f"{SUPER}{between}self.features = Deep()", "unknown"))


@pytest.mark.parametrize(
    "body",
    [
        f"self.features = Deep()\n{SUPER}",
        f"{SUPER}if deep:\n    self.features = Deep()",
        f"{SUPER}self.features = nn.Sequential(self.features, Deep())",
        f"{SUPER}old = self.features\nself.features = nn.Sequential(old, Deep())",
        f"{SUPER}self.wrap(); self.features = Deep()",
        f"{SUPER}if not deep:\n    return\nself.features = Deep()",
        f"{SUPER}self.other = Deep()",
    ],
)
def test_what_may_be_left_is_loaded(body: str) -> None:
    check(family(body, "keep"))
