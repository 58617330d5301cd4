"""Models that no class holds together: a script trains one on what the other gives."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_RESNET = """\
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
        self.load_state_dict(torch.hub.load_state_dict_from_url("https://x/resnet.pth"))
"""
_MODELS = """\
class Fuse(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {fuse}
"""


def _case(script: str, fuse: str) -> str:
    return _RESNET + _MODELS.format(fuse=fuse) + script


@pytest.mark.parametrize(
    "script",
    [
        """\
net, fuse = ResNet(), Fuse()
opt = torch.optim.SGD(list(net.parameters()) + list(fuse.parameters()), 0.1)
for x in loader:
    fuse(net(x)).sum().backward()
""",
        """\
net = ResNet()
fuse = Fuse()
opt = torch.optim.SGD(fuse.parameters(), 0.1)
for x in loader:
    f, g = net(x)
    out = fuse(torch.cat([f, g], 1))
""",
        # A trainer that is no module.
        """\
class Trainer:
    def __init__(self):
        self.net = ResNet()
        self.fuse = Fuse()
        self.optimizer = torch.optim.Adam(self.fuse.parameters())
    def step(self, x):
        features = self.net(x)
        self.out = self.fuse(features)
Trainer().step(None)
""",
        # Models under literal keys of a dict, and a list of parameters.
        """\
class Trainer:
    def __init__(self):
        self.models = {}
        self.parameters = []
        self.models["net"] = ResNet()
        self.parameters += list(self.models["net"].parameters())
        self.models["fuse"] = Fuse()
        self.parameters += list(self.models["fuse"].parameters())
        self.optimizer = torch.optim.Adam(self.parameters)
    def step(self, x):
        features = self.models["net"](x)
        return self.models["fuse"](features[0])
Trainer().step(None)
""",
        """\
models = {"net": ResNet(), "fuse": Fuse()}
opt = torch.optim.SGD([p for m in models.values() for p in m.parameters()], 0.1)
opt.add_param_group({"params": models["fuse"].parameters()})
features = []
features.append(models["net"](x))
models["fuse"](*features)
""",
        # Both go on from files of their own, or start from none.
        """\
net, fuse = ResNet(), Fuse()
if args.resume:
    net.load_state_dict(torch.load("net.pth"))
    fuse.load_state_dict(torch.load("fuse.pth"))
opt = torch.optim.SGD(fuse.parameters(), 0.1)
fuse.forward(net.forward(x))
""",
    ],
)
def test_model_that_is_trained_on_what_a_loaded_one_gives(script: str) -> None:
    check(_case(script, "convert"))


@pytest.mark.parametrize(
    "script",
    [
        # Not trained: as in a loss by a finished network.
        "net, fuse = ResNet(), Fuse()\n"
        "opt = torch.optim.SGD(net.parameters(), 0.1)\nfuse(net(x))\n",
        # Frozen, though an optimizer gets it.
        "net, fuse = ResNet(), Fuse()\n"
        "opt = torch.optim.SGD([*net.parameters(), *fuse.parameters()], 0.1)\n"
        "for p in fuse.parameters():\n    p.requires_grad = False\nfuse(net(x))\n",
        "net, fuse = ResNet(), Fuse()\nopt = torch.optim.SGD(fuse.parameters(), 0.1)\n"
        "fuse.requires_grad_(False)\nfuse(net(x))\n",
        # Counted, and nothing else.
        "net, fuse = ResNet(), Fuse()\n"
        "n = sum(p.numel() for p in fuse.parameters())\nfuse(net(x))\n",
        # Gets the images as well as everything else does.
        "net, fuse = ResNet(), Fuse()\nopt = torch.optim.SGD(fuse.parameters(), 0.1)\n"
        "net(x)\nfuse(x)\n",
        # The variable is another one's by then.
        "net, fuse = ResNet(), Fuse()\nopt = torch.optim.SGD(fuse.parameters(), 0.1)\n"
        "f = net(x)\nf = crop(x)\nfuse(f)\n",
        # Loaded where the one before it is not.
        "net, fuse = ResNet(), Fuse()\nfuse.load_state_dict(torch.load(args.fuse))\n"
        "opt = torch.optim.SGD(fuse.parameters(), 0.1)\nfuse(net(x))\n",
        # What comes before it may be something else, that nothing loads.
        "net = ResNet() if args.net else Fuse()\nfuse = Fuse()\n"
        "opt = torch.optim.SGD(fuse.parameters(), 0.1)\nfuse(net(x))\n",
        # Code that is not here may load it.
        "import tools\nnet, fuse = ResNet(), Fuse()\ntools.restore(fuse, 'fuse.pth')\n"
        "opt = torch.optim.SGD(fuse.parameters(), 0.1)\nfuse(net(x))\n",
        "from tools import load_pretrained as lp\nnet, fuse = ResNet(), Fuse()\n"
        "lp(model=fuse)\nopt = torch.optim.SGD(fuse.parameters(), 0.1)\nfuse(net(x))\n",
        # A start from files for both is no training that goes on,
        "net, fuse = ResNet(), Fuse()\nif args.pretrained:\n"
        "    net.load_state_dict(torch.load(args.net))\n"
        "    fuse.load_state_dict(torch.load(args.fuse))\n"
        "opt = torch.optim.SGD(fuse.parameters(), 0.1)\nfuse(net(x))\n",
        # nor is one by a function for any model.
        "def init(model, path):\n    model.load_state_dict(torch.load(path))\n"
        "net, fuse = ResNet(), Fuse()\ninit(net, args.net)\ninit(fuse, args.fuse)\n"
        "opt = torch.optim.SGD(fuse.parameters(), 0.1)\nfuse(net(x))\n",
        # nor one that always runs, however the file is called,
        "net, fuse = ResNet(), Fuse()\nnet.load_state_dict(torch.load('out/net_epoch_20.pth'))\n"
        "fuse.load_state_dict(torch.load('out/fuse_epoch_20.pth'))\n"
        "opt = torch.optim.SGD(fuse.parameters(), 0.1)\nfuse(net(x))\n",
        "net, fuse = ResNet(), Fuse()\nif args.weights:\n"
        "    net.load_state_dict(torch.load(args.weights)['last_net'])\n"
        "    fuse.load_state_dict(torch.load(args.weights)['last_fuse'])\n"
        "opt = torch.optim.SGD(fuse.parameters(), 0.1)\nfuse(net(x))\n",
        # nor one for whatever variables are there.
        "net, fuse = ResNet(), Fuse()\nfor name in ('net', 'fuse'):\n"
        "    locals()[name].load_state_dict(saved[name])\n"
        "opt = torch.optim.SGD(fuse.parameters(), 0.1)\nfuse(net(x))\n",
        # In a list, to code that is not here.
        "import tools\nnet, fuse = ResNet(), Fuse()\ntools.Loader(args).apply([net, fuse])\n"
        "opt = torch.optim.SGD(fuse.parameters(), 0.1)\nfuse(net(x))\n",
        # The call runs the loaded one as well as this.
        "net, fuse = ResNet(), Fuse()\nopt = torch.optim.SGD(fuse.parameters(), 0.1)\n"
        "for one in (net, fuse):\n    x = one(net(x))\n",
        # A key that is not written out may be that of any of them.
        "models = {}\nfor name, cls in (('a', ResNet), ('b', Fuse)):\n    models[name] = cls()\n"
        "opt = torch.optim.SGD(models[k].parameters(), 0.1)\nmodels[k](models[j](x))\n",
    ],
)
def test_model_of_which_that_is_not_certain_stays_undecided(script: str) -> None:
    check(_case(script, "unknown"))


def test_first_of_several_models_is_named_in_every_run() -> None:
    makers = "".join(
        f"class Top{n}(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"        self.block = Block()\n"
        for n in range(6)
    )
    plan = check(
        _RESNET
        + """\
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
"""
        + makers
        + "net, top = ResNet(), {str(n): t for n, t in enumerate([Top0, Top1, Top2, Top3, Top4, "
        "Top5])}[args.top]()\n"
        "opt = torch.optim.SGD(top.parameters(), 0.1)\ntop(net(x))\n"
    )
    [block] = [site for site in plan.sites if site.verdict == "convert"]
    assert block.reasons[0].startswith("Block is held by Top0.block")


def test_base_class_that_is_not_here_may_have_a_load_of_its_own() -> None:
    check(
        """\
import elsewhere
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
        self.load_state_dict(torch.hub.load_state_dict_from_url("https://x/resnet.pth"))
class Fuse(elsewhere.Base, nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! unknown
net, fuse = ResNet(), Fuse()
fuse.load_weights("fuse.pth")
opt = torch.optim.SGD(fuse.parameters(), 0.1)
fuse(net(x))
"""
    )


def test_part_of_another_model_is_not_judged_by_a_script() -> None:
    """In that model, it may be anything."""
    check(
        _case(
            """\
class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = Fuse()
whole = Whole()
net, fuse = ResNet(), Fuse()
opt = torch.optim.SGD(fuse.parameters(), 0.1)
fuse(net(x))
""",
            "unknown",
        )
    )


def test_network_by_its_name_is_no_head_for_its_place() -> None:
    check(
        _RESNET
        + """\
-- pose.py --
from net import ResNet
class PoseResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! unknown
net, pose = ResNet(), PoseResNet()
opt = torch.optim.SGD(pose.parameters(), 0.1)
pose(net(x))
"""
    )


def test_model_whose_own_code_speaks_of_weights_stays_undecided() -> None:
    check(
        _RESNET
        + """\
class Fuse(nn.Module):
    def __init__(self, pretrained=None):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! unknown
        fill(self, pretrained)
net, fuse = ResNet(), Fuse()
opt = torch.optim.SGD(fuse.parameters(), 0.1)
fuse(net(x))
"""
    )


_EVALUATED = """\
-- models.py --
{models}
-- train.py --
from models import ResNet, Fuse
net, fuse = ResNet(), Fuse()
opt = torch.optim.SGD(list(net.parameters()) + list(fuse.parameters()), 0.1)
for x in loader:
    fuse(net(x)).sum().backward()
-- other.py --
from models import ResNet, Fuse
net, fuse = ResNet(), Fuse()
fuse.load_state_dict(torch.load(path))
{use}
"""


@pytest.mark.parametrize(
    ("use", "fuse"),
    [
        ("fuse.train(False)\nout = fuse(net(x))", "convert"),
        ("fuse.eval()\nout = fuse(net(x))", "convert"),
        # It may be trained on from there.
        ("fuse.train()\nout = fuse(net(x))", "unknown"),
        ("fuse.train(False)\nfuse.train(True)\nout = fuse(net(x))", "unknown"),
        ("out = fuse(net(x))", "unknown"),
    ],
)
def test_model_that_a_test_loads(use: str, fuse: str) -> None:
    check(_EVALUATED.format(models=_RESNET + _MODELS.format(fuse=fuse), use=use))
