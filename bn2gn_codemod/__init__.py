"""A LibCST codemod and checker: GroupNorm for new layers, a frozen backbone."""

__version__ = "0.1.0"
