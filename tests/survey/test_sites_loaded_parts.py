"""What some load goes into is not new for standing beside a backbone."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, only

MODEL = """\
import torchvision
class Flow(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {flow}
class Top(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {top}
class Model(nn.Module):
    def __init__(self{arguments}):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
{body}
        self.top = Top()
{rest}
"""


def model(body: str, rest: str = "", flow: str = "unknown", arguments: str = "") -> str:
    return MODEL.format(
        body=textwrap.indent(textwrap.dedent(body), " " * 8),
        rest=textwrap.dedent(rest),
        flow=flow,
        top="convert",
        arguments=arguments,
    )


@pytest.mark.parametrize(
    "body",
    [
        # By the method of the class, of a part that is looked up by its path,
        "self.motion = Flow()\nnn.Module.load_state_dict(self.motion, torch.load('flow.pth'))",
        "self.motion = Flow()\n"
        "self.get_submodule('motion').load_state_dict(torch.load('flow.pth'))",
        "self.motion = Flow()\n"
        "nn.utils.vector_to_parameters(torch.load('flow.pth'), self.motion.parameters())",
        # loaded before it is stored,
        "flow = Flow()\nflow.load_state_dict(torch.load('flow.pth'))\nself.motion = flow",
        "flow = Flow()\nflow.load_state_dict(torch.load('flow.pth')['net'], strict=False)\n"
        "self.motion = nn.Sequential(flow, nn.ReLU())",
        "motion = Flow()\nself.motion = motion\nmotion.load_state_dict(torch.load('flow.pth'))",
        # by a function,
        "self.motion = Flow()\nfill(self.motion, 'flow.pth')",
        "self.motion = filled(Flow(), 'flow.pth')",
        # out of several at once,
        "self.motion = Flow()\n"
        "for part, path in zip([self.motion], ['flow.pth']):\n"
        "    part.load_state_dict(torch.load(path))",
        # by a method of its base,
        "self.motion = Restored()\nself.motion.restore('flow.pth')",
        # by an object that loads it later,
        "from detectron2.checkpoint import DetectionCheckpointer\n"
        "self.motion = Flow()\nDetectionCheckpointer(self.motion).load('flow.pth')",
        # layer by layer,
        "self.motion, flow = Flow(), Other()\nflow.load_state_dict(torch.load('flow.pth'))\n"
        "for a, b in zip(self.motion.modules(), flow.modules()):\n"
        "    a.weight.data = b.weight.data",
        # or with what nobody knows.
        "flow = Flow()\nflow.load_state_dict(converted('flow.npz'))\nself.motion = flow",
    ],
)
def test_part_that_is_loaded_by_the_way(body: str) -> None:
    rest = """\
    def fill(part, path):
        part.load_state_dict(torch.load(path))
    def filled(part, path):
        read = torch.load(path)
        part.load_state_dict(read['state'] if 'state' in read else read)
        return part
    class Base(nn.Module):
        def restore(self, path):
            self.load_state_dict(torch.load(path))
    class Restored(Base, Flow):
        pass
    class Other(nn.Module):
        pass
    """
    plan = check(model(body, rest))
    (site,) = only(plan, "unknown")
    assert " is loaded (net.py:" in " ".join(site.reasons)


@pytest.mark.parametrize(
    "read",
    [
        "import scipy.io\nread = scipy.io.loadmat('flow.mat')",
        "import scipy.io as sio\nread = sio.loadmat('flow.mat')",
        "import numpy\nread = numpy.load('flow.npy', allow_pickle=True).item()",
    ],
)
def test_part_that_is_filled_tensor_by_tensor(read: str) -> None:
    made = "for name, m in self.motion.named_modules():\n    m.weight = nn.Parameter(read[name])"
    check(model(f"self.motion = Flow()\n{read}\n{made}", flow="keep"))
    fill = "for name, p in self.motion.named_parameters():\n    p.data.copy_(read[name])"
    check(model(f"self.motion = Flow()\n{read}\n{fill}", flow="keep"))


@pytest.mark.parametrize(
    "script",
    [
        """\
        def main(args):
            flow = Flow()
            flow.load_state_dict(torch.load(args.flow))
            model = Model(flow)
        """,
        """\
        def main(args):
            model = Model(Flow())
            load(model.motion, args.flow)
        def load(model, path):
            model.load_state_dict(torch.load(path))
        """,
        """\
        def main(args):
            model = Model(Flow())
            flow = model.motion
            flow.load_state_dict(torch.load(args.flow))
        """,
    ],
)
def test_part_that_a_script_loads(script: str) -> None:
    head = "\n-- train.py --\nfrom net import Flow, Model\n"
    check(model("self.motion = flow", arguments=", flow") + head + textwrap.dedent(script))


@pytest.mark.parametrize(
    "script",
    [
        # The whole model is resumed or tested, be it in a helper or in parallel.
        """\
        def main(args):
            model = Model()
            model.load_state_dict(torch.load(args.resume)['state_dict'])
        """,
        """\
        def main(args):
            model = nn.DataParallel(Model())
            resume(model, args.resume)
        def resume(model, path):
            model.load_state_dict(torch.load(path)['state_dict'])
        """,
        """\
        class Trainer:
            def __init__(self, args):
                self.model = Model()
                self.model.load_state_dict(torch.load(args.resume))
        """,
        """\
        class Wrapper(nn.Module):
            def __init__(self, path):
                super().__init__()
                self.model = Model()
                self.model.load_state_dict(torch.load(path))
        """,
        """\
        class Average:
            def __init__(self, path):
                self.fast, self.slow = Model(), Model()
                self.slow.load_state_dict(self.fast.state_dict())
        """,
        # Another object of the part's class is loaded, which no model holds.
        """\
        def main(args):
            flow = Flow()
            flow.load_state_dict(torch.load(args.flow))
        """,
        # Only what stands beside is loaded.
        """\
        def main(args):
            model = Model()
            model.trunk.load_state_dict(torch.load(args.trunk))
            optimizer = torch.optim.SGD(model.parameters())
            optimizer.load_state_dict(torch.load(args.optimizer))
        """,
    ],
)
def test_models_that_are_loaded_as_a_whole(script: str) -> None:
    head = "\n-- train.py --\nfrom net import Flow, Model\n"
    check(model("self.motion = Flow()", flow="convert") + head + textwrap.dedent(script))


@pytest.mark.parametrize(
    "body",
    [
        # A moving average is as new as what it follows.
        "self.motion, self.slow = Flow(), Flow()\n"
        "self.slow.load_state_dict(self.motion.state_dict())",
        "self.motion, self.slow = Flow(), Flow()\n"
        "for p, q in zip(self.slow.parameters(), self.motion.parameters()):\n"
        "    p.data.copy_(q.data)",
        # Its tensors are only set.
        "self.motion = Flow()\nself.motion.bn.weight.data = torch.ones(8)\n"
        "self.motion.bn.bias = nn.Parameter(torch.zeros(8))",
        "self.motion = Flow()\nconv = nn.Conv2d(8, 8, 1)\n"
        "self.motion.bn.weight = nn.Parameter(conv.weight * conv.bias)",
        # Another class loads itself by a method of the same name.
        "self.motion = Flow()\nfor part in [self.motion, Loads()]:\n    part.initialize()",
        # Nobody calls what would load it.
        "self.motion = Flow()\ndef fill():\n    Flow().load_state_dict(torch.load('flow.pth'))",
    ],
)
def test_nothing_comes_into_a_part(body: str) -> None:
    rest = """\
    class Loads(nn.Module):
        def initialize(self):
            self.load_state_dict(torch.load('other.pth'))
    """
    check(model(body, rest, flow="convert"))


@pytest.mark.parametrize(
    "body",
    [
        "flow = Flow()\nflow.load_state_dict(torch.load('flow.pth'))\nself.motion = Flow()\n"
        "self.motion.load_state_dict(flow.state_dict())",
        "flow = Flow()\nflow.load_state_dict(torch.load('flow.pth'))\nself.motion = Flow()\n"
        "for p, q in zip(self.motion.parameters(), flow.parameters()):\n"
        "    p.data.copy_(q.data)",
    ],
)
def test_copies_of_what_is_loaded(body: str) -> None:
    check(model(body))


def test_part_of_a_new_part() -> None:
    check(
        model(
            "self.neck = Neck()\nflow = self.neck.motion\n"
            "flow.load_state_dict(torch.load('flow.pth'))",
            """\
            class Neck(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.bn = nn.BatchNorm2d(8)  #! convert
                    self.motion = Flow()
            """,
        )
    )


NETWORK = """\
import torchvision
class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
{load}
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7)
        self.bn1 = nn.BatchNorm2d(8)  #! {member}
        self.layer1 = {stage}1
        self.layer2 = {stage}2
        self.layer3 = {stage}3
        self.attention = Attention()
        self.top = nn.BatchNorm2d(8)  #! {top}
{rest}
"""


@pytest.mark.parametrize(
    "rest",
    [
        "    def init_weights(self, path):\n"
        "        self.load_state_dict(torch.load(path), strict=False)",
        "",
    ],
)
def test_members_of_a_network_of_which_one_part_has_a_load_of_its_own(rest: str) -> None:
    load = "        self.load_state_dict(torch.load('attention.pth'))"
    text = NETWORK.format(
        name="ResNet",
        load=load,
        stage="nn.Conv2d(8, 8, 1)  # ",
        rest=rest,
        member="unknown",
        top="convert",
    )
    check(text)


@pytest.mark.parametrize("name", ["Segmenter", "ResNet"])
def test_model_that_only_takes_the_stages_of_a_network(name: str) -> None:
    stage = "torchvision.models.resnet18(pretrained=True).layer"
    text = NETWORK.format(name=name, load="", stage=stage, rest="", member="convert", top="convert")
    check(text.replace("#! keep", "#! convert"))


REGISTRY = """\
import torchvision
PARTS = {{}}
def register(cls):
    PARTS[cls.__name__] = cls
    return cls
def build(cfg):
    return PARTS[cfg.pop('type')](**cfg)
def load(model, path):
    model.load_state_dict(torch.load(path))
@register
class Neck(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {neck}
@register
class Model(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.neck = build(cfg.neck)
def main(cfg, path):
    model = build(cfg)
    {load}
"""


@pytest.mark.parametrize(
    ("load", "neck"),
    [
        ("load(model, path)", "convert"),
        ("model.load_state_dict(torch.load(path))", "convert"),
        ("model.neck.load_state_dict(torch.load(path))", "unknown"),
    ],
)
def test_what_a_registry_makes(load: str, neck: str) -> None:
    check(REGISTRY.format(load=load, neck=neck))


def test_settings_that_are_handed_around_with_a_model() -> None:
    check(
        model(
            "self.motion = cfg.motion or cfg",
            "class Config:\n    def __init__(self):\n        self.motion = Flow()\n"
            "def main(path):\n    fill([Config(), Model(Config())][1], path)\n"
            "def fill(net, path):\n    net.load_state_dict(torch.load(path))\n",
            flow="convert",
            arguments=", cfg",
        )
    )


def test_layers_of_a_function_that_a_name_may_mean_as_well() -> None:
    check("""\
-- models.py --
from net import Model, side
-- train.py --
import models
def main(args):
    model = models.__dict__[args.arch]()
    model.load_state_dict(torch.load(args.resume))
-- net.py --
import torchvision
def side():
    return nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.side = side()
""")


@pytest.mark.parametrize(
    "body",
    [
        "self.motion = Flow()\nstate = torch.load('flow.pth')\n"
        "for name, p in self.motion.named_parameters():\n    p.set_(state[name])",
        "self.motion = Flow()\nstate = torch.load('flow.pth')\n"
        "for name, p in self.motion.named_parameters():\n    p[:] = state[name]",
        "self.motion = Flow()\nstate = torch.load('flow.pth')\n"
        "for name, m in self.motion.named_modules():\n"
        "    setattr(m, 'weight', nn.Parameter(state[name]))",
        # What numpy makes of a file of another framework.
        "import numpy as np\nself.motion = Flow()\nstate = np.load('flow.npz')\n"
        "for name, p in self.motion.named_parameters():\n"
        "    p.data.copy_(torch.from_numpy(np.asarray(state[name])))",
    ],
)
def test_part_that_is_filled_in_other_words(body: str) -> None:
    check(model(body, flow="keep"))
