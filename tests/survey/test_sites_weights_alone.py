"""Files that a training is given where code keeps nothing of a training but weights."""

from __future__ import annotations

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
