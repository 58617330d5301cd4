"""The same code gives the same words: of several causes, the first one in the source is named."""

from __future__ import annotations

from tests.survey.verdicts import check, only

HEADS = 12  # calls that the helper's function would not take, any of which could be named


def test_first_call_that_refuses_the_helper_is_named() -> None:
    heads = "\n".join(
        f"""\
        self.project{number} = norm_layer(32, **options)  #! unknown"""
        for number in range(HEADS)
    )
    plan = check(
        f"""\
import torchvision
class Head(nn.Module):
    def __init__(self, norm_layer, options):
        super().__init__()
{heads}
class Model(nn.Module):
    def __init__(self, options=None):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = Head(nn.BatchNorm2d, options)  #! unknown
"""
    )
    last = max(only(plan, "unknown"), key=lambda site: site.place)
    assert last.reasons[0].startswith("a new layer, but net.py:7: "), last.reasons
