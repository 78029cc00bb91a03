"""A table of a million rows in many shards: start-up, memory and shuffling of the input path.

The store is synthetic: a few hundred encoded pictures again and again, 4,096 a shard. Each number
of rows is read by a process of its own, from the manifest to the first batch of pretraining views,
and then for some batches more. What it prints:

- start-up, in CPU seconds, imports apart (ceiling: 2 at a million rows);
- memory of its own (``RssAnon``; mapped shards are the page cache's) before, after start-up, and
  after the batches: what is kept a row is the index, and reading on must add nothing;
- how many shards a batch comes from, against what drawing at random gives.

    python -m tests.benchmarks.big_table --rows 10000 100000 1000000 --json
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

SHARD_IMAGES = 4096
PICTURES = 256
BATCH = 256
CEILING_S = 2.0
_MIB = 2**20


def write_dataset(folder: Path, rows: int) -> Path:
    """A dataset whose train split has ``rows`` rows: manifest and store; the folder."""
    from dermctl.datasets.manifest import COLUMNS, manifest_schema, write_manifest
    from dermctl.datasets.packing import encode
    from dermctl.datasets.store import STORE_FOLDER, StoreWriter, shard_name
    from tests.views.pictures import picture

    store = folder / STORE_FOLDER
    pictures = [encode(picture(64, 48, seed=number)) for number in range(PICTURES)]
    shards = -(-rows // SHARD_IMAGES)
    with StoreWriter(store, shard_images=SHARD_IMAGES) as writer:
        for number in range(min(rows, SHARD_IMAGES)):
            writer.add(f"image-{number:07}", pictures[number % PICTURES])
    for shard in range(1, shards):
        shutil.copyfile(store / shard_name(0), store / shard_name(shard))
    names = pa.array([f"image-{number:07}" for number in range(rows)])
    place = np.arange(rows)
    own = {
        "image_id": names,
        "group_id": names,
        "dataset": pa.array(np.full(rows, "big")),
        "sha256": pa.array([f"{number:064x}" for number in range(rows)]),
        "phash": pa.array(place.astype(np.uint64)),
        "width": pa.array(np.full(rows, 64, np.int32)),
        "height": pa.array(np.full(rows, 48, np.int32)),
        "shard": pa.array((place // SHARD_IMAGES).astype(np.int32)),
        "row": pa.array((place % SHARD_IMAGES).astype(np.int32)),
    }
    columns = [own.get(name, pa.nulls(rows, kind)) for name, kind, _, _ in COLUMNS]
    description = {"manifest_version": 1, "name": "big", "size": 256, "source": "csv"}
    table = pa.table(columns, names=manifest_schema().names)
    write_manifest(folder / "train.parquet", table, description)
    return folder


def own_memory() -> float:
    """MiB that this process holds for itself, without mapped files."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024


def read(folder: Path, batches: int) -> dict[str, float]:
    """Start up and make batches, in this process; what it took."""
    from dermctl.core.inputs import settle_inputs
    from dermctl.core.loading import LoaderSettings, TrainingData
    from dermctl.datasets.prepared import load_split
    from dermctl.training.hardware import Hardware

    hardware = Hardware("cpu", 1, 1, "fp32")
    before, began = own_memory(), time.process_time()
    split = load_split(folder, "train")
    inputs = settle_inputs(
        "simclr", "none", [split], size=32, epochs=2, workers=0, hardware=hardware
    )
    views = inputs.views(inputs.images([split]), count=2, seed=0)
    loader = TrainingData(views, None, LoaderSettings(BATCH, 0, 0, pin=False)).train_dataloader()
    shard = np.asarray(split.table.column("shard"))
    rows = len(split)
    del split
    several = iter(loader)
    next(several)
    started, startup = own_memory(), time.process_time() - began
    spread = []
    for _, batch in zip(range(batches), several, strict=False):
        spread.append(len(np.unique(shard[batch["index"].numpy()])))
    return {
        "rows": rows,
        "startup_s": startup,
        "before_mib": before,
        "started_mib": started,
        "after_mib": own_memory(),
        "shards_a_batch": float(np.mean(spread)),
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


def measure(rows: int, batches: int, rounds: int) -> list[dict[str, float]]:
    """One process a round over a store of ``rows``."""
    with tempfile.TemporaryDirectory() as name:
        folder = write_dataset(Path(name) / "big", rows)
        command = [sys.executable, "-m", "tests.benchmarks.big_table", "--read", str(folder)]
        found = []
        for _ in range(rounds):
            done = subprocess.run(
                [*command, "--batches", str(batches)], stdout=subprocess.PIPE, text=True, check=True
            )
            found.append(json.loads(done.stdout.splitlines()[-1]))
    return found


def main() -> None:
    """Measure each size, print, and with --json end in one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--batches", type=int, default=40, help="read after the start")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.read:
        with tempfile.TemporaryDirectory() as name:  # what is imported on first use, is now
            read(write_dataset(Path(name) / "big", 2 * BATCH), 1)
        print(json.dumps(read(args.read, args.batches)))
        return
    figures = {}
    for rows in args.rows:
        found = measure(rows, args.batches, args.rounds)
        startup = sorted(one["startup_s"] for one in found)
        middle = found[len(found) // 2]
        index = (middle["started_mib"] - middle["before_mib"]) * _MIB / rows
        growth = middle["after_mib"] - middle["started_mib"]
        print(f"{rows:,} rows")
        print(
            f"  start-up {np.median(startup):.2f} CPU-seconds "
            f"({startup[0]:.2f} to {startup[-1]:.2f})"
        )
        print(
            f"  memory {middle['before_mib']:.0f} MiB before, {middle['started_mib']:.0f} started "
            f"({index:.0f} bytes a row), {growth:+.1f} after {args.batches} batches"
        )
        print(
            f"  {middle['shards_a_batch']:.1f} shards a batch, "
            f"{middle['expected_shards']:.1f} by chance"
        )
        figures[f"startup_{rows}"] = {
            "ratio": round(CEILING_S / float(np.median(startup)), 2),
            "ours": round(float(np.median(startup)), 3), "peer": CEILING_S,
            "unit": "CPU-seconds", "rounds": len(found),
            "min": round(startup[0], 3), "max": round(startup[-1], 3),
        }  # fmt: skip
        figures[f"memory_{rows}"] = {
            "ratio": None, "ours": round(middle["started_mib"] - middle["before_mib"], 1),
            "peer": None, "unit": "MiB kept after start-up", "rounds": len(found),
            "growth": round(growth, 1),
        }  # fmt: skip
    if args.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
