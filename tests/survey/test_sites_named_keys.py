"""Added parts that the code speaks of where it loads the weights of a well-known network."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

NETWORK = """\
class ResNet(nn.Module):
    def __init__(self, layers=()):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7)
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.neck1 = nn.Sequential(nn.BatchNorm2d(8))  #! {neck}
        self.top_head = nn.Sequential(nn.BatchNorm2d(8))  #! convert
        self.layers = layers
    def init_weights(self, path):
        read = torch.load(path)
{load}
{rest}
"""


def network(load: str, rest: str = "", neck: str = "unknown") -> str:
    load = textwrap.indent(textwrap.dedent(load), " " * 8)
    return NETWORK.format(load=load, rest=textwrap.dedent(rest), neck=neck)


@pytest.mark.parametrize(
    "load",
    [
        # Entries of another layer are given the name,
        "self.load_state_dict({k.replace('layer3', 'neck1'): v for k, v in read.items()}, False)",
        "for k in list(read):\n    if k.startswith('layer3'): read['neck1' + k[6:]] = read[k]\n"
        "self.load_state_dict(read, strict=False)",
        "for i in range(2):\n    read[f'neck{i}.0.weight'] = read[f'layer{i}.0.weight']\n"
        "self.load_state_dict(read, strict=False)",
        "self.load_state_dict(renamed(read), strict=False)",
        "renamed(read)\nself.load_state_dict(read, strict=False)",
        # or are loaded by a list.
        "self.load_state_dict(\n"
        "    {k: v for k, v in read.items() if k.split('.')[0] in self.layers}, strict=False)",
        # A setting is asked before, or it is no setting that is asked.
        "if 'neck1' in args.path:\n    read = read['a']\nself.load_state_dict(read, strict=False)",
        "for k in read:\n    self.load_state_dict({k: read[k]}, strict=False)\n"
        "    if 'neck1' in args.path:\n        read = renamed(read)",
        "self.load_state_dict(read, strict=False)\nassert 'neck1' in read",
        "self.load_state_dict(read, strict=False)\nif args.more:\n    fill('neck1', read)",
        # It is filled from another one itself.
        "self.load_state_dict(read, strict=False)\n"
        "self.neck1.load_state_dict(self.layer3.state_dict())",
        "self.load_state_dict(read, strict=False)\n"
        "for a, b in zip(self.neck1.parameters(), self.layer3.parameters()):\n"
        "    a.data.copy_(b.data)",
    ],
)
def test_added_part_that_is_spoken_of(load: str) -> None:
    check(
        network(
            load,
            """\
            def renamed(state):
                return {k.replace('layer3', 'neck1'): v for k, v in state.items()}
            LAYERS = ['conv1', 'layer1', 'layer2', 'neck1']
            """,
        )
    )


@pytest.mark.parametrize(
    "load",
    [
        # A setting is asked for a word, once all is loaded.
        "self.load_state_dict(read, strict=False)\nif 'neck1' in args.method:\n    loss = two",
        "self.load_state_dict(read, strict=False)\nloss = two if 'neck1' == args.kind else one",
        "self.load_state_dict(read, strict=False)",
        # Another name is given, or the entries are left out.
        "self.load_state_dict({k.replace('module.', ''): v for k, v in read.items()}, False)",
        "self.load_state_dict({k: v for k, v in read.items() if 'neck1' not in k}, strict=False)",
        "print('leaves out neck1 and top_head')\nself.load_state_dict(read, strict=False)",
        "self.load_state_dict(\n"
        "    {k: v for k, v in read.items() if k.split('.')[0] in self.layers}, strict=False)",
    ],
)
def test_added_part_that_is_not(load: str) -> None:
    check(
        network(
            load,
            """\
            LAYERS = ['conv1', 'layer1', 'layer2']
            PARTS = ['trunk', 'neck1']
            def elsewhere(state):
                return {k.replace('layer3', 'neck1'): v for k, v in state.items()}
            """,
            neck="convert",
        )
    )
