"""Modules in a folder of the same name: ``from nets import nets``."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

PACKAGE = """\
-- nets/nets.py --
from torchvision.models import resnet50
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet50(pretrained=True)
        self.decoder = nn.BatchNorm2d(8)  #! convert
{more}
-- train.py --
{imported}
model = {made}
optimizer = torch.optim.SGD(model.parameters(), 0.1)
"""


@pytest.mark.parametrize(
    ("imported", "made", "more"),
    [
        ("from nets import nets", "nets.Net()", ""),
        ("from nets import nets as M", "M.Net()", ""),
        ("import nets.nets as M", "M.Net()", ""),
        # With the folder itself on the path, it may be a name of the module's own.
        ("from nets import nets", "nets()", "def nets(): return Net()"),
        ("from nets import nets", "nets.Net()", "class nets: Net = Net"),
    ],
)
def test_a_module_in_a_folder_of_its_name(imported: str, made: str, more: str) -> None:
    text = PACKAGE.format(imported=imported, made=made, more=more)
    check(text)
    [script] = plan_of(text).train_scripts
    assert script.backbone == ("backbone",)
    assert script.fix


@pytest.mark.parametrize(
    ("imported", "made"),
    [("from nets import other", "other.Net()"), ("from nets import other", "other()")],
)
def test_a_module_that_is_not_in_the_folder(imported: str, made: str) -> None:
    text = PACKAGE.format(imported=imported, made=made, more="")
    assert all(script.state == "unfollowed" for script in plan_of(text).train_scripts)
