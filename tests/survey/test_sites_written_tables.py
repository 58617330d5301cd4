"""Dicts of dicts: what stands under one key is none of what stands under the others."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

PARTS = """
import torchvision

class Top(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.bn = nn.BatchNorm2d(width)  #! {verdict}

def make_trunk():
    return torchvision.models.resnet18(pretrained=True)

def make_other():
    return torchvision.models.resnet34(pretrained=True)

KINDS = {{
    "small": {{"trunk": make_trunk, "top": Top, "widths": [64, 128]}},
    "large": {{"trunk": make_other, "top": Top, "widths": [64, 256], "extra": Top}},
}}
{more}
class Net(nn.Module):
    def __init__(self, kind):
        super().__init__()
        {lines}
"""


def verdict(lines: str, more: str = "") -> str:
    """What becomes of the layer in ``Top``."""
    for expected in ("convert", "keep", "conflict", "unknown"):
        text = PARTS.format(verdict=expected, more=more, lines="\n        ".join(lines.split("; ")))
        try:
            check(text)
        except AssertionError:
            continue
        return expected
    raise AssertionError(lines)


TOLD = "self.base = KINDS[kind]['trunk'](); self.top = KINDS[kind]['top'](KINDS[kind]['widths'][0])"


@pytest.mark.parametrize(
    "lines",
    [
        TOLD,
        "self.base = KINDS[kind]['trunk'](); self.top = KINDS[kind].get('top')(8)",
        "self.base = KINDS[kind]['trunk'](); self.top = KINDS[kind].get('extra', Top)(8)",
        "self.base = KINDS['small']['trunk'](); self.top = KINDS['large']['extra'](8)",
        "assert kind in KINDS and 'top' in KINDS[kind]; " + TOLD,
    ],
)
def test_a_key_that_is_written_out(lines: str) -> None:
    assert verdict(lines) == "convert"


@pytest.mark.parametrize(
    ("lines", "more"),
    [
        # another network under that key, put there by code
        (TOLD, "KINDS['small']['top'] = make_trunk"),
        (TOLD, "KINDS['own'] = {'trunk': make_other, 'top': make_trunk}"),
        (TOLD, "KINDS.update(own={'top': make_trunk})"),
        (TOLD, "for row in KINDS.values(): row['top'] = make_trunk"),
        (TOLD, "row = KINDS['small']\nrow['top'] = make_trunk"),
        (TOLD, "def change(rows): rows['small']['top'] = make_trunk\nchange(KINDS)"),
        (TOLD, "ALL = KINDS\nALL['small']['top'] = make_trunk"),
        (TOLD, "if torch.cuda.is_available(): KINDS = {'small': {'top': make_trunk}}"),
        ("KINDS = other(); " + TOLD, ""),
    ],
)
def test_tables_that_are_changed(lines: str, more: str) -> None:
    assert verdict(lines, more) != "convert"


@pytest.mark.parametrize(
    "other",
    [
        "import net\nnet.KINDS['small']['top'] = net.make_trunk",
        "import net\nnet.KINDS = {'small': {'top': net.make_trunk}}",
        "from net import KINDS as ALL, make_trunk\nALL['small']['top'] = make_trunk",
        "from net import *\nKINDS['small']['top'] = make_trunk",
        "import net\nsetattr(net, 'KINDS', {'small': {'top': net.make_trunk}})",
    ],
)
def test_tables_that_another_file_changes(other: str) -> None:
    assert verdict(TOLD, "") == "convert"
    text = PARTS.format(verdict="conflict", more="", lines=TOLD.replace("; ", "\n        "))
    with pytest.raises(AssertionError):
        check(text.replace("conflict", "convert") + f"\n-- train.py --\n{other}\n")


def test_a_table_of_another_file() -> None:
    head, _, tail = PARTS.format(
        verdict="convert", more="", lines=TOLD.replace("; ", "\n        ")
    ).partition("class Net")
    check(f"-- parts.py --\n{head}\n-- net.py --\nfrom parts import KINDS\nclass Net{tail}")
