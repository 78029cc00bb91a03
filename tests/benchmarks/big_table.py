"""A table of a million rows in many shards: what ``dermctl pretrain`` takes to start, and keeps.

The dataset is synthetic: a few hundred encoded pictures again and again, 4,096 a shard, with class
and patient ids. Each number of rows is trained on by a process of its own, by ``pretrain`` itself:
gate, exposure record, provenance, probes and all, with a very small encoder, for some steps. What
it prints:

- start-up, in CPU seconds, imports apart, to the end of the first step, less what an ordinary step
  takes (ceiling: 2 at a million rows);
- memory of its own (``RssAnon``; mapped shards are the page cache's) after the first step, less
  that before: what is kept a row is the index that batches are made by, and the record of the
  images seen that each checkpoint holds (41 bytes). The bytes a row are those above the smallest
  table's, so that what does not depend on rows (encoder, optimiser, Lightning) does not count;
- whether memory grows while it trains: the most in the second half of the steps, less the most in
  the first;
- how many shards a batch comes from, against what drawing at random gives.

There are no held-out images: comparing a million pictures with them is ``tests.benchmarks.gate``'s.

    python -m tests.benchmarks.big_table --rows 10000 100000 1000000 --json
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tests.benchmarks.step_watch import StepWatch

SHARD_IMAGES = 4096
PICTURES = 256
CLASSES = 8
IMAGES_A_PATIENT = 20
BATCH = 256
NAME = "big"
CEILING_S = 2.0
_MIB = 2**20


def write_dataset(workspace: Path, rows: int) -> Path:
    """A dataset whose train split has ``rows`` rows, the others none; its folder."""
    from dermctl.datasets.store import STORE_FOLDER

    folder = workspace / "data" / NAME
    _write_store(folder / STORE_FOLDER, rows)
    for split, count in (("train", rows), ("val", 0), ("test", 0)):
        _write_manifest(folder / f"{split}.parquet", count)
    (folder / "dataset.json").write_text("{}")
    return folder


def _write_store(store: Path, rows: int) -> None:
    from dermctl.datasets.packing import encode
    from dermctl.datasets.store import StoreWriter
    from tests.views.pictures import picture

    pictures = [encode(picture(64, 48, seed=number)) for number in range(PICTURES)]
    with StoreWriter(store, shard_images=SHARD_IMAGES) as writer:
        for number in range(rows):
            writer.add(_image_id(number), pictures[number % PICTURES])


def _image_id(number: int) -> str:
    return f"image-{number:07}"


def _sha256(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def _write_manifest(path: Path, rows: int) -> None:
    from dermctl.datasets.manifest import COLUMNS, manifest_schema, write_manifest

    place = np.arange(rows)
    patients = pa.array([f"patient-{number // IMAGES_A_PATIENT:06}" for number in range(rows)])
    own = {
        "image_id": pa.array([_image_id(number) for number in range(rows)], pa.string()),
        "patient_id": patients.cast(pa.string()),
        "group_id": patients.cast(pa.string()),
        "dataset": pa.array([NAME] * rows, pa.string()),
        "label": pa.array([f"class {number % CLASSES}" for number in range(rows)], pa.string()),
        "sha256": pa.array([_sha256(number) for number in range(rows)], pa.string()),
        "phash": pa.array(place.astype(np.uint64)),
        "width": pa.array(np.full(rows, 64, np.int32)),
        "height": pa.array(np.full(rows, 48, np.int32)),
        "shard": pa.array((place // SHARD_IMAGES).astype(np.int32)),
        "row": pa.array((place % SHARD_IMAGES).astype(np.int32)),
    }
    columns = [own.get(name, pa.nulls(rows, kind)) for name, kind, _, _ in COLUMNS]
    description = {
        "manifest_version": 1, "name": NAME, "size": 48, "source": "csv", "synthetic": True,
        "label": "class", "classes": [f"class {number}" for number in range(CLASSES)],
    }  # fmt: skip
    write_manifest(path, pa.table(columns, names=manifest_schema().names), description)


def own_memory() -> float:
    """MiB that this process holds for itself, without mapped files."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024


class Steps(StepWatch):
    """The progress of a training: CPU seconds and memory after each step; ends it after some."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.cpu: list[float] = []
        self.memory: list[float] = []

    def advance(self, amount: float = 1) -> None:
        """Note the cost of a step; stop as Ctrl-C does after the last."""
        self.cpu.append(time.process_time())
        self.memory.append(own_memory())
        if len(self.cpu) == self.steps:
            signal.raise_signal(signal.SIGINT)


def pretrain(workspace: Path, steps: int) -> dict[str, float]:
    """Pretrain on what lies in the workspace for some steps, in this process; what it took."""
    from dermctl.config.trainings import PretrainConfig
    from dermctl.core.pretrain import pretrain as run
    from dermctl.datasets.prepared import release_memory
    from dermctl.training.stopping import Interrupted
    from dermctl.workspace import Workspace

    config = PretrainConfig(
        data=(NAME,), encoder="test_vit", image_size=32, batch_size=BATCH, epochs=2, workers=0,
        cache="none", accelerator="cpu", devices=1, precision="fp32", anew=True,
    )  # fmt: skip
    seen = Steps(steps)
    gc.collect()
    release_memory()
    before, began = own_memory(), time.process_time()
    with suppress(Interrupted):
        run(Workspace(workspace), config, seen)
    step = float(np.median(np.diff(seen.cpu)))
    return {
        "startup_s": seen.cpu[0] - began - step,
        "before_mib": before,
        "started_mib": seen.memory[0],
        "halfway_mib": max(seen.memory[: steps // 2]),
        "after_mib": max(seen.memory[steps // 2 :]),
    }


def spread(folder: Path, batches: int) -> dict[str, float]:
    """From how many shards the batches of an epoch come, and would by chance."""
    from dermctl.datasets.manifest import read_manifest
    from dermctl.views.batches import EpochBatchSampler

    shard = np.asarray(read_manifest(folder, "train", ["shard"]).column("shard"))
    drawn = zip(range(batches), EpochBatchSampler(len(shard), BATCH), strict=False)
    found = [len(np.unique(shard[batch.indices])) for _, batch in drawn]
    return {
        "rows": len(shard),
        "shards": int(shard.max()) + 1,
        "shards_a_batch": float(np.mean(found)),
        "expected_shards": expected_shards(shard),
    }


def expected_shards(shard: np.ndarray) -> float:
    """How many shards a batch drawn at random comes from, on average (without replacement)."""
    sizes = np.bincount(shard)
    rows = sizes.sum()
    left_out = np.ones(len(sizes))
    for drawn in range(BATCH):
        left_out *= np.maximum(rows - sizes - drawn, 0) / (rows - drawn)
    return float((1 - left_out).sum())


def measure(rows: int, steps: int, rounds: int) -> list[dict[str, float]]:
    """One process a round over a dataset of ``rows``."""
    with tempfile.TemporaryDirectory() as name:
        folder = write_dataset(Path(name), rows)
        shards = spread(folder, steps)
        command = [sys.executable, "-m", "tests.benchmarks.big_table", "--read", name]
        found = []
        for _ in range(rounds):
            done = subprocess.run(
                [*command, "--steps", str(steps)], stdout=subprocess.PIPE, text=True, check=True
            )
            found.append(json.loads(done.stdout.splitlines()[-1]) | shards)
    return found


def report(found: list[dict[str, float]], smallest: list[dict[str, float]]) -> dict[str, Any]:
    """Print one size's rounds; its figures."""
    rows = int(found[0]["rows"])
    startup = sorted(one["startup_s"] for one in found)
    kept = sorted(one["started_mib"] - one["before_mib"] for one in found)
    growth = sorted(one["after_mib"] - one["halfway_mib"] for one in found)
    base = float(np.median([one["started_mib"] - one["before_mib"] for one in smallest]))
    more = rows - int(smallest[0]["rows"])
    per_row = [(value - base) * _MIB / more for value in kept] if more else []
    print(f"{rows:,} rows in {int(found[0]['shards'])} shards")
    print(f"  start-up {_range(startup, 2)} CPU-seconds")
    print(
        f"  kept after the first step {_range(kept, 1)} MiB"
        + (f", {_range(per_row, 0)} bytes a row above the smallest table's" if per_row else "")
    )
    print(f"  most of the second half of the steps, less most of the first {_range(growth, 1)} MiB")
    print(
        f"  {found[0]['shards_a_batch']:.1f} shards a batch, "
        f"{found[0]['expected_shards']:.1f} by chance"
    )
    figures = {
        f"startup_{rows}": _figure(startup, "CPU-seconds", peer=CEILING_S),
        f"kept_{rows}": _figure(kept, "MiB kept after the first step"),
        f"growth_{rows}": _figure(growth, "MiB more in the second half of the steps"),
    }
    if per_row:
        figures[f"bytes_a_row_{rows}"] = _figure(per_row, "bytes a row")
    return figures


def _range(values: list[float], digits: int) -> str:
    low, middle, high = min(values), float(np.median(values)), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _figure(values: list[float], unit: str, *, peer: float | None = None) -> dict[str, Any]:
    middle = float(np.median(values))
    return {
        "ratio": None if peer is None else round(peer / middle, 2), "ours": round(middle, 3),
        "peer": peer, "unit": unit, "rounds": len(values),
        "min": round(min(values), 3), "max": round(max(values), 3),
    }  # fmt: skip


def main() -> None:
    """Measure each size, print, and with --json end in one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--steps", type=int, default=38, help="of training")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.read:
        with tempfile.TemporaryDirectory() as name:  # what is imported on first use, is now
            write_dataset(Path(name), 4 * BATCH)
            pretrain(Path(name), 3)
        print(json.dumps(pretrain(args.read, args.steps)))
        return
    figures: dict[str, Any] = {}
    smallest: list[dict[str, float]] = []
    for rows in sorted(args.rows):
        found = measure(rows, args.steps, args.rounds)
        smallest = smallest or found
        figures |= report(found, smallest)
    if args.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
