"""``python -m bn2gn_codemod``, the same as ``bn2gn``."""

from bn2gn_codemod.cli import main

main()
