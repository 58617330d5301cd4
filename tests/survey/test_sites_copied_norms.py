"""``BatchNorm2d(x.num_features)``: it stands in for a norm, or it is as wide as its model says."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check


@pytest.mark.parametrize(
    "stored",
    [
        "self.num_features = width",
        "self.num_features, self.n = width, 2",
        "self.num_features = width if width else 8",
    ],
)
def test_the_width_of_a_model_is_no_norms(stored: str) -> None:
    check(
        f"""\
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        {stored}
        self.conv = nn.Conv2d(3, width, 3)
        self.bn = nn.BatchNorm2d(self.num_features)  #! unknown
        self.more = nn.Sequential(*[nn.BatchNorm2d(self.num_features) for _ in '12'])  #! unknown
"""
    )


def test_it_may_be_stored_by_a_base_class() -> None:
    check(
        """\
        class Base(nn.Module):
            num_features = 64
        class Net(Base):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(self.num_features)  #! unknown
        """
    )


def test_beside_a_backbone_it_is_as_new_as_with_any_other_number() -> None:
    check(
        """\
        import torchvision
        class Net(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.num_features = width
                self.backbone = torchvision.models.resnet18(pretrained=True)
                self.bn = nn.BatchNorm2d(self.num_features)  #! convert
        """
    )


@pytest.mark.parametrize(
    "code",
    [
        # Functions that are handed the norm.
        "def swap(module):\n    return nn.BatchNorm2d(module.num_features, eps=1e-3)  #! keep\n",
        "def swap(self):\n    return nn.BatchNorm2d(self.num_features)  #! keep\n",
        # A norm that gives another one for itself.
        "class Frozen(nn.BatchNorm2d):\n"
        "    def __init__(self, c):\n"
        "        super().__init__(c)\n"
        "        self.num_features = c\n"
        "    def thawed(self):\n"
        "        return nn.BatchNorm2d(self.num_features)  #! keep\n",
        "class FrozenBatchNorm2d(nn.Module):\n"
        "    def __init__(self, c):\n"
        "        super().__init__()\n"
        "        self.num_features = c\n"
        "    def thawed(self):\n"
        "        return nn.BatchNorm2d(self.num_features)  #! keep\n",
        # The model's own number is another one, or it is not this model's.
        "class Tool:\n"
        "    def __init__(self, c):\n"
        "        self.num_features = c\n"
        "    def swap(self, module):\n"
        "        return nn.BatchNorm2d(module.num_features)  #! keep\n",
        "class Tool(nn.Module):\n"
        "    def swap(self):\n"
        "        return nn.BatchNorm2d(self.num_features)  #! keep\n",
        "class Tool(nn.Module):\n"
        "    def __init__(self, norm):\n"
        "        self.num_features = norm.num_features\n"
        "        self.norm = norm\n"
        "    def swap(self):\n"
        "        return nn.BatchNorm2d(self.norm.num_features)  #! keep\n",
    ],
)
def test_a_norm_that_stands_in_for_another(code: str) -> None:
    check(code)
