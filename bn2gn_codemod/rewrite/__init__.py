"""Applying a plan to source with LibCST. Importing this imports LibCST."""

from __future__ import annotations

from bn2gn_codemod.rewrite.application import apply
from bn2gn_codemod.rewrite.engine import rewrite_file
from bn2gn_codemod.rewrite.located import RewriteRefused

__all__ = ["RewriteRefused", "apply", "rewrite_file"]
