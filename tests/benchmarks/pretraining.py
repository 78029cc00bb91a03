"""Does pretraining help, and as much as lightly's? Same encoder, steps, head and schedule.

Three arms for each seed: pretrained by ``dermctl pretrain``, pretrained by lightly's SimCLR
(``lightly_simclr.py``), random initialisation. Each gets the exact linear probe (C chosen on
validation) and is evaluated on the test split. The differences of the means over the seeds have
paired bootstrap intervals over groups (lesions): ours minus random with its lower bound above zero
is what "pretraining helps" means.

    python -m tests.benchmarks.pretraining --raw DIR --workspace /tmp/bench
    python -m tests.benchmarks.pretraining --workspace /tmp/bench --only lightly --seed 1

A fourth arm, ``batch_norm``, is ours with batch norm in the projector, as lightly's head has it.

Goes on where it stopped: what a seed has already trained is not trained again; ``--only`` trains
one arm of one seed, for the background.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from dermctl.metrics.bootstrap import bootstrap
from dermctl.metrics.headline import Headline
from dermctl.metrics.inputs import clusters_in, encode_clusters

NAME = "ham10000"
ENCODER = "vit_tiny_patch16_224"
METRICS = ("balanced_accuracy", "auroc")
OURS, LIGHTLY, RANDOM = "pretrained", "lightly", "random"
BATCH_NORM = "batch_norm"
ARMS = (OURS, LIGHTLY, RANDOM, BATCH_NORM)


def dermctl(workspace: Path, *words: str) -> dict:
    """Run a command with --json in a process of its own, as a user does."""
    command = [sys.executable, "-m", "dermctl", "--workspace", str(workspace), *words, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


class Cost:
    """Wall time, and CPU time of the processes that were waited for, since it was made."""

    def __init__(self) -> None:
        self._start, self._cpu = time.perf_counter(), self._children()

    def spent(self) -> dict[str, float]:
        """Seconds of either, imports included."""
        return {
            "seconds": time.perf_counter() - self._start,
            "cpu_seconds": self._children() - self._cpu,
        }

    @staticmethod
    def _children() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime


def finished(workspace: Path, name: str, which: str = "best") -> Path | None:
    """A checkpoint of a run of that name that came to its end."""
    found = sorted(workspace.glob(f"runs/*-{name}/done.json"))
    return found[-1].parent / "checkpoints" / f"{which}.ckpt" if found else None


def pretrained(workspace: Path, seed: int, args: argparse.Namespace, norm: str = "layer") -> Path:
    """The encoder of one seed after its last step: lightly's loop chooses no epoch either."""
    name = f"simclr-{seed}" if norm == "layer" else f"simclr-{norm}-norm-{seed}"
    if there := finished(workspace, name, "last"):
        return there
    cost = Cost()
    trained = dermctl(
        workspace, "pretrain", "--data", NAME, "--encoder", ENCODER,
        "--image-size", str(args.image_size), "--epochs", str(args.epochs),
        "--batch-size", str(args.batch_size), "--lr", str(args.lr), "--seed", str(seed),
        "--augmentation", args.augmentation, "--probe-every", "0", "--projector-norm", norm,
        "--name", name,
    )  # fmt: skip
    (Path(trained["run"]) / "done.json").write_text(json.dumps(trained | cost.spent()))
    return Path(trained["run"]) / "checkpoints" / "last.ckpt"


def by_lightly(workspace: Path, seed: int, args: argparse.Namespace) -> Path:
    """The encoder of one seed, trained by lightly on the same images."""
    name = f"lightly-{seed}"
    if there := finished(workspace, name):
        return there
    run = workspace / "runs" / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    command = [
        sys.executable, "-m", "tests.benchmarks.lightly_simclr",
        "--dataset", str(workspace / "data" / NAME), "--run", str(run), "--seed", str(seed),
        "--image-size", str(args.image_size), "--epochs", str(args.epochs),
        "--batch-size", str(args.batch_size), "--lr", str(args.lr),
    ]  # fmt: skip
    cost = Cost()
    subprocess.run(command, stdout=sys.stderr, check=True)
    done = run / "done.json"
    done.write_text(json.dumps(json.loads(done.read_text()) | cost.spent()))
    return run / "checkpoints" / "best.ckpt"


def costs(workspace: Path, arm: str, seed: int) -> str | None:
    """What a training took, where it was timed: CPU-seconds / seconds."""
    names = {OURS: "simclr", LIGHTLY: "lightly", BATCH_NORM: "simclr-batch-norm"}
    found = sorted(workspace.glob(f"runs/*-{names.get(arm)}-{seed}/done.json"))
    done = json.loads(found[-1].read_text()) if found else {}
    if "cpu_seconds" not in done:
        return None
    return f"{done['cpu_seconds']:.0f}/{done['seconds']:.0f}"


def predictions(workspace: Path, arm: str, seed: int, args: argparse.Namespace) -> Path:
    """Test predictions of the linear probe of one arm and seed."""
    name = f"probe-{arm}-{seed}"
    checkpoint = finished(workspace, name)
    if checkpoint is None:
        train = {
            OURS: pretrained,
            LIGHTLY: by_lightly,
            BATCH_NORM: partial(pretrained, norm="batch"),
        }.get(arm)
        source = "none" if train is None else str(train(workspace, seed, args))
        encoder = ["--encoder", ENCODER, "--image-size", str(args.image_size)]
        trained = dermctl(
            workspace, "finetune", "--data", NAME, "--mode", "linear", "--from", source,
            *(encoder if arm == RANDOM else []), "--seed", str(seed), "--name", name,
        )  # fmt: skip
        (Path(trained["run"]) / "done.json").write_text(json.dumps(trained))
        checkpoint = Path(trained["checkpoint"])
    for table in checkpoint.parent.parent.glob("evaluation/*/predictions.parquet"):
        return table
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


def compare(tables: dict[str, list[Path]]) -> dict[str, dict[str, object]]:
    """Means over the seeds, and ours minus each other arm, with intervals."""
    scorers = {arm: [scorer(path) for path in paths] for arm, paths in tables.items()}
    clusters = scorers[OURS][0][1]

    def means(weights: np.ndarray) -> dict[str, np.ndarray]:
        found = {}
        for metric in METRICS:
            arms = {
                arm: np.mean([s(weights)[metric] for s, _ in of_seeds], axis=0)
                for arm, of_seeds in scorers.items()
            }
            found |= {f"{metric}/{arm}": value for arm, value in arms.items()}
            found |= {
                f"{metric}/{OURS} - {arm}": arms[OURS] - value
                for arm, value in arms.items()
                if arm != OURS
            }
        return found

    distribution = bootstrap(means, clusters, seed=0)
    figures = {}
    for name in distribution.values:
        interval = distribution.interval(name)
        figures[name] = interval.to_json()
        print(f"{name:40} {interval.value:7.4f}  95 % {interval.low:7.4f} … {interval.high:7.4f}")
    for arm, of_seeds in scorers.items():
        one = np.ones((clusters, 1))
        singles = [[float(s(one)[metric][0]) for s, _ in of_seeds] for metric in METRICS]
        print(f"{arm}: " + ", ".join(
            f"{metric} {' '.join(f'{value:.3f}' for value in values)}"
            for metric, values in zip(METRICS, singles, strict=True)
        ))  # fmt: skip
    return figures


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--raw", type=Path, default=None, help="folder of HAM10000")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--arms", nargs="+", choices=ARMS, default=[LIGHTLY, RANDOM], help="against ours"
    )
    parser.add_argument("--only", choices=ARMS, help="train this arm of one seed, and stop")
    parser.add_argument("--seed", type=int, default=0, help="of --only")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--augmentation", default="simclr")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    data = os.environ.get("DERMCTL_TEST_DATA")
    args.raw = args.raw or (Path(data) / NAME if data else None)
    if not (args.workspace / "data" / NAME / "dataset.json").exists() and args.raw is None:
        parser.error("name the folder of HAM10000 with --raw, or set DERMCTL_TEST_DATA")
    return args


def main() -> None:
    """Train what is missing, compare, print."""
    args = parsed()
    if not (args.workspace / "data" / NAME / "dataset.json").exists():
        dermctl(args.workspace, "data", "prepare", "ham10000", "--raw", str(args.raw))
    if args.only:
        print(predictions(args.workspace, args.only, args.seed, args))
        return
    arms = list(dict.fromkeys([OURS, *args.arms]))
    figures = compare(
        {
            arm: [predictions(args.workspace, arm, seed, args) for seed in range(args.seeds)]
            for arm in arms
        }
    )
    for arm in arms:
        spent = [found for seed in range(args.seeds) if (found := costs(args.workspace, arm, seed))]
        if spent:
            print(f"{arm}: {' '.join(spent)} CPU-seconds/seconds of training")
    if args.json:
        report = {
            name: {"ratio": None, "ours": found["value"], "peer": None, "unit": "score",
                   "rounds": args.seeds, "low": found["low"], "high": found["high"]}
            for name, found in figures.items()
        }  # fmt: skip
        print(json.dumps(report))


if __name__ == "__main__":
    main()
