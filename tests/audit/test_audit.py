"""``bn2gn audit`` from end to end: the sample, a live training, a model, and bad configs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.audit.configs import FIXTURE
from tests.audit.conftest import copied
from tests.conftest import Run

CONFIG = "configs/llvip/stage2_kaist_domain_ft.py"


Audit = Callable[..., tuple[int, str, str]]


def audit_anew(root: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of ``bn2gn audit`` in ``root``, a process of its own."""
    command = [sys.executable, "-m", "bn2gn_codemod", "audit", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def audit(run: Run, warm_probes: None, monkeypatch: pytest.MonkeyPatch) -> Audit:
    """The same in this process, and MMEngine is there when the probe starts."""

    def audit(root: Path, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(root)
        return run("audit", *arguments)

    return audit


def report(audit: Audit, root: Path, *arguments: str) -> dict[str, Any]:
    """The JSON report; there has to be something to say."""
    code, out, err = audit(root, "--output-format", "json", *arguments)
    assert code == 1, err
    found: dict[str, Any] = json.loads(out)
    return found


def codes(found: dict[str, Any], severity: str) -> list[str]:
    return [f["code"] for f in found["findings"] if f["severity"] == severity]


def rows(found: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    return {m["name"]: (m["parameters"], m["trainable"], m["frozen"]) for m in found["modules"]}


@pytest.fixture(scope="module")
def of_sample(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report on the sample, with the Markdown, and and what it wrote beside it."""
    folder = tmp_path_factory.mktemp("report")
    file, root = folder / "audit.md", copied(folder / "sample")
    before = set(root.rglob("*"))
    found = report(audit_anew, root, CONFIG, "--report", str(file))
    written = set(root.rglob("*")) ^ before
    return {**found, "markdown": file.read_text(encoding="utf-8"), "written": written}


def test_the_three_serious_problems(of_sample: dict[str, Any]) -> None:
    assert codes(of_sample, "serious") == ["BN301", "BN302", "BN303"]
    assert codes(of_sample, "warning") == ["BN307"]


def test_figures_of_the_specification(of_sample: dict[str, Any]) -> None:
    assert of_sample["totals"] == {
        "parameters": 41_398_425,
        "trainable": 41_173_081,
        "frozen": 225_344,
    }
    assert rows(of_sample) == {
        "backbone": (23_508_032, 23_282_688, 225_344),
        "neck": (3_344_384, 3_344_384, 0),
        "neck.msp_module": (515, 515, 0),
        "rpn_head": (593_935, 593_935, 0),
        "roi_head": (13_901_830, 13_901_830, 0),
        "roi_head.macl_head": (49_729, 49_729, 0),
    }


def test_key_parameters(of_sample: dict[str, Any]) -> None:
    found = {key["name"]: key for key in of_sample["key_parameters"]}
    assert found["neck.msp_module.alpha"]["value"] == 0.5
    assert found["roi_head.macl_head.tau"]["value"] == pytest.approx(0.07)
    assert found["roi_head.macl_head.proj.0.weight"]["parameters"] == 32_768
    assert all(key["trainable"] and key["in_optimizer"] for key in found.values())


def test_fixes_are_lines_to_write(of_sample: dict[str, Any]) -> None:
    lines = {finding["code"]: finding["lines"] for finding in of_sample["findings"]}
    assert "+        frozen_stages=4," in lines["BN301"]
    assert "'scale_factor': (1.0, 1.0)" in lines["BN303"]
    assert "'modality', 'scale_factor')" in lines["BN303"]


def test_configuration(of_sample: dict[str, Any]) -> None:
    found = {fact["name"]: fact for fact in of_sample["configuration"]}
    values = {name: fact["value"] for name, fact in found.items()}
    assert values["base learning rate"] == "0.0003"
    assert values["backbone lr_mult"] == "0"
    assert values["epochs"] == "12"
    assert values["scheduler"].startswith("CosineAnnealingLR(T_max=12")
    weights = [values[f"loss weight lambda{number}"] for number in (1, 2, 3)]
    assert weights == ["1", "0.5", "0.1"]
    for split in ("train", "val", "test"):
        assert values[f"{split} data"] == "C:/KAIST_processed/"
        assert values[f"{split} return_modality_pair"] == "False"
    assert [name for name, fact in found.items() if fact["is_good"] is False] == [
        "backbone lr_mult",
        "train data",
        "val data",
        "test data",
    ]


def test_verified_as_right(of_sample: dict[str, Any]) -> None:
    passed = "\n".join(of_sample["passed"])
    assert "neck.msp_module is a MSPModule(channels=256, alpha=0.5) with 515 parameters" in passed
    assert "DHNSampler(queue_size=8192, momentum=0.99)" in passed
    assert "forward in mode 'loss' runs" in passed
    assert "torchvision://resnet50 is fetched" in passed


def test_markdown_says_the_same(of_sample: dict[str, Any]) -> None:
    text = of_sample["markdown"]
    assert "| backbone | 23,508,032 | 23,282,688 | 225,344 |" in text
    assert text.index("## Serious problems (3)") < text.index("## Parameters")
    assert text.index("## Parameters") < text.index("## Configuration")
    assert text.index("## Configuration") < text.index("## Priorities")
    assert text.index("## Priorities") < text.index("## Verified as right")
    assert text.index("## Verified as right") < text.index("## Next steps")
    assert "```diff\n--- configs/llvip" in text


def test_nothing_is_written_where_the_user_works(of_sample: dict[str, Any]) -> None:
    assert of_sample["written"] == set()


def test_migrated_sample_is_frozen(audit: Audit, migrated_sample: Path) -> None:
    found = report(audit, migrated_sample, CONFIG)
    assert rows(found)["backbone"] == (23_508_032, 0, 23_508_032)
    assert found["norms"]["BatchNorm2d"] == {"train": 0, "eval": 53, "frozen": 53}
    assert found["norms"]["GroupNorm"]["train"] == 1
    assert codes(found, "serious") == ["BN302", "BN303"]


EVAL_HOOK = """\
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch import nn


@HOOKS.register_module()
class EvalHook(Hook):
    def METHOD(self, runner, batch_idx=0, data_batch=None):
        for parameter in runner.model.backbone.parameters():
            parameter.requires_grad = False
        for module in runner.model.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
"""
WITH_HOOK = """\
_base_ = ['./stage2_kaist_synthetic.py']
custom_imports = dict(imports=['irdet', 'irdet.eval_hook'])
custom_hooks = [dict(type='EvalHook')]
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True))
"""


@pytest.mark.parametrize(
    ("method", "is_undone"), [("before_train_epoch", True), ("before_train_iter", False)]
)
def test_live_training_tells_whether_a_hook_holds(
    sample: Path, method: str, is_undone: bool
) -> None:
    (sample / "irdet/eval_hook.py").write_text(EVAL_HOOK.replace("METHOD", method))
    (sample / "configs/llvip/hooked.py").write_text(WITH_HOOK)
    command = [sys.executable, "tools/train.py", "configs/llvip/hooked.py"]
    found = report(audit_anew, sample, "--run", "--", *command)
    assert rows(found)["backbone"] == (23_508_032, 0, 23_508_032)
    assert ("BN304" in codes(found, "serious")) is is_undone
    values = {key["name"]: key["value"] for key in found["key_parameters"]}
    assert values["neck.msp_module.alpha"] == 0.5  # as it was before the steps that were watched


def test_model_target(audit: Audit, sample: Path) -> None:
    model = ("--model", "irdet.msp:MSPModule", "--input", "1,256,8,8")
    code, out, err = audit(sample, *model, "--output-format", "json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["totals"]["parameters"] == 515
    assert [key["name"] for key in found["key_parameters"]] == ["alpha"]


# ---------------------------------------------------------------- bad configs

BAD = [
    pytest.param("model = dict(\n", "configs/bad.py:2: cannot be parsed", id="syntax"),
    pytest.param("_base_ = ['./gone.py']\n", "its base ./gone.py was not found", id="base"),
    pytest.param("custom_imports = dict(imports=['gone'])\n", "Failed to import gone", id="import"),
    pytest.param("model = dict(type='Gone')\n", "Gone is not registered in mmengine", id="type"),
    pytest.param("model = dict(type='ToyModel', x=open('/'))\n", "Is a directory", id="raises"),
    pytest.param("x = 1\n", "the config has no model", id="no_model"),
]


@pytest.mark.parametrize(("source", "line"), BAD)
def test_bad_config_gets_one_line_and_the_static_part(
    audit: Audit, tmp_path: Path, source: str, line: str
) -> None:
    file = tmp_path / "configs/bad.py"
    file.parent.mkdir()
    file.write_text("load_from = './gone.pth'\n" + source)
    found = report(audit, tmp_path, "configs/bad.py")
    assert line in found["failure"]
    assert "\n" not in found["failure"]
    assert "configs/bad.py" in found["failure"]
    if "cannot be parsed" not in line:
        assert codes(found, "serious") == ["BN302"]


def test_type_that_nobody_imports_is_found_where_it_stands(audit: Audit, tmp_path: Path) -> None:
    files = {
        "net/model.py": "class Net:\n    pass\n",
        "configs/c.py": "model = dict(type='Net')\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text(text)
    failure = report(audit, tmp_path, "configs/c.py")["failure"]
    assert "net/model.py holds it: add custom_imports = dict(imports=['net.model'])" in failure


def test_without_torch_the_static_part_holds(audit: Audit, sample: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    found = report(audit, sample, CONFIG, "--python", str(bare / "bin/python"))
    assert "has no torch" in found["failure"]
    assert codes(found, "serious") == ["BN301", "BN302"]
    assert found["modules"] == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "name one target"),
        (("gone.py",), "gone.py: no such config file"),
        ((CONFIG, "--model", "a:b"), "name one target"),
        ((CONFIG, "--workdir", "gone"), "--workdir gone: no such directory"),
        ((CONFIG, "--python", "gone"), "--python gone: cannot be started"),
        ((CONFIG, "--input", "1,3,64,64"), "--input: name the model that it is for with --model"),
        ((CONFIG, "--steps", "2"), "--steps goes with --run"),
        (("configs",), "configs: is a directory"),
        ((CONFIG.replace("_ft", ""),), f"no such config file; did you mean {CONFIG}?"),
        (("conf/stage2.py",), "there is no folder conf"),
        (("README.md",), "not a Python config"),
        (("irdet/detector.py",), "not an MMEngine config"),
        (("--model", "a:b", "--args", "[1"), "--args [1: not valid JSON, such as"),
        (("--model", "a:b", "--args", '{"c": 1}'), "names and values are kwargs"),
        (("--model", "irdet.msp:MSPModule", "--module", "gtae"), "did you mean gate?"),
    ],
)
def test_wrong_usage(audit: Audit, arguments: tuple[str, ...], line: str) -> None:
    code, out, err = audit(FIXTURE, *arguments)
    assert (code, out) == (2, "")
    assert line in err
    assert err.count("\n") == 1
