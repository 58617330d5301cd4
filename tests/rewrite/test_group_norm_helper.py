"""Where the helper goes, or its import, and in whose style."""

from __future__ import annotations

import textwrap

import pytest

from bn2gn_codemod.generated.group_norm import GroupCount, definition
from bn2gn_codemod.plan import FileEdits, HelperEdit, NormEdit
from bn2gn_codemod.rewrite import RewriteRefused, rewrite_file
from bn2gn_codemod.sources import SourceFile
from tests.rewrite.marked import PATH, unmark

WRITE = HelperEdit(PATH, "nn")
IMPORT = HelperEdit(PATH, "nn", import_from="lib.models.norm")
HELPER = definition("nn")


def rewritten(text: str, helper: HelperEdit = WRITE) -> str:
    source, places = unmark(text)
    norms = tuple(NormEdit(place, "call", "BatchNorm2d") for place in places)
    return rewrite_file(source, FileEdits(PATH, norms, helper))


def filled(text: str, helper: str = HELPER) -> str:
    """``text`` with the line HELPER replaced by the definition."""
    return textwrap.dedent(text).replace("HELPER\n", helper)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            """\
            import torch.nn as nn

            x = §nn.BatchNorm2d(3)
            """,
            """\
            import torch.nn as nn


            HELPER


            x = get_group_norm(3)
            """,
            id="after the imports",
        ),
        pytest.param(
            """\
            from __future__ import annotations
            \"\"\"No docstring.\"\"\"
            import os, sys
            sys.path.insert(0, '..')
            try:
                import dcn  # fast
            except ImportError:
                dcn = None
            if sys.version_info[0] == 2:
                import cPickle as pickle
            else:
                import pickle
            from torch import nn
            def net():
                import re
                return §nn.BatchNorm2d(3)
            """,
            """\
            from __future__ import annotations
            \"\"\"No docstring.\"\"\"
            import os, sys
            sys.path.insert(0, '..')
            try:
                import dcn  # fast
            except ImportError:
                dcn = None
            if sys.version_info[0] == 2:
                import cPickle as pickle
            else:
                import pickle
            from torch import nn


            HELPER


            def net():
                import re
                return get_group_norm(3)
            """,
            id="future, path lines, try and if around imports",
        ),
        pytest.param(
            """\
            from torch import nn
            # from dcn import DCN
            # import os

            BN_MOMENTUM = 0.1
            x = §nn.BatchNorm2d(3)
            """,
            """\
            from torch import nn
            # from dcn import DCN
            # import os


            HELPER


            BN_MOMENTUM = 0.1
            x = get_group_norm(3)
            """,
            id="commented-out imports stay with the imports",
        ),
        pytest.param(
            """\
            from torch import nn

            # how fast statistics move
            BN_MOMENTUM = 0.1
            x = §nn.BatchNorm2d(3)
            """,
            """\
            from torch import nn


            HELPER


            # how fast statistics move
            BN_MOMENTUM = 0.1
            x = get_group_norm(3)
            """,
            id="a comment stays with its statement",
        ),
        pytest.param(
            """\
            from torch import nn




            class Neck:
                norm = §nn.BatchNorm2d(3)
            """,
            """\
            from torch import nn


            HELPER




            class Neck:
                norm = get_group_norm(3)
            """,
            id="no blank line is lost",
        ),
        pytest.param(
            """\
            from torch import nn
            x = §nn.BatchNorm2d(3)
            import matplotlib
            """,
            """\
            from torch import nn


            HELPER


            x = get_group_norm(3)
            import matplotlib
            """,
            id="before the first line that runs it",
        ),
        pytest.param(
            """\
            from torch import nn
            class Neck:
                norm = §nn.BatchNorm2d(3)
            if __name__ == '__main__':
                import sys
            """,
            """\
            from torch import nn


            HELPER


            class Neck:
                norm = get_group_norm(3)
            if __name__ == '__main__':
                import sys
            """,
            id="imports at the end of the file are not the imports",
        ),
        pytest.param(
            '''\
            #!/usr/bin/env python
            """A neck."""
            def neck(nn):
                return §nn.BatchNorm2d(3)
            ''',
            '''\
            #!/usr/bin/env python
            """A neck."""


            HELPER


            def neck(nn):
                return get_group_norm(3)
            ''',
            id="no imports but a docstring",
        ),
        pytest.param(
            """\
            # A neck.
            x = §nn.BatchNorm2d(3)
            """,
            """\
            # A neck.
            HELPER


            x = get_group_norm(3)
            """,
            id="nothing above the first statement",
        ),
    ],
)
def test_place(before: str, after: str) -> None:
    assert rewritten(before) == filled(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"from torch import nn\n\n\n{HELPER}"),
        ("# Norms.\n", f"# Norms.\nfrom torch import nn\n\n\n{HELPER}"),
        ("# Norms.", f"# Norms.\nfrom torch import nn\n\n\n{HELPER}"),
        ('"""Norms."""', f'"""Norms."""\nfrom torch import nn\n\n\n{HELPER}'.rstrip("\n")),
    ],
)
def test_shared_module_that_is_there_and_empty(before: str, after: str) -> None:
    assert rewritten(before, HelperEdit(PATH, None)) == after


def test_file_without_a_name_for_torch_nn() -> None:
    before = "from torch.nn import BatchNorm2d\n\n\nx = §BatchNorm2d(3)\n"
    after = (
        "from torch.nn import BatchNorm2d\nfrom torch import nn\n\n\n"
        f"{HELPER}\n\nx = get_group_norm(3)\n"
    )
    assert rewritten(before, HelperEdit(PATH, None)) == after


def test_another_name_for_torch_nn() -> None:
    after = rewritten("import torch\nx = §torch.nn.BatchNorm2d(3)\n", HelperEdit(PATH, "torch.nn"))
    assert "    return torch.nn.GroupNorm(" in after


def test_import_from_the_shared_module() -> None:
    before = "import os\nfrom torch import nn\n\nx = §nn.BatchNorm2d(3)\n"
    after = (
        "import os\nfrom torch import nn\nfrom lib.models.norm import get_group_norm\n\n"
        "x = get_group_norm(3)\n"
    )
    assert rewritten(before, IMPORT) == after


def test_import_that_is_there() -> None:
    before = "from lib.models.norm import get_group_norm\n\nx = §nn.BatchNorm2d(3)\n"
    assert rewritten(before, IMPORT) == before.replace("§nn.BatchNorm2d", "get_group_norm")


def test_group_count_goes_into_the_helper() -> None:
    helper = WRITE._replace(groups=16, min_channels_per_group=4)
    after = rewritten("from torch import nn\nx = §nn.BatchNorm2d(3)\n", helper)
    assert definition("nn", GroupCount(16, 4)) in after


@pytest.mark.parametrize("indent", ["  ", "\t", "        "])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_style_of_the_file(indent: str, newline: str) -> None:
    before = [
        "from torch import nn",
        "class Neck:",
        "    def f(self):",
        "        §nn.BatchNorm2d(3)",
    ]
    unix, places = unmark("\n".join(before).replace("    ", indent))
    source = SourceFile.from_bytes(PATH, unix.data.replace(b"\n", newline.encode()))
    norms = tuple(NormEdit(place, "call", "BatchNorm2d") for place in places)
    after = rewrite_file(source, FileEdits(PATH, norms, WRITE))
    assert HELPER.replace("    ", indent).replace("\n", newline) in after
    assert not {"\r", "\n"} & set(after.replace(newline, ""))
    assert not after.endswith(newline)


@pytest.mark.parametrize(
    "taken",
    [
        "def get_group_norm(c):\n    return c\n",
        "from elsewhere import get_group_norm\n",
        "get_group_norm = 1\n",
        "class get_group_norm: pass\n",
        "if True:\n    get_group_norm = 1\n",
    ],
)
@pytest.mark.parametrize("helper", [WRITE, IMPORT])
def test_another_meaning_of_the_name_is_never_overwritten(taken: str, helper: HelperEdit) -> None:
    with pytest.raises(RewriteRefused, match="get_group_norm already means something else"):
        rewritten(f"from torch import nn\n{taken}x = §nn.BatchNorm2d(3)\n", helper)


def test_local_name_does_not_matter() -> None:
    before = "from torch import nn\ndef f():\n    get_group_norm = 1\n\nx = §nn.BatchNorm2d(3)\n"
    assert HELPER in rewritten(before)
