"""Does pretraining help? SimCLR against random initialisation, same encoder, head and schedule.

For each seed: pretrain on HAM10000, then the exact linear probe on the pretrained encoder and on
the same encoder at random initialisation (C chosen on validation for both), both evaluated on the
test split. The difference of the means over the seeds has a paired bootstrap interval over groups
(lesions): its lower bound above zero is what "pretraining helps" means.

    python tests/benchmarks/pretraining.py --raw DIR --workspace /tmp/bench --epochs 8

Goes on where it stopped: what a seed has already trained is not trained again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from dermctl.metrics.bootstrap import bootstrap
from dermctl.metrics.headline import Headline
from dermctl.metrics.inputs import clusters_in, encode_clusters

NAME = "ham10000"
ENCODER = "vit_tiny_patch16_224"
METRICS = ("balanced_accuracy", "auroc")
ARMS = ("pretrained", "random")


def dermctl(workspace: Path, *words: str) -> dict:
    """Run a command with --json in a process of its own, as a user does."""
    command = [sys.executable, "-m", "dermctl", "--workspace", str(workspace), *words, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def finished(workspace: Path, name: str) -> Path | None:
    """The checkpoint of a run of that name that came to its end."""
    found = sorted(workspace.glob(f"runs/*-{name}/done.json"))
    return found[-1].parent / "checkpoints" / "best.ckpt" if found else None


def pretrained(workspace: Path, seed: int, args: argparse.Namespace) -> Path:
    """The encoder of one seed."""
    name = f"simclr-{seed}"
    if there := finished(workspace, name):
        return there
    trained = dermctl(
        workspace, "pretrain", "--data", NAME, "--encoder", ENCODER,
        "--image-size", str(args.image_size), "--epochs", str(args.epochs),
        "--batch-size", str(args.batch_size), "--lr", str(args.lr), "--seed", str(seed),
        "--augmentation", args.augmentation, "--name", name,
    )  # fmt: skip
    (Path(trained["run"]) / "done.json").write_text(json.dumps(trained))
    return Path(trained["checkpoint"])


def predictions(workspace: Path, arm: str, seed: int, args: argparse.Namespace) -> Path:
    """Test predictions of the linear probe of one arm and seed."""
    name = f"probe-{arm}-{seed}"
    checkpoint = finished(workspace, name)
    if checkpoint is None:
        source = str(pretrained(workspace, seed, args)) if arm == "pretrained" else "none"
        encoder = ["--encoder", ENCODER, "--image-size", str(args.image_size)]
        trained = dermctl(
            workspace, "finetune", "--data", NAME, "--mode", "linear", "--from", source,
            *(encoder if arm == "random" else []), "--seed", str(seed), "--name", name,
        )  # fmt: skip
        (Path(trained["run"]) / "done.json").write_text(json.dumps(trained))
        checkpoint = Path(trained["checkpoint"])
    evaluated = dermctl(workspace, "evaluate", str(checkpoint), "--data", NAME)
    return Path(evaluated["folder"]) / "predictions.parquet"


def scorer(path: Path) -> tuple[Headline, int]:
    """The metrics of one table of predictions, as a function of group weights."""
    table = pq.read_table(path)
    columns = sorted(name for name in table.column_names if name.startswith("prob_"))
    classes = [name.removeprefix("prob_") for name in columns]
    truth = np.array([classes.index(label) for label in table.column("label").to_pylist()])
    scores = np.stack([table.column(name).to_numpy() for name in columns], axis=1)
    codes = encode_clusters(table.column("group_id").to_pylist(), len(truth))
    return Headline(truth, scores, codes, clusters_in(codes)), clusters_in(codes)


def main() -> None:
    """Train what is missing, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--raw", type=Path, default=None, help="folder of HAM10000")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--augmentation", default="simclr")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    data = os.environ.get("DERMCTL_TEST_DATA")
    raw = args.raw or (Path(data) / NAME if data else None)
    if not (args.workspace / "data" / NAME / "dataset.json").exists():
        if raw is None:
            parser.error("name the folder of HAM10000 with --raw, or set DERMCTL_TEST_DATA")
        dermctl(args.workspace, "data", "prepare", "ham10000", "--raw", str(raw))
    tables = {
        arm: [predictions(args.workspace, arm, seed, args) for seed in range(args.seeds)]
        for arm in ARMS
    }
    scorers = {arm: [scorer(path) for path in paths] for arm, paths in tables.items()}
    clusters = scorers["random"][0][1]

    def means(weights: np.ndarray) -> dict[str, np.ndarray]:
        found = {}
        for metric in METRICS:
            arms = [np.mean([s(weights)[metric] for s, _ in scorers[arm]], axis=0) for arm in ARMS]
            found |= {f"{metric}/{arm}": value for arm, value in zip(ARMS, arms, strict=True)}
            found[f"{metric}/difference"] = arms[0] - arms[1]
        return found

    distribution = bootstrap(means, clusters, seed=0)
    figures = {}
    for name in distribution.values:
        interval = distribution.interval(name)
        figures[name] = interval.to_json()
        print(f"{name:32} {interval.value:7.4f}  95 % {interval.low:7.4f} … {interval.high:7.4f}")
    for arm in ARMS:
        one = np.ones((clusters, 1))
        singles = [[float(s(one)[metric][0]) for s, _ in scorers[arm]] for metric in METRICS]
        print(f"{arm}: " + ", ".join(
            f"{metric} {' '.join(f'{value:.3f}' for value in values)}"
            for metric, values in zip(METRICS, singles, strict=True)
        ))  # fmt: skip
    if args.json:
        report = {
            name: {"ratio": None, "ours": found["value"], "peer": None, "unit": "score",
                   "rounds": args.seeds, "low": found["low"], "high": found["high"]}
            for name, found in figures.items()
        }  # fmt: skip
        print(json.dumps(report))


if __name__ == "__main__":
    main()
