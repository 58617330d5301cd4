"""Children that a module gets back where they stood: every ``convert_sync_bn(model)``."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, plan_of

NETWORKS = """\
from torch.hub import load_state_dict_from_url
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7)
        self.bn1 = nn.BatchNorm2d(64){keep}
        self.layer1 = nn.Sequential(nn.Conv2d(64, 64, 3), nn.BatchNorm2d(64)){keep}
def resnet50():
    net = ResNet()
    net.load_state_dict(load_state_dict_from_url('https://example.com/resnet50.pth'))
    return net
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(64, 8, 1)
        self.bn = nn.BatchNorm2d(8){new}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet50()
        self.head = Head()
from elsewhere import convert_sync_batchnorm
{function}
net = Net()
put_back(net)
"""


def _network(function: str, new: str) -> str:
    function = textwrap.dedent(function)
    return NETWORKS.format(function=function, keep="  #! keep", new=f"  #! {new}")


LOOP = """\
def put_back(model, group=None, other=None):
    for name, child in {children}:
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            {store}
        else:
            put_back(child, group)
"""


@pytest.mark.parametrize(
    "store",
    [
        "setattr(model, name, convert_sync_batchnorm(child, group))",
        "model.add_module(name, convert_sync_batchnorm(child, group))",
        "model._modules[name] = convert_sync_batchnorm(child, group)",
        "new = convert_sync_batchnorm(module=child)\n"
        "            new.to('cuda')\n            setattr(model, name, new)",
    ],
)
@pytest.mark.parametrize(
    "children",
    ["model.named_children()", "list(model.named_children())", "model._modules.items()"],
)
def test_what_is_made_of_a_child_and_put_back_moves_nothing(children: str, store: str) -> None:
    check(_network(LOOP.format(children=children, store=store), "convert"))


def test_children_that_are_counted() -> None:
    loop = """\
    def put_back(model):
        for _, (name, child) in enumerate(model.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                new = convert_sync_batchnorm(child)
                setattr(model, name, new)
            else:
                put_back(child)
    """
    check(_network(loop, "convert"))


@pytest.mark.parametrize(
    "first",
    [
        "mod = module",
        "mod = type(module)()",
        "mod = module.module if isinstance(module, nn.DataParallel) else module",
        "mod = module\n        for old, new in zip([nn.Dropout], [nn.Identity]):\n"
        "            if isinstance(module, old):\n                mod = new(module.p)",
    ],
)
def test_a_function_that_gives_a_module_back_layer_for_layer(first: str) -> None:
    loop = f"""\
    def convert(module):
        {first}
        for name, child in module.named_children():
            mod.add_module(name, convert(child))
        return mod
    def put_back(model):
        for name, child in model.named_children():
            setattr(model, name, convert(child))
            put_back(child)
    """
    check(_network(loop, "convert"))


REPLACE = """\
def replace(module, old, new, make=None):
    def make_new(old, new):
        return new()
    if make is None:
        make = make_new
    model = module
    if isinstance(module, old):
        model = make(old, new)
    else:
        for name, child in module.named_children():
            new_child = replace(child, old, new)
            if new_child is not child:
                model.add_module(name, new_child)
    return model
class Swish(nn.Module):
    def forward(self, x):
        return x * x.sigmoid()
def put_back(net):
    {call}
"""


@pytest.mark.parametrize("call", ["net = replace(net, nn.SiLU, Swish)", "replace(net, A, B)"])
def test_layers_that_are_made_of_a_class_that_is_handed_over(call: str) -> None:
    check(_network(REPLACE.format(call=call), "convert"))


@pytest.mark.parametrize(
    ("call", "other"),
    [
        ("replace(net, nn.SiLU, Swish, lambda old, new: LOADED)", "{}"),
        ("replace(net, nn.SiLU, loaded)", "{}"),
        ("replace(net, nn.SiLU, Swish, make=Stock())", "{}"),
        ("replace(*net)", "put_back([Net(), nn.SiLU, loaded])"),
        ("replace(net, nn.SiLU, Swish)", "replace(Net(), nn.SiLU, Swish, loaded)"),
    ],
)
def test_what_is_handed_over_may_give_layers_that_stand_elsewhere(call: str, other: str) -> None:
    function = f"""\
LOADED = Head()
LOADED.load_state_dict(load_state_dict_from_url('https://example.com/head.pth'))
class Stock:
    def __call__(self, old, new):
        return LOADED
def loaded(*given):
    return LOADED
{REPLACE.format(call=call)}
{other}
"""
    plan = plan_of(NETWORKS.format(function=function, keep="", new=""))
    assert not [site for site in plan.sites if site.class_ == "Head" and site.verdict == "convert"]


@pytest.mark.parametrize(
    "store",
    [
        # It goes somewhere else,
        "setattr(model, 'first', convert_sync_batchnorm(child))",
        "setattr(model, name + '_', convert_sync_batchnorm(child))",
        "setattr(other, name, convert_sync_batchnorm(child))",
        "name = group\n            setattr(model, name, convert_sync_batchnorm(child))",
        "model = other\n            setattr(model, name, convert_sync_batchnorm(child))",
        # or may be another child,
        "child = other\n            setattr(model, name, convert_sync_batchnorm(child))",
        "new = other\n            new = convert_sync_batchnorm(new)\n"
        "            setattr(model, name, new)",
        "setattr(model, name, convert_sync_batchnorm(child, other))",
        # also one that a function finds,
        "setattr(model, name, shared(child))",
        # be it one that goes through the child as well.
        "setattr(model, name, share_all(child))",
    ],
)
def test_what_may_be_moved_is_in_both_places(store: str) -> None:
    function = f"""\
SHARED = {{}}
def shared(child):
    SHARED[type(child)] = child
    return SHARED[type(child)]
def share_all(module):
    for name, child in module.named_children():
        module.add_module(name, share_all(child))
    SHARED.setdefault(type(module), module)
    return SHARED[type(module)]
{LOOP.format(children="model.named_children()", store=store)}
put_back(Net(), 'bn', Net())
put_back(Net().backbone, 'bn', Net().head)
put_back(Net().head, 'bn', Net().backbone)
"""
    plan = plan_of(NETWORKS.format(function=function, keep="", new=""))
    assert not [site for site in plan.sites if site.class_ == "Head" and site.verdict == "convert"]


@pytest.mark.parametrize(
    "loop",
    [
        # Children of two modules go by one name there,
        """\
        def put_back(model, donor=None):
            for child in donor.children() if donor else []:
                print(child)
            for name, child in model.named_children():
                setattr(model, name, convert_sync_batchnorm(child))
                put_back(child, model)
        """,
        # or it is that of another module that gets a place.
        """\
        def put_back(model, donor=None):
            for name, child in donor.named_children() if donor else []:
                setattr(model, name, convert_sync_batchnorm(child))
            for child in model.children():
                put_back(child, model)
        """,
        """\
        def put_back(model, donor=None):
            for (name, old), child in zip(model.named_children(), donor.children()):
                setattr(model, name, convert_sync_batchnorm(child))
                put_back(child, model)
                put_back(old, model)
        put_back(Net().head, Net().backbone)
        """,
    ],
)
def test_loops_of_other_kinds_mix_what_they_mix(loop: str) -> None:
    function = textwrap.dedent(loop)
    plan = plan_of(NETWORKS.format(function=function, keep="", new=""))
    assert not [site for site in plan.sites if site.class_ == "Head" and site.verdict == "convert"]


@pytest.mark.parametrize(
    "store",
    [
        "setattr(model, name, Split(child))",
        "new = Split(child)\n            model.add_module(name, new)",
        "model._modules[name] = nn.Sequential(child, Split(child))",
    ],
)
def test_what_is_put_around_a_child_is_in_the_backbone(store: str) -> None:
    function = f"""\
class Split(nn.Module):
    def __init__(self, child):
        super().__init__()
        self.child = child
        self.bn = nn.BatchNorm2d(8)
{LOOP.format(children="model.named_children()", store=store)}
"""
    plan = plan_of(NETWORKS.format(function=function, keep="", new=""))
    [site] = [site for site in plan.sites if site.class_ == "Split"]
    assert site.verdict in ("keep", "unknown", "conflict"), site.reasons
