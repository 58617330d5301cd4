"""Published models: which external packages give them, and what in there is none."""

from __future__ import annotations

import ast
import functools
import re

from bn2gn_codemod.survey import families
from bn2gn_codemod.survey.values import ExternalObject

# Packages whose models come with published weights, and what in them is no model.
_LIBRARIES = re.compile(
    r"(?:torchvision\.models|timm|segmentation_models_pytorch|pretrainedmodels|cnn_finetune|"
    r"efficientnet_pytorch|resnest|geffnet|torch\.hub\.load|transformers|mobilenetv3|open_clip|"
    r"clip\.load|antialiased_cnns|torchreid\.models|mmpretrain|mmcls|encoding\.models)(?:\.|$)"
)
_NO_MODEL = re.compile(
    r"\.(?:_utils|utils|ops|layers|helpers|registry|feature_extraction|features|data|loss|"
    r"load_state_dict_from_url)(?:\.|$)|(?:settings|_cfgs?|config|Config|Weights|list_models|"
    r"conv[13]x3|conv1x1|ConvBNReLU|Conv2dNormActivation|Tokenizer|Processor|Scheduler)$"
)


@functools.cache
def is_library_model(name: str) -> bool:
    """Whether an external callable gives a published model."""
    if _LIBRARIES.match(name) is None or _NO_MODEL.search(name) is not None:
        return False
    return not families.is_block_name(name.rsplit(".", 1)[-1])


def library_model(value: object) -> str | None:
    """The dotted name of the published model that a value is, or is part of."""
    if isinstance(value, ExternalObject) and is_library_model(value.name):
        return value.name
    return None


def has_frozen_norms(value: object) -> bool:
    """Whether the library's own frozen layers are in it: ``norm_layer=FrozenBatchNorm2d``."""
    if not isinstance(value, ExternalObject) or not isinstance(value.spot.node, ast.Call):
        return False
    return any(
        keyword.arg == "norm_layer" and "Frozen" in ast.unparse(keyword.value)
        for keyword in value.spot.node.keywords
    )
