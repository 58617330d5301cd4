"""Files that a training is given where code keeps nothing of a training but weights."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

_TEXT = """\
-- net.py --
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.neck = nn.BatchNorm2d(8)  #! {verdict}
-- train.py --
from net import Net
{more}
class Trainer:
    def __init__(self, args, loader):
        self.args = args
        self.init_model()
        for x in loader:
            self.net(x).sum().backward()
            self.optimizer.step()
        {after}
    def init_model(self):
        self.net = Net()
        if {asked}:
            {load}
        self.optimizer = torch.optim.Adam(self.net.parameters())
    def save(self):
        {save}
"""
_LOAD = "self.net.load_state_dict(torch.load(self.args.checkpoint))"
_SAVE = "torch.save(self.net.state_dict(), f'epoch-{self.epoch}.pth')"


def verdict(
    expected: str,
    load: str = _LOAD,
    asked: str = "self.args.checkpoint",
    save: str = _SAVE,
    more: str = "",
    after: str = "pass",
) -> None:
    check(_TEXT.format(verdict=expected, load=load, asked=asked, save=save, more=more, after=after))


@pytest.mark.parametrize(
    "load",
    [
        _LOAD,
        "print(self.net.load_state_dict(torch.load(self.args.checkpoint)))",
        "self.net.load_state_dict(torch.load(self.args.checkpoint), strict=False)",
    ],
)
def test_file_of_weights_with_which_nothing_can_go_on(load: str) -> None:
    verdict("unknown", load)
    verdict("unknown", load, "self.args.model != ''")


@pytest.mark.parametrize(
    "save",
    [
        # Nothing is kept of a training here, or more than weights.
        "pass",
        "torch.save(self.loss, 'loss.pth')",
        "torch.save({'net': self.net.state_dict(), 'opt': self.optimizer.state_dict()}, 'a.pth')",
        "torch.save({'net': self.net.state_dict(), 'epoch': self.epoch}, 'a.pth')",
        "torch.save((self.net.state_dict(), self.optimizer), 'a.pth')",
        "self.epoch = torch.load('a.pth')['epoch']",
        "self.epoch = torch.load('a.pth').get('start_epoch', 0)",
        "self.schedulers[0].load_state_dict(torch.load('a.pth'))",
        "self.accelerator.save_state('out')",
    ],
)
def test_trainings_of_which_more_is_kept(save: str) -> None:
    verdict("convert", save=save)


@pytest.mark.parametrize(
    ("load", "asked"),
    [
        # The load says that it goes on, or names a file of this training.
        (_LOAD, "self.args.resume"),
        (_LOAD, "self.args.start_epoch"),
        ("self.net.load_state_dict(torch.load('net_%d.pth' % self.args.last))", "self.args.load"),
        # No training follows.
        (f"{_LOAD}\n            return print(self.net.eval())", "self.args.checkpoint"),
        (f"{_LOAD}\n            exit()", "self.args.checkpoint"),
    ],
)
def test_load_that_no_training_begins_with(load: str, asked: str) -> None:
    verdict("convert", load, asked)


def test_load_after_the_training() -> None:
    load = "if args.checkpoint: self.net.load_state_dict(torch.load(args.checkpoint))"
    verdict("convert", "pass", after=load)


def test_library_that_keeps_trainings() -> None:
    verdict("convert", more="from deepspeed import initialize")
    verdict("unknown", more="# Not with deepspeed.")


def test_option_that_is_said_to_go_on() -> None:
    add = "parser.add_argument('--checkpoint', help='path to a net ({})')"
    verdict("convert", more=add.format("to continue training"))
    verdict("unknown", more=add.format("to look at"))


_SCRIPT = """\
-- net.py --
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.neck = nn.BatchNorm2d(8)  #! {verdict}
-- train.py --
from net import Net
def look(net, loader):
    net.eval()
    for x in loader:
        print(net(x))
def fit(net, sgd, loader):
    for x in loader:
        net(x).sum().backward()
        sgd.step()
    torch.save(net.state_dict(), 'out/net.pt')
def main(args, loader):
    net = Net()
{code}
main(parser.parse_args(), loader)
"""
_MAKE = "sgd = torch.optim.SGD(net.parameters(), 0.1)\n"
_READ = "    net.load_state_dict(torch.load(args.path))\n"
_READ_OWN = "    net.load_state_dict(torch.load('out/net.pt'))\n"


def indent(code: str) -> str:
    return textwrap.indent(code, "    ")


def _script(expected: str, code: str) -> None:
    check(_SCRIPT.format(verdict=expected, code=indent(code)))


@pytest.mark.parametrize(
    ("asked", "trained"),
    [
        ("not args.learn", "args.learn"),
        ("args.look", "not args.look"),
        ("args.do == 'look'", "args.do == 'learn'"),
        ("args.do != 'learn'", "args.do == 'learn'"),
        ("args.do in ('look', 'show')", "args.do in ['learn']"),
        ("args.do == 'look'", "args.do not in ('look', 'show')"),
        ("args.path and args.do == 'look'", "args.do == 'learn'"),
    ],
)
def test_load_under_what_the_training_does_not_run_under(asked: str, trained: str) -> None:
    _script("convert", f"if {asked}:\n{_READ}{_MAKE}if {trained}:\n    fit(net, sgd, loader)")
    schedule = "plan = torch.optim.lr_scheduler.StepLR(sgd, 5)\n"
    code = f"{_MAKE}{schedule}if {trained}:\n    fit(net, sgd, loader)\n    plan.step()"
    _script("convert", f"if {asked}:\n{_READ}{code}")


@pytest.mark.parametrize(
    ("asked", "trained"),
    [
        ("args.path", "args.learn"),
        ("not args.learn", "not args.look"),
        ("args.do in ('look', 'learn')", "args.do == 'learn'"),
        ("args.do == 'look'", "args.do != 'learn'"),
        ("args.do != 'look'", "args.do != 'learn'"),
        ("'look' in args.do", "'learn' in args.do"),
    ],
)
def test_load_under_what_the_training_may_run_under(asked: str, trained: str) -> None:
    _script("unknown", f"if {asked}:\n{_READ}if {trained}:\n    {_MAKE}    fit(net, sgd, loader)")


@pytest.mark.parametrize(
    "code",
    [
        # One run comes to both.
        "for do in ('read', 'learn'):\n    if do == 'read':\n    {read}    if do == 'learn':\n"
        "        {make}        fit(net, sgd, loader)",
        "if args.do == 'read':\n{read}args.do = 'learn'\nif args.do == 'learn':\n"
        "    {make}    fit(net, sgd, loader)",
        # What else the optimizer is used for is not known, or what it is used for at all.
        "if args.do == 'read':\n{read}{make}",
        "if args.do == 'read':\n{read}{make}tools.tune(net, sgd)\nif args.do == 'learn':\n"
        "    fit(net, sgd, loader)",
        "if args.do == 'read':\n{read}{make}out = tools.fit(net, sgd)\nif args.do == 'learn':\n"
        "    print(out)\n    fit(net, sgd, loader)",
    ],
)
def test_ways_from_the_load_to_the_training(code: str) -> None:
    _script("unknown", code.format(read=_READ, make=_MAKE))


@pytest.mark.parametrize(
    ("loop", "leave"),
    [
        ("for path in args.paths:", "break"),
        ("for path in args.paths:", "continue"),
        ("while True:", "break"),
    ],
)
def test_loop_that_is_left_after_the_load(loop: str, leave: str) -> None:
    """What comes after the loop is come to all the same."""
    code = f"{loop}\n    if ready():\n{indent(_READ)}        {leave}\n{_MAKE}fit(net, sgd, loader)"
    _script("unknown", code)


def test_model_of_another_run() -> None:
    """``run(net, "read")`` and then ``run(net, "learn")``, for one model."""
    code = """\
def run(net, do):
    if do == 'read':
        net.load_state_dict(torch.load(args.path))
    if do == 'learn':
        sgd = torch.optim.SGD(net.parameters(), 0.1)
        fit(net, sgd, loader)
"""
    _script("unknown", f"{code}run(net, 'read')\nrun(net, 'learn')")


def test_file_of_the_training_that_is_read_for_a_test() -> None:
    code = "if {}:\n{}    look(net, loader)\nif {}:\n    " + _MAKE + "    fit(net, sgd, loader)"
    _script("convert", code.format("args.test", _READ_OWN, "args.train"))
    _script("convert", code.format("args.do_eval", _READ_OWN, "args.do_train"))
    # Nobody knows whose file it is, what it is read for, or when the training runs.
    _script("unknown", code.format("args.test", _READ, "args.train"))
    _script("unknown", code.format("args.begin", _READ_OWN, "args.train"))
    _script("unknown", code.format("not args.test", _READ_OWN, "args.train"))
    _script("unknown", code.format("args.test", _READ_OWN, "args.more"))


def test_best_weights_that_come_back() -> None:
    code = """\
{make}for turn in range(9):
    fit(net, sgd, loader)
    {first}
    if net.best < turn:
        net.load_state_dict(torch.load({path}))
        {make}        fit(net, sgd, loader)
    else:
        torch.save(net.state_dict(), 'best.pt')
"""
    step = "sgd.step()"
    _script("convert", code.format(make=_MAKE, first=step, path="'best.pt'"))
    # Each turn begins with a file.
    _script("unknown", code.format(make=_MAKE, first=step, path="args.path"))
    _script("unknown", code.format(make=_MAKE, first=step, path="'begin.pt'"))
    own = f"{_MAKE}for turn in range(9):\n{_READ_OWN}    {_MAKE}    fit(net, sgd, loader)"
    _script("unknown", f"{own}\n    torch.save(net.state_dict(), 'out/net.pt')")
