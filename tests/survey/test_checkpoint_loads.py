"""Which ``load_state_dict`` calls an old checkpoint would fail (BN401)."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import LoadEdit
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository
from tests.survey.verdicts import HEAD, plan_of

MODEL = """
import torchvision

class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.neck = nn.Sequential(nn.Conv2d(512, 64, 1), nn.BatchNorm2d(64))

class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1)

"""


def loads(body: str) -> list[tuple[str, str, str]]:
    plan = plan_of(MODEL + body)
    return [(load.model, load.fix, load.reason) for load in plan.strict_loads]


@pytest.mark.parametrize(
    "body",
    [
        "model = Detector()\nmodel.load_state_dict(torch.load('a.pth'))\n",
        "model = Detector()\nmodel.load_state_dict(torch.load('a.pth'), strict=True)\n",
        "model = Detector()\nmodel.load_state_dict(torch.load('a.pth')['state_dict'], True)\n",
        "model = Detector()\nprint(model.load_state_dict(torch.load('a.pth')))\n",
        "model = Detector()\nfound = model.load_state_dict(torch.load('a.pth'))\n",
        """\
def resume(model, path):
    checkpoint = torch.load(path, map_location='cpu')
    state = {k.replace('module.', ''): v for k, v in checkpoint['model'].items()}
    model.load_state_dict(state)

resume(Detector(), 'a.pth')
""",
        """\
class Wrapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Detector()

wrapped = Wrapped()
wrapped.load_state_dict(torch.load('a.pth'))
""",
        "model = nn.DataParallel(Detector())\nmodel.module.load_state_dict(torch.load('a.pth'))\n",
        """\
class Parallel(nn.DataParallel):
    def gather(self, outputs, device):
        return outputs

model = Parallel(Detector()).cuda()
model.module.load_state_dict(torch.load('a.pth'))
""",
        # The branch that the load stands in may come from a variable, or bind it anew.
        """\
if small:
    model = Discriminator()
else:
    model = Detector()
model.load_state_dict(torch.load('a.pth'))
""",
        """\
model = Discriminator()
if large:
    model = Detector()
model.load_state_dict(torch.load('a.pth'))
""",
        """\
model = Discriminator()
for model in [Detector()]:
    model.load_state_dict(torch.load('a.pth'))
""",
        """\
model = Detector()
model = model.cuda()
model.load_state_dict(torch.load('a.pth'))
""",
        """\
if small:
    model = Discriminator()
    model.half()
else:
    model = Detector()
    model.load_state_dict(torch.load('a.pth'))
""",
        # What is saved in the end has the name of what was resumed.
        """\
def main(path, epochs):
    model = Detector()
    if path:
        checkpoint = torch.load(path)
        model.load_state_dict(checkpoint['model'])
    for epoch in range(epochs):
        checkpoint = {'model': model.state_dict(), 'epoch': epoch}
        torch.save(checkpoint, path)
""",
        """\
model = Detector()
state = torch.load('a.pth')
if 'model' in state:
    model.load_state_dict(state['model'])
state = model.state_dict()
""",
    ],
)
def test_strict_load_of_the_model_is_mended(body: str) -> None:
    [(_, fix, reason)] = loads(body)
    assert "strict=False" in fix
    assert reason == ""


@pytest.mark.parametrize(
    "body",
    [
        "model = Detector()\nmodel.load_state_dict(torch.load('a.pth'), strict=False)\n",
        "model = Detector()\nmodel.load_state_dict(torch.load('a.pth'), False)\n",
        "model = Detector()\nprint('Checkpoint loaded:', "
        "model.load_state_dict(torch.load('a.pth'), strict=False))\n",
        "model = Detector()\nmodel.backbone.load_state_dict(torch.load('a.pth'))\n",
        "model = Discriminator()\nmodel.load_state_dict(torch.load('a.pth'))\n",
        "one = Detector()\ntwo = Detector()\ntwo.load_state_dict(one.state_dict())\n",
        """\
model = Detector()
optimizer = torch.optim.Adam(model.parameters())
optimizer.load_state_dict(torch.load('a.pth')['optimizer'])
""",
        """\
def resume(model, path, optimizer=None):
    checkpoint = torch.load(path)
    if optimizer is None:
        return model
    optimizer.load_state_dict(checkpoint['optimizer'])
    return model, optimizer

model = Detector()
optimizer = torch.optim.Adam(model.parameters())
model, optimizer = resume(model, 'a.pth', optimizer)
model, optimizer = resume(model, 'b.pth', optimizer)
""",
        """\
model = Detector()
own = model.state_dict()
state = {k: v for k, v in torch.load('a.pth').items() if k in own}
model.load_state_dict(state)
""",
        """\
model = Detector()
own = model.state_dict()
own.update(torch.load('a.pth'))
model.load_state_dict(own)
""",
        # Another branch makes the model that is changed.
        """\
if large:
    model = Detector()
else:
    model = Discriminator()
    model.load_state_dict(torch.load('a.pth'))
""",
        """\
def main(large):
    if large:
        model = Detector()
        model.eval()
    else:
        model = Discriminator()
        state = torch.load('a.pth')
        model.load_state_dict(state)
""",
        # What is loaded is the model's own, for all that came from a file before.
        """\
model = Detector()
state = torch.load('a.pth')
state = model.state_dict()
model.load_state_dict(state)
""",
        """\
def main(epochs):
    model = Detector()
    state = torch.load('a.pth')
    for epoch in range(epochs):
        model.load_state_dict(state)
        state = model.state_dict()
""",
        """\
model = Detector()
state = torch.load('a.pth')
if best:
    state = model.state_dict()
model.load_state_dict(state)
""",
    ],
)
def test_what_does_not_fail_is_left_alone(body: str) -> None:
    assert loads(body) == []


@pytest.mark.parametrize(
    "body",
    [
        """\
def load(path, strict=True):
    model = Detector()
    model.load_state_dict(torch.load(path), strict=strict)
""",
        """\
def load(model, path):
    return model.load_state_dict(torch.load(path))

load(Detector(), 'a.pth')
""",
        "model = Detector()\nmodel.load_state_dict(torch.load('a.pth'), **options)\n",
        """\
model = Detector()
missing, unexpected = model.load_state_dict(torch.load('a.pth'))
if not missing:
    print('complete')
""",
    ],
)
def test_what_cannot_be_mended_says_why(body: str) -> None:
    [(_, fix, reason)] = loads(body)
    assert fix == ""
    assert reason


def own_method(
    given: str, body: str, load: str = "model.load_state_dict(torch.load('a.pth'))"
) -> str:
    """A detector with a ``load_state_dict`` of its own, by a base class."""
    return f"""\
class Filled(nn.Module):
    def load_state_dict(self, {given}):
        {body}

class Own(Filled):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.neck = nn.Sequential(nn.Conv2d(512, 64, 1), nn.BatchNorm2d(64))

model = Own()
{load}
"""


BY_HAND = "[self.state_dict()[k].copy_(v) for k, v in state.items()]"


@pytest.mark.parametrize(
    ("given", "body"),
    [
        ("state, resume=False", BY_HAND),
        ("state", "super().load_state_dict(state, strict=False)"),
        ("state, strict=False", "return super().load_state_dict(state, strict=strict)"),
        ("state, *, strict=False", "return super().load_state_dict(state, strict=strict)"),
        ("state, strict=True", "return super().load_state_dict(state, strict=False)"),
    ],
)
def test_a_method_of_the_models_own_that_is_not_strict(given: str, body: str) -> None:
    assert loads(own_method(given, body)) == []


def test_a_wrapper_that_comes_after_the_load_has_no_part_in_it() -> None:
    wrapper = "class Parallel(nn.DataParallel):\n    pass\n\n"
    load = """\
def main():
    model = Own()
    if resume:
        model.load_state_dict(torch.load('a.pth'))
    model = Parallel(model)
main()
"""
    assert loads(wrapper + own_method("state, resume=False", BY_HAND, load)) == []


@pytest.mark.parametrize(
    "body",
    [
        "super().load_state_dict(state)",
        "super(Filled, self).load_state_dict(state)",
        "nn.Module.load_state_dict(self, state)",
        "super().load_state_dict(state, strict=not resume)",
    ],
)
def test_a_method_of_the_models_own_that_is_strict_and_takes_no_argument_for_it(body: str) -> None:
    [(_, fix, reason)] = loads(own_method("state, resume=False", body))
    assert fix == ""
    assert "Own has a load_state_dict of its own (net.py:" in reason


@pytest.mark.parametrize(
    "given",
    ["state, strict=True", "state, **kwargs", "state, *args, **kwargs", "state, *, strict=True"],
)
def test_a_method_of_the_models_own_that_hands_the_argument_on(given: str) -> None:
    rest = "*args, **kwargs" if "args" in given else "strict=strict"
    body = f"return super().load_state_dict(state, {rest})".replace("*args, **", "**")
    [(_, fix, reason)] = loads(own_method(given, body))
    assert "strict=False" in fix
    assert reason == ""


@pytest.mark.parametrize(
    "load",
    [
        "model = nn.DataParallel(model)\nmodel.load_state_dict(torch.load('a.pth'))",
        "model = Detector()\nmodel.load_state_dict(torch.load('a.pth'))",
    ],
)
def test_a_method_of_the_models_own_is_not_asked_by_what_is_around_it_or_another(load: str) -> None:
    found = loads(own_method("state, resume=False", BY_HAND, load))
    assert len(found) == 1


FALLBACKS = [
    # What strips a prefix runs only where the strict load fails.
    """\
try:
    model.load_state_dict(state)
except RuntimeError:
    model.load_state_dict({k[7:]: v for k, v in state.items()})
""",
    """\
try:
    model.load_state_dict(state)
except (KeyError, RuntimeError) as error:
    print(error)
    model.module.load_state_dict(state)
""",
    """\
try:
    model.load_state_dict(state)
except:
    state = {k[7:]: v for k, v in state.items()}
    inner = model.module
    inner.load_state_dict(state)
""",
    """\
try:
    model.load_state_dict(state)
except torch.cuda.Error:
    pass
""",
    """\
from contextlib import suppress
with suppress(RuntimeError):
    model.load_state_dict(state)
""",
    """\
try:
    model.load_state_dict(state)
except RuntimeError as error:
    if 'module.' in str(error):
        model.load_state_dict({k[7:]: v for k, v in state.items()})
    else:
        raise
""",
    """\
for cut in (0, 7):
    try:
        model.load_state_dict({k[cut:]: v for k, v in state.items()})
        break
    except RuntimeError as error:
        print(error)
""",
    # The second one stands behind.
    """\
fits = True
try:
    model.load_state_dict(state)
except Exception:
    fits = False
if not fits:
    model.load_state_dict({k[7:]: v for k, v in state.items()})
""",
    # The second one stands where it is asked whether the first one went well.
    """\
def fits(net, state):
    try:
        net.load_state_dict(state)
    except RuntimeError:
        return False
    return True

if not fits(model, state):
    model.load_state_dict({k[7:]: v for k, v in state.items()})
""",
    # Somebody else catches the error.
    """\
def load(net, state):
    net.load_state_dict(state)

try:
    load(model, state)
except RuntimeError:
    load(model, {k[7:]: v for k, v in state.items()})
""",
    """\
class Tester:
    def __init__(self, net):
        self.net = net

    def load(self, state):
        self.net.load_state_dict(state)

    def start(self, states):
        for one in states:
            try:
                self.load(one)
            except RuntimeError:
                print('not this one')

Tester(model).start([state])
""",
]
LOADED = "model = nn.DataParallel(Detector())\nstate = torch.load('a.pth')\n"


@pytest.mark.parametrize("body", FALLBACKS)
def test_a_load_whose_error_is_awaited_stays_strict(body: str) -> None:
    found = loads(LOADED + body)
    assert found
    assert {fix for _, fix, _ in found} == {""}
    assert all("fail" in reason for _, _, reason in found)


@pytest.mark.parametrize(
    "body",
    [
        # The run ends there all the same.
        """\
try:
    model.load_state_dict(state)
except RuntimeError:
    print('is this a checkpoint of the model?')
    raise
""",
        """\
import sys
try:
    model.load_state_dict(state)
except Exception as error:
    print(error)
    sys.exit(1)
""",
        # No strict load raises these.
        """\
try:
    model.load_state_dict(state)
except (OSError, KeyError):
    model = None
""",
        """\
try:
    model.load_state_dict(state)
finally:
    print('done')
""",
        """\
try:
    size = int(name)
except ValueError:
    model.load_state_dict(state)
""",
        # Another thing is tried.
        """\
try:
    import tqdm
except Exception:
    tqdm = None
model.load_state_dict(state)
""",
        """\
with open('log'):
    model.load_state_dict(state)
""",
        """\
from contextlib import suppress
with suppress(FileNotFoundError):
    model.load_state_dict(state)
""",
        """\
other = Discriminator()
try:
    other.load_state_dict(state)
except RuntimeError:
    print('trained without')
model.load_state_dict(state)
""",
        """\
def fits(net, state):
    try:
        net.load_state_dict(state)
    except RuntimeError:
        return False
    return True

print(fits(Discriminator(), state))
model.load_state_dict(state)
""",
        # Around a whole run: what is wrong is said, and nothing goes on.
        """\
def main():
    model.load_state_dict(state)

try:
    main()
except Exception as error:
    print(error)
""",
        """\
def load(net, state):
    net.load_state_dict(state)

try:
    load(model, state)
except KeyboardInterrupt:
    model = None
""",
        """\
missing, unexpected = model.load_state_dict(state)
print(missing)
""",
    ],
)
def test_a_load_whose_error_ends_the_run_is_mended(body: str) -> None:
    [(_, fix, reason)] = loads(LOADED + body)
    assert "strict=False" in fix
    assert reason == ""


def test_the_edit_stands_where_the_load_does() -> None:
    body = "model = Detector()\nmodel.load_state_dict(torch.load('a.pth'))\n"
    plan = plan_of(MODEL + body)
    [load] = plan.strict_loads
    [file] = [edits for edits in plan.files if edits.loads]
    assert file.loads == (LoadEdit(load.place),)


def test_wrappers_of_one_class_are_each_around_their_own() -> None:
    body = """\
class Parallel(nn.DataParallel):
    pass

model = Parallel(Detector())
critic = Parallel(Discriminator())
critic.module.load_state_dict(torch.load('b.pth'))
"""
    assert loads(body) == []
    more = "model.module.load_state_dict(torch.load('a.pth'))\n"
    assert [model for model, _, _ in loads(body + more)] == ["model.module"]


STARRED = """\
from tools import *
import torch.nn as nn
from model import Detector
{}
model = Detector()
model.load_state_dict(torch.load("a.pth")["state_dict"])
"""


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (STARRED.format("print()"), 1),
        # Here it is something else, or no star import can bring it.
        (STARRED.format("torch = 3"), 0),
        (STARRED.format("class torch:\n    pass"), 0),
        (STARRED.format("print()").replace("tools import *", "tools import path"), 0),
    ],
)
def test_torch_that_comes_by_a_star_import(text: str, count: int) -> None:
    """The file that has it holds no layers, and is not read."""
    files = {"model.py": HEAD + MODEL, "tools.py": "import torch\nimport json\n", "train.py": text}
    read = tuple(SourceFile.from_bytes(path, body.encode()) for path, body in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert len(plan.strict_loads) == count
