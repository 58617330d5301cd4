"""What the code of a backbone names is never taken for new, however it gets into the backbone."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, only, plan_of

REPOSITORY = """\
import functools, operator
from collections import namedtuple
from dataclasses import dataclass
class Block(nn.Module):
    def __init__(self, c=8):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)
{helper}
class Encoder(nn.Module):
    def __init__(self, kind='a'):
        super().__init__()
{body}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = Block(8)
        self.backbone = Encoder()
        self.backbone.load_state_dict(torch.load('imagenet.pth'))
"""


def repository(helper: str, body: str) -> str:
    body = textwrap.indent(body, " " * 8)
    return REPOSITORY.format(helper=textwrap.dedent(helper), body=body)


@pytest.mark.parametrize(
    ("helper", "body"),
    [
        ("MAKE = {'a': lambda c: Block(c)}", "self.l = MAKE.get(kind)(8)"),
        ("MAKE = {'a': lambda c: Block(c)}",
         "for name, make in MAKE.items(): self.add_module(name, make(8))"),
        ("TABLE = {'a': Block}\ndef pick(b):\n    return TABLE[b] if isinstance(b, str) else b",
         "self.l = pick(kind)(8)"),
        ("", "self.l = nn.Sequential(*map(Block, [8, 8]))"),
        ("class Base(nn.Module):\n    pass", "self.l = nn.Sequential(*map(Block, [8, 8]))"),
        ("", "self.l = nn.Sequential(*sum([[Block(8)] for _ in range(2)], []))"),
        ("SPECS = (('x', Block), ('y', Block))", "for n, b in SPECS: self.add_module(n, b(8))"),
        ("SPECS = {'a': (Block, 8)}", "for n, (b, c) in SPECS.items(): self.add_module(n, b(c))"),
        ("def make(**kw):\n    kw.setdefault('block', Block)\n    return build(**kw)\n"
         "def build(block):\n    return block(8)", "self.l = make()"),
        ("CONFIG = {'a': {'block': Block}}\ndef build(block):\n    return block(8)",
         "self.l = build(**CONFIG[kind])"),
        ("def make(block, c):\n    return block(c)", "self.l = functools.partial(make, Block)(8)"),
        ("", "self.l = functools.reduce(lambda a, b: b(8), [None, Block])"),
        ("class Specs:\n    def __iter__(self):\n        yield Block",
         "self.l = nn.Sequential(*[b(8) for b in Specs()])"),
        ("def bind(f):\n    def inner(c):\n        return nn.Sequential(f(c), Block(c))\n"
         "    return inner\n@bind\ndef make(c):\n    return nn.ReLU()", "self.l = make(8)"),
        ("def add(m):\n    if isinstance(m, nn.Sequential): m.add_module('x', Block(8))",
         "self.l = nn.Sequential()\nself.apply(add)"),
        ("Spec = namedtuple('Spec', 'block n')\nSPECS = [Spec(Block, 2)]",
         "self.l = SPECS[0].block(8)"),
        ("class Parent(nn.Module):\n    def make(self, block):\n        return block(8)\n"
         "    def fill(self):\n        self.l = self.make(Block)\nBase = Parent if 1 else Parent",
         "self.l = Base.make(self, Block)"),
        ("def build(b=Block):\n    return b(8)", "self.l = getattr(self, '_make_' + kind)(build)"),
        ("", "exec('self.l = Block(8)')"),
        ("import sys", "self.l = getattr(sys.modules[__name__], kind)(8)"),
        ("import importlib", "self.l = importlib.import_module('net').Block(8)"),
        ("", "self.l = globals().get(kind)(8)"),
        ("class Registry(dict):\n    def make(self, k, *a):\n        return self[k](*a)\n"
         "REG = Registry()\nREG['a'] = Block", "self.l = REG.make(kind, 8)"),
        ("@dataclass\nclass Spec:\n    block: type\n    n: int = 1\nSPEC = Spec(Block)",
         "self.l = SPEC.block(8)"),
    ],
)  # fmt: skip
def test_however_it_gets_there(helper: str, body: str) -> None:
    """Each program puts a Block into the backbone; what the flow does not see is said."""
    text = repository(helper, body)
    if "class Base" in helper:  # of both the block and the backbone
        text = text.replace("class Encoder(nn.Module)", "class Encoder(Base)")
        text = text.replace("class Block(nn.Module)", f"{helper}\nclass Block(Base)")
    plan = plan_of(text)
    [site] = [site for site in plan.sites if site.class_ == "Block"]
    assert site.verdict in ("unknown", "conflict"), site.reasons


def test_the_reason_names_the_backbone_and_the_place() -> None:
    text = repository("", "self.l = nn.Sequential(*map(Block, [8, 8]))")
    [site] = only(plan_of(text), "unknown")
    assert site.reasons == (
        "Encoder is a backbone, and net.py:14 in it, or in what it calls, names Block: "
        "what comes of that there is not seen",
    )
    assert site.settles


@pytest.mark.parametrize("norm", ["Own", "make", "lambda c: Own(c)", "functools.partial(Own)"])
def test_what_a_library_builds_its_network_with(norm: str) -> None:
    plan = plan_of(
        f"""\
        import functools, torchvision
        class Own(nn.Module):
            def __init__(self, c):
                super().__init__()
                self.bn = nn.BatchNorm2d(c)
        def make(c):
            return Own(c)
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torchvision.models.resnet18(pretrained=True, norm_layer={norm})
                self.head = nn.Sequential(nn.Conv2d(8, 8, 1), Own(8))
        """
    )
    assert not only(plan, "convert")


def test_functions_are_named_as_well() -> None:
    helper = "def conv_bn(c):\n    return nn.Sequential(nn.Conv2d(c, c, 1), nn.BatchNorm2d(c))"
    text = repository(helper, "self.l = nn.Sequential(*map(conv_bn, [8, 8]))")
    plan = plan_of(text.replace("self.head = Block(8)", "self.head = conv_bn(8)"))
    assert not only(plan, "convert")


@pytest.mark.parametrize(
    ("helper", "body"),
    [
        # What only asks, or only says what is expected, puts nothing in.
        ("", "for m in self.modules():\n    if isinstance(m, Block): pass"),
        ("", "if kind is Block: raise TypeError(Block)"),
        ("", "extra: Block = None"),
        ("def check(m: Block) -> Block:\n    return issubclass(m, Block)", "check(self)"),
        # Text that is run names what is in it.
        ("class Plain(nn.Module):\n    pass",
         "exec(f'self.block{kind} = Plain()')\nself.n = vars(self).items()"),
        # A registry hands out more than what a backbone asks it for.
        ("class Registry:\n    def register(self, c):\n        return c\n"
         "    def get(self, k):\n        pass\n"
         "REG = Registry()\nBlock = REG.register(Block)", "pass"),
        # Another class of that name.
        ("def make():\n    class Block(nn.Module):\n        pass\n    return Block()",
         "self.l = make()"),
    ],
)  # fmt: skip
def test_what_is_no_mention(helper: str, body: str) -> None:
    text = repository(helper, body).replace(
        "self.bn = nn.BatchNorm2d(c)", "self.bn = nn.BatchNorm2d(c)  #! convert"
    )
    check(text)


def test_a_model_that_is_backbone_and_head_in_one_names_its_head() -> None:
    check(
        """\
        from torch.utils import model_zoo
        class Head(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! convert
        class PoseResNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv1 = nn.Conv2d(3, 64, 7)
                self.bn1 = nn.BatchNorm2d(64)  #! keep
                self.layer1 = nn.Sequential(nn.BatchNorm2d(64))  #! keep
                self.layer2 = nn.Sequential(nn.BatchNorm2d(64))  #! keep
                self.layer3 = nn.Sequential(nn.BatchNorm2d(64))  #! keep
                self.deconv_layers = nn.Sequential(Head())
                url = 'https://download.pytorch.org/models/resnet50-19c8e357.pth'
                self.load_state_dict(model_zoo.load_url(url), strict=False)
        class Tracker(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = PoseResNet()
        """
    )


_WALKED = """\
def init(net):
    for m in {walk}:
        if isinstance(m, nn.Conv2d):
            nn.init.normal_(m.weight)
class First(nn.Module):
    def __init__(self, resnet):
        super().__init__()
        self.layer1 = resnet.layer3
        self.conv = nn.Conv2d(8, 8, 1)
        init(self.conv)
class Second(nn.Module):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.bn = nn.BatchNorm2d(8)  #! {verdict}
    def __init__(self):
        super().__init__()
        {kept}
        self.body = nn.Sequential(self.Block())
        init(self)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        resnet = torchvision.models.resnet34(pretrained=True)
        self.first = First(resnet)
        self.second = Second()
"""


def _walked(walk: str, verdict: str = "convert", kept: str = "pass") -> str:
    return "import torchvision\n" + _WALKED.format(walk=walk, verdict=verdict, kept=kept)


@pytest.mark.parametrize("walk", ["net.modules()", "net.children()", "net._modules.values()"])
def test_a_walk_over_a_module_gives_none_of_the_classes_that_it_has(walk: str) -> None:
    check(_walked(walk))
    check(_walked(walk, kept="self.kind = self.Block"))


@pytest.mark.parametrize(
    "text",
    [
        # The class itself is asked for,
        _walked("[net.Block()]", "unknown"),
        _walked("[net.kind()]", "unknown", "self.kind = self.Block"),
        # or what a walk goes over is no module, and keeps whatever it likes under that name.
        _walked("net._modules.values()", "unknown")
        .replace("class Second(nn.Module)", "class Second(dict)")
        .replace("super().__init__()\n        pass", "self._modules = {'a': self.Block}"),
    ],
)  # fmt: skip
def test_what_else_a_backbone_may_take_from_a_model(text: str) -> None:
    plan = plan_of(text)
    assert not only(plan, "convert")
