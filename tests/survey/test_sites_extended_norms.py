"""Norm classes that are extended by another name: ``class Own(layer_class)``."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

WRAPPER = """\
-- wrappers.py --
def with_defaults(**defaults):
    def wrapper(layer_class):
        if layer_class is None:
            return None
        class Layer(layer_class):
            def __init__(self, *args, **kw):
                super().__init__(*args, **{{**defaults, **kw}})
        {keep}
        return Layer
    return wrapper
"""
NETS = """\
-- net.py --
from wrappers import with_defaults
import torchvision
class Stem(nn.Module):
    def __init__(self):
        super().__init__()
        Norm = with_defaults(eps=1e-3)(nn.BatchNorm2d)  #! {old}
        self.bn1 = Norm(8){old_layer}
        self.load_state_dict(torchvision.models.resnet18(pretrained=True).state_dict())
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        Norm = with_defaults(eps=1e-3)(nn.BatchNorm2d)  #! unknown
        Conv = with_defaults(bias=False)(nn.Conv2d)
        self.conv = Conv(8, 8, 3)
        self.bn = Norm(8){new_layer}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Stem()
        self.head = Head()
"""


def wrapped(*, is_followed: bool, keep: str = "pass") -> str:
    layers = {"old": "keep", "old_layer": "  #! keep", "new_layer": "  #! unknown"}
    lost = {"old": "unknown", "old_layer": "", "new_layer": ""}
    return WRAPPER.format(keep=keep) + NETS.format(**(layers if is_followed else lost))


def test_each_call_of_a_wrapper_gives_layers_of_the_class_that_it_is_handed() -> None:
    plan = check(wrapped(is_followed=True))
    assert not any(file.norms for file in plan.files)
    handed, made = plan.sites[-2:]
    assert "is extended" in handed.reasons[0]
    assert "own class with its own arguments" in made.reasons[0]


@pytest.mark.parametrize(
    "keep",
    [
        "Layer = decorate(Layer)",
        "Layer = Layer if torch.cuda.is_available() else layer_class.__base__",
        "def Layer(*args): return layer_class(*args)",
        "layer_class = decorate(layer_class)",
    ],
)
def test_extended_class_that_is_lost_is_not_said_to_be_compared(keep: str) -> None:
    plan = plan_of(wrapped(is_followed=False, keep=keep))
    for site in plan.sites:
        assert site.verdict in ("unknown", "conflict", "keep")
        assert not any("compared" in reason for reason in site.reasons)


HEAD = """\
import torchvision
{binds}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = {made}
"""


@pytest.mark.parametrize(
    "binds",
    [
        "Norm = nn.BatchNorm2d  #! unknown\nclass Own(Norm):\n    pass",
        "Norm = nn.BatchNorm2d  #! unknown\nclass Own(Norm):\n"
        "    def __init__(self, c):\n        super().__init__(c, 1e-3)",
        "if torch.cuda.is_available():\n    Norm = nn.SyncBatchNorm  #! unknown\nelse:\n"
        "    Norm = nn.BatchNorm2d  #! unknown\nclass Own(Norm):\n    pass",
        "NORMS = {'bn': nn.BatchNorm2d}  #! unknown\nclass Own(NORMS['bn']):\n    pass",
        "Norm = getattr(nn, 'BatchNorm2d')  #! unknown\nclass Own(Norm):\n    pass",
    ],
)
def test_class_that_extends_a_variable_with_a_norm_class(binds: str) -> None:
    plan = check(HEAD.format(binds=binds, made="Own(8)  #! unknown"))
    assert not any(file.norms for file in plan.files)


@pytest.mark.parametrize(
    ("binds", "made"),
    [
        # It is a norm class for what it extends,
        ("class Own(nn.BatchNorm2d):\n    pass", "Own(8)  #! convert"),
        # or none.
        ("Base = nn.Module\nclass Own(Base):\n    pass", "Own()"),
        ("Base = nn.Conv2d\nclass Own(Base):\n    pass", "Own(8, 8, 3)"),
        ("NORMS = (nn.BatchNorm2d,)\ntest = isinstance(nn.ReLU(), NORMS)", "nn.ReLU()"),
        # Each call is handed something else.
        (
            "def extend(base):\n    class Own(base):\n        pass\n    return Own\n"
            "Norm = extend(nn.BatchNorm2d)  #! unknown\nConv = extend(nn.Conv2d)",
            "Conv(8, 8, 3)",
        ),
        # What holds a norm is none.
        (
            "class Own(nn.Module):\n    def __init__(self, norm=nn.BatchNorm2d):  #! convert\n"
            "        super().__init__()\n        self.norm = norm(8)  #! convert",
            "Own()",
        ),
    ],
)
def test_what_is_extended_is_no_norm_class_or_known_as_one(binds: str, made: str) -> None:
    check(HEAD.format(binds=binds, made=made))
