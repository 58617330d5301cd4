"""Norm layers in every spelling, in a model whose other half is plainly a backbone."""

from __future__ import annotations

import textwrap

import pytest

from bn2gn_codemod.settings import Settings
from tests.survey.verdicts import check, plan_of

MODEL = """\
import torchvision
from functools import partial
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.neck = Neck(8)
"""


def neck(body: str, before: str = "") -> str:
    """A model with a neck of this body, after some module-level lines."""
    made = "class Neck(nn.Module):\n    def __init__(self, c):\n        super().__init__()\n"
    return MODEL + textwrap.dedent(before) + made + textwrap.indent(textwrap.dedent(body), " " * 8)


@pytest.mark.parametrize(
    ("before", "body"),
    [
        ("", "self.bn = nn.BatchNorm2d(c)  #! convert\n"),
        ("", "self.bn = torch.nn.BatchNorm2d(c)  #! convert\n"),
        ("", "self.bn = torch.nn.modules.batchnorm.BatchNorm2d(c)  #! convert\n"),
        ("from torch.nn import BatchNorm2d\n", "self.bn = BatchNorm2d(c)  #! convert\n"),
        ("from torch.nn import BatchNorm2d as BN\n", "self.bn = BN(c)  #! convert\n"),
        ("from torch.nn import *\n", "self.bn = BatchNorm2d(c)  #! convert\n"),
        ("import torch as th\n", "self.bn = th.nn.BatchNorm2d(c)  #! convert\n"),
        ("from torch import nn as N\n", "self.bn = N.BatchNorm2d(c)  #! convert\n"),
        ("", "self.bn = nn.SyncBatchNorm(c)  #! convert\n"),
        ("from apex.parallel import SyncBatchNorm\n", "self.bn = SyncBatchNorm(c)  #! convert\n"),
        ("", "self.a, self.b = nn.BatchNorm2d(c), nn.BatchNorm2d(c)  #! convert, convert\n"),
        ("", "self.bns = nn.ModuleList([nn.BatchNorm2d(k) for k in [c, 2]])  #! convert\n"),
        ("", "self.seq = nn.Sequential(nn.Conv2d(c, c, 1), nn.BatchNorm2d(c))  #! convert\n"),
        ("", "self.seq = nn.Sequential(*[nn.BatchNorm2d(c), nn.ReLU()])  #! convert\n"),
        ("", "setattr(self, 'bn_%d' % c, nn.BatchNorm2d(c))  #! convert\n"),
        ("", "setattr(self, f'bn_{c}', nn.BatchNorm2d(c))  #! convert\n"),
        ("", "self.add_module('bn', nn.BatchNorm2d(c))  #! convert\n"),
        ("", "self._modules['bn'] = nn.BatchNorm2d(c)  #! convert\n"),
        ("", "self.bn = nn.BatchNorm2d(c) if c else None  #! convert\n"),
        ("", "self.bn = None or nn.BatchNorm2d(c)  #! convert\n"),
        ("", "(make := lambda k: nn.BatchNorm2d(k))  #! convert\nself.bn = make(c)\n"),
        ("", "self.bn = {'bn': nn.BatchNorm2d(c), 'none': None}['bn']  #! convert\n"),
        (
            "",
            """\
            layers = []
            layers.append(nn.Conv2d(c, c, 1))
            layers.append(nn.BatchNorm2d(c))  #! convert
            layers.extend([nn.BatchNorm2d(c), nn.ReLU()])  #! convert
            layers += [nn.BatchNorm2d(c)]  #! convert
            layers.insert(0, nn.BatchNorm2d(c))  #! convert
            self.seq = nn.Sequential(*layers)
            """,
        ),
        (
            "from collections import OrderedDict\n",
            """\
            self.seq = nn.Sequential(OrderedDict([
                ('conv', nn.Conv2d(c, c, 1)),
                ('bn', nn.BatchNorm2d(c)),  #! convert
            ]))
            """,
        ),
        (
            "",
            """\
            seq = nn.Sequential()
            seq.add_module('bn', nn.BatchNorm2d(c))  #! convert
            self.seq = seq
            """,
        ),
        (
            "",
            """\
            blocks = {}
            for i in range(c):
                blocks[str(i)] = nn.BatchNorm2d(c)  #! convert
            self.blocks = nn.ModuleDict(blocks)
            """,
        ),
        (
            "",
            """\
            if c > 4:
                self.bn = nn.BatchNorm2d(c)  #! convert
            else:
                self.bn = nn.Identity()
            """,
        ),
        (
            "",
            """\
            try:
                self.bn = nn.BatchNorm2d(c)  #! convert
            except RuntimeError:
                self.bn = None
            """,
        ),
        (
            "",
            """\
            def made(k):
                return nn.BatchNorm2d(k)  #! convert
            self.bn = made(c)
            """,
        ),
        (
            "def conv_bn(c):\n    return nn.Sequential(nn.ReLU(), nn.BatchNorm2d(c))  #! convert\n",
            "self.seq = conv_bn(c)\n",
        ),
        (
            "",
            """\
            class Inner(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.bn = nn.BatchNorm2d(c)  #! convert
            self.inner = Inner()
            """,
        ),
        (
            """\
            class Base(nn.Module):
                def __init__(self, c):
                    super().__init__()
                    self.bn = nn.BatchNorm2d(c)  #! convert
            class Sub(Base):
                def __init__(self, c):
                    super(Sub, self).__init__(c)
            """,
            "self.sub = Sub(c)\n",
        ),
        (
            """\
            class ConvBN(nn.Sequential):
                def __init__(self, c):
                    super().__init__(
                        nn.Conv2d(c, c, 1),
                        nn.BatchNorm2d(c),  #! convert
                    )
            """,
            "self.seq = ConvBN(c)\n",
        ),
        (
            """\
            class ConvBN(nn.Sequential):
                def __init__(self, c):
                    nn.Sequential.__init__(self, nn.BatchNorm2d(c))  #! convert
            """,
            "self.seq = ConvBN(c)\n",
        ),
    ],
)
def test_layer_made_in_a_new_part(before: str, body: str) -> None:
    check(neck(body, before))


@pytest.mark.parametrize(
    ("before", "body"),
    [
        ("", "self.bn = getattr(nn, 'BatchNorm2d')(c)  #! convert\n"),
        ("", "self.bn = getattr(nn, 'BatchNorm2d')(c).to('cpu')  #! convert\n"),
        ("", "norm = getattr(nn, 'BatchNorm2d')  #! keep\nself.bn = norm(c)  #! convert\n"),
        ("", "self.bn = nn.__dict__['BatchNorm2d'](c)  #! convert\n"),
        ("", "self.bn = vars(nn)['BatchNorm2d'](c)  #! convert\n"),
        ("", "self.bn = eval('nn.BatchNorm2d')(c)  #! convert\n"),
        (
            "def make(c, kind):\n    return getattr(nn, kind)(c)  #! convert\n",
            "self.bn = make(c, 'BatchNorm2d')\n",
        ),
        ("", "self.bn = getattr(nn, 'BatchNorm%dd' % 2)(c)  #! unknown\n"),
        ("", "self.bn = getattr(nn, f'BatchNorm{c}d')(c)  #! unknown\n"),
        ("", "self.bn = __import__('torch').nn.BatchNorm2d(c)  #! unknown\n"),
        ("", "self.bn = nn.LazyBatchNorm2d()  #! convert\n"),
    ],
)
def test_norm_class_named_by_a_string_or_without_channels(before: str, body: str) -> None:
    plan = check(neck(body, before))
    by_hand = "make(" in before or "Lazy" in body or "unknown" in body
    assert bool([edit for file in plan.files for edit in file.norms]) is not by_hand


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("self.bn = getattr(nn, c.norm)(8)", "unknown"),
        ("norm = getattr(torch.nn, c['norm_type'])", "unknown"),
        ("norm_layer = 'InstanceNorm2d'\nself.bn = getattr(nn, norm_layer)(c)", ""),
        ("self.act = getattr(nn, c.activation)()", ""),
        ("self.norm = getattr(c, 'norm')", ""),
        ("self.norm = getattr(nn.functional, c.norm)", ""),
    ],
)
def test_norm_class_named_by_a_string_that_is_not_in_the_code(body: str, verdict: str) -> None:
    plan = plan_of(neck(body + "\n"))
    assert [str(site.verdict) for site in plan.sites] == verdict.split()
    assert all(site.settles == ("# bn2gn: keep   on this line",) for site in plan.sites)


@pytest.mark.parametrize(
    ("before", "body"),
    [
        ("", "if (norm := nn.BatchNorm2d):  #! convert\n    self.bn = norm(c)  #! convert\n"),
        ("", "if (bn := nn.BatchNorm2d(c)):  #! convert\n    self.bn = bn\n"),
        ("", "self.bn = [bn for k in [c] if (bn := nn.BatchNorm2d(k))][0]  #! convert\n"),
        (
            """\
            def pick(kind):
                match kind:
                    case 'bn' | 'batch':
                        return nn.BatchNorm2d  #! convert
                    case {'type': found, **rest} if rest:
                        return found
                    case [found, *others]:
                        return found
            """,
            """\
            self.a = pick('bn')(c)  #! convert
            self.b = pick({'type': nn.SyncBatchNorm})(c)  #! convert
            self.d = pick((nn.BatchNorm2d, 3))(c)  #! convert
            """,
        ),
        (
            """\
            def outer(c):
                norm = None
                def inner():
                    nonlocal norm
                    norm = nn.BatchNorm2d  #! convert
                inner()
                return norm(c)  #! convert
            """,
            "self.bn = outer(c)\n",
        ),
        (
            """\
            def inner(c):
                yield nn.BatchNorm2d(c)  #! convert
            def layers(c):
                yield from inner(c)
                yield nn.ReLU()
            """,
            "self.bn = nn.Sequential(*layers(c))\n",
        ),
        (
            "async def make(c):\n    return nn.BatchNorm2d(c)  #! convert\n",
            "import asyncio\nself.bn = asyncio.run(make(c))\n",
        ),
        (
            """\
            import typing
            T = typing.TypeVar('T')
            class Block(nn.Module, typing.Generic[T]):
                def __init__(self, c):
                    super().__init__()
                    self.bn = nn.BatchNorm2d(c)  #! convert
            """,
            "self.bn = Block[int](c)\n",
        ),
    ],
)
def test_syntax_of_later_pythons(before: str, body: str) -> None:
    check(neck(body, before))


def calls(text: str) -> list[str]:
    """What is replaced: the line's code of each edit, and whether it is a call."""
    return [
        f"{edit.kind} {listed_line(text, edit.place.line).split('#!')[0].strip()}"
        for file in plan_of(text).files
        for edit in file.norms
    ]


@pytest.mark.parametrize(
    "read", ["self.NORM", "type(self).NORM", "self.__class__.NORM", "Block.NORM"]
)
@pytest.mark.parametrize(
    "kept",
    [
        "NORM = nn.BatchNorm2d  #! keep",
        "NORM: type = nn.BatchNorm2d  #! keep",
        "NORM, ACT = nn.BatchNorm2d, nn.ReLU  #! keep",
        "NORM = nn.BatchNorm2d if torch else nn.SyncBatchNorm  #! keep, keep",
    ],
)
def test_norm_class_in_a_class_attribute_is_changed_where_it_is_called(
    read: str, kept: str
) -> None:
    """A function in the attribute would be bound to the instance, which is no channel count."""
    text = neck(
        "self.block = Block(c)\n",
        f"""\
        class Block(nn.Module):
            {kept}
            def __init__(self, c):
                super().__init__()
                self.bn = {read}(c)  #! convert
        """,
    )
    check(text)
    assert calls(text) == [f"call self.bn = {read}(c)"]


@pytest.mark.parametrize(
    ("before", "body"),
    [
        (  # set from outside, and overridden
            """\
            class Base(nn.Module):
                def __init__(self, c):
                    super().__init__()
                    self.bn = self.NORM(c)  #! convert
            class Block(Base):
                NORM = nn.BatchNorm2d  #! keep
            class Other(Base):
                pass
            Other.NORM = nn.SyncBatchNorm  #! keep
            """,
            "self.a, self.b = Block(c), Other(c)\n",
        ),
        (  # by way of a variable
            """\
            BN = nn.BatchNorm2d  #! keep
            class Block(nn.Module):
                NORM = BN
                def __init__(self, c):
                    super().__init__()
                    self.bn = self.NORM(c)  #! convert
            """,
            "self.a = Block(c)\n",
        ),
        (  # partial() is not bound, nor is what a dict holds
            """\
            class Block(nn.Module):
                NORM = partial(nn.BatchNorm2d, eps=1e-3)  #! convert
                NORMS = {'bn': nn.BatchNorm2d}  #! convert
                def __init__(self, c):
                    super().__init__()
                    self.a = self.NORM(c)  #! convert
                    self.b = self.NORMS['bn'](c)
            """,
            "self.a = Block(c)\n",
        ),
        (  # a member of an Enum
            """\
            import enum
            class Norm(enum.Enum):
                BN = nn.BatchNorm2d  #! keep
                SYNC = nn.SyncBatchNorm  #! keep
            """,
            """\
            self.a = Norm.BN.value(c)  #! convert
            self.b = Norm['SYNC'].value(c)  #! convert
            """,
        ),
        (  # a field of a data class
            """\
            import dataclasses
            @dataclasses.dataclass
            class Options:
                norm: type = nn.BatchNorm2d  #! keep
                made: type = dataclasses.field(default_factory=lambda: nn.BatchNorm2d)  #! keep
            """,
            """\
            options = Options()
            self.a = options.norm(c)  #! convert
            self.b = options.made(c)  #! convert
            """,
        ),
    ],
)
def test_norm_class_in_an_attribute_of_a_class(before: str, body: str) -> None:
    check(neck(body, before))


@pytest.mark.parametrize(
    ("before", "body"),
    [
        (
            "BatchNorm = nn.BatchNorm2d  #! convert\n",
            "self.a = BatchNorm(c)  #! convert\nself.b = BatchNorm(c)  #! convert\n",
        ),
        ("", "norm_layer = nn.BatchNorm2d  #! convert\nself.bn = norm_layer(c)  #! convert\n"),
        ("", "self.bn = {'bn': nn.BatchNorm2d}['bn'](c)  #! convert\n"),
        (
            "",
            """\
            norm = partial(nn.BatchNorm2d, eps=1e-3)  #! convert
            self.bn = norm(c)  #! convert
            """,
        ),
        (
            "def block(c, norm=nn.BatchNorm2d):  #! convert\n    return norm(c)  #! convert\n",
            "self.bn = block(c)\n",
        ),
        (
            "def block(c, norm=None):\n    return (norm or nn.BatchNorm2d)(c)  #! convert\n",
            "self.bn = block(c)\n",
        ),
        ("", "self.bn = (nn.BatchNorm2d if c else nn.SyncBatchNorm)(c)  #! convert, convert\n"),
        ("", "self.bn = getattr(self, 'norm', nn.BatchNorm2d)(c)  #! convert, convert\n"),
        (
            "def block(c, norm):\n    return norm(c)  #! convert\n",
            "self.bn = block(**{'c': c, **{'norm': nn.BatchNorm2d}})  #! convert\n",
        ),
        (
            """\
            def get_norm(norm, c):
                if isinstance(norm, str):
                    norm = {
                        'BN': nn.BatchNorm2d,  #! convert
                        'GN': lambda channels: nn.GroupNorm(32, channels),
                    }[norm]
                return norm(c)  #! convert
            """,
            "self.bn = get_norm('BN', c)\n",
        ),
        (
            "def block(c, norm_layer):\n    return norm_layer(c)  #! convert\n",
            "self.bn = block(c, nn.BatchNorm2d)  #! convert\n",
        ),
        (
            "def block(c, *, norm_layer):\n    return norm_layer(c)  #! convert\n",
            "self.bn = block(c, norm_layer=nn.BatchNorm2d)  #! convert\n",
        ),
    ],
)
def test_norm_class_by_another_name(before: str, body: str) -> None:
    check(neck(body, before))


@pytest.mark.parametrize(
    "body",
    [
        "# self.bn = nn.BatchNorm2d(c)\nself.x = c\n",
        "'''self.bn = nn.BatchNorm2d(c)'''\nself.x = c\n",
        "self.x = 'nn.BatchNorm2d(c)'\n",
        "self.x = isinstance(c, nn.BatchNorm2d)\n",
        "self.x = isinstance(c, (nn.BatchNorm2d, nn.GroupNorm))\n",
        "self.x = type(c) is nn.BatchNorm2d\n",
        "self.x = type(c) in (nn.BatchNorm2d, nn.SyncBatchNorm)\n",
        "self.x = c.__class__.__name__.find('BatchNorm') != -1\n",
        "self.gn = nn.GroupNorm(2, c)\n",
        "self.x: nn.BatchNorm2d = c\n",
        "for m in self.modules():\n    if isinstance(m, nn.BatchNorm2d):\n        m.eval()\n",
        "self.x = nn.functional.batch_norm(c, None, None)\n",
        "self.x = nn.SyncBatchNorm.convert_sync_batchnorm(self)\n",
        "self.x = issubclass(c, nn.BatchNorm2d)\n",
    ],
)
def test_no_site(body: str) -> None:
    check(neck(body))


@pytest.mark.parametrize(
    ("norm", "asked"),
    [
        ("BatchNorm1d", "BatchNorm1d"),
        ("BatchNorm3d", "BatchNorm3d"),
        ("SynchronizedBatchNorm3d", "BatchNorm3d"),
    ],
)
def test_other_dimensions_are_reported_and_converted_when_asked_for(norm: str, asked: str) -> None:
    text = neck(f"self.bn = nn.{norm}(c)  #! unknown\n")
    site = check(text).sites[0]
    assert site.settles[0] == f'norms = ["BatchNorm2d", "{asked}"]'
    assert asked in site.reasons[0]
    check(text.replace("unknown", "convert"), Settings(norms=("BatchNorm2d", asked)))


def test_in_house_subclass_counts_by_its_dimension() -> None:
    check(
        neck(
            """\
            self.a = SynchronizedBatchNorm2d(c)  #! convert
            self.b = MyNorm(c)  #! convert
            self.c = SynchronizedBatchNorm1d(c)  #! unknown
            """,
            """\
            from torch.nn.modules.batchnorm import _BatchNorm
            class _SynchronizedBatchNorm(_BatchNorm):
                pass
            class SynchronizedBatchNorm2d(_SynchronizedBatchNorm):
                pass
            class SynchronizedBatchNorm1d(_SynchronizedBatchNorm):
                pass
            class MyNorm(nn.BatchNorm2d):
                pass
            """,
        )
    )


@pytest.mark.parametrize(
    ("before", "body"),
    [
        (
            """\
            from collections import defaultdict
            NORMS = defaultdict(lambda: nn.BatchNorm2d)  #! unknown
            """,
            "self.bn = NORMS['bn'](c)\n",
        ),
        (
            """\
            from registry import register
            @register('bn')
            def norm():
                return nn.BatchNorm2d  #! unknown
            """,
            "self.bn = c\n",
        ),
    ],
)
def test_norm_class_that_other_packages_get_from_a_function(before: str, body: str) -> None:
    check(neck(body, before))


def test_norm_class_of_a_package_that_is_not_there() -> None:
    check(
        neck(
            "self.bn = BatchNorm2d(c)  #! convert\n",
            """\
            from sync_batchnorm import SynchronizedBatchNorm2d
            BatchNorm2d = SynchronizedBatchNorm2d  #! convert
            """,
        )
    )


def test_norm_classes_in_a_list_that_is_only_compared_with() -> None:
    plan = check(
        neck(
            """\
            self.bn = nn.BatchNorm2d(c)  #! convert
            for m in self.modules():
                for kind in [nn.BatchNorm2d, nn.InstanceNorm2d]:  #! keep
                    if isinstance(m, kind):
                        m.eval()
            """
        )
    )
    assert plan.sites[1].reasons == ("it is compared with, no layer is made of it",)
    assert plan.sites[1].settles == ()


def test_name_that_may_be_something_else_is_not_replaced() -> None:
    text = neck(
        "self.block = Block(c)\n",
        """\
        class Block(nn.Module):
            def __init__(self, c, norm_layer=nn.Identity):
                super().__init__()
                if norm_layer is None:
                    norm_layer = nn.BatchNorm2d  #! convert
                assert norm_layer != 3
                self.bn = norm_layer(c)  #! convert
        """,
    )
    plan = plan_of(text)
    replaced = {edit.place.line for file in plan.files for edit in file.norms}
    text_lines = {
        site.place.line
        for site in plan.sites
        if "norm_layer(c)" in listed_line(text, site.place.line)
    }
    assert not replaced & text_lines


def listed_line(text: str, line: int) -> str:
    return ("\n\n" + textwrap.dedent(text)).splitlines()[line - 1]


PARTS = """\
-- deeplab.py --
from aspp import build_aspp
from resnet import ResNet101
class DeepLab(nn.Module):
    def __init__(self, sync_bn):
        super().__init__()
        BatchNorm = nn.BatchNorm2d  #! keep
        self.backbone = ResNet101(BatchNorm)
        self.aspp = build_aspp('resnet', 16, BatchNorm)  #! convert
-- aspp.py --
class ASPP(nn.Module):
    def __init__(self, BatchNorm):
        super().__init__()
        self.bn = BatchNorm(256)  #! convert
def build_aspp(backbone, output_stride, BatchNorm):
    return ASPP(BatchNorm)
-- resnet.py --
import torch.utils.model_zoo as model_zoo
class ResNet(nn.Module):
    def __init__(self, BatchNorm):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7)
        self.bn1 = BatchNorm(64)  #! keep
        self.load_state_dict(model_zoo.load_url('https://download.pytorch.org/models/resnet101.pth'))
def ResNet101(BatchNorm):
    return ResNet(BatchNorm)
"""


def test_class_handed_to_both_sides_is_changed_where_it_is_handed_on() -> None:
    plan = check(PARTS)
    edits = [(edit.place.path, edit.kind) for file in plan.files for edit in file.norms]
    assert edits == [("deeplab.py", "reference")]


@pytest.mark.parametrize(
    "use",
    [
        "self.bn = BatchNorm(256, momentum=0.1)",
        "self.bn = BatchNorm(256, 1e-3)",
        "self.bn = BatchNorm(256, **options)",
        "self.bn = BatchNorm(num_features=256)",
        "self.bn = BatchNorm(256); assert BatchNorm is nn.SyncBatchNorm",
    ],
)
def test_argument_is_left_where_a_use_below_would_break(use: str) -> None:
    plan = plan_of(PARTS.replace("self.bn = BatchNorm(256)", use))
    assert not [edit for file in plan.files for edit in file.norms if edit.kind == "reference"]
    assert not any(site.fixable for site in plan.sites if "deeplab" in site.place.path)


EVALUATED = """\
import torchvision.models as tm
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! {resnet}
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! {resnet}
class Pose(nn.Module):
    def __init__(self, depth):
        super().__init__()
        self.preact = ResNet()
        x = eval({text})
        own = self.preact.state_dict()
        own.update({{k: v for k, v in x.state_dict().items() if k in own}})
        self.preact.load_state_dict(own)
        self.duc = nn.Sequential(nn.BatchNorm2d(8))  #! {duc}
Pose(18)
"""


@pytest.mark.parametrize(
    ("text", "resnet", "duc"),
    [
        ("f'tm.resnet{depth}(pretrained=True)'", "keep", "convert"),
        ("'tm.resnet' + str(depth) + '(pretrained=True)'", "keep", "convert"),
        ("'tm.resnet18(True)'", "keep", "convert"),
        ("f'other.net{depth}(pretrained=True)'", "unknown", "unknown"),
        ("f'{depth}(pretrained=True)'", "unknown", "unknown"),
        ("'depth + (3)'", "unknown", "unknown"),
    ],
)
def test_call_in_a_text_that_is_evaluated(text: str, resnet: str, duc: str) -> None:
    check(EVALUATED.format(text=text, resnet=resnet, duc=duc))


def test_class_of_the_repository_that_is_called_in_a_text() -> None:
    check(
        """\
import torchvision
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = eval('Head()')
"""
    )


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("def conv_bn(c):\n    return nn.BatchNorm2d(c)\n", "conv_bn()"),
        ("def conv_bn(c, norm=nn.BatchNorm2d):\n    return norm(c)\n", "conv_bn()"),
        ("def outer():\n    def inner(c):\n        return nn.BatchNorm2d(c)\n", "outer.inner()"),
        ("NORMS = {\n    'bn': nn.BatchNorm2d,\n}\n", "NORMS"),
        ("if torch:\n    layer: nn.Module = nn.BatchNorm2d(8)\n", "layer"),
        ("nn.BatchNorm2d(8)\n", ""),
        ("class Net(nn.Module):\n    norm = nn.BatchNorm2d\n", ""),
    ],
)
def test_line_outside_of_classes_is_named_by_what_it_stands_in(text: str, scope: str) -> None:
    assert {site.scope for site in plan_of(text).sites} == {scope}
