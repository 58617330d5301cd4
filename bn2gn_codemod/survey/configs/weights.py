"""What a config says of pretrained weights: which file fills the backbone, which one other parts.

``init_cfg=dict(type='Pretrained', checkpoint=...)`` fills the part that it stands in. What is
called ``pretrained`` (mmcv 1.x) fills the backbone that it stands in or beside. ``load_from`` fills
the whole model. Names that a repository reads itself (``load_img_from``) may fill any part.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bn2gn_codemod.survey.configs.inheritance import Config
from bn2gn_codemod.survey.configs.values import (
    Entry,
    Items,
    Keys,
    Opaque,
    Scalar,
    Table,
    dotted,
    walk,
)
from bn2gn_codemod.survey.known.families import (
    has_new_word,
    is_block_name,
    is_network_name,
    is_teacher,
)
from bn2gn_codemod.survey.weights.files.named_files import is_named_after_task

# The last stage of a ResNet, as a `shared_head`: it is filled from the backbone's file.
_STAGE = re.compile(r"Res(?:Net)?Layer")
_LOADED_FROM = re.compile(r"load_(\w+)_from")
# What the parts of MVXNet and its kin begin with, by what else a sensor is called.
_SENSORS = {"lidar": "pts", "points": "pts", "image": "img", "camera": "img", "cam": "img"}
_WORK_DIRECTORY = re.compile(r"work[-_]?dirs?")
# As runners name what they save. A file with a hash in its name (`-047c8118.pth`) was published.
_SAVED_BY_RUNNER = re.compile(r"(?:latest|last|(?:epoch|iter|best)_\w+)\.pth")
_PUBLISHED = re.compile(r"(.+?)[-_]\d{8}(?:_\d+)?-[0-9a-f]{8}\.pth")


class Filled(NamedTuple):
    """A backbone that weights are loaded into, and the words for where they come from."""

    keys: Keys
    words: str
    with_model: bool = False  # by the file of a whole model


class ConfigWeights:
    """Answers for each config once: very many may share what they inherit."""

    def __init__(self) -> None:
        self._backbones: dict[Config, list[Filled]] = {}

    def backbones(self, config: Config) -> list[Filled]:
        """The backbones of the config's model that are pretrained."""
        if config not in self._backbones:
            self._backbones[config] = list(_backbones(config))
        return self._backbones[config]


def _file_of_repository(config: Config, part: str | int) -> str:
    """What a repository's own script may load: ``load_img_from = 'mask_rcnn.pth'``."""
    model = config.resolved.get("model")
    for name, entry in config.resolved.entries.items():
        match = _LOADED_FROM.fullmatch(name)
        if match and isinstance(model, Table) and _may_fill(model, match.group(1), part):
            for file in _files([entry]):
                return f"{name} ({_shown(file)}) may be the file of more than a backbone"
    return ""


class OwnTrainings:
    """Which configs trained what others start from, as far as folders are named after them."""

    def __init__(self, configs: Sequence[Config]) -> None:
        self._configs = configs
        self._before: dict[Config, list[Config]] = {}

    def before(self, config: Config) -> list[Config]:
        """The configs, but for itself, whose training may have written its ``load_from``."""
        if config not in self._before:
            path = config.resolved.scalar("load_from")
            file = config.resolved.entry("load_from")
            is_own = isinstance(path, str) and file is not None and _is_own_training(config, file)
            self._before[config] = [
                other
                for other in self._configs
                if is_own and other is not config and _may_write(other, str(path))
            ]
        return self._before[config]

    def published(self, config: Config) -> Config | None:
        """The config that trained the ``load_from``, by the name of a published file.

        ``faster_rcnn_r50_20210323_173222-cad62aeb.pth`` is of ``faster_rcnn_r50.py``.
        """
        path = config.resolved.scalar("load_from")
        name = posixpath.basename(path) if isinstance(path, str) else ""
        match = _PUBLISHED.fullmatch(name)
        return next(
            (
                one
                for one in self._configs
                if match and one is not config and _stem(one) == match[1]
            ),
            None,
        )


def is_backbone(keys: Keys) -> bool:
    """Whether something is a backbone, or in one, by the names that lead to it."""
    return any(isinstance(key, str) and "backbone" in key for key in keys)


def loaded_beside_backbone(config: Config, keys: Keys) -> str:
    """Why what is no backbone, at ``keys``, may be in a file as well; ``""`` if it is not."""
    for end in range(1, len(keys)):
        part = config.resolved.get(*keys[:end])
        if isinstance(part, Table):
            own = _own_file(part)
            if own:
                return f"{dotted(keys[:end])} is filled from a file as well ({own})"
            named = _named_file(part, keys[end])
            if named:
                return f"{dotted(keys[:end])} loads another file as well ({named})"
            doubt = _may_be_network(keys[end - 1], part) if end > 1 else ""
            if doubt:
                return f"{dotted(keys[:end])} {doubt}"
    return _whole_model(config) or _file_of_repository(config, keys[1])


def _backbones(config: Config) -> Iterator[Filled]:
    model = config.resolved.get("model")
    if not isinstance(model, Table):
        return
    parts: list[tuple[Keys, Table]] = [(("model",), model)]
    for keys, entry in walk(model, ("model",)):
        if isinstance(entry.value, Table) and keys[-1] not in ("init_cfg", "pretrained"):
            parts.append((keys, entry.value))
    for keys, part in parts:
        for name, given in _given_backbones(part):
            yield Filled((*keys, name), f"a pretrained backbone ({_shown(given)})")
        if is_backbone(keys):
            for given in (*_checkpoints(part), *_files([part.entry("pretrained")])):
                yield Filled(keys, f"a pretrained backbone ({_shown(given)})")
    weights = next(_files([config.resolved.entry("load_from")]), None)
    if weights is not None:
        words = f"a backbone whose weights come from {_shown(weights)}"
        backbones = (keys for keys, part in parts if is_backbone(keys[-1:]))
        yield from (Filled(keys, words, with_model=True) for keys in backbones)


def _given_backbones(part: Table) -> Iterator[tuple[str, Entry]]:
    """The backbones that ``pretrained`` beside them is for, by name, and their files.

    ``pretrained=dict(img=...)`` is for ``img_backbone``, the name of a file for each of them.
    """
    beside = _parts_called_backbone(part)
    pretrained = part.entries.get("pretrained")
    if pretrained is None:
        return
    if isinstance(pretrained.value, Table):
        for key, entry in pretrained.value.entries.items():
            names = [name for name in beside if key in (name, name.removesuffix("_backbone"))]
            yield from ((name, given) for given in _files([entry]) for name in names)
        return
    yield from ((name, given) for given in _files([pretrained]) for name in beside)


def _named_file(part: Table, child: str | int) -> str:
    """The file in ``pretrained=dict(pts_neck=...)`` that fills a child of the part, or may do so.

    mmtracking calls the dict ``pretrains``. What it calls as it does a child is for that alone,
    what fits no backbone may be for each child.
    """
    pretrains = part.entry("pretrains")
    tables = [part.get("pretrained"), pretrains and pretrains.value]
    files = list(_files([pretrains]))
    for table in tables:
        if not isinstance(table, Table):
            continue
        if table.is_open:
            return "by a name that is computed"
        for key, entry in table.entries.items():
            if not _names_backbone(part, key) and _may_fill(part, key, child):
                files.extend(_files([entry]))
    return _shown(files[0]) if files else ""


def _names_backbone(part: Table, key: str) -> bool:
    return any(
        key in (name, name.removesuffix("_backbone")) for name in _parts_called_backbone(part)
    )


def _may_fill(part: Table, name: str, child: str | int) -> bool:
    """Whether a file with a name may be for a child: it is for the one that is called so.

    Where ``img`` is a part, it may still be for ``img_neck``: both are of one sensor's network.
    """
    sensors = {name, _SENSORS.get(name, name)}
    if isinstance(child, str) and (child in sensors or child.partition("_")[0] in sensors):
        return True
    return not isinstance(part.get(name), (Table, Items, Opaque))


def _parts_called_backbone(part: Table) -> list[str]:
    # `backbone_channels=256` is none.
    return [
        name
        for name, entry in part.entries.items()
        if is_backbone((name,)) and isinstance(entry.value, (Table, Opaque))
    ]


def _checkpoints(part: Table) -> Iterator[Entry]:
    """The files in a part's ``init_cfg``, which may be a list of several."""
    init = part.get("init_cfg")
    tables = [entry.value for entry in init.entries] if isinstance(init, Items) else [init]
    yield from _files([t.entry("checkpoint") for t in tables if isinstance(t, Table)])


def _files(entries: list[Entry | None]) -> Iterator[Entry]:
    """Those entries that name a file, or may do so: ``pretrained=None`` does not."""
    for entry in entries:
        if entry is None:
            continue
        value = entry.value
        if isinstance(value, Opaque) or (isinstance(value, Scalar) and value.value):
            yield entry


def _may_be_network(name: str | int, part: Table) -> str:
    """Why a part may be pretrained for what it is, whatever the config says of files."""
    kind = part.scalar("type")
    if isinstance(name, str) and is_teacher(name):
        return "is called a teacher, and has weights of its own"
    if not isinstance(kind, str) or has_new_word(kind):
        return ""
    if _STAGE.search(kind) or is_network_name(kind) or is_block_name(kind):
        return f"may be pretrained as the backbone is ({kind} is a network, or a stage of one)"
    return ""


def _own_file(part: Table) -> str:
    """The file that fills a part with all that is in it, or may do so."""
    for entry in _checkpoints(part):
        return _shown(entry)
    has_backbone = bool(_parts_called_backbone(part))
    for entry in _files([part.entry("pretrained")]):
        # Beside a backbone it is for that alone, unless it is the outcome of a task.
        if not has_backbone or is_named_after_task(_shown(entry)):
            return _shown(entry)
    return ""


def _whole_model(config: Config) -> str:
    """What says that training starts from the file of a whole model that is not its own."""
    for entry in _files([config.resolved.entry("load_from")]):
        if not _is_own_training(config, entry):
            where = "" if entry.at.path == config.path else f" of {entry.at.path}"
            return f"load_from{where} ({_shown(entry)}) may be the file of a whole model"
    return ""


def _is_own_training(config: Config, file: Entry) -> bool:
    """Whether a file is plainly the outcome of a training of the repository's own.

    Whether what it was trained with changes together with this config is for ``OwnTrainings``.
    """
    path = file.value.value if isinstance(file.value, Scalar) else None
    if not isinstance(path, str) or "://" in path:
        return False
    *folders, name = path.split("/")
    if not _SAVED_BY_RUNNER.fullmatch(name):
        return False
    return _is_in_work_directory(config, path) or any(map(_WORK_DIRECTORY.fullmatch, folders))


def _is_in_work_directory(config: Config, path: str) -> bool:
    own = config.resolved.scalar("work_dir")
    return (
        isinstance(own, str)
        and own.strip("./") != ""
        and _plain(path).startswith(f"{_plain(own)}/")
    )


def _may_write(config: Config, path: str) -> bool:
    """Whether a training with ``config`` writes to ``path``: without a ``work_dir`` of its own
    it goes to a folder with the name of the config, ``stage1`` or ``stage1_8gpus``.
    """
    after = re.compile(re.escape(_stem(config)) + r"(?:[-_.].*)?")
    return _is_in_work_directory(config, path) or any(map(after.fullmatch, path.split("/")[:-1]))


def _stem(config: Config) -> str:
    return posixpath.splitext(posixpath.basename(config.path))[0]


def _plain(path: str) -> str:
    return path.removeprefix("./").rstrip("/")


def _shown(file: Entry) -> str:
    value = file.value.value if isinstance(file.value, Scalar) else None
    if value is None:
        return "by a name that is computed"
    return "by the library" if value is True else str(value)
