"""One contender of `run`: times the steps of a model of torchvision, or of a dense one of fixtures/dense,
and prints one JSON object.

    python peer.py eager resnet18 --mode train --batch 32 --size 224 --threads 2 --iters 7

Needs torch and torchvision; `onnx` needs onnx and onnxruntime too.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time
from importlib import metadata
from pathlib import Path

WARM_UP = 2  # As many as `ocelli bench step` leaves out.
DENSE = ["unet", "fcn32_resnet18", "fcn32_vgg16", "fcn_resnet50", "deeplabv3_resnet50", "deeplabv3_resnet101"]
CONTENDERS = ["eager", "nchw", "compile", "onnx"]


def peak_rss_mb():
    """The most memory that this process has had, in MB (10^6 bytes), as Ocelli counts it."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


def seeded_model(arguments):
    import torch
    import torchvision

    torch.manual_seed(0)
    if arguments.model in DENSE:
        sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fixtures" / "dense"))
        import twins

        networks = {
            "unet": lambda: twins.Unet(arguments.classes),
            "fcn32_resnet18": lambda: twins.Fcn(arguments.classes, "resnet18", 32),
            "fcn32_vgg16": lambda: twins.Fcn(arguments.classes, "vgg16", 32),
        }
        if arguments.model in networks:
            return networks[arguments.model]()
        build = torchvision.models.segmentation.__dict__[arguments.model]
        network = build(weights=None, weights_backbone=None, num_classes=arguments.classes)
        return scores_only(network)
    return torchvision.models.get_model(arguments.model, weights=None, num_classes=arguments.classes)


def scores_only(network):
    """torchvision's segmentation networks answer with a dict; this one with its scores."""
    import torch

    class Scores(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, x):
            return self.network(x)["out"]

    return Scores()


def byol_step(arguments):
    """A function that does one plain step of BYOL in PyTorch, as byol-pytorch does it: each view through
    the network on its own, the target without gradients, AdamW, then the target's step."""
    import copy

    import torch
    from torch.nn import functional

    torch.set_num_threads(arguments.threads)
    layout = torch.contiguous_format if arguments.contender == "nchw" else torch.channels_last

    def head(inputs, hidden, outputs):
        return torch.nn.Sequential(
            torch.nn.Linear(inputs, hidden),
            torch.nn.BatchNorm1d(hidden),
            torch.nn.ReLU(),
            torch.nn.Linear(hidden, outputs),
        )

    backbone = seeded_model(arguments)
    features = backbone.fc.in_features
    backbone.fc = torch.nn.Identity()
    online = torch.nn.Sequential(backbone, head(features, 4096, 256)).to(memory_format=layout).train()
    predictor = head(256, 4096, 256).train()
    target = copy.deepcopy(online).requires_grad_(False)
    followed = list(zip(target.parameters(), online.parameters(), strict=True))
    optimizer = torch.optim.AdamW([*online.parameters(), *predictor.parameters()], lr=1e-3)
    shape = (arguments.batch, 3, arguments.size, arguments.size)
    views = [(torch.rand(shape) * 4 - 2).to(memory_format=layout) for _ in range(2)]
    if arguments.contender == "compile":
        online, target, predictor = (torch.compile(part) for part in (online, target, predictor))

    def distance(prediction, projection):
        return 2 - 2 * functional.cosine_similarity(prediction, projection, dim=-1)

    def step():
        with torch.no_grad():
            projections = [target(view) for view in views]
        predictions = [predictor(online(view)) for view in views]
        loss = distance(predictions[0], projections[1]) + distance(predictions[1], projections[0])
        loss.mean().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            for slow, fast in followed:
                slow.lerp_(fast, 1 - 0.99)

    return step


def torch_step(arguments):
    """A function that does one step in PyTorch."""
    import torch

    if arguments.mode == "byol":
        return byol_step(arguments)
    torch.set_num_threads(arguments.threads)
    layout = torch.contiguous_format if arguments.contender == "nchw" else torch.channels_last
    model = seeded_model(arguments).to(memory_format=layout)
    # Made once; values as a normalized picture has them, as in `ocelli bench step`.
    images = torch.rand(arguments.batch, 3, arguments.size, arguments.size) * 4 - 2
    images = images.to(memory_format=layout)
    labels = torch.arange(arguments.batch) % arguments.classes
    if arguments.model in DENSE:
        pixels = torch.arange(arguments.batch * arguments.size**2) // 7 % arguments.classes
        labels = pixels.view(arguments.batch, arguments.size, arguments.size)
    model.train(arguments.mode == "train")
    # PyTorch's own defaults: this optimizer, unlike torch.compile, is not told to fuse.
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3) if arguments.mode == "train" else None
    criterion = torch.nn.CrossEntropyLoss()
    if arguments.contender == "compile":
        model = torch.compile(model)

    def train():
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    @torch.inference_mode()
    def infer():
        return model(images)

    return train if arguments.mode == "train" else infer


def onnx_step(arguments):
    """A function that does one step in ONNX Runtime, from the file that --export wrote."""
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(
        str(arguments.onnx_file), options, providers=["CPUExecutionProvider"]
    )
    shape = (arguments.batch, 3, arguments.size, arguments.size)
    images = numpy.random.default_rng(0).random(shape, dtype=numpy.float32) * 4 - 2
    return lambda: session.run(None, {"images": images})


def export(arguments):
    """Writes the ONNX file, in a process of its own: torch would count as ONNX Runtime's memory."""
    import torch

    images = torch.zeros(arguments.batch, 3, arguments.size, arguments.size)
    unfinished = arguments.onnx_file.with_suffix(".part")
    # The older exporter needs no package beyond onnx, and these networks have no control flow.
    torch.onnx.export(
        seeded_model(arguments).eval(), (images,), str(unfinished), input_names=["images"], dynamo=False
    )
    unfinished.rename(arguments.onnx_file)


def measure(arguments):
    started = time.perf_counter()
    step = onnx_step(arguments) if arguments.contender == "onnx" else torch_step(arguments)
    prepared = time.perf_counter()
    standing = peak_rss_mb()
    milliseconds, processor_milliseconds = [], []
    for _ in range(WARM_UP + arguments.iters):
        before, processor_before = time.perf_counter(), time.process_time()
        step()
        milliseconds.append((time.perf_counter() - before) * 1e3)
        processor_milliseconds.append((time.process_time() - processor_before) * 1e3)
    warm_up, timed = milliseconds[:WARM_UP], milliseconds[WARM_UP:]
    median = statistics.median(timed)
    result = {
        "ms": timed,
        "ms_warm_up": warm_up,
        # Of all threads, their spinning included.
        "processor_ms": processor_milliseconds[WARM_UP:],
        "ms_median": median,
        "images_per_second": arguments.batch / median * 1e3,
        "prepare_seconds": prepared - started,
        "peak_rss_mb": peak_rss_mb(),
        "peak_rss_before_steps_mb": standing,
        "threads": arguments.threads,
        "versions": {"python": sys.version.split()[0]},
    }
    packages = ["onnxruntime"] if arguments.contender == "onnx" else ["torch", "torchvision"]
    result["versions"] |= {package: metadata.version(package) for package in packages}
    if arguments.contender != "onnx":
        import torch

        result["isa"] = torch.backends.cpu.get_cpu_capability()
        result["versions"]["torch"] = torch.__version__
    if arguments.contender == "compile":
        # All that the first step takes longer than a later one, from a cold or a warm cache.
        result["compile_seconds"] = (warm_up[0] - median) / 1e3
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("model", help="a name of torchvision.models")
    parser.add_argument("--mode", choices=["train", "infer", "byol"], default="train")
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--iters", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--onnx-file", type=Path, help="what onnx runs")
    parser.add_argument("--export", action="store_true", help="write --onnx-file and measure nothing")
    arguments = parser.parse_args()
    if arguments.contender == "onnx" and (arguments.mode != "infer" or not arguments.onnx_file):
        parser.error("onnx is for --mode infer, with --onnx-file")
    if arguments.export:
        export(arguments)
    else:
        print(json.dumps(measure(arguments)))


if __name__ == "__main__":
    main()
