"""Imports by the name of the repository's own folder, which is nowhere in it."""

from __future__ import annotations

import pytest

from bn2gn_codemod.own_names import imports_in, own_names
from bn2gn_codemod.rules import findings
from bn2gn_codemod.sources import SourceFile
from tests.survey.verdicts import check, plan_of

FILES = {
    "model/__init__.py": "",
    "model/nets.py": "class Net: pass",
    "utils/params.py": "def groups(model): pass",
    "full.py": "",
}


def _names(text: str, files: dict[str, str] = FILES) -> frozenset[str]:
    every = {**files, "train.py": text}
    return own_names(SourceFile.from_bytes(path, body.encode()) for path, body in every.items())


@pytest.mark.parametrize(
    "text",
    [
        "from Own.model import nets\nfrom Own.utils.params import groups\nfrom Own import full",
        "import Own.full\nimport Own.model.nets as nets\nfrom Own.utils import params as p",
        "from Own.model.nets import (\n    Net as N,\n)\nfrom Own import full, utils\n"
        "import Own.utils.params",
    ],
)
def test_all_that_a_name_has_is_in_the_repository(text: str) -> None:
    assert _names(text) == {"Own"}


@pytest.mark.parametrize(
    "text",
    [
        # Two files may well be called like modules of a library.
        "from lib.model import nets\nfrom lib.utils import params",
        # It has other modules, ...
        "from lib.model import nets\nfrom lib import full\nfrom lib import model, runner",
        "from lib.model import nets\nfrom lib import full\nimport lib.model\nimport lib.utils.fit",
        # ... or other things in them.
        "from lib.model.nets import create\nfrom lib import full, model\nimport lib.utils.params",
        "from lib.model import nets\nfrom lib import full, build\nimport lib.utils.params",
        # It is there, ...
        "from utils.model import nets\nfrom utils import full, model\nimport utils.params",
        # ... or comes with Python.
        "from email.model import nets\nfrom email import full, model\nimport email.utils.params",
        # From where the file stands.
        "from .Own.model import nets\nfrom .Own import full, model",
    ],
)
def test_names_of_others(text: str) -> None:
    assert not _names(text)


def test_an_alias_is_no_module() -> None:
    found = list(imports_in(b"from nets import cam as c, (unet as u)\n"))
    assert found == [(0, "nets"), (0, "nets.cam"), (0, "nets.unet")]


MODEL = """\
-- model/nets.py --
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet50(pretrained=True)
        self.head = nn.Sequential(nn.Conv2d(2048, 64, 1), nn.BatchNorm2d(64))  #! convert
-- utils/params.py --
def groups(model):
    return [dict(params=list(model.parameters()))]
-- full.py --
-- train.py --
from {name}.model import nets
from {name}.utils import params
from {name} import full
MODELS = {{'a': nets.Net}}
class Trainer:
    def __init__(self, args):
        self.model = MODELS[args.name]()
        self.optimizer = torch.optim.SGD(params.groups(self.model), lr=0.1)
    def fit(self):
        self.model.train()
"""


def test_training_of_what_is_imported_by_that_name() -> None:
    text = MODEL.format(name="Own")
    check(text)
    plan = plan_of(text)
    assert {"BN201", "BN202"} <= {one.code for one in findings(plan)}
