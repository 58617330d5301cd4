"""Scripts that are certain to train nothing, and to hand nothing on to training.

The text of the script does not tell: ``learn(model)`` trains, too. So no file that it imports, nor
one that imports it, may have a word that training has, through any number of steps.
"""

from __future__ import annotations

import ast
import functools
import re
from collections import Counter
from collections.abc import Iterable

from bn2gn_codemod.module_names import ModuleIndex
from bn2gn_codemod.own_names import own_names
from bn2gn_codemod.relevance import imported_paths
from bn2gn_codemod.sources import SourceFile
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.modules import Module

# What trains, or makes what training needs, in PyTorch or a library around it.
_MAY_TRAIN = re.compile(
    rb"\.(?:backward|step|minimize|grad)\b|\boptim\b|[Oo]ptimi[sz]er|"
    rb"\b(?:train|fit|learn|optimi[sz]e|fine_?tune)(?:_\w+)?\((?!(?:mode=)?False\))|"
    rb"\b(?:Fused)?(?:Ada(?!ptive)\w+|[RN]Adam|SGD|RMSprop|LAMB|Lamb|Lion|Ranger\w*|LBFGS)\(|"
    rb"[Tt]rainer|Learner|Runner|Solver|training_step|[Ll]ightning|(?:Native|Grad)Scaler|"
    rb"\b(?:ignite|fastai|deepspeed|accelerate|colossalai|composer|keras)\b"
)
# Libraries that train, but also load models and build them.
_TOOLBOXES = re.compile(rb"\b(?:mmengine|mmcv)\b")
# The name alone, which scripts import for nothing: whatever makes an optimizer says it once more.
_OPTIM_IMPORT = re.compile(
    rb"^[ \t]*(?:import torch\.optim(?: as \w+)?|from torch import optim|"
    rb"from torch\.optim import lr_scheduler)[ \t]*\r?$",
    re.MULTILINE,
)
# Features for MATLAB, figures and tables are no weights.
_SAVES = re.compile(rb"\bsave(?!mat\(|fig\(|txt\()\w*\(|_save\w*\(|\bdump\w*\(|\bexport\w*\(")
# Whatever is called or imported by a name that is computed, or stands in a config.
_BY_NAME = re.compile(
    rb"\bimport_module\b|__import__|(?<![.\w])(?:globals|locals|vars|exec|eval)\(|__dict__|sys\.modules|"
    rb"spec_from_file_location|load_source|\brunpy\b|\blocate\(|custom_imports|attrgetter|"
    rb"methodcaller|\bhydra\b|\binstantiate\b|_target_|LightningCLI|jsonargparse|\bgin\b|"
    rb"\bgetattr\((?![^,()]+,\s*(?:'\w+'|\"\w+\")\s*[,)])"
)
_WORD = re.compile(r"\w+")


class EvaluatingScripts:
    """Finds them among the files of a repository, by their imports and their text."""

    def __init__(self, flow: Flow) -> None:
        read = (module.source for module in flow.modules)
        self._files = {file.path: file for file in (*read, *flow.unread, *flow.left_out)}

    def has(self, module: Module) -> bool:
        """Whether a module is one, as far as all the text around it tells."""
        if self.has_computed_names:
            return False
        users = _closure([module.path], self._importers)
        files = [self._files[path] for path in _closure(users, self._imports)]
        return not (_may_train(files) or _save(files))

    def may_train(self, module: Module) -> bool:
        """Whether a module, or anything that it imports, has a word that training has."""
        paths = _closure([module.path], self._imports)
        return any(_trains(self._files[path]) for path in paths)

    @functools.cached_property
    def has_computed_names(self) -> bool:
        """Whether any file may import or call others by names that are not written there."""
        return any(_BY_NAME.search(file.data) for file in self._files.values())

    @functools.cached_property
    def _imports(self) -> dict[str, set[str]]:
        index = ModuleIndex(self._files, own_names(self._files.values()))
        return {path: imported_paths(file, index) for path, file in self._files.items()}

    @functools.cached_property
    def _importers(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for path, targets in self._imports.items():
            for target in targets:
                found.setdefault(target, set()).add(path)
        return found


def _closure(start: Iterable[str], edges: dict[str, set[str]]) -> list[str]:
    found = list(start)
    for path in found:
        found.extend(sorted(edges.get(path, set()).difference(found)))
    return found


def _may_train(files: list[SourceFile]) -> bool:
    return any(_trains(one) or _TOOLBOXES.search(one.data) for one in files)


def _trains(file: SourceFile) -> bool:
    return _MAY_TRAIN.search(_OPTIM_IMPORT.sub(b"", file.data)) is not None


def _save(files: list[SourceFile]) -> bool:
    """Whether files write what others may begin with, but for functions that none of them names."""
    words = Counter(word for file in files for word in _WORD.findall(file.text))
    for file in files:
        try:
            tree = file.tree
        except SyntaxError:
            return True
        unused = [
            node
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and words[node.name] == 1
        ]
        lines = file.data.splitlines()
        for node in unused:
            for line in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[line] = b""
        if any(map(_SAVES.search, lines)):
            return True
    return False
