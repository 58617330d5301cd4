"""Functions that run only where their file is started, and not where others import it.

``def main(): ...`` that nothing calls but what stands under ``if __name__ == "__main__":``
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.function_uses import FunctionUses
from bn2gn_codemod.survey.statements.main_blocks import is_in_main_block
from bn2gn_codemod.survey.values import Function


class StartedFunctions:
    """Tells them by all that code does with a function."""

    def __init__(self, flow: Flow) -> None:
        self._uses = FunctionUses(flow, CallSites(flow))

    def is_only_started(self, function: Function, node: ast.AST | None) -> bool:
        """Whether what stands in a function runs in no program but that of its own file."""
        if node is not None and is_in_main_block(function, node):
            return True
        seen = {function}
        pending = [function]
        for one in pending:
            # A method runs for whoever has an object, and a module for all that import it.
            if one.class_ is not None or one.is_of_module:
                return False
            for use in self._uses.calls_of(one) or (None,):
                caller = use.caller if use is not None else None
                if use is None or caller is None or caller.module is not function.module:
                    return False
                if not is_in_main_block(caller, use.call) and caller not in seen:
                    seen.add(caller)
                    pending.append(caller)
        return True
