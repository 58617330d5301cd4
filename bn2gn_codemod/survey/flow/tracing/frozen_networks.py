"""Networks of libraries that get a frozen norm class by a parameter, from all that call there.

``def build(norm=FrozenBatchNorm2d): return resnet50(norm_layer=norm)``: nothing is left to freeze
where no call of ``build`` hands over another one.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.tracing.kept_afterwards import own_names
from bn2gn_codemod.survey.statements.run_conditions import passed
from bn2gn_codemod.survey.values import ExternalObject, Function


def mark_frozen(flow: Flow) -> None:
    """Say so of these networks."""
    sites: CallSites | None = None
    for function, calls in flow.calls_in.items():
        for _, call in calls:
            name = _norm_parameter(function, call)
            if name is None:
                continue
            sites = sites or CallSites(flow)
            given = [passed(function, site, name) for _, site in sites.of(function)]
            if given and all(one is not None and _is_frozen_class(one) for one in given):
                for value in flow.value_of(call):
                    if isinstance(value, ExternalObject) and value.spot.node is call:
                        value.is_frozen = True


def _norm_parameter(function: Function, call: ast.Call) -> str | None:
    """The parameter that a call hands on as ``norm_layer``, and nothing else gives a value."""
    for keyword in call.keywords:
        match keyword:
            case ast.keyword(arg="norm_layer", value=ast.Name(id=name)):
                is_own = isinstance(function.node, (ast.FunctionDef, ast.AsyncFunctionDef))
                if is_own and name in function.parameters and name not in own_names(function.node):
                    return name
            case _:
                pass
    return None


def _is_frozen_class(expr: ast.expr) -> bool:
    return isinstance(expr, (ast.Name, ast.Attribute)) and "Frozen" in ast.unparse(expr)
