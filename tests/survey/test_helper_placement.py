"""Which files get ``get_group_norm``, by which names, and which are left alone."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import pytest

from bn2gn_codemod.generated.group_norm import GroupCount, definition
from bn2gn_codemod.plan import HelperEdit, Plan
from tests.conftest import MakeRepository
from tests.migrating import migrate, plan_of

# What makes Neck in neck.py a new layer.
DETECTOR = """\
import torchvision
from torch import nn
from {neck} import Neck


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.neck = Neck(512)
"""
NECK = """\


class Neck({module}):
    def __init__(self, channels):
        super().__init__()
        self.bn = {norm}(channels)
"""
NN_NECK = "from torch import nn\n" + NECK.format(module="nn.Module", norm="nn.BatchNorm2d")


def helpers(plan: Plan) -> dict[str, HelperEdit]:
    return {edits.path: edits.helper for edits in plan.files if edits.helper is not None}


def reasons(plan: Plan, path: str) -> list[tuple[bool, str]]:
    """Whether each BN101 finding of the file is fixable, and its message."""
    return [(f.fixable, f.message) for f in plan.findings if f.code == "BN101"]


@pytest.mark.parametrize(
    ("imports", "module", "norm", "nn_name"),
    [
        ("from torch import nn", "nn.Module", "nn.BatchNorm2d", "nn"),
        ("import torch.nn as nn", "nn.Module", "nn.BatchNorm2d", "nn"),
        ("import torch.nn as tnn", "tnn.Module", "tnn.BatchNorm2d", "tnn"),
        ("from torch import nn as layers", "layers.Module", "layers.BatchNorm2d", "layers"),
        ("import torch", "torch.nn.Module", "torch.nn.BatchNorm2d", "torch.nn"),
        ("import torch.nn", "torch.nn.Module", "torch.nn.BatchNorm2d", "torch.nn"),
        ("import torch as th", "th.nn.Module", "th.nn.BatchNorm2d", "th.nn"),
        ("import torch\nimport torch.nn as nn", "nn.Module", "torch.nn.BatchNorm2d", "nn"),
        ("from torch.nn import BatchNorm2d, Module", "Module", "BatchNorm2d", None),
        ("try:\n    import torch.nn as nn\nexcept ImportError:\n    raise", "nn.Module",
         "nn.BatchNorm2d", "nn"),
    ],
)  # fmt: skip
def test_name_of_torch_nn(
    repository: MakeRepository, imports: str, module: str, norm: str, nn_name: str | None
) -> None:
    text = imports + "\n" + NECK.format(module=module, norm=norm)
    root = repository({"neck.py": text, "model.py": DETECTOR.format(neck="neck")})
    plan = plan_of(root)
    assert helpers(plan) == {"neck.py": HelperEdit("neck.py", nn_name)}
    assert migrate(root).refused == ()
    assert plan_of(root).findings == ()


def test_names_that_come_with_a_star(repository: MakeRepository) -> None:
    root = repository(
        {
            "common.py": "import torch.nn as nn\n",
            "neck.py": "from common import *\n"
            + NECK.format(module="nn.Module", norm="nn.BatchNorm2d"),
            "model.py": DETECTOR.format(neck="neck"),
        }
    )
    assert helpers(plan_of(root)) == {"neck.py": HelperEdit("neck.py", "nn")}


def test_settings_go_into_the_helper(repository: MakeRepository) -> None:
    root = repository({"neck.py": NN_NECK, "model.py": DETECTOR.format(neck="neck")})
    plan = plan_of(root, groups=16, min_channels_per_group=4)
    expected = HelperEdit("neck.py", "nn", None, groups=16, min_channels_per_group=4)
    assert helpers(plan) == {"neck.py": expected}
    migrate(root, groups=16, min_channels_per_group=4)
    assert plan_of(root, groups=16, min_channels_per_group=4).findings == ()


HERE = definition("nn").replace('"""GroupNorm', '"""Our own words.')


@pytest.mark.parametrize(
    "files",
    [
        {"neck.py": NN_NECK.replace("\n\n", f"\n\n\n{HERE}\n\n", 1)},
        {"neck.py": NN_NECK + "\n\n" + HERE},
        {"neck.py": "from norms import get_group_norm\n" + NN_NECK,
         "norms.py": "from torch import nn\n\n\n" + HERE},
        {"neck.py": "from norms import *\n" + NN_NECK,
         "norms.py": "from torch import nn\n\n\n" + HERE},
        {"neck.py": "from pack import get_group_norm\n" + NN_NECK,
         "pack/__init__.py": "from .norms import get_group_norm\n",
         "pack/norms.py": "from torch import nn\n\n\n" + HERE},
    ],
    ids=["above", "below", "imported", "by a star", "through a package"],
)  # fmt: skip
def test_an_equal_helper_is_used_again(
    repository: MakeRepository, files: Mapping[str, str]
) -> None:
    root = repository({**files, "model.py": DETECTOR.format(neck="neck")})
    plan = plan_of(root)
    assert helpers(plan) == {}
    assert migrate(root).changed == ("neck.py",)
    text = (root / "neck.py").read_text()
    assert "self.bn = get_group_norm(channels)" in text
    assert text.count("def get_group_norm") == files["neck.py"].count("def get_group_norm")


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ("def get_group_norm(c):\n    return nn.Identity()\n", "already means something else"),
        ("get_group_norm = nn.Identity\n", "already means something else"),
        ("from norms import get_group_norm\n", "already means something else"),
        ("class get_group_norm:\n    pass\n", "already means something else"),
        (definition("nn", GroupCount(8)), "asks for 8 groups, not 32 groups"),
        (
            definition("nn", GroupCount(32, 2)),
            "asks for 32 groups of at least 2 channels, not 32 groups",
        ),
        ("if nn:\n" + textwrap.indent(HERE, "    ") + "get_group_norm = None\n", "something else"),
        ("def build(get_group_norm):\n    return get_group_norm\n", "of its own"),
        ("build = lambda get_group_norm: get_group_norm\n", "of its own"),
    ],
)
def test_another_thing_of_that_name_is_left(
    repository: MakeRepository, extra: str, reason: str
) -> None:
    text = NN_NECK + "\n\n" + extra
    root = repository({"neck.py": text, "model.py": DETECTOR.format(neck="neck")})
    plan = plan_of(root)
    [(fixable, message)] = reasons(plan, "neck.py")
    assert not fixable
    assert reason in message
    assert migrate(root).changed == ()
    assert (root / "neck.py").read_text() == text


def test_nn_that_is_not_torch_nn(repository: MakeRepository) -> None:
    text = "import numbers as nn\nfrom torch.nn import BatchNorm2d, Module\n"
    root = repository(
        {
            "neck.py": text + NECK.format(module="Module", norm="BatchNorm2d"),
            "model.py": DETECTOR.format(neck="neck"),
        }
    )
    [(fixable, message)] = reasons(plan_of(root), "neck.py")
    assert not fixable
    assert "nn does not mean torch.nn" in message


def test_attributes_and_methods_of_that_name_do_not_matter(repository: MakeRepository) -> None:
    extra = "\n    def get_group_norm(self):\n        return self.bn\n"
    root = repository({"neck.py": NN_NECK + extra, "model.py": DETECTOR.format(neck="neck")})
    plan = plan_of(root)
    assert set(helpers(plan)) == {"neck.py"}
    assert migrate(root).refused == ()


def test_a_default_above_its_helper_would_fail_on_import(repository: MakeRepository) -> None:
    neck = """\
from torch import nn


class Neck(nn.Module):
    def __init__(self, channels, norm=nn.BatchNorm2d):
        super().__init__()
        self.bn = norm(channels)


"""
    root = repository({"neck.py": neck + HERE, "model.py": DETECTOR.format(neck="neck")})
    plan = plan_of(root)
    assert {fixable for fixable, _ in reasons(plan, "neck.py")} == {False}
    assert migrate(root).changed == ()


def test_a_file_left_alone_takes_what_hangs_on_it_along(repository: MakeRepository) -> None:
    """A norm class that is handed on is converted where it is named, or not at all."""
    build = """\
from torch import nn
from neck import Neck


def get_group_norm(c):
    return nn.Identity()


def build_neck():
    return Neck(512, nn.BatchNorm2d)
"""
    neck = """\
from torch import nn


class Neck(nn.Module):
    def __init__(self, channels, norm):
        super().__init__()
        self.bn = norm(channels)
"""
    model = DETECTOR.format(neck="neck").replace("Neck(512)", "build_neck()")
    model = model.replace("from neck import Neck", "from build import build_neck")
    root = repository({"build.py": build, "neck.py": neck, "model.py": model})
    plan = plan_of(root)
    assert plan.files == ()
    assert {fixable for fixable, _ in reasons(plan, "neck.py")} == {False}


# ---------------------------------------------------------- shared module

SHARED = "lib/models/norm.py"


@pytest.mark.parametrize(
    ("files", "shared", "importer", "dotted"),
    [
        pytest.param(
            {"lib/models/neck.py": NN_NECK, "model.py": DETECTOR.format(neck="lib.models.neck")},
            SHARED, "lib/models/neck.py", "lib.models.norm",
            id="as others import the file",
        ),
        pytest.param(
            {"src/lib/models/neck.py": NN_NECK,
             "src/main.py": DETECTOR.format(neck="models.neck")},
            "src/lib/models/norm.py", "src/lib/models/neck.py", "models.norm",
            id="a folder inside the repository is on the path",
        ),
        pytest.param(
            {"lib/models/neck.py": "from lib.models.blocks import nn\n" + NN_NECK,
             "lib/models/blocks.py": "from torch import nn\n",
             "model.py": DETECTOR.format(neck="lib.models.neck")},
            SHARED, "lib/models/neck.py", "lib.models.norm",
            id="as the file itself imports",
        ),
        pytest.param(
            {"lib/models/neck.py": "from .blocks import nn\n" + NN_NECK,
             "lib/models/blocks.py": "from torch import nn\n",
             "model.py": DETECTOR.format(neck="lib.models.neck")},
            SHARED, "lib/models/neck.py", ".norm",
            id="relative, as the file itself imports",
        ),
        pytest.param(
            {"lib/necks/neck.py": "from ..blocks import nn\n" + NN_NECK,
             "lib/blocks.py": "from torch import nn\n",
             "model.py": DETECTOR.format(neck="lib.necks.neck")},
            SHARED, "lib/necks/neck.py", "..models.norm",
            id="relative, out of a neighbour",
        ),
        pytest.param(
            {"neck.py": NN_NECK, "model.py": DETECTOR.format(neck="neck")},
            "norm.py", "neck.py", "norm",
            id="flat",
        ),
    ],
)  # fmt: skip
def test_shared_module_is_imported_by_its_name(
    repository: MakeRepository, files: Mapping[str, str], shared: str, importer: str, dotted: str
) -> None:
    root = repository(files)
    plan = plan_of(root, shared_module=shared)
    assert helpers(plan) == {importer: HelperEdit(importer, "nn", dotted)}
    assert [(new.path, new.definitions) for new in plan.new_files] == [
        (shared, ("get_group_norm",))
    ]
    done = migrate(root, shared_module=shared)
    assert done.refused == ()
    assert set(done.changed) == {shared, importer}
    again = plan_of(root, shared_module=shared)
    assert again.findings == ()
    assert again.files == ()
    assert again.new_files == ()


def test_shared_module_with_norms_of_its_own(repository: MakeRepository) -> None:
    """It gets the definition, and nobody a new file."""
    root = repository({"neck.py": NN_NECK, "model.py": DETECTOR.format(neck="neck")})
    plan = plan_of(root, shared_module="neck.py")
    assert helpers(plan) == {"neck.py": HelperEdit("neck.py", "nn")}
    assert plan.new_files == ()


@pytest.mark.parametrize(
    ("text", "nn_name"),
    [("import torch.nn as nn\n", "nn"), ("import os\n", None), ('"""Layers."""\n', None)],
)
def test_shared_module_that_exists_gets_the_definition(
    repository: MakeRepository, text: str, nn_name: str | None
) -> None:
    root = repository(
        {
            "lib/norm.py": text,
            "lib/neck.py": NN_NECK,
            "model.py": DETECTOR.format(neck="lib.neck"),
        }
    )
    plan = plan_of(root, shared_module="lib/norm.py")
    assert helpers(plan)["lib/norm.py"] == HelperEdit("lib/norm.py", nn_name)
    assert migrate(root, shared_module="lib/norm.py").refused == ()
    assert "def get_group_norm" in (root / "lib/norm.py").read_text()
    assert plan_of(root, shared_module="lib/norm.py").findings == ()


def test_shared_module_that_has_it(repository: MakeRepository) -> None:
    root = repository(
        {
            "lib/norm.py": "from torch import nn\n\n\n" + HERE,
            "lib/neck.py": NN_NECK,
            "model.py": DETECTOR.format(neck="lib.neck"),
        }
    )
    plan = plan_of(root, shared_module="lib/norm.py")
    assert helpers(plan) == {"lib/neck.py": HelperEdit("lib/neck.py", "nn", "lib.norm")}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("get_group_norm = None\n", "lib/norm.py: get_group_norm (line 1) already means"),
        ("def broken(:\n", "lib/norm.py does not parse"),
        ("from lib.neck import Neck\n", "lib/norm.py imports this file"),
    ],
)
def test_shared_module_that_cannot_be_used(
    repository: MakeRepository, text: str, reason: str
) -> None:
    files = {
        "lib/norm.py": text,
        "lib/neck.py": NN_NECK,
        "model.py": DETECTOR.format(neck="lib.neck") + "\n\nimport lib.norm\n",
    }
    root = repository(files)
    plan = plan_of(root, shared_module="lib/norm.py")
    [(fixable, message)] = reasons(plan, "lib/neck.py")
    assert not fixable
    assert reason in message
    migrate(root, shared_module="lib/norm.py")
    assert {path: (root / path).read_text() for path in files} == files


def test_shared_module_out_of_reach(repository: MakeRepository) -> None:
    root = repository({"neck.py": NN_NECK, "model.py": DETECTOR.format(neck="neck")})
    [(fixable, message)] = reasons(plan_of(root, shared_module="my-norms/norm.py"), "neck.py")
    assert not fixable
    assert "my-norms/norm.py cannot be told" in message
