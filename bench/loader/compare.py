#!/usr/bin/env python3
"""Ocelli's loader and torchvision's, one after the other, in one sitting.

Needs nothing but Python for itself. torch and torchvision come from the Python given with
--python, or from a virtual environment that is made, once, outside of this repository.
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
REQUIREMENTS = ["torch==2.15.*", "torchvision==0.29.*"]


def default_environment():
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "ocelli" / "bench-loader"


def prepare(folder):
    """The Python of a virtual environment in `folder` that has torch and torchvision."""
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"making a virtual environment in {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True)
        install = [python, "-m", "pip", "install", "--quiet"]
        subprocess.run([*install, *REQUIREMENTS], check=True)
    return python


def run(command):
    """The JSON object that a command prints last, and the processor seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return json.loads(done.stdout.decode().strip().splitlines()[-1]), seconds


def processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="a folder of class folders")
    parser.add_argument("--ocelli", required=True, help="the ocelli program, or the example")
    parser.add_argument("--python", help="a Python that has torch and torchvision")
    parser.add_argument("--environment", type=pathlib.Path, default=default_environment())
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()

    python = arguments.python or prepare(arguments.environment)
    options = ["--size", arguments.size, "--batch", arguments.batch]
    options += ["--workers", arguments.workers]
    ocelli = [arguments.ocelli]
    if pathlib.Path(arguments.ocelli).name.startswith("ocelli"):
        ocelli += ["bench", "loader"]
    peer = [python, HERE / "peer.py", arguments.data, *options]
    contenders = {
        "ocelli": [*ocelli, arguments.data, *options, "--json"],
        "torchvision, PIL": [*peer, "--pipeline", "pil"],
        "torchvision, tensor": [*peer, "--pipeline", "tensor"],
    }
    rates = {name: [] for name in contenders}
    costs = {name: [] for name in contenders}
    facts = {}
    for number in range(arguments.rounds):
        for name, command in contenders.items():
            result, seconds = run(command)
            facts.setdefault(name, result)
            rates[name].append(result["images_per_second"])
            # Ocelli's program is two epochs and nothing else worth counting; the peer, whose
            # imports alone take seconds, counts for itself.
            own = 1000 * seconds / (2 * result["images"])
            costs[name].append(result.get("cpu_ms_per_image", own))
            load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
            rate = f"{rates[name][-1]:.0f} images/s"
            print(f"round {number + 1}: {name}: {rate} (load {load})", file=sys.stderr)

    peer_facts = facts["torchvision, PIL"]
    versions = {key: peer_facts[key] for key in ("python", "torch", "torchvision")}
    print(f"{processor()}, {os.cpu_count()} cores; {versions}")
    print(f"{peer_facts['images']} images, size {arguments.size}, batch {arguments.batch}, ", end="")
    print(f"{arguments.workers} workers, {arguments.rounds} rounds")
    print("| loader | images/s, median | lowest | highest | ocelli / it | processor ms an image |")
    print("|---|---|---|---|---|---|")
    for name, found in rates.items():
        ratio = statistics.median(a / b for a, b in zip(rates["ocelli"], found))
        middle = statistics.median(found)
        spread = f"{middle:.0f} | {min(found):.0f} | {max(found):.0f}"
        print(f"| {name} | {spread} | {ratio:.2f} | {statistics.median(costs[name]):.2f} |")


if __name__ == "__main__":
    main()
