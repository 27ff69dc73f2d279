"""Holds a run's tensorboard/ to its metrics.jsonl and snapshots, as the real TensorBoard reads it.

    pip install tensorboard numpy
    python bench/tensorboard/check.py runs/NAME            # by TensorBoard's own reader
    python bench/tensorboard/check.py runs/NAME --serve    # also by a server's HTTP answers

Ends with status 1 and the first difference, or says how much was compared.
"""

import argparse
import json
import math
import re
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

# Under the same name in both.
SAME = ["loss", "accuracy", "top5", "miou", "frequency_weighted_iou", "mean_dice", "psnr", "ssim",
        "ciede2000", "embedding_std", "knn", "learning_rate", "images_per_second", "seconds"]


def wanted(record):
    """What an epoch's line of metrics.jsonl should be in TensorBoard."""
    values = {name: record[name] for name in SAME if record.get(name) is not None}
    for name, value in (record.get("macro_average") or {}).items():
        values[f"macro/{name}"] = value
    for group in ["iou", "dice"]:
        for name, value in record.get(group, {}).items():
            values[f"{group}/{name}"] = value
    return {name: value for name, value in values.items() if value is not None}


def same(found, expected, what):
    if not math.isclose(found, np.float32(expected), rel_tol=1e-7, abs_tol=0):
        sys.exit(f"{what}: found {found}, expected {np.float32(expected)}")


def check_files(run, records):
    counts = {"scalars": 0, "histograms": 0, "images": 0, "points": 0}
    for split in sorted({record["split"] for record in records}):
        lines = [record for record in records if record["split"] == split]
        events = EventAccumulator(str(run / "tensorboard" / split), size_guidance={
            "scalars": 0, "histograms": 0, "images": 0, "tensors": 0}).Reload()
        found = {(tag, event.step): event.value
                 for tag in events.Tags()["scalars"] for event in events.Scalars(tag)}
        total = sum(len(events.Scalars(tag)) for tag in events.Tags()["scalars"])
        assert total == len(found), f"{split}: a scalar is there twice"
        expected = {(tag, line["epoch"]): value
                    for line in lines for tag, value in wanted(line).items()}
        assert found.keys() == expected.keys(), (split, found.keys() ^ expected.keys())
        for key, value in expected.items():
            same(found[key], value, f"{split} {key}")
        counts["scalars"] += total
        for tag in events.Tags()["histograms"]:
            seen = [event.step for event in events.Histograms(tag)]
            assert seen == sorted(set(seen)), f"{tag}: {seen}"
            for event in events.Histograms(tag):
                value = event.histogram_value
                assert sum(value.bucket) == value.num, f"{tag}: buckets don't add up"
                counts["histograms"] += 1
        for tag in events.Tags()["images"]:
            for event in events.Images(tag):
                assert event.encoded_image_string.startswith(b"\x89PNG"), tag
                counts["images"] += 1
    config = run / "tensorboard" / "val" / "projector_config.pbtxt"
    for path in re.findall(r'tensor_path: "(.*)"', config.read_text() if config.exists() else ""):
        points = np.loadtxt(config.parent / path, delimiter="\t", dtype=np.float32, ndmin=2)
        epoch = Path(path).stem
        with open(run / "snapshots" / epoch / "features.safetensors", "rb") as file:
            head = json.loads(file.read(int.from_bytes(file.read(8), "little")))["features"]
            begin, end = head["data_offsets"]
            kept = np.frombuffer(file.read(), dtype=np.float32, count=(end - begin) // 4,
                                 offset=begin).reshape(head["shape"])
        assert np.array_equal(points, kept), f"{path}: not the snapshot's features"
        counts["points"] += len(points)
    return counts


def check_server(run, records):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([Path(sys.executable).with_name("tensorboard"), "--logdir",
                               run / "tensorboard", "--port", str(port), "--host", "127.0.0.1"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{port}/data/plugin/"

    def get(path, **query):
        address = base + path + ("?" + urllib.parse.urlencode(query) if query else "")
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.read()

    try:
        for attempt in range(60):
            time.sleep(1)
            try:
                tags = json.loads(get("scalars/tags"))
                if {record["split"] for record in records} <= tags.keys():
                    break
            except OSError:
                continue
        else:
            sys.exit("the server doesn't show the run's splits")
        for split in tags:
            lines = [record for record in records if record["split"] == split]
            series = json.loads(get("scalars/scalars", tag="loss", run=split))
            assert [step for _, step, _ in series] == [line["epoch"] for line in lines], series
            for (_, _, value), line in zip(series, lines):
                same(value, line["loss"], f"served loss of {split}")
        print("served scalars:", {split: len(names) for split, names in tags.items()})
        histograms = json.loads(get("histograms/tags"))
        print("served histograms:", {split: len(names) for split, names in histograms.items()})
        images = json.loads(get("images/tags"))
        print("served images:", {split: len(names) for split, names in images.items()})
        runs = json.loads(get("projector/runs"))
        print("projector runs:", runs)
        for name in runs:
            info = json.loads(get("projector/info", run=name))
            for embedding in info["embeddings"]:
                tensor = get("projector/tensor", run=name, name=embedding["tensorName"])
                rows, width = embedding["tensorShape"]
                assert len(tensor) == rows * width * 4, (len(tensor), embedding)
                labels = get("projector/metadata", run=name, name=embedding["tensorName"])
                assert len(labels.splitlines()) == rows + 1
                print("projector:", embedding["tensorName"], embedding["tensorShape"])
    finally:
        server.terminate()
        server.wait()


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("run", type=Path)
    options.add_argument("--serve", action="store_true")
    options = options.parse_args()
    lines = (options.run / "metrics.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    print("equal:", check_files(options.run, records))
    if options.serve:
        check_server(options.run, records)


if __name__ == "__main__":
    main()
