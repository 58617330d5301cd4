"""Factories that load a whole model for who asks for it: a training may, in whatever way."""

from __future__ import annotations

import re

import pytest

from tests.survey.verdicts import check

_REPOSITORY = """\
-- net.py --
import torchvision
class Model(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.neck = nn.BatchNorm2d(8)  #! {verdict}
def build(pretrained=False, classes=2, **kwargs):
    model = Model(classes)
    if pretrained:
        model.load_state_dict(torch.load('model.pth'))
    return model
def build_more(classes=2, pretrained=False):
    return build(pretrained, classes)
-- loops.py --
def loop(model, optimizer, loader):
    model.train()
    for x in loader:
        model(x).sum().backward()
        optimizer.step()
-- train.py --
import functools
from functools import partial
import net
import zoo
from loops import loop
def start(args, loader):
    model = {made}
    loop(model, torch.optim.SGD(model.parameters(), 0.1), loader)
"""


@pytest.mark.parametrize(
    "made",
    [
        "net.build(pretrained=True)",
        "net.build(True)",
        "net.build(args.pretrained, 5)",
        "net.build(*args.model)",
        "net.build(**args.model)",
        "net.build(**{'pretrained': True})",
        "partial(net.build, pretrained=True)()",
        "(lambda: net.build(True))()",
        "net.build_more(5, True)",
        "net.build_more(pretrained=args.pretrained)",
        "{'net': net.build}[args.name](pretrained=True)",
    ],
)
def test_a_training_may_ask_for_it(made: str) -> None:
    check(_REPOSITORY.format(verdict="unknown", made=made))


def test_a_registry_may_ask_for_it() -> None:
    text = _REPOSITORY.format(
        verdict="unknown", made="timm.create_model(args.name, pretrained=True)"
    )
    text = text.replace(
        "def build(", "from timm.models import register_model\n@register_model\ndef build("
    )
    check(text)


_USER = """\
-- show.py --
import net
def show(image):
    model = net.build(pretrained=True)
    model.eval()
    return model(image)
"""


@pytest.mark.parametrize(
    "made",
    [
        "net.build()",
        "net.build(False)",
        "net.build(classes=5)",
        "net.build_more(5)",
        "net.build_more(5, pretrained=False)",
        "partial(net.build, False)()",
    ],
)
@pytest.mark.parametrize("user", ["", _USER])
def test_no_training_asks_for_it(made: str, user: str) -> None:
    check(_REPOSITORY.format(verdict="convert", made=made) + user)


_ZOO = """\
-- zoo.py --
import net
MODELS = {'one': net.build, 'more': net.build_more}
def get(name, **kwargs):
    return MODELS[name](**kwargs)
def get_any(name, **options):
    print(options)
    return get(name, **options)
def get_big(name, pretrained=True, **kwargs):
    return get(name, **kwargs)
"""


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        # What is handed on asks for what its caller asks for,
        ("zoo.get(args.name)", "convert"),
        ("zoo.get(args.name, classes=5)", "convert"),
        ("zoo.get(args.name, pretrained=False)", "convert"),
        ("zoo.get(args.name, pretrained=True)", "unknown"),
        ("zoo.get(args.name, pretrained=args.pretrained)", "unknown"),
        ("zoo.get(args.name, **vars(args))", "unknown"),
        ("zoo.get_any(args.name)", "convert"),
        ("zoo.get_any(args.name, pretrained=args.pretrained)", "unknown"),
        ("zoo.get_any(args.name, **{'classes': 5})", "convert"),
        ("zoo.get_any(args.name, **{'pretrained': args.pretrained})", "unknown"),
        # but for what has a name of its own there,
        ("zoo.get_big(args.name)", "convert"),
        # and for what is put in between.
        ("zoo.get_put(args.name, kwargs.update(pretrained=True))", "unknown"),
        ("zoo.get_put(args.name, fill(kwargs))", "unknown"),
        ("zoo.get_put(args.name, kwargs.get('deep'))", "convert"),
    ],
)
def test_keywords_that_are_handed_on(made: str, verdict: str) -> None:
    put = re.search(r"get_put\(args.name, (.+)\)$", made)
    changing = ""
    if put is not None:
        made = "zoo.get_put(args.name)"
        changing = f"def get_put(name, **kwargs):\n    {put[1]}\n    return get(name, **kwargs)\n"
    check(_REPOSITORY.format(verdict=verdict, made=made) + _ZOO + changing)


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        (["kw = {}"], "convert"),
        (["kw = {'classes': 5}", "kw['classes'] = 6", "print(kw)"], "convert"),
        (["kw = dict(classes=5)", "kw.update(classes=6)"], "convert"),
        (["kw = {'pretrained': None}"], "convert"),
        (["kw = {}", "other = {}", "other['pretrained'] = True"], "convert"),
        (["kw = {}", "if args.pretrained:", "    kw['pretrained'] = True"], "unknown"),
        (["kw = {'pretrained': args.pretrained}"], "unknown"),
        (["kw = dict(pretrained=args.pretrained)"], "unknown"),
        (["kw = {}", "kw.update({'pretrained': True})"], "unknown"),
        (["kw = {}", "kw[args.key] = True"], "unknown"),
        (["kw = {**args.model}"], "unknown"),
        (["kw = {}", "kw.update(args.model)"], "unknown"),
        (["kw = {}", "fill(kw)"], "unknown"),
        (["kw = {}", "same = kw", "same['pretrained'] = True"], "unknown"),
        (["kw = {}", "kw |= args.model"], "unknown"),
        (["kw = args.model"], "unknown"),
        (["for kw in args.models: pass"], "unknown"),
    ],
)
def test_keywords_of_a_dict(lines: list[str], verdict: str) -> None:
    code = "".join(f"    {line}\n" for line in lines)
    repository = _REPOSITORY.format(verdict=verdict, made="net.build(**kw)")
    check(repository.replace("    model = net.build(", code + "    model = net.build("))


_NETWORKS = """\
-- zoo.py --
import torch
import net
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.fc = nn.Linear(8, 1000)
def trunk(pretrained=False, **kwargs):
    model = ResNet(**kwargs)
    if pretrained:
        model.load_state_dict(torch.hub.load_state_dict_from_url('https://x.org/resnet.pth'))
    return model
MODELS = {'one': net.build, 'more': net.build_more, 'trunk': trunk}
def get(name, **kwargs):
    return MODELS[name](**kwargs)
"""


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        ("zoo.get(args.name)", "convert"),
        ("zoo.get(args.name, pretrained=args.pretrained)", "unknown"),
        # A dict is for whichever network is asked for.
        ("zoo.get(args.name, **args.model)", "convert"),
    ],
)
def test_options_for_networks(made: str, verdict: str) -> None:
    check(
        _REPOSITORY.format(verdict=verdict, made=made).replace(
            "import net\nfrom loops", "import net, zoo\nfrom loops"
        )
        + _NETWORKS
    )
