"""Training that begins with a file of another framework: it goes on with none of its own."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_NET = """\
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.b2 = Block()
        self.bn7 = nn.BatchNorm2d(8)  #! {verdict}
def convert(path):
    {imported}
    renamed = {{}}
    for key, value in {read}.items():
        value = torch.from_numpy(value.asnumpy())
        renamed[key.replace('gamma', 'weight')] = value
    return renamed
class Cam(Net):
    def __init__(self):
        super().__init__()
        {added}
        self.fc8 = nn.Conv2d(8, 8, 1)
-- train.py --
import net
def main(args):
    model = net.Cam()
    {load}
    model.load_state_dict(weights, strict=False)
    {after}
"""
_LOAD = "weights = net.convert(args.weights)"
_FILLED = "model.load_state_dict(net.convert(args.weights))"
_PORTS = f"if args.port:\n        {_FILLED}\n    "
_EITHER = f"""\
if args.weights.endswith('.params'):
        {_LOAD}
    else:
        weights = torch.load(args.weights)"""
_ANEW = "model = net.Cam()"
_BROKEN = "for path in args.paths:\n        if path:\n            break\n"
_TRAINS = "optimizer = torch.optim.SGD(model.parameters(), 0.1); optimizer.step()"


def net(
    verdict: str = "unknown",
    read: str = "mxnet.nd.load(path)",
    imported: str = "import mxnet",
    load: str = _EITHER,
    after: str = _TRAINS,
    added: str = "pass",
) -> str:
    return _NET.format(
        verdict=verdict, read=read, imported=imported, load=load, after=after, added=added
    )


@pytest.mark.parametrize(
    "text",
    [
        net("keep"),
        net("keep", load=_LOAD),
        net("keep", "mx.nd.load(path)", "import mxnet as mx"),
        net("keep", "mx.model.load_checkpoint(path, 0)[1]", "import mxnet as mx"),
        net("keep", "caffe.Net('a.prototxt', path, caffe.TEST).params", "import caffe"),
        net("keep", "tf.train.load_checkpoint(path)", "import tensorflow as tf"),
        net("keep", "paddle.load(path)", "import paddle"),
        # The script that trains calls what loads it.
        net("keep", after="return model")
        + f"-- main.py --\nfrom train import main\nmodel = main(0)\n{_TRAINS}\n",
        net(
            "keep",
            after="learn(model)\ndef learn(net):\n    model = nn.DataParallel(net).cuda()\n    "
            + _TRAINS,
        ),
        net("keep", after="model = nn.DataParallel(model).cuda()\n    model.train()"),
        # What comes after it does so in a branch or a loop, under another name, or before it ends.
        net("keep", after=f"if args.train:\n        {_TRAINS}"),
        net("keep", after=f"for fold in range(5):\n        {_TRAINS}\n        model = net.Cam()"),
        net("keep", after=f"if args.a:\n        model = net.Cam()\n    {_TRAINS}"),
        net("keep", after=f"if args.a:\n        model = net.Cam()\n        return\n    {_TRAINS}"),
        net("keep", after=f"if args.gpu:\n        model = nn.DataParallel(model)\n    {_TRAINS}"),
        net("keep", after=f"with scope():\n        model = nn.DataParallel(model)\n    {_TRAINS}"),
        net("keep", after=f"model, scaler = prepare(model, 1)\n    {_TRAINS}"),
        net("keep", after=f"try:\n        {_TRAINS}\n    finally:\n        model = 1"),
        # Also where its name is given what is the same model, or where a loop may be left,
        *(
            net("keep", after=f"{given}:\n        {line}\n        {_TRAINS}")
            for given in ("if args.train", "for i in range(3)", "with scope()")
            for line in (
                "model = model.to(args.device)",
                "model = model.cuda(0)",
                "model = model.to('cuda').float()",
                "model = model.apply(start)",
                "model = nn.DataParallel(model.cuda(0))",
                "model, scale = model.cuda(), 2",
                "scale, model = 2, model.to(args.device)",
            )
        ),
        net("keep", after=f"with scope(model) as model:\n        {_TRAINS}"),
        net("keep", after=f"{_BROKEN}    else:\n        return\n    {_TRAINS}"),
        net(
            "keep",
            after=f"{_BROKEN}        {_ANEW}\n    else:\n        return\n    {_TRAINS}",
        ),
        # Which of them it is, the same variable says.
        net("keep").replace(
            "def convert(path):",
            "def convert(path):\n    if path.endswith('.pth'):\n        return torch.load(path)",
        ),
        # What the code has words for is added to what the file is for.
        net("keep", added="self.decoder = nn.BatchNorm2d(8)  #! unknown"),
        # Nor has the file what a subclass adds.
        net("keep", added="self.gate = nn.Sequential(nn.BatchNorm2d(8))  #! unknown"),
    ],
)
def test_network_that_begins_with_such_a_file(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        # Nothing is trained where it is loaded: a file of PyTorch is made of it.
        net(load=_LOAD, after="torch.save(model.state_dict(), 'net.pth')"),
        net(load=_LOAD, after="print(model.eval())"),
        net(load=_LOAD, after="return model")
        + f"-- main.py --\nimport train\nmodel = net.Cam()\n{_TRAINS}\n",
        # What is loaded is not what is trained: another branch,
        net(load=f"{_PORTS}    return\n    weights = {{}}"),
        net(
            load=f"{_PORTS}elif args.x:\n        {_TRAINS}\n    weights = {{}}",
            after="pass",
        ),
        net(
            load=_LOAD, after=f"if args.test:\n        return\n    model = net.Cam()\n    {_TRAINS}"
        ),
        net(load=_LOAD, after=f"exit()\n    {_TRAINS}"),
        # which makes a model of its own,
        net(load=_LOAD, after=f"if args.train:\n        model = net.Cam()\n        {_TRAINS}"),
        net(load=_LOAD, after=f"for i in range(5):\n        model = net.Cam()\n        {_TRAINS}"),
        net(load=_LOAD, after=f"with scope():\n        model = net.Cam()\n    {_TRAINS}"),
        net(
            load=_LOAD,
            after=f"try:\n        model = net.Cam()\n    except A:\n        raise\n    {_TRAINS}",
        ),
        net(
            load=_LOAD,
            after=f"if args.a:\n        {_ANEW}\n    else:\n        {_ANEW}\n    {_TRAINS}",
        ),
        net(
            load=_LOAD,
            after=f"if args.a:\n        return\n    else:\n        {_ANEW}\n    {_TRAINS}",
        ),
        net(load=_LOAD, after=f"for model in [net.Cam()]:\n        {_TRAINS}"),
        net(load=_LOAD, after=f"model, other = net.Cam(), 1\n    {_TRAINS}"),
        net(load=_LOAD, after=f"model: nn.Module = net.Cam()\n    {_TRAINS}"),
        net(load=_LOAD, after=f"other, model = model, net.Cam()\n    {_TRAINS}"),
        net(load=_LOAD, after=f"with net.Cam() as model:\n        {_TRAINS}"),
        net(
            load=_LOAD, after=f"if args.train:\n        model = net.Cam().to(0)\n        {_TRAINS}"
        ),
        net(load=_LOAD, after=f"{_BROKEN}    {_ANEW}\n    {_TRAINS}"),
        net(
            load=_LOAD,
            after=f"if args.train:\n        model = other.to(model.device)\n        {_TRAINS}",
        ),
        # or another model,
        net(
            load=_LOAD, after="learn(net.Cam(), model)\ndef learn(model, teacher):\n    " + _TRAINS
        ),
        net(load=_LOAD, after="return model.eval()")
        + "-- main.py --\nimport train, net\nteacher = train.main(0)\nmodel = net.Cam()\n"
        + _TRAINS,
        net(
            load=_LOAD,
            after="print(model.train(False))\ndef learn(optimizer):\n    optimizer.step()",
        ),
        # It is not what is loaded.
        net(load="weights = torch.load(args.weights)"),
        net(load="net.convert(args.weights); weights = torch.load(args.weights)"),
        # Training in PyTorch may write these.
        net(read="np.load(path)", imported="import numpy as np"),
        net(read="h5py.File(path)", imported="import h5py"),
        net(read="pickle.load(open(path, 'rb'))", imported="import pickle"),
        net(read="onnx.load(path)", imported="import onnx"),
    ],
)
def test_file_that_may_be_of_its_own_training(text: str) -> None:
    check(text)


def test_what_is_loaded_with_a_whole_model_is_not_new() -> None:
    text = """\
        import mxnet
        import torchvision
        class Neck(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! {}
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.trunk = torchvision.models.resnet18(pretrained=True)
                self.neck = Neck()
        def main(path):
            model = Model()
            if path:
                model.load_state_dict({}, strict=False)
            torch.optim.SGD(model.parameters(), 0.1).step()
        """
    check(text.format("unknown", "mxnet.nd.load(path)"))
    check(text.format("convert", "torch.load(path)"))


_OBJECT = """\
-- train.py --
import net
import torch
class Trainer:
    def __init__(self, args):
        self.model = net.Cam()
        {init}
    def load(self, args):
        self.model.load_state_dict(net.convert(args.weights), strict=False)
    def build(self):
        {build}
{script}
"""
_BUILD = "self.optimizer = torch.optim.SGD(self.model.parameters(), 0.1)"
_HEAD = net().partition("-- train.py --")[0]


def _objects(verdict: str, init: str, build: str = _BUILD, script: str = "") -> str:
    head = _HEAD.replace("#! unknown", f"#! {verdict}")
    return head + _OBJECT.format(init=init, build=build, script=script)


_LOADS = "self.model.load_state_dict(net.convert(args.weights), strict=False)"


@pytest.mark.parametrize(
    "text",
    [
        # It is trained in another method of the object that holds it.
        _objects("keep", _LOADS),
        _objects("keep", "self.load(args)"),
        _objects("keep", f"{_LOADS}; self.build()"),
        _objects(
            "keep", "pass", script="trainer = Trainer(args)\ntrainer.load(args)\ntrainer.build()"
        ),
        _objects("unknown", "pass", script="one = Trainer(args)\none.build()\none.load(args)"),
        _objects("unknown", _LOADS, build="self.model.eval()"),
        _objects("unknown", _LOADS, build="torch.optim.SGD(self.other.parameters(), 0.1)"),
        # What is called with the model trains it, or the object that is made of it.
        _HEAD.replace("#! unknown", "#! keep")
        + "-- train.py --\nimport net, torch\nclass Engine:\n    def __init__(self, one):\n"
        "        self.one = one\n    def fit(self):\n"
        "        torch.optim.SGD(self.one.parameters(), 0.1)\n"
        "model = net.Cam()\nmodel.load_state_dict(net.convert(path), strict=False)\n"
        "Engine(model).fit()\n",
        # What makes it is wrapped at once.
        _HEAD.replace("#! unknown", "#! keep")
        + "-- train.py --\nimport net, torch\ndef build(path):\n    one = net.Cam()\n"
        "    one.load_state_dict(net.convert(path), strict=False)\n    return one\n"
        "model = nn.DataParallel(build(path)).cuda()\n"
        "torch.optim.SGD(model.parameters(), 0.1)\n",
    ],
)
def test_object_that_begins_with_such_a_file(text: str) -> None:
    check(text)


@pytest.mark.parametrize("value", ["value", "value.asnumpy()", "torch.from_numpy(value.asnumpy())"])
def test_entries_that_are_stored_as_they_are_made(value: str) -> None:
    two = (
        "        value = torch.from_numpy(value.asnumpy())\n"
        "        renamed[key.replace('gamma', 'weight')] = value\n"
    )
    text = net("keep", load=_LOAD)
    assert two in text
    check(text.replace(two, f"        renamed[key.replace('gamma', 'weight')] = {value}\n"))
