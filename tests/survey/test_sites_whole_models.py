"""A model with a backbone, loaded as a whole: it may start from there, or go on."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, only

MODEL = """\
import torchvision
class Neck(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {neck}
class Top(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {top}
class Base(nn.Module):
    def load(self, path):
        self.load_state_dict(torch.load(path)['model'], strict=False)
class Model(Base):
    def __init__(self, path=None, resume=None):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.neck = Neck()
        self.top = Top()
{rest}
"""


# Code for any model.
FILL = """\
def fill(net, path, strict=True):
    if path:
        net.load_state_dict(torch.load(path)['net'], strict=strict)
"""


def model(rest: str, neck: str = "unknown", top: str = "unknown") -> str:
    return MODEL.format(rest=rest, neck=neck, top=top)


@pytest.mark.parametrize(
    "rest",
    [
        # It loads itself when it is made,
        "        if path: self.load(path)",
        "        self.load_state_dict(torch.load(path), strict=False)",
        "        fill(self, path)\n" + FILL,
        "        if path: self.begin(path)\n"
        "    def begin(self, path):\n        filled(path, net=self)\n"
        "def filled(path, net):\n    fill(net, path)\n    return net\n" + FILL,
        # or by what is for pretrained weights,
        "    def load_pretrained(self, path):\n        self.load_state_dict(torch.load(path))\n"
        "def main(path):\n    Model().load_pretrained(path)",
        "    def init_weights(self, pretrained):\n"
        "        self.load_state_dict(torch.load(pretrained))\n"
        "def main(model, path):\n    model.init_weights(path)",
        "    @classmethod\n    def from_pretrained(cls, path):\n        model = cls()\n"
        "        model.load_state_dict(torch.load(path))\n        return model",
        # or a factory does it.
        "def build(pretrained=True):\n    model = Model()\n    if pretrained:\n"
        "        model.load_state_dict(torch.load('model.pth'))\n    return model",
        "def pretrained_model(path):\n    model = Model()\n"
        "    model.load_state_dict(torch.load(path))\n    return model",
        "def build(pretrained=False):\n    model = Model()\n    if pretrained:\n"
        "        model.load_state_dict(torch.load('model.pth'))\n    return model\n"
        "def train(images):\n    build(pretrained=True)(images).sum().backward()",
        # What comes of it is changed.
        "def build(classes):\n    model = Model()\n    model.load_state_dict(torch.load('a.pth'))\n"
        "    model.top = Top()\n    return model",
    ],
)
def test_model_that_starts_from_a_file(rest: str) -> None:
    plan = check(model(rest))
    for site in only(plan, "unknown"):
        assert any("Model as a whole loads weights by torch.load" in why for why in site.reasons)


REFITTED = """\
class Trainer:
    def __init__(self):
        self.net = nn.parallel.DistributedDataParallel(Model().cuda())
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1)
    def {name}(self, path):
        own = self.net.module.state_dict()
        saved = torch.load(path)['model_state']
        {code}
        self.net.module.load_state_dict({loaded})
"""


def refitted(code: str, loaded: str = "saved", name: str = "load_other") -> str:
    return REFITTED.format(code=code.replace("\n", "\n        "), loaded=loaded, name=name)


@pytest.mark.parametrize(
    "code",
    [
        "for k in list(saved.keys()):\n    if saved[k].shape != own[k].shape:\n"
        "        saved[k] = torch.zeros_like(own[k])",
        "for k in list(saved):\n    if type(saved[k]) is not int:\n"
        "        if own[k].size() != saved[k].size():\n            saved[k] = own[k]",
    ],
)
def test_entries_that_are_replaced_where_they_do_not_fit(code: str) -> None:
    plan = check(model(refitted(code)))
    for site in only(plan, "unknown"):
        assert any("Model as a whole loads weights by torch.load" in why for why in site.reasons)


@pytest.mark.parametrize(
    "rest",
    [
        # What is not strict, or what is merged into the model's own, may be a backbone's alone.
        refitted(
            "for k in list(saved):\n    if saved[k].shape != own[k].shape:\n"
            "        saved[k] = own[k]",
            "saved, strict=False",
        ),
        refitted(
            "for k in saved:\n    if saved[k].shape == own[k].shape:\n        own[k] = saved[k]",
            "own",
        ),
        # Nothing is replaced for its shape,
        refitted("for k in list(saved):\n    saved[k] = saved[k].float()"),
        refitted("for k in saved:\n    if saved[k].shape != own[k].shape:\n        print(k)"),
        refitted("if len(saved) > 9:\n    saved['epoch'] = 0"),
        refitted("seen = {}\nfor k in saved:\n    if own[k].numel() > 1:\n        seen[k] = 1"),
        # or the code says that training goes on.
        refitted(
            "for k in list(saved):\n    if saved[k].shape != own[k].shape:\n"
            "        saved[k] = own[k]",
            name="resume",
        ),
    ],
)
def test_entries_that_are_not_replaced(rest: str) -> None:
    check(model(rest, "convert", "convert"))


def test_part_of_a_model_that_starts_from_a_file() -> None:
    check(
        model("""\
class Outer(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.inner = Model()
        self.load_state_dict(torch.load(path))
""")
    )


PART = """\
class Outer({base}):
    def __init__(self, path, resume=None):
        super().__init__()
        self.inner = Model()
        {load}
"""


def test_part_that_a_model_loads_when_it_is_made() -> None:
    check(model(PART.format(base="nn.Module", load="self.inner.load_state_dict(torch.load(path))")))


@pytest.mark.parametrize(
    ("base", "load"),
    [
        ("object", "self.inner.load_state_dict(torch.load(path))"),  # a trainer, or a demo
        ("nn.Module", "self.inner.load_state_dict(torch.load(resume))"),
        ("nn.Module", "self.inner.trunk.load_state_dict(torch.load(path))"),
    ],
)
def test_part_that_may_go_on(base: str, load: str) -> None:
    check(model(PART.format(base=base, load=load), "convert", "convert"))


@pytest.mark.parametrize(
    "load",
    [
        "if 'top' in k: continue\n        own[k] = v",
        "if not k.startswith('top.'):\n            own[k] = v",
    ],
)
def test_part_that_is_left_out(load: str) -> None:
    check(
        model(
            f"""\
def main(path):
    model = Model()
    own = model.state_dict()
    for k, v in torch.load(path).items():
        {load}
    model.load_state_dict(own)
""",
            top="convert",
        )
    )


@pytest.mark.parametrize(
    "rest",
    [
        "        if resume: self.load(path)",
        "        if path.snapshot:\n            self.load(path.snapshot)",
        "        if path:\n            state = torch.load(resume)\n"
        "            self.load_state_dict(state)",
        "    def resume(self, path):\n        self.load_state_dict(torch.load(path))",
        "    def restore(self, path):\n        self.load_state_dict(torch.load(path))",
        # A script goes on, or tests: the name of its function is for any model.
        "def main(args):\n    model = Model()\n"
        "    model.load_state_dict(torch.load(args.resume)['model'])",
        "def load_pretrained(model, path):\n    model.load_state_dict(torch.load(path))\n"
        "def test(args):\n    load_pretrained(Model(), args.snapshot)",
        "def build(args, pretrained=True):\n    model = Model()\n    if args.checkpoint:\n"
        "        model.load_state_dict(torch.load(args.checkpoint))\n    return model",
        "def main(args):\n    model = Model()\n"
        "    state = {k.replace('module.', ''): v for k, v in torch.load(args.file).items()}\n"
        "    model.load_state_dict(state)\n    model.classes = sorted(args.classes)",
        "def main(args):\n    name = 'neck.' + args.name\n    model = Model()\n"
        "    model.load_state_dict(torch.load(args.file))",
        # Nothing of the model is left out.
        "def main(args):\n    model = Model()\n    own = model.state_dict()\n"
        "    for k, v in torch.load(args.file).items():\n"
        "        if 'total_ops' in k: continue\n        own[k] = v\n"
        "    model.load_state_dict(own)",
        # A finished model is offered, and nobody trains it.
        "def build(pretrained=False):\n    model = Model()\n    if pretrained:\n"
        "        model.load_state_dict(torch.load('model.pth'))\n    return model\n"
        "def train(images):\n    build()(images).sum().backward()",
        "    def load_pretrained(self, path):\n        self.load_state_dict(torch.load(path))",
        # A function goes on with what it is handed, or is handed it elsewhere,
        "        if resume: fill(self, resume)\n" + FILL,
        "    def go_on(self, path):\n        fill(self, path)\n" + FILL,
        "def main(path):\n    fill(Model(), path)\n" + FILL,
        # or something else than the model.
        "        fill(self.trunk, path)\n" + FILL,
        "        describe(fill(path.other, path), self)\n" + FILL,
        # The backbone alone, or another model.
        "def main(args):\n    model = Model()\n"
        "    model.trunk.load_state_dict(torch.load(args.pretrained))",
        "class Other(nn.Module):\n    def __init__(self, path):\n        super().__init__()\n"
        "        self.bn = nn.BatchNorm2d(8)  #! unknown\n"
        "        self.load_state_dict(torch.load(path))",
    ],
)
def test_model_that_goes_on(rest: str) -> None:
    check(model(rest, "convert", "convert"))


_LISTED = """\
def main(path):
    model = Model()
    saved = torch.load(path)
    for k in list(saved.keys()):
        if {test}:
            del saved[k]
    model.load_state_dict(saved, strict=False)
"""


@pytest.mark.parametrize(
    "test",
    ["'top.4' in k", "k.startswith('top.4.')", "'top.1' in k or 'top.4' in k", "'low_head' in k"],
)
def test_layer_of_a_part_that_is_left_out(test: str) -> None:
    """A layer of the model's own, or of its head: the rest of the head is in the file."""
    text = model(_LISTED.format(test=test))
    head = "        self.bn = nn.BatchNorm2d(8)  #! unknown\nclass Base"
    assert head in text
    check(text.replace(head, f"        self.low_head = nn.Linear(8, 2)\n{head}"))


@pytest.mark.parametrize(
    "test",
    [
        # What the model has not, or what is in a place of another name.
        "'head.4' in k",
        "'stop.4' in k",
        "'top.4x' in k",
        "'4' in k",
        "'low' in k",
        # The classifier of the network that is its backbone.
        "'fc' in k",
        "'fc.' in k",
    ],
)
def test_what_is_left_out_of_another_model(test: str) -> None:
    text = model(_LISTED.format(test=test), "convert", "convert")
    head = "        self.bn = nn.BatchNorm2d(8)  #! convert\nclass Base"
    assert head in text
    check(text.replace(head, f"        self.low_head = self.fc = nn.Linear(8, 2)\n{head}"))


@pytest.mark.parametrize(
    "keys",
    [
        "own.update({'neck.' + k: v for k, v in torch.load(path).items()})",
        "own.update({f'neck.{k}': v for k, v in torch.load(path).items()})",
        "own.update({k.replace('top', 'neck'): v for k, v in torch.load(path).items()})",
    ],
)
def test_part_whose_keys_are_put_together(keys: str) -> None:
    rest = (
        "def main(path):\n    model = Model()\n    own = model.state_dict()\n"
        f"    {keys}\n    model.load_state_dict(own)"
    )
    check(model(rest, top="convert"))


_GUARDED = """\
def main(path):
    net = Model()
    saved = torch.load(path)
    new = net.state_dict().copy()
    for key in saved:
        if not key.startswith('top.'):
            new[key] = saved[key]
    if {test}:
        net.trunk.load_state_dict(new, strict=False)
    else:
        net.load_state_dict(new, strict=False)
"""
_HAS_TRUNK = _GUARDED.format(test="net.trunk is not None")


def test_load_of_models_without_the_part_that_this_one_always_has() -> None:
    check(model(_HAS_TRUNK, "convert", "convert"))
    turned = "    if net.trunk is None:\n        net.load_state_dict(new, strict=False)"
    check(model(_HAS_TRUNK[: _HAS_TRUNK.index("    if net.trunk")] + turned, "convert", "convert"))


@pytest.mark.parametrize(
    "rest",
    [
        _GUARDED.format(test="net.trunk is not None and path"),
        _GUARDED.format(test="net.neck is None"),
        _GUARDED.format(test="path is not None"),
        _GUARDED.format(test="net.other is not None"),
        # The part may be taken out,
        _HAS_TRUNK.replace("    saved =", "    net.trunk = None\n    saved ="),
        _HAS_TRUNK.replace("    saved =", "    setattr(net, 'trunk', None)\n    saved ="),
        # or not be there from the beginning,
        "        if path: self.trunk = None\n" + _HAS_TRUNK,
        "        self.trunk = self.trunk if resume else None\n" + _HAS_TRUNK,
        "    trunk = None\n" + _HAS_TRUNK,
        # and what is loaded may be another model.
        _HAS_TRUNK.replace("    else:\n", "    else:\n        net = Model()\n"),
    ],
)
def test_load_that_the_model_may_come_to(rest: str) -> None:
    check(model(rest, "unknown", "convert"))


# A model that stands in another one, as a part of it.
INSIDE = """\
import torchvision
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        net = torchvision.models.resnet18(pretrained=True)
        self.layer1, self.layer2 = net.layer1, net.layer2
        self.mix = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {mix}
class Net(nn.Module):
    def __init__(self, enc=None, path=None):
        super().__init__()
        {stored}
        {beside}
{rest}
"""
NECK = "self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert"
LOAD = "load_state_dict(torch.load(path))"


def inside(rest: str, mix: str, *, stored: str, beside: str = NECK) -> str:
    return INSIDE.format(rest=rest, mix=mix, stored=stored, beside=beside)


@pytest.mark.parametrize(
    ("stored", "rest"),
    [
        ("self.enc = Encoder()", f"def main(path):\n    net = Net()\n    net.enc.{LOAD}"),
        ("self.enc = Encoder()", f"def fill(net, path):\n    net.enc.{LOAD}\nfill(Net(), 'a.pth')"),
        (f"self.enc = Encoder(); self.enc.{LOAD}", "net = Net()"),
        (
            "self.enc = enc",
            f"def make(path):\n    enc = Encoder()\n    enc.{LOAD}\n    return enc\n"
            "def main(path):\n    return Net(make(path))",
        ),
    ],
)
def test_a_part_starts_from_its_file(stored: str, rest: str) -> None:
    check(inside(rest, "unknown", stored=stored))


@pytest.mark.parametrize(
    ("stored", "rest"),
    [
        # The whole model is resumed, or the part says that it is.
        ("self.enc = Encoder()", f"def main(path):\n    net = Net()\n    net.{LOAD}"),
        ("self.enc = Encoder()", f"def resume(net, path):\n    net.enc.{LOAD}\nresume(Net(), 'a')"),
        # Nothing loads the one that stands there.
        ("self.enc = Encoder()", f"def main(path):\n    Encoder().{LOAD}"),
    ],
)
def test_a_part_that_no_file_is_for(stored: str, rest: str) -> None:
    check(inside(rest, "convert", stored=stored))


@pytest.mark.parametrize("base", ["nn.Module", "nn.DataParallel"])
@pytest.mark.parametrize(
    ("stored", "rest"),
    [
        ("self.model = enc", f"def main(path):\n    net = Net(Encoder())\n    net.model.{LOAD}"),
        (f"self.model = Encoder(); self.model.{LOAD}", "net = Net()"),
    ],
)
def test_what_is_wrapped_is_no_part(base: str, stored: str, rest: str) -> None:
    text = inside(rest, "convert", stored=stored, beside="self.size = 3")
    check(text.replace("class Net(nn.Module)", f"class Net({base})"))


def test_what_stands_beside_other_layers_is_a_part_whatever_it_is_called() -> None:
    stored = f"self.detector = Encoder(); self.detector.{LOAD}"
    beside = NECK.replace("convert", "unknown")  # beside a model, not a backbone
    check(inside("net = Net()", "unknown", stored=stored, beside=beside))


INHERITED = """\
class Base(nn.Module):
    def load_pretrained(self, path):
        self.load_state_dict(torch.load(path), strict=False)
class ResNet(Base):
    def __init__(self, path=None):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.BatchNorm2d(8)  #! keep
        self.layer2 = nn.BatchNorm2d(8)  #! keep
        self.layer3 = nn.BatchNorm2d(8)  #! keep
        if path:
            self.load_pretrained(path)
class Model(Base):
    def __init__(self, path, trunk=None):
        super().__init__()
        self.backbone = ResNet()
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {head}
        {load}
{rest}
"""


@pytest.mark.parametrize(
    ("load", "rest"),
    [
        ("self.backbone.load_pretrained(path)", ""),
        ("pass", "def resnet(path):\n    net = ResNet()\n    net.load_pretrained(path)"),
    ],
)
def test_what_a_backbone_inherits_is_called_on_the_backbone(load: str, rest: str) -> None:
    check(INHERITED.format(head="convert", load=load, rest=rest))


@pytest.mark.parametrize(
    ("load", "rest"),
    [
        ("self.load_pretrained(path)", ""),
        ("self.start(path)", "    def start(self, path):\n        self.load_pretrained(path)"),
        ("pass", "def main(path):\n    net = Model(path)\n    net.load_pretrained(path)"),
        # It may be called on any of them.
        ("trunk.load_pretrained(path)", ""),
        ("pass", "def main(net, path):\n    net.load_pretrained(path)"),
        ("pass", "def main(make, path):\n    net = make()\n    net.load_pretrained(path)"),
        (
            "pass",
            "def main(make, path):\n    net = ResNet()\n    if make:\n        net = make()\n"
            "    net.load_pretrained(path)",
        ),
        (
            "pass",
            "class Trainer:\n    def __init__(self, path):\n        self.model = ResNet()\n"
            "        self.model.load_pretrained(path)",
        ),
    ],
)
def test_what_a_model_inherits_may_be_called_on_the_model(load: str, rest: str) -> None:
    check(INHERITED.format(head="unknown", load=load, rest=rest))


_FITTING = """\
own, rest = net.state_dict(), {}
for k, v in saved.items():
    if 'last' not in k:
        if k in own:
            own[k] = v
"""
_LAST = """\
import torchvision
class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
        self.last = nn.Linear(8, classes)
        self.names = list(range(classes))
    def reset(self, classes):
        self.last = nn.Linear(8, classes)
    def count(self):
        self.names = list(range(9))
-- train.py --
from net import Net
{script}
optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""


@pytest.mark.parametrize(
    "script",
    [
        # A last layer without norms is left out,
        "saved = {k: v for k, v in saved.items() if not k.startswith('last')}",
        "saved = {k: v for k, v in saved.items() if 'last' not in k}",
        "saved.pop('last.weight')\nsaved.pop('last.bias')",
        "del saved['module.last.weight'], saved['module.last.bias']",
        "for key in ('last.weight', 'last.bias'):\n    saved.pop(key)",
        "GONE = ['last.weight', 'last.bias']\nfor key in GONE:\n    del saved[key]",
        "for key in [k for k in saved if k.startswith('last.')]:\n    del saved[key]",
        "gone = [k for k in saved if k.split('.')[0] == 'last']\nfor key in gone:\n"
        "    saved.pop(key)",
        "for key in list(saved):\n    if 'last' in key:\n        del saved[key]",
        "saved = dict(filter(lambda pair: 'last' not in pair[0], saved.items()))",
        # be it where a second condition says whether an entry fits.
        "own = net.state_dict()\nfor k, v in saved.items():\n    if 'last' not in k:\n"
        "        if v.shape == own[k].shape:\n            own[k] = v\nsaved = own",
        f"{_FITTING}saved.clear()\nsaved.update(own)",
        _FITTING.replace("net.state_dict()", "{}") + "saved = own",
        _FITTING.replace("in saved.items()", "in net.named_parameters()").replace(
            "= v", "= saved[k]"
        )
        + "saved = own",
        "own = net.state_dict()\nfor mine, theirs in zip(own, saved):\n    if 'last' not in mine:\n"
        "        if own[mine].shape == saved[theirs].shape:\n"
        "            own[mine] = saved[theirs]\n        else:\n            print(mine)\n"
        "saved = own",
    ],
)
def test_script_that_leaves_the_last_layer_out(script: str) -> None:
    code = f"saved = torch.load(args.file)\nnet = Net(2)\n{script}\n"
    load = "net.load_state_dict(saved, strict=False)"
    check(_LAST.format(script=code + load, verdict="unknown"))
    for function in ("main()", "main(net=None)"):
        inside = f"{code}{load}\nreturn net".replace("\n", "\n    ")
        script = f"def {function}:\n    {inside}\nnet = main()"
        check(_LAST.format(script=script, verdict="unknown"))
    guarded = f"{code}{load}".replace("\n", "\n    ")
    check(_LAST.format(script=f"if __name__ == '__main__':\n    {guarded}", verdict="unknown"))


@pytest.mark.parametrize(
    "script",
    [
        # Nothing is left out that the model has,
        "saved = {k: v for k, v in saved.items() if 'total_ops' not in k}",
        "for key in list(saved):\n    if 'total_ops' in key:\n        del saved[key]",
        "for key in ('epoch', 'optimizer'):\n    saved.pop(key)",
        "saved.pop('last')",
        "del saved['lasting.weight']",
        # nor out of what is loaded here,
        "def other(saved):\n    del saved['last.weight']\n    return saved",
        "class Other:\n    def load(self, saved):\n        saved.pop('last.weight')",
        # and what is taken out is only looked at.
        "for key in [k for k in saved if 'last' in k]:\n    print(key)",
        "for key in list(saved):\n    if 'last' in key:\n        print(key)",
        # Other entries are taken as well, or all of them that fit,
        "own = net.state_dict()\nfor k, v in saved.items():\n    if 'last' not in k:\n"
        "        if k in own:\n            own[k] = v\n    else:\n        own[k] = v\nsaved = own",
        "own = net.state_dict()\nfor k, v in saved.items():\n    if v.dim() == 4:\n"
        "        if v.shape == own[k].shape:\n            own[k] = v\nsaved = own",
        # by the same condition, after it, or by another load,
        f"{_FITTING}    if 'last' in k:\n        own[k.replace('a', 'b')] = v\nsaved = own",
        f"{_FITTING}    own.setdefault(k, v)\nsaved = own",
        f"{_FITTING}own.update(saved)\nsaved = own",
        f"{_FITTING}    rest[k] = v\nsaved = rest",
        _FITTING.replace("net.state_dict()", "dict(saved)") + "saved = own",
        # what is filled there is not what is loaded, or not by the file,
        _FITTING,
        _FITTING.replace("saved.items()", "net.named_parameters()") + "saved.update(own)",
        # and what is under the condition is no entry.
        "shapes = {}\nfor k, v in saved.items():\n    if 'last' not in k:\n"
        "        if v.dim() == 4:\n            shapes[k] = v.shape",
    ],
)
def test_script_that_leaves_nothing_out(script: str) -> None:
    code = f"saved = torch.load(args.file)\nnet = Net(2)\n{script}\n"
    load = "if args.file:\n    net.load_state_dict(saved, strict=False)"
    check(_LAST.format(script=code + load, verdict="convert"))


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        ("net.last = nn.Linear(8, 2)", "unknown"),
        ("net.last = nn.Linear(net.last.in_features, 2)", "unknown"),
        ("net.reset(2)", "unknown"),
        # What is put there is no layer, or holds the one that was loaded,
        ("net.names = list(range(2))", "convert"),
        ("net.names = sorted(net.names)", "convert"),
        ("net.last = nn.Sequential(net.last, nn.Sigmoid())", "convert"),
        ("net.last = nn.DataParallel(net.last)", "convert"),
        ("net.count()", "convert"),
        # or it is no attribute of the model's class, nor the same model.
        ("net.loss = nn.CrossEntropyLoss()", "convert"),
        ("other = Net(3)\nother.last = nn.Linear(8, 2)", "convert"),
        ("def change(net):\n    net.last = nn.Linear(8, 2)", "convert"),
    ],
)
def test_last_layer_that_is_replaced_after_the_load(after: str, verdict: str) -> None:
    load = "net = Net(21)\nif args.file:\n    net.load_state_dict(torch.load(args.file))\n"
    check(_LAST.format(script=load + after, verdict=verdict))


_ASKED = """\
import re
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = torchvision.models.resnet18(pretrained=True)
        self.dec = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {dec}
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {head}
-- train.py --
from net import Net
def main():
    net = Net()
    saved = torch.load(args.file)
    {code}
    if args.file:
        net.load_state_dict(saved, strict=False)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""


@pytest.mark.parametrize(
    "test",
    [
        "k.startswith(('enc', 'dec'))",
        "k.startswith('dec.')",
        "k in own and k.startswith(('enc.', 'dec.'))",
        "k.startswith('enc') or k.startswith('dec')",
        "k.split('.')[0] in ('enc', 'dec')",
        "'dec' in k",
        "re.match(r'(enc|dec)\\.', k)",
        "re.match(r'^(?:enc|dec)\\.', k)",
        "re.match('dec', k)",
    ],
)
def test_parts_that_are_asked_for(test: str) -> None:
    comprehension = f"saved = {{k: v for k, v in saved.items() if {test}}}"
    check(_ASKED.format(code=comprehension, dec="unknown", head="convert"))
    loop = f"mine = {{}}\n    for k, v in saved.items():\n        if {test}:\n"
    loop += "            mine[k] = v\n    saved = mine"
    check(_ASKED.format(code=loop, dec="unknown", head="convert"))


@pytest.mark.parametrize(
    "code",
    [
        "saved = {k: v for k, v in saved.items() if k.startswith('enc')}",
        "saved = {k: v for k, v in saved.items() if k.startswith('module.')}",
        "saved = {k: v for k, v in saved.items() if k.startswith(('enc', 'dec', 'head'))}",
        "saved = {k: v for k, v in saved.items() if re.match(r'enc\\.', k)}",
        "saved = {k: v for k, v in saved.items() if re.match(r'(\\w+)\\.dec', k)}",
        "saved = {k[8:]: v for k, v in saved.items() if k.startswith('student.')}",
        "seen = [k for k in saved if k.startswith('dec')]\n    print(seen)",
        "mine = {k: p for k, p in net.named_parameters() if k.startswith('dec')}",
        "mine = {}\n    for k, p in net.named_parameters():\n        if 'dec' in k:\n"
        "            mine[k] = p",
    ],
)
def test_parts_that_are_not_asked_for(code: str) -> None:
    check(_ASKED.format(code=code, dec="convert", head="convert"))


_OTHERS = """\
import torchvision
class Seg(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = torchvision.models.resnet18(pretrained=True)
        self.up = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {up}
class Multi(Seg):
    def __init__(self):
        super().__init__()
        self.extra = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
-- train.py --
from net import Seg, Multi
def fill(model, path):
    model.load_state_dict(torch.load(path))
{script}
optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""


@pytest.mark.parametrize(
    ("script", "up"),
    [
        (
            "old = Seg()\nif args.file:\n    old.load_state_dict(torch.load(args.file))\n"
            "net = Multi()\n"
            "net.load_state_dict(old.state_dict(), strict=False)",
            "unknown",
        ),
        (
            "old, net = Seg(), Multi()\nif args.file:\n    fill(old, args.file)\n"
            "net.load_state_dict(old.state_dict(), strict=False)",
            "unknown",
        ),
        # The other one is of the same class, not loaded, or training goes on with it.
        (
            "old, net = Multi(), Multi()\nif args.file:\n"
            "    old.load_state_dict(torch.load(args.file))\n"
            "net.load_state_dict(old.state_dict(), strict=False)",
            "convert",
        ),
        (
            "old, net = Seg(), Multi()\nnet.load_state_dict(old.state_dict(), strict=False)",
            "convert",
        ),
        (
            "old, net = Seg(), Multi()\nif args.resume:\n"
            "    old.load_state_dict(torch.load(args.resume))\n"
            "net.load_state_dict(old.state_dict(), strict=False)",
            "convert",
        ),
        (
            "old, net = Seg(), Multi()\nif args.file:\n    fill(net, args.file)\n"
            "net.load_state_dict(old.state_dict(), strict=False)",
            "convert",
        ),
    ],
)
def test_model_that_starts_from_one_of_another_class(script: str, up: str) -> None:
    check(_OTHERS.format(script=script, up=up))


_MADE_WITH = """\
import torchvision
class Net(nn.Module):
    def __init__(self, path=None):
        super().__init__()
        self.enc = torchvision.models.resnet18(pretrained=True)
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
        self.path = path
        self.folder = "saved"
        {init}
    def setup(self):
        {setup}
    def load(self, path):
        self.load_state_dict(torch.load(path))
def fill(model, saved):
    model.load_state_dict(saved, strict=False)
-- train.py --
from net import Net
net = Net('a.pth')
{script}
optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""


@pytest.mark.parametrize(
    ("init", "setup", "script", "verdict"),
    [
        ("pass", "fill(self, torch.load(self.path))", "net.setup()", "unknown"),
        ("pass", "self.load_state_dict(torch.load(self.path))", "net.setup()", "unknown"),
        ("self.setup()", "self.load('weights/a.pt')", "pass", "unknown"),
        ("self.setup()", "fill(self, torch.load('a.pth'))", "pass", "unknown"),
        # not where nobody calls the method, or only some do, or it goes on;
        ("pass", "fill(self, torch.load(self.path))", "pass", "convert"),
        ("pass", "fill(self, torch.load(self.folder))", "net.setup()", "unknown"),
        ("pass", "self.load_state_dict(torch.load(self.folder))", "net.setup()", "unknown"),
        (
            "pass",
            "fill(self, torch.load(self.folder))",
            "if args.go_on:\n    net.setup()",
            "convert",
        ),
        (
            "pass",
            "self.load_state_dict(torch.load(self.folder))",
            "if args.go_on:\n    net.setup()",
            "convert",
        ),
        ("pass", "fill(self, torch.load(self.path, resume=True))", "net.setup()", "convert"),
        # and what a script names is what it may go on with.
        ("pass", "pass", "if args.path:\n    net.load(args.path)", "convert"),
        ("pass", "pass", "fill(net, torch.load(net.path))", "convert"),
    ],
)
def test_file_that_a_model_is_made_with(init: str, setup: str, script: str, verdict: str) -> None:
    check(_MADE_WITH.format(init=init, setup=setup, script=script, verdict=verdict))


_OWN_ENTRIES = """\
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rgb = torchvision.models.resnet18(pretrained=True)
        self.depth = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {depth}
        self.slow = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
        self.fast = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
    def share(self):
        own = self.state_dict()
        {code}
        self.load_state_dict(own)
net = Net()
net.share()
"""


@pytest.mark.parametrize(
    "code",
    [
        "for k in [k for k in own if k.startswith('depth.')]:\n"
        "            own[k] = own['rgb.' + k[6:]]",
        "for k, v in list(own.items()):\n            if k.startswith('rgb.'):\n"
        "                own['depth.' + k[4:]] = v",
        "for k, v in list(own.items()):\n            if 'rgb' in k:\n"
        "                own[k.replace('rgb', 'depth')] = v",
        "for k in list(own):\n            if k.startswith('rgb.'):\n"
        "                other = f'depth.{k[4:]}'\n                own[other] = own[k].clone()",
    ],
)
def test_part_that_is_filled_from_a_pretrained_part(code: str) -> None:
    check(_OWN_ENTRIES.format(code=code, depth="unknown"))


@pytest.mark.parametrize(
    "code",
    [
        "for k in [k for k in own if k.startswith('slow.')]:\n"
        "            own[k] = own['fast.' + k[5:]]",
        "for k, v in list(own.items()):\n            if 'fast' in k:\n"
        "                own[k.replace('fast', 'slow')] = v",
        "for k, v in list(own.items()):\n            if 'rgb' in k:\n                own[k] = v",
        "for k, v in list(own.items()):\n            if 'rgb' in k:\n"
        "                own[k.replace('rgb.', '')] = v",
        "other = {}\n        for k, v in list(own.items()):\n            if 'rgb' in k:\n"
        "                other[k.replace('rgb', 'depth')] = v",
        "own['rgb.fc.weight'] = own['depth.0.weight']",
    ],
)
def test_part_that_is_not_filled_from_one(code: str) -> None:
    check(_OWN_ENTRIES.format(code=code, depth="convert"))


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        (_BODY := "body = {k: v for k, v in saved.items() if 'neck' not in k}\n"
         "net.load_state_dict(body, strict=False)\n", "convert"),
        # What one file leaves out, a second one has,
        (_BODY + "net.load_state_dict(torch.load('all.pth'))", "unknown"),
        (_BODY + "other = torch.load('neck.pth')\nnet.load_state_dict(other, strict=False)",
         "unknown"),
        (_BODY.replace("body", "saved") + "saved = torch.load('neck.pth')\n"
         "net.load_state_dict(saved, strict=False)", "unknown"),
        # or leaves out as well.
        (_BODY + "body.pop('epoch')\nnet.load_state_dict(body, strict=False)", "convert"),
        (_BODY + "if args.resume:\n    net.load_state_dict(torch.load(args.resume))", "convert"),
        # Passed over, or taken before that.
        (_LOOP := "new = {}\nfor k, v in saved.items():\n    if 'neck' in k:\n"
         "        print(k)\n        continue\n    new[k] = v\n"
         "net.load_state_dict(new, strict=False)", "convert"),
        ("new = {}\nfor k, v in saved.items():\n    new[k] = v\n    if 'neck' in k:\n"
         "        print(k)\n        continue\n    print('taken', k)\n"
         "net.load_state_dict(new, strict=False)", "unknown"),
        (_LOOP.replace("        print(k)", "        new['module.' + k] = v"), "unknown"),
        (_LOOP.replace("        print(k)", "        seen[k] = v"), "convert"),
        # Taken out, or given another name.
        ("for k in list(saved):\n    if 'neck' in k:\n        del saved[k]\n"
         "net.load_state_dict(saved, strict=False)", "convert"),
        ("for k in list(saved):\n    if 'neck' in k:\n        saved[rename(k)] = saved[k]\n"
         "        del saved[k]\nnet.load_state_dict(saved, strict=False)", "unknown"),
    ],
)  # fmt: skip
def test_part_that_one_of_two_loads_or_a_loop_leaves_out(script: str, verdict: str) -> None:
    start = "saved = torch.load('a.pth')\nnet = Net(2)\n"
    check(_LAST.format(script=start + script, verdict=verdict))
