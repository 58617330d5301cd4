"""A call that hands the norm class over is clear, whatever other calls of the class do."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, listed, plan_of

BLOCK = """\
from torchvision import models
class Block(nn.Module):
    def __init__(self, i, o, norm=nn.BatchNorm2d, **options):
        super().__init__()
        {before}
        self.bn = norm(o)
class Variant(Block):
    def __init__(self, i, o, norm=nn.BatchNorm2d):
        {inherits}
class Head(nn.Module):
    def __init__(self, n, norm=nn.BatchNorm2d, *args, **options):
        super().__init__()
        self.post = {call}
class Seg(nn.Module):
    def __init__(self, n, **options):
        super().__init__()
        self.backbone = models.resnet18(pretrained=True)
        self.head = Head(n)
class Other(nn.Module):
    def __init__(self, *args, **options):
        super().__init__()
        self.conv = {unclear}
def main():
    seg = Seg(2)
    other = Other(norm=nn.BatchNorm2d)
"""
HEAD = "def __init__(self, n, norm=nn.BatchNorm2d, *args, **options):"


def _head(**parts: str) -> str:
    """The verdict on the default of ``Head``, whose object stands beside a backbone."""
    given = {
        "before": "pass",
        "call": "Block(64, 64, norm=norm)",
        "unclear": "Block(3, 32, **options)",
        "inherits": "super().__init__(i, o, norm)",
    }
    text = BLOCK.format(**{**given, **parts})
    [line] = [line for line in listed(text, plan_of(text)) if HEAD in line]
    return line.split()[1]


@pytest.mark.parametrize("call", ["Block(64, 64, norm=norm)", "Block(64, 64, norm)"])
@pytest.mark.parametrize("unclear", ["Block(3, 32, **options)", "Block(*args)", "Block(3, 32)"])
def test_another_call_does_not_make_it_less_clear(call: str, unclear: str) -> None:
    assert _head(call=call, unclear=unclear) == "convert"


@pytest.mark.parametrize(
    "call",
    [
        "Block(*args, norm)",  # for which parameter is not known
        "Block(64, 64, **dict(options, norm=norm))",
    ],
)
def test_what_the_call_hands_over_is_not_clear(call: str) -> None:
    assert _head(call=call) == "unknown"


@pytest.mark.parametrize(
    "before",
    [
        "norm = options.get('norm') or norm",
        "norm = norm if i > 8 else nn.BatchNorm2d",
        "norm: type = nn.BatchNorm2d",
        "for norm in (norm, nn.BatchNorm2d): self.norm = norm",
        "from torch.nn import BatchNorm2d as norm",
    ],
)
def test_constructor_that_sets_the_parameter(before: str) -> None:
    """Objects of the clear call may then get BatchNorm all the same."""
    assert _head(before=before) != "convert"


@pytest.mark.parametrize("inherits", ["super().__init__(i, o, norm)", "super().__init__(i, o)"])
def test_subclass_that_calls_the_constructor(inherits: str) -> None:
    """What the base gets there is the business of the subclass."""
    assert _head(call="Variant(64, 64, norm=norm)", inherits=inherits) == "unknown"


def test_both_verdicts_stay_at_their_lines() -> None:
    check(
        """\
        from torchvision import models
        class Block(nn.Module):
            def __init__(self, o, norm=nn.BatchNorm2d, **options):  #! unknown
                super().__init__()
                self.bn = norm(o)  #! unknown
        class Seg(nn.Module):
            def __init__(self, norm=nn.BatchNorm2d):  #! convert
                super().__init__()
                self.backbone = models.resnet18(pretrained=True)
                self.head = Block(64, norm=norm)
        class Other(nn.Module):
            def __init__(self, **options):
                super().__init__()
                self.conv = Block(3, **options)
        seg = Seg()
        other = Other(norm=nn.BatchNorm2d)  #! unknown
        """
    )


def test_the_reason_names_what_stands_in_the_way_of_the_call() -> None:
    plan = check(
        """\
        from torchvision import models
        class Trunk(nn.Module):
            def __init__(self, norm):
                super().__init__()
                self.bn = norm(8)  #! keep
        class Seg(nn.Module):
            def __init__(self, norm, **more):
                super().__init__()
                self.backbone = Trunk(norm)
                self.backbone.load_state_dict(torch.load(more['path']))
                self.head = nn.Sequential(norm(64, **more))  #! conflict
        seg = Seg(nn.BatchNorm2d)  #! conflict
        """
    )
    [head] = [site for site in plan.sites if site.place.line == 13]
    assert head.reasons[0] == (
        "a new layer, but its arguments hold **kwargs, which cannot be read from the source, "
        "and BatchNorm2d is handed to it from net.py:14, which is not changed"
    )
