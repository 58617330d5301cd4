"""``python -m bn2gn_codemod.rules [FILE]``: the rules' page, on stdout or into FILE."""

from __future__ import annotations

import sys
from pathlib import Path

from bn2gn_codemod.rules import all_rules
from bn2gn_codemod.rules.page import page

text = page(all_rules())
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(text, encoding="utf-8")
else:
    sys.stdout.write(text)
