"""The one way to tell a user that nothing can be done until they change something."""

from __future__ import annotations


class Problem(Exception):
    """Wrong usage or unusable input: one line that names the place and what to do.

    The command line prints it to stderr and exits 2.
    """
