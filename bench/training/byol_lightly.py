"""Trains BYOL on torchvision's ResNet-18 with lightly's heads, target and kNN, with the recipe that
`ocelli train bench/training/byol-cifar.toml` has, so that the two can be laid side by side: one JSON
object per epoch on standard output.

    python byol_lightly.py FOLDER --epochs 15

FOLDER holds train/<class>/ and val/<class>/. Needs torch, torchvision and lightly. The loss is
byol-pytorch's, `2 - 2 cos` for both directions summed; lightly's own is a quarter of it less one.
"""

import argparse
import copy
import json
import math
import random
import time
from pathlib import Path

import torch
from lightly.models.modules import BYOLPredictionHead, BYOLProjectionHead
from lightly.models.utils import deactivate_requires_grad, update_momentum
from lightly.utils.benchmarking import knn_predict
from lightly.utils.scheduler import cosine_schedule
from torch.nn import functional
from torchvision import datasets, models, transforms

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
arguments.add_argument("folder", type=Path)
arguments.add_argument("--size", type=int, default=32)
arguments.add_argument("--batch-size", type=int, default=128)
arguments.add_argument("--epochs", type=int, default=15)
arguments.add_argument("--warmup-epochs", type=int, default=1)
arguments.add_argument("--lr", type=float, default=0.06)
arguments.add_argument("--seed", type=int, default=0)
arguments.add_argument("--workers", type=int, default=2)
arguments = arguments.parse_args()

random.seed(arguments.seed)
torch.manual_seed(arguments.seed)

normalize = [transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]


def view(solarize):
    jitter = transforms.ColorJitter(0.2, 0.2, 0.1, 0.05)
    return transforms.Compose(
        [
            transforms.RandomResizedCrop(arguments.size),
            transforms.RandomHorizontalFlip(),
            transforms.RandomApply([jitter], p=0.8),
            transforms.RandomGrayscale(0.2),
            *([transforms.RandomSolarize(128, 0.2)] if solarize else []),
            *normalize,
        ]
    )


class TwoViews:
    def __init__(self):
        self.views = [view(False), view(True)]

    def __call__(self, picture):
        return [one(picture) for one in self.views]


whole = transforms.Compose(
    [transforms.Resize(round(arguments.size / 0.875)), transforms.CenterCrop(arguments.size), *normalize]
)
train_set = datasets.ImageFolder(arguments.folder / "train", TwoViews())
loader = torch.utils.data.DataLoader(
    train_set, arguments.batch_size, shuffle=True, drop_last=True, num_workers=arguments.workers
)
measured = [
    torch.utils.data.DataLoader(
        datasets.ImageFolder(arguments.folder / part, whole), 256, num_workers=arguments.workers
    )
    for part in ("train", "val")
]

backbone = models.resnet18()
backbone.fc = torch.nn.Identity()
projector = BYOLProjectionHead(512, 1024, 256)
predictor = BYOLPredictionHead(256, 1024, 256)
online = torch.nn.Sequential(backbone, projector).to(memory_format=torch.channels_last)
target = copy.deepcopy(online)
deactivate_requires_grad(target)
parameters = [*online.parameters(), *predictor.parameters()]
optimizer = torch.optim.SGD(parameters, lr=arguments.lr, momentum=0.9, weight_decay=5e-4)
steps = arguments.epochs * len(loader)
warmup = arguments.warmup_epochs * len(loader)


def rate(step):
    if step < warmup:
        return arguments.lr * (step + 1) / warmup
    return arguments.lr * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2


@torch.no_grad()
def features(part):
    backbone.eval()
    found = [(functional.normalize(backbone(images), dim=1), labels) for images, labels in part]
    backbone.train()
    return [torch.cat(column) for column in zip(*found, strict=True)]


def knn():
    (bank, labels), (asked, truth) = map(features, measured)
    answers = knn_predict(asked, bank.t(), labels, len(train_set.classes), knn_k=200, knn_t=0.1)
    return (answers[:, 0] == truth).float().mean().item()


@torch.no_grad()
def spread():
    online.eval()
    found = torch.cat([functional.normalize(online(images), dim=1) for images, _ in measured[1]])
    online.train()
    return found.std(dim=0).mean().item() * math.sqrt(found.shape[1])


print(json.dumps({"epoch": 0, "knn": knn(), "embedding_std": spread()}), flush=True)
step = 0
for epoch in range(1, arguments.epochs + 1):
    started, total, count = time.monotonic(), 0.0, 0
    for views, _ in loader:
        views = [one.to(memory_format=torch.channels_last) for one in views]
        with torch.no_grad():
            projections = [target(one) for one in views]
        predictions = [predictor(online(one)) for one in views]
        cosines = [
            functional.cosine_similarity(predictions[0], projections[1]),
            functional.cosine_similarity(predictions[1], projections[0]),
        ]
        loss = sum(2 - 2 * cosine for cosine in cosines).mean()
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        step += 1
        update_momentum(online, target, m=cosine_schedule(step, steps, 0.99, 1.0))
        total += loss.item() * len(views[0])
        count += len(views[0])
    seconds = time.monotonic() - started
    record = {"epoch": epoch, "loss": total / count, "seconds": seconds, "images_per_second": count / seconds}
    record |= {"knn": knn(), "embedding_std": spread(), "torch": torch.__version__}
    print(json.dumps(record), flush=True)
