"""What reads the file of a load, where a function reads several files into one variable.

    if args.pretrained:
        saved = torch.load(args.pretrained)
        model.load_state_dict(saved["model"])
    if args.resume:
        saved = torch.load(args.resume)

The flow analysis does not look at the order of statements: either file may be ``saved``.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.statements.last_made import last_made
from bn2gn_codemod.survey.statements.scopes import Scope, calls
from bn2gn_codemod.survey.values import Function, Spot, Weights


def files_read(flow: Flow, call: LoadCall) -> list[Spot]:
    """The calls that read what is loaded, without those that another one comes after."""
    spots = [
        value.spot
        for node in call.weights
        for value in flow.values(node)
        if isinstance(value, Weights)
    ]
    function = call.spot.function
    here: set[ast.AST] = {spot.node for spot in spots if spot.function is function}
    if len(here) < 2 or not isinstance(call.spot.node, ast.Call):
        return spots
    replaced = here & _replaced(function, call.spot.node, here)
    return [spot for spot in spots if spot.node not in replaced]


def _replaced(function: Function, load: ast.Call, read: set[ast.AST]) -> set[ast.AST]:
    """What else is read into the variable that the file of a load was last read into."""
    body = getattr(function.node, "body", None)
    scope = Scope(function, body) if isinstance(body, list) else None
    if scope is None:
        return set()
    use = next((one for one in scope.order if load in calls(one)), None)
    source: ast.expr | None = load.args[0] if load.args else None
    while use is not None and source is not None:
        name = _variable(source)
        source = None if name is None else last_made(scope, use, name)
        made = next(
            (one for one in scope.order if isinstance(one, ast.Assign) and one.value is source),
            None,
        )
        if source in read:
            others = (one for one in scope.order if isinstance(one, ast.Assign) and one is not made)
            return {one.value for one in others if _is_given_alone(one, name)}
        use = made
    return set()


def _variable(source: ast.expr) -> str | None:
    """``saved`` of ``saved["model"]``, ``saved.pop("model")`` and ``{k: v for k, v in saved}``."""
    while not isinstance(source, ast.Name):
        match source:
            case ast.Subscript(value=inner) | ast.Attribute(value=inner):
                source = inner
            case ast.Call(func=ast.Attribute(value=inner)):
                source = inner
            case ast.DictComp(generators=[ast.comprehension(iter=inner)]):
                source = inner
            case _:
                return None
    return source.id


def _is_given_alone(statement: ast.Assign, name: str | None) -> bool:
    match statement.targets:
        case [ast.Name(id=bound)]:
            return bound == name
        case _:
            return False
