"""Trains torchvision's ResNet-18 from scratch with the recipe that `ocelli train` is given,
so that the two can be laid side by side: one JSON object per epoch on standard output.

    python train_pytorch.py FOLDER --size 64 --batch-size 32 --epochs 5 --lr 1e-3 --seed 0

FOLDER holds train/<class>/ and val/<class>/. Needs torch and torchvision.
"""

import argparse
import json
import random
import resource
import time
from pathlib import Path

import torch
from torchvision import datasets, models, transforms

arguments = argparse.ArgumentParser(description=__doc__)
arguments.add_argument("folder", type=Path)
arguments.add_argument("--size", type=int, default=64)
arguments.add_argument("--batch-size", type=int, default=32)
arguments.add_argument("--epochs", type=int, default=5)
arguments.add_argument("--lr", type=float, default=1e-3)
arguments.add_argument("--seed", type=int, default=0)
arguments.add_argument("--workers", type=int, default=2)
arguments = arguments.parse_args()

random.seed(arguments.seed)
torch.manual_seed(arguments.seed)

normalize = [
    transforms.ToTensor(),
    transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
]
train_set = datasets.ImageFolder(
    arguments.folder / "train",
    transforms.Compose(
        [transforms.RandomResizedCrop(arguments.size), transforms.RandomHorizontalFlip(), *normalize]
    ),
)
val_set = datasets.ImageFolder(
    arguments.folder / "val",
    transforms.Compose(
        [
            transforms.Resize(round(arguments.size / 0.875)),
            transforms.CenterCrop(arguments.size),
            *normalize,
        ]
    ),
)
train_loader = torch.utils.data.DataLoader(
    train_set, arguments.batch_size, shuffle=True, num_workers=arguments.workers
)
val_loader = torch.utils.data.DataLoader(val_set, arguments.batch_size, num_workers=arguments.workers)

model = models.resnet18(num_classes=len(train_set.classes)).to(memory_format=torch.channels_last)
optimizer = torch.optim.AdamW(model.parameters(), lr=arguments.lr)
criterion = torch.nn.CrossEntropyLoss()

for epoch in range(1, arguments.epochs + 1):
    started = time.monotonic()
    model.train()
    total = correct = count = 0
    for images, labels in train_loader:
        logits = model(images.to(memory_format=torch.channels_last))
        loss = criterion(logits, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        correct += (logits.argmax(1) == labels).sum().item()
        count += len(labels)
    seconds = time.monotonic() - started
    record = {
        "epoch": epoch,
        "train_loss": total / count,
        "train_accuracy": correct / count,
        "images_per_second": count / seconds,
        "seconds": seconds,
    }
    model.eval()
    total = correct = count = 0
    with torch.no_grad():
        for images, labels in val_loader:
            logits = model(images.to(memory_format=torch.channels_last))
            total += criterion(logits, labels).item() * len(labels)
            correct += (logits.argmax(1) == labels).sum().item()
            count += len(labels)
    record |= {
        "val_loss": total / count,
        "val_accuracy": correct / count,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "seed": arguments.seed,
        "torch": torch.__version__,
    }
    print(json.dumps(record), flush=True)
