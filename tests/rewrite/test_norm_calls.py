"""``nn.BatchNorm2d(x, momentum=M)`` becomes ``get_group_norm(x)``."""

from __future__ import annotations

import textwrap
from typing import Literal

import pytest

from bn2gn_codemod.plan import FileEdits, NormEdit
from bn2gn_codemod.rewrite import RewriteRefused, rewrite_file
from tests.rewrite.marked import PATH, unmark

Kind = Literal["call", "partial", "reference"]


def rewritten(text: str, kind: Kind = "call", name: str = "") -> str:
    source, places = unmark(text)
    norms = tuple(NormEdit(place, kind, "BatchNorm2d", name) for place in places)
    return rewrite_file(source, FileEdits(PATH, norms))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("nn.BatchNorm2d(c)", "get_group_norm(c)"),
        ("torch.nn.BatchNorm2d(c)", "get_group_norm(c)"),
        ("BatchNorm2d( c )", "get_group_norm( c )"),
        ("nn.BatchNorm2d(c, momentum=0.1)", "get_group_norm(c)"),
        ("nn.BatchNorm2d(c, momentum=0.1,)", "get_group_norm(c)"),
        ("nn.BatchNorm2d(c,)", "get_group_norm(c,)"),
        ("nn.BatchNorm2d(c, track_running_stats=True)", "get_group_norm(c)"),
        ("nn.BatchNorm2d(c, eps=1e-3)", "get_group_norm(c, eps=1e-3)"),
        ("nn.BatchNorm2d(c, eps = 1e-5)", "get_group_norm(c, eps = 1e-5)"),
        ("nn.BatchNorm2d(c, momentum=0.1, eps=1e-3)", "get_group_norm(c, eps=1e-3)"),
        ("nn.BatchNorm2d(c, eps=1e-3, momentum=0.1)", "get_group_norm(c, eps=1e-3)"),
        ("nn.BatchNorm2d(c, affine=False)", "get_group_norm(c, affine=False)"),
        ("nn.BatchNorm2d(num_features=c)", "get_group_norm(num_channels=c)"),
        ("nn.BatchNorm2d(momentum=0.1, num_features=c)", "get_group_norm(num_channels=c)"),
        ("nn.BatchNorm2d(c, 1e-3)", "get_group_norm(c, eps=1e-3)"),
        ("nn.BatchNorm2d(c, 1e-3, 0.1)", "get_group_norm(c, eps=1e-3)"),
        ("nn.BatchNorm2d(c, 1e-3, 0.1, False)", "get_group_norm(c, eps=1e-3, affine=False)"),
        ("nn.BatchNorm2d(c, 1e-3, 0.1, True, True)", "get_group_norm(c, eps=1e-3, affine=True)"),
        ("nn.BatchNorm2d(c, 1e-3, affine=a)", "get_group_norm(c, eps=1e-3, affine=a)"),
        ("nn.BatchNorm2d(f(c, momentum=0.1))", "get_group_norm(f(c, momentum=0.1))"),
        ("(nn.BatchNorm2d)(c)", "get_group_norm(c)"),
        ("nn.BatchNorm2d(c).to(device)", "get_group_norm(c).to(device)"),
        ("nn.BatchNorm2d(c)(x)", "get_group_norm(c)(x)"),
    ],
)
def test_call(before: str, after: str) -> None:
    assert rewritten(f"norm = §{before}\n") == f"norm = {after}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            """
            self.bn3 = §nn.BatchNorm2d(planes * self.expansion,
                                      momentum=BN_MOMENTUM)
            """,
            """
            self.bn3 = get_group_norm(planes * self.expansion)
            """,
        ),
        (
            """
            norm = §nn.BatchNorm2d(
                c,  # channels
                momentum=0.1,  # slow
            )  # the norm
            """,
            """
            norm = get_group_norm(
                c,  # channels
                # slow
            )  # the norm
            """,
        ),
        (
            """
            norm = §nn.BatchNorm2d(
                c,
                # statistics move slowly
                momentum=0.1,
                eps=1e-3
            )
            """,
            """
            norm = get_group_norm(
                c,
                # statistics move slowly
                eps=1e-3
            )
            """,
        ),
        (
            """
            norm = §nn.BatchNorm2d(
                c, momentum=0.1,  # both
                eps=1e-3)
            """,
            """
            norm = get_group_norm(
                c,  # both
                eps=1e-3)
            """,
        ),
        (
            """
            norm = §nn.BatchNorm2d(c,  # channels
                                  momentum=0.1)
            """,
            """
            norm = get_group_norm(c  # channels
                                  )
            """,
        ),
        (
            """
            norm = (§nn
                    .BatchNorm2d(c, momentum=0.1))
            """,
            """
            norm = (get_group_norm(c))
            """,
        ),
    ],
)
def test_layout_and_comments_stay(before: str, after: str) -> None:
    assert compile(textwrap.dedent(after), "after", "exec")
    assert rewritten(before) == textwrap.dedent(after)


def test_every_call_of_a_line() -> None:
    before = "pair = [§nn.BatchNorm2d(a, momentum=m), §nn.BatchNorm2d(b)]; x = §nn.BatchNorm2d(c)\n"
    after = "pair = [get_group_norm(a), get_group_norm(b)]; x = get_group_norm(c)\n"
    assert rewritten(before) == after


def test_call_inside_the_arguments_of_another_stays_unless_planned() -> None:
    before = "norm = §nn.BatchNorm2d(width(nn.BatchNorm2d(3)))\n"
    assert rewritten(before) == "norm = get_group_norm(width(nn.BatchNorm2d(3)))\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("partial(§nn.BatchNorm2d, eps=1e-3)", "partial(get_group_norm, eps=1e-3)"),
        ("§partial(nn.BatchNorm2d, eps=1e-3)", "partial(get_group_norm, eps=1e-3)"),
        ("partial(§nn.BatchNorm2d, momentum=0.1)", "partial(get_group_norm)"),
        ("functools.partial(§BatchNorm2d)", "functools.partial(get_group_norm)"),
        ("partial(§nn.BatchNorm2d, c, 1e-3, 0.1)", "partial(get_group_norm, c, eps=1e-3)"),
    ],
)
def test_partial(before: str, after: str) -> None:
    assert rewritten(f"norm = {before}\n", "partial") == f"norm = {after}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("norm_layer = §nn.BatchNorm2d\n", "norm_layer = get_group_norm\n"),
        ("neck = Neck(norm=§BatchNorm2d, c=3)\n", "neck = Neck(norm=get_group_norm, c=3)\n"),
        (
            "def f(c, norm=§torch.nn.BatchNorm2d):\n    pass\n",
            "def f(c, norm=get_group_norm):\n    pass\n",
        ),
        (
            "NORMS = {'bn': §nn.BatchNorm2d,  # new\n}\n",
            "NORMS = {'bn': get_group_norm,  # new\n}\n",
        ),
    ],
)
def test_reference(before: str, after: str) -> None:
    assert rewritten(before, "reference") == after


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("{'bn': nn.BatchNorm2d}[kind]", "§{'bn':nn.BatchNorm2d}[kind](c)", "get_group_norm(c)"),
        ("NORMS[kind]", "§NORMS[kind](c, momentum=0.1)", "get_group_norm(c)"),
        ("norm_of(kind)", "§norm_of(kind)(c)", "get_group_norm(c)"),
        ("norm_of(kind)", "§norm_of(kind)(c).to(d)", "get_group_norm(c).to(d)"),
        ("norm_of(kind)", "§norm_of(kind)(c)(x)", "get_group_norm(c)(x)"),
        ("getattr(nn, 'BatchNorm2d')", '§getattr(nn, "BatchNorm2d")(c)', "get_group_norm(c)"),
        ("type(self).norm", "§type(self).norm(c)", "get_group_norm(c)"),
        ("cfg().norm", "§cfg().norm(c).to(cfg().device)", "get_group_norm(c).to(cfg().device)"),
    ],
)
def test_callee_that_is_more_than_a_name(name: str, before: str, after: str) -> None:
    assert rewritten(f"norm = {before}\n", "call", name) == f"norm = {after}\n"


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("reference", "Neck(8, §type(self).norm)", "Neck(8, get_group_norm)"),
        ("partial", "partial(§type(self).norm, eps=1e-3)", "partial(get_group_norm, eps=1e-3)"),
    ],
)
def test_name_asked_of_what_a_call_gives(kind: Kind, before: str, after: str) -> None:
    assert rewritten(f"norm = {before}\n", kind, "type(self).norm") == f"norm = {after}\n"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("nn.BatchNorm2d(*args)", r"\*args"),
        ("nn.BatchNorm2d(c, **options)", r"\*\*kwargs"),
        ("nn.BatchNorm2d(c, device=d)", "device has no place"),
        ("nn.BatchNorm2d(c, 1e-3, 0.1, True, True, d)", "device has no place"),
        ("nn.BatchNorm2d(c, 1, 2, 3, 4, 5, 6, 7)", "more arguments"),
        ("nn.BatchNorm2d(c, process_group=g)", "process_group is not one of"),
        ("nn.BatchNorm2d()", "no number of channels"),
        ("nn.BatchNorm2d(c, momentum=(m := 0.1))", "momentum does more"),
        ("bn", "no BatchNorm2d call is there"),
    ],
)
def test_not_understood(call: str, says: str) -> None:
    with pytest.raises(RewriteRefused, match=rf"line 1: .*{says}"):
        rewritten(f"norm = §{call}\n")


def test_file_that_is_not_as_the_plan_says() -> None:
    source, _ = unmark("norm = 1\n")
    _, places = unmark("\n\nnorm = §nn.BatchNorm2d(c)\n")
    edits = FileEdits(PATH, (NormEdit(places[0], "call", "BatchNorm2d"),))
    with pytest.raises(RewriteRefused, match="line 3: the planned expression is not there"):
        rewrite_file(source, edits)
