"""Several files that a script reads into one variable: which of them a load is given."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.test_sites_warm_starts import verdict

BUILD = """\
def make():
    return Net()
def build(args, trains):
    net = make()
    if trains:
{loads}
        return net
    else:
        return net
-- main.py --
from train import build
net = build(args, trains=True)
"""
START = """\
if args.pretrained:
    saved = torch.load(args.pretrained)
    weights = saved.pop('net')
    for key in list(weights):
        if key not in net.state_dict():
            weights.pop(key)
    net.load_state_dict(weights, strict=False)
"""
GO_ON = """\
if args.resume:
    saved = torch.load(args.resume)
    weights = saved.pop('net')
    net.load_state_dict(weights)
"""


@pytest.mark.parametrize("loads", [START + GO_ON, GO_ON + START])
def test_a_file_to_begin_with_and_another_one_to_go_on(loads: str) -> None:
    verdict(BUILD.format(loads=textwrap.indent(loads, "        ")), "unknown")


def test_a_file_to_go_on_with_alone() -> None:
    verdict(BUILD.format(loads=textwrap.indent(GO_ON, "        ")), "convert")


@pytest.mark.parametrize(
    "load",
    [
        # The newer one is not read on every way,
        "saved = torch.load(args.pretrained)\nif args.other:\n    saved = torch.load(args.other)\n"
        "net.load_state_dict(saved)",
        "try:\n    saved = torch.load(args.other)\nexcept OSError:\n"
        "    saved = torch.load(args.pretrained)\nnet.load_state_dict(saved)",
        # or only for the next round,
        "saved = torch.load(args.pretrained)\nfor path in args.others:\n"
        "    net.load_state_dict(saved)\n    saved = torch.load(path)",
        # or what was read first has another name by then,
        "saved = torch.load(args.pretrained)\nfirst = saved['net']\n"
        "saved = torch.load(args.other)\nnet.load_state_dict(first)",
        # or is merged with it.
        "saved = torch.load(args.pretrained)\nfirst = saved['net']\n"
        "saved = torch.load(args.other)\nnet.load_state_dict({**saved, **first})",
    ],
)
def test_a_file_that_may_be_the_one(load: str) -> None:
    verdict(BUILD.format(loads=textwrap.indent(load, "        ")), "unknown")


_READ = "def read(path):\n    return torch.load(path, 'cpu')\n"
_FILL = "def fill(net, state):\n    net.load_state_dict(state)\n"
_NET = "net = Net()\n"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        # One load for the file to go on with, and for the one to begin with:
        (
            "if args.resume:\n    state = torch.load(args.resume)\nelse:\n"
            "    state = torch.load(args.pretrained)\nnet.load_state_dict(state)",
            "unknown",
        ),
        (
            "state = torch.load(args.resume if args.resume else args.pretrained)\n"
            "net.load_state_dict(state)",
            "unknown",
        ),
        (
            "state = torch.load(args.resume or args.pretrained)\nnet.load_state_dict(state)",
            "unknown",
        ),
        (
            "state = torch.load(args.resume) if args.resume else torch.load(args.pretrained)\n"
            "net.load_state_dict(state)",
            "unknown",
        ),
        (
            "if args.resume:\n    state = read(args.resume)\nelse:\n"
            "    state = read(args.pretrained)\nnet.load_state_dict(state)",
            "unknown",
        ),
        (
            "state = torch.load(args.pretrained)\nif args.resume:\n"
            "    state.update(torch.load(args.resume))\nnet.load_state_dict(state)",
            "unknown",
        ),
        (
            "for path in (args.pretrained, args.resume):\n    if path:\n"
            "        net.load_state_dict(torch.load(path))",
            "unknown",
        ),
        # to a helper that fills what it is handed;
        (
            "state = torch.load(args.pretrained)\nfill(net, state)\n"
            "state = torch.load(args.resume)\nprint(state['epoch'])",
            "unknown",
        ),
        (
            "if args.pretrained:\n    with open(args.pretrained, 'rb') as f:\n"
            "        net.load_state_dict(torch.load(f))",
            "unknown",
        ),
        # but there is none for any file but those that it goes on with.
        (
            "if args.resume:\n    state = torch.load(args.resume)\nelif args.snapshot:\n"
            "    state = torch.load(args.snapshot)\nnet.load_state_dict(state)",
            "convert",
        ),
        (
            "if args.resume:\n    state = read(args.resume)\nelse:\n"
            "    state = read(args.snapshot)\nfill(net, state)",
            "convert",
        ),
        (
            "if args.resume:\n    net.load_state_dict(torch.load(args.resume or args.pretrained))",
            "convert",
        ),
        (
            "if args.file:\n    net.load_state_dict(torch.load(args.resume or args.snapshot))",
            "convert",
        ),
        (
            "for path in (args.resume, args.snapshot):\n    if path:\n"
            "        net.load_state_dict(torch.load(path))",
            "convert",
        ),
        (
            "if args.file:\n    with open(args.file, 'rb') as f:\n"
            "        net.load_state_dict(torch.load(f))",
            "convert",
        ),
    ],
)
def test_a_load_that_is_given_one_of_several_files(script: str, expected: str) -> None:
    verdict(_READ + _FILL + _NET + script, expected)
