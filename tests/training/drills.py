"""Small repositories that train a small detector, each by another driver.

Every ``train.py`` ends in two calls of ``save``: of the state before the first
and after the last iteration. The model has a pretrained ``backbone`` and a new
``head``; ``pretrained.pth`` stands in for published weights.
"""

from __future__ import annotations

MODEL = """
import torch
from torch import nn


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.layer1 = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())

    def forward(self, x):
        return self.layer1(torch.relu(self.bn1(self.conv1(x))))

    def init_weights(self, pretrained):
        self.load_state_dict(torch.load(pretrained))


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.backbone.init_weights("pretrained.pth")
        self.head = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 1))

    def forward(self, x):
        return self.head(self.backbone(x))
"""

DATA = """
import torch
from torch import nn

EPOCHS, ITERATIONS = 2, 3


def batches():
    generator = torch.Generator().manual_seed(1)
    for _ in range(ITERATIONS):
        yield torch.randn(2, 3, 8, 8, generator=generator) * 2 + 1


def loss_of(output):
    return (output - 1).square().mean()


def save(model, name):
    torch.save(
        {"state": {k: v.clone() for k, v in model.state_dict().items()}}, name + ".pt"
    )
"""

PLAIN = """
import torch

from data import EPOCHS, batches, loss_of, save
from model import Detector


def main():
    model = Detector()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-2)
    save(model, "before")
    for epoch in range(EPOCHS):
        model.train()
        for x in batches():
            loss = loss_of(model(x))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    save(model, "after")


if __name__ == "__main__":
    main()
"""

DATA_PARALLEL = PLAIN.replace("Detector()", "torch.nn.DataParallel(Detector())")

COMPILED = PLAIN.replace("Detector()", 'torch.compile(Detector(), backend="eager")')

SWITCHING = PLAIN.replace(
    """    save(model, "after")""",
    """        model.eval()
        with torch.no_grad():
            for x in batches():
                model(x)
        model.train(True)
    save(model, "after")""",
)

DISTRIBUTED = """
import os

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel

from data import EPOCHS, batches, loss_of, save
from model import Detector


def main(rank, store):
    dist.init_process_group("gloo", init_method="file://" + store, rank=rank, world_size=2)
    model = Detector()
    model = DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-2)
    if rank == 0:
        save(model, "before")
    for epoch in range(EPOCHS):
        model.train()
        for x in batches():
            loss = loss_of(model(x + rank))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    if rank == 0:
        save(model, "after")
    dist.barrier()  # no process leaves while the other one is still at it
    del model, loss
    dist.destroy_process_group()


if __name__ == "__main__":
    store = os.path.abspath("store")
    if os.path.exists(store):
        os.remove(store)
    mp.start_processes(main, args=(store,), nprocs=2, start_method="spawn")
"""

TRAINER_CLASS = """
import torch

from data import EPOCHS, batches, loss_of, save
from model import Detector


class ModelWithLoss(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return loss_of(self.model(x))


class Trainer:
    def __init__(self, model, optimizer):
        self.optimizer = optimizer
        self.model_with_loss = torch.nn.DataParallel(ModelWithLoss(model))

    def run_epoch(self, phase):
        model_with_loss = self.model_with_loss
        if phase == "train":
            model_with_loss.train()
        else:
            model_with_loss.eval()
        for x in batches():
            loss = model_with_loss(x).mean()
            if phase == "train":
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()


def main():
    model = Detector()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-2)
    save(model, "before")
    trainer = Trainer(model, optimizer)
    for epoch in range(EPOCHS):
        trainer.run_epoch("train")
        trainer.run_epoch("val")
    save(model, "after")


if __name__ == "__main__":
    main()
"""

LIGHTNING = """
import lightning
import torch

from data import EPOCHS, ITERATIONS, batches, loss_of, save
from model import Detector


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = Detector()

    def training_step(self, batch, index):
        return loss_of(self.model(batch))

    def validation_step(self, batch, index):
        self.log("loss", loss_of(self.model(batch)))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1, weight_decay=1e-2)


def main():
    module = Module()
    save(module.model, "before")
    loader = torch.utils.data.DataLoader(list(batches()), batch_size=None)
    trainer = lightning.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, loader, loader)
    assert trainer.global_step == EPOCHS * ITERATIONS
    save(module.model, "after")


if __name__ == "__main__":
    main()
"""

MMENGINE = """
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner

from data import EPOCHS, ITERATIONS, batches, loss_of, save
from model import Detector


class Wrapped(BaseModel):
    def __init__(self, model):
        super().__init__()
        self.detector = model

    def forward(self, inputs, mode):
        return {{"loss": loss_of(self.detector(inputs))}}


def main():
    model = Wrapped(Detector())
    save(model.detector, "before")
    runner = Runner(
        model,
        work_dir="work",
        train_dataloader=torch.utils.data.DataLoader(
            [{{"inputs": x[0]}} for x in batches()], batch_size=1
        ),
        train_cfg=dict({train_cfg}),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.1, weight_decay=1e-2)),
        default_hooks=dict(checkpoint=None, logger=None),
    )
    runner.train()
    assert runner.iter == EPOCHS * ITERATIONS
    save(model.detector, "after")


if __name__ == "__main__":
    main()
"""
EPOCH_BASED = MMENGINE.format(train_cfg="by_epoch=True, max_epochs=EPOCHS")
ITER_BASED = MMENGINE.format(train_cfg="by_epoch=False, max_iters=EPOCHS * ITERATIONS")

ACCELERATE = """
import torch
from accelerate import Accelerator

from data import EPOCHS, batches, loss_of, save
from model import Detector


def main():
    accelerator = Accelerator(cpu=True)
    model = Detector()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-2)
    model, optimizer = accelerator.prepare(model, optimizer)
    save(accelerator.unwrap_model(model), "before")
    for epoch in range(EPOCHS):
        model.train()
        for x in batches():
            with accelerator.accumulate(model):
                accelerator.backward(loss_of(model(x)))
                optimizer.step()
                optimizer.zero_grad()
    save(accelerator.unwrap_model(model), "after")


if __name__ == "__main__":
    main()
"""

SYNC = """
import torch
from torch import nn

from data import EPOCHS, batches, loss_of, save
from model import Detector


def main():
    model = Detector()
    model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-2)
    save(model, "before")
    for epoch in range(EPOCHS):
        model.train()
        for x in batches():
            loss = loss_of(model(x))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    save(model, "after")


if __name__ == "__main__":
    main()
"""

DRIVERS = {
    "plain loop": PLAIN,
    "DataParallel": DATA_PARALLEL,
    "DistributedDataParallel": DISTRIBUTED,
    "SyncBatchNorm": SYNC,
    "torch.compile": COMPILED,
    "train and eval each epoch": SWITCHING,
    "trainer class": TRAINER_CLASS,
    "Lightning": LIGHTNING,
    "Accelerate": ACCELERATE,
    "mmengine, by epoch": EPOCH_BASED,
    "mmengine, by iteration": ITER_BASED,
}
