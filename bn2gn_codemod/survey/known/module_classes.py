"""Which classes of the repository are modules of torch for certain.

``Class.is_module`` says which may be one: a base class of another package, or of a file
that is not there, may be anything, such as the tracker of a benchmark that holds a model.
"""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.known.library_models import is_library_model
from bn2gn_codemod.survey.syntax.nodes import dotted, is_super, walk
from bn2gn_codemod.survey.values import Class

# What only a module is asked for. Trackers and trainers have train(), eval() and to(), too,
# and hand on the parameters() of their model.
OF_MODULES_ALONE = frozenset(
    {
        "modules", "named_modules", "children", "named_children", "buffers", "named_buffers",
        "register_buffer", "register_parameter", "add_module",
    }
)  # fmt: skip
_MODULE = re.compile(
    r"torch\.nn\.(?!Parameter$)\w|torch\.jit\.|"
    # whoever hands them on: nn.Module, pl.LightningModule, mmcv.runner.BaseModule
    r"(?:.*\.)?(?:nn\.[A-Z]\w*|Module|ScriptModule|BaseModule|LightningModule|ModuleList|"
    r"ModuleDict|Sequential|_BatchNorm|\w*BatchNorm[123]d|Conv[123]d|\w*DataParallel|"
    r"PreTrainedModel)$|"
    # packages whose classes below such names are nothing else
    r"(?:mm\w+|detectron2|fvcore|timm|torchvision|torchreid|encoding|transformers|monai|kornia)"
    r"\.(?:\w+\.)*(?:nn|cnn|ops|layers|modeling|models|model|networks|backbones|detectors|"
    r"segmentors|heads|necks|dense_heads|roi_heads|decode_heads)\."
)


class ModuleClasses:
    """Tells them; what a class was found to be is kept."""

    def __init__(self) -> None:
        self._known: dict[Class, bool] = {}

    def has(self, cls: Class) -> bool:
        """Whether instances are modules, and nothing else ever."""
        known = self._known.get(cls)
        if known is None:
            known = self._known[cls] = cls.is_module and (
                any(map(_is_module, _bases(cls))) or _asks_itself(cls)
            )
        return known


def _bases(cls: Class) -> list[str]:
    return [base for owner in cls.ancestors() for base in owner.external_bases]


def _is_module(base: str) -> bool:
    return _MODULE.match(base) is not None or is_library_model(base)


def _asks_itself(cls: Class) -> bool:
    """Whether methods of the class call one of themselves that only modules have.

    ``self.register_buffer("mean", mean)``, ``nn.Module.train(self, mode)``: without such a
    base class they would fail.
    """
    owned = {name for owner in cls.ancestors() for name in owner.methods}
    names = OF_MODULES_ALONE - owned
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and _is_of_modules(node.func, node.args, names)
        for owner in cls.ancestors()
        for method in owner.methods.values()
        for node in walk(method.node)
    )


def _is_of_modules(method: ast.Attribute, given: list[ast.expr], names: frozenset[str]) -> bool:
    owner = dotted(method.value)
    if owner is None:
        return is_super(method.value) and method.attr in names
    if owner == "self":
        return method.attr in names
    return owner.endswith("nn.Module") and bool(given) and dotted(given[0]) == "self"
