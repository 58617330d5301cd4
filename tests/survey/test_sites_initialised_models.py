"""What is called like a network, in a model that a script initialises as a whole."""

from __future__ import annotations

import pytest

from bn2gn_codemod.rules import findings
from tests.survey.verdicts import check

_REPOSITORY = """\
-- net.py --
class VGGReader(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8))  #! {network}
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.{attribute} = VGGReader()
        self.decoder = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {decoder}
-- train.py --
import argparse
from torch.nn import init
from net import Reader
def main(opt, loader, skip):
    model = Reader()
    {loop}
    {load}
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for epoch in range(opt.epochs):
        model.train()
        for x in loader:
            model(x).sum().backward()
            optimizer.step()
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--saved_model", default="", help="{help}")
    main(parser.parse_args(), [], [])
"""
_LOAD = "if opt.saved_model: model.load_state_dict(torch.load(opt.saved_model))"
_LOOP = """for name, p in model.named_parameters():
        if "fc2" in name:
            continue
        try:
            if "bias" in name:
                init.constant_(p, 0.0)
            elif "weight" in name:
                init.kaiming_normal_(p)
        except Exception:
            p.data.fill_(1)"""


def _repository(
    verdicts: tuple[str, str],
    loop: str = "pass",
    load: str = _LOAD,
    attribute: str = "features",
    text: str = "where the model is",
) -> str:
    network, decoder = verdicts
    return _REPOSITORY.format(
        network=network,
        decoder=decoder,
        loop=loop,
        load=load,
        attribute=attribute,
        help=text,
    )


_SCRATCH = ("unknown", "unknown")
_NAMED = ("keep", "convert")


@pytest.mark.parametrize(
    "loop",
    [
        _LOOP,
        "for p in model.parameters():\n        if p.dim() > 1: nn.init.xavier_uniform_(p)",
        "for p in model.parameters():\n        p.data.normal_(0, 0.02)",
        "for p in model.parameters(): p.data.uniform_(-0.1, 0.1)",
        "if not opt.saved_model:\n        for p in model.parameters(): p.data.uniform_(-0.1, 0.1)",
    ],
)
@pytest.mark.parametrize("load", ["pass", _LOAD])
def test_a_loop_over_the_parameters_of_the_whole_model(loop: str, load: str) -> None:
    plan = check(_repository(_SCRATCH, loop, load))
    assert "initialises the model as a whole" in " ".join(plan.sites[0].reasons)
    assert not [file for file in plan.files if file.freezes or file.loop_guards]


@pytest.mark.parametrize(
    "loop",
    [
        # The network may be what is left alone, or a list may name it.
        _LOOP.replace("fc2", "features"),
        _LOOP.replace("fc2", "features.convs"),
        _LOOP.replace("fc2", "convs.0"),
        _LOOP.replace('"fc2" in name', "name in skip"),
        _LOOP.replace('"fc2" in name', "any(word in name for word in skip)"),
        # Only some parts are initialised.
        'for name, p in model.named_parameters():\n        if "decoder" in name: p.data.zero_()',
        "for p in model.decoder.parameters(): nn.init.xavier_uniform_(p)",
        # Nothing is.
        "for p in model.parameters(): p.requires_grad = True",
        "for p in model.parameters(): p.grad.zero_()",
        "for p in model.parameters(): print(p.data.norm())",
        "for p in model.parameters(): p.data.mul_(0.5)",
        "for p in model.parameters(): p.data.copy_(skip)",
    ],
)
def test_a_loop_that_may_leave_the_network_alone(loop: str) -> None:
    check(_repository(_NAMED, loop))


def test_a_load_that_follows_for_certain() -> None:
    text = _repository(_NAMED, _LOOP, "model.load_state_dict(torch.load(opt.saved_model))")
    check(text.replace("#! convert", "#! unknown"))  # the file has something for all of it


def test_a_network_that_initialises_itself() -> None:
    text = _repository(_NAMED).replace(
        "#! keep\n", "#! keep\n        for p in self.parameters(): nn.init.normal_(p)\n"
    )
    check(text)


def test_a_model_that_has_the_loop_in_its_own_constructor() -> None:
    text = _repository(_NAMED).replace(
        "#! convert\n", "#! convert\n        for p in self.parameters(): nn.init.normal_(p)\n"
    )
    check(text)


@pytest.mark.parametrize(
    "text", ["path to model to continue training", "Continue the training of it", "resume from it"]
)
def test_an_option_that_is_said_to_continue_training(text: str) -> None:
    plan = check(_repository(_SCRATCH, text=text))
    assert "nothing is loaded except to go on" in " ".join(plan.sites[0].reasons)


@pytest.mark.parametrize(
    "text", ["pretrained weights", "continuous or discrete", "path to the model for training"]
)
def test_an_option_that_may_be_for_any_weights(text: str) -> None:
    check(_repository(_NAMED, text=text))


def test_no_freeze_for_an_attribute_that_is_called_a_backbone() -> None:
    plan = check(_repository(_NAMED, _LOOP, attribute="backbone"))
    assert not [file for file in plan.files if file.freezes or file.loop_guards]
    found = [one.message for one in findings(plan) if one.code in ("BN201", "BN202")]
    assert len(found) == 2
    assert all("train.py:8 initialises the whole model" in one for one in found)


@pytest.mark.parametrize(
    ("loop", "load"),
    [
        ("pass", _LOAD),
        (_LOOP.replace("fc2", "backbone"), _LOAD),
        (_LOOP, "model.load_state_dict(torch.load(opt.saved_model))"),
    ],
)
def test_a_freeze_for_what_may_have_weights(loop: str, load: str) -> None:
    text = _repository(_NAMED, loop, load, attribute="backbone")
    plan = check(text if load == _LOAD else text.replace("#! convert", "#! unknown"))
    assert [file for file in plan.files if file.freezes]


def test_a_freeze_for_what_is_loaded_by_itself() -> None:
    load = "model.backbone.load_state_dict(torch.load(opt.saved_model))"
    plan = check(_repository(_NAMED, _LOOP, load, attribute="backbone"))
    assert [file for file in plan.files if file.freezes]
