"""A local name that each branch of an ``if`` gives another network."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, plan_of

NETWORKS = """\
import torchvision
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! {resnet}
        self.layer1 = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))  #! {resnet}
def resnet():
    net = ResNet()
    net.load_state_dict(torch.hub.load_state_dict_from_url("https://example.org/r.pth"), False)
    return net
class Net(nn.Module):
    def __init__(self, trunk):
        super().__init__()
{body}
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
"""
LOADED = "torchvision.models.resnext50_32x4d(pretrained=True)"


def net(body: str, resnet: str) -> str:
    return NETWORKS.format(body=textwrap.indent(textwrap.dedent(body), 8 * " "), resnet=resnet)


@pytest.mark.parametrize(
    "body",
    [
        f"""\
        if trunk == "a":
            net = resnet()
            net.layer0 = nn.Sequential(net.bn1)
        elif trunk == "b":
            net = {LOADED}
            net.layer0 = nn.Sequential(net.conv1, net.bn1)
        self.layer0, self.layer1 = net.layer0, net.layer1
        """,
        f"""\
        net = resnet()
        if trunk == "b":
            net = {LOADED}
            with torch.no_grad():
                print(net)
                net.layer0 = nn.Sequential(net.conv1, net.bn1)
        self.layer0, self.layer1 = net.bn1, net.layer1
        """,
        # in a loop, each time anew
        f"""\
        for one in trunk:
            if one == "b":
                net = {LOADED}
                net.layer0 = nn.Sequential(net.conv1, net.bn1)
            else:
                net = resnet()
            self.add_module(one, net)
        """,
    ],
)
def test_each_branch_changes_its_own_network(body: str) -> None:
    check(net(body, "keep"))


@pytest.mark.parametrize(
    "body",
    [
        # after the branches it may be any of them
        f"""\
        if trunk == "a":
            net = resnet()
        else:
            net = {LOADED}
        net.layer0 = nn.Sequential(net.conv1, net.bn1)
        self.body = net
        """,
        # what another turn of the loop left there
        f"""\
        self.body = resnet()
        if trunk:
            net = resnet()
            for one in trunk:
                self.body.layer0 = nn.Sequential(net)
                net = {LOADED}
        """,
        f"""\
        if trunk:
            net = resnet()
            while trunk.pop():
                net.layer0 = {LOADED} if net is None else net.conv1
                net = {LOADED}
        self.body = net
        """,
        f"""\
        if trunk:
            net = resnet()
            for one in trunk:
                net = {LOADED}
            else:
                net.layer0 = net.conv1
        self.body = net
        """,
        # a call that fails leaves what was there
        f"""\
        if trunk:
            net = resnet()
            try:
                net = {LOADED}
            except OSError:
                net.layer0 = nn.Sequential(net.conv1)
            finally:
                net.layer0 = nn.Sequential(net.conv1)
        self.body = net
        """,
        f"""\
        if trunk:
            net = resnet()
            match trunk:
                case "b":
                    net = {LOADED}
                case net:
                    net = resnet()
            net.layer0 = nn.Sequential(net.conv1)
        self.body = net
        """,
        f"""\
        if trunk:
            net = resnet()
            print(net := {LOADED})
            net.layer0 = nn.Sequential(net.conv1)
        self.body = net
        """,
        # a function that is called later
        f"""\
        if trunk:
            net = resnet()
            def stem():
                net.layer0 = nn.Sequential(net.conv1)
            net = {LOADED}
            stem()
        else:
            net = resnet()
        self.body = net
        """,
        f"""\
        if trunk:
            net = resnet()
            def other():
                nonlocal net
                net = {LOADED}
            other()
            net.layer0 = nn.Sequential(net.conv1)
        self.body = net
        """,
    ],
)
def test_branch_that_is_not_certain_changes_any_of_them(body: str) -> None:
    plan = plan_of(net(body, "unknown"))
    verdicts = [site.verdict for site in plan.sites]
    assert verdicts in (["unknown", "unknown", "convert"], ["conflict", "unknown", "convert"])
    words = "ResNet.layer0 holds torchvision.models.resnext50_32x4d"
    assert all(words in site.reasons[-1] for site in plan.sites[:2])


def test_containers_hold_what_a_branch_adds_and_what_comes_later() -> None:
    check(
        """\
import torchvision
class Net(nn.Module):
    def __init__(self, deep):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        if deep:
            layers = list()
            layers.append(nn.BatchNorm2d(8))  #! convert
            self.first = nn.Sequential(*layers)
            rest = nn.Sequential()
            self.second = rest
            rest.add_module("bn", nn.BatchNorm2d(8))  #! convert
            fill(rest)
        else:
            layers = list()
            rest = nn.Sequential(nn.BatchNorm2d(8))  #! convert
        layers += [nn.BatchNorm2d(8)]  #! convert
        self.third = nn.Sequential(*layers, rest)
def fill(layers):
    layers.append(nn.BatchNorm2d(8))  #! convert
"""
    )


def test_norm_class_that_each_branch_chooses_is_followed_into_both_parts() -> None:
    check(
        """\
import functools
import torchvision
class Net(nn.Module):
    def __init__(self, sync):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        if sync:
            norm = functools.partial(nn.SyncBatchNorm)  #! convert
            self.neck = norm(8)  #! convert
        else:
            norm = functools.partial(nn.BatchNorm2d)  #! convert
        self.head = norm(8)  #! convert
"""
    )


def test_weights_that_a_loop_puts_into_a_dict_are_loaded() -> None:
    check(
        """\
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! keep
    def load(self, path):
        if path is not None:
            saved = torch.load(path)["state_dict"]
            own = self.state_dict()
            for key in saved.keys():
                if key in own:
                    own[key] = saved[key]
            self.load_state_dict(own)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.encoder.load("imagenet.pth")
"""
    )


SCRIPT = """\
class Loaded(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! keep
class Scratch(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! {scratch}
def load_pretrain(model, path):
    model.load_state_dict(torch.load(path), strict=False)
def main(args):
    global best
    if args.model == "loaded":
        model = Loaded()
        {first}
    elif args.model == "scratch":
        model = Scratch()
    {last}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
"""


def test_model_of_one_branch_is_loaded_in_it() -> None:
    check(SCRIPT.format(scratch="unknown", first="load_pretrain(model, 'a.pth')", last="best = 0"))


def test_model_of_any_branch_is_loaded_after_them() -> None:
    check(SCRIPT.format(scratch="keep", first="best = 1", last="load_pretrain(model, 'a.pth')"))


def test_global_that_another_function_may_bind_is_any_of_them() -> None:
    text = SCRIPT.format(scratch="keep", first="load_pretrain(model, 'a.pth')", last="best = 0")
    check(text.replace("global best", "global best, model"))


@pytest.mark.parametrize(
    "branch",
    [
        # A tensor under the name of what it was read from; a wrapper around what it wraps.
        "w = torch.load(path)\nw = w.view_as(self.stem.bias)\nself.stem.bias.data.copy_(w)",
        "w = torch.load(path)\nw = tools.fit(w, self.stem)\nself.stem.load_state_dict(w)",
    ],
)
def test_branch_that_goes_on_from_what_a_name_was(branch: str) -> None:
    body = textwrap.indent(branch, " " * 12)
    check(
        f"""\
import tools
import torchvision
class Stem(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
class Net(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.stem = Stem()
        self.head = nn.BatchNorm2d(8)  #! convert
        if path:
{body}
"""
    )


def test_with_gives_a_name_something_else() -> None:
    check(
        """\
import contextlib
import torchvision
class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(8)  #! keep
@contextlib.contextmanager
def opened():
    yield Trunk()
def trunk(pretrained):
    if pretrained:
        net = nn.Identity()
        with opened() as net:
            net.load_state_dict(torch.hub.load_state_dict_from_url("https://example.org/r.pth"))
            return net
    return Trunk()
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.second = trunk(True)
        self.head = nn.BatchNorm2d(8)  #! convert
"""
    )


MEASURED = """\
class Neck(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {bn}
class Meter(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.backbone = {value}
Meter(Neck())
"""


@pytest.mark.parametrize(
    "value",
    [
        "size if type(size) == int else len(size)",
        "size if type(size) is int else None",
        "size if isinstance(size, (int, float)) else 1",
    ],
)
def test_a_number_is_no_module(value: str) -> None:
    check(MEASURED.format(value=value, bn="unknown"))


@pytest.mark.parametrize(
    "value",
    [
        "len(size) if type(size) == int else size",
        "size if type(size) != int else 1",
        "size if type(size) == Neck else 1",
        "size if isinstance(size, (int, Neck)) else 1",
        "size if isinstance(size, dict) else 1",
        "size if type(other) == int else 1",
        "[size] if type(size) == int else size",
    ],
)
def test_what_is_no_number_for_certain(value: str) -> None:
    check(MEASURED.format(value=value, bn="keep"))


@pytest.mark.parametrize(
    ("binds", "second"),
    [
        ("norm = lambda c: nn.GroupNorm(8, c)", ""),
        ("norm = lambda c: nn.GroupNorm(8, c)\nfor size in (8, 16):\n    print(size)", ""),
        # It may not be reached, may be bound again, or filled by others.
        ("if deep:\n    norm = lambda c: nn.GroupNorm(8, c)", "  #! convert"),
        ("try:\n    norm = lambda c: nn.GroupNorm(8, c)\nfinally:\n    pass", "  #! convert"),
        ("norm = lambda c: nn.GroupNorm(8, c)\nif deep:\n    norm = old", "  #! convert"),
        ("for old in (norm, norm):\n    norm = lambda c: nn.GroupNorm(8, c)", "  #! convert"),
        ("other = lambda c: nn.GroupNorm(8, c)", "  #! convert"),
    ],
)
def test_lambda_in_the_place_of_a_parameter(binds: str, second: str) -> None:
    check(
        f"""\
import torchvision
class Up(nn.Module):
    def __init__(self, norm, deep=False):
        super().__init__()
        old = norm
        self.first = norm(8)  #! convert
{textwrap.indent(binds, " " * 8)}
        self.second = norm(8){second}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.up = Up(nn.BatchNorm2d)  #! convert
"""
    )
