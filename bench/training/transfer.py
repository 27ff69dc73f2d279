"""Pre-trains a ResNet-18 on five classes of CIFAR-10, then learns the other five from few pictures: from
scratch, with the backbone frozen, and as a whole.

    python transfer.py TRAIN.tar TEST.tar WORK --ocelli target/debug/ocelli --seeds 0 1 2

The archives hold train/<class>/<n>.jpg and test/<class>/<n>.jpg. Each seed draws its own pictures and is the
recipe's seed too; the pre-training is done once. Accuracies are those of the last epoch on the other five
classes' test pictures, which no run has seen before. Then epochs of the two kinds of fine-tuning over more
pictures are timed in turns. Needs nothing but Python.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import tarfile
from pathlib import Path

FIRST = ["airplane", "automobile", "deer", "dog", "frog"]
SECOND = ["bird", "cat", "horse", "ship", "truck"]

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("train", type=Path)
parser.add_argument("test", type=Path)
parser.add_argument("work", type=Path)
parser.add_argument("--ocelli", default="ocelli")
parser.add_argument("--size", type=int, default=48)
parser.add_argument("--pretrain-epochs", type=int, default=4)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--pictures", type=int, nargs="+", default=[50], help="of each class")
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
parser.add_argument("--rounds", type=int, default=3, help="of timing, 0 for none")
arguments = parser.parse_args()
arguments.work.mkdir(parents=True, exist_ok=True)
os.chdir(arguments.work)

archives = {"train": tarfile.open(arguments.train), "test": tarfile.open(arguments.test)}
names = {
    part: {
        one: sorted(name for name in archive.getnames() if f"{part}/{one}/" in name)
        for one in FIRST + SECOND
    }
    for part, archive in archives.items()
}


def write(folder, part, chosen):
    """Copies pictures of an archive, by class, to a folder of class folders."""
    folder = Path(folder)
    if folder.exists():
        return
    for one, files in chosen.items():
        (folder / one).mkdir(parents=True)
        for name in files:
            data = archives[part].extractfile(name).read()
            (folder / one / Path(name).name).write_bytes(data)


def ocelli(*words):
    return subprocess.run(
        [arguments.ocelli, *map(str, words)], check=True, text=True, stdout=subprocess.PIPE
    ).stdout


def train(out, *changes):
    if not (Path(out) / "done").exists():
        words = [word for change in changes for word in ("--set", change)]
        ocelli("train", "recipe.toml", "--quiet", "--out", out, *words)
        (Path(out) / "done").touch()
    return [json.loads(line) for line in (Path(out) / "metrics.jsonl").open()]


Path("recipe.toml").write_text(f"""task = "classify"
seed = 0

[model]
name = "resnet18"

[data]
train = "first/train"
val = "first/test"
size = {arguments.size}
augment = [{{ random_resized_crop = {{ scale = [0.4, 1.0] }} }}, {{ random_horizontal_flip = {{}} }}]

[train]
epochs = {arguments.pretrain_epochs}
batch_size = 128

[optimizer]
name = "adamw"
lr = 1e-3

[schedule]
name = "cosine"
warmup_epochs = 1
""")

write("first/train", "train", {one: names["train"][one] for one in FIRST})
write("first/test", "test", {one: names["test"][one] for one in FIRST})
write("second/test", "test", {one: names["test"][one] for one in SECOND})
# What runs are validated on as they go: pictures that no seed draws for training.
write("second/val", "train", {one: names["train"][one][-20:] for one in SECOND})

rows = train("runs/pretrained")
accuracy = [row["accuracy"] for row in rows if row["split"] == "val"][-1]
print(json.dumps({"setting": "pretrained", "accuracy": accuracy}), flush=True)
weights = "model.weights=runs/pretrained/checkpoints/last/model.safetensors"
settings = {
    "scratch": ["optimizer.lr=1e-3"],
    "frozen": [weights, "train.freeze=backbone", "optimizer.lr=1e-2"],
    "whole": [weights, "optimizer.lr=3e-4"],
}


def few(seed, count):
    """The folder of the pictures that a seed draws."""
    draw = random.Random(seed)
    write(f"second/{count}-{seed}", "train", {
        one: draw.sample(names["train"][one][:-20], count) for one in SECOND
    })
    return f"second/{count}-{seed}"


for count in arguments.pictures:
    reached = {setting: [] for setting in settings}
    for seed in arguments.seeds:
        data = few(seed, count)
        for setting, changes in settings.items():
            out = f"runs/{setting}-{count}-{seed}"
            train(
                out, f"data.train={data}", "data.val=second/val", f"seed={seed}", "train.batch_size=32",
                f"train.epochs={arguments.epochs}", *changes,
            )
            answer = ocelli("eval", out, "--data", "second/test", "--checkpoint", "last", "--json")
            reached[setting].append(json.loads(answer)["accuracy"])
            print(json.dumps({
                "setting": setting, "pictures": count, "seed": seed, "accuracy": reached[setting][-1],
            }), flush=True)
    for setting, values in reached.items():
        spread = statistics.stdev(values) if len(values) > 1 else None
        print(json.dumps({
            "setting": setting, "pictures": count, "mean": statistics.mean(values), "deviation": spread,
        }), flush=True)

# An epoch of 250 pictures is over before it can be timed.
data = few(0, 500)
for turn in range(arguments.rounds):
    for setting in ("whole", "frozen"):
        rows = train(
            f"runs/timed-{setting}-{turn}", f"data.train={data}", "data.val=second/val",
            "train.batch_size=32", "train.epochs=3", *settings[setting],
        )
        seconds = [row["seconds"] for row in rows if row["split"] == "train"]
        print(json.dumps({"timed": setting, "turn": turn, "seconds": seconds}), flush=True)
