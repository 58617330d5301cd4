"""Train mode without training: the statistics of BatchNorm are measured anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

NET = """
import torch
import torchvision
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.head = nn.Conv2d(512, 4, 1)
"""
TRAIN = """
from net import Net
import torch
net = Net()
optimizer = torch.optim.SGD(net.parameters(), 0.1)
for x in range(10):
    net.train()
    net(x).sum().backward()
    optimizer.step()
"""
MEASURE = """
import torch
from net import Net
from elsewhere import fuse, metrics

def reset(m):
    if isinstance(m, torch.nn.BatchNorm2d):
        m.reset_running_stats()

def measure(args, loader, other=None):
    model = Net().cuda()
    model.load_state_dict(torch.load(args.path))
    {before}
    model.apply(reset)
    model.train()
    for images, labels in loader:
        with torch.no_grad():
            outputs = model(images)
        metrics.add(labels, outputs)
    {after}
"""


def reported(before: str = "pass", after: str = "pass", text: str = MEASURE) -> list[str]:
    measure = text.format(before=before, after=after.replace("\n", "\n    "))
    files = {"net.py": NET, "train.py": TRAIN, "measure.py": measure}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert "train.py" in [call.place.path for call in plan.train_calls]
    return [call.model for call in plan.train_calls if call.place.path == "measure.py"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pass", "pass"),
        ("model = fuse(model)", "torch.save(model.state_dict(), args.out)"),
        (
            "print(sum(p.numel() for p in model.parameters()))",
            "model = torch.nn.DataParallel(model)",
        ),
        ("fuse.update(args)", "fuse.running_score(outputs)"),
        ("print(model)", "torch.onnx.export(model, images, 'a.onnx')"),
    ],
)
def test_statistics_are_measured(before: str, after: str) -> None:
    assert (
        reported(before, after.replace("nn.", "torch.nn.", 1) if "= nn" in after else after) == []
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # It is trained, here or by whoever gets it.
        ("pass", "outputs.sum().backward()"),
        ("optimizer = torch.optim.SGD(model.parameters(), 0.1)", "pass"),
        ("pass", "fuse(model)"),
        ("pass", "fuse(net=model)"),
        ("pass", "return model"),
        ("pass", "args.model = model"),
        ("pass", "models = [model]"),
        ("copy = model", "pass"),
        ("pass", "yield model"),
        ("pass", "fuse(model.parameters())"),
        ("pass", "def closure():\n    return model"),
        ("pass", "model.train_on_batch(images)"),
        # It may be somebody else's.
        ("model = other", "pass"),
        ("model = args.model", "pass"),
        ("model, driver = fuse(args)", "pass"),
        ("global model", "pass"),
        ("driver = fuse()\n    model = driver.model()", "driver.update()"),
        ("model = other.model()", "pass"),
        ("pass", "fuse.run_epochs(args)"),
        ("pass", "fuse.runner(args)"),
        ("pass", "for layer in model.children():\n    fuse(layer)"),
        ("pass", "fuse.finetune(args)"),
    ],
)
def test_model_that_may_be_trained(before: str, after: str) -> None:
    assert reported(before, after) == ["model"]


def test_model_that_is_handed_in() -> None:
    text = MEASURE.replace("model = Net().cuda()", "pass").replace("loader, other", "loader, model")
    assert reported(text=f"{text}\nmeasure(None, None, Net())\n") == ["model"]
