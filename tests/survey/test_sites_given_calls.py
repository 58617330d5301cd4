"""Layers made by calling what another call gives: ``pick(norm, 0)(64)``."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, only

PICK = """\
def pick(one_or_more, i):
    try:
        return one_or_more[i]
    except TypeError:
        return one_or_more
"""
TRUNK = """\
class Trunk(nn.Module):
    def __init__(self, norm=nn.BatchNorm2d):  #! {default}
        super().__init__()
        self.bn = pick(norm, 0)(8)  #! keep
class Net(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.backbone = Trunk()
        self.backbone.load_state_dict(torch.load(path))
        {head}
"""
HEAD = """\
class Head(nn.Module):
    def __init__(self, norm=nn.BatchNorm2d):  #! conflict
        super().__init__()
        self.bn = pick(norm, 0)(8)  #! {verdict}
"""


def test_such_a_call_has_a_line_of_its_own() -> None:
    check(PICK + TRUNK.format(default="keep", head="pass"))


def test_one_helper_for_two_sides() -> None:
    """What comes out of it may be what either handed in, but each layer is of one side."""
    head = HEAD.format(verdict="conflict")
    plan = check(PICK + head + TRUNK.format(default="conflict", head="self.head = Head()"))
    assert all(site.settles for site in only(plan, "conflict"))


def test_a_comment_on_such_a_line() -> None:
    head = HEAD.format(verdict="keep").replace("(8)  #!", "(8)  # bn2gn: keep  #!")
    head = head.replace("#! conflict", "#! keep")
    check(PICK + head + TRUNK.format(default="conflict", head="self.head = Head()"))


@pytest.mark.parametrize(
    ("call", "given"),
    [
        ("make()(8)", "convert"),  # changed where it is named
        ("getattr(nn, 'BatchNorm2d')(8)", "keep"),  # named there, and listed once
    ],
)
def test_what_is_new(call: str, given: str) -> None:
    check(
        f"""\
        from torchvision import models
        def make():
            return nn.BatchNorm2d  #! {given}
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = models.resnet18(pretrained=True)
                self.head = {call}  #! convert
        """
    )
