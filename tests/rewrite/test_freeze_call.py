"""The freeze call between model and optimizer, and the function that it calls."""

from __future__ import annotations

import ast
import textwrap
from typing import Any

import pytest

from bn2gn_codemod.generated import freezing
from bn2gn_codemod.plan import FileEdits, FreezeEdit, LoopGuardEdit, Place
from bn2gn_codemod.rewrite import RewriteRefused, rewrite_file
from tests.rewrite.marked import PATH, unmark


def freeze(after: Place, **options: Any) -> FreezeEdit:
    edit = FreezeEdit(PATH, after, "model", "opt.model_name", ("backbone", "base_layer"))
    return edit._replace(**options)


def rewritten(text: str, **options: Any) -> str:
    source, places = unmark(text)
    edits = tuple(freeze(place, **options) for place in places)
    return rewrite_file(source, FileEdits(PATH, freezes=edits))


CALL = """\
frozen_count = freeze_backbone_bn(model, opt.model_name)
print(f'Frozen backbone BatchNorm layers: {frozen_count}')
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            """\
            def main(opt):
                §model = build(opt.model_name)  # the model
                optimizer = Adam(model.parameters())
            """,
            """\
            def main(opt):
                model = build(opt.model_name)  # the model
                CALL
                optimizer = Adam(model.parameters())
            """,
            id="after its statement, whose comment stays",
        ),
        pytest.param(
            """\
            if True:
            \t§model = build(opt.model_name); optimizer = Adam(model.parameters())
            """,
            """\
            if True:
            \tmodel = build(opt.model_name)
            \tCALL
            \toptimizer = Adam(model.parameters())
            """,
            id="two statements on one line, tabs",
        ),
        pytest.param(
            """\
            def main(opt):
                §if opt.small:
                    model = small()
                    # pretrained
                else:
                    model = build(
                        opt)

                    # from scratch

                # now train
                optimizer = Adam(model.parameters())
            """,
            """\
            def main(opt):
                if opt.small:
                    model = small()
                    # pretrained
                else:
                    model = build(
                        opt)

                    # from scratch
                CALL

                # now train
                optimizer = Adam(model.parameters())
            """,
            id="after a whole if, with the comments of its last block",
        ),
        pytest.param(
            """\
            if opt.train: §model = build(opt); optimizer = Adam(model.parameters())
            else: model = None
            """,
            """\
            if opt.train:
                model = build(opt)
                CALL
                optimizer = Adam(model.parameters())
            else: model = None
            """,
            id="in an if on one line",
        ),
        pytest.param(
            """\
            try:
                pass
            finally:
                with scope() as s:
                    §model = build(opt)""",
            """\
            try:
                pass
            finally:
                with scope() as s:
                    model = build(opt)
                    CALL""",
            id="at the end of a file without final newline",
        ),
    ],
)
def test_call(before: str, after: str) -> None:
    expected = textwrap.dedent(after)
    [line] = [line for line in expected.splitlines(keepends=True) if "CALL" in line]
    newline = "\n" if line.endswith("\n") else ""
    call = textwrap.indent(CALL, line[: line.index("CALL")]).rstrip("\n") + newline
    assert rewritten(before, define=False) == expected.replace(line, call)


def test_name_that_is_taken() -> None:
    after = rewritten("frozen_count = 0\n§model = build()\n", define=False)
    assert "bn_frozen_count = freeze_backbone_bn(model, opt.model_name)\n" in after
    assert "{bn_frozen_count}" in after


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        ("import torch\n", "import re\nimport warnings\n\nimport torch\n{norm}\n"),
        (
            "# -*- coding: utf-8 -*-\nimport torch\nfrom torch import nn\n",
            "# -*- coding: utf-8 -*-\nimport re\nimport warnings\n\n"
            "import torch\nfrom torch import nn\n{norm}\n",
        ),
        (
            "import torch\nfrom torch import nn\n\nfrom .net import Net\n",
            "import re\nimport warnings\n\nimport torch\nfrom torch import nn\n{norm}\n\n"
            "from .net import Net\n",
        ),
        (
            "from os import path\nimport torch\n",
            "import re\nimport warnings\nfrom os import path\nimport torch\n{norm}\n",
        ),
        (
            "from __future__ import division\n\nimport torch\n",
            "from __future__ import division\n\nimport re\nimport warnings\n\n"
            "import torch\n{norm}\n",
        ),
        (
            "import re\nimport warnings\nimport torch.nn as nn\nfrom lib import net\n",
            "import re\nimport warnings\nimport torch.nn as nn\n{norm}\nfrom lib import net\n",
        ),
        (
            "import os\nimport sys\n\nimport torch\n",
            "import os\nimport re\nimport sys\nimport warnings\n\nimport torch\n{norm}\n",
        ),
        ("import re, os\nimport warnings\nimport torch\n", "{there}{norm}\n"),
        (
            "import torch  # first\nimport numpy as np\n",
            "import re\nimport warnings\nimport torch  # first\n{norm}\nimport numpy as np\n",
        ),
        (
            "'''Doc.'''\nfrom __future__ import division\nimport zlib\n",
            "'''Doc.'''\nfrom __future__ import division\n"
            "import re\nimport warnings\nimport zlib\n{norm}\n",
        ),
        (
            "from torch.nn.modules.batchnorm import _BatchNorm\nimport re\nimport warnings\n",
            "{there}",
        ),
        (
            "'''Doc.'''\n",
            "'''Doc.'''\nimport re\nimport warnings\n{norm}\n",
        ),
    ],
)
def test_imports(imports: str, expected: str) -> None:
    after = rewritten(f"{imports}\ndef main(opt):\n    §model = build(opt)\n")
    above = expected.format(there=imports, norm=freezing.NORM_IMPORT)
    assert after.startswith(f"{above}\n# Backbone modules by name")


def test_norm_base_class_that_is_imported_from_elsewhere() -> None:
    imports = (
        "import re\nimport warnings\nfrom mmengine.utils.dl_utils import _BatchNorm, is_norm\n"
    )
    assert rewritten(f"{imports}§model = f()\n").startswith(f"{imports}\n# Backbone")


def test_function_is_defined_once_for_all_calls() -> None:
    after = rewritten("def a():\n    §model = build()\ndef b():\n    §model = build()\n")
    assert after.count("def freeze_backbone_bn") == 1
    assert after.count("frozen_count = freeze_backbone_bn(") == 2
    matching = freezing.recognise_freeze(ast.parse(after))
    assert matching is not None
    assert matching.freeze == "bn"
    assert matching.covers(["backbone", "base_layer"])


def test_freezing_the_whole_backbone() -> None:
    matching = freezing.recognise_freeze(ast.parse(rewritten("§model = f()\n", freeze="backbone")))
    assert matching is not None
    assert matching.freeze == "backbone"


def test_call_of_an_imported_function() -> None:
    after = rewritten("import torch\n§model = f()\n", import_from="lib.freezing")
    imports = "import torch\nfrom lib.freezing import freeze_backbone_bn\n"
    assert after == f"{imports}model = f()\n{CALL}"


def test_one_pattern_for_freeze_and_guard() -> None:
    source, [model, train] = unmark("§model = f()\n§model.train()\n")
    edits = FileEdits(
        PATH,
        freezes=(freeze(model),),
        loop_guards=(LoopGuardEdit(PATH, train, "model", ("base",), ("net",)),),
    )
    after = rewrite_file(source, edits)
    assert after.count("re.compile(") == 1
    tree = ast.parse(after)
    for matching in (freezing.recognise_freeze(tree), freezing.recognise_eval(tree)):
        assert matching is not None
        assert matching.covers(["backbone", "base_layer", "base"], ["net"])


@pytest.mark.parametrize(
    ("taken", "says"),
    [
        ("def freeze_backbone_bn(m): pass\n", "freeze_backbone_bn already means something else"),
        ("import regex as re\n", "the name re already means something else"),
        ("from mine import _BatchNorm\n", "the name _BatchNorm already means something else"),
        ("_BACKBONE_NAME = 'backbone'\n", "_BACKBONE_NAME already means something else"),
        ("import re\n_BACKBONE_NAME = re.compile('base')\n", "matches another backbone"),
    ],
)
def test_names_that_mean_something_else(taken: str, says: str) -> None:
    with pytest.raises(RewriteRefused, match=says):
        rewritten(f"{taken}§model = f()\n")


def test_style_of_the_file() -> None:
    after = rewritten('import os\r\nif "a":\r\n  §model = f("b")\r\n')
    assert after.count("\n") == after.count("\r\n")
    assert "'" not in after
    assert '\r\n  print(f"Frozen backbone BatchNorm layers: {frozen_count}")\r\n' in after
    assert "\r\n  frozen = 0\r\n  for name, module in model.named_modules():\r\n    # Sync" in after


@pytest.mark.parametrize(
    ("model", "quoted"),
    [
        ("models['detector']", 'models["detector"]'),
        ('models["it\'s"]', 'models["it\'s"]'),
    ],
)
def test_the_quotes_of_the_file(model: str, quoted: str) -> None:
    before = '§model = build("detector")\nprint("built")\n'
    after = rewritten(before, model=model, model_name="'Detector'", define=False)
    assert f'frozen_count = freeze_backbone_bn({quoted}, "Detector")\n' in after
