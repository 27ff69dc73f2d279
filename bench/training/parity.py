"""Compares a model's logits and gradients between `ocelli probe` and torchvision, from torchvision's own
random weights, saved as .pth: one JSON object per model, seed and size on standard output.

    python parity.py WORK --ocelli target/debug/ocelli --models resnet18 vgg16 --seeds 0 1

The judge is PyTorch in float64; PyTorch in float32 stands beside Ocelli. Models run as in evaluation (with
--train as in training, with nothing dropped). `moved` is float64 itself, with each number of the picture and
of the weights moved at random by up to one part in a million: where a rectifier or a maximum is near a tie,
that alone decides it otherwise, and no computation in float32 can be expected to come nearer.
Logits are compared by the largest difference over the largest logit; gradients by the norm of the
difference over the norm, of all of them together (`gradients`) and of the worst parameter (`worst`).
Needs torch, torchvision and safetensors.
"""

import argparse
import json
import subprocess
from pathlib import Path

import torch
import torchvision
from safetensors.torch import load_file, save_file

MODELS = [
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2",
    "efficientnet_v2_s", "efficientnet_v2_m", "efficientnet_v2_l",
    "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn",
    "mobilenet_v3_large", "convnext_tiny",
]
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("work", type=Path)
parser.add_argument("--ocelli", default="ocelli")
parser.add_argument("--models", nargs="+", default=MODELS)
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
parser.add_argument("--sizes", nargs="+", default=["224x224", "97x131"], help="height x width")
parser.add_argument("--moved", nargs="*", default=["97x131"], help="sizes at which float64 is moved too")
parser.add_argument("--batch", type=int, default=1)
parser.add_argument("--train", action="store_true")
parser.add_argument("--exact", action="store_true", help="Ocelli without Winograd's algorithm")
arguments = parser.parse_args()
arguments.work.mkdir(parents=True, exist_ok=True)
INPUT, OUTPUT = arguments.work / "input.safetensors", arguments.work / "output.safetensors"
WEIGHTS = arguments.work / "weights.pth"


def drop_nothing(model):
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        elif isinstance(module, torchvision.ops.StochasticDepth):
            module.p = 0.0
    return model


def gradients(name, weights, x, grad_out, dtype):
    """Logits, and gradients by name, that PyTorch gives in an element type."""
    model = drop_nothing(torchvision.models.get_model(name, weights=None, **QUIET.get(name, {})))
    model = model.to(dtype)
    model.load_state_dict(weights)
    model.train(arguments.train)
    x = x.detach().to(dtype).requires_grad_()
    y = model(x)
    (y * grad_out.to(dtype)).sum().backward()
    found = {f"grad.{key}": value.grad.double() for key, value in model.named_parameters()}
    return y.detach().double(), {"grad.x": x.grad.double(), **found}


# Its first weights take long to draw and are replaced anyway.
QUIET = {name: {"init_weights": False} for name in MODELS if name.startswith("vgg")}


def moved(values):
    """Each number moved by up to one part in a million."""
    noise = torch.rand(values.shape, dtype=torch.float64, generator=NOISE) * 2 - 1
    return values.double() * (1 + 1e-6 * noise)


def difference(one, reference):
    """Of logits and of gradients, with the name of the worst parameter."""
    y = ((one[0] - reference[0]).abs().max() / reference[0].abs().max()).item()
    total = scale = 0.0
    worst = (-1.0, "")
    # A gradient that is zero but for rounding, such as that of a bias before a normalization, is measured
    # by the largest of all.
    floor = 1e-6 * max(value.norm().item() for value in reference[1].values())
    for key, value in reference[1].items():
        distance, norm = (one[1][key] - value).norm().item(), value.norm().item()
        total, scale = total + distance**2, scale + norm**2
        worst = max(worst, (distance / max(norm, floor), key))
    return {"logits": y, "gradients": (total / scale) ** 0.5, "worst": worst[0], "parameter": worst[1]}


for seed in arguments.seeds:
    for name in arguments.models:
        torch.manual_seed(seed)
        NOISE = torch.Generator().manual_seed(seed)
        model = torchvision.models.get_model(name, weights=None)
        weights = model.state_dict()
        torch.save(weights, WEIGHTS)
        for size in arguments.sizes:
            height, width = map(int, size.split("x"))
            x = torch.randn(arguments.batch, 3, height, width)
            grad_out = torch.randn(arguments.batch, 1000)
            save_file({"x": x, "grad_out": grad_out}, INPUT)
            subprocess.run([
                arguments.ocelli, "probe", name, "--weights", WEIGHTS, "--input", INPUT, "--out", OUTPUT,
                "--gradients", *["--train"] * arguments.train, *["--exact-convolution"] * arguments.exact,
            ], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            found = {key: value.double() for key, value in load_file(OUTPUT).items()}
            ocelli = (found["y"], found)
            exact = gradients(name, weights, x, grad_out, torch.float64)
            single = gradients(name, weights, x, grad_out, torch.float32)
            row = {
                "model": name, "seed": seed, "size": size, "batch": arguments.batch, "train": arguments.train,
                "parameters": len(exact[1]) - 1,
                "ocelli_exact": difference(ocelli, exact), "single_exact": difference(single, exact),
                "ocelli_single": difference(ocelli, single),
            }
            if size in arguments.moved:
                shifted = {
                    key: moved(value) if value.is_floating_point() else value
                    for key, value in weights.items()
                }
                near = gradients(name, shifted, moved(x), grad_out, torch.float64)
                row["moved_exact"] = difference(near, exact)
            print(json.dumps(row), flush=True)
