"""``parent._modules[name] = layer``: an attribute of the module, below a name that is not known."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

NET = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! keep
        self.classifier = nn.Linear(8, 9)
class VGGNet(Net):
    pass
def vgg16():
    model = VGGNet()
    model.load_state_dict(torch.hub.load_state_dict_from_url(
        'https://download.pytorch.org/models/vgg16-397923af.pth'))
    return model
"""


@pytest.mark.parametrize(
    "store",
    [
        "net._modules[path[-1]] = nn.BatchNorm2d(8)",
        "net._modules.update({path[-1]: nn.BatchNorm2d(8)})",
        "net._modules.setdefault(path[-1], nn.BatchNorm2d(8))",
    ],
)
def test_no_part_of_a_model_is_called_modules(store: str) -> None:
    script = f"""\
-- train.py --
from net import vgg16
net = vgg16()
def put(path):
    {store}
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
net.train()
"""
    plan = plan_of(NET + script)
    edits = [edit for file in plan.files for edit in file.freezes]
    assert all("_modules" not in edit.backbone for edit in edits)
    assert [script.backbone for script in plan.train_scripts] == [("features",)]
    assert {site.verdict for site in plan.sites if site.place.path == "train.py"} <= {
        "keep",
        "unknown",
        "conflict",
    }


def test_a_neck_may_keep_its_layers_so() -> None:
    check(
        """\
        import torchvision
        class Model(nn.Module):
            def __init__(self, n):
                super().__init__()
                self.backbone = torchvision.models.resnet18(pretrained=True)
                for i in range(n):
                    self._modules[str(i)] = nn.BatchNorm2d(8)  #! convert
                self._modules['last'] = nn.BatchNorm2d(8)  #! convert
                self._modules.update(more=nn.BatchNorm2d(8))  #! convert
        """
    )


def test_what_is_no_module_may_call_anything_so() -> None:
    check(
        """\
        import torchvision
        class Book:
            def __init__(self):
                self._modules = {}
            def add(self, name, module):
                self._modules[name] = module
            def get(self, name):
                return self._modules[name]
        book = Book()
        book.add('neck', nn.BatchNorm2d(8))  #! convert
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torchvision.models.resnet18(pretrained=True)
                self.neck = book.get('neck')
        """
    )
