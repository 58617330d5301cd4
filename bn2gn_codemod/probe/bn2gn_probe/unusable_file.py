"""The one way to say that a checkpoint cannot be read or written."""

from __future__ import annotations


class UnusableFile(Exception):
    """The message is one line without the file's name."""
