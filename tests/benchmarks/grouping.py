"""Proposing and grouping near-duplicates among 100,000 pictures: CPU seconds and peak memory.

There are not 100,000 real pictures at hand, so keypoints are drawn from those of real ones with
some of their bits flipped; the buckets are then about as crowded as those of real pictures, as far
as their growth from 1,250 to 10,000 pictures tells. Verification is not part of this (see
``near_duplicates.py``). The peer is the plain way: every 64-bit hash against every other in eight
orientations, measured on some of the rows and scaled to all. It only compares; what it finds is no
use for grouping (see there, too).

    python -m tests.benchmarks.grouping --json
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import time
from pathlib import Path

import cv2
import numpy as np

from dermctl.datasets.groups import connected_groups
from dermctl.datasets.near_duplicates import Descriptions, describe
from dermctl.datasets.near_duplicates.codes import Codes
from dermctl.datasets.near_duplicates.describe import MAX_KEYPOINTS
from dermctl.datasets.near_duplicates.propose import propose
from tests.benchmarks.near_duplicates import PEER_DISTANCE, read
from tests.conftest import ROOT

FLIPPED = 0.05
"""Share of the bits that differ from the real keypoint's."""
GIGABYTE = 1e9


def real_codes(folder: Path, pictures: int) -> Codes:
    """The keypoints of the first real pictures in a folder."""
    paths = sorted(folder.iterdir())[:pictures]
    return Descriptions.gather(describe(read(path)) for path in paths).codes


def crowd(pool: Codes, images: int) -> Descriptions:
    """Pictures whose keypoints resemble those of the pool."""
    rng = np.random.default_rng(0)
    codes = np.empty((images * MAX_KEYPOINTS, pool.shape[1]), np.uint32)
    for start in range(0, len(codes), 1 << 18):
        part = codes[start : start + (1 << 18)]
        part[:] = pool[rng.integers(0, len(pool), len(part))]
        for bit in range(32):
            flips = rng.random(part.shape, dtype=np.float32) < FLIPPED
            part ^= flips.astype(np.uint32) << np.uint32(bit)
    offsets = np.arange(images + 1, dtype=np.int64) * MAX_KEYPOINTS
    return Descriptions(np.empty((0, 4), np.float16), codes, offsets)


def ours(descriptions: Descriptions) -> tuple[float, int]:
    """CPU seconds of proposing pairs and grouping by them; and the number of pairs."""
    start = time.process_time()
    proposals = propose(descriptions)
    connected_groups(len(descriptions), [proposals.pairs])
    return time.process_time() - start, len(proposals)


def peer(images: int, rows: int) -> float:
    """CPU seconds of comparing all hashes with all, from the time that some rows take."""
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, images, dtype=np.uint64)
    oriented = rng.integers(0, 2**64, (rows, 8), dtype=np.uint64)
    start = time.process_time()
    for ways in oriented:
        near = np.zeros(images, dtype=bool)
        for way in ways:
            near |= np.bitwise_count(hashes ^ way) <= PEER_DISTANCE
        np.flatnonzero(near)
    return (time.process_time() - start) * images / rows / 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--pool", type=int, default=2500, help="real pictures to draw from")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    descriptions = crowd(real_codes(args.data / "ham10000" / "images", args.pool), args.images)
    held = descriptions.codes.nbytes / GIGABYTE
    own, other, proposed = [], [], 0
    for _ in range(args.rounds):
        seconds, proposed = ours(descriptions)
        own.append(seconds)
        other.append(peer(args.images, rows=2000))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIGABYTE
    ratios = [theirs / mine for theirs, mine in zip(other, own, strict=True)]
    print(
        f"{args.images} pictures, {proposed} pairs proposed: {statistics.median(own):.1f} CPU s "
        f"({min(own):.1f} to {max(own):.1f}), peak memory {peak:.2f} GB, of which {held:.2f} GB "
        f"codes; all hashes against all: {statistics.median(other):.1f} CPU s; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    if args.json:
        unit, name = "CPU seconds", f"propose and group {args.images}"
        figures = {
            name: {
                "ratio": statistics.median(ratios),
                "ours": statistics.median(own),
                "peer": statistics.median(other),
                "unit": unit,
                "rounds": args.rounds,
            },
            "peak memory": {
                "ratio": None,
                "ours": peak,
                "peer": None,
                "unit": "GB",
                "rounds": args.rounds,
            },
        }
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
