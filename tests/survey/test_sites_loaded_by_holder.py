"""Networks that a model's constructor loads and keeps under the name of a whole model."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_SEG = """\
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! {net}
        self.classifier = nn.Linear(8, 8)
class Seg(nn.Module):
    def __init__(self, pretrained=None, gpus=1):
        super().__init__()
        net = Encoder()
        if gpus >= 1:
            net = nn.DataParallel(net)
        if pretrained:
            {load}
        self.{name} = net.module
        {more}
def resume(model, path):
    model.load_state_dict(torch.load(path))
model = Seg('espnet.pth')
"""
_LOAD = "net.load_state_dict(torch.load(pretrained))"
_PROJ = "self.proj = nn.BatchNorm2d(8)  #! {proj}"


@pytest.mark.parametrize("name", ["net", "model", "_net", "cnn"])
def test_network_that_is_loaded_beside_new_layers(name: str) -> None:
    more = _PROJ.format(proj="convert")
    check(_SEG.format(name=name, load=_LOAD, more=more, net="keep"))


@pytest.mark.parametrize(
    ("load", "more", "net"),
    [
        # A wrapper around the whole model, which adds nothing that is trained.
        (_LOAD, "self.loss = nn.CrossEntropyLoss()", "unknown"),
        (_LOAD, "self.teacher_bn = nn.BatchNorm2d(8)  #! unknown", "unknown"),
        (_LOAD, "self.loss_net = nn.BatchNorm2d(8)  #! unknown", "unknown"),
        # Nothing says that it is loaded, or that it is by the class itself.
        ("pass", _PROJ.format(proj="unknown"), "unknown"),
        ("resume(net, pretrained)", _PROJ.format(proj="unknown"), "unknown"),
    ],
)
def test_network_that_may_be_the_whole_model(load: str, more: str, net: str) -> None:
    check(_SEG.format(name="net", load=load, more=more, net=net))


def test_file_that_is_not_said_to_be_pretrained() -> None:
    text = _SEG.format(name="net", load=_LOAD, more=_PROJ.format(proj="unknown"), net="unknown")
    check(text.replace("pretrained", "checkpoint"))
