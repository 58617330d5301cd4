"""Networks with two ends: a classifier's, whose file is loaded, and one for dense prediction."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

NET = """\
class Patch(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.BatchNorm2d(dim)  #! {patch}
class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.BatchNorm2d(dim)  #! keep
class QuickNet(nn.Module):
    def __init__(self, dim=32, dense=False, deep=False, num_classes=10, path=None):
        super().__init__()
        self.dense = dense
{first}
        self.stages = nn.Sequential(Block(dim))
{ends}
        if path is not None:
            self.init_weights(path)
    def init_weights(self, pretrained):
        self.load_state_dict(torch.load(pretrained)['model'], strict=False)
"""
EMBED = "self.patch_embed = Patch(dim)"


def _net(ends: str = "pass", first: str = EMBED, patch: str = "keep") -> str:
    ends, first = (textwrap.indent(part, " " * 8) for part in (ends, first))
    return NET.format(ends=ends, first=first, patch=patch)


@pytest.mark.parametrize(
    "ends",
    [
        "if dense:\n"
        "    self.norm2 = nn.BatchNorm2d(dim)  #! unknown\n"
        "else:\n"
        "    self.head = nn.Linear(dim, num_classes)",
        "if not self.dense:\n"
        "    self.fc = nn.Linear(dim, num_classes) if num_classes else nn.Identity()\n"
        "if dense:\n"
        "    for i in range(2):\n"
        "        if i > 0:\n"
        "            self.add_module(f'norm{i}', nn.BatchNorm2d(dim))  #! unknown",
        "if self.dense:\n"
        "    for i in range(2):\n"
        "        norm = nn.BatchNorm2d(dim)  #! unknown\n"
        "        name = 'norm' + str(i)\n"
        "        setattr(self, name, norm)\n"
        "else:\n"
        "    self.classifier = nn.Linear(dim, num_classes)",
    ],
)
def test_what_stands_there_instead_of_the_classifier(ends: str) -> None:
    check(_net(ends))


@pytest.mark.parametrize(
    "ends",
    [
        # It has both.
        "self.norm2 = nn.BatchNorm2d(dim)  #! keep\n"
        "if not dense:\n"
        "    self.head = nn.Linear(dim, num_classes)",
        "if dense:\n"
        "    self.norm2 = nn.BatchNorm2d(dim)  #! keep\n"
        "    self.head = nn.Linear(dim, num_classes)",
        # Another option, or one for both ends.
        "if deep:\n"
        "    self.norm2 = nn.BatchNorm2d(dim)  #! keep\n"
        "if not dense:\n"
        "    self.head = nn.Linear(dim, num_classes)",
        "if dense:\n"
        "    self.norm2 = nn.BatchNorm2d(dim)  #! keep\n"
        "else:\n"
        "    self.norm2 = nn.BatchNorm2d(dim + 1)  #! keep\n"
        "    self.head = nn.Linear(dim, num_classes)",
        # What is no classifier.
        "if dense:\n"
        "    self.norm2 = nn.BatchNorm2d(dim)  #! keep\n"
        "else:\n"
        "    self.pool = nn.AvgPool2d(2)",
        # What a size asks for.
        "if dim > 32:\n"
        "    self.norm2 = nn.BatchNorm2d(dim)  #! keep\n"
        "else:\n"
        "    self.norm3 = nn.BatchNorm2d(dim)  #! keep",
    ],
)
def test_what_the_classifier_may_have(ends: str) -> None:
    check(_net(ends))


@pytest.mark.parametrize(
    "first",
    [
        EMBED,
        "self.pos_embed = nn.Parameter(torch.zeros(1))\n" + EMBED,
        "self.embeddings = Patch(dim)",
        "self.patch_embed1 = Patch(dim)\nself.patch_embed2 = Patch(dim)",
    ],
)
def test_a_network_begins_with_its_embedding(first: str) -> None:
    check(_net(first=first))


@pytest.mark.parametrize(
    "first",
    [
        # Of what the network found, or of what it is asked for.
        "self.stem = nn.Conv2d(3, dim, 3)\nself.embeddings = Patch(dim)",
        "self.stem = Block(dim)\nself.patch_embed = Patch(dim)",
        "self.embed = Patch(dim)",
        "self.decoder_embed = Patch(dim)",
        "self.patch_embed_head = Patch(dim)",
    ],
)
def test_an_embedding_that_may_be_added(first: str) -> None:
    check(_net(first=first, patch="unknown"))


def test_an_embedding_behind_the_stages() -> None:
    check(_net("self.patch_embed = Patch(dim)", first="pass", patch="unknown"))
