"""The gate: what it costs to keep held-out images from a training, and to record a million.

A train split is compared with held-out images, by ids and by pixels: without stored descriptors,
as for a dataset prepared before there were any, and with them, as ``data prepare`` leaves them.
CPU time of all processes counts. Then the record of a million images is written into a checkpoint,
read, and asked for the test images of one dataset.

    python -m tests.benchmarks.gate --json
    python -m tests.benchmarks.gate --train 1000 --held-out 300 --rounds 3
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from dermctl.checkpoint import Description, read_checkpoint, save_checkpoint
from dermctl.core.ties import find_ties
from dermctl.datasets.descriptors import DESCRIPTORS_FILE
from dermctl.datasets.fingerprints import COLUMNS, Fingerprints, fingerprints
from dermctl.datasets.manifest import MANIFEST_VERSION, manifest_schema, write_manifest
from dermctl.datasets.packing import pack
from dermctl.datasets.pictures import Pictures
from dermctl.datasets.prepared import Split, load_split
from dermctl.datasets.store import STORE_FOLDER, StoreWriter
from dermctl.exposure import Exposure

MILLION = 1_000_000
NAME = "made"
ABOUT = Description(
    kind="pretrain",
    encoder="none",
    image_size=224,
    mean=(0.5,) * 3,
    std=(0.5,) * 3,
    crop_pct=1.0,
    interpolation="bicubic",
    crop_mode="center",
    store_size=256,
)


def draw(generator: np.random.Generator, height: int = 192, width: int = 256) -> np.ndarray:
    """Structure at several scales, as skin has: uint8 [H, W, 3]."""
    picture = np.full((height, width, 3), (190, 150, 135), np.float32)
    for cells, strength in ((4, 40), (12, 30), (48, 20), (96, 12)):
        coarse = generator.uniform(-1, 1, (cells, cells, 3)).astype(np.float32)
        picture += strength * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(picture, 0, 255).astype(np.uint8)


def make_dataset(folder: Path, images: dict[str, int]) -> None:
    """A prepared dataset with so many images in each split, no two alike."""
    generator = np.random.default_rng(0)
    with StoreWriter(folder / STORE_FOLDER) as writer:
        for split, count in images.items():
            ids = [f"{split}-{number}" for number in range(count)]
            places = [writer.add(name, pack(draw(generator))) for name in ids]
            write_manifest(folder / f"{split}.parquet", manifest(ids, places, generator), about())


def about() -> dict[str, Any]:
    return {
        "manifest_version": MANIFEST_VERSION,
        "name": NAME,
        "source": "csv",
        "synthetic": False,
        "size": 192,
    }


def manifest(
    ids: list[str], places: list[tuple[int, int]], generator: np.random.Generator
) -> pa.Table:
    columns: dict[str, list[Any]] = {
        "image_id": ids,
        "dataset": [NAME] * len(ids),
        "group_id": ids,
        "sha256": [generator.bytes(32).hex() for _ in ids],
        "phash": generator.integers(0, 2**64, len(ids), np.uint64).tolist(),
        "width": [256] * len(ids),
        "height": [192] * len(ids),
        "shard": [shard for shard, _ in places],
        "row": [row for _, row in places],
    }
    schema = manifest_schema()
    empty = [None] * len(ids)
    return pa.table(
        [pa.array(columns.get(field.name, empty), field.type) for field in schema], schema=schema
    )


def cpu_seconds() -> float:
    """Of this process and of all that it started, those that still run included (Linux)."""
    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    tick = os.sysconf("SC_CLK_TCK")
    for child in descendants(os.getpid()):
        try:
            fields = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(value) for value in fields[11:15]) / tick
    return total


def descendants(process: int) -> Iterator[int]:
    """Processes that it started, and those that they started."""
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return
    for child in map(int, text.split()):
        yield child
        yield from descendants(child)


@contextmanager
def timed(into: list[float]) -> Iterator[None]:
    start = cpu_seconds()
    yield
    into.append(cpu_seconds() - start)


def check(folder: Path) -> None:
    """As ``pretrain`` does it, without planted leaks: every picture is looked at."""
    train, test = (fingerprints(load_split(folder, name)) for name in ("train", "test"))
    assert not find_ties(train, test, Pictures([folder])).found


def compare(folder: Path, rounds: int) -> tuple[list[float], list[float]]:
    """CPU-seconds without and with stored descriptors, one after the other in each round."""
    without: list[float] = []
    stored: list[float] = []
    for _ in range(rounds):
        (folder / DESCRIPTORS_FILE).unlink(missing_ok=True)
        with timed(without):
            check(folder)
        with timed(stored):
            check(folder)
    return without, stored


def a_million() -> Exposure:
    generator = np.random.default_rng(1)
    values = generator.integers(0, 2**64, (MILLION, len(COLUMNS)), np.uint64)
    return Exposure(Fingerprints(values), generator.random(MILLION) < 0.8, True)


def record(folder: Path, test: Split, rounds: int) -> dict[str, list[float]]:
    """Seconds to write a checkpoint with a million images' record, read it, and ask it."""
    figures: dict[str, list[float]] = {"write": [], "read": [], "ask": []}
    exposure, images, path = a_million(), fingerprints(test), folder / "million.ckpt"
    for _ in range(rounds):
        start = time.process_time()
        save_checkpoint(path, ABOUT, {}, exposure)
        figures["write"].append(time.process_time() - start)
        start = time.process_time()
        read = read_checkpoint(path).exposure
        figures["read"].append(time.process_time() - start)
        with timed(figures["ask"]):
            assert not find_ties(images, read.images, Pictures([folder])).found
    figures["megabytes"] = [path.stat().st_size / 1e6]
    return figures


def spread(values: list[float]) -> str:
    middle = statistics.median(values)
    return f"{middle:.2f} [{min(values):.2f}–{max(values):.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=int, default=10_000)
    parser.add_argument("--held-out", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="gate-"))
    try:
        folder = root / NAME
        make_dataset(folder, {"train": args.train, "val": 0, "test": args.held_out})
        without, stored = compare(folder, args.rounds)
        million = record(folder, load_split(folder, "test"), args.rounds)
    finally:
        shutil.rmtree(root)
    ratios = [one / other for one, other in zip(without, stored, strict=True)]
    print(f"{args.train:,} against {args.held_out:,} images, CPU-seconds of all processes")
    print(f"without stored descriptors  {spread(without)}")
    print(f"with them                   {spread(stored)}")
    print(f"ratio                       {spread(ratios)}")
    print(f"a million images: {million['megabytes'][0]:.1f} MB in a checkpoint; CPU-seconds to")
    for name in ("write", "read", "ask"):
        print(f"{name:<26}  {spread(million[name])}")
    if args.json:
        figures = {
            "check with stored descriptors against without": {
                "ratio": statistics.median(ratios),
                "ours": statistics.median(stored),
                "peer": statistics.median(without),
                "unit": "CPU-seconds",
                "rounds": args.rounds,
            },
            "a million images in a checkpoint against 50 MB": {
                "ratio": 50 / million["megabytes"][0],
                "ours": million["megabytes"][0],
                "peer": 50,
                "unit": "MB",
                "rounds": 1,
            },
        }
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
