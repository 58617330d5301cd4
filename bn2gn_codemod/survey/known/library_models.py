"""Published models: which external packages give them, and what in there is none."""

from __future__ import annotations

import ast
import functools
import re
from typing import TypeGuard

from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.norm_classes import norm_of_string
from bn2gn_codemod.survey.syntax.nodes import is_off, unpacks
from bn2gn_codemod.survey.values import ExternalObject, Instance

# Packages whose models come with published weights, and what in them is no model.
_LIBRARIES = re.compile(
    r"(?:torchvision\.models|timm|segmentation_models_pytorch|pretrainedmodels|cnn_finetune|"
    r"efficientnet_pytorch|resnest|geffnet|torch\.hub\.load|transformers|mobilenetv3|open_clip|"
    r"clip\.load|antialiased_cnns|torchreid\.models|mmpretrain|mmcls|encoding\.models)(?:\.|$)"
)
# What makes the network that a config names, with weights or without: what it is for, the
# attribute says that it goes to.
_BUILDS_BACKBONE = re.compile(
    r"(?:mm(?:det|seg|pose|action|rotate|ocr)\w*\.models|(?:detectron2|fastreid|cvpods)\.modeling)"
    r"\.(?:\w+\.)*build_backbone$"
)
_BUILDS_PART = re.compile(
    r"mm(?:det|seg|pose|action|rotate|ocr)\w*\.models\.(?:\w+\.)*build_(?:neck|\w*head)$"
)
_LAYERS = re.compile(r"torch\.nn(?:\.modules(?:\.\w+)?)?$|torchvision\.ops(?:\.|$)")
_NO_MODEL = re.compile(
    r"\.(?:_utils|utils|ops|layers|helpers|registry|feature_extraction|features|data|loss(?:es)?|"
    r"metrics|load_state_dict_from_url)(?:\.|$)|(?:settings|_cfgs?|config|Config|Weights|list_models|"
    r"conv[13]x3|conv1x1|ConvBNReLU|Conv2dNormActivation|Scheduler|"
    # Parts that others build into models of their own; no weights come with them.
    r"ASPP|ASPPConv|ASPPPooling|Heads?|Decoder|Predictor|AnchorGenerator|RegionProposalNetwork|"
    # Of detection, what handles boxes and images.
    r"BoxGenerator|RCNNTransform|ImageList|"
    r"(?:Tokenizer|TokenizerFast|Processor|FeatureExtractor)(?:\.from_pretrained)?)$"
)
# Layers of timm's transformers, without BatchNorm, of which others build models of their own, too.
_OF_TRANSFORMERS = re.compile(
    r"timm\.models\.(?:vision_transformer|deit|beit|cait|swin_transformer(?:_v2)?|mlp_mixer)\."
    r"(?:\w*Attention|Attention\w+|\w*Mlp|\w*Block|PatchEmbed|DropPath|LayerScale|PatchMerging)$"
)
# Of these, and of other layers of the libraries, the ones that hold BatchNorm.
_TAKES_NORM_LAYER = re.compile(
    r"torchvision\.(?:models|ops)\.(?:\w+\.)*(?:Conv(?:2d|3d)?NormActivation|ConvBNActivation|"
    r"ConvBNReLU|BasicBlock|Bottleneck|InvertedResidual)$|"
    r"timm\.(?:models\.)?layers\.(?:\w+\.)*(?:Conv(?:Norm|Bn)Act\w*|SeparableConv(?:Norm|Bn)Act|"
    r"SelectiveKernel)$|"
    r"timm\.models\.(?:\w*resnet|hrnet|sknet|resnest)\.(?:BasicBlock|Bottleneck|"
    r"SelectiveKernel(?:Basic|Bottleneck)|ResNestBottleneck)$"
)
_MAKES_OWN_NORM = re.compile(
    r"torchvision\.models\.(?:\w+\.)*(?:ASPP|ASPPConv|ASPPPooling|DeepLabHead|FCNHead|LRASPPHead|"
    r"BasicConv2d)$|"
    r"timm\.(?:models\.)?layers\.(?:\w+\.)*(?:(?:Sync)?BatchNormAct2d|InplaceAbn)$|"
    # What these make of a norm_layer is another one in every version of timm.
    r"timm\.models\.(?:\w+\.)*(?:InvertedResidual|DepthwiseSeparableConv|EdgeResidual|"
    r"CondConvResidual|Bottle2neck|DlaBasic|DlaBottleneck)$|"
    r"segmentation_models_pytorch\.(?:\w+\.)*(?:Conv2dReLU|\w+Decoder)$"
)
# What makes the norm layer that a string names: detectron2's, and that of what is built like it.
_NAMED_NORM = re.compile(r"(?:detectron2|fastreid|cvpods)\.layers\.(?:\w+\.)*get_norm$")
# Libraries whose layers make their norm of a config that they are handed.
_TAKES_CONFIG = re.compile(r"mm(?:cv|engine|det|seg|cls|pose|pretrain|action|edit|ocr|rotate)\w*\.")
# A network that reads text says nothing of the layers that look at images beside it.
_READS_TEXT = re.compile(
    r"transformers\.(?:\w*(?:Bert|BERT|Roberta|GPT|T5|Llama|Electra|XLNet|Bart|OPT)\w*|"
    r"\w*Text\w*|\w*ForCausalLM|\w*ForMaskedLM)(?:\.|$)"
)
# Networks of convolutions alone; those with BatchNorm end in _bn. Transformers and their like
# have LayerNorm, but for those on top of a ResNet.
_WITHOUT_NORMS = re.compile(
    r"torchvision\.models\.(?:\w+\.)?"
    r"(?:vgg1[1369]|alexnet|AlexNet|squeezenet1_[01]|SqueezeNet|vit_[bhl]_\w+|VisionTransformer|"
    r"swin_\w+|SwinTransformer|convnext_\w+|ConvNeXt)$|"
    r"timm\.models\.(?:vision_transformer|deit|beit|cait|convnext|swin_transformer(?:_v2)?|mlp_mixer)\."
    r"(?!\w*resnet)\w+$"
)

# Models with a backbone inside, whose weights are asked for by another argument: where it is.
_BUILT_ON_BACKBONE = {
    "encoder": re.compile(
        r"segmentation_models_pytorch\.(?!encoders\.)(?:\w+\.)*(?:[A-Z]\w*|create_model|\*)$"
    ),
    # What these add to a network, or a pyramid, has BatchNorm of its own.
    "backbone.features": re.compile(r"torchvision\.models\.detection\.(?:\w+\.)?ssd\w+$"),
    "backbone.body": re.compile(r"torchvision\.models\.detection\.(?:\w+\.)?[a-z]\w*_fpn(?:_v2)?$"),
    "backbone": re.compile(
        r"torchvision\.models\.(?:segmentation|detection)\.(?!backbone_utils)(?:\w+\.)?(?:\w+|\*)$"
    ),
}
# Detectors that are made of what they are handed, without any weights: in which attributes it is.
_PARTS_HANDED = {
    re.compile(r"torchvision\.models\.detection\.(?:generalized_rcnn\.)?GeneralizedRCNN$"): (
        *("backbone", "rpn", "roi_heads", "transform"),
    ),
    re.compile(
        r"torchvision\.models\.detection\.(?:\w+\.)?"
        r"(?:(?:Faster|Mask|Keypoint)RCNN|RetinaNet|FCOS|SSD)$"
    ): ("backbone",),
}
# The same for networks of which a class that extends them may have the whole file.
_HOLDS_AS_BACKBONE = re.compile(
    r"torchvision\.models\.segmentation\.(?:\w+\.)?(?:DeepLabV3|FCN|LRASPP)$"
)
# What torchvision builds with FrozenBatchNorm2d: unless it is handed another norm_layer, and, for
# whole detectors, if it has any weights to begin with. Their second versions have BatchNorm.
_FROZEN_BACKBONE = re.compile(
    r"torchvision\.models\.detection\.(?:backbone_utils\.)?(?:resnet_fpn|mobilenet)_backbone$"
)
_FROZEN_IF_TRAINED = re.compile(
    r"torchvision\.models\.detection\.(?:\w+\.)?"
    r"(?:fasterrcnn|maskrcnn|keypointrcnn|retinanet|fcos)_\w+_fpn$"
)
_OF_ALL = ("weights", "pretrained")
_OF_BACKBONE = ("encoder_weights", "weights_backbone", "pretrained_backbone")
_WEIGHTS = re.compile(r"pretrain|weights|checkpoint|path|url|state_dict|ckpt")


@functools.cache
def is_library_model(name: str) -> bool:
    """Whether an external callable gives a published model."""
    if _LIBRARIES.match(name) is None or _NO_MODEL.search(name) is not None:
        return False
    if _READS_TEXT.match(name) is not None or part_with_norms(name):
        return False
    if _OF_TRANSFORMERS.match(name) is not None:
        return False
    return not families.is_block_name(name.rsplit(".", 1)[-1])


def builds_backbone(name: str) -> bool:
    """Whether an external callable makes a backbone of a config that it is handed."""
    return _BUILDS_BACKBONE.match(name) is not None


def is_built_backbone(value: object) -> TypeGuard[ExternalObject]:
    """Whether a value is a network that a toolbox made of a config."""
    return isinstance(value, ExternalObject) and builds_backbone(value.name)


def parts_handed(model: str) -> tuple[str, ...]:
    """The attributes in which a library's class keeps what it is made with, in their order."""
    return next((names for one, names in _PARTS_HANDED.items() if one.match(model)), ())


def holds_as(model: str) -> tuple[str, ...]:
    """The same for an object that a call of the class makes."""
    return ("backbone",) if _HOLDS_AS_BACKBONE.match(model) else parts_handed(model)


def builds_part(name: str) -> bool:
    """Whether an external callable makes what stands behind a backbone of a config."""
    return _BUILDS_PART.match(name) is not None


def builds_networks(name: str) -> bool:
    """Whether a module or class of a package is one that published models are built by."""
    return _LIBRARIES.match(name) is not None or _LAYERS.match(name) is not None


@functools.cache
def part_with_norms(name: str) -> bool:
    """Whether an external callable gives a part, not a model, that holds BatchNorm."""
    return (
        takes_norm_layer(name) or makes_named_norm(name) or _MAKES_OWN_NORM.match(name) is not None
    )


def makes_named_norm(name: str) -> bool:
    """Whether an external callable makes the norm layer that a string names."""
    return _NAMED_NORM.match(name) is not None


def named_norm(call: ast.expr) -> ast.expr | None:
    """The argument that names it: ``"BN"`` of ``get_norm("BN", 64)``."""
    if not isinstance(call, ast.Call):
        return None
    named = [keyword.value for keyword in call.keywords if keyword.arg == "norm"]
    return next(iter([*call.args[:1], *named]), None)


def may_be_named_batch_norm(value: object) -> bool:
    """Whether a value is such a layer, and the call says nothing of another norm."""
    if not isinstance(value, ExternalObject) or not makes_named_norm(value.name):
        return False
    said = named_norm(value.spot.node) if isinstance(value.spot.node, ast.expr) else None
    return not isinstance(said, ast.Constant) or norm_of_string(said.value) is not None


def takes_norm_layer(name: str) -> bool:
    """Whether it can be handed another norm class by ``norm_layer=``."""
    return _TAKES_NORM_LAYER.match(name) is not None


def is_norm_config(argument: str) -> bool:
    """Whether an argument is the config of a norm layer: ``norm_cfg``, ``out_norm_cfg``."""
    return argument == "norm_cfg" or argument.endswith("_norm_cfg")


def takes_norm_config(name: str, call: ast.expr) -> bool:
    """Whether a call may hand a config of a norm layer to an external callable.

    ``ConvModule(8, 8, 1, norm_cfg=dict(type="BN"))``, ``build_norm_layer(cfg, 8)``.
    """
    if not isinstance(call, ast.Call):
        return False
    by_name = any(is_norm_config(keyword.arg or "") for keyword in call.keywords)
    if by_name or name.rpartition(".")[2] == "build_norm_layer":
        return True
    is_open = any(keyword.arg is None for keyword in call.keywords)
    return is_open and _TAKES_CONFIG.match(name) is not None


def library_model(value: object) -> str | None:
    """The dotted name of the published model that a value is, or is part of."""
    if isinstance(value, ExternalObject) and is_library_model(value.name):
        return value.name
    return None


def asks_for_no_weights(call: ast.Call, model: str) -> bool:
    """Whether a call says that no weights come with a model: ``resnet50(pretrained=False)``.

    What is built on a backbone has weights of its own for that, unless they are declined.
    """
    if unpacks(call):
        return False
    said = weights_asked_by(call, model)
    return bool(said) and all(map(is_off, said))


def weights_asked_by(call: ast.Call, model: str) -> list[ast.expr]:
    """The arguments that say whether a library's model has any weights; none, if it has some."""
    if is_built_on_backbone(model):
        asked = [given for name in _OF_BACKBONE for given in _given(call, model, name)]
        return [*asked, *_for_all(call, model)] if asked else []
    said = [keyword for keyword in call.keywords if _WEIGHTS.search(keyword.arg or "")]
    is_asked = any(keyword.arg in _OF_ALL for keyword in said)
    return [keyword.value for keyword in said] if is_asked else []


def is_built_on_backbone(model: str) -> bool:
    """Whether an external callable gives a model of which a backbone is but a part."""
    return _built_on(model) is not None


def backbone_inside(made: ExternalObject) -> str:
    """The part of a library's model for which alone it has weights; ``""``: for all of it.

    ``encoder`` of ``smp.Unet("resnet34")``, ``backbone`` of ``deeplabv3_resnet50()``.
    """
    call, part = made.spot.node, _built_on(made.name)
    if part is None or not isinstance(call, ast.Call):
        return ""
    return "" if any(map(_is_on, _for_all(call, made.name))) else part


@functools.cache
def _built_on(name: str) -> str | None:
    """Where the backbone is in a model that is built on one."""
    return next((part for part, names in _BUILT_ON_BACKBONE.items() if names.match(name)), None)


def _for_all(call: ast.Call, model: str) -> list[ast.expr]:
    """The arguments that ask for weights of a whole model."""
    return [given for name in _OF_ALL for given in _given(call, model, name)]


def _given(call: ast.Call, model: str, name: str) -> list[ast.expr]:
    """What a call hands over by the name of an argument, or in its place."""
    place = None
    if name == "pretrained" and model.startswith("torchvision."):
        place = 0
    elif name == "encoder_weights" and not model.endswith(".create_model"):
        place = 2
    by_place = [] if place is None else call.args[place : place + 1]
    return [keyword.value for keyword in call.keywords if keyword.arg == name] or by_place


def _is_on(value: ast.expr) -> bool:
    """Whether an argument asks for weights: ``True``, ``"DEFAULT"``, a member of an enum."""
    is_constant = isinstance(value, ast.Constant) and not is_off(value)
    return is_constant or "Weights." in ast.unparse(value)


def inherited_model(value: object) -> str | None:
    """The published model whose layers an object of the repository has from a base class."""
    if not isinstance(value, Instance):
        return None
    bases = (base for owner in value.class_.ancestors() for base in owner.external_bases)
    return next((base for base in bases if is_library_model(base)), None)


def holds_library_norms(value: object) -> bool:
    """Whether norm layers of a library, none of them its frozen ones, are in a value."""
    if is_built_backbone(value):
        # detectron2 and its like build frozen ones if a config asks for no other, and a neck too.
        return isinstance(value, ExternalObject) and value.name.startswith("mm")
    name = library_model(value) or inherited_model(value)
    return name is not None and not (_WITHOUT_NORMS.match(name) or has_frozen_norms(value))


def has_frozen_norms(value: object) -> bool:
    """Whether the library's own frozen layers are in it: ``norm_layer=FrozenBatchNorm2d``."""
    if isinstance(value, Instance):
        owners = [owner.node for owner in value.class_.ancestors()]
        return any(_asks_for_frozen(node, owner) for owner in owners for node in ast.walk(owner))
    if not isinstance(value, ExternalObject):
        return False
    if value.is_frozen:
        return True
    call = value.spot.node
    return _asks_for_frozen(call, value.spot.function.node) or _is_built_frozen(call, value.name)


def _is_built_frozen(call: ast.AST, model: str) -> bool:
    """Whether frozen layers are what a call gets that asks for no others."""
    if not isinstance(call, ast.Call) or unpacks(call):
        return False
    if any(keyword.arg == "norm_layer" for keyword in call.keywords):
        return False
    if _FROZEN_BACKBONE.match(model) is not None:
        return len(call.args) <= 2  # a third one is the norm_layer
    if _FROZEN_IF_TRAINED.match(model) is None or len(call.args) > 3:
        return False
    of_backbone = [given for name in _OF_BACKBONE for given in _given(call, model, name)]
    return all(map(_is_on, of_backbone)) or any(map(_is_on, _for_all(call, model)))


def _asks_for_frozen(node: ast.AST, scope: ast.AST) -> bool:
    return isinstance(node, ast.Call) and any(
        keyword.arg == "norm_layer" and _is_frozen(keyword.value, scope)
        for keyword in node.keywords
    )


def _is_frozen(norm: ast.expr, scope: ast.AST) -> bool:
    """Whether a norm class is a frozen one, in a variable of ``scope`` or by itself."""
    if not isinstance(norm, ast.Name) or "Frozen" in norm.id:
        return "Frozen" in ast.unparse(norm)
    assigned = [
        statement.value
        for statement in ast.walk(scope)
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name) and target.id == norm.id
    ]
    return bool(assigned) and all(
        isinstance(value, (ast.Name, ast.Attribute)) and "Frozen" in ast.unparse(value)
        for value in assigned
    )
