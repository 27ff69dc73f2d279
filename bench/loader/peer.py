"""One epoch of torchvision's data loader, timed. Prints one JSON object.

Run by compare.py with the Python that has torch and torchvision.
"""

import argparse
import json
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
    images, seconds = epoch(loader)
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
    print(json.dumps(result))


if __name__ == "__main__":
    main()
