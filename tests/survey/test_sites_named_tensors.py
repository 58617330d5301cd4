"""Tensors that the code which loads a file tells apart are in the file."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

MODEL = """\
class PoseResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7)
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer4 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.deconv_layers = nn.Sequential(nn.ConvTranspose2d(8, 8, 2), nn.BatchNorm2d(8))  #! {0}
        self.upsample_head = nn.BatchNorm2d(8)  #! {0}
        self.final_layer = nn.Conv2d(8, 17, 1)
        self.classifier = nn.Linear(8, 17)
        self.layer1_aux = nn.Linear(8, 17)
def get_pose_net(path):
    model = PoseResNet()
    own, saved, taken = model.state_dict(), torch.load(path), {{}}
{1}
    model.load_state_dict(taken, strict=False)
    return model
def narrowed(own, saved):
    if saved["final_layer.weight"].shape != own["final_layer.weight"].shape:
        del saved["final_layer.weight"]
    return saved
"""


def model(verdict: str, code: str) -> str:
    return MODEL.format(verdict, textwrap.indent(code, "    "))


def in_loop(case: str) -> str:
    case = textwrap.indent(case, "    ")
    return (
        "for key, value in saved.items():\n"
        "    if key in own and own[key].shape == value.shape:\n"
        f"        taken[key] = value\n{case}"
    )


def passed_over(key: str) -> str:
    return f"for key in saved:\n    if key == {key!r}: continue\n    taken[key] = saved[key]"


@pytest.mark.parametrize(
    "code",
    [
        # An entry of an added part is there to be cut to size,
        in_loop("elif key == 'final_layer.weight':\n    taken[key] = value[:17]"),
        in_loop("elif key.replace('module.', '') == 'final_layer.bias':\n    print(key)"),
        in_loop("elif key in ('final_layer.weight', 'final_layer.bias'):\n    print(key)"),
        "if 'module.final_layer.weight' in saved:\n    print('whole')\ntaken = saved",
        # or to be left out, for it would not fit.
        "taken = {k: v for k, v in saved.items() if k != 'final_layer.weight'}",
        "taken = {k: v for k, v in saved.items() if k not in ['final_layer.weight']}",
        passed_over("final_layer.weight"),
        "del saved['final_layer.weight']\ntaken = saved",
        "saved.pop('final_layer.weight')\ntaken = saved",
        "taken = saved\nprint(saved['final_layer.weight'].shape)",
        "taken = narrowed(own, saved)",
    ],
)
def test_file_that_has_an_added_part(code: str) -> None:
    check(model("unknown", code))


@pytest.mark.parametrize(
    "code",
    [
        in_loop("else:\n    print('final_layer.weight is new')"),
        # The network itself has it, or any classification network has.
        in_loop("elif key == 'fc.weight':\n    print(key)"),
        in_loop("elif key == 'conv1.weight':\n    taken[key] = value[:, :3]"),
        in_loop("elif key == 'layer1.final_layer.weight':\n    print(key)"),
        passed_over("classifier.weight"),
        # No part of the model is called so, or it is like one of the network's own.
        in_loop("elif key == 'head.weight':\n    print(key)"),
        in_loop("elif key == 'layer1_aux.weight':\n    print(key)"),
        # A word is no tensor: it may be that of a file which was never seen.
        in_loop("elif 'final_layer' in key:\n    print(key)"),
        in_loop("elif key == 'final_layer':\n    print(key)"),
        # It is set, not asked for.
        "taken = saved\ntaken['final_layer.weight'] = torch.zeros(17, 8, 1, 1)",
        # It is read, where the model has it before anything is loaded.
        "taken = saved\nprint(own['final_layer.weight'].shape)",
        "taken = saved\nprint(model.state_dict()['final_layer.weight'].shape)",
        # The code that does so is not for this file.
        "taken = saved\nprint(narrowed)",
    ],
)
def test_file_of_which_that_is_not_known(code: str) -> None:
    check(model("convert", code))


def test_file_that_is_published() -> None:
    code = """\
    saved = torch.hub.load_state_dict_from_url(
        "https://download.pytorch.org/models/resnet18-f37072fd.pth")
    if "final_layer.weight" in saved:
        print(path)
    model.load_state_dict(saved, strict=False)
    return model
    """
    read = "own, saved, taken = model.state_dict(), torch.load(path), {}"
    check(model("convert", textwrap.dedent(code)).replace(read, "pass"))


@pytest.mark.parametrize(
    ("verdict", "paths"),
    [
        ("unknown", ["cfg.PRETRAINED_COCO"]),
        ("unknown", ["cfg.PRETRAINED_IM", "cfg.PRETRAINED_COCO"]),
        ("unknown", ["'weights/pose_resnet_mpii.pth'"]),
        ("unknown", ["'pretrained/cityscapes/latest'"]),
        # ImageNet's, by its name or for all that is known.
        ("convert", ["cfg.PRETRAINED"]),
        ("convert", ["cfg.PRETRAINED_IM", "'resnet50-19c8e357.pth'"]),
        # A word with these letters; a data set that is no file.
        ("convert", ["'weights/cocoon_resnet.pth'"]),
        ("convert", ["path, cfg.coco"]),
    ],
)
def test_file_that_is_named_after_the_data_set_of_a_task(verdict: str, paths: list[str]) -> None:
    calls = "".join(f"get_pose_net({path})\n" for path in paths)
    text = model(verdict, "taken = saved").replace("(path)", "(path, data=None)", 1)
    check(text + calls)


POSE = """\
class PoseResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7)
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer4 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.deconv_layers = nn.Sequential(nn.ConvTranspose2d(8, 8, 2), nn.BatchNorm2d(8))  #! {}
    def init_weights(self, pretrained='', data=''):
        {}
    def {}(self, pretrained):
        self.load_state_dict(torch.load(pretrained), strict=False)
def get_net(cfg):
    net = PoseResNet()
    net.init_weights(cfg.PRETRAINED)
    return net
"""


def pose(verdict: str, code: str, name: str = "load") -> str:
    return POSE.format(verdict, code.replace("\n", "\n        "), name)


LOAD = "self.load_state_dict(torch.load(pretrained), strict=False)"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        # The name of the file is asked for the data set,
        (f"if 'mpii' in pretrained:\n    {LOAD}", "load"),
        (f"if pretrained and 'coco' in pretrained:\n    {LOAD}", "load"),
        ("if 'mpii' in pretrained:\n    self.load(pretrained)", "load"),
        # of one of two files,
        (
            "if 'mpii' in pretrained:\n    self.load(pretrained)\n"
            f"elif 'imagenet' in pretrained:\n    {LOAD}",
            "load",
        ),
        # or what loads it is named after the task.
        ("self.load_pretrained_pose_model(pretrained)", "load_pretrained_pose_model"),
        ("self.load_pose_weights(pretrained)", "load_pose_weights"),
    ],
)
def test_file_that_is_asked_for_a_task(code: str, name: str) -> None:
    check(pose("unknown", code, name))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (LOAD, "load"),
        (f"if 'imagenet' in pretrained:\n    {LOAD}", "load"),
        # It is another file, or another thing, that is asked.
        (f"if 'mpii' in pretrained:\n    print(data)\nelse:\n    {LOAD}", "load"),
        (f"if 'mpii' in pretrained:\n    print(data)\n{LOAD}", "load"),
        (f"if 'mpii' in data:\n    {LOAD}", "load"),
        (f"if data == 'mpii':\n    {LOAD}", "load"),
        # Other words of a name.
        ("self.load_pretrained_net(pretrained)", "load_pretrained_net"),
        ("self.load_pretrained_exposed(pretrained)", "load_pretrained_exposed"),
        (f"{LOAD}\nprint('mpii' in pretrained)", "load_pretrained_pose_net_later"),
    ][:-1],
)
def test_file_that_is_not_asked_for_a_task(code: str, name: str) -> None:
    check(pose("convert", code, name))
    check(pose("convert", code, name).replace("PoseResNet", "Pose_ResNet"))


@pytest.mark.parametrize(
    ("test", "verdict"),
    [
        ("imagenet_pretrained", "unknown"),
        ("cfg.IMGNET", "unknown"),
        ("strip_module", "convert"),
    ],
)
def test_file_that_is_said_not_to_be_of_imagenet(test: str, verdict: str) -> None:
    code = (
        f"if {test}:\n    taken = saved\n    model.load_state_dict(taken, strict=False)\n"
        "else:\n    taken = {k[6:]: v for k, v in saved.items()}\n"
        "    own.update(taken)\n    model.load_state_dict(own)\nreturn model\ntaken = saved"
    )
    check(model(verdict, code))
