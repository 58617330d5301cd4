"""A right migration is verified, and nothing of the repository is touched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bn2gn_codemod.verify import Verification
from bn2gn_codemod.verify.models import ModelRequest

Verify = Callable[..., Verification]
Write = Callable[[str, Mapping[str, str]], Path]

pytestmark = pytest.mark.usefixtures("warm_probes")

CHECKS = ["build", "norms", "state dict", "freeze", "guard", "forward", "training step"]


def test_right_migration_passes(migrated: Mapping[str, str], verified: Verify) -> None:
    result = verified(migrated)
    (model,) = result.models
    assert [check.name for check in model.checks] == CHECKS
    assert result.passed, [*result.checks, *model.checks]
    assert result.stubs == ("ops (inert)", "ops.deform (deformable convolution)")
    assert result.skipped_weights == ("http://localhost:9/backbone-1234.pth",)


def test_original_has_everything_left_to_do(original: Mapping[str, str], verified: Verify) -> None:
    result = verified(original)
    failed = {c.name for c in (*result.checks, *result.models[0].checks) if not c.passed}
    assert "norms" in failed


def test_models_are_found_without_being_named(
    migrated: Mapping[str, str], verified: Verify
) -> None:
    result = verified(migrated, models=())
    (model,) = result.models
    assert model.comparison.after.factory == "lib.model:get_model"
    assert set(model.comparison.after.kwargs) == {"heads"}
    assert result.passed, [*result.checks, *model.checks]


def test_models_are_found_beside_what_was_rewritten(
    original: Mapping[str, str], migrated: Mapping[str, str], verified: Verify
) -> None:
    factories = """\
from lib.model import Detector

def small(num_classes, pretrained=True):
    assert not pretrained
    return Detector({'hm': num_classes})

def large(num_classes):
    return Detector({'hm': num_classes, 'wh': 2})

def needs_help(options):
    return Detector(options.heads)
"""

    def with_factories(files: Mapping[str, str]) -> Mapping[str, str]:
        model = files["lib/model.py"].partition("def get_model")[0]
        zoo = {"lib/zoo.py": factories, "main.py": "from lib import zoo\n"}
        train = files["train.py"].replace("lib.model import get_model", "lib.zoo import large")
        train = train.replace("get_model({'hm': 1})", "large(1)")
        return {**files, **zoo, "lib/model.py": model, "train.py": train}

    result = verified(with_factories(migrated), models=(), before=with_factories(original))
    # One of those that make the same layers is enough, and a factory says more than a class.
    assert [model.comparison.after.factory for model in result.models] == ["lib.zoo:small"]
    assert result.passed, [*result.checks, *result.models[0].checks]


def test_code_that_writes_reads_and_prints_changes_nothing(
    migrated: Mapping[str, str], verified: Verify, tmp_path: Path
) -> None:
    mess = (
        "import os, sys\n"
        "open('litter.txt', 'w').write('x')\n"
        "os.makedirs('made/here')\n"
        'print(\'{"event": "end"}\' * 3)\n'
        "assert sys.stdin.read() == ''\n"
        "assert sys.argv == ['']\n"
    )
    files = {**migrated, "lib/model.py": mess + migrated["lib/model.py"]}
    result = verified(files)
    assert result.passed, [*result.checks, *result.models[0].checks]
    after = tmp_path / "after"
    found = {path.relative_to(after).as_posix() for path in after.rglob("*") if path.is_file()}
    assert found == set(files)


def test_file_that_could_not_be_imported_before_either(
    original: Mapping[str, str], migrated: Mapping[str, str], verified: Verify
) -> None:
    broken = {"train.py": "from lib.model import gone\n"}
    changed = {"train.py": "from lib.model import gone  # still\n"}
    result = verified({**migrated, **changed}, before={**original, **broken})
    assert result.checks[0].passed
    assert "train.py cannot be, nor could it before: ImportError" in result.checks[0].detail


def test_model_that_cannot_be_built_before_either(verified: Verify) -> None:
    broken = ModelRequest("lib.model:no_such_factory")
    result = verified({"lib/__init__.py": "", "lib/model.py": "import torch\n"}, models=(broken,))
    (model,) = result.models
    assert [check.name for check in model.checks] == ["build"]
    assert "lib.model has no no_such_factory" in model.checks[0].detail
