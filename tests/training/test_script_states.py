"""What the report says of train scripts that freeze in ways of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan, TrainScript
from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository
from tests.training.test_scripts import GUARDED, IMPORTS, MODEL, OWN_FREEZE

WHOLE = """
def freeze(model):
    model.backbone.eval()
    for parameter in model.backbone.parameters():
        parameter.requires_grad = False
"""
MAIN = f"""
def main(loader):
    model = Detector()
    {{freeze}}
    optimizer = torch.optim.Adam(model.parameters())
{GUARDED}
"""


def plan_of(settings: Settings = Settings(), /, **scripts: str) -> Plan:  # noqa: B008
    files = {"model.py": MODEL, **{f"{name}.py": IMPORTS + text for name, text in scripts.items()}}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    return plan_repository(Repository(Path("/repository"), read), settings)


def script(own: str = OWN_FREEZE, freeze: str = "freeze(model)") -> str:
    return own + MAIN.format(freeze=freeze.replace("\n", "\n    "))


def only(plan: Plan) -> TrainScript:
    [found] = plan.train_scripts
    return found


def messages(plan: Plan, code: str) -> list[str]:
    return [f"{f.place.path}: {f.message}" for f in findings(plan) if f.code == code]


# ------------------------------------------------------------------ options


@pytest.mark.parametrize(
    "test",
    ["args.freeze", "args.freeze == 'bn'", "not args.train_all", "args.freeze and args.lr > 0.1"],
)
def test_an_option_decides(test: str) -> None:
    """The freeze that is added holds whatever it says; the report names it."""
    found = only(plan_of(train=script(freeze=f"if {test}:\n    freeze(model)")))
    assert found.state == "optional"
    assert "(train.py:" in found.option
    assert found.fix
    [message] = messages(plan_of(train=script(freeze=f"if {test}:\n    freeze(model)")), "BN201")
    assert "only an option freezes BatchNorm in model.backbone" in message


def test_an_option_in_the_function_that_freezes() -> None:
    own = OWN_FREEZE.replace(
        "    for module in", "    if not args.freeze:\n        return\n    for module in"
    )
    assert only(plan_of(train=script(own))).state == "optional"


@pytest.mark.parametrize("freeze", ["if len(loader) > 3:\n    freeze(model)", "pass"])
def test_no_option_decides(freeze: str) -> None:
    assert only(plan_of(train=script(freeze=freeze))).state in ("unfrozen", "partly")


# ------------------------------------------------- norms by other names

NAMED = """
try:
    from encoding.nn import SyncBatchNorm as either
except ImportError:
    either = nn.BatchNorm2d
if args.plain:
    unsure = nn.Conv2d
else:
    unsure = nn.BatchNorm2d
BN = nn.BatchNorm2d

class Block(nn.Module):
    NORM, CONV, FLAT, SYNC = nn.BatchNorm2d, nn.Conv2d, nn.BatchNorm1d, nn.SyncBatchNorm
    EITHER, UNSURE = either, unsure

class Derived(Block):
    pass
"""


@pytest.mark.parametrize(
    ("named", "state"),
    [
        ("Block.NORM", "frozen"),
        ("Derived.NORM", "frozen"),
        ("Block.EITHER", "frozen"),
        ("BN", "frozen"),
        ("(BN, nn.LayerNorm)", "frozen"),
        ("Block.CONV", "partly"),
        ("Block.UNSURE", "partly"),
        ("Block.FLAT", "partly"),
        ("Block.SYNC", "partly"),
        ("Block.MISSING", "partly"),
        ("args.NORM", "partly"),
        ("Block", "partly"),
    ],
)
def test_a_norm_class_that_goes_by_another_name(named: str, state: str) -> None:
    own = NAMED + OWN_FREEZE.replace("nn.BatchNorm2d", named)
    assert only(plan_of(train=script(own))).state == state


# --------------------------------------------------------- at the top level

TOP_LEVEL = """
if __name__ == "__main__":
    model = Detector()
    {before}
    optimizer = torch.optim.Adam(model.parameters())
    {after}
"""


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        ("freeze(model)", "pass", "frozen"),
        ("pass", "freeze(model)", "late"),
        ("pass", "model.eval()", "unfrozen"),
        ("if args.freeze: freeze(model)", "pass", "optional"),
        # No test of a layer's name, so that nothing is missed by it.
        ("if phase == 'train': freeze(model)", "pass", "partly"),
    ],
)
def test_main_block(before: str, after: str, state: str) -> None:
    text = OWN_FREEZE + TOP_LEVEL.format(before=before, after=after)
    assert only(plan_of(train=text)).state == state


_VALIDATED = """
def main(loader):
    model = Detector()
    for parameter in model.backbone.parameters():
        parameter.requires_grad = False
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(3):
        {train}
        for x in loader:
            model(x).sum().backward()
            optimizer.step()
        {evaluate}
"""


@pytest.mark.parametrize(
    ("train", "evaluate", "state"),
    [
        # What a loop does to validate freezes nothing.
        ("model.train()", "model.eval()", "partly"),
        ("model.train(True)", "model.eval()", "partly"),
        # The model is in eval mode all the time, or its backbone, once there is an optimizer.
        ("model.eval()", "pass", "late"),
        ("model.train()", "model.backbone.eval()", "late"),
        ("model.head.train()", "model.eval()", "late"),
    ],
)
def test_eval_mode_of_a_loop_that_trains(train: str, evaluate: str, state: str) -> None:
    text = _VALIDATED.format(train=train, evaluate=evaluate)
    assert only(plan_of(train=text)).state == state


_APPLIED = """
def keep(m):
    if m.__class__.__name__.find("BatchNorm") != -1:
        m.eval()

def epoch(model, loader, optimizer):
    model.train()
    {applied}
    for x in loader:
        model(x).sum().backward()
        optimizer.step()

def main(loader):
    model = Detector()
    optimizer = torch.optim.Adam(model.parameters())
    epoch(model, loader, optimizer)
"""


@pytest.mark.parametrize(
    ("applied", "state"),
    [
        ("model.apply(keep)", "partly"),
        ("model.backbone.apply(keep)", "partly"),
        ("model.backbone.eval()", "partly"),
        ("model.head.apply(keep)", "unfrozen"),
        ("model.eval()", "unfrozen"),
        ("pass", "unfrozen"),
    ],
)
def test_eval_mode_in_each_epoch(applied: str, state: str) -> None:
    assert only(plan_of(train=_APPLIED.format(applied=applied))).state == state


_UNDONE = """
def validate(model):
    model.backbone.eval()
    model.head.eval()
    with torch.no_grad():
        model(1)

def keep(m):
    if isinstance(m, nn.BatchNorm2d):
        m.eval()

def main(loader):
    model = Detector()
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(3):
        {before}
        model.train()
        {between}
        for x in loader:
            model(x).sum().backward()
            optimizer.step()
        {after}
"""


@pytest.mark.parametrize(
    ("before", "between", "after", "state"),
    [
        ("pass", "pass", "validate(model)", "unfrozen"),
        ("pass", "pass", "model.backbone.eval()", "unfrozen"),
        ("model.apply(keep)", "pass", "pass", "unfrozen"),
        ("validate(model)", "pass", "pass", "unfrozen"),
        ("pass", "model.apply(keep)", "pass", "partly"),
        ("pass", "model.apply(keep)", "validate(model)", "partly"),
    ],
)
def test_eval_mode_that_train_undoes(before: str, between: str, after: str, state: str) -> None:
    text = _UNDONE.format(before=before, between=between, after=after)
    assert only(plan_of(train=text)).state == state


# ------------------------------------------------------- where it cannot go


_EVALUATED_LATER = """
def train():
    optimizer = torch.optim.Adam(model.parameters())
    model.train()

if __name__ == "__main__":
    model = Detector()
    {before}
    if args.phase == "train":
        train()
        model.backbone.eval()
    else:
        evaluate(model)
    model.eval()

def evaluate(model):
    model.eval()
"""


@pytest.mark.parametrize(
    ("before", "state"),
    [
        ("pass", "unfrozen"),
        ("model.backbone.eval()", "partly"),
        ("if args.test:\n        evaluate(model)", "partly"),
        ("freeze(model)", "frozen"),
    ],
)
def test_what_comes_after_the_training_of_a_main_block(before: str, state: str) -> None:
    """Where the model is evaluated, nothing is frozen for the optimizer that was built before."""
    text = WHOLE + _EVALUATED_LATER.format(before=before)
    assert only(plan_of(train=text)).state == state


def test_what_is_done_about_a_thaw() -> None:
    """It is somebody's wish: what helps is to freeze BatchNorm again after it."""
    thaw = "        model.backbone.requires_grad_(True)\n        for x in loader:"
    text = script().replace("        for x in loader:", thaw)
    [message] = messages(plan_of(train=text), "BN201")
    assert "gives the frozen BatchNorm of model its gradients back" in message
    assert "keep BatchNorm frozen after it" in message


def test_option_that_another_file_asks() -> None:
    """The place is that of the test, not of the freeze."""
    text = script("from model import *\n", "if args.freeze:\n    model.freeze()")
    method = """
    def freeze(self):
        self.backbone.requires_grad_(False)
        self.backbone.eval()


class Other"""
    files = {"model.py": MODEL.replace("class Other", method.lstrip("\n"), 1)}
    assert "\n\n    def freeze" in files["model.py"]
    line = next(n for n, found in enumerate((IMPORTS + text).splitlines(), 1) if "if args" in found)
    read = [SourceFile.from_bytes("model.py", files["model.py"].encode())]
    read.append(SourceFile.from_bytes("train.py", (IMPORTS + text).encode()))
    plan = plan_repository(Repository(Path("/repository"), tuple(read)), Settings())
    assert only(plan).option == f"args.freeze (train.py:{line})"


def test_made_and_wrapped_at_once() -> None:
    """DistributedDataParallel waits for the gradients that are due when it is made."""
    text = script(freeze="pass").replace("Detector()", "DistributedDataParallel(Detector())")
    found = only(plan_of(train=text))
    assert found.fix == ""
    assert "makes and wraps it at once: make it first, then freeze it" in found.reason


# ----------------------------------------------------------------- tried out

TRIED_OUT = """
def look(net):
    print(net)

def fit_once(net, optimizer):
    net(1).backward()
    optimizer.step()

if __name__ == "__main__":
    model = Detector().cuda()
    model.train()
    {rest}
"""


@pytest.mark.parametrize(
    "rest",
    [
        "print(model(1).shape)",
        "look(model)",
        "for n in range(9):\n        model(n)",
        "summary(model, (3, 8, 8))",
    ],
)
def test_a_model_that_is_tried_out_needs_no_guard(rest: str) -> None:
    plan = plan_of(train=script(), demo=TRIED_OUT.format(rest=rest))
    assert [call.place.path for call in plan.train_calls if not call.guarded] == []


@pytest.mark.parametrize(
    "rest",
    [
        "model(1).backward()",
        "fit_once(model, args)",
        "Network(model).run()",
        "elsewhere(model)",
    ],
)
def test_a_model_that_may_be_trained_there(rest: str) -> None:
    plan = plan_of(train=script(), demo=TRIED_OUT.format(rest=rest))
    assert "demo.py" in {call.place.path for call in plan.train_calls if not call.guarded}


# -------------------------------------------------------------- thawed later


@pytest.mark.parametrize(
    "thaw",
    [
        "for parameter in model.parameters():\n            parameter.requires_grad = True",
        "model.backbone.requires_grad_(True)",
        "if epoch == 1:\n            model.backbone.layer4.requires_grad_()",
        "for name in names:\n            getattr(model.backbone, name).requires_grad_(True)",
        "for layer in model.backbone.trained():\n            layer.requires_grad_(True)",
        "for layer in model.trained(epoch):\n            layer.requires_grad_(True)",
        "if epoch and model.backbone.requires_grad_(True):\n            print(epoch)",
    ],
)
def test_thawed_in_the_loop(thaw: str) -> None:
    text = script().replace("        for x in loader:", f"        {thaw}\n        for x in loader:")
    found = only(plan_of(train=text))
    assert found.state == "frozen"
    assert found.thaw is not None
    assert "requires_grad" in (IMPORTS + text).splitlines()[found.thaw.line - 1]


@pytest.mark.parametrize(
    "harmless",
    [
        "model.head.requires_grad_(True)",
        "model.backbone.requires_grad_(False)",
        "for layer in model.head.trained():\n            layer.requires_grad_(True)",
        "for layer in loader.trained():\n            layer.requires_grad_(True)",
    ],
)
def test_not_thawed(harmless: str) -> None:
    text = script().replace(
        "        for x in loader:", f"        {harmless}\n        for x in loader:"
    )
    assert only(plan_of(train=text)).thaw is None


TWO_CLASSES = """
class Base:
    def __init__(self):
        self.model = Detector()
        {before}
        self.build()
        {after}
    def build(self):
        self.optimizer = torch.optim.Adam(self.model.parameters())
    def prepare(self):
        for p in self.model.parameters():
            p.requires_grad = True
class Trainer(Base):
    def train(self):
        {train}
def unfreeze(net):
    for name, p in net.named_parameters():
        p.requires_grad = True
{main}
"""
TRAINS = "Trainer().train()"


def trainer(
    before: str = "pass", after: str = "pass", train: str = "self.step()", main: str = TRAINS
) -> TrainScript:
    text = TWO_CLASSES.format(before=before, after=after, train=train, main=main)
    return only(plan_of(train=text))


@pytest.mark.parametrize("main", [TRAINS, "def main():\n    t = Trainer()\n    t.train()"])
@pytest.mark.parametrize(
    "train",
    [
        "self.step()\n        unfreeze(self.model)",
        "self.model.backbone.requires_grad_(True)",
        "self.prepare()",
        "for epoch in range(3):\n            if epoch == 1:\n                unfreeze(self.model)",
    ],
)
def test_thawed_by_another_method(train: str, main: str) -> None:
    found = trainer(train=train, main=main)
    assert found.fix
    assert found.thaw is not None


def test_thawed_by_another_method_of_those_that_build() -> None:
    """The optimizer is built by ``build()``, which ``__init__`` calls."""
    assert trainer(after="unfreeze(self.model)").thaw is not None
    assert trainer(after="self.prepare()").thaw is not None


@pytest.mark.parametrize(
    "harmless",
    [
        {"before": "unfreeze(self.model)"},
        {"before": "self.prepare()"},
        {"train": "self.model.head.requires_grad_(True)"},
        {"train": "self.model.backbone.requires_grad_(False)"},
        {"train": "unfreeze(self.critic)"},
        # Nothing says that it is called after, or at all.
        {"train": "self.prepare()", "main": "Trainer()"},
        {"train": "self.prepare()", "main": "class Later(Trainer):\n    pass"},
    ],
)
def test_not_thawed_by_another_method(harmless: dict[str, str]) -> None:
    assert trainer(**harmless).thaw is None


IN_TRAIN_MODE = [
    "for m in model.backbone.modules():\n            if isinstance(m, nn.BatchNorm2d):\n"
    "                m.train()",
    "for m in getattr(model.backbone, args.name).modules():\n"
    "            if isinstance(m, nn.BatchNorm2d):\n                m.train()",
    "for m in model.modules():\n            if isinstance(m, nn.BatchNorm2d):\n"
    "                m.train()",
    "model.backbone.layer4.train()",
]


@pytest.mark.parametrize("wake", IN_TRAIN_MODE)
def test_layers_that_are_put_into_train_mode_themselves(wake: str) -> None:
    text = script().replace("            optimizer.step()", f"        {wake}")
    [message] = messages(plan_of(train=text), "BN202")
    assert "leave BatchNorm out there" in message
    [call] = [call for call in plan_of(train=text).train_calls if not call.guarded]
    assert ".train()" in (IMPORTS + text).splitlines()[call.place.line - 1]


@pytest.mark.parametrize(
    "harmless",
    [
        "model.head.train()",
        "for m in model.head.modules():\n            m.train()",
        "for m in model.backbone.modules():\n            if not isinstance(m, nn.BatchNorm2d):\n"
        "                m.train()",
        "model.backbone.train(False)",
        "model.backbone.layer4.train()\n        model.backbone.eval()",
        f"{IN_TRAIN_MODE[0]}\n        freeze(model)",
    ],
)
def test_layers_that_are_not_left_in_train_mode(harmless: str) -> None:
    text = script().replace("            optimizer.step()", f"        {harmless}")
    assert messages(plan_of(train=text), "BN202") == []


def test_before_the_optimizer_it_does_no_harm() -> None:
    text = script(freeze="model.backbone.layer4.train()\nfreeze(model)")
    assert messages(plan_of(train=text), "BN202") == []


_ONE_OF_TWO = """
def first(model):
    model.backbone{}
def second(model):
    model.head.requires_grad_(True)
chosen = first if torch.cuda.is_available() else second
"""


def test_one_of_the_functions_that_may_be_called() -> None:
    """It may thaw, and that is said; that it may freeze is not enough."""
    loop = "        for x in loader:"
    text = script().replace(loop, f"        chosen(model)\n{loop}")
    found = only(plan_of(train=_ONE_OF_TWO.format(".requires_grad_(True)") + text))
    assert found.state == "frozen"
    assert found.thaw is not None
    text = _ONE_OF_TWO.format(".eval().requires_grad_(False)") + script("", "chosen(model)")
    assert only(plan_of(train=text)).state == "partly"  # by what the loop does


# ------------------------------------------------------------------ siblings

SAME_OTHERWISE = """
def freeze(model):
    for name, module in model.named_modules():
        if name.startswith("backbone") and isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
            module.weight.requires_grad = False
            module.bias.requires_grad = False
"""
HEAD_TOO = OWN_FREEZE + "    model.head.requires_grad_(False)\n"
DIFFERENT = {
    "all of the backbone": (OWN_FREEZE, WHOLE, "everything in backbone"),
    "the head too": (OWN_FREEZE, HEAD_TOO, "BatchNorm in backbone and everything in head"),
}


@pytest.mark.parametrize("case", DIFFERENT)
@pytest.mark.parametrize("names", [("a_train", "b_train"), ("b_train", "a_train")])
def test_siblings_that_freeze_something_else(case: str, names: tuple[str, str]) -> None:
    """What differs from the setting is reported, wherever it stands."""
    wanted, other, what = DIFFERENT[case]
    plan = plan_of(Settings(), **{names[0]: script(wanted), names[1]: script(other)})
    assert {script.state for script in plan.train_scripts} == {"frozen"}
    assert messages(plan, "BN203") == [
        f"{names[1]}.py: {names[0]}.py freezes BatchNorm in backbone, this {what}: "
        "let both freeze the same"
    ]


def test_siblings_that_freeze_the_same_by_other_code() -> None:
    assert messages(plan_of(a=script(), b=script(SAME_OTHERWISE)), "BN203") == []


def test_the_sibling_that_freezes_less_than_the_setting_asks_for_is_mended() -> None:
    settings = Settings(freeze="backbone")
    plan = plan_of(settings, a=script(WHOLE), b=script(OWN_FREEZE))
    assert [(found.state, bool(found.fix)) for found in plan.train_scripts] == [
        ("frozen", False),
        ("partly", True),
    ]
    [message] = messages(plan, "BN203")
    assert message == "b.py: a.py freezes the backbone of the same model, this does not"


# ------------------------------------------------- frozen where it is made

BUILT = """
class Block(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.bn1 = nn.BatchNorm2d(3)
        {block}
class Neck(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(3)
        {neck}
class Net(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.backbone = nn.Sequential(Block(args), Block(args))
        self.neck = Neck()
def main(args, loader):
    model = Net(args)
    {before}
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
"""
STOP = "for p in self.bn1.parameters():\n            p.requires_grad = False"


@pytest.mark.parametrize(
    ("block", "before"),
    [
        (STOP, "pass"),
        ("self.bn1.requires_grad_(False)", "pass"),
        # The mode alone is set outside, and what is set there is not all.
        (STOP, "model.backbone.eval()"),
    ],
)
def test_blocks_that_stop_the_gradients_of_their_own_norms(block: str, before: str) -> None:
    plan = plan_of(train=BUILT.format(block=block, neck="pass", before=before))
    assert only(plan).state == "partly"
    assert only(plan).fix
    [message] = messages(plan, "BN201")
    assert "only eval mode or only requires_grad freezes BatchNorm in model.backbone" in message


@pytest.mark.parametrize(
    ("block", "neck"),
    [
        ("pass", "pass"),
        # Something else is frozen, or BatchNorm is thawed, or an option decides.
        ("self.conv.weight.requires_grad = False", "pass"),
        ("for p in self.conv.parameters(): p.requires_grad = False", "pass"),
        ("for p in self.bn1.parameters(): p.requires_grad = True", "pass"),
        ("for p in self.bn1.parameters(): p.requires_grad = args.train_bn", "pass"),
        ("if args.freeze: self.bn1.requires_grad_(False)", "pass"),
        ("self.bn1.eval()", "pass"),
        # It is no part of the backbone.
        ("pass", STOP),
    ],
)
def test_blocks_that_leave_their_own_norms_alone(block: str, neck: str) -> None:
    plan = plan_of(train=BUILT.format(block=block, neck=neck, before="pass"))
    assert only(plan).state == "unfrozen"


# --------------------------------------------------------- models made anew


def test_a_model_that_a_loop_makes_anew_behind_its_optimizer() -> None:
    """A freeze before the loop would reach the one of the first round alone."""
    lines = ["model = Detector()", "for fold in range(5):"]
    lines += ["    optimizer = torch.optim.Adam(model.parameters())", "    model = Detector()"]
    found = only(plan_of(train="\n".join(lines)))
    assert (found.state, found.fix) == ("unfrozen", "")
    assert found.reason == "a loop makes model anew: freeze each of them before its optimizer"


@pytest.mark.parametrize("again", ["model = model.cuda()", "model = nn.DataParallel(model)"])
def test_a_model_that_a_loop_moves(again: str) -> None:
    lines = ["model = Detector()", "for fold in range(5):"]
    lines += ["    optimizer = torch.optim.Adam(model.parameters())", f"    {again}"]
    assert only(plan_of(train="\n".join(lines))).fix


@pytest.mark.parametrize(
    "follows",
    [
        "if args.train:\n        optimizer = {optimizer}",
        "optimizer = {optimizer} if args.train else None",
        "optimizer = args.train and {optimizer}",
        "for x in loader:\n        optimizer = {optimizer}",
        "for x in loader:\n        if x: break\n        optimizer = {optimizer}",
        "try:\n        optimizer = {optimizer}\n    except AttributeError:\n        return",
    ],
)
def test_where_there_may_be_no_model(follows: str) -> None:
    """The script may do without one: a freeze would fail there."""
    made = "model = None\n    if args.large:\n        model = Detector()"
    made += "\n    elif args.small:\n        model = Detector()\n    "
    follows = follows.format(optimizer="torch.optim.Adam(model.parameters())")
    found = only(plan_of(train=f"def main(loader):\n    {made}{follows}\n"))
    assert (found.state, found.fix) == ("unfrozen", "")


TRAINER = """
class Trainer(nn.Module):
    def __init__(self):
        super().__init__()
        self.student = Detector()
        self.{second} = nn.ModuleList([Detector()])
        self.optimizer = torch.optim.Adam(self.student.parameters())
"""


@pytest.mark.parametrize(
    ("second", "frozen"),
    [
        ("teacher_model", ("student.backbone",)),
        ("teachers", ("student.backbone",)),
        ("second", ("student.backbone", "second.backbone")),
        ("teacherish", ("student.backbone", "teacherish.backbone")),  # no word of its own
    ],
)
def test_teachers_are_left_as_they_are(second: str, frozen: tuple[str, ...]) -> None:
    """They are trained already, and some are put into train mode on purpose."""
    plan = plan_of(train=TRAINER.format(second=second))
    assert only(plan).backbone == frozen
    [freeze] = [freeze for file in plan.files for freeze in file.freezes]
    assert freeze.wrappers == tuple(path.split(".")[0] for path in frozen)


LISTED = """
def main(loader):
    model = Detector()
    names = {names}
    for name, parameter in model.named_parameters():
        parameter.requires_grad = True
        if {test}:
            parameter.requires_grad = False
    optimizer = torch.optim.Adam(model.parameters())
"""


@pytest.mark.parametrize(
    ("names", "test", "state"),
    [
        ("[]", "any(x in name for x in names)", "unfrozen"),
        ("[]", "name in names", "unfrozen"),
        ("()", "name in names", "unfrozen"),
        ("[]", "name not in names", "partly"),
        ("['backbone.']", "any(x in name for x in names)", "partly"),
        ("[f'{x}.' for x in range(args.freeze)]", "any(x in name for x in names)", "partly"),
        ("[]\n    names = args.names", "any(x in name for x in names)", "partly"),
        ("args.names", "name in names", "partly"),
    ],
)
def test_lists_of_names_to_freeze(names: str, test: str, state: str) -> None:
    """An empty one freezes nothing."""
    assert only(plan_of(train=LISTED.format(names=names, test=test))).state == state


OWN_TRAIN = """
class Own(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.config = config
        self.head = nn.Linear(512, 4)

    def train(self, mode=True):
        super().train(mode)
        {body}

class Around(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.body = Own(config)

model = {made}(args)
optimizer = torch.optim.Adam(model.parameters())
"""


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ("if self.config.freeze: self.apply(off)", "in train"),
        ("if self.config.freeze: self.backbone.eval()", "in train"),
        ("for p in self.backbone.layer1.parameters(): p.requires_grad = False", "in train"),
        ("self.head.eval()", "unfrozen"),
        ("for p in self.parameters(): p.requires_grad = True", "unfrozen"),
        ("print(mode)", "unfrozen"),
    ],
)
def test_what_train_of_the_model_freezes(body: str, state: str) -> None:
    off = "import torchvision\ndef off(m):\n    if isinstance(m, nn.BatchNorm2d): m.eval()\n"
    for made in ("Own", "Around"):
        found = only(plan_of(train=off + OWN_TRAIN.format(body=body, made=made)))
        assert found.state == state


# -------------------------------------------------- classes asked for by name

BY_CLASS = """
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)
        self.load_state_dict(torch.hub.load_state_dict_from_url("https://host/encoder.pth"))

class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder()

def main(loader):
    def freeze(m):
        {named}
        if {test}:
            for parameter in m.parameters():
                parameter.requires_grad = False
    model = Net()
    model.apply(freeze)
    optimizer = torch.optim.Adam(model.parameters())
    for x in loader:
        model(x).sum().backward()
        optimizer.step()
"""


@pytest.mark.parametrize("named", ["m.__class__.__name__", "type(m).__name__", "m._get_name()"])
@pytest.mark.parametrize(
    ("test", "state"),
    [
        ("{} in ['Encoder', 'Neck']", "partly"),
        ("{} == 'Encoder'", "partly"),
        ("{}.find('Encoder') != -1", "partly"),
        ("{} not in ['Decoder']", "partly"),
        ("{} in ['Decoder', 'Neck']", "unfrozen"),
        ("{} == 'Linear'", "unfrozen"),
        ("{}.find('Conv') != -1", "unfrozen"),
    ],
)
def test_names_of_classes_are_no_names_of_attributes(named: str, test: str, state: str) -> None:
    for variable, text in (("pass", test.format(named)), (f"name = {named}", test.format("name"))):
        plan = plan_of(train=BY_CLASS.format(named=variable, test=text))
        assert only(plan).state == state
        assert messages(plan, "BN204") == []
