"""Files of which a script takes what fits: ``--resume`` does not tell that training goes on."""

from __future__ import annotations

import pytest

from tests.survey.test_sites_warm_starts import verdict
from tests.survey.verdicts import check

_SCRIPT = """\
def read(path):
    return torch.load(path, map_location='cpu')
net = Net()
epoch = 0
if args.resume:
    saved = read(args.resume)
{load}
    epoch = saved['epoch']
optimizer = torch.optim.SGD(net.parameters(), 0.1)
{rest}
"""
_FITS = """\
    own = net.state_dict()
    taken = {k: v for k, v in saved['net'].items() if k in own}
    own.update(taken)
    net.load_state_dict(own)"""


def _verdict(load: str, expected: str, rest: str = "") -> None:
    verdict(_SCRIPT.format(load=load, rest=rest), expected, "")


@pytest.mark.parametrize(
    "load",
    [
        _FITS,
        "    net.load_state_dict(saved['net'], strict=False)",
        _FITS.replace("k in own", "k in own and v.shape == own[k].shape"),
        _FITS.replace("k in own", "k in own.keys()"),
        "    own = net.state_dict()\n    taken = {}\n    for k in saved['net']:\n"
        "        if k not in own:\n            continue\n        taken[k] = saved['net'][k]\n"
        "    net.load_state_dict(taken, strict=False)",
        "    net.load_state_dict(saved['net'], strict=args.stage == 1)",
        "    own = net.state_dict()\n    for k in set(own) & set(saved['net']):\n"
        "        own[k] = saved['net'][k]\n    net.load_state_dict(own)",
        "    own = net.state_dict()\n    for k, v in saved['net'].items():\n"
        "        if k not in own or v.shape != own[k].shape:\n            continue\n"
        "        own[k].copy_(v)",
        "    own = net.state_dict()\n    for k, v in saved['net'].items():\n        try:\n"
        "            own[k].copy_(v)\n        except RuntimeError:\n            print(k)",
        "    taken = {k: v for k, v in saved['net'].items() if k in net.state_dict()}\n"
        "    net.load_state_dict(taken, strict=False)",
    ],
)
def test_file_that_may_be_of_another_model(load: str) -> None:
    _verdict(load, "unknown")


@pytest.mark.parametrize(
    ("load", "rest"),
    [
        # All of it is needed, or only some entries have another name.
        ("    net.load_state_dict(saved['net'])", ""),
        ("    net.load_state_dict({k[7:]: v for k, v in saved['net'].items()})", ""),
        ("    net.load_state_dict(saved['net'], strict=True)", ""),
        (
            "    own = net.state_dict()\n    for k, v in saved['net'].items():\n"
            "        own[k].copy_(v)",
            "",
        ),
        (
            "    own = net.state_dict()\n    for k, v in saved['net'].items():\n        try:\n"
            "            own[k].copy_(v)\n        except RuntimeError:\n            raise",
            "",
        ),
        # The state of the optimizer, or of its schedule, comes with it.
        (_FITS, "if args.resume:\n    optimizer.load_state_dict(saved['optimizer'])"),
        (_FITS, "if args.resume:\n    scheduler.load_state_dict(saved['lr'])"),
        (_FITS, "if args.resume:\n    restore(saved['optim'])"),
        (
            "    net.load_state_dict(saved['net'], strict=False)",
            "if args.resume:\n    optimizer.load_state_dict(saved['optimizer'])",
        ),
        # Another file is the one that is taken as far as it fits.
        (
            "    net.load_state_dict(saved['net'])",
            "if args.trunk:\n    own = net.trunk.state_dict()\n"
            "    part = {k: v for k, v in torch.load(args.trunk).items() if k in own}\n"
            "    net.trunk.load_state_dict(part)",
        ),
    ],
)
def test_file_of_the_training_itself(load: str, rest: str) -> None:
    _verdict(load, "convert", rest)


_HELPER = """\
-- files.py --
import torch
def resume(net, path):
    net.load_state_dict(torch.load(path)['net'], strict=False)
-- net.py --
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.neck = nn.BatchNorm2d(8)  #! {verdict}
-- train.py --
import torch
import files, net
def train(args):
    model = net.Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    if args.resume:
        files.resume(model, args.resume)
        {rest}
-- test.py --
import torch
import files, net
def test(args):
    model = net.Net()
    files.resume(model, args.resume)
    model.eval()
"""


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("print(args.resume)", "unknown"),
        ("optimizer.load_state_dict(torch.load(args.resume)['optimizer'])", "convert"),
    ],
)
def test_helper_that_takes_what_fits(rest: str, expected: str) -> None:
    check(_HELPER.format(verdict=expected, rest=rest))
