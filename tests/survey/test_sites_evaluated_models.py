"""Finished models that scripts evaluate: they do not tell what training starts from."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, only

_NET = """\
-- net.py --
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {head}
class ResNetSeg(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = self._make()
        self.layer2 = self._make()
        self.layer3 = self._make()
        self.layer4 = self._make()
        self.layer5 = Head()
    def _make(self):
        return nn.Sequential(Block())
{inner}"""
_TRAIN = """\
-- train.py --
from torch.utils import model_zoo
from net import ResNetSeg
{imported}
def main(args, loader):
    model = ResNetSeg()
    saved = model_zoo.load_url(args.init)
    own = model.state_dict().copy()
    for key in saved:
        if key.split('.')[0] != 'layer5':
            own[key] = saved[key]
    model.load_state_dict(own)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for x in loader:
        model(x).sum().backward()
        optimizer.step()
"""
_EVALUATE = """\
-- evaluate.py --
from torch.utils import model_zoo
from net import ResNetSeg
def main(args, loader):
    model = ResNetSeg()
    model.load_state_dict(model_zoo.load_url(args.restore_from))
    {evaluates}
    for x in loader:
        print(model(x))
"""


def _repository(
    head: str,
    evaluates: str = "model.eval()",
    train: str = _TRAIN.format(imported=""),
    inner: str = "",
) -> str:
    net = _NET.format(head=head, inner=inner)
    return net + train + _EVALUATE.format(evaluates=evaluates)


def test_what_is_evaluated_is_not_what_training_starts_from() -> None:
    check(_NET.format(head="unknown", inner="") + _TRAIN.format(imported=""))
    check(_repository("unknown"))
    check(_repository("unknown") + "-- colours.py --\nfrom evaluate import main\n")
    check(_repository("unknown", evaluates="torch.no_grad().__enter__()"))


def test_the_model_may_load_itself() -> None:
    inner = """\
    def init_weights(self, path):
        own = self.state_dict()
        own.update({k: v for k, v in torch.load(path).items() if 'layer5' not in k})
        self.load_state_dict(own)
"""
    check(_repository("unknown", train="", inner=inner))


@pytest.mark.parametrize(
    "text",
    [
        # Nothing else tells what it starts from.
        _repository("keep", train=""),
        # Nor does another script that trains nothing.
        _repository("keep", train=_TRAIN[: _TRAIN.index("    optimizer")].format(imported="")),
        # It may go on training.
        _repository("keep", evaluates="model.train(args.train)"),
        _repository("keep", evaluates="model.eval(); print(model(loader).sum().backward())"),
        # Nothing says what the script is for.
        _repository("keep", evaluates="pass"),
        # The training takes the model from there.
        _repository("keep", train=_TRAIN.format(imported="from evaluate import main")),
        _repository("keep", train=_TRAIN.format(imported="import evaluate")),
        _repository("keep", train=_TRAIN.format(imported="import tools"))
        + "-- tools.py --\nfrom evaluate import main\n",
    ],
)
def test_what_may_well_be_the_start_of_training_is_evidence(text: str) -> None:
    check(text)


_STARTED = (
    _EVALUATE
    + """\
def validate(model, loader):
    return [model(x) for x in loader]
{starts}
"""
)
_START = 'if __name__ == "__main__":\n    main(args, loader)'
_VALIDATES = _TRAIN.format(imported="from evaluate import validate")


def _started(head: str, train: str = _VALIDATES, starts: str = _START, more: str = "") -> str:
    net = _NET.format(head=head, inner="")
    evaluates = "model.eval()"
    return net + train + _STARTED.format(evaluates=evaluates, starts=starts) + more


@pytest.mark.parametrize(
    "starts",
    [
        _START,
        "def run():\n    main(args, loader)\nif '__main__' == __name__:\n    pass\n"
        'if __name__ == "__main__":\n    run()',
    ],
)
def test_training_does_not_start_with_what_a_script_does_that_it_takes_a_function_from(
    starts: str,
) -> None:
    check(_started("unknown", starts=starts))


@pytest.mark.parametrize(
    "text",
    [
        _started("keep", starts="main(args, loader)"),
        _started("keep", starts='if __name__ != "__main__":\n    main(args, loader)'),
        _started("keep", starts=_START + "\nelse:\n    main(args, loader)"),
        _started("keep", starts="def again():\n    main(args, loader)\n" + _START),
        _started("keep", starts="starts = [main]\n" + _START),
        # Whoever is given it may call it.
        _started("keep", starts='if __name__ == "__main__":\n    Thread(target=main).start()'),
        _started("keep", train=_TRAIN.format(imported="from evaluate import *\nmain(1, 2)")),
        _started("keep", train=_TRAIN.format(imported="import evaluate\nevaluate.main(1, 2)")),
        _started("keep", more="-- tools.py --\nimport evaluate\nprepare = evaluate.main\n"),
        # The script may train what it has loaded.
        _started("keep", starts="def go_on(opt):\n    opt.step()\n" + _START),
    ],
)
def test_training_may_start_with_what_it_takes_from_a_script(text: str) -> None:
    check(text)


def test_a_model_that_loads_itself_strictly_may_be_evaluated_in_its_own_file() -> None:
    inner = """\
    def init_weights(self, path):
        self.load_state_dict(torch.load(path))
def look(path):
    model = ResNetSeg()
    model.init_weights(path)
    return model.eval()
"""
    check(_NET.format(head="keep", inner=inner) + _TRAIN.format(imported=""))


_SHARED = """\
-- blocks.py --
class Bottleneck(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {block}
-- hrnet.py --
import torch.hub
from blocks import Bottleneck
class HRNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(Bottleneck())
        self.load_state_dict(torch.hub.load_state_dict_from_url('https://a.org/hrnet.pth'))
-- resnet.py --
from blocks import Bottleneck
class PoseResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(Bottleneck())
        self.layer2 = nn.Sequential(Bottleneck())
        self.layer3 = nn.Sequential(Bottleneck())
        self.deconv = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
-- train.py --
from hrnet import HRNet
{trains}
def main(loader):
    model = HRNet()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for x in loader:
        model(x).sum().backward()
-- demo.py --
from resnet import PoseResNet
def main(args):
    model = PoseResNet()
    model.load_state_dict(torch.load(args.path))
    {then}
"""


def test_a_model_that_is_only_evaluated_resumes_no_training() -> None:
    check(_SHARED.format(block="keep", trains="", then="model.eval()"))


def test_what_is_in_its_familys_checkpoint_is_backbone_all_the_same() -> None:
    check(
        """\
-- resnet.py --
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.deconv = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
-- evaluate.py --
from resnet import ResNet
def main(args):
    model = ResNet()
    model.load_state_dict(torch.load(args.path), strict=False)
    model.eval()
"""
    )


@pytest.mark.parametrize(
    ("trains", "then"),
    [
        ("", "model.train()"),
        ("", "pass"),  # nothing says what it is for
        ("from demo import main as other", "model.eval()"),
        ("from resnet import PoseResNet\nmodels = [PoseResNet()]", "model.eval()"),
    ],
)
def test_a_model_that_may_be_trained_may_resume(trains: str, then: str) -> None:
    check(_SHARED.format(block="conflict", trains=trains, then=then))


_WRAPPED = """\
-- parts.py --
class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
-- fused.py --
from parts import Regressor
class Fused(nn.Module):
    def __init__(self, pretrained_checkpoint=None):
        super().__init__()
        self.regressor = Regressor()
        if pretrained_checkpoint is not None:
            checkpoint = torch.load(pretrained_checkpoint)
            self.regressor.load_state_dict(checkpoint['regressor'])
-- demo.py --
from fused import Fused
def main(args):
    model = Fused(pretrained_checkpoint=args.path)
    {then}
-- train.py --
from parts import Regressor
{imported}
class Trainer:
    def __init__(self):
        self.model = {trained}
        self.optimizer = torch.optim.Adam(self.model.parameters())
    def step(self, x):
        self.model(x).sum().backward()
        self.optimizer.step()
"""


def _wrapped(
    verdict: str,
    then: str = "model.eval()",
    imported: str = "",
    trained: str = "Regressor()",
) -> str:
    return _WRAPPED.format(verdict=verdict, then=then, imported=imported, trained=trained)


def test_a_model_for_users_alone_loads_what_training_has_made() -> None:
    check(_wrapped("unknown"))


@pytest.mark.parametrize(
    "text",
    [
        # It may be what is trained.
        _wrapped("keep", imported="from fused import Fused", trained="Fused(None)"),
        _wrapped("keep", then="model.train()"),
        _wrapped("keep", then="pass"),
        _wrapped("keep", imported="import demo"),
        # Nothing else is.
        _wrapped("keep", trained="nn.Linear(3, 8)"),
    ],
)
def test_a_model_that_may_be_trained_may_start_from_what_it_loads(text: str) -> None:
    check(text)


def test_a_url_is_pretrained_whoever_loads_it() -> None:
    text = _wrapped("keep").replace("torch.load(", "torch.hub.load_state_dict_from_url(")
    check(text.replace("Regressor", "ResNet"))


_ONLY_NAMED = """\
-- net.py --
class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Trunk()
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {head}
{inner}-- demo.py --
from net import Net
def main(path, x):
    model = Net().{mode}
    model.load_state_dict(torch.load(path))
    print(model(x))
"""
_TRAINS_NET = """\
-- train.py --
from net import Net
def main(loader):
    model = Net()
    for x in loader:
        model(x).sum().backward()
"""


def test_nothing_is_new_in_a_finished_model_whose_backbone_has_no_more_than_its_name() -> None:
    plan = check(_ONLY_NAMED.format(head="unknown", inner="", mode="eval()"))
    (site,) = only(plan, "unknown")
    words = "nothing trains Net, and all of it loads weights by torch.load (demo.py:6)"
    assert any(words in why for why in site.reasons)
    assert not plan.strict_loads


@pytest.mark.parametrize(
    "text",
    [
        # Something trains it, be it where it is loaded;
        _ONLY_NAMED.format(head="convert", inner="", mode="eval()") + _TRAINS_NET,
        _ONLY_NAMED.format(head="convert", inner="", mode="train(path)"),
        # nothing loads it.
        _ONLY_NAMED.format(head="convert", inner="", mode="eval()").replace(
            "model.load_state_dict(torch.load(path))", "pass"
        ),
    ],
)
def test_what_is_new_in_a_model_that_something_trains(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "inner",
    [
        "        self.backbone.load_state_dict(torch.load('resnet.pth'))\n",
        "        if path.pretrained:\n            self.backbone.start(path)\n",
    ],
)
def test_nothing_is_new_in_a_finished_model_whatever_its_backbone_begins_with(inner: str) -> None:
    plan = check(_ONLY_NAMED.format(head="unknown", inner=inner, mode="eval()"))
    assert not plan.strict_loads
    # Another one may be trained.
    other = "-- other.py --\nfrom net import Net\nnet = Net()\n"
    check(_ONLY_NAMED.format(head="convert", inner=inner, mode="eval()") + other)


_WITHOUT_WEIGHTS = """\
-- resnet.py --
from torch.hub import load_state_dict_from_url
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {block}
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(Block())
        self.layer2 = nn.Sequential(Block())
def _resnet(arch, pretrained):
    model = ResNet()
    if pretrained:
        model.load_state_dict(load_state_dict_from_url('https://a.org/' + arch))
    return model
def resnet50(pretrained=False):
    return _resnet('resnet50', pretrained)
-- net.py --
import torchvision
from resnet import ResNet, resnet50
class Points(nn.Module):
    def __init__(self, given=None, pretrained=False):
        super().__init__()
        {made}
        self.layer1 = features.layer1
        self.up = nn.Sequential(nn.BatchNorm2d(8))  #! {up}
-- demo.py --
from net import Points
net = Points({given})
net.load_state_dict(torch.load('points.pth'), strict=True)
net.eval()
{others}"""
_TRAINS_POINTS = """\
-- train.py --
from net import Points
net = Points()
net(x).sum().backward()
"""


def _without_weights(
    up: str, made: str, given: str = "", others: str = "", block: str = "keep"
) -> str:
    made = f"features = {made}"
    return _WITHOUT_WEIGHTS.format(up=up, made=made, given=given, others=others, block=block)


@pytest.mark.parametrize(
    ("made", "block"),
    [
        ("torchvision.models.resnet50(pretrained=False)", "keep"),
        ("torchvision.models.resnet50(weights=None)", "keep"),
        ("resnet50()", "keep"),
        ("resnet50(pretrained=False)", "unknown"),
        ("resnet50(False).cuda()", "unknown"),
    ],
)
def test_nothing_is_new_in_a_finished_model_whose_backbone_asks_for_no_weights(
    made: str, block: str
) -> None:
    plan = check(_without_weights("unknown", made, block=block))
    assert not plan.strict_loads
    # Others may ask for them.
    others = "-- other.py --\nfrom resnet import resnet50\nnet = resnet50(True)\n"
    check(_without_weights("unknown", made, others=others))


@pytest.mark.parametrize(
    "text",
    [
        # Something trains it;
        _without_weights("convert", "resnet50()", others=_TRAINS_POINTS),
        _without_weights(
            "convert", "torchvision.models.resnet50(pretrained=False)", others=_TRAINS_POINTS
        ),
    ],
)
def test_what_is_new_in_a_finished_model_that_something_trains(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        _without_weights("unknown", "torchvision.models.resnet50(pretrained=True)"),
        _without_weights("unknown", "torchvision.models.resnet50(pretrained=pretrained)"),
        _without_weights("unknown", "resnet50(True)"),
        _without_weights("unknown", "resnet50(pretrained)"),
        _without_weights("unknown", "resnet50(**given)"),
        _without_weights("unknown", "resnet50(pretrained=True) if given else resnet50()"),
        _without_weights("unknown", "given or resnet50()", "resnet50(True)").replace(
            "import Points", "import Points, resnet50"
        ),
    ],
)
def test_nothing_is_new_in_a_finished_model_whose_backbone_may_have_weights(text: str) -> None:
    check(text)


def test_a_finished_model_in_the_file_that_evaluates_it() -> None:
    text = _without_weights("unknown", "torchvision.models.resnet50(pretrained=False)")
    text = text.replace("-- demo.py --\nfrom net import Points\n", "")
    check(text)
    check(text.replace("net.eval()", "net.train()").replace("#! unknown", "#! convert"))


_LOOKED_AT = """\
-- net.py --
import torchvision
class Reid(nn.Module):
    def __init__(self):
        super().__init__()
        resnet = torchvision.models.resnet50(pretrained=True)
        self.base = nn.Sequential(*list(resnet.children())[:-2])
        self.bn = nn.BatchNorm2d(2048)  #! {verdict}
{train}
-- demo.py --
from net import Reid
class Extractor(nn.Module):
    def __init__(self, submodule):
        super().__init__()
        self.submodule = submodule
net = Reid()
net.load_state_dict(torch.load('log/ep300.pth')['state_dict'])
{demo}
"""
_TRAINS = """\
-- train.py --
from net import Reid
net = Reid()
optimizer = torch.optim.SGD(net.parameters(), 0.1)
for x in []:
    net(x).sum().backward()
"""


def test_a_finished_model_in_something_that_looks_at_it() -> None:
    demo = "look = Extractor(net)\nnet.eval()"
    check(_LOOKED_AT.format(verdict="convert", train=_TRAINS, demo=demo))
    # What it imports may have more than it makes use of.
    tools = "-- tools.py --\ndef keep(net):\n    torch.save(net, 'a.pth')\ndef show(x): print(x)\n"
    demo += "\nimport tools\ntools.show(look(x))"
    check(_LOOKED_AT.format(verdict="convert", train=_TRAINS + tools, demo=demo))


@pytest.mark.parametrize(
    ("train", "demo"),
    [
        # It is trained there, as a part of the other one,
        (_TRAINS, "look = Extractor(net)\noptimizer = torch.optim.SGD(look.parameters(), 0.1)"),
        (_TRAINS, "look = Extractor(net)\nlook.eval()\nlook(x).sum().backward()"),
        # or by a file that imports this one,
        (
            f"{_TRAINS}-- tune.py --\nimport demo\ndemo.look(x).sum().backward()\n",
            "look = Extractor(net)\nnet.eval()",
        ),
        # in code that is some steps away,
        (
            f"{_TRAINS}-- agent.py --\nimport loops\nclass Agent:\n"
            "    def __init__(self, net):\n        loops.go(net)\n"
            "-- loops.py --\ndef go(net):\n    net(x).sum().backward()\n",
            "from agent import Agent\nAgent(Extractor(net))\nnet.eval()",
        ),
        # also where that comes together with the model in a third file,
        (
            f"{_TRAINS}-- tune.py --\nimport demo\nimport loops\nloops.go(demo.look)\n"
            "-- loops.py --\ndef go(net):\n    net(x).sum().backward()\n",
            "look = Extractor(net)\nnet.eval()",
        ),
        # or a function is handed over,
        (
            f"{_TRAINS}-- work.py --\ndef work(net):\n    net(x).sum().backward()\n",
            "from work import work\nspawn(work, Extractor(net))\nnet.eval()",
        ),
        # by what another library has for it,
        (_TRAINS, "from torch.optim import Adam\nAdam(Extractor(net).parameters())\nnet.eval()"),
        (_TRAINS, "from fastai.vision.all import Learner\nLearner(Extractor(net))\nnet.eval()"),
        (
            _TRAINS,
            "class Lit(LightningModule):\n    def training_step(self, x):\n"
            "        return Extractor(net)(x)\nnet.eval()",
        ),
        (
            _TRAINS,
            "from ignite.engine import create_supervised_trainer\nnet.eval()\n"
            "create_supervised_trainer(Extractor(net))",
        ),
        # or by whoever imports or calls it by a name that nobody knows,
        *(
            (
                f"{_TRAINS}-- tune.py --\n{named}.sum().backward()\n",
                "look = Extractor(net)\nnet.eval()",
            )
            for named in (
                "import_module(args.name).look(x)",
                "__import__('demo').look(x)",
                "getattr(args.of, f'{args.name}')(x)",
                "globals()[args.name](x)",
                "hydra.utils.instantiate(args.model)(x)",
            )
        ),
        # or its file becomes another one,
        (_TRAINS, "look = Extractor(net)\nnet.eval()\ntorch.save(net, 'start.pth')"),
        (
            f"{_TRAINS}-- tools.py --\ndef put(net):\n    torch.save(net, 'start.pth')\n",
            "import tools\nlook = Extractor(net)\nnet.eval()\ntools.put(net)",
        ),
        # or nobody says what it is for.
        (_TRAINS, "look = Extractor(net)"),
        ("", "look = Extractor(net)\nnet.eval()"),
    ],
)
def test_a_part_that_may_be_trained_is_loaded_as_such(train: str, demo: str) -> None:
    check(_LOOKED_AT.format(verdict="unknown", train=train, demo=demo))


_ASKED = """\
-- net.py --
import torchvision
class VggTrunk(nn.Module):
    def __init__(self, pretrained=True):
        super().__init__()
        vgg = torchvision.models.vgg16_bn(
            weights=torchvision.models.VGG16_BN_Weights.DEFAULT if pretrained else None
        )
        self.slice = nn.Sequential(*list(vgg.features)[:12])
        if not pretrained:
            self.slice.apply(print)
class Net(nn.Module):
    def __init__(self, pretrained={default}):
        super().__init__()
        self.base = VggTrunk({handed})
        self.up = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {up}
-- demo.py --
from net import Net
def main(path, x):
    model = Net({given})
    model.load_state_dict(torch.load(path))
    model.eval()
    print(model(x))
"""


def _asked(up: str, default: str = "False", handed: str = "pretrained", given: str = "") -> str:
    return _ASKED.format(up=up, default=default, handed=handed, given=given)


@pytest.mark.parametrize(
    "text",
    [
        _asked("unknown"),
        _asked("unknown", given="pretrained=False"),
        _asked("unknown", default="True", given="False"),
        _asked("unknown", handed="pretrained=False"),
    ],
)
def test_a_finished_model_that_nothing_makes_with_pretrained_weights(text: str) -> None:
    check(text)


_OTHER = "-- other.py --\nfrom net import Net\n"


@pytest.mark.parametrize(
    "text",
    [
        # It is made with them, for all that is known;
        _asked("unknown", default="True"),
        _asked("unknown", given="True"),
        _asked("unknown", given="path"),
        _asked("unknown", given="**path"),
        _asked("unknown", handed="True"),
        _asked("unknown", handed=""),
        _asked("unknown", handed="pretrained or path"),
        # by someone;
        _asked("convert") + f"{_OTHER}def build():\n    return Net(pretrained=True)\n",
        _asked("unknown").replace("        super()", "        pretrained = True\n        super()"),
        # something trains it.
        _asked("convert") + _TRAINS_NET,
    ],
)
def test_a_finished_model_that_may_have_been_made_with_pretrained_weights(text: str) -> None:
    check(text)


_DEMO = """\
-- net.py --
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)  #! {verdict}
        self.layer1 = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))  #! {verdict}
class Seg(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet50(pretrained=True)
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {neck}
{more}
-- train.py --
from net import Net, Seg
for net in (Net(), Seg()):
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    net(1).sum().backward()
    optimizer.step()
-- engine.py --
def learn(net):
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    net(1).sum().backward()
    optimizer.step()
-- demo.py --
from mmcv.runner import load_checkpoint
from net import Net, Seg
URL = 'https://a.org/net-12345678.pth'
URLS = {{'s': 'https://a.org/s-12345678.pth', 'm': 'https://a.org/m-12345678.pth'}}
for made in (Net, Seg):
    net = made()
    {loads}
    net.eval()
"""


def _demo(verdict: str, neck: str, loads: str, more: str = "") -> str:
    return _DEMO.format(verdict=verdict, neck=neck, loads=loads, more=more)


@pytest.mark.parametrize(
    "loads",
    [
        "load_checkpoint(net, 'https://a.org/net-12345678.pth')",
        "load_checkpoint(net, URL, map_location='cpu')",
        "load_checkpoint(net, URLS[args.size])",
    ],
)
def test_a_demo_loads_what_the_training_gave(loads: str) -> None:
    check(_demo("unknown", "convert", loads))


@pytest.mark.parametrize(
    ("loads", "more"),
    [
        # The demo trains, or imports what does.
        ("load_checkpoint(net, URL)\n    torch.optim.SGD(net.parameters(), 0.1).step()", ""),
        ("load_checkpoint(net, URL)\n    from engine import learn\n    learn(net)", ""),
        # What trains makes use of it.
        ("load_checkpoint(net, URL)", "-- tune.py --\nfrom demo import net\nnet.train()\n"),
    ],
)
def test_a_demo_that_may_be_trained(loads: str, more: str) -> None:
    check(_demo("keep", "unknown", loads, more))


def test_a_demo_of_what_nothing_trains_here() -> None:
    text = _demo("keep", "unknown", "load_checkpoint(net, URL)")
    check(text.replace("for net in (Net(), Seg()):", "for net in load(1):"))


_AGENT = """\
-- net.py --
class Config:
    width = 8
class Points(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm1d(8)  #! {verdict}
class Driver(nn.Module):
    def __init__(self):
        super().__init__()
        self.config = Config()
        self.points = Points()
-- agent.py --
from simulator import base
from net import Driver
class Agent(base.Driving):
    def setup(self, files):
        self.drivers = []
        for file in files:
            net = Driver()
            net.load_state_dict(torch.load(file), strict=False)
            {mode}
            self.drivers.append(net)
            {kept}
-- train.py --
{imported}
def main(args, loader):
    model = {made}
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for x in loader:
        model(x).sum().backward()
        optimizer.step()
"""


@pytest.mark.parametrize(
    ("verdict", "changes"),
    [
        ("unknown", {}),
        ("unknown", {"kept": "self.config = net.config", "mode": "net.train()"}),
        # The agent may learn, or be what is trained, or the training may get the model from it.
        ("keep", {"mode": "net.train()"}),
        ("keep", {"imported": "from agent import Agent", "made": "Agent().setup(args)"}),
        ("keep", {"imported": "", "made": "torch.load('driver.pt')"}),
    ],
)
def test_an_agent_drives_with_what_training_gave(verdict: str, changes: dict[str, str]) -> None:
    parts = {"mode": "net.eval()", "imported": "from net import Driver", "made": "Driver()"}
    parts |= {"kept": "self.points = net.points"}
    check(_AGENT.format(verdict=verdict, **{**parts, **changes}))
