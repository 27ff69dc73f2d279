"""t-SNE of Ocelli, scikit-learn and openTSNE on the same points, with the same settings, in turn.

    python -m venv ~/ocelli-report-reference
    ~/ocelli-report-reference/bin/pip install scikit-learn openTSNE
    cargo build --release --workspace --example tsne_benchmark
    ~/ocelli-report-reference/bin/python bench/tsne/compare.py target/release/examples/tsne_benchmark

Each run is a process of its own and times from features to coordinates. The divergence is computed
here, the same way for all: over all pairs, without approximation.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

WIDTH = 512
PERPLEXITY = 30


def features(count, classes=40, latent=24, seed=0):
    """Like a network's penultimate features: overlapping classes, bent twice by a rectifier."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    centres = random.normal(0, 1.6, (classes, latent))
    hidden = centres[labels] + random.normal(0, 1, (count, latent))
    weights = random.normal(0, 1 / np.sqrt(latent), (latent, 256))
    hidden = np.maximum(hidden @ weights + random.normal(0, 0.3, 256), 0)
    weights = random.normal(0, 1 / 16, (256, WIDTH))
    return np.maximum(hidden @ weights + random.normal(0, 0.1, (count, WIDTH)), 0).astype(np.float32)


def peer(name, path, out, threads, iterations):
    values = np.fromfile(path, dtype=np.float32).reshape(-1, WIDTH)
    if name == "scikit-learn":
        from sklearn.manifold import TSNE

        model = TSNE(
            perplexity=PERPLEXITY, angle=0.5, max_iter=iterations, init="pca", random_state=0,
            n_jobs=threads,
        )
        begun = time.perf_counter()
        placed = model.fit_transform(values)
    else:
        from openTSNE import TSNE

        method = name.split()[1]
        model = TSNE(
            perplexity=PERPLEXITY, theta=0.5, early_exaggeration_iter=250, n_iter=iterations - 250,
            neighbors="exact", negative_gradient_method=method, initialization="pca",
            random_state=0, n_jobs=threads,
        )
        begun = time.perf_counter()
        placed = np.asarray(model.fit(values))
    seconds = time.perf_counter() - begun
    placed.astype(np.float32).tofile(out)
    print(json.dumps({"seconds": seconds}))


def affinities(values):
    from scipy.sparse import csr_matrix
    from sklearn.manifold._t_sne import _joint_probabilities_nn
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=3 * PERPLEXITY + 1).fit(values)
    graph = search.kneighbors_graph(mode="distance")
    graph.data **= 2
    return csr_matrix(_joint_probabilities_nn(graph, PERPLEXITY, 0)).tocoo()


def divergence(wanted, placed):
    placed = placed.astype(np.float64)
    normalizer = -len(placed)
    for start in range(0, len(placed), 500):
        apart = placed[start : start + 500, None] - placed[None]
        normalizer += (1 / (1 + (apart**2).sum(-1))).sum()
    apart = ((placed[wanted.row] - placed[wanted.col]) ** 2).sum(1)
    found = 1 / (1 + apart) / normalizer
    kept = wanted.data > 0
    return float((wanted.data[kept] * np.log(wanted.data[kept] / found[kept])).sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--peers", default="scikit-learn,openTSNE fft,openTSNE bh")
    arguments = parser.parse_args()
    names = ["ocelli", *filter(None, arguments.peers.split(","))]
    environment = os.environ | {
        name: str(arguments.threads)
        for name in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    }
    results = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "features.f32"), Path(folder, "placed.f32")
        values = features(arguments.count)
        values.tofile(path)
        wanted = affinities(values)
        for _ in range(arguments.runs):
            for name in names:
                common = [str(path), str(out)]
                if name == "ocelli":
                    command = [str(arguments.binary), common[0], str(WIDTH), common[1], str(arguments.iterations)]
                else:
                    command = [sys.executable, __file__, "--peer", name, *common, str(arguments.threads), str(arguments.iterations)]
                done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
                seconds = json.loads(done.stdout.splitlines()[-1])["seconds"]
                placed = np.fromfile(out, dtype=np.float32).reshape(-1, 2)
                results[name].append((seconds, divergence(wanted, placed)))
                print(f"{name}: {seconds:.2f} s, divergence {results[name][-1][1]:.4f}", file=sys.stderr)
    print("| | seconds, median (least to most) | KL divergence, exact |\n|---|---|---|")
    for name, runs in results.items():
        seconds = [run[0] for run in runs]
        print(
            f"| {name} | {median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})"
            f" | {median(run[1] for run in runs):.4f} |"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        name, path, out, threads, iterations = sys.argv[2:]
        peer(name, path, out, int(threads), int(iterations))
    else:
        main()
