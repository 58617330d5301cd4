"""An optimizer that takes no step trains nothing: no freeze is written before it."""

from __future__ import annotations

import pytest

from tests.training.test_certain_modules import MODEL, freezes, plan_of

EVALUATES = """
def main(loader, path):
    net = Detector()
    optimizer = torch.optim.Adam([{{"params": net.parameters(), "lr": 0.1}}])
    {more}
    for x in loader:
        net(x)
    torch.save({{"net": net.state_dict(), "optimizer": optimizer.state_dict()}}, path)
"""
IDLE = [
    "pass",
    "optimizer.load_state_dict(torch.load(path))",
    "print(optimizer.param_groups)",
]
IN_USE = [
    "optimizer.step()",
    "net(1).backward(); optimizer.step()",
    "fit(net, optimizer)",
    "schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3)",
    "step = optimizer.step",
    "def step(): optimizer.step()",
    "fit(**locals())",
]


@pytest.mark.parametrize("more", IDLE)
def test_nothing_is_said_of_an_optimizer_without_a_step(more: str) -> None:
    plan = plan_of(MODEL + EVALUATES.format(more=more))
    assert freezes(plan) == []
    assert plan.train_scripts == ()


@pytest.mark.parametrize("more", IN_USE)
def test_one_that_may_take_steps(more: str) -> None:
    assert freezes(plan_of(MODEL + EVALUATES.format(more=more))) == ["9: net"]


def test_one_that_others_may_use() -> None:
    """At the top level of a file, or handed back."""
    text = EVALUATES.format(more="pass")
    top = text.replace("def main(loader, path):", "if True:")
    assert len(freezes(plan_of(MODEL + top))) == 1
    assert len(freezes(plan_of(MODEL + text + "    return optimizer\n"))) == 1
