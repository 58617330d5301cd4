"""Which files of a repository can bear on its norm layers, judged by their bytes alone.

It stands in front of the survey: files that cannot are never parsed, and where
they are all that was asked about, as in most commits, there is no survey at all.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from bn2gn_codemod.module_names import ModuleIndex
from bn2gn_codemod.own_names import imports_in, own_names
from bn2gn_codemod.sources import Repository, SourceFile

# Looked for in every file, so plain words first: a search for one of several
# words is many times slower than one search for each.
_NORM_WORDS = (b"BatchNorm", b"get_group_norm", b"torchvision.models", b"NormActivation")
# Other classes that are one, by their name or by the statistics that they keep.
_NORM_CLASSES = (
    (b"ABN", re.compile(rb"\b(?:In[Pp]lace)?ABN(?:Sync)?\b")),
    (b"SyncBN", re.compile(rb"\bSyncBN\b")),
    # The layer that a string names, which a library makes.
    (b"get_norm", re.compile(rb"\bget_norm\(")),
    (b"running_var", re.compile(rb"register_buffer\(\s*[\"']running_var")),
)
# Model code that has a library make one: ``ConvModule(8, 8, 1, norm_cfg=dict(type="BN"))``.
_NORM_CONFIG = re.compile(rb"\btype[\"']?\s*[=:]\s*[\"'](?:Sync)?BN(?:[123]d)?[\"']")
# Backbones whose BatchNorm stands in a library must be frozen all the same.
_BACKBONE_LIBRARIES = (
    (b"torchvision", re.compile(rb"from torchvision import[^\n]*\bmodels\b")),
    (b"timm", re.compile(rb"\b(?:import|from) timm\b")),
    (b"segmentation_models", re.compile(rb"\b(?:import|from) segmentation_models_pytorch\b")),
    (b"pretrainedmodels", re.compile(rb"\b(?:import|from) pretrainedmodels\b")),
)
# A file without any of these neither builds a model, nor loads, nor trains one.
_MODEL_WORDS = (b".train(", b"Trainer", b"backbone", b"norm_layer", b"Regist", b"regist")
_TRAINING_WORDS = (
    *(b"Optimizer", b"optimizer", b".train(", b".backward("),
    # By which a library trains what a config says.
    *(b"train_detector", b"train_segmentor"),
)
_LOAD_WORDS = (
    *(b"state_dict", b"torch.load("),
    # A library may load, and a loop, into what they are handed and say nothing else of.
    *(b"load_checkpoint", b"load_model", b"load_weights", b"load_pretrained", b"load_from"),
    *(b"from_pretrained", b"safetensors", b".copy_(", b"Checkpointer("),
)
_LOAD_PATTERNS = (
    (b".data", re.compile(rb"(?<!\bself)\.data(?:\[[^\]\n]*\])? ?=(?!=)")),
    (b".set_(", re.compile(rb"\.set_\(")),
)
_MODEL_PATTERNS = (
    (b"nn.", re.compile(rb"\bnn\.[A-Z]")),
    (b"Module", re.compile(rb"\bModule\b")),
    (b"optim", re.compile(rb"\boptim\b")),
)
# Nor does one without these hand on the names of torch, which short files do.
_SHORT = 50  # lines
_HANDS_ON = re.compile(rb"import[^\n]*\bnn\b")
# ``import *`` brings every module that a file imports: torch, or a library of backbones.
_HANDS_ON_ALL = re.compile(rb"import[^\n]*\b(?:nn|torch|torchvision|timm|pretrainedmodels)\b")
_STAR_IMPORT = re.compile(rb"^[ \t]*from[ \t]+(\.*)([.\w]*)[ \t]+import[ \t]+\*", re.MULTILINE)
_IMPORTS_STAR = re.compile(rb"import[ \t]+\*")  # found much faster than a whole line
# What another framework calls a norm is none of torch's.
_OTHER_FRAMEWORK = re.compile(
    rb"^[ \t]*(?:import|from)[ \t]+(?:paddle|tensorflow|mxnet|mindspore|jittor|keras)\b",
    re.MULTILINE,
)
_TORCH = re.compile(rb"^[ \t]*(?:import|from)[ \t]+torch", re.MULTILINE)
_IMPORTS_BY_NAME = (
    (b"import_module(", re.compile(rb"\bimport_module\(")),
    (b"spec_from_file_location(", re.compile(rb"\bspec_from_file_location\(")),
    (b"load_source(", re.compile(rb"\bload_source\(")),  # of imp, in older code
)
_NETWORK = re.compile(rb"network|model", re.IGNORECASE)
# What an MMEngine config says about freezing or norms.
_CONFIG_WORDS = (b"lr_mult", b"norm_cfg", b"custom_keys", b"optim_wrapper")
# A file that is a config for another reason: it inherits, or describes a model.
_MAY_BE_CONFIG = re.compile(rb"_base_|read_base|^model\b", re.MULTILINE)


def concerned(repository: Repository, paths: Iterable[str]) -> bool:
    """Whether a survey could have anything to say about one of the files ``paths``."""
    asked = frozenset(paths)
    if any(config_matters(file.data) for file in repository.files):
        files = (file for file in repository.files if file.path in asked)
        if any(_may_be_config(file) for file in files):
            return True
    return not asked.isdisjoint(relevant_modules(repository))


def config_matters(data: bytes) -> bool:
    """Whether a file may be an MMEngine config that bears on freezing or norms."""
    return any(word in data for word in _CONFIG_WORDS)


def _may_be_config(file: SourceFile) -> bool:
    return bool(
        "configs" in file.path.split("/")[:-1]
        or config_matters(file.data)
        or _MAY_BE_CONFIG.search(file.data)
    )


def relevant_modules(repository: Repository) -> frozenset[str]:
    """The paths of the files that can bear on a norm layer.

    A file counts when it names BatchNorm, imports such a file, or is imported
    by one, each through any number of steps, and says something of models or
    imports what does. The rest costs a byte scan.
    """
    index = ModuleIndex((file.path for file in repository.files), own_names(repository.files))
    by_path = {file.path: file for file in repository.files}
    seeds = [
        file.path
        for file in repository.files
        if _names_norm(file.data) and not _is_of_other_framework(file.data)
    ]
    imports: dict[str, set[str]] = {}
    importers: dict[str, set[str]] = {}
    callers: dict[str, set[str]] = {}  # without those that import a package for what is in it
    if seeds:
        for file in repository.files:
            named = _named_paths(file, index)
            imports[file.path] = found = _with_packages(file, named, index)
            for target in found:
                importers.setdefault(target, set()).add(file.path)
            for target in named:
                callers.setdefault(target, set()).add(file.path)
    starred = {
        index.find_import(len(dots), name.decode(), file.path)
        for file in (repository.files if seeds else ())
        if _IMPORTS_STAR.search(file.data)
        for dots, name in _STAR_IMPORT.findall(file.data)
    }

    # What calls such code may hand a model on to it: ``def prepare(net): fill(net, "a.pth")``.
    leading = _closure(
        (
            file.path
            for file in (repository.files if seeds else ())
            if _loads_or_trains(file.data) and not _is_of_other_framework(file.data)
        ),
        callers,
    )

    @functools.cache
    def matters(path: str) -> bool:
        data = by_path[path].data
        # It may write its summaries with that, and lie between a script and a load all the same.
        if _is_of_other_framework(data) and (path not in leading or _names_norm(data)):
            return False
        # A package hands on what its modules hold.
        is_package = path.endswith("__init__.py") and b"import" in data
        if path in leading or is_package or _bears_on_models(data):
            return True
        if path in starred:
            return b"import" in data and bool(_HANDS_ON_ALL.search(data))
        is_short = data.count(b"\n") < _SHORT
        return is_short and b"nn" in data and bool(_HANDS_ON.search(data))

    relevant = _closure(seeds, importers) | set(filter(matters, _closure(seeds, imports)))
    # What imports by computed names may import any of them; what else it imports does not count.
    computed = [file.path for file in repository.files if _has_any(file.data, _IMPORTS_BY_NAME)]
    by_name = {path for path in computed if matters(path) or _gives_models(by_path[path].data)}
    by_name = by_name if seeds else set()
    # What is built there is trained by what imports it.
    on_top = {path: set(filter(matters, found)) for path, found in importers.items()}
    trained = _closure(by_name, on_top) - by_name
    # What the importers use beside the models: registries, factories, and the
    # trainers whose loops call .train(), however many steps away.
    used = {path: set(filter(matters, targets)) for path, targets in imports.items()}
    return frozenset(_closure(relevant | trained, used) | by_name)


def _names_norm(data: bytes) -> bool:
    return (
        any(word in data for word in _NORM_WORDS)
        or _has_any(data, _NORM_CLASSES + _BACKBONE_LIBRARIES)
        or (b"BN" in data and b"Module" in data and _NORM_CONFIG.search(data) is not None)
    )


def _is_of_other_framework(data: bytes) -> bool:
    return _OTHER_FRAMEWORK.search(data) is not None and _TORCH.search(data) is None


def _gives_models(data: bytes) -> bool:
    """Whether a short file seems to be there to give the network of another one."""
    return data.count(b"\n") < _SHORT and _NETWORK.search(data) is not None


def _bears_on_models(data: bytes) -> bool:
    return (
        any(word in data for word in _MODEL_WORDS)
        or _loads_or_trains(data)
        or _has_any(data, _MODEL_PATTERNS)
    )


def _loads_or_trains(data: bytes) -> bool:
    return any(word in data for word in _LOAD_WORDS + _TRAINING_WORDS) or _has_any(
        data, _LOAD_PATTERNS
    )


def _has_any(data: bytes, patterns: Iterable[tuple[bytes, re.Pattern[bytes]]]) -> bool:
    return any(word in data and pattern.search(data) for word, pattern in patterns)


def _closure(start: Iterable[str], edges: dict[str, set[str]]) -> set[str]:
    seen = set(start)
    pending = list(seen)
    while pending:
        for path in edges.get(pending.pop(), ()):
            if path not in seen:
                seen.add(path)
                pending.append(path)
    return seen


def imported_paths(file: SourceFile, index: ModuleIndex) -> set[str]:
    """The files that a file imports, with the packages around them."""
    return _with_packages(file, _named_paths(file, index), index)


def _named_paths(file: SourceFile, index: ModuleIndex) -> set[str]:
    found = {index.find_import(level, target, file.path) for level, target in imports_in(file.data)}
    return {path for path in found if path is not None}


def _with_packages(file: SourceFile, paths: set[str], index: ModuleIndex) -> set[str]:
    packages = {package for path in paths for package in _packages(path) if package in index}
    return (paths | packages) - {file.path, *_packages(file.path)}


def _packages(path: str) -> list[str]:
    """The packages around a file, which are imported with it: ``lib/models/__init__.py``."""
    folders = path.split("/")[:-1]
    return ["/".join([*folders[:end], "__init__.py"]) for end in range(1, len(folders) + 1)]
