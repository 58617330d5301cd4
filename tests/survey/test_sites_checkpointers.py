"""Checkpointers of fvcore and detectron2, which are told their file by a method."""

from __future__ import annotations

import pytest

from tests.survey.test_sites_warm_starts import verdict

_IMPORTS = (
    "from detectron2.checkpoint import DetectionCheckpointer\n"
    "from fvcore.common.checkpoint import Checkpointer\nnet = Net()\n"
)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("Checkpointer(net).load(args.pretrained)", "unknown"),
        ("Checkpointer(net).load('weights/city.pth')", "unknown"),
        ("keeper = Checkpointer(net, 'out')\nkeeper.load(args.finetune)", "unknown"),
        ("DetectionCheckpointer(net).resume_or_load(args.pretrained, resume=False)", "unknown"),
        ("DetectionCheckpointer(net).resume_or_load(args.pretrained, resume=args.go)", "unknown"),
        # It goes on, or does nothing where no file is named.
        ("DetectionCheckpointer(net).resume_or_load(args.pretrained, resume=True)", "convert"),
        ("Checkpointer(net).load(args.resume)", "convert"),
        ("if args.resume:\n    Checkpointer(net).load('last.pth')", "convert"),
        ("Checkpointer(net).load(args.file)", "convert"),
        ("keeper = Checkpointer(net)\nprint(args.pretrained)\nkeeper.save('a.pth')", "convert"),
    ],
)
def test_checkpointer_that_is_told_its_file(script: str, expected: str) -> None:
    verdict(_IMPORTS + script, expected)


def test_checkpointer_in_a_file_between() -> None:
    """Nothing else in that file says that it bears on a model."""
    helper = (
        "from fvcore.common.checkpoint import Checkpointer\n"
        "def prepare(net, args):\n    Checkpointer(net).load(args.pretrained)\n"
    )
    script = (
        "from prepare import prepare\nnet = Net()\nprepare(net, args)\n"
        "optimizer = torch.optim.SGD(net.parameters(), 0.1)\n"
    )
    verdict(f"{script}-- prepare.py --\n{helper}{50 * chr(10)}", "unknown", "")
