"""One epoch of torchvision's data loader, timed. Prints one JSON object.

Run by compare.py with the Python that has torch and torchvision.
"""

import argparse
import json
import os
import sys
import time

import torch
import torchvision
from torch.utils.data import DataLoader
from torchvision import datasets, io
from torchvision.transforms import v2
from torchvision import transforms as v1

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def decode_tensor(path):
    """torchvision's own JPEG decoder, straight to a tensor, without PIL."""
    return io.decode_jpeg(io.read_file(path), mode=io.ImageReadMode.RGB)


def pipelines(size):
    """The documented PIL pipeline, and the fastest that torchvision documents."""
    pil = v1.Compose(
        [
            v1.RandomResizedCrop(size),
            v1.RandomHorizontalFlip(),
            v1.ToTensor(),
            v1.Normalize(MEAN, STD),
        ]
    )
    tensor = v2.Compose(
        [
            v2.RandomResizedCrop(size, antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD, inplace=True),
        ]
    )
    return {"pil": (datasets.folder.pil_loader, pil), "tensor": (decode_tensor, tensor)}


def processor_seconds(loader):
    """What this process and the loader's workers have used, where /proc tells."""
    workers = getattr(loader._iterator, "_workers", [])
    ticks = 0
    for process in ["self", *(worker.pid for worker in workers)]:
        try:
            fields = open(f"/proc/{process}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            return None
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def epoch(loader):
    images, start = 0, time.perf_counter()
    for pictures, _ in loader:
        images += pictures.shape[0]
    return images, time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--pipeline", choices=["pil", "tensor"], default="pil")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    read, transform = pipelines(arguments.size)[arguments.pipeline]
    data = datasets.ImageFolder(arguments.data, transform, loader=read)
    loader = DataLoader(
        data,
        batch_size=arguments.batch,
        shuffle=True,
        num_workers=arguments.workers,
        # Worker start-up is not what is measured.
        persistent_workers=arguments.workers > 0,
    )
    # Starts the workers, and puts the files into the page cache.
    epoch(loader)
    before = processor_seconds(loader)
    images, seconds = epoch(loader)
    after = processor_seconds(loader)
    result = {
        "images": images,
        "images_per_second": images / seconds,
        "workers": arguments.workers,
        "size": arguments.size,
        "pipeline": arguments.pipeline,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "python": sys.version.split()[0],
    }
    if before is not None and after is not None:
        result["cpu_ms_per_image"] = 1000 * (after - before) / images
    print(json.dumps(result))


if __name__ == "__main__":
    main()
