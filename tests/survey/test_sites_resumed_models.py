"""What is called like a network, in a model that training begins with no weights at all."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

_REPOSITORY = """\
-- net.py --
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {network}
class ResNetReader(nn.Module):
    def __init__(self{option}):
        super().__init__()
        self.layer0 = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8))  #! {network}
        self.layer1 = nn.Sequential(Block(), Block())
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.{attribute} = ResNetReader()
        self.decoder = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {decoder}
-- train.py --
from net import Reader
def main(args, loader):
    model = Reader()
    {load}
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for epoch in range(args.epochs):
        model.train()
        for x in loader:
            model(x).sum().backward()
            optimizer.step()
    {after}
"""
_RESUME = "if args.resume: model.load_state_dict(torch.load(args.resume)['state_dict'])"
_HELPER = """\
-- files.py --
def resume(net, path):
    net.load_state_dict(torch.load(path))
"""
_DEMO = """\
-- demo.py --
from net import Reader
def main(path, images):
    model = Reader()
    model.load_state_dict(torch.load(path))
    model.eval()
    return [model(x) for x in images]
"""


def _repository(
    network: str,
    decoder: str,
    load: str = _RESUME,
    attribute: str = "encoder",
    option: str = "",
    after: str = "pass",
) -> str:
    return _REPOSITORY.format(
        network=network,
        decoder=decoder,
        load=load,
        attribute=attribute,
        option=option,
        after=after,
    )


def test_nothing_is_known_of_a_model_that_is_only_resumed() -> None:
    text = _repository("unknown", "unknown")
    plan = check(text)
    assert "nothing is loaded except to go on" in " ".join(plan.sites[0].reasons)
    assert plan.train_scripts == ()


@pytest.mark.parametrize(
    ("load", "after", "more"),
    [
        ("from files import resume; resume(model, args.path)", "pass", _HELPER),
        (_RESUME, "pass", _DEMO),
        # What the training itself has written is evaluated.
        (_RESUME, "model.load_state_dict(torch.load('runs/best.pth'))", ""),
    ],
)
def test_other_loads_that_no_training_begins_with(load: str, after: str, more: str) -> None:
    check(_repository("unknown", "unknown", load, after=after) + more)


@pytest.mark.parametrize(
    ("load", "decoder"),
    [
        # Nothing is loaded at all: that may be for whoever uses the code.
        ("pass", "convert"),
        # Who knows what is in the file.
        ("if args.file: model.load_state_dict(torch.load(args.file))", "convert"),
        ("model.load_state_dict(torch.load(args.file))", "unknown"),
        (_RESUME + "\n    model.load_state_dict(torch.load(args.file))", "unknown"),
    ],
)
def test_a_name_says_that_weights_may_be_loaded(load: str, decoder: str) -> None:
    check(_repository("keep", decoder, load))


def test_an_attribute_that_is_called_a_backbone_is_one() -> None:
    text = _repository("keep", "unknown", attribute="backbone")
    plan = check(text)
    assert "nothing is loaded except to go on" in " ".join(plan.sites[-1].reasons)
    [script] = plan.train_scripts
    assert "trained from scratch" in script.reason


_LAYER = """\
class Scaled(nn.Module):
    def __init__(self, width, saved=None):
        super().__init__()
        self.weight = nn.Parameter({given})
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class Reader("""


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ("torch.Tensor(width)", "unknown"),
        ("torch.ones(width)", "unknown"),
        ("torch.load('runs/scale.pth')", "convert"),
        ("torch.load('runs/scale.pth')['a'].clone()", "convert"),
    ],
)
def test_a_tensor_that_a_layer_makes_for_itself_is_no_load(given: str, verdict: str) -> None:
    text = _repository("keep", verdict, attribute="backbone")
    text = text.replace("class Reader(", _LAYER.format(given=given, verdict="{scaled}"))
    text = text.replace(
        "        self.decoder =", "        self.scaled = Scaled(8)\n        self.decoder ="
    )
    plan = plan_of(text)
    verdicts = {site.verdict for site in plan.sites if site.class_ in ("Reader", "Scaled")}
    assert verdict in verdicts
    assert verdicts <= {verdict, "unknown"}
    is_frozen = any(script.fix for script in plan.train_scripts)
    assert is_frozen is (verdict == "convert")


@pytest.mark.parametrize("attribute", ["encoder", "backbone"])
@pytest.mark.parametrize(
    ("load", "decoder"),
    [
        ("pass", "convert"),
        ("if args.file: model.load_state_dict(torch.load(args.file))", "convert"),
        (_RESUME + "; model.backbone.load_state_dict(torch.load(args.file))", "convert"),
    ],
)
def test_what_is_frozen_has_new_layers_beside_it(load: str, decoder: str, attribute: str) -> None:
    load = load.replace("model.backbone", f"model.{attribute}")
    plan = check(_repository("keep", decoder, load, attribute))
    [script] = plan.train_scripts
    assert script.fix


def test_an_optimizer_that_is_restored_with_the_model() -> None:
    load = """\
state = torch.load(args.path)
    model.load_state_dict(state['model'])
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    optimizer.load_state_dict(state['optimizer'])"""
    check(_repository("keep", "unknown", load, attribute="backbone"))


def test_code_that_speaks_of_pretrained_weights() -> None:
    check(_repository("keep", "convert", option=", pretrained=True"))


def test_weights_that_are_loaded_elsewhere() -> None:
    more = """\
-- other.py --
import torchvision
class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
"""
    text = _repository("keep", "convert") + more
    assert {site.verdict for site in plan_of(text).sites if site.place.path == "net.py"} == {
        "keep",
        "unknown",  # the model itself is only resumed
    }


@pytest.mark.parametrize(
    "test",
    [
        "not args.resume is None",
        "not args.resume == ''",
        "not args.no_resume",
        "not args.skip_auto_resume",
        "not args.resume.endswith('.none')",
    ],
)
def test_a_negation_that_asks_to_resume(test: str) -> None:
    check(_repository("unknown", "unknown", _RESUME.replace("if args.resume:", f"if {test}:")))


def test_a_load_where_nothing_is_resumed() -> None:
    load = _RESUME.replace("if args.resume:", "if not args.resume:")
    check(_repository("keep", "convert", load.replace("args.resume)", "args.path)")))


_FOLDER = """\
-- backbones/trunk.py --
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
"""


@pytest.mark.parametrize(
    ("name", "verdict", "changes"),
    [
        ("Trunk", "unknown", {}),
        # A network's name is more than a folder,
        ("ResNet", "keep", {}),
        # and what others are to load, or a file that a training may begin with, may be for it.
        ("Trunk", "keep", {"load": "pass"}),
        ("Trunk", "keep", {"load": "model.load_state_dict(torch.load(args.file))"}),
        ("Trunk", "keep", {"option": ", pretrained=True"}),
    ],
)
def test_where_backbones_live_beside_a_model_that_is_only_resumed(
    name: str, verdict: str, changes: dict[str, str]
) -> None:
    folder = _FOLDER.format(name=name, verdict=verdict)
    text = _repository("{network}", "{decoder}", **{"attribute": "parts", **changes}) + folder
    [site] = [
        site
        for site in plan_of(text.replace("#! {", "# {")).sites
        if site.place.path.startswith("backbones/")
    ]
    assert site.verdict == verdict, site.reasons


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("seg_backbone", "unknown"),
        ("center_reg_backbone", "unknown"),
        ("mask_backbones", "unknown"),
        ("backbone_fpn", "convert"),
        ("seg_head", "convert"),
    ],
)
def test_a_second_backbone_for_a_task(name: str, verdict: str) -> None:
    check(
        f"""\
import torchvision
class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.{name} = Segmenter()
"""
    )
