"""Norm classes that only ``map``, ``type`` or the default of a lambda is handed."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

NET = """\
import torchvision
{before}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet50(pretrained=True)
        {layers}
"""


@pytest.mark.parametrize(
    ("layers", "before"),
    [
        ("self.bns = nn.ModuleList(map(nn.BatchNorm2d, [8, 16]))  #! unknown", ""),
        ("self.bns = nn.Sequential(*map(nn.BatchNorm2d, [8, 16]))  #! unknown", ""),
        (
            "self.bn = Norm(8)",
            "Norm = type('Norm', (nn.BatchNorm2d,), {'momentum': 0.01})  #! unknown",
        ),
        # A function may stand in the default's place.
        (
            "make = lambda c, norm=nn.BatchNorm2d: nn.Sequential(norm(c))  #! convert, convert\n"
            "        self.neck = make(8)",
            "",
        ),
        (
            "make = lambda c, *, norm=nn.BatchNorm2d: norm(c)  #! convert, convert\n"
            "        self.neck = make(8)",
            "",
        ),
        # Nothing is made of these.
        ("self.sizes = list(map(int, [8, 16]))", ""),
        ("self.kind = type(nn.Conv2d(8, 8, 1))", ""),
        ("make = lambda c, bias=True: nn.Conv2d(8, c, 1, bias=bias)\n        self.x = make(8)", ""),
    ],
)
def test_norm_classes_that_are_handed_over(layers: str, before: str) -> None:
    check(NET.format(layers=layers, before=before))


def test_default_of_a_lambda_that_makes_a_backbone() -> None:
    check(
        """\
        make = lambda c, norm=nn.BatchNorm2d: norm(c)  #! keep, keep
        class Body(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = make(8)
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = Body()
                self.backbone.load_state_dict(torch.load("backbone.pth"))
        """
    )
