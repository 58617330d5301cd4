"""Which tests for BatchNorm are made to see GroupNorm, and which loops are left alone.

Each case is a small repository. The layers of ``Neck`` become GroupNorm, the
backbone of ``Detector`` keeps BatchNorm.
"""

from __future__ import annotations

import difflib
import shutil
import textwrap
from pathlib import Path
from typing import Any

import pytest

from bn2gn_codemod.plan import Plan
from tests.conftest import MakeRepository
from tests.migrating import migrate, plan_of

SAMPLE = Path(__file__).parents[2] / "fixtures" / "satmot"

HEAD = """\
import torch
import torchvision
from torch import nn


"""
NECK = """\
class Neck(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, 64, 1)
        self.norm = nn.BatchNorm2d(64)


"""
DETECTOR = """\
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.neck = Neck(512)


"""
INIT = """\
        nn.init.constant_(m.weight, 1)
        nn.init.constant_(m.bias, 0)
"""


def model(neck: str = "", detector: str = "", after: str = "") -> str:
    """The model file; the parts are added at the end of the constructors and of the file."""
    inner = textwrap.indent(textwrap.dedent(neck).strip("\n"), " " * 8)
    outer = textwrap.indent(textwrap.dedent(detector).strip("\n"), " " * 8)
    parts = [HEAD, NECK.rstrip("\n"), inner, "\n\n", DETECTOR.rstrip("\n"), outer]
    text = parts[0] + "\n".join(part for part in parts[1:3] if part) + parts[3]
    text += "\n".join(part for part in parts[4:] if part) + "\n"
    return text + ("\n\n" + textwrap.dedent(after).strip("\n") + "\n" if after else "")


def edits(plan: Plan) -> list[tuple[str, int, str, bool]]:
    return [
        (edits.path, edit.place.line, edit.kind, edit.guard_none)
        for edits in plan.files
        for edit in edits.init_loops
    ]


def line_of(text: str, part: str) -> int:
    [number] = [n for n, line in enumerate(text.split("\n"), 1) if part in line]
    return number


def found(plan: Plan, *codes: str) -> list[tuple[str, int, bool]]:
    return [(f.code, f.place.line, f.fixable) for f in plan.findings if f.code in codes]


def messages(plan: Plan, code: str) -> str:
    return "\n".join(f.message for f in plan.findings if f.code == code)


# ------------------------------------------------------------------ widened

WIDENED = {
    "loop of the class": model(
        neck="for m in self.modules():\n    if isinstance(m, nn.BatchNorm2d):  # HERE\n" + INIT
    ),
    "tuple": model(
        neck="for m in self.modules():\n"
        "    if isinstance(m, (nn.BatchNorm2d, nn.SyncBatchNorm)):  # HERE\n" + INIT
    ),
    "base class": model(
        neck="for m in self.modules():\n"
        "    if isinstance(m, nn.modules.batchnorm._BatchNorm):  # HERE\n" + INIT
    ),
    "alias": model(
        neck="for m in self.modules():\n    if isinstance(m, BN):  # HERE\n" + INIT,
        after="BN = nn.BatchNorm2d",
    ),
    "tuple of a constant": model(
        neck="for m in self.modules():\n    if isinstance(m, NORMS):  # HERE\n" + INIT,
        after="NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)",
    ),
    "elif": model(
        neck="for name, m in self.named_modules():\n"
        "    if isinstance(m, nn.Conv2d):\n        nn.init.normal_(m.weight)\n"
        "    elif isinstance(m, nn.BatchNorm2d):  # HERE\n" + INIT
    ),
    "one attribute": model(
        neck="for m in nn.Sequential(self.norm).modules():\n"
        "    if isinstance(m, nn.BatchNorm2d):  # HERE\n" + INIT
    ),
    "the other way round": model(
        neck="for m in self.modules():\n"
        "    if not isinstance(m, nn.BatchNorm2d):  # HERE\n        continue\n"
        "    m.weight.data.fill_(1)\n    m.bias.data.zero_()"
    ),
    "type": model(
        neck="for m in self.modules():\n    if type(m) == nn.BatchNorm2d:  # HERE\n" + INIT
    ),
    "class name in a variable": model(
        neck="self.apply(weights_init)",
        after="""
        def weights_init(m):
            classname = m.__class__.__name__
            if classname.find('Conv') != -1:
                m.weight.data.normal_(0.0, 0.02)
            elif classname.find('BatchNorm') != -1:  # HERE
                m.weight.data.normal_(1.0, 0.02)
                m.bias.data.fill_(0)
        """,
    ),
    "class name in the test": model(
        neck="for m in self.modules():\n    if 'BatchNorm' in type(m).__name__:  # HERE\n" + INIT
    ),
    "a method": model(
        after="""
        class Head(nn.Module):
            def __init__(self):
                super().__init__()
                self.norm = nn.BatchNorm2d(64)
                self.apply(self._init_weights)

            def _init_weights(self, m):
                if isinstance(m, nn.BatchNorm2d):  # HERE
                    nn.init.ones_(m.weight)
                    nn.init.zeros_(m.bias)


        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torchvision.models.resnet18(weights="DEFAULT")
                self.head = Head()
        """,
    ),
    "a function of the model": model(
        neck="init_weights(self)",
        after="""
        def init_weights(net, gain=0.02):
            def init_func(m):
                if isinstance(m, nn.BatchNorm2d):  # HERE
                    nn.init.normal_(m.weight, 1.0, gain)
                    nn.init.constant_(m.bias, 0)

            net.apply(init_func)
        """,
    ),
    "a function that goes down by itself": model(
        neck="initialise(self)",
        after="""
        def initialise(module):
            for m in module.children():
                if isinstance(m, nn.BatchNorm2d):  # HERE
                    m.weight.data.fill_(1)
                    m.bias.data.zero_()
                else:
                    initialise(m)
        """,
    ),
    "body in a function of its own": model(
        neck="for m in self.modules():\n"
        "    if isinstance(m, nn.BatchNorm2d):  # HERE\n        constant_init(m, 1)",
        after="""
        def constant_init(module, value):
            nn.init.constant_(module.weight, value)
            nn.init.constant_(module.bias, 0)
        """,
    ),
}


@pytest.mark.parametrize("text", [pytest.param(t, id=name) for name, t in WIDENED.items()])
def test_init_loop_is_widened(repository: MakeRepository, text: str) -> None:
    root = repository({"model.py": text})
    plan = plan_of(root)
    line = line_of(text, "# HERE")
    assert edits(plan) == [("model.py", line, "widen", True)]
    assert found(plan, "BN105", "BN107") == [("BN105", line, True)]
    assert migrate(root).refused == ()
    assert "GroupNorm" in (root / "model.py").read_text().split("# HERE")[0].split("\n")[-1]
    again = plan_of(root)
    assert edits(again) == []
    assert found(again, "BN105") == []


GROUPS = {
    "comprehension": """
        def groups(model):
            decay = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d)]
            no_decay = [m.weight for m in model.modules() if isinstance(m, nn.BatchNorm2d)]  # HERE
            return [{"params": decay}, {"params": no_decay, "weight_decay": 0.0}]


        GROUPS = groups(Detector())
        """,
    "append": """
        def groups(model, weight_decay):
            pg0, pg1, pg2 = [], [], []
            for k, v in model.named_modules():
                if hasattr(v, "bias") and isinstance(v.bias, nn.Parameter):
                    pg2.append(v.bias)
                if isinstance(v, nn.BatchNorm2d):  # HERE
                    pg0.append(v.weight)
                elif hasattr(v, "weight") and isinstance(v.weight, nn.Parameter):
                    pg1.append(v.weight)
            return pg0, pg1, pg2


        GROUPS = groups(Detector(), 1e-4)
        """,
    "generator": """
        def get_10x_lr_params(model):
            for m in model.neck.named_modules():
                if isinstance(m[1], nn.Conv2d) or isinstance(m[1], nn.BatchNorm2d):  # HERE
                    for p in m[1].parameters():
                        if p.requires_grad:
                            yield p


        GROUPS = list(get_10x_lr_params(Detector()))
        """,
    "sum of lists": """
        net = Detector()
        params = []
        for m in net.modules():
            if isinstance(m, (nn.BatchNorm2d, nn.LayerNorm)):  # HERE
                params += list(m.parameters())
        optimizer = torch.optim.SGD(params, lr=0.1)
        """,
    "of a model that nothing says more about": """
        def groups(model):
            no_decay = []
            for m in model.modules():
                if isinstance(m, nn.BatchNorm2d):  # HERE
                    no_decay.extend([m.weight, m.bias])
            return no_decay


        def main(build):
            return groups(build())
        """,
}


@pytest.mark.parametrize("after", [pytest.param(t, id=name) for name, t in GROUPS.items()])
def test_parameter_group_is_widened_without_guards(repository: MakeRepository, after: str) -> None:
    text = model(after=after)
    root = repository({"model.py": text})
    plan = plan_of(root)
    line = line_of(text, "# HERE")
    assert edits(plan) == [("model.py", line, "widen", False)]
    assert found(plan, "BN105") == [("BN105", line, True)]
    migrate(root)
    assert edits(plan_of(root)) == []


# --------------------------------------------------------------- left alone

LEFT = {
    "freezing by eval": model(
        after="""
        def set_bn_eval(m):
            if isinstance(m, nn.BatchNorm2d):
                m.eval()


        Detector().apply(set_bn_eval)
        """
    ),
    "freezing by gradient": model(
        neck="for m in self.modules():\n    if isinstance(m, nn.BatchNorm2d):\n"
        "        m.weight.requires_grad = False"
    ),
    "momentum": model(
        after="""
        for m in Detector().modules():
            if isinstance(m, nn.BatchNorm2d):
                m.momentum = 0.01
        """
    ),
    "sees GroupNorm": model(
        neck="for m in self.modules():\n    if isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):\n"
        + INIT
    ),
    "GroupNorm has a branch of its own": model(
        neck="for m in self.modules():\n    if isinstance(m, nn.BatchNorm2d):\n"
        + INIT
        + "    elif isinstance(m, nn.GroupNorm):\n        nn.init.ones_(m.weight)"
    ),
    "sees every norm": model(
        neck="for m in self.modules():\n    if 'Norm' in m.__class__.__name__:\n" + INIT
    ),
    "another dimension": model(
        neck="for m in self.modules():\n    if isinstance(m, nn.BatchNorm1d):\n" + INIT
    ),
    "a configuration, not a class": model(
        neck="if norm_type == 'BatchNorm2d':\n    nn.init.ones_(self.conv.weight)",
        after="norm_type = 'BatchNorm2d'",
    ),
    "a model without new layers": model(
        after="""
        class Other(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = nn.Sequential(nn.BatchNorm2d(8))
                for m in self.modules():
                    if isinstance(m, nn.BatchNorm2d):
                        nn.init.ones_(m.weight)
        """
    ),
    "a function that nobody uses": model(
        after="""
        def weights_init_once(m):
            if isinstance(m, nn.BatchNorm2d):
                nn.init.ones_(m.weight)
        """
    ),
}


@pytest.mark.parametrize("text", [pytest.param(t, id=name) for name, t in LEFT.items()])
def test_left_alone(repository: MakeRepository, text: str) -> None:
    plan = plan_of(repository({"model.py": text}))
    assert [site.verdict.value for site in plan.sites if site.class_ == "Neck"] == ["convert"]
    assert edits(plan) == []
    assert found(plan, "BN105", "BN107") == []


HELPERS = """\
from torch import nn


def fill(*nets):
    for net in nets:
        for m in net.modules():
            if isinstance(m, nn.BatchNorm2d):
                nn.init.ones_(m.weight)
"""


@pytest.mark.parametrize(
    ("use", "count"),
    [
        ("from helpers import fill", 0),
        ("from helpers import (\n    fill,\n)  # fill(Detector())", 0),
        ("from helpers import fill as start", 1),
        ("from helpers import fill\n\nSTARTS = [fill]", 1),
        ("import helpers\n\nhelpers.fill(unknown())", 1),
        ("import helpers\n\ngetattr(helpers, 'fill')(unknown())", 1),
    ],
)
def test_an_import_alone_uses_nothing(repository: MakeRepository, use: str, count: int) -> None:
    plan = plan_of(repository({"model.py": model(after=use), "helpers.py": HELPERS}))
    assert len(edits(plan)) == count


REPORTED = {
    "fusing": (
        """
        def fuse_model(model):
            for m in model.modules():
                if isinstance(m, nn.BatchNorm2d):
                    m.fuse()


        fuse_model(Detector())
        """,
        "cannot be folded",
    ),
    "eps": (
        """
        for m in Detector().modules():
            if isinstance(m, nn.BatchNorm2d):
                m.eps = 1e-3
                m.momentum = 0.03
        """,
        "sets eps",
    ),
    "counting": (
        """
        print(sum(isinstance(m, nn.BatchNorm2d) for m in Detector().modules()))
        """,
        "not understood",
    ),
    "statistics": (
        """
        def weights_init(m):
            if isinstance(m, nn.BatchNorm2d):
                nn.init.ones_(m.weight)
                m.running_mean.zero_()


        Neck(3).apply(weights_init)
        """,
        "running_mean, which GroupNorm does not have",
    ),
}


@pytest.mark.parametrize(
    ("after", "reason"), [pytest.param(*case, id=name) for name, case in REPORTED.items()]
)
def test_reported_but_not_edited(repository: MakeRepository, after: str, reason: str) -> None:
    plan = plan_of(repository({"model.py": model(after=after)}))
    assert edits(plan) == []
    [(_, _, fixable)] = found(plan, "BN105")
    assert not fixable
    assert reason in messages(plan, "BN105")


def test_no_conversion_no_finding(repository: MakeRepository) -> None:
    text = model(neck="self.apply(init)", after=REPORTED["statistics"][0]).replace(
        "self.norm = nn.BatchNorm2d(64)", "self.norm = nn.BatchNorm2d(64)  # bn2gn: keep"
    )
    plan = plan_of(repository({"model.py": text}))
    assert found(plan, "BN105") == []
    assert [test.purpose for test in plan.norm_tests] == ["init"]


# ----------------------------------------------------- pretrained backbones

LOOP = "for m in self.modules():\n    if isinstance(m, nn.BatchNorm2d):\n" + INIT
DLA = """
class DLA(nn.Module):
    def __init__(self, pretrained=True):
        super().__init__()
        self.level0 = nn.Sequential(nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64))
        if pretrained:
            self.load_state_dict(torch.hub.load_state_dict_from_url("https://x.org/dla34.pth"))


def dla34(pretrained=False):
    model = DLA(pretrained=False)
    if pretrained:
        model.load_state_dict(torch.hub.load_state_dict_from_url("https://x.org/dla34.pth"))
    return model
"""
RESET = {
    "a base class's, which the whole model runs": model(
        detector="self.init_weights()",
        after="class Base(nn.Module):\n    def init_weights(self):\n"
        + textwrap.indent(LOOP, " " * 8),
    )
    .replace("class Neck(nn.Module)", "class Neck(Base)")
    .replace("class Detector(nn.Module)", "class Detector(Base)"),
    "a backbone that is handed in": model(
        detector=LOOP,
        after='DETECTOR = Detector(torchvision.models.resnet18(weights="DEFAULT"))',
    )
    .replace("def __init__(self):", "def __init__(self, backbone):")
    .replace('torchvision.models.resnet18(weights="DEFAULT")\n', "backbone\n", 1),
    "library model": model(detector=LOOP),
    "of its own weights": model(
        detector=LOOP.replace("nn.init.constant_(m.weight, 1)", "m.weight.data = m.weight * 0")
    ),
    "sees GroupNorm already": model(
        detector=LOOP.replace("nn.BatchNorm2d", "(nn.BatchNorm2d, nn.GroupNorm)")
    ),
    "a method that the constructor calls": model(
        detector="self.init_weights()\n", after=""
    ).replace(
        "        self.init_weights()\n",
        "        self.init_weights()\n\n    def init_weights(self):\n"
        + textwrap.indent(LOOP, " " * 8),
    ),
    "a function that is applied": model(
        after="""
        def weights_init(m):
            if isinstance(m, nn.BatchNorm2d):
                nn.init.normal_(m.weight, 1.0, 0.02)


        model = Detector()
        model.apply(weights_init)
        """
    ),
    "a class that loads its own weights": model(detector=LOOP, after=DLA).replace(
        'torchvision.models.resnet18(weights="DEFAULT")', "DLA()"
    ),
    "a network that is taken apart": model(
        detector="trunk = dla34(pretrained=True)\nself.backbone = trunk.level0\n" + LOOP, after=DLA
    ).replace('        self.backbone = torchvision.models.resnet18(weights="DEFAULT")\n', ""),
    "a library's transformer on a network": "import timm\n"
    + model(detector=LOOP).replace(
        'torchvision.models.resnet18(weights="DEFAULT")',
        "timm.models.vision_transformer.vit_base_resnet50_224_in21k(pretrained=True)",
    ),
    "a factory that loads them": model(detector=LOOP, after=DLA).replace(
        'torchvision.models.resnet18(weights="DEFAULT")', "dla34(pretrained=True)"
    ),
}


CHILDREN = """
def fill(module):
    for name, m in module.named_children():
        if isinstance(m, nn.BatchNorm2d):
            nn.init.ones_(m.weight)
            nn.init.zeros_(m.bias)
        elif isinstance(m, nn.Sequential):
            fill(m)
        else:
            m.initialize()


class Trunk({base}):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(Block())
        self.load_state_dict(torch.hub.load_state_dict_from_url("https://x.org/trunk.pth"))

    def initialize(self):
        {trunk}


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(64)
"""


def children(trunk: str = "pass", base: str = "nn.Module", old: str = "", new: str = "") -> str:
    """The detector hands itself to a function that goes over its children."""
    after = CHILDREN.format(trunk=trunk, base=base)
    assert old in after
    text = model(detector="fill(self)", after=after.replace(old, new))
    return text.replace('torchvision.models.resnet18(weights="DEFAULT")', "Trunk()")


RESET |= {
    "children of children, by the method of the backbone": children(trunk="fill(self)"),
    "children of children, by the same function": children(old="m.initialize()", new="fill(m)"),
    "children that are left to apply": children(old="m.initialize()", new="m.apply(fill)"),
    "children of what extends a container": children(base="nn.Sequential"),
    "children of any module": children(old="nn.Sequential):\n ", new="nn.Module):\n "),
    "the layers of a block, of which the backbone fills no more": children(trunk="fill(self)")
    .replace("        self.bn1 = nn.BatchNorm2d(64)\n", "")
    .replace("        self.bn = ", "        fill(self)\n        self.bn = "),
}


@pytest.mark.parametrize("init_loop", ["extend", "inject"])
@pytest.mark.parametrize("text", [pytest.param(t, id=name) for name, t in RESET.items()])
def test_loop_that_resets_the_backbone(
    repository: MakeRepository, text: str, init_loop: str
) -> None:
    plan = plan_of(repository({"model.py": text}), init_loop=init_loop)
    [(_, _, fixable)] = found(plan, "BN107")
    assert not fixable
    assert {kind for _, _, kind, _ in edits(plan)} <= {"inject"}  # into Neck, which is new
    assert {e.class_ for file in plan.files for e in file.init_loops} <= {"Neck"}


COPYING = """
        for mine, theirs in zip(self.modules(), torchvision.models.resnet18(True).modules()):
            if isinstance(mine, nn.BatchNorm2d) and isinstance(theirs, nn.BatchNorm2d):
                {}
"""
HARMLESS = {
    "it is the load": model(
        detector=COPYING.format("mine.weight.data = copy.deepcopy(theirs.weight.data)")
    ),
    "it is the load, in place": model(
        detector=COPYING.format("mine.weight.data.copy_(theirs.weight.data)")
    ),
    "before the backbone": model().replace(
        "        self.backbone =", textwrap.indent(LOOP, " " * 8) + "        self.backbone ="
    ),
    "no weights": model(detector=LOOP).replace('weights="DEFAULT"', "weights=None"),
    "no argument": model(detector=LOOP).replace('weights="DEFAULT"', ""),
    "class built without weights": model(detector=LOOP, after=DLA).replace(
        'torchvision.models.resnet18(weights="DEFAULT")', "DLA(pretrained=False)"
    ),
    "a network that is taken apart, without weights": model(
        detector="trunk = dla34()\nself.backbone = trunk.level0\n" + LOOP, after=DLA
    ).replace('        self.backbone = torchvision.models.resnet18(weights="DEFAULT")\n', ""),
    "a network that is taken apart, for another object": model(
        detector="self.neck = Neck(512)\n" + LOOP, after=DLA + """
class Other(nn.Module):
    def __init__(self):
        super().__init__()
        trunk = dla34(pretrained=True)
        self.level0 = trunk.level0
""",
    ).replace('        self.backbone = torchvision.models.resnet18(weights="DEFAULT")\n', ""),
    "factory without weights": model(detector=LOOP, after=DLA).replace(
        'torchvision.models.resnet18(weights="DEFAULT")', "dla34()"
    ),
    "the backbone's own, before its weights": model(after=DLA).replace(
        "        if pretrained:\n            self",
        textwrap.indent(LOOP, " " * 8) + "        if pretrained:\n            self",
    ).replace('torchvision.models.resnet18(weights="DEFAULT")', "DLA()"),
    "only without weights": model(
        after=DLA.replace(
            '/dla34.pth"))\n\n\ndef',
            '/dla34.pth"))\n        else:\n' + textwrap.indent(LOOP, " " * 12) + "\n\ndef",
        )
    ).replace('torchvision.models.resnet18(weights="DEFAULT")', "DLA()"),
    "a base class's, which only the new part runs": model(
        neck="self.init_weights()",
        after="class Base(nn.Module):\n    def init_weights(self):\n"
        + textwrap.indent(LOOP, " " * 8),
    )
    .replace("class Neck(nn.Module)", "class Neck(Base)")
    .replace("class Detector(nn.Module)", "class Detector(Base)"),
    "a transformer of a library": "import timm\n"
    + model(detector=LOOP).replace(
        'torchvision.models.resnet18(weights="DEFAULT")',
        "timm.models.vision_transformer.vit_base_patch16_224(pretrained=True)",
    ),
    "a layer of a library": "import timm\n"
    + model(detector=LOOP).replace(
        'torchvision.models.resnet18(weights="DEFAULT")',
        "timm.models.vision_transformer.Attention(512)",
    ),
    "the new part alone": model(detector=LOOP.replace("self.modules", "self.neck.modules")),
    "a backbone that is left to its own method": children(),
    "a backbone that loads again": children(
        trunk='self.load_state_dict(torch.load("resnet50-19c8e357.pth"), strict=False)'
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", [pytest.param(t, id=name) for name, t in HARMLESS.items()])
def test_loop_that_resets_nothing(repository: MakeRepository, text: str) -> None:
    plan = plan_of(repository({"model.py": text}))
    assert found(plan, "BN107") == []


INIT_FUNCTION = """

def init(module):
    for m in module.modules():
        if isinstance(m, nn.BatchNorm2d):
            nn.init.constant_(m.weight, 1)
"""
NET = """
class Net(nn.Module):
    def __init__(self, pretrained=True):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained)
        self.neck = Neck(512)
"""
# Two models with a trunk of their own, and what their constructors do.
OTHERS = """
import model
def make(module, name):
    return getattr(module, "Net" + name)()
class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)
        self.layer1 = nn.Conv2d(8, 8, 1)
    def fill(self):
        self.load_state_dict(torch.hub.load_state_dict_from_url("https://x.org/resnet18.pth"))
class NetOne(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = Trunk()
        {}
class NetTwo(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = Trunk()
        {}
"""
# By what stands in a script or a constructor: whether the loop runs over what was loaded.
ORDERS = {
    "the one that is not asked for": (
        "net = Net(pretrained=args.p)\nif not args.p:\n    init(net)",
        "",
    ),
    "in the other branch": (
        "net = Net(pretrained=p)\nif p:\n    print(1)\nelse:\n    init(net)",
        "",
    ),
    "the one that is not asked for, by a factory with more": (
        "def make(trained, **more):\n    return Net(trained, **more)\n"
        "net = make(p, n=2)\nif not p:\n    init(net)",
        "",
    ),
    "the one that is not asked for, by name": (
        "def make(**more):\n    return Net(pretrained=p, **more)\n"
        "net = make(n=2)\nif not p:\n    init(net)",
        "",
    ),
    "what a factory may bring besides": (
        "def make(**more):\n    return Net(**more)\n"
        "net = make(pretrained=p)\nif not p:\n    init(net)",
        "",
        True,
    ),
    "what may be one of several": (
        "def make(*trained):\n    return Net(*trained)\n"
        "net = make(p, 2)\nif not p:\n    init(net)",
        "",
        True,
    ),
    "weights that hang on it": (
        "",
        "        self.backbone = torchvision.models.resnet18(\n"
        "            weights=Weights.DEFAULT if pretrained else None\n        )\n"
        "        if not pretrained:\n            init(self.backbone)",
    ),
    "weights that are declined with it": (
        "",
        "        self.backbone = torchvision.models.resnet18(\n"
        "            weights=None if not pretrained else Weights.DEFAULT\n        )\n"
        "        if not pretrained:\n            init(self.backbone)",
    ),
    "weights that hang on something else": (
        "",
        "        self.backbone = torchvision.models.resnet18(\n"
        "            weights=Weights.DEFAULT if n else None\n        )\n"
        "        if not pretrained:\n            init(self.backbone)",
        True,
    ),
    "weights where it is not asked for": (
        "",
        "        self.backbone = torchvision.models.resnet18(\n"
        "            weights=None if pretrained else Weights.DEFAULT\n        )\n"
        "        if not pretrained:\n            init(self.backbone)",
        True,
    ),
    "weights, one or the other": (
        "",
        "        self.backbone = torchvision.models.resnet18(\n"
        "            weights=Weights.ONE if pretrained else Weights.TWO\n        )\n"
        "        if not pretrained:\n            init(self.backbone)",
        True,
    ),
    "asked the other way round": ("net = Net(p is not None)\nif p is None:\n    init(net)", ""),
    "left before": ("", "        if pretrained:\n            return\n        init(self)"),
    "not left before": (
        "",
        "        if not pretrained:\n            return\n        init(self)",
        True,
    ),
    "never without weights": (
        "Net()",
        "        self.weigh(pretrained)\n    def weigh(self, trained):\n        if not trained:\n"
        "            init(self)",
    ),
    "asked of an attribute of its own": (
        "",
        "        self.trained = pretrained\n        if not pretrained:\n            init(self)",
    ),
    "asked of an attribute of its own, in a method": (
        "net = Net(pretrained=args.p)",
        "        self.trained = pretrained\n        self.weigh()\n    def weigh(self):\n"
        "        if not self.trained:\n            init(self)",
    ),
    "asked of an attribute that holds something else": (
        "net = Net(pretrained=args.p)",
        "        self.trained = n\n        self.weigh()\n    def weigh(self):\n"
        "        if not self.trained:\n            init(self)",
        True,
    ),
    "asked of an attribute that is set again": (
        "net = Net(pretrained=args.p)",
        "        self.trained = pretrained\n        self.trained = n\n        self.weigh()\n"
        "    def weigh(self):\n        if not self.trained:\n            init(self)",
        True,
    ),
    "another question": ("net = Net(pretrained=args.p)\nif not args.q:\n    init(net)", "", True),
    "the same question": ("net = Net(pretrained=args.p)\nif args.p:\n    init(net)", "", True),
    "one of two questions": (
        "net = Net(pretrained=args.p)\nif not (args.p and args.q):\n    init(net)",
        "",
        True,
    ),
    "another value by then": (
        "p = args.p\nnet = Net(pretrained=p)\np = args.q\nif not p:\n    init(net)",
        "",
        True,
    ),
    "another value of an attribute": (
        "net = Net(pretrained=args.p)\nargs.p = False\nif not args.p:\n    init(net)",
        "",
        True,
    ),
    "another value in a loop": (
        "p = True\nfor n in range(2):\n    if p:\n        net = Net()\n"
        "    if not p:\n        init(net)\n    p = not p",
        "",
        True,
    ),
    "always with weights": ("net = Net(pretrained=True)\ninit(net)", "", True),
    "a function with the same name for something else": (
        "def build(p):\n    return Net(pretrained=p)\nnet = build(True)\nif not p:\n    init(net)",
        "",
        True,
    ),
    "a function that is asked": (
        "def build(q):\n    return Net(pretrained=q)\nnet = build(p)\nif not p:\n    init(net)",
        "",
    ),
    "what was made just before": (
        "",
        "        if n != 3:\n            self.backbone = nn.Sequential(nn.BatchNorm2d(8))\n"
        "            init(self.backbone)",
    ),
    "what was made before, in a variable": (
        "",
        "        if n != 3:\n            trunk = nn.Sequential(nn.BatchNorm2d(8))\n"
        "            init(trunk)\n            self.backbone = trunk",
    ),
    "what was made before, or not": (
        "",
        "        if n != 3:\n            self.backbone = nn.Sequential(nn.BatchNorm2d(8))\n"
        "        init(self.backbone)",
        True,
    ),
    "what a method may have changed since": (
        "",
        "        self.backbone = nn.Sequential(nn.BatchNorm2d(8))\n        self.load()\n"
        "        init(self.backbone)\n    def load(self):\n"
        "        self.backbone = torchvision.models.resnet18(True)",
        True,
    ),
    "one or the other, and then once more": (
        "def build():\n    return Net(pretrained=args.p)\nteacher = build()\nstudent = build()",
        "        if not pretrained:\n            init(self)",
    ),
    "the new part beside it": ("", "        init(self.neck)"),
    "both parts": (
        "",
        "        for part in [self.neck, self.backbone]:\n            init(part)",
        True,
    ),
    "a helper hands it on": (
        "def wide(net):\n    init(net)\nnet = Net()\nwide(net.neck)",
        "",
    ),
    "a helper hands on what is in it": (
        "def wide(net):\n    for part in net.children():\n        init(part)\n"
        "net = Net()\nwide(net.neck)",
        "",
    ),
    "a helper hands on all that is in it": (
        "def wide(net):\n    for part in net.children():\n        init(part)\n"
        "net = Net()\nwide(net.neck)\nwide(net)",
        "",
        True,
    ),
    "another object, made later": (
        "one = make(model, args.one)\ntwo = make(model, args.two)",
        OTHERS.format("init(self)", "self.trunk.fill()"),
    ),
    "another object, made later by a class of its own": (
        "two = NetTwo()\none = NetOne()",
        OTHERS.format("init(self)", "self.trunk.fill()"),
    ),
    "another object, filled by itself": (
        "one = make(model, args.one)",
        OTHERS.format("self.trunk.fill()\n        init(self)", "pass"),
        True,
    ),
    "another object, gone over afterwards": (
        "one = make(model, args.one)\ninit(one)",
        OTHERS.format("pass", "self.trunk.fill()"),
        True,
    ),
    "another object, made with what was loaded": (
        "first = torchvision.models.resnet18(True)\nsecond = Own(first)",
        "class Own(nn.Module):\n    def __init__(self, trunk):\n        super().__init__()\n"
        "        self.trunk = trunk\n        init(self)",
        True,
    ),
    "another object, made with what was loaded, by name": (
        "first = torchvision.models.resnet18(True)\nsecond = Own(trunk=first)",
        "class Own(nn.Module):\n    def __init__(self, **parts):\n        super().__init__()\n"
        "        self.trunk = parts['trunk']\n        init(self)",
        True,
    ),
    "another object, with what was loaded for all": (
        "Own()",
        "TRUNK = torchvision.models.resnet18(True)\nclass Own(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.trunk = TRUNK\n        init(self)",
        True,
    ),
    "an object that a constructor fills": (
        "Trainer()",
        "class Trainer:\n    def __init__(self):\n        self.net = Net()\n"
        "        init(self.net)",
        True,
    ),
    "an object that a constructor is handed": (
        "net = Net()\nTrainer(net)",
        "class Trainer:\n    def __init__(self, net):\n        self.net = net\n"
        "        init(self.net)",
        True,
    ),
    "a helper hands all of it on": (
        "def wide(net):\n    init(net)\nnet = Net()\nwide(net)",
        "",
        True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(c, id=name) for name, c in ORDERS.items()])
def test_whether_the_load_comes_before_the_loop(
    repository: MakeRepository, case: tuple[str, str] | tuple[str, str, bool]
) -> None:
    script, inner, *resets = case
    text = f"{HEAD}{NECK}{INIT_FUNCTION}\n{NET}{inner}\n\n{script or 'Net(pretrained=args.p)'}\n"
    plan = plan_of(repository({"model.py": text}))
    assert bool(found(plan, "BN107")) is bool(resets)


# --------------------------------------------------------- branch and inject

CONV_ONLY = "for m in self.modules():\n    if isinstance(m, nn.Conv2d):\n        {init}"
NORMAL = "nn.init.normal_(m.weight, std=0.001)"
SEEN = LOOP.replace("nn.BatchNorm2d", "(nn.BatchNorm2d, nn.GroupNorm)")
ZERO = (
    "for m in self.modules():\n    if isinstance(m, Block):\n"
    "        nn.init.constant_(m.last.weight, 0)\n"
)
BLOCK = """
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.BatchNorm2d(64)
"""


def test_a_loop_without_norms_gets_the_branch(repository: MakeRepository) -> None:
    text = model(neck=CONV_ONLY.format(init=NORMAL))
    root = repository({"model.py": text})
    plan = plan_of(root)
    line = line_of(text, "for m in self.modules()")
    assert edits(plan) == [("model.py", line, "branch", True)]
    assert found(plan, "BN105") == [("BN105", line, True)]
    migrate(root)
    assert "elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):" in (root / "model.py").read_text()
    assert edits(plan_of(root)) == []


@pytest.mark.parametrize(
    ("neck", "after"),
    [
        # A convolution of the repository is a layer, and what only prints sets nothing.
        (
            CONV_ONLY.format(init=NORMAL).replace("nn.Conv2d", "Conv"),
            "class Conv(nn.Conv2d):\n    pass",
        ),
        (CONV_ONLY.format(init=NORMAL) + "\n" + ZERO.replace("nn.init.constant_", "print"), BLOCK),
        (SEEN.replace(INIT, "        print(m)\n") + CONV_ONLY.format(init=NORMAL), ""),
    ],
)
def test_a_branch_that_sets_nothing_back(repository: MakeRepository, neck: str, after: str) -> None:
    plan = plan_of(repository({"model.py": model(neck=neck, after=after)}))
    assert [kind for _, _, kind, _ in edits(plan)] == ["branch"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(model(detector=CONV_ONLY.format(init=NORMAL)), id="holds the backbone"),
        pytest.param(
            model(detector="self.norm = nn.BatchNorm2d(8)\n" + CONV_ONLY.format(init=NORMAL)),
            id="holds the backbone and a new layer",
        ),
        pytest.param(
            model(neck="self.encoder = build(channels)\n" + CONV_ONLY.format(init=NORMAL)),
            id="may hold a backbone",
        ),
        pytest.param(model(neck=CONV_ONLY.format(init="print(m)")), id="initialises nothing"),
        pytest.param(
            model(neck=CONV_ONLY.format(init=NORMAL).replace("Conv2d", "LayerNorm")),
            id="another norm",
        ),
        pytest.param(
            model(neck=CONV_ONLY.format(init=NORMAL).replace("self.mod", "self.conv.mod")),
            id="one attribute",
        ),
        pytest.param(model(neck=CONV_ONLY.format(init=NORMAL) + "\n" + SEEN), id="another loop"),
        pytest.param(model(neck=SEEN + ZERO, after=BLOCK), id="a block's norm after that"),
        # The block comes before its norms, and what it sets would be set back.
        pytest.param(model(neck=ZERO, after=BLOCK), id="a block's norm"),
        pytest.param(
            model(neck=ZERO.replace("Block", "(nn.Linear, Block)"), after=BLOCK), id="one of two"
        ),
        pytest.param(
            model(neck=CONV_ONLY.format(init=NORMAL) + "\n" + ZERO, after=BLOCK),
            id="a block's norm in the second loop",
        ),
        pytest.param(
            model(
                neck=CONV_ONLY.format(init=NORMAL)
                + "\n    if isinstance(m, Block):\n        nn.init.zeros_(m.last.weight)",
                after=BLOCK,
            ),
            id="a block's norm in the same loop",
        ),
    ],
)
def test_no_branch(repository: MakeRepository, text: str) -> None:
    assert edits(plan_of(repository({"model.py": text}))) == []


def test_inject_where_there_is_no_loop(repository: MakeRepository) -> None:
    text = model()
    root = repository({"model.py": text})
    assert edits(plan_of(root)) == []
    plan = plan_of(root, init_loop="inject")
    assert edits(plan) == [("model.py", line_of(text, "class Neck"), "inject", True)]
    migrate(root, init_loop="inject")
    again = plan_of(root, init_loop="inject")
    assert edits(again) == []
    assert again.findings == ()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(model(neck=CONV_ONLY.format(init=NORMAL)), id="a branch does"),
        pytest.param(model(neck=LOOP), id="a wider test does"),
        pytest.param(
            model(neck=LOOP.replace("nn.BatchNorm2d", "(nn.BatchNorm2d, nn.GroupNorm)")),
            id="there is one",
        ),
        pytest.param(model(neck="self.backbone = make(channels)"), id="may hold a backbone"),
        pytest.param(
            HEAD + DETECTOR.replace("Neck(512)", "nn.BatchNorm2d(512)"), id="holds the backbone"
        ),
    ],
)
def test_no_loop_injected(repository: MakeRepository, text: str) -> None:
    plan = plan_of(repository({"model.py": text}), init_loop="inject")
    assert "inject" not in [kind for _, _, kind, _ in edits(plan)]


# ------------------------------------------------------------- other facts


@pytest.mark.parametrize(
    ("neck", "names"),
    [
        ("self.out = nn.Conv2d(self.norm.num_features, 8, 1)", ["num_features"]),
        ("self.norm.momentum = 0.01", ["momentum"]),
        ("print(self.norm.running_mean, self.norm.running_var)", ["running_mean", "running_var"]),
        ("self.conv = torch.nn.utils.fuse_conv_bn_eval(self.conv, self.norm)",
         ["fuse_conv_bn_eval"]),
        ("self.out = nn.Conv2d(self.conv.out_channels, 8, 1)", []),
        ("print(self.norm.weight, self.norm.eps)", []),
        ("if hasattr(self.norm, 'running_mean'):\n    print(self.norm.running_mean)", []),
        ("for m in self.modules():\n    if isinstance(m, nn.BatchNorm2d):\n"
         "        m.momentum = 0.1", []),
        ("self.momentum = 0.9\nprint(self.momentum)", []),
        ("torch.quantization.fuse_modules(self, [['conv', 'norm']])", ["fuse_modules"]),
        ("torch.quantization.fuse_modules(self, ['conv', 'relu'])", []),
        ("self.norm.reset_running_stats()", ["reset_running_stats"]),
        ("print(getattr(self.norm, 'momentum'))", ["momentum"]),
        ("print(self.norm._buffers['running_mean'])", ["running_mean"]),
        ("print(self.norm.get_buffer('running_var'))", ["running_var"]),
        ("print(self.norm.state_dict()['running_var'])", ["running_var"]),
        ("self.more = type(self.norm)(8)", ["__class__"]),
        ("self.more = self.norm.__class__(8)", ["__class__"]),
        ("print(getattr(self.norm, 'momentum', None))", []),
        ("print(getattr(self.norm, 'weight'), self.norm.state_dict()['weight'])", []),
        ("if hasattr(self.norm, 'momentum'):\n    print(getattr(self.norm, 'momentum'))", []),
        ("print(type(self.norm), self.norm.__class__, type(self.norm).__name__)", []),
        ("self.more = type(self.conv)(8, 8, 1)", []),
        ("for m in self.modules():\n    if isinstance(m, nn.BatchNorm2d):\n"
         "        self.more = type(m)(8)", []),
    ],
)  # fmt: skip
def test_what_only_batch_norm_has(repository: MakeRepository, neck: str, names: list[str]) -> None:
    root = repository({"model.py": model(neck=neck)})
    assert sorted(use.name for use in plan_of(root).norm_attribute_uses) == names
    migrate(root)
    assert sorted(use.name for use in plan_of(root).norm_attribute_uses) == names


FOLD = """
def fold(conv, bn):
    return bn.running_mean

def fuse(net, flag):
    conv = None
    for child in net.children():
        {body}

fuse(Neck(8), True)
"""


@pytest.mark.parametrize(
    ("body", "uses"),
    [
        ("if isinstance(child, nn.BatchNorm2d):\n            fold(conv, child)", 0),
        ("if type(child) is nn.BatchNorm2d and flag:\n            fold(conv, bn=child)", 0),
        ("if not isinstance(child, nn.BatchNorm2d):\n            continue\n"
         "        fold(conv, child)", 0),
        ("if isinstance(child, nn.BatchNorm2d):\n            child = fuse_conv_bn(conv, child)", 0),
        ("if isinstance(child, nn.BatchNorm2d):\n            hand(child)\n"
         "def hand(one):\n    fold(one, one)", 0),
        # Nothing, or something else, keeps GroupNorm away.
        ("fold(conv, child)", 1),
        ("fuse_conv_bn(conv, child)", 1),
        ("if isinstance(child, (nn.BatchNorm2d, nn.GroupNorm)):\n            fold(conv, child)", 1),
        ("if isinstance(child, nn.BatchNorm2d) or flag:\n            fold(conv, child)", 1),
        ("if isinstance(conv, nn.BatchNorm2d):\n            fold(conv, child)", 1),
        ("if isinstance(child, nn.BatchNorm2d):\n            pass\n"
         "        fold(conv, child)", 1),
        ("if isinstance(child, nn.BatchNorm2d):\n            fold(conv, child)\n"
         "        else:\n            fold(conv, child)", 1),
        ("if isinstance(child, nn.BatchNorm2d):\n            hand(child)\n"
         "def hand(one):\n    fold(one, one)\nhand(Neck(8).norm)", 1),
        ("if isinstance(child, nn.BatchNorm2d):\n            fold(*(conv, child))\n"
         "        fold(conv, child)", 1),
    ],
)  # fmt: skip
def test_a_test_for_batch_norm_narrows_what_is_handed_on(
    repository: MakeRepository, body: str, uses: int
) -> None:
    text = model() + FOLD.format(body=body)
    plan = plan_of(repository({"model.py": text}))
    assert len(plan.norm_attribute_uses) == uses


TABLE = {
    "literal": "INIT = {nn.Conv2d: init, nn.BatchNorm2d: init}\n\n\n",
    "names": "INIT = {'Conv2d': init, 'BatchNorm2d': init}\n\n\n",
    "stored": "INIT = {}\nINIT[nn.BatchNorm2d] = init\n\n\n",
    "others": "INIT = {nn.Conv2d: init, 'ReLU': init}\n\n\n",
    "both": "INIT = {nn.BatchNorm2d: init, nn.GroupNorm: init}\n\n\n",
}


@pytest.mark.parametrize(
    ("table", "use", "is_found"),
    [
        ("literal", "INIT[type(m)](m)", True),
        ("literal", "INIT.get(type(m), print)(m)", True),
        ("literal", "INIT.get(m.__class__, print)(m)", True),
        ("stored", "INIT[type(m)](m)", True),
        ("names", "INIT[type(m).__name__](m)", True),
        ("names", "INIT.get(m.__class__.__name__, print)(m)", True),
        ("literal", "if type(m) in INIT:\n        INIT[type(m)](m)", True),
        ("literal", "match m:\n        case nn.BatchNorm2d():\n            init(m)", True),
        ("others", "match m:\n        case nn.BatchNorm2d() | nn.GroupNorm():\n            init(m)",
         False),
        ("others", "match m:\n        case nn.Conv2d():\n            init(m)", False),
        ("others", "INIT.get(type(m), print)(m)", False),
        ("both", "INIT[type(m)](m)", False),
        ("literal", "INIT[nn.Conv2d](m)", False),
        ("literal", "print(INIT.get('norm'), type(m))", False),
    ],
)  # fmt: skip
def test_table_of_classes_is_a_test(
    repository: MakeRepository, table: str, use: str, is_found: bool
) -> None:
    loop = f"for m in self.modules():\n    {use}"
    text = model(neck=loop).replace("class Neck", TABLE[table] + "class Neck")
    plan = plan_of(repository({"model.py": text}))
    assert bool(found(plan, "BN105")) is is_found
    assert not any(fixable for _, _, fixable in found(plan, "BN105"))


OWN = """
class Own(nn.BatchNorm2d):
    tag = 1

    def extra(self):
        self.calls = 1

    def extra_repr(self):
        return ""


"""


@pytest.mark.parametrize(
    ("neck", "names"),
    [
        ("self.norm.extra()", ["extra"]),
        ("print(self.norm.tag, self.norm.calls)", ["calls", "tag"]),
        ("self.norm.extra_repr()", []),
        ("self.tag = 1\nprint(self.tag, self.conv.tag)", []),
        ("if isinstance(self.norm, Own):\n    self.norm.extra()", []),
    ],
)
def test_what_only_a_norm_class_of_the_repository_has(
    repository: MakeRepository, neck: str, names: list[str]
) -> None:
    text = model(neck=neck).replace("class Neck", OWN.lstrip() + "class Neck")
    text = text.replace("self.norm = nn.BatchNorm2d(", "self.norm = Own(")
    plan = plan_of(repository({"model.py": text}))
    assert sorted(use.name for use in plan.norm_attribute_uses) == names


@pytest.mark.parametrize(
    "body",
    [
        "norm = self.norm\n        return x - norm.running_mean",
        "for m in [self.norm]:\n            m.running_mean",
        "norms = [self.norm]\n        return x - norms[0].running_mean",
        "return self.norms()[0].running_mean\n    def norms(self):\n        return [self.norm]",
    ],
)
def test_other_names_in_a_forward_pass_are_followed(repository: MakeRepository, body: str) -> None:
    text = (
        HEAD + NECK.rstrip("\n") + f"\n\n    def forward(self, x):\n        {body}\n\n" + DETECTOR
    )
    assert len(found(plan_of(repository({"model.py": text})), "BN104")) == 1


def test_forward_pass_is_looked_at(repository: MakeRepository) -> None:
    forward = "    def forward(self, x):\n        return x - self.norm.running_mean\n\n\n"
    text = HEAD + NECK.rstrip("\n") + "\n\n" + forward + DETECTOR
    plan = plan_of(repository({"model.py": text}))
    assert found(plan, "BN104") == [("BN104", line_of(text, "running_mean"), False)]


@pytest.mark.parametrize(
    ("channels", "flags", "is_found"),
    [
        ("16", {}, True),
        ("32", {}, True),
        ("48", {}, False),
        ("64", {}, False),
        ("1", {}, False),
        ("channels", {}, False),
        ("num_features=16", {}, True),
        ("64", {"groups": 64}, True),
        ("16", {"min_channels_per_group": 2}, False),
    ],
)
def test_one_channel_per_group(
    repository: MakeRepository, channels: str, flags: dict[str, Any], is_found: bool
) -> None:
    text = model().replace("nn.BatchNorm2d(64)", f"nn.BatchNorm2d({channels})")
    root = repository({"model.py": text})
    line = line_of(text, "self.norm")
    expected = [("BN106", line, False)] if is_found else []
    assert found(plan_of(root, **flags), "BN106") == expected
    migrate(root, **flags)
    assert plan_of(root, **flags).findings == ()


# --------------------------------------------------------- the sample, whole


def test_sample_repository(tmp_path: Path) -> None:
    root = tmp_path / "satmot"
    shutil.copytree(SAMPLE, root, ignore=shutil.ignore_patterns("__pycache__"))
    before = {path: path.read_text() for path in root.rglob("*.py")}
    assert migrate(root).refused == ()
    loops = []
    for path, text in before.items():
        new = path.read_text()
        added = [
            line[1:].strip()
            for line in difflib.ndiff(text.splitlines(), new.splitlines())
            if line.startswith("+ ") and "nn.GroupNorm)" in line
        ]
        loops += [(path.relative_to(root).as_posix(), line) for line in sorted(added)]
    wider = "if isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):"
    assert sorted(loops) == [
        ("lib/models/dladcn_gru.py", "el" + wider),  # MaskProp
        ("lib/models/dladcn_gru.py", wider),  # DeConvGRUNet
        ("lib/models/resnet_fpn_dcn.py", "el" + wider),  # MaskProp
        ("lib/models/resnet_fpn_dcn.py", wider),  # DeformConv
        ("lib/models/resnet_fpn_dcn.py", wider),  # DeConvGRUNet
    ]
    assert (
        "elif isinstance(m, nn.BatchNorm2d):" in (root / "lib/models/resnet_fpn_dcn.py").read_text()
    )  # ResNet's own, before it loads its weights
    again = plan_of(root)
    assert again.findings == ()
    assert again.files == ()


SHARED_PARAMETER = {
    "resnet.py": """\
from torch import nn
from torch.utils.model_zoo import load_url


class ResNet(nn.Module):
    def __init__(self, norm_layer=nn.BatchNorm2d):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 1)
        self.bn1 = norm_layer(8)
        for m in self.modules():
            if isinstance(m, norm_layer):
                m.weight.data.fill_(1)
                m.bias.data.zero_()


def resnet18(**kwargs):
    model = ResNet(**kwargs)
    model.load_state_dict(load_url("https://download.pytorch.org/models/resnet18.pth"))
    return model
""",
    "heads.py": """\
from torch import nn

from resnet import resnet18


class Head(nn.Module):
    def __init__(self, norm_layer):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(8, 8, 1), norm_layer(8))


class Net(nn.Module):
    def __init__(self, norm_layer=nn.BatchNorm2d):
        super().__init__()
        self.backbone = resnet18(norm_layer=norm_layer)
        self.head = Head(norm_layer)


class BigNet(nn.Module):
    def __init__(self, **kwargs):
        super().__init__()
        self.backbone = resnet18(**kwargs)
        self.net = Net(**kwargs)
""",
}


def test_a_backbone_that_shares_a_parameter_with_heads_is_left_alone_twice(
    repository: MakeRepository,
) -> None:
    root = repository(SHARED_PARAMETER)
    migrate(root)
    assert "Head(get_group_norm)" in (root / "heads.py").read_text()
    assert (root / "resnet.py").read_text() == SHARED_PARAMETER["resnet.py"]
    assert not plan_of(root).files


def test_a_loop_over_layers_that_became_groupnorm_earlier_is_widened(
    repository: MakeRepository,
) -> None:
    loop = "for m in self.block.modules():\n    if isinstance(m, nn.BatchNorm2d):\n"
    block = "self.block = nn.Sequential(nn.Conv2d(64, 8, 1), nn.BatchNorm2d(8))\n"
    inner = textwrap.indent(textwrap.dedent(INIT), " " * 8)
    before = model(neck=block + loop + inner)
    root = repository({"model.py": before})
    migrate(root)
    whole = (root / "model.py").read_text()
    first, last = "        for m in self.block.modules():\n", "class Detector"
    old = before[before.index(first) : before.index(last)]
    new = whole[whole.index(first) : whole.index(last)]
    assert "nn.GroupNorm" in new
    (root / "model.py").write_text(whole.replace(new, old))  # as if only norms had been written
    migrate(root)
    assert (root / "model.py").read_text() == whole


FUSED = """\
import torch
from torch import nn
from torch.utils.model_zoo import load_url


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))
        for m in self.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.weight.data.fill_(1)


def resnet():
    model = ResNet()
    model.load_state_dict(load_url("https://example.org/resnet.pth"), strict=False)
    return model


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet()
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))


def fuse(conv, bn):
    return conv


def fuse_module(m):
    last = None
    for name, child in m.named_children():
        if isinstance(child, nn.BatchNorm2d):
            m._modules[last_name] = fuse(last, child)
        elif isinstance(child, nn.Conv2d):
            last = child
            last_name = name
        else:
            fuse_module(child)
    return m


fuse_module(Net())
"""


def test_code_that_fuses_layers_brings_no_group_norm_into_others(
    repository: MakeRepository,
) -> None:
    root = repository({"model.py": FUSED})
    migrate(root)
    assert "get_group_norm(8)" in (root / "model.py").read_text()
    assert edits(plan_of(root)) == []
