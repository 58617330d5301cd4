"""Files that do not parse: nothing in them was followed, but their text may name a class."""

from __future__ import annotations

import re

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.values import Class


def unread_file_with(flow: Flow, cls: Class) -> str | None:
    """The path of a file that was skipped and may build the class, for its text has the name."""
    name = cls.name.rpartition(".")[2]
    word = re.compile(rf"\b{re.escape(name)}\b")
    return next(
        (file.path for file in flow.unread if name in file.text and word.search(file.text)), None
    )
