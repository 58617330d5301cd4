"""Objects that restore an optimizer with a model, where they are made with one."""

from __future__ import annotations

import pytest

from tests.survey.test_sites_warm_starts import verdict

_KEEPER = """\
class Keeper:
    def __init__(self, model, solver_optim=None):
        self.model = model
        self.optim = solver_optim
        {more}
    def restore(self, path):
        saved = torch.load(path)
        self.model.load_state_dict(saved['net'])
        if self.optim is not None:
            self.optim.load_state_dict(saved['optim'])
net = Net()
solver = torch.optim.SGD(net.parameters(), 0.1)
"""


@pytest.mark.parametrize(
    ("keeper", "more", "expected"),
    [
        ("Keeper(net).restore(args.pretrained)", "pass", "unknown"),
        ("Keeper(net, None).restore(args.pretrained)", "pass", "unknown"),
        ("keeper = Keeper(net)\nkeeper.restore(args.pretrained)", "pass", "unknown"),
        # It has an optimizer, or may be given one later.
        ("Keeper(net, solver).restore(args.pretrained)", "pass", "convert"),
        ("Keeper(net, **args.more).restore(args.pretrained)", "pass", "convert"),
        ("Keeper(net).restore(args.pretrained)", "self.optim = make(model)", "convert"),
        (
            "keeper = Keeper(net)\nkeeper.optim = solver\nkeeper.restore(args.pretrained)",
            "pass",
            "convert",
        ),
    ],
)
def test_an_object_that_is_made_without_an_optimizer(keeper: str, more: str, expected: str) -> None:
    verdict(_KEEPER.format(more=more) + keeper, expected)
