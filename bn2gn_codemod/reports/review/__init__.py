"""A review as one HTML page: self-contained, static, and safe to open whatever it shows.

Importing this imports Jinja.
"""

from __future__ import annotations

from pathlib import Path

from bn2gn_codemod.reports import report_file
from bn2gn_codemod.reports.review.content import (
    Checks,
    Review,
    of_migration,
    of_run,
    of_verification,
)
from bn2gn_codemod.reports.review.page import page

__all__ = ["Checks", "Review", "of_migration", "of_run", "of_verification", "page", "write"]


def write(review: Review, file: Path) -> None:
    """Write the page of a review to ``file``, atomically; raises ``Problem``."""
    report_file.write(page(review), file)
