"""Networks that have some names in common with a family, and are called after another one."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

STAGES = """\
class {name}(nn.Module):
    def __init__(self, model_mode="LARGE"):
        super().__init__()
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.out_conv = nn.Sequential(nn.BatchNorm2d(8))  #! {own}
        self.block = nn.Sequential(nn.BatchNorm2d(8))  #! {own}
        self.head = nn.Sequential(nn.BatchNorm2d(8))  #! {head}
def build(path):
    net = {name}()
    net.load_state_dict(torch.load(path)['model'], strict=False)
    return net
net = build('net.pth')
"""


@pytest.mark.parametrize("name", ["MobileNetV3", "ShuffleNetV2", "GhostNet"])
def test_network_of_another_kind_has_a_file_of_its_own(name: str) -> None:
    check(STAGES.format(name=name, own="keep", head="convert"))


@pytest.mark.parametrize(("name", "own"), [("MobileNetV3", "keep"), ("ResNet", "unknown")])
def test_names_of_its_own_in_the_code_that_loads(name: str, own: str) -> None:
    asked = (
        "def build(path, wanted='layer1'):\n    assert wanted in ['out_conv', 'block', 'layer1']"
    )
    text = STAGES.format(name=name, own=own, head="convert")
    check(text.replace("def build(path):", asked))


@pytest.mark.parametrize("name", ["ResNet", "SEResNeXt50", "Res2Net", "DRN", "MobileNetPose"])
def test_network_of_the_family_or_with_more(name: str) -> None:
    check(STAGES.format(name=name, own="unknown", head="convert"))


def test_parts_of_such_a_network_in_another_class() -> None:
    check("""\
        def conv_bn(c):
            return nn.Sequential(nn.Conv2d(3, c, 3), nn.BatchNorm2d(c))  #! keep
        class ShuffleNetV2(nn.Module):
            def __init__(self, pretrained=False):
                super().__init__()
                self.conv1 = conv_bn(8)
                self.features = nn.Sequential(nn.BatchNorm2d(8))  #! keep
                if pretrained:
                    self._load_pretrained(torch.load('shufflenetv2_x1.pth.tar'))
            def _load_pretrained(self, given):
                own = self.state_dict()
                own.update({k: v for k, v in given.items() if k in own})
                self.load_state_dict(own)
        class Backend(nn.Module):
            def __init__(self):
                super().__init__()
                net = ShuffleNetV2(pretrained=True)
                self.low_features = nn.Sequential(net.conv1, nn.MaxPool2d(2))
                self.high_features = net.features
        class Seg(nn.Module):
            def __init__(self):
                super().__init__()
                self.backend = Backend()
                self.aspp = nn.BatchNorm2d(8)  #! convert
        net = Seg()
        """)


def test_published_file_of_another_kind() -> None:
    check("""\
        class ShuffleNetV2(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
                self.features = nn.Sequential(nn.BatchNorm2d(8))  #! keep
                self.conv5 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        URL = 'https://download.pytorch.org/models/shufflenetv2_x1-5666bf0f80.pth'
        def shufflenet():
            net = ShuffleNetV2()
            net.load_state_dict(torch.hub.load_state_dict_from_url(URL), strict=False)
            return net
        """)
