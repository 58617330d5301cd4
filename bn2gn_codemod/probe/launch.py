"""Starts a probe: ``python launch.py REQUEST.json``.

Limits come first, so that nothing that is imported later can escape them.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import sys

_NEARLY = 0.95  # of the time limit


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        request = json.load(file)
    _limit(request.get("memory"), request.get("file_size"))
    if request.get("timeout"):
        # Shortly before the process is killed, say where it hangs.
        faulthandler.dump_traceback_later(request["timeout"] * _NEARLY)
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [here] + [path for path in sys.path if path != here]
    importlib.import_module("bn2gn_probe." + request.get("job", "session")).run(request)
    # Not sys.exit: threads and exit handlers of the code that ran may never end.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _limit(memory: int | None, file_size: int | None) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    # Data, not address space: torch reserves far more addresses than it uses.
    for limit, wanted in ((resource.RLIMIT_DATA, memory), (resource.RLIMIT_FSIZE, file_size)):
        if wanted:
            _, hard = resource.getrlimit(limit)
            if hard == resource.RLIM_INFINITY or wanted < hard:
                resource.setrlimit(limit, (wanted, hard))


if __name__ == "__main__":
    main()
