"""Models of modules that are loaded from files: ``imp.load_source("net", folder + name)``."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

FILES = """\
-- parts.py --
class Unit(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm = nn.BatchNorm2d(c)  #! {unit}
class Tail(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm = nn.BatchNorm2d(c)  #! {tail}
-- trunks/slim.py --
from parts import Unit
from torch.utils import model_zoo
class Trunk(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.units = nn.Sequential(Unit(8), Unit(16))
        self.load_state_dict(model_zoo.load_url("https://a.org/slim.pth"))
-- ends/wide.py --
from parts import Unit, Tail
class Decoder(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.mix = nn.ModuleList([Unit(8)])
        self.tail = Tail(8)
-- train.py --
import imp, os
import importlib.util
import settings
class Whole(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        {made}
        self.backbone = trunks.Trunk(cfg.size)
        self.decoder = ends.Decoder(cfg.size)
def main(loader, cfg):
    model = Whole(cfg)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model.train()
    for x in loader:
        model(x).sum().backward()
        optimizer.step()
"""


def files(made: str, unit: str, tail: str) -> str:
    return FILES.format(made=made.replace("; ", "\n        "), unit=unit, tail=tail)


LOADED = (
    "trunks = imp.load_source('trunks', settings.ROOT + '/trunks/' + cfg.trunk + '.py'); "
    "ends = imp.load_source('ends', settings.ROOT + '/ends/' + cfg.end + '.py')"
)


@pytest.mark.parametrize(
    "made",
    [
        LOADED,
        "trunks = imp.load_source('t', './trunks/%s.py' % cfg.trunk); "
        "ends = imp.load_source('e', f'{settings.ROOT}/ends/{cfg.end}.py')",
        "where = os.path.join(settings.ROOT, 'trunks', cfg.trunk + '.py'); "
        "trunks = imp.load_source('t', where); "
        "ends = imp.load_source('e', os.path.join(settings.ROOT, 'ends', 'wide.py'))",
        "trunks = imp.load_source('t', 'trunks/slim.py'); "
        "ends = imp.load_source('e', pathname='ends/wide.py')",
    ],
)
def test_modules_in_a_folder(made: str) -> None:
    text = files(made, "conflict", "convert")
    check(text)
    [script] = plan_of(text).train_scripts
    assert script.backbone == ("backbone",)
    assert script.fix


@pytest.mark.parametrize(
    "path",
    [
        "cfg.end",
        "cfg.folder + '/' + cfg.end + '.py'",
        "'other/' + cfg.end + '.py'",
        "'ends/' + cfg.end + '.txt'",
    ],
)
def test_paths_that_tell_no_module(path: str) -> None:
    made = f"{LOADED.partition('; ')[0]}; ends = imp.load_source('ends', {path})"
    plan = plan_of(files(made, "keep", "unknown"))
    assert [site.verdict for site in plan.sites][1:] == ["unknown"]


OWN_STATE = """
import copy
from torch.utils import model_zoo

class Unit(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(8)  #! {verdict}

class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.units = nn.Sequential(Unit(), Unit())
        self.load_state_dict(model_zoo.load_url("https://a.org/slim.pth"))

class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Sequential(Unit())

class Whole(nn.Module):
    def __init__(self, path=None):
        super().__init__()
        self.backbone = Trunk()
        self.decoder = Decoder()
        if path is not None:
            self.decoder.load_state_dict(torch.load(path + "/decoder"), strict=True)

class Training:
    def __init__(self, path):
        self.net = Whole(path)
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1)

    def average(self):
        {copied}
"""


@pytest.mark.parametrize(
    "copied",
    [
        "mean = copy.deepcopy(self.net.decoder).cpu().state_dict()\n"
        "        self.net.decoder.load_state_dict(mean)",
        "pass",
    ],
)
def test_the_mean_of_its_own_states(copied: str) -> None:
    check(OWN_STATE.format(verdict="conflict", copied=copied))
