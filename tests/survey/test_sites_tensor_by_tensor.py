"""Parts that are filled tensor by tensor, where no attribute of the layer is written out."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

NET = """\
import numpy as np
import torchvision
{imports}
class Unit(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet50(pretrained=True)
        self.depth = nn.Sequential(Unit(), Unit())
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
    def fill(self, path):
{fill}
net = Net()
net.fill('a.bin')
optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""


def filled(fill: str, verdict: str, read: str = "w = torch.load(path)", imports: str = "") -> None:
    body = textwrap.indent(
        f"{read}\nfor u in self.depth:\n{textwrap.indent(fill, '    ')}", " " * 8
    )
    check(NET.format(fill=body, verdict=verdict, imports=imports))


@pytest.mark.parametrize(
    "fill",
    [
        "for t in (u.bn.bias, u.bn.weight, u.bn.running_mean):\n    t.data.copy_(w[:8])",
        "for t in [u.bn.bias, u.bn.weight]:\n    t.data = w['a']",
        "for name in ('bias', 'weight'):\n    getattr(u.bn, name).data.copy_(w[name])",
        "for name in ('bias', 'weight'):\n    getattr(u.bn, name).data = w[name].clone()",
        "for name, t in w.items():\n    setattr(u.bn, name, nn.Parameter(t))",
        "for name, t in w.items():\n    setattr(u.bn, name, t.clone())",
        "for name, t in w.items():\n    bn = u.bn\n"
        "    setattr(bn, name, nn.Parameter(t) if name in bn._parameters else t)",
        "for name, t in w.items():\n    u.bn._parameters[name] = nn.Parameter(t)",
        "u.bn._buffers['running_mean'] = w['mean']",
        "u.bn.bias, u.bn.weight = nn.Parameter(w['b']), nn.Parameter(w['g'])",
        "torch.Tensor.copy_(u.bn.weight.data, w['g'])",
        "u.bn.weight.data.copy_(torch.tensor(w['g']))",
        # From a layer of another network,
        "for name in ('bias', 'weight'):\n"
        "    getattr(u.bn, name).data.copy_(getattr(self.trunk.bn1, name).data)",
        "for name in ('bias', 'weight'):\n"
        "    getattr(u.bn, name).data = getattr(self.trunk.bn1, name).data.clone()",
        "for name, t in self.trunk.bn1.named_parameters():\n"
        "    setattr(u.bn, name, nn.Parameter(t.clone()))",
    ],
)
def test_layers_that_are_filled(fill: str) -> None:
    filled(fill, "keep")


@pytest.mark.parametrize(
    ("read", "imports"),
    [
        ("w = np.fromfile(path, dtype=np.float32)", ""),
        ("w = torch.frombuffer(open(path, 'rb').read(), dtype=torch.float32)", ""),
        ("w = loadmat(path)", "from scipy.io import loadmat"),
        ("w = h5py.File(path)", "import h5py"),
        ("w = onnx.load(path)", "import onnx"),
        ("w = msgpack.load(open(path, 'rb'))", "import msgpack"),
        ("w = caffe.Net('a.prototxt', path, caffe.TEST).params", "import caffe"),
        ("w = tf.train.load_checkpoint(path)", "import tensorflow as tf"),
    ],
)
@pytest.mark.parametrize("given", ["w[:8]", "torch.tensor(w['g'])"])
def test_weights_of_any_source(read: str, imports: str, given: str) -> None:
    filled(f"u.bn.weight.data.copy_({given})", "keep", read, imports)


@pytest.mark.parametrize(
    "fill",
    [
        # It is set to what comes of no file,
        "for t in (u.bn.bias, u.bn.running_mean):\n    t.data.zero_()",
        "for t in (u.bn.bias, u.bn.weight):\n    t.data.copy_(torch.ones(8))",
        "for name in ('bias', 'weight'):\n    getattr(u.bn, name).data.fill_(1)",
        "for name in ('bias', 'weight'):\n    setattr(u.bn, name, nn.Parameter(torch.ones(8)))",
        "u.bn.bias, u.bn.weight = nn.Parameter(torch.zeros(8)), nn.Parameter(torch.ones(8))",
        "u.bn._buffers['running_mean'] = torch.zeros(8)",
        "torch.Tensor.copy_(u.bn.weight.data, torch.ones(8))",
        "u.bn.weight.data.copy_(torch.tensor([1.0] * 8))",
        # or gets what it has itself,
        "for name, t in u.bn.named_parameters():\n    setattr(u.bn, name, nn.Parameter(t.clone()))",
        "for name in ('bias', 'weight'):\n    getattr(u.bn, name).data = "
        "getattr(u.bn, name).data.clone()",
        # or what is set is another thing.
        "for name in w:\n    setattr(u, name, w[name])",
        "for t in (u.bn.bias, u.bn.weight):\n    t.requires_grad = False",
        "for t in (self.trunk.bn1.weight, self.trunk.bn1.bias):\n    t.data.copy_(w['a'])",
        "for name in ('weight', 'bias'):\n    getattr(self.trunk.bn1, name).data.copy_(w[name])",
    ],
)
def test_layers_that_are_not(fill: str) -> None:
    filled(fill, "convert")


@pytest.mark.parametrize(
    "fill",
    [
        # What is computed of a file may be any of its entries, or end before the last layer.
        "u.bn.weight.data.copy_(w['g'].view_as(u.bn.weight))",
        "for t in (u.bn.bias, u.bn.weight):\n"
        "    t.data.copy_(torch.from_numpy(w[8 : t.numel()]).view_as(t))",
        "for t in (u.bn.bias, u.bn.weight):\n    t.data = w[:8].reshape(8)",
    ],
)
def test_layers_that_get_what_is_computed(fill: str) -> None:
    filled(fill, "unknown", "w = np.fromfile(path)")


_PUT = "w = torch.load(path)\ndef put(tensor, key):\n    {body}\n"


@pytest.mark.parametrize(
    ("body", "call", "verdict"),
    [
        ("tensor.data.copy_(w[key])", "put(u.bn.weight, 'g')", "keep"),
        ("tensor.data = w[key]", "put(key='g', tensor=u.bn.running_mean)", "keep"),
        ("tensor.copy_(w[key])", "put(u.bn.weight.data, 'g')", "keep"),
        # It is another tensor, or another function's parameter,
        ("tensor.data.copy_(w[key])", "put(self.trunk.bn1.weight, 'g')", "convert"),
        ("tensor.data.copy_(w[key])", "print(u.bn.weight)", "convert"),
        # or nothing is copied into it, and nothing out of a file.
        ("print(tensor, w[key])", "put(u.bn.weight, 'g')", "convert"),
        ("tensor.data.copy_(torch.ones(8))", "put(u.bn.weight, 'g')", "convert"),
        ("tensor = w[key]", "put(u.bn.weight, 'g')", "convert"),
    ],
)
def test_tensors_that_a_function_is_handed(body: str, call: str, verdict: str) -> None:
    filled(call, verdict, _PUT.format(body=body))


_APPLIED = """\
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet50(pretrained=True)
        self.depth = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
    def fill_layer(self, m):
        m.weight.data = self.given['weight']
    def fill(self, path):
        self.given = torch.load(path)
        self.depth.apply(self.fill_layer)
w = torch.load(args.file)
def fill(m):
    if isinstance(m, nn.BatchNorm2d):
        m.weight.data = w["weight"]
        m.running_mean = w["mean"]
def start(m):
    if isinstance(m, nn.BatchNorm2d):
        m.weight.data = torch.ones(8)
        m.bias.data.zero_()
def look(m):
    print(m.weight, w)
def other(m, layer=Net().trunk.bn1):
    layer.weight.data = w["weight"]
net = Net()
{script}
optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        ("net.depth.apply(fill)", "unknown"),
        ("part = net.depth\npart.apply(fill)", "unknown"),
        ("net.fill('b.pth')", "unknown"),
        # Layers are started anew, nothing is put into them, or into others;
        ("net.depth.apply(start)", "convert"),
        ("net.depth.apply(look)", "convert"),
        ("net.depth.apply(other)", "convert"),
        ("net.trunk.apply(fill)", "convert"),
        # and a file for the whole model may be one that training goes on with.
        ("if args.file:\n    net.apply(fill)", "convert"),
    ],
)
def test_functions_that_are_applied(script: str, verdict: str) -> None:
    text = _APPLIED
    if "net.fill" not in script:
        text = text.replace("self.depth.apply(self.fill_layer)", "pass")
    check(text.format(script=script, verdict=verdict))


def test_function_that_is_always_applied_to_all_of_a_model() -> None:
    text = _APPLIED.replace("self.depth.apply(self.fill_layer)", "pass")
    text = text.replace("#! convert", "#! unknown")
    check(text.format(script="net.apply(fill)", verdict="unknown"))


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        ("new = torch.empty_like(old)\n    new.copy_(w[key])", "unknown"),
        ("new = torch.empty_like(old)\n    new.copy_(old)", "convert"),
        ("new = torch.empty_like(old)\n    other = torch.empty_like(old)\n"
         "    other.copy_(w[key])", "convert"),
    ],
)  # fmt: skip
def test_tensor_that_is_made_empty_and_then_filled(script: str, verdict: str) -> None:
    text = _APPLIED.replace("self.depth.apply(self.fill_layer)", "pass")
    loop = (
        f"own = net.state_dict()\nfor key, old in own.items():\n    {script}\n"
        "    own[key] = new\nif args.pretrained:\n    net.load_state_dict(own)"
    )
    text = text.replace("#! convert", "#! {verdict}")
    check(text.format(script=loop, verdict=verdict))
