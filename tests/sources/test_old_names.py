"""``async`` as a name, as it could be until Python 3.6."""

from __future__ import annotations

import ast

import pytest

from bn2gn_codemod.sources.old_names import respelled
from bn2gn_codemod.sources.source_file import parse
from tests.conftest import MakeRepository
from tests.migrating import migrate, plan_of

OLD = """\
x = target.cuda(async=True)
y = (x.cuda(non_blocking = 1), x.cuda(  async = flag, device=1))  # async=1
s = 'async=1'
"""
SCRIPT = """\
import torch
import torchvision
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))


def main(loader):
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=1)
    net.train()
    for x, target in loader:
        loss = net(x.cuda(async=True)) - target.cuda(async=True)


main([])
"""


def test_it_is_read_where_it_stands() -> None:
    tree = parse(OLD)
    found = [node for node in ast.walk(tree) if isinstance(node, ast.keyword)]
    assert [node.arg for node in found] == ["async", "non_blocking", "async", "device"]
    lines = OLD.splitlines()
    assert all(lines[n.lineno - 1][n.col_offset :].startswith(str(n.arg)) for n in found)
    assert "'async=1'" in ast.unparse(tree)


def test_what_is_put_in_its_place_is_in_no_other() -> None:
    text = "asyna = asynb = 1\nf(async=asyna)\n"
    spelled = respelled(text)
    assert spelled is not None
    assert spelled.text == f"asyna = asynb = 1\nf({spelled.name}=asyna)\n"
    assert spelled.name not in ("asyna", "asynb")
    assert spelled.original(spelled.text) == text


@pytest.mark.parametrize(
    "text",
    [
        "async def f(async_=1):\n    return [x async for x in y]\n",
        "s = 'f(async=1)'\nasync def f():\n    async with s:\n        pass\n",
        "# f(async=1)\n",
        "f(sync=True, is_async=True)\n",
        "async == 1\n",
        "f('\n",
    ],
)
def test_nothing_is_put_anywhere_else(text: str) -> None:
    assert respelled(text) is None


@pytest.mark.parametrize("text", ["f(async=1\n", "print x.cuda(async=True)\n", "def async=(:\n"])
def test_what_does_not_parse_for_something_else_does_not_parse(text: str) -> None:
    with pytest.raises(SyntaxError):
        parse(text)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_train_script_of_that_time_is_changed(repository: MakeRepository, newline: str) -> None:
    root = repository({"other.py": ""})
    (root / "train.py").write_bytes(SCRIPT.replace("\n", newline).encode())
    plan = plan_of(root)
    assert not plan.skipped
    assert {finding.code for finding in plan.findings} >= {"BN101", "BN201", "BN202"}
    assert not migrate(root).refused
    text = (root / "train.py").read_bytes().decode()
    assert text.count("async=True") == 2
    assert "freeze_backbone_bn(net" in text
    assert "nn.BatchNorm2d(8))" not in text
    before, after = SCRIPT.split("\n"), text.replace(newline, "\n").split("\n")
    assert [line for line in before if line not in after] == [
        line for line in before if "BatchNorm2d(8)" in line
    ]
