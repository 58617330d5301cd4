"""Weights that come only if an option says so which is off by default: no freeze for certain."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

MODEL = """
import torch
import torchvision
from torch import nn
from torch.utils import model_zoo

class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)
        self.layer1 = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))
        self.layer2 = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))
        self.layer3 = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))

def resnet18(pretrained=False):
    model = ResNet()
    if pretrained:
        model.load_state_dict(model_zoo.load_url("https://example.org/resnet18.pth"))
    return model

def load(model, path):
    own = model.state_dict()
    for name, tensor in torch.load(path).items():
        if name in own:
            own[name].copy_(tensor)
    return model

class Detector(nn.Module):
    def __init__(self, pretrained=True):
        super().__init__()
        self.backbone = resnet18(pretrained)
        self.head = nn.Conv2d(8, 4, 1)

class Outside(nn.Module):
    def __init__(self, opt):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=opt.pretrained)
        self.head = nn.Conv2d(8, 4, 1)

class Necked(nn.Module):
    def __init__(self, pretrained=True):
        super().__init__()
        self.backbone = resnet18(pretrained)
        self.neck = nn.Sequential(nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4))
"""
SCRIPT = """
import argparse
import torch
import model

def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch")
    {option}
    return parser.parse_args()

def train(net, loader):
    net.train()
    for x in loader:
        net(x)

def main(args, loader):
    {made}
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for epoch in range(3):
        train(net, loader)
"""
OFF = 'parser.add_argument("--pretrained", action="store_true", help="use weights")'
MADE = "net = model.resnet18(args.pretrained)"


def _plan(made: str = MADE, option: str = OFF, settings: Settings = Settings()) -> Plan:  # noqa: B008
    made = made.replace("\n", "\n    ")
    files = {"model.py": MODEL, "train.py": SCRIPT.format(made=made, option=option)}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    return plan_repository(Repository(Path("/repository"), read), settings)


def _is_changed(plan: Plan) -> bool:
    return any(file.freezes or file.loop_guards or file.model_guards for file in plan.files)


@pytest.mark.parametrize(
    "made",
    [
        MADE,
        "net = model.resnet18(pretrained=args.pretrained)\nnet = torch.nn.DataParallel(net)",
        "net = model.Detector(args.pretrained)",
        "net = model.Outside(args)",
        "net = model.resnet18()\nif args.pretrained:\n    net = model.load(net, args.pretrained)",
        "net = model.resnet18()\n"
        "if args.pretrained is not None:\n    net = model.load(net, args.pretrained)",
    ],
)
def test_an_option_that_is_off_by_default(made: str) -> None:
    plan = _plan(made)
    assert not _is_changed(plan)
    found = [one for one in findings(plan) if one.code in ("BN201", "BN202")]
    assert {one.code for one in found} == {"BN201", "BN202"}
    for one in found:
        assert "weights come only with args.pretrained (train.py:9)" in one.message or (
            "weights come only with opt.pretrained (train.py:9)" in one.message
        )


@pytest.mark.parametrize(
    "option",
    [
        'parser.add_argument("--pretrained", default=None)',
        'parser.add_argument("--pretrained", type=str, default="")',
        'parser.add_argument("-p", "--pretrained")',
        'parser.add_argument("--pretrained", required=False)',
        'parser.add_argument("--weights", dest="pretrained", default=False)',
        "cfg = dict(pretrained=None)",
    ],
)
def test_ways_to_say_that_it_is_off(option: str) -> None:
    assert not _is_changed(_plan(option=option))


@pytest.mark.parametrize(
    "option",
    [
        'parser.add_argument("--pretrained", default="resnet18.pth")',
        'parser.add_argument("--pretrained", default=True)',
        'parser.add_argument("--scratch", dest="pretrained", action="store_false")',
        'parser.add_argument("--pretrained", required=True)',
        'parser.add_argument("pretrained")',
        # Who sets it is not seen, or another script has it on.
        "pass",
        f"{OFF}; parser.set_defaults(pretrained=True)",
        f"{OFF}; args.pretrained = find()",
        f"{OFF}; args.pretrained = find(args.pretrained)",
        f"{OFF}; args.pretrained = os.path.expanduser(args.other)",
        f"{OFF}; cfg = {{'pretrained': 'resnet18.pth'}}",
    ],
)
def test_an_option_that_may_be_on(option: str) -> None:
    assert _is_changed(_plan(option=option))


@pytest.mark.parametrize(
    "made",
    [
        "net = model.resnet18(True)",
        "net = model.Detector()",
        "net = model.resnet18(not args.pretrained)",
        # Weights come in another way as well, or without.
        "net = model.resnet18(True) if args.arch else model.resnet18(args.pretrained)",
        "net = model.resnet18(args.pretrained)\nnet = model.load(net, 'resnet18.pth')",
        "net = model.resnet18()\nif not args.pretrained:\n    net = model.resnet18(True)",
        # What is called so is no option.
        "pretrained = find()\nnet = model.resnet18(pretrained)",
    ],
)
def test_weights_that_come_without_the_option(made: str) -> None:
    assert _is_changed(_plan(made))


@pytest.mark.parametrize("option", [OFF, 'parser.add_argument("--pretrained", default=None)'])
def test_what_has_new_layers_is_fine_tuned(option: str) -> None:
    assert _is_changed(_plan("net = model.Necked(args.pretrained)", option))


AFRESH = """
class Afresh(nn.Module):
    def __init__(self, opt):
        super().__init__()
        net = torchvision.models.resnet18(pretrained=opt.pretrained)
        {otherwise}
        self.stage1 = net._modules["layer1"]
        self.stage2 = net._modules["layer2"]
        self.neck = nn.Sequential(nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4))
"""
RESTORED = "saved = torch.load(args.arch)\nargs = saved['args']\nnet = model.Afresh(args)"


def _afresh(otherwise: str, made: str = "net = model.Afresh(args)") -> Plan:
    script = SCRIPT.format(made=made.replace("\n", "\n    "), option=OFF)
    texts = {"model.py": MODEL + AFRESH.format(otherwise=otherwise), "train.py": script}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in texts.items())
    return plan_repository(Repository(Path("/repository"), read), Settings())


@pytest.mark.parametrize("made", ["net = model.Afresh(args)", RESTORED])
def test_what_is_filled_otherwise_is_trained_from_scratch_as_well(made: str) -> None:
    plan = _afresh("if not opt.pretrained: net.apply(fill)", made)
    assert not any(file.freezes or file.loop_guards for file in plan.files)
    found = [one for one in findings(plan) if one.code in ("BN201", "BN202")]
    assert found
    assert all("weights come only with" in one.message for one in found)


@pytest.mark.parametrize(
    "otherwise",
    ["pass", "net.apply(fill)", "if opt.pretrained: net.apply(fill)", "if not opt.wide: fill(net)"],
)
def test_what_is_filled_in_any_case_says_nothing(otherwise: str) -> None:
    assert _is_changed(_afresh(otherwise))


HANDED = """
import argparse
import torch
from torch import nn
import model

class Whole(nn.Module):
    def __init__(self, path=None):
        super().__init__()
        self.backbone = model.resnet18()
        self.head = nn.Conv2d(8, 4, 1)
        if path is not None:
            self.backbone.load_state_dict(torch.load(path + "/backbone"), strict=True)

class Training:
    def __init__(self, rate, path=None):
        self.path = path
        self.net = Whole(self.path)
        self.optimizer = torch.optim.SGD(self.net.parameters(), rate)

    def run(self, loader):
        self.net.train()
        for x in loader:
            self.net(x).sum().backward()

class Using:
    def __init__(self, folder):
        self.net = Whole(folder).eval()

parser = argparse.ArgumentParser()
parser.add_argument("--weights", type=str, default={default})
args = parser.parse_args()
Training({given}).run([])
{more}
"""


def _handed(given: str, default: str = "None", more: str = "") -> bool:
    script = HANDED.format(given=given, default=default, more=more)
    texts = {"model.py": MODEL, "train.py": script}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in texts.items())
    return _is_changed(plan_repository(Repository(Path("/repository"), read), Settings()))


@pytest.mark.parametrize("given", ["0.1, args.weights", "0.1, path=args.weights"])
def test_an_option_that_is_handed_on(given: str) -> None:
    assert not _handed(given)
    assert not _handed(given, more="Using('finished')")


@pytest.mark.parametrize(
    ("given", "default", "more"),
    [
        ("0.1, args.weights", "'published'", ""),
        ("0.1, 'published'", "None", ""),
        ("0.1, args.weights", "None", "Training(0.1, 'published').run([])"),
    ],
)
def test_weights_that_are_handed_on_for_certain(given: str, default: str, more: str) -> None:
    assert _handed(given, default, more)


def test_what_a_setting_says_is_certain() -> None:
    settings = Settings(backbone=("ResNet",))
    assert _is_changed(_plan(settings=settings))


@pytest.mark.parametrize(("value", "changed"), [("false", False), ("true  # always", True)])
def test_yaml_files_say_what_an_option_is(tmp_path: Path, value: str, changed: bool) -> None:
    (tmp_path / "net.yaml").write_text(f"model:\n  pretrained: {value}\n")
    files = {"model.py": MODEL, "train.py": SCRIPT.format(made=MADE, option="pass")}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    repository = Repository(tmp_path, read, yaml_paths=(str(tmp_path / "net.yaml"),))
    plan = plan_repository(repository, Settings())
    assert _is_changed(plan) is changed
    if not changed:
        assert any("args.pretrained (net.yaml)" in one.message for one in findings(plan))


def test_a_setting_says_that_a_model_without_weights_has_some() -> None:
    made = "net = model.Necked(pretrained=False)"
    assert _is_changed(_plan(made, option="pass", settings=Settings(backbone=("Necked.backbone",))))


LOOP = """
import torch
import model
from train import train

def other(loader):
    net = model.resnet18(True)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for epoch in range(3):
        train(net, loader)
"""


def test_a_loop_that_others_share_is_not_guarded() -> None:
    """What is frozen for certain stays frozen, but the loop may train from scratch as well."""
    files = {"model.py": MODEL, "train.py": SCRIPT.format(made=MADE, option=OFF), "more.py": LOOP}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert [file.path for file in plan.files if file.freezes] == ["more.py"]
    assert not any(file.loop_guards or file.model_guards for file in plan.files)


@pytest.mark.parametrize(
    "made",
    [
        "net = model.resnet18(pretrained=False)",
        "net = model.resnet18()\nnet = torch.nn.DataParallel(net).cuda()",
        "if args.arch:\n    net = model.resnet18(False)\nelse:\n    net = model.resnet18()",
        # Be it that new layers stand beside it.
        "net = model.Necked(pretrained=False)",
        "net = model.Necked(False)\nif args.resume:\n    net.load_state_dict(torch.load(args.a))",
    ],
)
def test_a_script_that_asks_for_no_weights(made: str) -> None:
    plan = _plan(made, option="pass")
    assert not _is_changed(plan)
    found = [one.message for one in findings(plan) if one.code == "BN201"]
    assert found
    assert all("it is made without weights (train.py:" in message for message in found)


@pytest.mark.parametrize(
    "made",
    [
        "net = model.resnet18(pretrained=True)",
        # Who knows what is asked for, or one of them is.
        "net = model.resnet18(args.weights)",
        "net = model.resnet18(True) if loader else model.resnet18()",
        # Weights come later on.
        "net = model.resnet18()\nnet = model.load(net, 'resnet18.pth')",
        "net = model.Necked()",
        "net = model.Necked(loader)",
        "net = model.Necked(False)\nnet.backbone.load_state_dict(torch.load('resnet18.pth'))",
        "net = model.Necked(False)\nnet.load_state_dict(torch.load(args.start))",
        "net = partial(model.Necked, True)() if loader else model.Necked(False)",
    ],
)
def test_a_script_that_may_have_weights(made: str) -> None:
    assert _is_changed(_plan(made, option="pass"))


def _with_config(made: str, config: str, other: str = "") -> Plan:
    script = SCRIPT.format(made=made.replace("\n", "\n    "), option="pass")
    texts = {
        "model.py": MODEL,
        "one/train.py": script.replace("import model", "import model\nfrom config import config"),
        "one/config.py": config,
        "two/config.py": other or "pass",
    }
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in texts.items())
    return plan_repository(Repository(Path("/repository"), read), Settings())


CONFIG = "C = edict()\nconfig = C\nC.weights = {}\n"
BY_CONFIG = "net = model.resnet18(config.weights)"


@pytest.mark.parametrize("other", ["", CONFIG.format("'resnet18.pth'")])
@pytest.mark.parametrize("config", [CONFIG.format(None), "config.weights = False"])
def test_a_config_beside_the_script(config: str, other: str) -> None:
    plan = _with_config(BY_CONFIG, config, other)
    assert not _is_changed(plan)
    assert any("config.weights (one/config.py:" in one.message for one in findings(plan))


@pytest.mark.parametrize(
    ("config", "other"),
    [
        (CONFIG.format("'resnet18.pth'"), CONFIG.format(None)),
        (CONFIG.format(None) + "C.weights = find()\n", ""),
        # It is another object's, as far as anything tells.
        ("class A: pass\nA.weights = None\n", ""),
        ("pass", CONFIG.format(None) + "config.weights = 'resnet18.pth'\n"),
    ],
)
def test_a_config_that_may_have_it_on(config: str, other: str) -> None:
    assert _is_changed(_with_config(BY_CONFIG, config, other))


_BY_PATH = "net = model.resnet18()\nif {test}:\n    net = model.load(net, config.weights)\n"
_BY_PATH += "else:\n    net.apply(fill)"


@pytest.mark.parametrize("test", ["type(config.weights) == str", "isinstance(config.weights, str)"])
def test_what_is_no_path_brings_no_weights(test: str) -> None:
    made = _BY_PATH.format(test=test)
    plan = _with_config(made, CONFIG.format(True))
    assert not _is_changed(plan)
    assert any("a path in config.weights (one/config.py:" in one.message for one in findings(plan))
    assert _is_changed(_with_config(made, CONFIG.format("'resnet18.pth'")))
    assert _is_changed(_with_config(made, CONFIG.format("find()")))


@pytest.mark.parametrize("given", ["config.weights", "path=config.weights"])
def test_a_path_that_is_handed_on(given: str) -> None:
    made = f"""def build(path=True):
    net = model.resnet18()
    if type(path) is str:
        net = model.load(net, path)
    return net
net = build({given})"""
    assert not _is_changed(_with_config(made, CONFIG.format(True)))
    assert _is_changed(_with_config(made, CONFIG.format("'resnet18.pth'")))


def test_other_kinds_are_no_paths() -> None:
    made = _BY_PATH.format(test="isinstance(config.weights, bool)")
    assert _is_changed(_with_config(made, CONFIG.format(True)))


def test_a_config_that_holds_no_layers_is_read_from_the_disk(tmp_path: Path) -> None:
    script = SCRIPT.format(made=BY_CONFIG, option="pass")
    script = script.replace("import model", "import model\nfrom config import config")
    files = {"model.py": MODEL, "train.py": script}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    (tmp_path / "config.py").write_text(CONFIG.format(None))
    assert not _is_changed(plan_repository(Repository(tmp_path, read), Settings()))
    (tmp_path / "config.py").write_text("C = (")
    assert _is_changed(plan_repository(Repository(tmp_path, read), Settings()))


def test_a_freeze_beside_new_layers_names_the_option() -> None:
    def message(made: str, option: str) -> str:
        plan = _plan(made, option)
        assert _is_changed(plan)
        (found,) = [one for one in findings(plan) if one.code == "BN201"]
        assert found.fixable
        return found.message

    asked = "weights come only with args.pretrained (train.py:9), which is off by default"
    assert asked in message("net = model.Necked(args.pretrained)", OFF)
    on = 'parser.add_argument("--pretrained", default="resnet18.pth")'
    assert "weights come only" not in message("net = model.Necked(args.pretrained)", on)
    assert "weights come only" not in message("net = model.Necked()", OFF)


def _beside(script: str, **configs: str) -> bool:
    """Whether a freeze is written for a script with ``config.py`` and other files beside it."""
    texts = {
        "model.py": MODEL,
        "train.py": SCRIPT.format(made=BY_CONFIG, option="pass").replace(
            "import model", f"import model\n{script}"
        ),
        "config.py": CONFIG.format(None),
        "other/big.py": "from torch import nn\nnorm = nn.BatchNorm2d(8)\nconfig.weights = find()",
        **{f"{name}.py": text for name, text in configs.items()},
    }
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in texts.items())
    return _is_changed(plan_repository(Repository(Path("/repository"), read), Settings()))


ON = "from config import C\nconfig = C\nC.weights = 'resnet18.pth'"


@pytest.mark.parametrize(
    ("script", "configs"),
    [
        # It is merged with what a file says, and one says that it is on.
        ("from config import config\nconfig.update(read('a.yaml'))", {}),
        ("from config import config\nmerge(config, 'a.yaml')", {}),
        ("from config import config, fill\nfill('a.yaml')", {}),
        # Another file sets it.
        ("import big\nfrom config import config", {"big": ON}),
        ("from big import size\nfrom config import config", {"big": ON}),
        ("from config import config\nconfig.weights = 'resnet18.pth'", {}),
    ],
)
def test_what_may_switch_on_the_option_of_a_config_beside(
    script: str, configs: dict[str, str]
) -> None:
    assert _beside(script, **configs)


@pytest.mark.parametrize(
    ("script", "configs"),
    [
        ("from config import config", {}),
        ("from config import config\nprint(config)\nconfig.copy()", {}),
        ("from config import config\nstate.update(weights=1)", {}),
        ("from config import config", {"big": ON}),  # which nothing imports
        # They say nothing of this config, or that it is off.
        ("import big\nfrom config import config", {"big": "config.weights = 'resnet18.pth'"}),
        ("import big\nfrom config import config", {"big": ON.replace("'resnet18.pth'", "None")}),
    ],
)
def test_what_says_nothing_of_the_option_of_a_config_beside(
    script: str, configs: dict[str, str]
) -> None:
    assert not _beside(script, **configs)


AFTER = SCRIPT.replace(
    "        train(net, loader)\n", "        train(net, loader)\n        {repeated}\n"
)
BEST = "if args.best:\n            model.load(net, args.best)"


def _repeated(made: str, repeated: str) -> Plan:
    texts = {
        "model.py": MODEL,
        "train.py": AFTER.format(made=made.replace("\n", "\n    "), repeated=repeated, option=OFF),
    }
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in texts.items())
    return plan_repository(Repository(Path("/repository"), read), Settings())


@pytest.mark.parametrize(
    "repeated",
    [
        "model.load(net, 'best.pth')",
        "if epoch > 2:\n            model.load(net, 'best.pth')",
        BEST,
    ],
)
def test_what_epochs_load_is_no_start(repeated: str) -> None:
    found = [one for one in findings(_repeated(MADE, repeated)) if one.code == "BN201"]
    assert [one.fixable for one in found] == [False]
    assert "weights come only with args.pretrained (train.py:9)" in found[0].message


@pytest.mark.parametrize(
    "made",
    [
        # The first load is one of each epoch's models, and no repetition.
        "for fold in range(5):\n    net = model.resnet18()\n    model.load(net, 'start.pth')",
        # A loop over models fills each of them once.
        "net = model.resnet18()\nfor one in [net]:\n    model.load(one, 'start.pth')",
    ],
)
def test_what_other_loops_load_may_be_a_start(made: str) -> None:
    assert _is_changed(_repeated(made, "pass"))


TRAINER = """
import argparse
import os
import torch
import model

class Trainer:
    def __init__(self):
        parser = argparse.ArgumentParser()
        parser.add_argument("--pretrained")
        self.opt = parser.parse_args()
        self.net = model.resnet18()
        if self.opt.pretrained is not None:
            self.load_pretrain()
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1)

    def load_pretrain(self):
        self.opt.pretrained = {path}
        self.net.load_state_dict(torch.load(self.opt.pretrained), strict=False)

    def train(self, loader):
        self.net.train()
        for x in loader:
            self.net(x).sum().backward()
"""


@pytest.mark.parametrize(
    ("path", "is_frozen"),
    [
        ("os.path.expanduser(self.opt.pretrained)", False),
        ("os.path.abspath(self.opt.pretrained)", False),
        ("find(self.opt.pretrained)", True),
        ("self.opt.pretrained or 'resnet18.pth'", True),
        ("os.path.expanduser(self.opt.other)", True),
    ],
)
def test_a_path_in_other_words_is_no_other_one(path: str, is_frozen: bool) -> None:
    files = {"model.py": MODEL, "train.py": TRAINER.format(path=path)}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    assert _is_changed(plan_repository(Repository(Path("/repository"), read), Settings())) is (
        is_frozen
    )
