"""The functions that freeze a backbone and keep it frozen."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from bn2gn_codemod.generated.shape import shape, shape_of

FREEZE = "freeze_backbone_bn"
EVAL = "eval_backbone_bn"
PATTERN = "_BACKBONE_NAME"

# The base of BatchNorm1d to 3d, SyncBatchNorm and the in-house versions of them.
NORM_NAME = "_BatchNorm"
NORM_IMPORT = f"from torch.nn.modules.batchnorm import {NORM_NAME}"

# What DataParallel and DistributedDataParallel, wrapper modules such as
# ModelWithLoss, and torch.compile put in front of a module's name.
WRAPPERS = ("module", "model", "_orig_mod")

# The names of what lies in a Sequential or a ModuleList.
_ITEM = r"\d+"
_END = r"(?:\.|$)"
_LONGEST = 80  # characters of one line of the pattern

Freeze = Literal["bn", "backbone"]


# ---------------------------------------------------------------- source


def pattern_definition(backbone: Iterable[str], wrappers: Iterable[str] = ()) -> str:
    """The constant that both functions match module names with."""
    wrapper, names = _pattern_parts(backbone, wrappers)
    lines = [wrapper, *_lines(names)]
    lines[-1] += _END
    literals = "\n".join(f"    r'{line}'" for line in lines)
    return f"""\
# Backbone modules by name, also inside DataParallel, torch.compile and other wrappers.
{PATTERN} = re.compile(
{literals}
)
"""


def pattern_of(backbone: Iterable[str], wrappers: Iterable[str] = ()) -> str:
    """The pattern itself.

    A ``*`` in a path stands for any part of one attribute's name.
    """
    return "".join((*_pattern_parts(backbone, wrappers), _END))


def _pattern_parts(backbone: Iterable[str], wrappers: Iterable[str]) -> tuple[str, str]:
    tree: _Tree = {}
    for path in dict.fromkeys(backbone):
        _add(tree, path.split("."))
    wrapper = f"(?:(?:{'|'.join((*_wrapper_names(tree, wrappers), _ITEM))})\\.)*"
    return wrapper, _grouped(_alternatives(tree, wrapper))


_Tree = dict[str, "_Tree"]  # an empty one: the whole module


def _add(tree: _Tree, path: list[str]) -> None:
    head, *rest = path
    if not rest:
        tree[head] = {}
    elif tree.get(head) != {}:
        _add(tree.setdefault(head, {}), rest)


def _wrapper_names(backbone: Iterable[str], wrappers: Iterable[str]) -> list[str]:
    """Attributes that may hold the model, none of them a part of the backbone itself."""
    heads = {path.split(".")[0] for path in backbone}
    return [name for name in dict.fromkeys((*WRAPPERS, *wrappers)) if name not in heads]


def _alternatives(tree: _Tree, wrapper: str) -> list[str]:
    whole = [name for name, inner in tree.items() if not inner]
    found = _numbered(whole)
    for name, inner in tree.items():
        if inner:
            below = _grouped(_alternatives(inner, wrapper))
            found.append(rf"{_segment(name)}\.{wrapper}{below}")
    return found


def _grouped(alternatives: list[str]) -> str:
    return alternatives[0] if len(alternatives) == 1 else f"(?:{'|'.join(alternatives)})"


def _segment(name: str) -> str:
    return name.replace("*", "[^.]*")


def _numbered(names: list[str]) -> list[str]:
    """``layer1`` to ``layer4`` as ``layer[1-4]``, in the order of the first of them."""
    digits: dict[str, list[int]] = {}
    for name in names:
        if name[-1:].isdigit() and not name[-2:-1].isdigit():
            digits.setdefault(name[:-1], []).append(int(name[-1]))
    found: dict[str, None] = {}
    for name in names:
        numbers = sorted(digits.get(name[:-1], [])) if name[-1:].isdigit() else []
        is_run = len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1
        if is_run and not name[-2:-1].isdigit():
            found[f"{_segment(name[:-1])}[{numbers[0]}-{numbers[-1]}]"] = None
        else:
            found[_segment(name)] = None
    return list(found)


def _lines(pattern: str) -> list[str]:
    """A long pattern in pieces, broken behind a ``|``."""
    lines = [""]
    for piece in re.findall(r"[^|]*\|?", pattern):
        if len(lines[-1]) + len(piece) > _LONGEST and lines[-1]:
            lines.append("")
        lines[-1] += piece
    return lines


def freeze_definition(freeze: Freeze = "bn") -> str:
    """``freeze_backbone_bn``; needs ``re``, ``warnings``, ``_BatchNorm`` and the pattern."""
    return _FREEZE_BN if freeze == "bn" else _FREEZE_BACKBONE


def eval_definition() -> str:
    """``eval_backbone_bn``; needs ``re``, ``_BatchNorm`` and the pattern."""
    return _EVAL


def train_override(backbone: Sequence[str]) -> str:
    """A method ``train`` for the class that holds the modules ``self.<backbone>``.

    Without any, it leaves them to ``eval_backbone_bn``.
    """
    if not backbone:
        return _TRAIN_BY_NAME
    owners = [f"self.{path}" for path in backbone]
    if len(owners) == 1:
        return _TRAIN_ONE.format(owner=owners[0])
    listed = ", ".join(owners)
    if len(listed) > _LONGEST - 20:
        lines = textwrap.wrap(listed, _LONGEST - 12)
        listed = "\n        " + "\n        ".join(lines) + "\n    "
    return _TRAIN_SEVERAL.format(owners=listed)


_FREEZE_BN = '''\
def freeze_backbone_bn(model, model_name):
    """Freeze the BatchNorm layers of the backbone and return how many there are.

    eval() makes them use their pretrained running statistics, and without gradient
    their weight and bias stay too. Call this before the optimizer is built.
    """
    frozen = 0
    for name, module in model.named_modules():
        # SyncBatchNorm is a _BatchNorm as well, but no BatchNorm2d.
        if _BACKBONE_NAME.match(name) and isinstance(module, _BatchNorm):
            module.eval()
            module.requires_grad_(False)
            frozen += 1
    if frozen == 0:
        warnings.warn(f'{model_name}: no BatchNorm in the backbone, nothing frozen')
    return frozen
'''

_FREEZE_BACKBONE = '''\
def freeze_backbone_bn(model, model_name):
    """Freeze the backbone and return how many BatchNorm layers it has.

    Its parameters get no gradient, and eval() makes its BatchNorm layers use their
    pretrained running statistics. Call this before the optimizer is built.
    """
    for name, parameter in model.named_parameters():
        if _BACKBONE_NAME.match(name):
            parameter.requires_grad = False
    frozen = 0
    for name, module in model.named_modules():
        # SyncBatchNorm is a _BatchNorm as well, but no BatchNorm2d.
        if _BACKBONE_NAME.match(name) and isinstance(module, _BatchNorm):
            module.eval()
            frozen += 1
    if frozen == 0:
        warnings.warn(f'{model_name}: no BatchNorm in the backbone')
    return frozen
'''

_EVAL = '''\
def eval_backbone_bn(model):
    """Put the frozen BatchNorm layers of the backbone back into eval mode.

    model.train() takes them out of it; call this right after.
    """
    for name, module in model.named_modules():
        if _BACKBONE_NAME.match(name) and isinstance(module, _BatchNorm):
            module.eval()
'''

_TRAIN_ONE = '''\
def train(self, mode=True):
    """Training mode for all but the frozen BatchNorm layers of the backbone."""
    super().train(mode)
    for module in {owner}.modules():
        if isinstance(module, _BatchNorm):
            module.eval()
    return self
'''

_TRAIN_SEVERAL = '''\
def train(self, mode=True):
    """Training mode for all but the frozen BatchNorm layers of the backbone."""
    super().train(mode)
    for backbone in ({owners}):
        for module in backbone.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
    return self
'''

_TRAIN_BY_NAME = '''\
def train(self, mode=True):
    """Training mode for all but the frozen BatchNorm layers of the backbone."""
    super().train(mode)
    eval_backbone_bn(self)
    return self
'''


# ---------------------------------------------------------------- recognition


class Matching(NamedTuple):
    """A function of ours that is there already, and the names that it matches."""

    pattern: re.Pattern[str]
    freeze: Freeze | None = None  # None: it only puts layers into eval

    def covers(self, backbone: Iterable[str], wrappers: Iterable[str] = ()) -> bool:
        """Whether it matches all these paths, bare and below these wrappers."""
        backbone = list(backbone)
        names = _wrapper_names(backbone, wrappers)
        prefixes = ("", *(f"{name}." for name in names))
        return all(
            self.pattern.match(prefix + path + end)
            for path in backbone
            for prefix in prefixes
            for end in ("", ".0")
        )


def recognise_freeze(module: ast.Module, name: str = FREEZE) -> Matching | None:
    """Our ``freeze_backbone_bn`` in ``module``; ``None`` if there is none or another one."""
    kinds: tuple[Freeze, ...] = ("bn", "backbone")
    for freeze in kinds:
        found = _recognise(module, name, freeze_definition(freeze))
        if found:
            return Matching(found, freeze)
    return None


def recognise_eval(module: ast.Module, name: str = EVAL) -> Matching | None:
    """Our ``eval_backbone_bn`` in ``module``; ``None`` if there is none or another one."""
    found = _recognise(module, name, eval_definition())
    return Matching(found) if found else None


def read_pattern(module: ast.Module) -> re.Pattern[str] | None:
    """The module's ``_BACKBONE_NAME``, if it is a literal pattern."""
    for statement in module.body:
        match statement:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(
                    func=ast.Attribute(value=ast.Name(id="re"), attr="compile"),
                    args=[ast.Constant(value=str(text))],
                    keywords=[],
                ),
            ) if name == PATTERN:
                try:
                    return re.compile(text)
                except re.error:
                    return None
    return None


def _recognise(module: ast.Module, name: str, definition: str) -> re.Pattern[str] | None:
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == name:
            return read_pattern(module) if shape(statement) == shape_of(definition) else None
    return None
