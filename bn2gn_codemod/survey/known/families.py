"""Well-known backbone families: their names, their state-dict keys, where they live."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from bn2gn_codemod.survey.values import Class


class Family(NamedTuple):
    """A family of published checkpoints.

    ``members`` matches the top-level names in its ImageNet checkpoints,
    ``marks`` are the attributes by which a class of the family is recognised,
    with ``is_common`` only in a class that is named after a network.
    ``library`` matches the classes of libraries that are of it, ``called`` what
    classes of it are named after: a MobileNet with a ``layer1`` is no ResNet.
    """

    name: str
    marks: frozenset[str]
    members: re.Pattern[str]
    is_common: bool = False
    # Members that no model but a classification network has.
    of_classifier: re.Pattern[str] = re.compile("$^")
    library: re.Pattern[str] | None = None
    called: re.Pattern[str] = re.compile("")
    # What a block of such a network may have; ``None``: anything.
    of_block: re.Pattern[str] | None = None

    def is_twin(self, attribute: str) -> bool:
        """Whether a name is a member's with something added.

        ``layer1_aux`` and ``bn1_d`` are often filled with the member's own
        weights, under other keys.
        """
        parts = attribute.split("_")
        return any(self.members.match("_".join(parts[:n])) for n in range(1, len(parts)))


_FAMILIES = (
    Family(
        "DLA",
        frozenset({"base_layer", "level0", "level1", "level2"}),
        re.compile(r"(base_layer|level\d|fc|avgpool)$"),
    ),
    Family(
        "HRNet",
        frozenset({"conv1", "bn1", "layer1", "transition1", "stage2"}),
        re.compile(
            r"(conv[12]|bn[12]|layer1|transition\d|stage\d|incre_modules|downsamp_modules|"
            r"final_layer|classifier|relu)$"
        ),
        of_classifier=re.compile("(incre_modules|downsamp_modules|final_layer|classifier)$"),
    ),
    Family(
        "ResNet",
        frozenset({"layer1", "layer2", "layer3"}),
        re.compile(r"(conv[123]|bn[123]|norm1|layer[0-9]+|fc|avgpool|relu\d?|maxpool|stem)$"),
        library=re.compile(r"(?:torchvision|timm)\.models\.(?:\w+\.)?ResNet$"),
        called=re.compile(r"res|se_?net|drn|dla|hrnet|highresolution|regnet|osnet|stdcnet"),
        of_block=re.compile(
            r"(?:conv|bn|norm|relu|act|proj|expand|reduc)\w*|identity\w*|block\d*|layers?\d*|"
            r"\w*(?:down|short_?cut|skip|residual)\w*|se(?:_?(?:module|layer|block))?"
        ),
    ),
    Family(
        "DenseNet or VGG or MobileNet",
        frozenset({"features"}),
        re.compile(r"(features|classifier|conv|avgpool|norm5)$"),
        is_common=True,
        library=re.compile(r"torchvision\.models\.(?:\w+\.)?(?:VGG|DenseNet|MobileNetV[23])$"),
        called=re.compile(r"vgg|densenet|mobile_?net|efficientnet|mnasnet|alexnet|squeezenet"),
    ),
    Family(
        "Xception",
        # The stem has two layers. With one, it is a Wide ResNet for small images.
        frozenset({"conv1", "bn1", "conv2", "bn2", "block1", "block2", "block3"}),
        re.compile(
            r"(conv\d|bn\d|block\d+|(?:entry|mid(?:dle)?|exit)_?flow|fc|last_linear|relu\d?)$"
        ),
    ),
    Family(
        "Inception v3",
        frozenset({"Conv2d_1a_3x3"}),
        re.compile(r"(Conv2d_\d[a-c]_\dx\d|Mixed_\d[a-e]|AuxLogits|fc|last_linear)$"),
        of_classifier=re.compile("AuxLogits$"),
        library=re.compile(r"torchvision\.models\.(?:\w+\.)?Inception3$"),
        called=re.compile("inception|googlenet"),
    ),
)

# Names of published classification networks.
_NETWORK = re.compile(
    r"(?<![A-Za-z])(?i:se_?net)|"
    r"(?:(?<![A-Za-z])|(?<=[a-z0-9])(?=[A-Z]))"
    r"(?i:(?:se)?(?:res2?ne[xs]?t|resnest|resnext|resnet|dla|hrnet|highresolution|vgg|"
    r"mobilenet|mobile_net|xception|darknet|densenet|efficientnet|drn|shufflenet|(?:bn_?)?inception|"
    r"googlenet|squeezenet|alexnet|mnasnet|vovnet|regnet|ghostnet|convnext|swin|wideresnet|"
    r"preresnet|res2net|stdcnet|osnet))"
)
# What stands before the name of a network that a part only comes after: ``EncoderAfterVGG``.
_COMES_AFTER = re.compile(r"(?:^|[^A-Za-z]|(?<=[a-z]))(?:[Aa]fter|[Bb]ehind)\s*$")
# ``_101_32x4d`` after it, ``16_bn``
_SIZE = re.compile(r"(?:_?(?:v?\d+[a-z]?|\d+x\d+[a-z]?|bn))*")
# ``load_from_mobilenet``, ``copy_params_from_vgg16``
_SOURCE = re.compile(r"(?:load|copy|init|weight|param)\w*_from_(.+)", re.IGNORECASE)
_BLOCK = re.compile(
    r"^(?:\w*Bottle(?:neck|2neck)\w*|\w*BasicBlock\w*|InvertedResidual\w*|Root|Tree|Bottle2neck|"
    r"ResidualBlock|SEBlock|_?DenseLayer|_?DenseBlock|_?Transition|PreActBlock)$"
)
# What a network is made of, after its name: ``RepVGGBlock``, ``inception_module``, ``DLAConv2d``.
_PART_OF_NETWORK = re.compile(
    r"(?:block|layer|unit|stage|conv|module|cell|stem)(?:_?v?\d*d?|_[a-z])$", re.IGNORECASE
)
_BACKBONE_HOME = re.compile(r"^(?:backbones?|encoders?|basenets?|backbone_\w+|\w+_backbones?)$")
_NEW_HOME = re.compile(
    r"^(?:necks?|\w*heads?|decoders?|decode_heads|roi_heads|dense_heads|fpn|aspp)$"
)

# Not the blocks of a network: ``bottlenecks``, and ``bneck`` of MobileNetV3.
_NECK = r"(?<!bottle)(?<!\bb)neck"
# Words for parts that no classification network has.
_CERTAINLY_NEW_WORD = re.compile(
    rf"deconv|upsampl|dla_up|ida_up|fpn|pafpn|{_NECK}|decod|aspp|(?:^|_)ppm|(?:^|_)psp|lateral|"
    r"heatmap|(?:^|_)rpn|(?:^|_)roi_|topdown|toplayer|spatial_?path|(?:^|_)seg_?head|"
    r"(?:^|_)cls_?head|(?:^|_)reg_?head"
)
# A network that only measures or teaches: nothing is built on it.
_ASIDE = re.compile(r"teacher|loss|crit|perceptual|lpips|discrim|(?:^|_)ema(?:_|$)|momentum")
# Of these, what is trained already, and trained no more.
_TEACHER = re.compile(r"(?:^|_)teachers?(?:_|$)")
# Attributes under which wrappers hold a whole model.
_WHOLE_MODEL = re.compile(
    r"^_?(?:model|module|net|network|student\w*|detector|generator|net_?g|model_\w+|\w+_model)$",
    re.IGNORECASE,
)

# Words for what is a model, or may be the backbone of one.
_MODEL_CLASS = re.compile(
    r"net(?:work)?s?(?:_?v?\d+|_[a-z])?$|model|track|detect|segment|estimat|matting|recogni|"
    r"backbone|encod|extract|trunk|(?:^|_)body|stem|base"
)

# Words for the parts that detectors, trackers and segmenters add to a backbone.
_NEW_WORD = re.compile(
    rf"deconv|head|(?:^|_)ups?(?:_|\d|$)|upsampl|dla_up|ida_up|fpn|pafpn|{_NECK}|decod|aspp|ppm|"
    r"psp|final|classifier|(?:^|_)cls|last_|aux|smooth|lateral|refine|fus(?:e|ion)|(?:^|_)seg|mask|"
    r"ocr|(?:^|_)rpn|roi|embed|offset|heatmap|(?:^|_)hm|(?:^|_)wh|(?:^|_)reg|toplayer|topdown|"
    r"spatial_?path"
)
# What a vision transformer makes of its input, before its first block.
_EMBEDDING = re.compile(
    r"_?(?:(?:overlap_)?patch_?embed(?:s|ding|dings)?|pos(?:ition(?:al)?)?_?embed(?:ding)?s?|"
    r"embeddings?|cls_?tokens?)_?\d*$"
)
_BACKBONE_ATTRIBUTE = re.compile(
    r"^(?:\w*_)?backbone(?:s|net|_?net|_?\d+[dD]?|_[a-z]|_rgb|_depth|_t|_ir|_flow)?$"
)
_FOR_VOLUMES = re.compile(r"(?:^|_|[a-z])3[dD]$")
_ENCODER = re.compile(r"_?(?:enc|encoder|\w+_encoder)")
_ATTENTION = re.compile(r"(?:^|_)att(?:n|ention)?s?(?:_|\d|$)")
# The stem that PoseResNet-like models keep outside ``backbone``.
_STEM_ATTRIBUTE = re.compile(r"^base_layer$")
FIRST_STAGE = "layer1"
# The one linear layer that a published network ends with.
_CLASSIFIER = re.compile(r"fc|last_linear|classifier")
_FIRST_STAGE = re.compile(r"(?:layer|stage|encoder|enc|down|block|level)_?[01]$")
# What a network begins with, before its first stage.
_STEM = re.compile(r"(?:conv|bn|norm)_?[0-3]?[ab]?$|\w*stem\w*$")
_LATER_STAGE = re.compile(r"layer[2-9]$")
_USUAL_STAGE = re.compile(r"layer[1-4]$")
_EXTRA_STAGE = re.compile(r"layer(?:[5-9]|\d\d)$")
# One of several networks side by side.
_OF_STREAM = (
    r"(?:conv|bn|layer|stage|level|block)\d+_(?:[a-z]|ir|rgb|depth|flow|thermal|event|lidar)"
)
_STREAM = re.compile(_OF_STREAM, re.IGNORECASE)
_MAYBE_BACKBONE_ATTRIBUTE = re.compile(
    r"^_?(?:base|base_?net|base_?model|basenet|encoder\w*|\w*_encoder|enc|features?|feature_?net|"
    r"feature_?extract(?:or|ion)|feat(?:s|ure_net)?|extractor|trunk|body|cnn|stem|pretrained\w*|"
    r"resnet\w*|res|dla\w*|hrnet\w*|vgg\w*|mobilenet\w*|xception\w*|darknet\w*|densenet\w*|"
    r"efficientnet\w*|context_path|cp|net|model|down|front_?end|stage\w*|layer\d|"
    rf"{_OF_STREAM})$",
    re.IGNORECASE,
)


def family_of(cls: Class, attributes: frozenset[str]) -> Family | None:
    """The family whose marks are all among a class's attributes."""
    named = any(is_network_class(ancestor) for ancestor in cls.ancestors())
    return next(
        (
            family
            for family in _FAMILIES
            if family.marks <= attributes and (named or not family.is_common)
        ),
        None,
    )


def is_of_other_kind(family: Family, cls: Class) -> bool:
    """Whether a class is named after a network that has other checkpoints than a family."""
    name = cls.name.rsplit(".", 1)[-1].lower()
    return is_nothing_but_network_name(name) and family.called.search(name) is None


def inherited_family(cls: Class) -> Family | None:
    """The family of a library's class that a class extends, whose attributes are not seen."""
    bases = [base for ancestor in cls.ancestors() for base in ancestor.external_bases]
    return next(
        (
            family
            for family in _FAMILIES
            if family.library and any(map(family.library.match, bases))
        ),
        None,
    )


@functools.cache
def is_network_name(name: str) -> bool:
    """Whether a class or function is named after a published network."""
    words = name.replace("_", " ").strip()
    found = _NETWORK.search(words)
    return found is not None and _COMES_AFTER.search(words[: found.start()]) is None


def comes_after_network(cls: Class) -> bool:
    """Whether a class says that it stands behind a published network: ``EncoderAfterVGG``."""
    words = cls.name.rsplit(".", 1)[-1].replace("_", " ").strip()
    found = _NETWORK.search(words)
    return found is not None and _COMES_AFTER.search(words[: found.start()]) is not None


def is_nothing_but_network_name(name: str) -> bool:
    """Whether a function is called after a published network, of some size, and nothing else."""
    found = _NETWORK.match(name)
    return found is not None and _SIZE.fullmatch(name, found.end()) is not None


def names_source_network(function: str) -> bool:
    """Whether a function is named after a network that the weights it loads are of."""
    found = _SOURCE.search(function)
    return found is not None and is_network_name(found[1])


@functools.cache
def is_block_name(name: str) -> bool:
    """Whether a class is named like a block of such a network, a residual one or any other."""
    if _BLOCK.match(name) is not None:
        return True
    network = _NETWORK.search(name.replace("_", " "))
    return network is not None and _PART_OF_NETWORK.search(name, network.end()) is not None


def backbone_home(path: str) -> str | None:
    """The folder or file name that marks a file as a backbone's."""
    return _home(path, _BACKBONE_HOME)


def is_file_of_backbone(path: str) -> bool:
    """Whether a file is named after a network, or stands where backbones live."""
    name = path.rsplit("/", 1)[-1][: -len(".py")]
    return is_network_name(name) or backbone_home(path) is not None


def new_home(cls: Class) -> str | None:
    """The folder or file name that marks the class's file as a neck's or head's."""
    return _home(cls.path, _NEW_HOME)


def _home(path: str, pattern: re.Pattern[str]) -> str | None:
    parts = path[: -len(".py")].split("/")
    return next((part for part in reversed(parts) if pattern.match(part)), None)


def is_network_class(cls: Class) -> bool:
    """Whether the class looks like a whole backbone network, by name or by folder."""
    name = cls.name.rsplit(".", 1)[-1]
    return not is_block_name(name) and not has_new_word(name) and is_network_name(name)


def is_named_after_network(cls: Class) -> bool:
    """Whether the class looks like a backbone network or a block of one."""
    return is_network_class(cls) or is_block_name(cls.name.rsplit(".", 1)[-1])


def has_new_class_name(cls: Class) -> bool:
    """Whether a class is named like a part that was added to a backbone."""
    return has_new_word(cls.name.rsplit(".", 1)[-1])


def may_be_whole_model(cls: Class) -> bool:
    """Whether a class is named like a model, or like the network in one: ``UNet``, ``Tracker``."""
    words = _words(cls.name.rsplit(".", 1)[-1]).lower()
    return _MODEL_CLASS.search(words) is not None


@functools.cache
def _words(name: str) -> str:
    """``RefineHead`` -> ``Refine_Head``."""
    return re.sub(r"(?<=[a-zA-Z0-9])(?=[A-Z][a-z])", "_", name)


def has_new_word(name: str) -> bool:
    """Whether a name says that the part was added to a backbone."""
    return _has_word(name, _NEW_WORD)


def embeds_input(name: str) -> bool:
    """Whether an attribute is named like what makes the tokens of a vision transformer."""
    return _EMBEDDING.match(name) is not None


def has_certainly_new_word(name: str) -> bool:
    """Whether a name says that the part is none of a classification network's."""
    return _has_word(name, _CERTAINLY_NEW_WORD)


@functools.cache
def _has_word(name: str, words: re.Pattern[str]) -> bool:
    # ``upConv`` is ``up_conv``, and ``upSample`` is ``upsample``.
    return any(words.search(form.lower()) for form in (name, _words(name)))


@functools.cache
def is_aside(name: str) -> bool:
    """Whether a name says that a network measures or teaches another one."""
    return _ASIDE.search(_words(name).lower()) is not None


def is_teacher(name: str) -> bool:
    """Whether a name says that a network is trained already, and teaches another one."""
    return _TEACHER.search(_words(name).lower()) is not None


def may_hold_whole_model(name: str) -> bool:
    """Whether an attribute's name is one under which wrappers hold a whole model."""
    return _WHOLE_MODEL.match(name) is not None


@functools.cache
def is_backbone_attribute(name: str) -> bool:
    """Whether an attribute's name alone says backbone."""
    return _BACKBONE_ATTRIBUTE.match(name) is not None and not has_new_word(name)


def is_backbone_for_task(name: str) -> bool:
    """Whether an attribute is called a backbone, and after what is new: ``seg_backbone``."""
    return _BACKBONE_ATTRIBUTE.match(name) is not None and has_new_word(name)


def is_for_volumes(name: str) -> bool:
    """Whether an attribute is named after what it does in three dimensions: ``backbone_3d``."""
    return _FOR_VOLUMES.search(name) is not None


@functools.cache
def may_be_backbone_attribute(name: str) -> bool:
    """Whether an attribute's name allows, but does not say, backbone."""
    return _MAYBE_BACKBONE_ATTRIBUTE.match(name) is not None and not has_new_word(name)


def is_encoder(name: str) -> bool:
    """Whether an attribute is named after what it does with an input, be it an image or not."""
    return _ENCODER.fullmatch(name) is not None


def is_of_stream(name: str) -> bool:
    """Whether an attribute is named after one of several inputs: ``conv1_depth``."""
    return _STREAM.fullmatch(name) is not None


def is_attention(name: str) -> bool:
    """Whether an attribute is named after attention that is paid to what a network gives."""
    return _ATTENTION.search(name) is not None


def is_stem_attribute(name: str) -> bool:
    """Whether the attribute is the backbone's stem, kept beside it."""
    return _STEM_ATTRIBUTE.match(name) is not None


def may_be_stem(name: str) -> bool:
    """Whether an attribute is named like what a network has before its first stage."""
    return _STEM.match(name) is not None


def is_first_stage(name: str) -> bool:
    """Whether an attribute is named like the first of a network's stages."""
    return _FIRST_STAGE.match(name) is not None


def is_later_stage(name: str) -> bool:
    """Whether an attribute is named like one of a ResNet's stages, but for the first."""
    return _LATER_STAGE.match(name) is not None


def is_usual_stage(name: str) -> bool:
    """Whether the attribute is named like one of the four stages that every ResNet has."""
    return _USUAL_STAGE.match(name) is not None


def is_classifier(name: str) -> bool:
    """Whether the attribute is named like the last, linear layer of a published network."""
    return _CLASSIFIER.fullmatch(name) is not None


def is_extra_stage(name: str) -> bool:
    """Whether the attribute is named like a stage that only some networks have."""
    return _EXTRA_STAGE.match(name) is not None


def name_before(name: str) -> str | None:
    """The name with the number before the one that it ends with: ``encoder4`` of ``encoder5``."""
    found = re.fullmatch(r"(\D*)([1-9]\d?)", name)
    return None if found is None else f"{found[1]}{int(found[2]) - 1}"
