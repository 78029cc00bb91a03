"""The memory that looking at files and packing them takes: a worker's, and the parent's, by rows.

It is what ``dermctl data prepare`` and ``validate`` do with every row and every file. Every run is
a process of its own on made pictures; the peaks are those that Linux keeps for each process (VmHWM,
shared libraries included). ``--rows`` grows the table: a worker must stay where it is, and the
parent may keep some hundred bytes a row and no pictures but those of one shard. Then come large
pictures, of every kind, at the number of pixels up to which those in one piece are decoded.

    python -m tests.benchmarks.prepare_memory --json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from dermctl.datasets.decoding import MAX_PIXELS_IN_ONE_PIECE
from tests.benchmarks.photographs import Pixels, encoded, photograph

WORKERS = 2
SMALL = (160, 120)
GIGABYTE = 1e9
MIB = 1024**2


@dataclass(frozen=True)
class Peak:
    """Bytes at the worst moment, and the seconds the run took."""

    parent: int
    worker: int
    seconds: float


LOOK = """
import sys
from pathlib import Path
from dermctl.datasets.examine import MAX_ASPECT, MIN_SIDE
from dermctl.datasets.inspection import inspect_source
from dermctl.datasets.packer import Looking
from dermctl.datasets.packing import PACKED_SIDE
from dermctl.datasets.reasons import resolve_actions
from dermctl.datasets.sources.base import ReadOptions
from dermctl.datasets.sources.registry import get_source

raw, csv, store = map(Path, sys.argv[1:4])
read = ReadOptions(csv=csv, image_column="file", label_column="dx")
table = get_source("csv").read(raw, read)
looking = Looking(PACKED_SIDE, MIN_SIDE, MAX_ASPECT, workers=int(sys.argv[4]))
found = inspect_source(table, raw, looking, resolve_actions(), store=store)
assert len(found.seen) == table.table.num_rows, found.findings.rejected
"""
"""What ``prepare`` does with every row and every file: read, check, hash, shrink, pack."""


def looked_at(raw: Path, table: Path) -> Peak:
    """Look at a folder and pack it in a process of its own."""
    with tempfile.TemporaryDirectory() as store:
        command = [sys.executable, "-c", LOOK, str(raw), str(table), store, str(WORKERS)]
        begun = time.monotonic()
        process = subprocess.Popen(command)
        peaks: dict[int, int] = {}
        while process.poll() is None:
            for number in [process.pid, *descendants(process.pid)]:
                # The last one seen: a process just begun has that of its parent.
                peaks[number] = high_water_mark(number) or peaks.get(number, 0)
            time.sleep(0.05)
        if process.returncode:
            raise SystemExit(f"it failed ({process.returncode})")
    parent = peaks.pop(process.pid)
    return Peak(parent, max(peaks.values()), time.monotonic() - begun)


def descendants(process: int) -> list[int]:
    """All processes below one."""
    found: list[int] = []
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            numbers = [int(word) for word in children.read_text().split()]
        except OSError:  # it has ended meanwhile
            continue
        for number in numbers:
            found += [number, *descendants(number)]
    return found


def high_water_mark(process: int) -> int:
    """The most memory (resident, bytes) that a process has had; 0 once it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) * 1024 if lines else 0


def make_small(folder: Path, rows: int) -> Path:
    """So many small JPEGs of different bytes (a comment in each), and their table."""
    jpeg = encoded(photograph([], 0, *SMALL), "JPEG", quality=90)
    names = [f"{number:06d}.jpg" for number in range(rows)]
    for name in names:
        comment = name.encode()
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        (folder / name).write_bytes(jpeg[:2] + segment + jpeg[2:])
    table = folder.with_suffix(".csv")  # one label: the pictures are the same
    table.write_text("\n".join(["file,dx", *(f"{name},nevus" for name in names)]) + "\n")
    return table


def write_table(folder: Path, names: list[str]) -> Path:
    """Two labels in turn."""
    table = folder.with_suffix(".csv")
    lines = [f"{name},{'nevus' if number % 2 else 'melanoma'}" for number, name in enumerate(names)]
    table.write_text("\n".join(["file,dx", *lines]) + "\n", encoding="utf-8")
    return table


LARGE: dict[str, Callable[[Pixels, Path], None]] = {
    "jpeg": lambda pixels, stem: pillow(pixels, stem, "jpg", quality=90),
    "jpeg_progressive": lambda pixels, stem: pillow(
        pixels, stem, "jpg", quality=90, subsampling=0, progressive=True
    ),
    "jpeg_cmyk": lambda pixels, stem: (
        Image.fromarray(pixels).convert("CMYK").save(stem.with_suffix(".jpg"))
    ),
    "png": lambda pixels, stem: png(pixels, stem),
    "png_alpha": lambda pixels, stem: png(with_alpha(pixels), stem),
    "png_16_bits": lambda pixels, stem: png(pixels.astype(np.uint16) * 257, stem),
    "png_16_bits_alpha": lambda pixels, stem: png(with_alpha(pixels).astype(np.uint16) * 257, stem),
    "tiff": lambda pixels, stem: pillow(pixels, stem, "tif"),
    "webp": lambda pixels, stem: pillow(pixels, stem, "webp", quality=80, method=0),
}
"""Kind → how a picture is written so."""


def pillow(pixels: Pixels, stem: Path, ending: str, **options: object) -> None:
    """Written by Pillow."""
    Image.fromarray(pixels).save(stem.with_suffix(f".{ending}"), **options)


def png(pixels: np.ndarray, stem: Path) -> None:
    """Written by OpenCV, hardly compressed: the file takes memory too."""
    cv2.imwrite(str(stem.with_suffix(".png")), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def with_alpha(pixels: Pixels) -> Pixels:
    """See-through throughout."""
    return np.dstack([pixels, np.full(pixels.shape[:2], 200, np.uint8)])


def make_large(folder: Path, kind: str, pixels: Pixels) -> Path:
    """One for each worker, each a little different, and their table."""
    for number in range(WORKERS):
        LARGE[kind](np.roll(pixels, 97 * number, axis=0), folder / f"{kind}-{number}")
    return write_table(folder, sorted(path.name for path in folder.iterdir()))


def large_pixels() -> Pixels:
    """A picture of the most pixels that are decoded in one piece, 3:2."""
    width, height = 6000, 4000
    scale = (MAX_PIXELS_IN_ONE_PIECE / (width * height)) ** 0.5
    pixels = photograph([], 0, width, height)
    return np.asarray(cv2.resize(pixels, (int(width * scale), int(height * scale))))


def main() -> None:
    """Measure, print, and with --json end in one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000, 10_000, 40_000])
    parser.add_argument("--large", nargs="*", default=list(LARGE), choices=list(LARGE))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    figures = {}
    first: Peak | None = None
    for rows in args.rows:
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder) / "raw"
            raw.mkdir()
            peak = looked_at(raw, make_small(raw, rows))
        first = first or peak
        for who in ("worker", "parent"):
            ours, peer = getattr(peak, who), getattr(first, who)
            figures[f"{who}_{rows}_rows"] = figure(ours, peer)
        grown = (peak.parent - first.parent) / max(1, rows - args.rows[0])
        print(
            f"{rows:7,} rows: worker {peak.worker / MIB:.0f} MiB, parent {peak.parent / MIB:.0f} "
            f"MiB ({grown:,.0f} bytes for each row more), {peak.seconds:.0f} s",
            flush=True,
        )
    pixels = large_pixels() if args.large else np.zeros((1, 1, 3), np.uint8)
    for kind in args.large:
        with tempfile.TemporaryDirectory() as folder:
            raw = Path(folder) / "raw"
            raw.mkdir()
            peak = looked_at(raw, make_large(raw, kind, pixels))
        figures[f"worker_{kind}"] = figure(peak.worker, GIGABYTE)
        size = f"{pixels.shape[1]}×{pixels.shape[0]}"
        print(f"{kind:18} {size}: worker {peak.worker / MIB:.0f} MiB of 954", flush=True)
    if args.json:
        print(json.dumps(figures))


def figure(ours: float, peer: float) -> dict[str, object]:
    """A peak against another."""
    plain = {"ours": ours / MIB, "peer": peer / MIB}
    return {"ratio": ours / peer, **plain, "unit": "MiB", "rounds": 1}


if __name__ == "__main__":
    main()
