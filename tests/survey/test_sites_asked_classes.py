"""Variables that hold a norm class where only a class will do: bases, keys, ``isinstance``."""

from __future__ import annotations

import pytest

from bn2gn_codemod.plan import Plan
from tests.survey.verdicts import check, plan_of

MODEL = """\
import abc, functools, torchvision
from typing import Union
{norm}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), NORM(8))  #! convert
    def norms(self):
        return [m for m in self.modules() if {test}]
"""
NORM = "NORM = nn.BatchNorm2d  #! keep\n"


def edited(plan: Plan) -> list[int]:
    """Lines of the norm edits of a plan."""
    return [edit.place.line for file in plan.files for edit in file.norms]


@pytest.mark.parametrize(
    ("norm", "test"),
    [
        (NORM + "NORMS = (NORM, nn.InstanceNorm2d)", "isinstance(m, NORMS)"),
        (NORM + "NORMS = (nn.ReLU, (nn.ELU, NORM))", "isinstance(m, NORMS)"),
        (NORM + "NORMS = [NORM, nn.InstanceNorm2d]", "isinstance(m, tuple(NORMS))"),
        (NORM + "NORMS = {'bn': NORM}", "isinstance(m, tuple(NORMS.values()))"),
        (NORM + "NORMS = {'bn': NORM}", "isinstance(m, NORMS['bn'])"),
        (NORM + "NORMS = {'bn': NORM}", "type(m) is NORMS.get('bn')"),
        (NORM + "def norms(): return NORM", "isinstance(m, norms())"),
        (NORM + "def norms(): return NORM", "norms() is nn.BatchNorm2d"),
        (NORM + "def norms(): return NORM", "norms().__name__ == m._get_name()"),
        (NORM + "NORMS = [NORM]", "issubclass(list(NORMS)[0], nn.Module)"),
        (NORM + "NORMS = [NORM]", "isinstance(NORMS[0], type)"),
        (NORM + "assert type(NORM) is type", "m"),
        (NORM, "'BatchNorm2d' in str(NORM)"),
        (NORM, "f'{NORM}' == f'{type(m)}'"),
        (NORM, "getattr(NORM, '__name__') == m._get_name()"),
        (NORM + "class Own(NORM): pass", "m"),
        (NORM + "NORMS = {'bn': NORM}\nclass Own(NORMS['bn']): pass", "m"),
        (NORM + "def norm(): return NORM\nclass Own(norm()): pass", "m"),
        (NORM + "Own = type('Own', (NORM,), {})", "m"),
        (NORM + "def f(norm: NORM | None): pass", "m"),
        (NORM + "class Own:\n    norm: 'int' | NORM = None", "m"),
        (NORM + "Norms = NORM | nn.GroupNorm", "m"),
        (NORM + "@f.register\ndef g(norm: NORM): pass", "m"),
        (NORM + "@functools.singledispatch\ndef f(m): pass\nf.register(NORM, print)", "m"),
        (NORM + "class Kind(abc.ABC): pass\nKind.register(NORM)", "m"),
        (NORM + "Norms = Union[NORM, nn.GroupNorm]", "m"),
        (NORM + "names = sorted([NORM], key=lambda norm: norm.__name__)", "m"),
        (NORM + "EPS = {norm: 1 for norm in [NORM]}", "m"),
        (NORM + "EPS = {NORM: 1}", "m"),
        (NORM + "EPS = {}\nEPS[NORM] = 1", "m"),
        (NORM + "EPS = {}\nEPS.setdefault(NORM, 1)", "m"),
        (NORM + "EPS = {nn.BatchNorm2d: 1}\neps = EPS[NORM]", "m"),
        (NORM + "EPS = {nn.BatchNorm2d: 1}\neps = EPS.get(NORM)", "m"),
        (NORM + "first = [nn.BatchNorm2d].index(NORM)", "m"),
        (NORM + "match net:\n    case NORM(): pass", "m"),
        (NORM + "match NORM:\n    case nn.BatchNorm2d: pass", "m"),
    ],
)  # fmt: skip
def test_the_name_stays_a_class_and_the_new_layer_is_changed(norm: str, test: str) -> None:
    check(MODEL.format(norm=norm, test=test))


@pytest.mark.parametrize(
    "norm",
    [
        "BatchNorm2d = nn.BatchNorm2d\nclass Own(BatchNorm2d): pass\nNORM = BatchNorm2d",
        "NORMS = [nn.BatchNorm2d]\nNORM = NORMS[0]\nisinstance(net, tuple(NORMS))",
        "NORMS = {'bn': nn.BatchNorm2d}\nNORM = NORMS['bn']\nisinstance(net, NORMS.get('bn'))",
        "def norms(): return nn.BatchNorm2d\nNORM = norms()\nissubclass(norms(), nn.Module)",
        "def has(m, **kinds): return isinstance(m, tuple(kinds.values()))\n"
        "NORM = nn.BatchNorm2d\nhas(net, norm=NORM)",
    ],
)
def test_where_the_class_comes_from_stays_as_well(norm: str) -> None:
    text = MODEL.format(norm=norm, test="m")
    lines = [number for number, line in enumerate(text.splitlines(), 3) if "NORM(8)" in line]
    assert edited(plan_of(text)) in ([], lines)


@pytest.mark.parametrize(
    "test",
    [
        "isinstance(m, nn.ReLU)",
        "isinstance(m, (nn.ReLU, nn.ELU))",
        "isinstance(m, tuple([nn.ReLU]))",
        "isinstance(m, KINDS['act'])",
        "type(m) is KINDS.get('act')",
        "m in set(self.children())",
        "f'{m}' == str(m)",
        "getattr(m, 'bias') is None",
        "m.weight.__class__",
        "KINDS[type(m)]",
    ],
)
def test_other_classes_ask_nothing_of_it(test: str) -> None:
    norm = "NORM = nn.BatchNorm2d  #! convert\nKINDS = {'act': nn.ReLU, nn.ELU: 1}"
    check(MODEL.format(norm=norm, test=test))


@pytest.mark.parametrize(
    "norm",
    [
        "NORM = nn.BatchNorm2d  #! convert\nclass Own(nn.BatchNorm2d): pass",
        "NORM = nn.BatchNorm2d  #! convert\nEPS = {nn.BatchNorm2d: 1}\nEPS[nn.BatchNorm2d]",
        "NORM = nn.BatchNorm2d  #! convert\nKINDS = nn.BatchNorm2d | nn.GroupNorm",
        "NORM = nn.BatchNorm2d  #! convert\ndef f(norm: nn.BatchNorm2d | None, c: NORM): pass",
        "NORM = nn.BatchNorm2d  #! convert\nOwn = type('Own', (nn.BatchNorm2d,), {})  #! unknown",
        "NORM = nn.BatchNorm2d  #! convert\nif NORM is not None and callable(NORM): pass",
        "NORM = nn.BatchNorm2d  #! convert\nkind = type(net) == NotImplemented",
        "NORM = nn.BatchNorm2d  #! convert\nprint(f'made of {NORM}')",
    ],
)
def test_class_itself_may_stand_anywhere(norm: str) -> None:
    check(MODEL.format(norm=norm, test="m"))


def test_name_that_is_looked_up_and_given_to_the_same_variable_is_no_key() -> None:
    check(
        MODEL.format(norm="NORM = pick('bn')", test="m")
        + """\
def pick(norm):
    if isinstance(norm, str):
        norm = {"bn": nn.BatchNorm2d, "relu": nn.BatchNorm2d}[norm]  #! convert, convert
    return norm
"""
    )


@pytest.mark.parametrize(
    ("test", "line"),
    [
        ("isinstance(self.head, self.norm)", 9),
        ("type(self.head) is self.norm", 9),
        ("self.norm.__name__", 9),
        ("isinstance(self.head, (nn.ReLU, self.norm))", 9),
        ("self.kind is self.norm", 9),
        ("self.norm is None or isinstance(self.norm, str)", 8),
        ("isinstance(self.head, nn.ReLU)", 8),
        ("self.head.__class__.__name__", 8),
    ],
)
def test_forward_pass_may_ask_for_a_class(test: str, line: int) -> None:
    plan = plan_of(
        f"""\
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.norm = nn.BatchNorm2d
        self.head = self.norm(8)
    def forward(self, x):
        return {test}
"""
    )
    assert edited(plan) == [line]


LIBRARY = """\
import functools, torchvision
from torchvision.models.resnet import BasicBlock
NORM = nn.BatchNorm2d  #! keep
{encoder}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = {made}
        self.backbone.load_state_dict(torch.load("imagenet.pth"))
        self.head = NORM(8)  #! convert
"""
RESNET = "class Encoder(torchvision.models.ResNet):\n    def __init__(self, **kwargs):\n        "


@pytest.mark.parametrize(
    ("encoder", "made"),
    [
        (RESNET + "super().__init__(BasicBlock, [2, 2, 2, 2], norm_layer=NORM)", "Encoder()"),
        (RESNET + "super().__init__(BasicBlock, [2, 2], **dict(norm_layer=NORM))", "Encoder()"),
        (RESNET + "super().__init__(BasicBlock, [2, 2], **kwargs)", "Encoder(norm_layer=NORM)"),
        (RESNET + "torchvision.models.ResNet.__init__(self, BasicBlock, [2], norm_layer=NORM)",
         "Encoder()"),
        ("class Encoder(torchvision.models.ResNet): pass",
         "Encoder(BasicBlock, [2, 2], norm_layer=NORM)"),
        ("def encoder(**kwargs): return torchvision.models.resnet18(**kwargs)",
         "encoder(norm_layer=NORM)"),
        ("encoder = functools.partial(torchvision.models.resnet18, norm_layer=NORM)", "encoder()"),
        ("torch.nn.BatchNorm2d = NORM", "torchvision.models.resnet18()"),
    ],
)  # fmt: skip
def test_norm_class_in_the_hands_of_a_library_stays(encoder: str, made: str) -> None:
    plan = plan_of(LIBRARY.format(encoder=encoder, made=made))
    text = LIBRARY.format(encoder=encoder, made=made)
    [line] = [number for number, line in enumerate(text.splitlines(), 3) if "NORM(8)" in line]
    assert edited(plan) == [line]


@pytest.mark.parametrize(
    "encoder",
    [
        "class Config(dict): pass\nCONFIG = Config(norm_layer=NORM)",
        "class Part(nn.Module):\n    def __init__(self, norm_layer):\n"
        "        super().__init__()\nPart(NORM)",
        "def part(**kwargs): return kwargs\npart(norm_layer=NORM)",
        "part = functools.partial(Net, NORM)",
    ],
)
def test_the_repository_itself_may_have_it(encoder: str) -> None:
    text = LIBRARY.replace("#! keep", "#! convert")
    check(text.format(encoder=encoder, made="torchvision.models.resnet18()"))


_KINDS = """\
KINDS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm)
def is_norm(m):
    return {test}
-- net.py --
import torchvision
{more}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = nn.BatchNorm2d(8)  #! convert
"""


@pytest.mark.parametrize(
    ("test", "more"),
    [
        ("isinstance(m, KINDS)", "pass"),
        ("type(m) in KINDS and not issubclass(type(m), KINDS)", "pass"),
        ("isinstance(m, KINDS)", "from kinds import KINDS\nprint(isinstance(nn.ReLU(), KINDS))"),
        ("isinstance(m, KINDS)", "import kinds\nprint(isinstance(nn.ReLU(), kinds.KINDS))"),
    ],
)
def test_tuple_for_tests_alone_names_no_layers(test: str, more: str) -> None:
    check("-- kinds.py --\n" + _KINDS.format(test=test, more=more))


@pytest.mark.parametrize(
    ("test", "more"),
    [
        # Others may make a layer of it, or nothing is seen to ask about it.
        ("isinstance(m, KINDS) and print(KINDS)", "pass"),
        ("isinstance(m, KINDS)", "from kinds import KINDS\nprint(KINDS)"),
        ("isinstance(m, KINDS)", "from kinds import KINDS as NORMS\nprint(NORMS)"),
        ("isinstance(m, KINDS)", "import kinds\nprint(kinds.KINDS)"),
        ("isinstance(m, KINDS)", "import kinds\nprint(getattr(kinds, 'KINDS'))"),
        ("m", "pass"),
    ],
)
def test_tuple_that_more_is_done_with(test: str, more: str) -> None:
    plan = plan_of("-- kinds.py --\n" + _KINDS.format(test=test, more=more))
    assert [site.norm for site in plan.sites if site.place.path == "kinds.py"] == [
        "BatchNorm1d",
        "BatchNorm2d",
    ]


def test_tuple_of_a_function_for_its_tests() -> None:
    check(
        """\
        def groups(model):
            kinds = nn.modules.batchnorm
            kinds = (kinds.BatchNorm2d, kinds.SyncBatchNorm)
            return [m for m in model.modules() if isinstance(m, kinds)]
        """
    )
