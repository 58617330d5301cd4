"""Loads that every call of the repository declines: nothing is pretrained by them."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

_NET = """\
-- dla.py --
from torch.utils import model_zoo
class DLA(nn.Module):
    def __init__(self):
        super().__init__()
        self.base_layer = nn.BatchNorm2d(8)  #! {verdict}
        self.level0 = nn.BatchNorm2d(8)  #! {verdict}
        self.level1 = nn.BatchNorm2d(8)  #! {verdict}
        self.level2 = nn.BatchNorm2d(8)  #! {verdict}
    def load_pretrained_model(self, name):
        self.load_state_dict(model_zoo.load_url('https://example.com/' + name))
def dla34(pretrained=True, **kwargs):
    model = DLA(**kwargs)
    if pretrained:
        model.load_pretrained_model('dla34.pth')
    return model
def dla60(pretrained=False, **kwargs):
    model = DLA(**kwargs)
    if pretrained:
        model.load_pretrained_model('dla60.pth')
    return model
class DLASeg(nn.Module):
    def __init__(self, name, pretrained):
        super().__init__()
        self.{attribute} = {made}
        self.up = nn.BatchNorm2d(8)  #! {beside}
def get_net(layers):
    return DLASeg('dla{{}}'.format(layers), pretrained={given})
-- train.py --
import dla
def main(loader):
    model = dla.get_net(34)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model.train()
    for x in loader:
        model(x).sum().backward()
        optimizer.step()
"""


def _repository(
    verdict: str,
    beside: str,
    made: str = "globals()[name](pretrained=pretrained)",
    given: str = "False",
    attribute: str = "base",
) -> str:
    return _NET.format(verdict=verdict, beside=beside, made=made, given=given, attribute=attribute)


@pytest.mark.parametrize(
    ("made", "given"),
    [
        ("globals()[name](pretrained=pretrained)", "False"),
        ("dla34(pretrained=pretrained)", "False"),
        ("dla34(pretrained=False)", "True"),
        ("dla34(False)", "True"),
    ],
)
def test_weights_that_every_call_declines(made: str, given: str) -> None:
    text = _repository("unknown", "unknown", made, given)
    check(text)
    assert not plan_of(text).train_scripts


@pytest.mark.parametrize(
    ("made", "given"),
    [
        ("globals()[name](pretrained=pretrained)", "True"),
        ("globals()[name](pretrained=pretrained)", "layers > 34"),
        ("dla34()", "False"),
        ("dla34(False) if name else dla60(True)", "False"),
        ("dla34(*name)", "False"),
        ("dla34(**name)", "False"),
    ],
)
def test_weights_that_some_call_may_ask_for(made: str, given: str) -> None:
    text = _repository("keep", "convert", made, given)
    check(text)
    [script] = plan_of(text).train_scripts
    assert script.backbone == ("base",)


@pytest.mark.parametrize(
    ("makes", "is_asked"),
    [
        ("make = partial(dla.DLASeg, pretrained=True)\n    make('dla34')", True),
        ("make = partial(dla.DLASeg, 'dla34', True)\n    make()", True),
        ("make = partial(dla.DLASeg, 'dla34')\n    make(True)", True),
        ("make = {'a': partial(dla.DLASeg, pretrained=True)}\n    make['a']('dla34')", True),
        ("make = lambda: dla.DLASeg('dla34', True)\n    make()", True),
        ("list(map(dla.DLASeg, ['dla34'], [True]))", True),
        ("pool.apply_async(dla.DLASeg, ('dla34', True))", True),
        ("fit(partial(dla.DLASeg, pretrained=False))", False),
        ("make = lambda: dla.DLASeg('dla34', False)\n    make()", False),
        ("isinstance(model, dla.DLASeg)", False),
    ],
)
def test_who_asks_may_do_so_by_no_call_of_its_own(makes: str, is_asked: bool) -> None:
    verdicts = ("keep", "convert") if is_asked else ("unknown", "unknown")
    text = _repository(*verdicts, made="dla34(pretrained=pretrained)")
    text = text.replace("import dla\n", "import dla\nfrom functools import partial\n")
    check(text.replace("dla.get_net(34)\n", f"dla.get_net(34)\n    {makes}\n"))


@pytest.mark.parametrize("made", ["dla34()", "dla34(name=name)", "dla34('')", "dla34(None)"])
def test_weights_of_which_no_call_speaks(made: str) -> None:
    """Whoever uses the network may ask for them: a default is off, or a path is not given yet."""
    text = _repository("keep", "convert", made, "False").replace(
        "def dla34(pretrained=True", "def dla34(pretrained=False"
    )
    check(text)


def test_network_where_backbones_live() -> None:
    """A path in a config may bring its weights, too."""
    text = _repository("keep", "convert")
    text = text.replace("-- dla.py --", "-- backbones/dla.py --")
    check(text.replace("import dla\n", "from backbones import dla\n"))


def test_backbone_by_its_name() -> None:
    """What is loaded into the whole model may have it: it stays what it is called."""
    text = _repository("keep", "convert", attribute="backbone")
    check(text)


@pytest.mark.parametrize(
    "method",
    [
        # An offer that nothing takes up yet is one.
        "def start(self):\n        self.base = dla34(pretrained=True)",
        "def fill(self, path):\n        self.base.load_state_dict(torch.load(path))",
    ],
)
def test_network_that_may_get_weights_in_another_way(method: str) -> None:
    text = _repository("keep", "convert", "dla34(pretrained=False)")
    check(text.replace("def get_net", f"    {method}\ndef get_net"))


def test_network_that_is_not_made_without_its_weights() -> None:
    text = _repository("keep", "convert", "dla34()").replace("pretrained=False)", "deep=False)")
    text = text.replace("(self, name, pretrained)", "(self, name, deep)")
    check(text.replace("self.base = dla34()", "if deep: self.base = dla34()"))


def test_factory_that_is_only_tried_out() -> None:
    """Whoever imports it may ask for its weights."""
    check(
        """\
        -- dla.py --
        from torch.utils import model_zoo
        class DLA(nn.Module):
            def __init__(self):
                super().__init__()
                self.base_layer = nn.BatchNorm2d(8)  #! keep
                self.level0 = nn.BatchNorm2d(8)  #! keep
        def dla34(pretrained=False):
            model = DLA()
            if pretrained:
                model.load_state_dict(model_zoo.load_url('https://example.com/dla34.pth'))
            return model
        if __name__ == '__main__':
            print(dla34())
        """
    )


def test_factories_that_nothing_calls_beside_one_that_is_declined() -> None:
    check(
        """\
        -- dla.py --
        from torch.utils import model_zoo
        class DLA(nn.Module):
            def __init__(self):
                super().__init__()
                self.base_layer = nn.BatchNorm2d(8)  #! unknown
                self.level0 = nn.BatchNorm2d(8)  #! unknown
        def build(pretrained):
            model = DLA()
            if pretrained:
                model.load_state_dict(model_zoo.load_url('https://example.com/dla34.pth'))
            return model
        def dla34(pretrained=False):
            return build(pretrained)
        def dla60(pretrained=False):
            return build(pretrained)
        -- net.py --
        from dla import dla34
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.encoder = dla34(pretrained=False)
        """
    )


_TWO = """\
-- net.py --
from torch.utils import model_zoo
__all__ = ['ResNet', 'resnet18', 'resnet34']
urls = {'resnet18': 'https://example.com/18.pth', 'resnet34': 'https://example.com/34.pth'}
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! VERDICT
        self.layer1 = nn.BatchNorm2d(8)  #! VERDICT
def resnet18(pretrained=False):
    model = ResNet()
    if pretrained:
        model.load_state_dict(model_zoo.load_url(urls['resnet18']))
    return model
def resnet34(pretrained=False):
    model = ResNet()
    if pretrained:
        model.load_state_dict(model_zoo.load_url(urls['resnet34']))
    return model
-- model.py --
import net
from net import resnet18, resnet34
class Model(nn.Module):
    def __init__(self, pretrained=True):
        super().__init__()
        self.trunk = resnet18(pretrained)
        self.fuse = nn.BatchNorm2d(8)  #! BESIDE
-- train.py --
from model import Model
def main(loader, name):
    model = Model(pretrained=False)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model.train()
    for x in loader:
        model(x).sum().backward()
"""


@pytest.mark.parametrize(
    ("more", "verdict", "beside"),
    [
        ("", "unknown", "unknown"),
        ("other = Model()", "keep", "convert"),
        ("import net\nother = net.resnet34(True)", "keep", "convert"),
        ("import net\nother = getattr(net, 'resnet34')(True)", "keep", "convert"),
        (
            "import net\nnets = {name: getattr(net, name)(True) for name in net.urls}",
            "keep",
            "convert",
        ),
    ],
)
def test_factories_in_one_file_of_which_one_is_used(more: str, verdict: str, beside: str) -> None:
    """What no code comes to says nothing of what the other one gives, nor do tables of names."""
    text = _TWO.replace("VERDICT", verdict)
    text = text.replace("BESIDE", beside)
    plan = check(f"{text}{more}\n")
    assert not any(file.freezes for file in plan.files)  # its own script wants no weights
