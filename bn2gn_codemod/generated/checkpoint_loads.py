"""How the report of a load begins that was strict before the migration."""

from __future__ import annotations

SAID = "Checkpoint loaded:"
