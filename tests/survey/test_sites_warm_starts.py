"""Training that starts from a file for a whole model, and says so."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

NET = """\
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
-- train.py --
from net import Net
{script}
"""
OPTIMIZER = "\noptimizer = torch.optim.SGD(net.parameters(), 0.1)"
HELPER = """\
def {name}(model, path):
    saved = torch.load(path)
    model.load_state_dict(saved, strict=False)
    return model
net = Net()
"""
READER = "def read(path):\n    return torch.load(path)\nnet = Net()\n"
COPY = """\
def copy(state, model):
    own = model.state_dict()
    for key, tensor in state.items():
        if key in own:
            own[key].copy_(tensor)
"""


def verdict(script: str, expected: str, optimizer: str = OPTIMIZER) -> None:
    check(NET.format(script=script + optimizer, verdict=expected))


@pytest.mark.parametrize(
    "script",
    [
        HELPER.format(name="load_pretrain") + "net = load_pretrain(net, args.file)",
        HELPER.format(name="load_pretrained_model") + "load_pretrained_model(net, 'a.pth')",
        HELPER.format(name="load") + "net = load(net, args.pretrained)",
        HELPER.format(name="load") + "if args.finetune:\n    load(net, args.file)",
        "net = Net()\nif args.init_from:\n    net.load_state_dict(torch.load(args.init_from))",
        # What is called so holds weights, and no training.
        "net = Net()\nif args.weights:\n    net.load_state_dict(torch.load(args.weights))",
        HELPER.format(name="load") + "if cfg.load_weights:\n    load(net, cfg.load_weights)",
        "net = Net()\nnet.load_state_dict(torch.load('pretrained/other.pth'))",
        "net = Net()\nsaved = torch.load(args.pretrained)\n"
        "mine = {k: v for k, v in saved.items() if k.startswith('module.')}\n"
        "net.load_state_dict(mine, strict=False)",
        "def load_pretrained(model, path):\n    own = model.state_dict()\n"
        "    for key, tensor in torch.load(path).items():\n        own[key].copy_(tensor)\n"
        "net = Net()\nload_pretrained(net, 'a.pth')",
        # Whoever downloads a file does not go on with it.
        "net = Net()\ngdown.download(url, 'a.pth')\nnet.load_state_dict(torch.load('a.pth'))",
        "net = Net()\nif not os.path.exists('a.pth'):\n    gdown.download(id='1', output='a.pth')\n"
        "net.load_state_dict(torch.load('a.pth'))",
        "net = Net()\nurllib.request.urlretrieve(url, args.file)\n"
        "net.load_state_dict(torch.load(args.file, map_location='cpu'))",
        "net = Net()\npath = os.path.join('w', 'a.pth')\n"
        "torch.hub.download_url_to_file(url, path)\n"
        "net.load_state_dict(torch.load(path))",
        "net = Net()\nos.system('wget https://host/a.pth')\nnet.load_state_dict(torch.load('a.pth'))",
        HELPER.format(name="load") + "wget.download(url, out='a.pth')\nload(net, 'a.pth')",
        "def fetch(path):\n    urlretrieve(url, path)\n"
        + HELPER.format(name="load")
        + "fetch('a.pth')\nload(net, 'a.pth')",
        # What the file is called says so, where a helper reads it as well.
        READER
        + "if args.init_1:\n    saved = read(args.init_1)\n    net.load_state_dict(saved['net'])",
        READER + "if args.start:\n    initial_weights = read(args.start)\n"
        "    net.load_state_dict(initial_weights['net'])",
        READER + "if full:\n    ckpt = read(args.pretrain)\n    state = ckpt['net']\n"
        "    net.load_state_dict(state, strict=False)",
        READER + COPY + "if full:\n    ckpt = read(args.pretrain)\n    copy(ckpt['net'], net)",
        READER + COPY + "if full:\n    copy(read(args.initial_model), net)",
        # Another load is the one that goes on.
        "net = Net()\nif args.finetune:\n    net.load_state_dict(torch.load(args.finetune))\n"
        "if args.resume:\n    net.load_state_dict(torch.load(args.resume))",
    ],
)
def test_script_that_starts_from_a_file(script: str) -> None:
    verdict(script, "unknown")


@pytest.mark.parametrize(
    "script",
    [
        # Nothing says what the file is,
        HELPER.format(name="load") + "if args.file:\n    net = load(net, args.file)",
        "net = Net()\nif args.model:\n    net.load_state_dict(torch.load(args.model))",
        "def load(model, path):\n    own = model.state_dict()\n"
        "    for key, tensor in torch.load(path).items():\n        own[key].copy_(tensor)\n"
        "net = Net()\nif args.file:\n    load(net, args.file)",
        # another file is downloaded, or it is only after the load,
        "net = Net()\ngdown.download(url, 'b.zip')\n"
        "if args.file:\n    net.load_state_dict(torch.load(args.file))",
        "net = Net()\nif args.file:\n    net.load_state_dict(torch.load(args.file))\n"
        "gdown.download(url, args.file)",
        "net = Net()\nos.system('wget https://host/b.zip')\n"
        "if args.file:\n    net.load_state_dict(torch.load(args.file))",
        "net = Net()\nos.system('rm ' + args.file)\n"
        "if args.file:\n    net.load_state_dict(torch.load(args.file))",
        "net = Net()\nupload(net, args.file)\n"
        "if args.file:\n    net.load_state_dict(torch.load(args.file))",
        # or it says that training goes on.
        "net = Net()\nif args.resume:\n    gdown.download(url, 'a.pth')\n"
        "    net.load_state_dict(torch.load('a.pth'))",
        HELPER.format(name="load_pretrained") + "load_pretrained(net, args.resume)",
        HELPER.format(name="load_pretrained") + "load_pretrained(net, args.snapshot)",
        "net = Net()\nif args.resume:\n    net.load_state_dict(torch.load(args.pretrained))",
        READER
        + "if full:\n    ckpt = read(args.resume)\n    net.load_state_dict(ckpt['pretrain'])",
        READER + COPY + "if full:\n    ckpt = read(args.resume)\n    copy(ckpt['pretrain'], net)",
        # Layers are initialised, and the file has no such name,
        READER + "nn.init_weights(net)\nif full:\n    net.load_state_dict(read(args.file))",
        READER + "init = read(args.pretrain)\nif full:\n    net.load_state_dict(read(args.file))",
        # The helper is handed another model, or is for parts and for whole models,
        HELPER.format(name="load_pretrained") + "load_pretrained(nn.Linear(8, 8), 'a.pth')",
        HELPER.format(name="load_pretrained")
        + "load_pretrained(net.trunk, 'a.pth')\nload_pretrained(net, args.file)",
        "net = Net()\nnet.trunk.load_state_dict(torch.load('pretrained.pth'))",
        # or it takes one part of it.
        "net = Net()\nsaved = torch.load(args.pretrained)\nmine = {}\n"
        "for k, v in saved.items():\n    if 'trunk' in k:\n        mine[k] = v\n"
        "net.load_state_dict(mine, strict=False)",
        "net = Net()\nsaved = torch.load(args.pretrained)\n"
        "mine = {k: v for k, v in saved.items() if k.startswith('trunk.')}\n"
        "net.load_state_dict(mine, strict=False)",
        # The optimizer is restored, too.
        "net = Net()\nif args.pretrained:\n    saved = torch.load(args.pretrained)\n"
        "    net.load_state_dict(saved['net'])\n    optimizer.load_state_dict(saved['optim'])",
        "net = Net()\nif args.finetune:\n    saved = torch.load(args.file)\n"
        "    net.load_state_dict(saved['net'])\n    net_opt.load_state_dict(saved['opt'])",
        "def load(model, optim, pretrained):\n    saved = torch.load(pretrained)\n"
        "    model.load_state_dict(saved['net'])\n    if optim is not None:\n"
        "        optim.load_state_dict(saved['optim'])\n"
        "net = Net()\nload(net, make_optim(net), 'a.pth')",
    ],
)
def test_script_that_does_not_start_from_it(script: str) -> None:
    verdict(script, "convert")


@pytest.mark.parametrize("after", ["", "\nnet.eval()\nother = Net()"])
def test_script_that_trains_nothing(after: str) -> None:
    script = HELPER.format(name="load_pretrained") + "load_pretrained(net, 'a.pth')"
    verdict(script, "convert", after)


def test_trainer_that_starts_from_a_file() -> None:
    trainer = """\
class Trainer:
    def __init__(self, config):
        self.net = Net()
        if config.{option}:
            self.begin(config.{option})
        self.optimizer = torch.optim.Adam(self.net.parameters())
    def begin(self, path):
        self.net.load_state_dict(torch.load(path), strict=False)
"""
    verdict(trainer.format(option="pretrained"), "unknown", "")
    verdict(trainer.format(option="weights"), "unknown", "")
    verdict(trainer.format(option="model"), "convert", "")
    verdict(trainer.format(option="resume"), "convert", "")
    # What makes the model says nothing of the file.
    made = trainer.replace("begin", "init_model")
    verdict(made.format(option="checkpoint"), "convert", "")


_BY_KEY = """\
from functools import reduce
def fill(model, path, tensor):
    *names, leaf = path.split('.')
    owner = reduce(getattr, names, model)
    owner._parameters[leaf] = nn.Parameter(tensor)
net, saved = Net(), torch.load(args.file)
own = net.state_dict()
for key, tensor in saved.items():
    {fill}
"""


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        ("fill(net, 'neck.' + key, tensor)", "unknown"),
        ("fill(net, f'neck.{key}', tensor)", "unknown"),
        ("own['neck.' + key].copy_(tensor)", "unknown"),
        ("own[f'neck.{key}'].data.copy_(tensor)", "unknown"),
        # All of the model is, by a file that is always read.
        ("own[key].copy_(tensor)", "unknown"),
        ("if key in own:\n        own[key].copy_(tensor)", "unknown"),
        ("own[key].copy_(saved['arg:' + key])", "unknown"),
        # Another part, or nothing of it is filled.
        ("fill(net, 'trunk.' + key, tensor)", "convert"),
        ("fill(net, key, tensor)", "convert"),
        ("own['trunk.' + key].copy_(tensor)", "convert"),
        ("print('neck.' + key, tensor)", "convert"),
        ("own['trunk.' + key].copy_(tensor)\n    print('neck.' + key)", "convert"),
    ],
)
def test_keys_of_one_part(fill: str, expected: str) -> None:
    verdict(_BY_KEY.format(fill=fill), expected)


_BY_HELPER = """\
def fill(model, path):
    own = model.state_dict()
    for key, tensor in torch.load(path).items():
        if key in own:
            own[key].copy_(tensor)
net = Net()
{start}
"""


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("fill(net, args.file)", "unknown"),
        ("if args.file:\n    fill(net, args.file)", "convert"),
        ("while True:\n    fill(net, 'last.pth')", "convert"),
        ("fill(net.trunk, args.file)", "convert"),
    ],
)
def test_helper_that_fills_tensor_by_tensor(start: str, expected: str) -> None:
    verdict(_BY_HELPER.format(start=start), expected)


_FACTORY = """\
def define(kind):
    if kind == 'large':
        return Net()
    return nn.DataParallel(Net())
"""


@pytest.mark.parametrize(
    "script",
    [
        "net = define(args.kind)\nnet.load_state_dict(torch.load('pretrained/other.pth'))",
        "def main():\n    net = nn.DataParallel(define(args.kind)).cuda()\n"
        "    net.load_state_dict(torch.load('pretrained/other.pth'))\nmain()\nnet = define('')",
        "class Trainer:\n    def build(self):\n        return define('large')\n"
        "    def __init__(self):\n        self.net = self.build()\n"
        "        self.net.load_state_dict(torch.load(args.pretrained))\nnet = Trainer().net",
        "net = define(args.kind)\nnet.load_state_dict(torch.load('seg.pth'))",
    ],
)
def test_what_a_factory_gives_is_the_model_of_the_script(script: str) -> None:
    verdict(_FACTORY + script, "unknown")


@pytest.mark.parametrize(
    "script",
    [
        # Nothing says what the file is, or that the training goes on.
        "net = define('')\nif args.file:\n    net.load_state_dict(torch.load(args.file))",
        "net = define('')\nif args.resume:\n    net.load_state_dict(torch.load(args.pretrained))",
        # A helper makes nothing of what it is handed.
        "class Run:\n    def __init__(self):\n        self.net = define('')\n"
        "    def model(self):\n        return self.net\n"
        "def evaluate(run):\n    model = run.model()\n"
        "    model.load_state_dict(torch.load('pretrained/own.pth'))\nrun = Run()\n"
        "evaluate(run)\nnet = run.net",
        # Another model is loaded.
        "net = define('')\nother = nn.Linear(8, 8)\n"
        "other.load_state_dict(torch.load('pretrained/other.pth'))",
    ],
)
def test_factory_whose_model_does_not_start_from_a_file(script: str) -> None:
    verdict(_FACTORY + script, "convert")


def test_helper_of_a_training_that_tests_finished_models() -> None:
    script = (
        _FACTORY
        + "def load_pretrained(model):\n    model = nn.DataParallel(model)\n"
        + "    model.load_state_dict(torch.load(args.file))\n    return model\nnet = define('')"
    )
    test = "\n-- test.py --\nfrom train import define, load_pretrained\nload_pretrained(define(''))"
    verdict(script, "convert", OPTIMIZER + test)


TRAINER = """\
class Base:
    def __init__(self, config, model):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), 0.1)
        if config["resume_file"] != "":
            self._load(config["resume_file"], resume=True)
        elif config["{name}"] != "":
            self._load(config["{name}"], resume={resume})
    def _load(self, path, resume):
        saved = torch.load(path)
        self.model.load_state_dict(saved["model"])
        if resume:
            self.optimizer.load_state_dict(saved["optimizer"])
class Trainer(Base):
    pass
trainer = Trainer(config, Net())
"""


def test_a_helper_that_is_handed_no_optimizer_does_not_go_on() -> None:
    script = (
        "def load(model, optim, pretrained):\n    saved = torch.load(pretrained)\n"
        "    model.load_state_dict(saved['net'])\n    if optim is not None:\n"
        "        optim.load_state_dict(saved['optim'])\nnet = Net()\nload(net, None, 'a.pth')"
    )
    verdict(script, "unknown")


@pytest.mark.parametrize(
    ("name", "resume", "expected"),
    [
        ("finetune_file", "False", "unknown"),
        ("finetune_file", "None", "unknown"),
        # It says so, or does so.
        ("resume_other", "False", "convert"),
        ("finetune_file", "True", "convert"),
        ("finetune_file", "config['again']", "convert"),
    ],
)
def test_one_helper_for_a_start_and_for_going_on(name: str, resume: str, expected: str) -> None:
    verdict(TRAINER.format(name=name, resume=resume), expected, "")


_REGISTERED = """\
-- registry.py --
class Registry:
    def __init__(self, name):
        self.entries = {{}}
    def get(self, name):
        return self.entries.get(name)
    def register(self, cls):
        self.entries[cls.__name__] = cls
        return cls
def build_from(cfg, registry):
    made = registry.get(cfg.type)
    return made(cfg)
NETS = Registry('nets')
def build_net(cfg):
    return build_from(cfg.net, NETS)
-- net.py --
import torchvision
from registry import NETS
@NETS.register
class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
-- files.py --
def fill(net, path):
    net.load_state_dict(torch.load(path))
def load_net(net, path, finetune_from=None):
    if finetune_from:
        fill(net, finetune_from)
        return
    net.load_state_dict(torch.load(path))
-- run.py --
import net
from files import fill, load_net
from registry import build_net
class Runner:
    def __init__(self, cfg):
        self.cfg = cfg
        self.net = {made}
        self.{method}()
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1)
    def {method}(self):
        if not self.cfg.file:
            return
        {load}
"""
_EITHER = "load_net(self.net, self.cfg.file, finetune_from=self.cfg.finetune_from)"


@pytest.mark.parametrize("made", ["build_net(cfg)", "nn.DataParallel(build_net(cfg)).cuda()"])
@pytest.mark.parametrize(
    ("method", "load", "expected"),
    [
        ("start", _EITHER, "unknown"),
        # A method's name says less than the option that it asks for;
        ("resume", _EITHER, "unknown"),
        ("resume", "fill(self.net, self.cfg.load_from)", "convert"),
        # not less than all else.
        ("resume", "fill(self.net, self.cfg.file)", "convert"),
        ("resume", "fill(self.net, self.cfg.resume_from)", "convert"),
        ("start", "if self.cfg.resume: fill(self.net, self.cfg.finetune_from)", "convert"),
    ],
)
def test_model_of_a_registry(made: str, method: str, load: str, expected: str) -> None:
    check(_REGISTERED.format(made=made, method=method, load=load, verdict=expected))
