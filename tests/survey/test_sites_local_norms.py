"""Classes of the repository that are a BatchNorm without being a subclass of torch's."""

from __future__ import annotations

import pytest

from bn2gn_codemod.plan import Plan
from tests.survey.verdicts import check, plan_of

STATISTICS = """\
        self.weight = nn.Parameter(torch.ones(c))
        self.bias = nn.Parameter(torch.zeros(c))
        self.register_buffer("running_mean", torch.zeros(c))
        self.register_buffer("running_var", torch.ones(c))
"""
ACTIVATED = f"""\
class ABN(nn.Module):
    def __init__(self, c, activation="leaky_relu"):
        super().__init__()
{STATISTICS}
class InPlaceABN(ABN):
    def forward(self, x):
        return inplace_abn(x, self.running_mean, self.running_var, self.activation)
"""
PLAIN = f"""\
class MyNorm(nn.Module):
    def __init__(self, c):
        super().__init__()
{STATISTICS}
"""


def net(head: str) -> str:
    return f"""
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = {head}
"""


def edits(plan: Plan) -> int:
    return sum(len(file.norms) for file in plan.files)


def test_activated_norm_of_the_repository_in_a_partial_and_by_itself() -> None:
    plan = check(
        ACTIVATED
        + """
from functools import partial
import torchvision
BatchNorm2d = partial(InPlaceABN, activation="none")  #! conflict
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = BatchNorm2d(64)  #! keep
        self.load_state_dict(torchvision.models.resnet18(pretrained=True).state_dict())
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = ResNet()
        self.head = nn.Sequential(
            BatchNorm2d(64),  #! conflict
            InPlaceABN(64),  #! unknown
            InPlaceABN(64, activation="none"),  #! convert
        )
"""
    )
    assert edits(plan) == 0
    reasons = [site.reasons[0] for site in plan.sites]
    assert any("also applies activation='leaky_relu'" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("definition", "name"),
    [
        (PLAIN, "MyNorm"),
        # conditional, by labels
        (
            PLAIN
            + """\
    def forward(self, x, labels):
        return (x - self.running_mean) * self.gains(labels)
""",
            "MyNorm",
        ),
        (PLAIN.replace("MyNorm", "LosslessNorm"), "LosslessNorm"),
        # statistics that only the call shows
        (
            """\
class Normalise(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.reset(c)
    def forward(self, x):
        return torch.nn.functional.batch_norm(x, self.running_mean, self.running_var)
""",
            "Normalise",
        ),
        # nothing but the name
        (
            """\
class SyncBN2d(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.impl = extension.make(c)
""",
            "SyncBN2d",
        ),
    ],
)
def test_norm_by_what_it_keeps_or_is_called(definition: str, name: str) -> None:
    plan = check(definition + net(f"{name}(8)  #! convert"))
    assert edits(plan) == 0
    assert "this repository's own class" in plan.sites[0].reasons[0]


def test_activated_subclass_of_batchnorm_is_not_replaced() -> None:
    plan = check(
        """\
class BatchNormReLU(nn.BatchNorm2d):
    def forward(self, x):
        return torch.relu(super().forward(x))
"""
        + net("BatchNormReLU(8)  #! unknown")
    )
    assert edits(plan) == 0


def test_subclass_of_batchnorm_that_only_normalises_is_replaced() -> None:
    plan = check(
        """\
class BatchNorm2d(nn.BatchNorm2d):
    def forward(self, x):
        return super().forward(x.contiguous())
"""
        + net("BatchNorm2d(8)  #! convert")
    )
    assert edits(plan) == 1


@pytest.mark.parametrize(
    ("definition", "made"),
    [
        (
            """\
class FrozenBatchNorm2d(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(c))
        self.register_buffer("running_var", torch.ones(c))
""",
            "FrozenBatchNorm2d(8)",
        ),
        # a weight that is a buffer is never trained
        (
            """\
class FixedNorm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.register_buffer("weight", torch.ones(c))
        self.register_buffer("running_mean", torch.zeros(c))
        self.register_buffer("running_var", torch.ones(c))
""",
            "FixedNorm(8)",
        ),
        # the mean of a dataset
        (
            """\
class Whitening(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(c))
""",
            "Whitening(8)",
        ),
        (
            """\
class AdaptiveInstanceNorm2d(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(c))
        self.register_buffer("running_var", torch.ones(c))
""",
            "AdaptiveInstanceNorm2d(8)",
        ),
        # the errors of a loss
        (
            PLAIN.replace("MyNorm", "ErrorNorm")
            + """\
    def forward(self, x, target):
        return ((x - target).abs() - self.running_mean).mean()
""",
            "ErrorNorm(8)",
        ),
        (PLAIN.replace("MyNorm", "BalancedLoss"), "BalancedLoss(8)"),
        ("class BatchNorm2d(nn.GroupNorm):\n    pass\n", "BatchNorm2d(8)"),
        ("class SyncBN(torch.autograd.Function):\n    pass\n", "SyncBN(8)"),
        ("class SyncBN:\n    def __init__(self, c):\n        self.c = c\n", "SyncBN(8)"),
        # what it makes is said by whoever calls it
        (
            """\
class BN(nn.Module):
    def __init__(self, c, norm_layer):
        super().__init__()
        self.layer = norm_layer(c)
""",
            "BN(8, nn.Identity)",
        ),
    ],
)
def test_other_classes_are_no_norm(definition: str, made: str) -> None:
    assert not check(definition + net(made)).sites


def test_wrapper_of_a_batchnorm_is_judged_by_the_layer_in_it() -> None:
    check(
        """\
class ABN(nn.Sequential):
    def __init__(self, c, activation=nn.ReLU()):
        super().__init__(nn.BatchNorm2d(c), activation)  #! convert
class BatchNorm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! convert
"""
        + net("nn.Sequential(ABN(8), BatchNorm(8))")
    )


def test_freeze_is_written_where_the_same_line_makes_a_torch_norm_too() -> None:
    plan = check(
        ACTIVATED
        + """
import functools
import torchvision
if torch.__version__.startswith("0"):
    BatchNorm2d = functools.partial(InPlaceABN, activation="none")  #! keep
else:
    BatchNorm2d = nn.SyncBatchNorm  #! keep
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = BatchNorm2d(64)  #! keep
        self.load_state_dict(torchvision.models.resnet18(pretrained=True).state_dict())
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = ResNet()
        self.head = BatchNorm2d(8)  #! convert
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
"""
    )
    assert plan.train_scripts[0].fix
    assert edits(plan) == 1


def test_activation_of_one_of_two_classes_by_a_name_is_not_dropped() -> None:
    plan = check(
        ACTIVATED
        + """
import torchvision
if torch.__version__.startswith("0"):
    BatchNorm2d = InPlaceABN  #! unknown
else:
    BatchNorm2d = nn.SyncBatchNorm  #! unknown
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = BatchNorm2d(8)  #! unknown
"""
    )
    assert [edit.kind for file in plan.files for edit in file.norms] == []


def test_no_freeze_is_written_for_what_it_would_not_see() -> None:
    script = """
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
"""
    own = f"""\
import torchvision
{PLAIN}
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = MyNorm(64)  #! keep
        self.load_state_dict(torchvision.models.resnet18(pretrained=True).state_dict())
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = ResNet()
        self.head = nn.BatchNorm2d(8)  #! convert
{script}"""
    plan = check(own)
    assert [script.fix for script in plan.train_scripts] == [""]
    assert "MyNorm (net.py:16) is no _BatchNorm of torch.nn" in plan.train_scripts[0].reason
    assert not any(file.freezes for file in plan.files)
    torchs = plan_of(own.replace("MyNorm(64)", "nn.BatchNorm2d(64)").replace("  #! keep", ""))
    assert torchs.train_scripts[0].fix


@pytest.mark.parametrize(
    ("method", "is_changed"),
    [
        ("def forward(self, x):\n        return super().forward(x)", True),
        ("def forward(self, x):\n        return super(Own, self).forward(x)", True),
        ("def forward(self, x):\n        x = nn.BatchNorm2d.forward(self, x)\n"
         "        return x", True),
        ("def forward(self, x):\n        return super().forward(x.float()).to(x.dtype)", True),
        ("def forward(self, x):\n        if x.numel(): return super().forward(x)\n"
         "        return Empty.apply(x)", True),
        ("def forward(self, x):\n        return torch.batch_norm(x, self.running_mean)", True),
        ("def forward(self, *x):\n        return super().forward(*x)", False),
        ("def forward(self, x, task):\n        return super().forward(x)", False),
        ("def forward(self, x, *, mask=None):\n        return super().forward(x)", False),
        ("def forward(self, x):\n        return super().forward(x), self.running_mean", False),
        ("def forward(self, x):\n        return [super(Own, self).forward(v) for v in x]", False),
        ("def forward(self, x):\n        return super().forward(x.transpose(1, 3))", False),
        ("def forward(self, x):\n        return super().forward(x) * self.scale", False),
        ("def forward(self, x):\n        return super().forward(x).transpose(1, 3)", False),
        ("def __call__(self, x, y):\n        return x", False),
        ("def extra_repr(self):\n        return 'own'", True),
    ],
)  # fmt: skip
def test_forward_that_does_more_than_batchnorm_is_not_replaced(
    method: str, is_changed: bool
) -> None:
    own = f"class Own(nn.BatchNorm2d):\n    {method}\n"
    plan = check(own + net("nn.Sequential(Own(8))  #! convert"))
    assert edits(plan) == is_changed
    assert is_changed or "this repository's own class" in plan.sites[0].reasons[0]
