"""The exact linear probe: CPU-seconds on 10,000 × 192 embeddings, against cold fits of each C.

The embeddings are those of a ViT-Ti at random initialisation over a prepared dataset's train
images (``--data``), or drawn ones as hard to tell apart. The peer is the same logistic regression
of scikit-learn, fitted anew for each C.

    python -m tests.benchmarks.linear_probe --json
    python -m tests.benchmarks.linear_probe --data data/ham10000 --rounds 5
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dermctl.methods.linear_probe import COSTS, fit_linear_probe

Arrays = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]

WIDTH = 192
SHARES = np.array([0.67, 0.11, 0.11, 0.05, 0.03, 0.015, 0.015])  # HAM10000's classes


def drawn(images: int, seed: int) -> Arrays:
    """Correlated embeddings whose classes overlap."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(len(SHARES), WIDTH)) * 0.08
    mixing = rng.normal(size=(WIDTH, WIDTH)) * np.geomspace(3, 1e-4, WIDTH)
    rng = np.random.default_rng(seed)
    labels = rng.choice(len(SHARES), images, p=SHARES / SHARES.sum())
    return (rng.normal(size=(images, WIDTH)) + centres[labels]) @ mixing, labels


def embedded(folder: Path, name: str, limit: int) -> Arrays:
    """Embeddings of real images by an untrained encoder."""
    import torch

    from dermctl.checkpoint import Description
    from dermctl.core.loading import LoaderSettings, evaluation_loader, labelled, stored_images
    from dermctl.core.transform import preprocessing, transform_of
    from dermctl.datasets.prepared import load_split
    from dermctl.inference import run_model
    from dermctl.models.encoder import build_encoder

    torch.manual_seed(0)
    encoder = "vit_tiny_patch16_224"
    about = Description("pretrain", encoder, 64, **preprocessing(encoder), store_size=256)
    split = labelled(load_split(folder, name))
    split = split.where([row < limit for row in range(len(split))])
    images = stored_images([split])
    loader = evaluation_loader(images, transform_of(about), LoaderSettings(64, 0, 0, False))
    found = run_model(
        build_encoder(encoder, 64), loader, about, device="cpu", images=len(images), what=name
    )
    return found.double().numpy(), np.unique(split.column("label"), return_inverse=True)[1]


def ours(train: Arrays, val: Arrays) -> None:
    """Warm starts, weaker penalty by weaker penalty."""
    fit_linear_probe(*train, *val, classes=int(train[1].max()) + 1)


def cold(train: Arrays, val: Arrays) -> None:
    """scikit-learn, each C from nothing."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    for cost in COSTS:
        model = LogisticRegression(C=cost, class_weight="balanced", max_iter=2_000, tol=1e-5)
        make_pipeline(StandardScaler(), model).fit(*train).predict_proba(val[0])


def cpu_seconds(work: Callable[[Arrays, Arrays], None], train: Arrays, val: Arrays) -> float:
    """Of one call."""
    begun = time.process_time()
    work(train, val)
    return time.process_time() - begun


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of a prepared dataset")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.data is None:
        train, val = drawn(asked.images, 1), drawn(asked.images // 5, 2)
    else:
        train = embedded(asked.data, "train", asked.images)
        val = embedded(asked.data, "val", asked.images)
    print(f"{len(train[0]):,} × {train[0].shape[1]} embeddings, {len(COSTS)} values of C")
    taken: dict[str, list[float]] = {"ours": [], "peer": []}
    for number in range(asked.rounds):
        taken["ours"].append(cpu_seconds(ours, train, val))
        taken["peer"].append(cpu_seconds(cold, train, val))
        print(
            f"round {number + 1}: {taken['ours'][-1]:.1f} CPU-seconds, "
            f"cold fits {taken['peer'][-1]:.1f}",
            flush=True,
        )
    ratios = [theirs / own for own, theirs in zip(taken["ours"], taken["peer"], strict=True)]
    ratio = statistics.median(ratios)
    print(
        f"median {statistics.median(taken['ours']):.1f} CPU-seconds (ceiling 60), "
        f"{ratio:.2f} × as fast as cold fits ({min(ratios):.2f} … {max(ratios):.2f})"
    )
    if asked.json:
        figure = {
            "ratio": ratio,
            "ours": statistics.median(taken["ours"]),
            "peer": statistics.median(taken["peer"]),
            "unit": "CPU-seconds",
            "rounds": asked.rounds,
        }
        print(json.dumps({"linear_probe": figure}))


if __name__ == "__main__":
    main()
