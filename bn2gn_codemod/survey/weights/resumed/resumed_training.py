"""Loads that say of themselves that they let a training go on: ``if args.resume: ...``."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from bn2gn_codemod.survey.flow import script_options
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.statements.guarding_tests import guarding_tests
from bn2gn_codemod.survey.syntax.nodes import call_name, walk
from bn2gn_codemod.survey.values import Function, Spot
from bn2gn_codemod.survey.weights.files.files_read import files_read

_RESUMED = re.compile(r"resum|snapshot", re.IGNORECASE)
_GOES_ON = re.compile(
    r"resum|\bcontinu\w*\W+(?:\w+\W+){0,2}train|继续训练|恢复训练|断点", re.IGNORECASE
)
# Options for files that a training begins with; not ``net.load_from(path)``.
_STARTS = re.compile(r"fine_?tun|\bload_from\b(?!\()", re.IGNORECASE)
# Not ``not args.resume is None``, nor ``not args.no_resume``, which say the opposite.
_NOT_RESUMED = re.compile(
    r"\b\w*(?:resum|snapshot)\w*=(?:False|None)\b|"
    r"\bnot (?![\w.]*(?:\b|_)(?:no|not|skip|disable|without|never|ignore|dont)_?(?:\w+_)?"
    r"(?:resum|snapshot))"
    r"[\w.]*(?:resum|snapshot)[\w.]*(?![\w.(\[]|\s+(?:is|in|not|[=!<>]))",
    re.IGNORECASE,
)


def is_resumed(flow: Flow, call: LoadCall) -> bool:
    """Whether the load, or all that reads the file for it, speaks of training that goes on.

    One load may be given this file or that: ``saved = torch.load(args.resume)``, and under
    ``else`` another one.
    """
    return _of_load_or_files(flow, call, lambda spot: speaks_of_resuming(spot.function, spot.node))


def is_said_to_go_on(flow: Flow, call: LoadCall) -> bool:
    """Whether an option that it asks for does: ``help="path to model to continue training"``.

    That is no more than a word of its author: the same file may well be fine-tuned.
    """
    return _of_load_or_files(
        flow,
        call,
        lambda spot: any(
            _GOES_ON.search(text)
            for asked in (spot.node, *guarding_tests(spot.function, spot.node))
            for node in walk(asked)
            if isinstance(node, ast.Attribute)
            for text in script_options.helps(flow, spot.function.module, node.attr)
        ),
    )


def _of_load_or_files(flow: Flow, call: LoadCall, is_said: Callable[[Spot], bool]) -> bool:
    """Whether something is said by a load, or by everything that reads a file for it."""
    read = files_read(flow, call)
    return is_said(call.spot) or (bool(read) and all(map(is_said, read)))


def speaks_of_resuming(function: Function, call: ast.AST, below: str = "") -> bool:
    """The same of any call: by its words, those of its function and of the tests around it.

    What a function is called says less than an option that it asks for, or that the code which
    it calls asks for (``below``): ``def resume(self): load(self.net, args.finetune_from)``.
    """
    nodes = [*([] if _may_be_another(call) else [call]), *guarding_tests(function, call)]
    said = [ast.unparse(node) for node in nodes]
    if not any(map(_STARTS.search, (below, *said))):
        said.append(function.name)
    elif isinstance(call, ast.Call):
        said = [words.replace(f"{call_name(call)}(", "(") for words in said]
    return any(_RESUMED.search(_NOT_RESUMED.sub("", words)) for words in said)


def _may_be_another(call: ast.AST) -> bool:
    """``torch.load(args.resume or args.weights)``: one of the files is none that goes on."""
    for node in walk(call):
        match node:
            case ast.IfExp(body=first, orelse=second):
                paths = [first, second]
            case ast.BoolOp(op=ast.Or(), values=paths):
                pass
            # detectron2's goes on where it is asked to, and there is something to go on with.
            case ast.Call(func=ast.Attribute(attr="resume_or_load"), args=args, keywords=keywords):
                asked = [*args[1:2], *(one.value for one in keywords if one.arg == "resume")]
                return not any(isinstance(one, ast.Constant) and one.value for one in asked)
            case _:
                continue
        given = [one for one in paths if not isinstance(one, ast.Constant) or one.value]
        speaks = [_RESUMED.search(ast.unparse(one)) is not None for one in given]
        if any(speaks) and not all(speaks):
            return True
    return False
