"""Files that ``.gitignore`` leaves out although others import them."""

from __future__ import annotations

import pytest

from bn2gn_codemod.ignored_imports import ignored_imports
from bn2gn_codemod.sources import discover
from tests.conftest import MakeRepository, Run

# A working copy whose index is empty: nothing of it is tracked.
COPY = {".git/HEAD": "ref: refs/heads/main\n", ".gitignore": "lib/\n/data\nlocal_*.py\n"}


@pytest.mark.parametrize(
    ("path", "importer", "text"),
    [
        ("lib/nets/cam.py", "train.py", "import lib.nets.cam\n"),
        ("lib/nets/cam.py", "train.py", "from lib.nets import cam, other\n"),
        ("lib/nets/__init__.py", "train.py", "from lib.nets import Net\n"),
        # Somebody puts lib, or what holds it, on the path.
        ("lib/nets/cam.py", "tools/train.py", "if True:\n    from nets.cam import Net\n"),
        ("src/lib/nets/cam.py", "tools/train.py", "from lib.nets.cam import Net\n"),
        ("src/lib/nets/cam.py", "tools/train.py", "from src.lib.nets.cam import Net\n"),
        ("src/lib/nets.py", "src/train.py", "from .lib import nets\n"),
        ("src/lib/nets.py", "src/tools/train.py", "from ..lib.nets import Net\n"),
        ("src/lib/nets.py", "src/__init__.py", "from .lib.nets import *\n"),
        ("src/local_nets.py", "src/train.py", "import torch, local_nets as nets\n"),
        ("src/local_nets.py", "src/train.py", "from . import local_nets\n"),
        ("data/sets.py", "train.py", "from data.sets import Images\n"),
    ],
)
def test_imported(repository: MakeRepository, path: str, importer: str, text: str) -> None:
    root = repository({**COPY, path: "", importer: text})
    assert ignored_imports(discover(root)) == (path,)


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, "import torch\nfrom lib.nets import cam\n"),  # it is not there
        ({"lib/nets/cam.py": ""}, "from lib.nets import other\n"),
        ({"lib/nets/cam.py": ""}, "from cam import Net\n"),
        ({"lib/nets/cam.py": ""}, "from .nets import cam\n"),
        ({"lib/nets/cam.txt": ""}, "from lib.nets import cam\n"),
        ({"lib/nets.py": "", "src/nets.py": ""}, "import nets\n"),  # another one is read
        ({"src/nets.py": ""}, "from src import nets\n"),
        ({"local_nets.py": ""}, "import local_nets_2\n"),
        ({"lib/nets.py": ""}, "print('from lib import nets')\n"),
    ],
)
def test_not_imported(repository: MakeRepository, files: dict[str, str], text: str) -> None:
    root = repository({**COPY, **files, "train.py": text})
    assert ignored_imports(discover(root)) == ()


def test_exclude_says_so_itself(repository: MakeRepository) -> None:
    root = repository({"lib/nets.py": "", "train.py": "from lib import nets\n"})
    assert ignored_imports(discover(root, ["lib/"])) == ()


def test_one_line_names_some_of_them(repository: MakeRepository, run: Run) -> None:
    names = [f"net{number}" for number in range(5)]
    text = f"from lib import {', '.join(names)}\n"
    root = repository({**COPY, "train.py": text, **{f"lib/{name}.py": "" for name in names}})
    code, _, err = run("check", root)
    assert code == 0
    assert err == (
        "bn2gn: note: left out, as .gitignore says, though other files import them: "
        "lib/net0.py, lib/net1.py, lib/net2.py and 2 more; what git tracks is read all the same\n"
    )
