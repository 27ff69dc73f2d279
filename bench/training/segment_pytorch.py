"""Trains a segmentation network in PyTorch with the recipe that `ocelli train` is given, so that the
two can be laid side by side: one JSON object per epoch on standard output.

    python segment_pytorch.py CAMVID --model unet --width 32 --size 192 256 --batch-size 8 --epochs 2

CAMVID holds {train,val}/{images,masks} with class indices in the masks. Needs torch, torchvision and
safetensors.
Scores are brought to each mask's own size before they are compared, as `ocelli` does it.
"""

import argparse
import json
import random
import sys
import time
from pathlib import Path

import numpy
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fixtures/dense"))
import twins  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=Path)
parser.add_argument("--model", choices=["unet", "fcn32_resnet18"], default="unet")
parser.add_argument("--width", type=int, default=32)
parser.add_argument("--size", type=int, nargs=2, default=[192, 256])
parser.add_argument("--batch-size", type=int, default=8)
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--lr", type=float, default=1e-4)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--weights", type=Path, help="first weights (.safetensors) under ocelli's keys")
parser.add_argument("--save-weights", type=Path, help="write the first weights there, and train nothing")
parser.add_argument("--classes", type=int, default=11)
parser.add_argument("--ignore", type=int, default=11)
arguments = parser.parse_args()

random.seed(arguments.seed)
torch.manual_seed(arguments.seed)
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


class Pairs(torch.utils.data.Dataset):
    def __init__(self, part):
        self.images = sorted((arguments.folder / part / "images").iterdir())
        self.masks = [arguments.folder / part / "masks" / f"{image.stem}.png" for image in self.images]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        height, width = arguments.size
        image = Image.open(self.images[index]).convert("RGB").resize((width, height), Image.BILINEAR)
        mask = Image.open(self.masks[index])
        small = mask.resize((width, height), Image.NEAREST)
        image = torch.from_numpy(numpy.array(image)).permute(2, 0, 1) / 255.0
        labels = [torch.from_numpy(numpy.array(mask)).long() for mask in (small, mask)]
        for label in labels:
            label[label == arguments.ignore] = 255
        return (image - MEAN) / DEVIATION, *labels


val = Pairs("val")
if arguments.model == "unet":
    model = twins.Unet(arguments.classes, width=arguments.width)
else:
    model = twins.Fcn(arguments.classes, "resnet18", 32)
if arguments.weights:
    # Such as a checkpoint of `ocelli`: the same start for both.
    model.load_state_dict(load_file(arguments.weights))
if arguments.save_weights:
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, arguments.save_weights)
    sys.exit()
model = model.to(memory_format=torch.channels_last)
optimizer = torch.optim.Adam(model.parameters(), lr=arguments.lr)
for epoch in range(1, arguments.epochs + 1):
    started = time.monotonic()
    model.train()
    total = count = 0
    for images, masks, _ in (
        (torch.stack(a), torch.stack(b), c)
        for a, b, c in torch.utils.data.DataLoader(
            Pairs("train"), arguments.batch_size, shuffle=True, num_workers=2,
            collate_fn=lambda items: list(zip(*items)),
        )
    ):
        loss = F.cross_entropy(model(images.to(memory_format=torch.channels_last)), masks, ignore_index=255)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(images)
        count += len(images)
    seconds = time.monotonic() - started
    model.eval()
    n = arguments.classes
    confusion = torch.zeros(n, n, dtype=torch.long)
    with torch.no_grad():
        for index in range(len(val)):
            image, _, mask = val[index]
            scores = F.interpolate(model(image[None]), mask.shape, mode="bilinear", align_corners=False)
            answer = scores[0].argmax(0)
            counted = mask != 255
            confusion += torch.bincount(mask[counted] * n + answer[counted], minlength=n * n).view(n, n)
    hits = confusion.diag().double()
    union = (confusion.sum(0) + confusion.sum(1)).double() - hits
    iou = torch.where(union > 0, hits / union.clamp(min=1), torch.nan)
    print(json.dumps({
        "epoch": epoch, "train_loss": total / count, "seconds": seconds,
        "images_per_second": count / seconds, "accuracy": (hits.sum() / confusion.sum()).item(),
        "miou": iou.nanmean().item(), "iou": iou.tolist(),
    }), flush=True)
