"""``train(self, mode=True)`` of the class that owns the backbone."""

from __future__ import annotations

import pytest

from bn2gn_codemod.plan import FileEdits, ModelGuardEdit
from bn2gn_codemod.rewrite import RewriteRefused, rewrite_file
from tests.rewrite.marked import PATH, unmark


def rewritten(text: str, backbone: tuple[str, ...] = ("backbone",)) -> str:
    source, places = unmark(text)
    guards = tuple(ModelGuardEdit(place, "Net", backbone) for place in places)
    return rewrite_file(source, FileEdits(PATH, model_guards=guards))


def test_override_is_the_last_method() -> None:
    before = (
        "from torch import nn\n\n\n§class Net(nn.Module):\n    def __init__(self):\n"
        "        self.backbone = resnet()\n\n    def forward(self, x):\n        return x\n"
        "        # done\n\n\nnet = Net()\n"
    )
    after = (
        "from torch import nn\nfrom torch.nn.modules.batchnorm import _BatchNorm\n\n\n"
        "class Net(nn.Module):\n    def __init__(self):\n"
        "        self.backbone = resnet()\n\n    def forward(self, x):\n        return x\n"
        "        # done\n\n"
        "    def train(self, mode=True):\n"
        '        """Training mode for all but the frozen BatchNorm layers of the backbone."""\n'
        "        super().train(mode)\n"
        "        for module in self.backbone.modules():\n"
        "            if isinstance(module, _BatchNorm):\n"
        "                module.eval()\n"
        "        return self\n\n\nnet = Net()\n"
    )
    assert rewritten(before) == after


@pytest.mark.parametrize(
    "own",
    ["def train(self, mode=True):\n        pass", "train = Base.train", "async def train(): ..."],
)
def test_train_of_its_own_is_not_overridden(own: str) -> None:
    with pytest.raises(RewriteRefused, match=r"line 2: Net has a train\(\) of its own"):
        rewritten(f"§class Net(Base):\n    {own}\n")
