"""Entries of a checkpoint that the code leaves out: their layers are not certain to be loaded."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, only

NETWORK = """\
class TransNet(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.blocks = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! keep
        self.bottleneck = nn.BatchNorm2d(8)  #! {verdict}
        self.load_param(path)
    def load_param(self, path):
        param_dict = torch.load(path)
{load}
class Model(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.backbone = TransNet(path)
"""
LOOP = """\
for k, v in param_dict.items():
    if k.startswith('module.'):
        k = k.replace('module.', '')
    {test}
    self.state_dict()[k].copy_(v)
"""


def network(load: str, verdict: str) -> str:
    return NETWORK.format(load=textwrap.indent(load, " " * 8), verdict=verdict)


@pytest.mark.parametrize(
    "test",
    [
        "if 'fc.' in k or 'bottleneck' in k: continue",
        "if k.startswith('bottleneck'): continue",
        "if k.startswith(('fc', 'bottleneck.')): continue",
        "if k in ('bottleneck.weight', 'bottleneck.bias'): continue",
        "if k == 'bottleneck.weight': continue",
        "if 'base.bottleneck' in k:\n        print(k)\n        continue",
    ],
)
def test_loop_passes_over_them(test: str) -> None:
    plan = check(network(LOOP.format(test=test), "unknown"))
    assert "but leaves out entries with 'b" in only(plan, "unknown")[0].reasons[0]


@pytest.mark.parametrize(
    "test",
    [
        "if 'fc' in k: continue",
        "if 'num_batches_tracked' in k: continue",
        "if 'bottleneck.num_batches_tracked' in k: continue",
        "if 'bottleneck' in k and v.dim() == 4: continue",
        "if 'bottleneck' in k: k = k.replace('bottleneck', 'bottleneck')",
        "if 'bottleneck' not in k: print(k)",
        "if 'blocks.bottleneck_2' in k: continue",
        "if '.' in k: pass",
    ],
)
def test_loop_copies_them(test: str) -> None:
    check(network(LOOP.format(test=test), "keep"))


@pytest.mark.parametrize(
    "removal",
    [
        "del param_dict['bottleneck.weight'], param_dict['bottleneck.bias']",
        "param_dict.pop('bottleneck.weight')",
        "param_dict = {k: v for k, v in param_dict.items() if 'bottleneck' not in k}",
        "param_dict = {k: v for k, v in param_dict.items() if not k.startswith('bottleneck')}",
        "param_dict = {k: v for k, v in param_dict.items() if 'fc' not in k and 'bott' not in k}",
    ],
)
def test_removed_before_the_load(removal: str) -> None:
    load = f"{removal}\nself.load_state_dict(param_dict, strict=False)\n"
    check(network(load, "unknown"))


@pytest.mark.parametrize(
    ("removal", "strict"),
    [
        ("param_dict.pop('fc.weight')", False),
        ("self.options.pop('bottle')", False),
        ("param_dict = {k: v for k, v in param_dict.items() if 'bottleneck' in k or k}", False),
        ("param_dict = {k: v for k, v in param_dict.items() if k in self.state_dict()}", False),
        # A strict load wants them all.
        ("extra = {k: v for k, v in param_dict.items() if 'bottleneck' not in k}", True),
    ],
)
def test_not_removed(removal: str, strict: bool) -> None:
    load = f"{removal}\nself.load_state_dict(param_dict, strict={strict})\n"
    check(network(load, "keep"))


def test_what_is_new_by_other_evidence_stays_new() -> None:
    check(
        """\
        from torch.utils import model_zoo
        class PoseResNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv1 = nn.Conv2d(3, 64, 7)
                self.bn1 = nn.BatchNorm2d(64)  #! keep
                self.layer1 = nn.Sequential(nn.BatchNorm2d(64))  #! keep
                self.layer2 = nn.Sequential(nn.BatchNorm2d(64))  #! keep
                self.layer3 = nn.Sequential(nn.BatchNorm2d(64))  #! keep
                self.layer4 = nn.Sequential(nn.BatchNorm2d(64))  #! keep
                self.deconv_layers = nn.Sequential(nn.BatchNorm2d(64))  #! convert
                state = model_zoo.load_url('https://download.pytorch.org/models/resnet50-1.pth')
                state = {k: v for k, v in state.items() if 'deconv' not in k and 'fc' not in k}
                self.load_state_dict(state, strict=False)
        model = PoseResNet()
        """
    )


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        ("name.split('.')[0] in self.pretrained_layers", "unknown"),
        ("name in self.state_dict()", "keep"),
    ],
)
def test_head_of_a_classification_network_where_layers_are_listed(
    condition: str, verdict: str
) -> None:
    check(
        f"""\
        class PoseHighResolutionNet(nn.Module):
            def __init__(self, cfg):
                super().__init__()
                self.conv1 = nn.Conv2d(3, 8, 3)
                self.bn1 = nn.BatchNorm2d(8)  #! keep
                self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
                self.transition1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
                self.stage2 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
                self.downsamp_modules = nn.ModuleList([nn.BatchNorm2d(8)])  #! {verdict}
                self.pretrained_layers = cfg['PRETRAINED_LAYERS']
            def init_weights(self, pretrained=''):
                state = {{}}
                for name, tensor in torch.load(pretrained).items():
                    if {condition}:
                        state[name] = tensor
                self.load_state_dict(state, strict=False)
        """
    )


MAPPING = """\
class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! keep
        self.bottleneck = nn.BatchNorm2d(8)  #! {verdict}
    def load_pretrained(self, path):
        base = torch.load(path)
        ours = dict(self.named_modules())
        theirs = dict(base.named_modules())
        mapping = {{}}
        {fill}
        for name in mapping:
            ours[name].weight.data = theirs[mapping[name]].weight.data.clone()
            mine = ours[name]
            mine.running_mean.data = theirs[mapping[name]].running_mean.data
body = Body()
body.load_pretrained('net.pth')
"""


@pytest.mark.parametrize(
    ("fill", "verdict"),
    [
        # What another loop leaves out of the names that are gone over later.
        ("if 'bottleneck' in name: continue\nmapping[name] = name", "unknown"),
        ("if 'bottleneck' not in name:\n    mapping[name] = name", "unknown"),
        ("if 'fc' in name: continue\nmapping[name] = name", "keep"),
        ("if 'bottleneck' in name: print(name)\nmapping[name] = name", "keep"),
        # It comes too late.
        ("mapping[name] = name\nif 'bottleneck' in name: continue", "keep"),
        # Of another dict.
        ("if 'bottleneck' in name: continue\nothers[name] = name", "keep"),
    ],
)
def test_left_out_of_a_mapping(fill: str, verdict: str) -> None:
    loop = "for name in ours:\n" + textwrap.indent(fill, " " * 4)
    check(MAPPING.format(fill=textwrap.indent(loop, " " * 8).strip(), verdict=verdict))


@pytest.mark.parametrize(
    "more",
    [
        "for name in theirs:\n    mapping[name] = name",
        "mapping.update(dict.fromkeys(theirs))",
        "mapping = {name: name for name in theirs}",
    ],
)
def test_a_mapping_that_is_filled_elsewhere_as_well(more: str) -> None:
    loop = "for name in ours:\n    if 'bottleneck' in name: continue\n    mapping[name] = name"
    fill = textwrap.indent(f"{loop}\n{more}", " " * 8).strip()
    check(MAPPING.format(fill=fill, verdict="keep"))
