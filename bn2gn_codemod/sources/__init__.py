"""Files: which ones, their bytes, and how they are replaced.

No other part of the package opens a file of the user's repository.
"""

from __future__ import annotations

from bn2gn_codemod.sources.discovery import Repository, discover, find_root, is_root
from bn2gn_codemod.sources.replacement import (
    NotWritten,
    create,
    encoded,
    new_version,
    remove_leftovers,
    replace,
    require_absent,
)
from bn2gn_codemod.sources.source_file import SourceFile, Undecodable, split_lines

__all__ = [
    "NotWritten",
    "Repository",
    "SourceFile",
    "Undecodable",
    "create",
    "discover",
    "encoded",
    "find_root",
    "is_root",
    "new_version",
    "remove_leftovers",
    "replace",
    "require_absent",
    "split_lines",
]
