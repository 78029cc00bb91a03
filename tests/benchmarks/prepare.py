"""What `dermctl data prepare` does to one file, against a plain Pillow loop doing the same.

Ours: ``dermctl.datasets.examine.examine``. The loop: SHA-256, open, verify, reopen, load, turn
upright, Lanczos to a short side of 256, a look for colour, a DCT hash as the package imagehash
computes it, save as JPEG. CPU seconds on one core, taking turns within each round; a figure is the
median of the rounds' ratios. Also how near the packed pixels are to those of the loop.

    python -m tests.benchmarks.prepare --json
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageChops, ImageOps

from dermctl.datasets.decoding import decode_rgb
from dermctl.datasets.examine import examine
from dermctl.datasets.packing import shrink
from tests.benchmarks.photographs import (
    Pixels,
    data_folder,
    encoded,
    native_photographs,
    photograph,
    psnr,
)

SIZE = 256
LANCZOS = Image.Resampling.LANCZOS


@dataclass(frozen=True)
class Case:
    """One kind of file: its size, how it is encoded, how many of it, the ratio hoped for."""

    name: str
    width: int
    height: int
    files: int
    target: float
    kind: str = "JPEG"
    options: dict[str, Any] = field(default_factory=lambda: {"quality": 90})


CASES = (
    Case("600x450_q90", 600, 450, 16, 3),
    Case("600x450_q98_444", 600, 450, 16, 2, options={"quality": 98, "subsampling": 0}),
    Case("1024x768_q90", 1024, 768, 12, 5),
    Case("3000x2000_q90", 3000, 2000, 4, 10),
    Case("6000x4000_q90", 6000, 4000, 2, 15),
    Case("1200x900_png", 1200, 900, 8, 2, kind="PNG", options={}),
)


def pillow(path: Path, *, lean: bool = False) -> bytes:
    """One file by Pillow alone; the packed JPEG. ``lean``: the file is known to be upright RGB."""
    hashlib.sha256(path.read_bytes()).hexdigest()
    with Image.open(path) as image:
        image.verify()
    with Image.open(path) as opened:
        opened.load()
        image = opened if lean else ImageOps.exif_transpose(opened).convert("RGB")
    small = pillow_shrunk(image)
    red, green, blue = small.split()
    _ = all(
        ImageChops.difference(*pair).getextrema()[1] <= 8 for pair in ((red, green), (green, blue))
    )
    pillow_hash(image)
    packed = io.BytesIO()
    small.save(packed, "JPEG", quality=90)
    return packed.getvalue()


def pillow_shrunk(image: Image.Image) -> Image.Image:
    """Lanczos to a short side of 256."""
    short = min(image.size)
    size = (round(image.width * SIZE / short), round(image.height * SIZE / short))
    return image.resize(size, LANCZOS) if short > SIZE else image


def pillow_hash(image: Image.Image) -> int:
    """imagehash.phash, its scipy DCT written as two matrix products."""
    pixels = np.asarray(image.convert("L").resize((32, 32), LANCZOS), dtype=np.float64)
    low = DCT[:8] @ pixels @ DCT[:8].T
    return int("".join("01"[bit] for bit in (low > np.median(low)).ravel().astype(int)), 2)


DCT = np.cos(np.pi * np.arange(32)[:, None] * (2 * np.arange(32) + 1) / 64)


def our_pixels(data: bytes) -> Pixels:
    """What ``examine`` encodes."""
    return shrink(decode_rgb(data, min_short_side_needed=SIZE).pixels, SIZE)


def cpu_seconds(function: Callable[[Path], object], paths: list[Path]) -> float:
    """CPU time of one pass over ``paths``."""
    start = time.process_time()
    for path in paths:
        function(path)
    return time.process_time() - start


def measure(
    case: Case, paths: list[Path], rounds: int, peer: Callable[[Path], object]
) -> dict[str, object]:
    """The figure of one kind of file."""
    quality, quality_packed = [], []
    for path in paths:  # this also warms up both
        data = path.read_bytes()
        with Image.open(path) as image:
            reference = np.asarray(pillow_shrunk(image))
        quality.append(psnr(our_pixels(data), reference))
        packed = examine(path, size=SIZE).packed
        assert packed is not None, path
        quality_packed.append(psnr(decode_rgb(packed).pixels, reference))
        peer(path)
    pairs = [(cpu_seconds(examine, paths), cpu_seconds(peer, paths)) for _ in range(rounds)]
    ratios = sorted(theirs / ours for ours, theirs in pairs)
    return {
        "ratio": statistics.median(ratios),
        "min": ratios[0],
        "max": ratios[-1],
        "target": case.target,
        "ours": statistics.median(ours for ours, _ in pairs) / len(paths) * 1e3,
        "peer": statistics.median(theirs for _, theirs in pairs) / len(paths) * 1e3,
        "unit": "CPU ms/image",
        "rounds": rounds,
        "kilobytes": round(statistics.mean(path.stat().st_size for path in paths) / 1e3),
        "psnr_min_db": min(quality),
        "psnr_packed_min_db": min(quality_packed),
    }


def show(name: str, figure: dict[str, Any]) -> None:
    """One line."""
    print(
        f"{name:18} {figure['ratio']:6.2f}× [{figure['min']:.2f}–{figure['max']:.2f}]"
        f"  hoped for {figure['target']:g}×  ours {figure['ours']:.2f} peer {figure['peer']:.2f}"
        f" {figure['unit']}, files of {figure['kilobytes']} kB,"
        f" PSNR at least {figure['psnr_min_db']:.1f} dB"
        f" ({figure['psnr_packed_min_db']:.1f} as packed)",
        flush=True,
    )


def main() -> None:
    """Measure, print, and with --json end in one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=data_folder(), help="folder of real data")
    parser.add_argument("--cases", nargs="+", default=[case.name for case in CASES])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--lean", action="store_true", help="a loop that neither turns images nor converts them"
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    sources = native_photographs(args.data)
    print(f"{len(sources)} photographs" if sources else "no real data: generated texture")
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            if case.name not in args.cases:
                continue
            paths = []
            for number in range(case.files):
                pixels = photograph(sources, number, case.width, case.height)
                paths.append(Path(folder) / f"{case.name}-{number}")
                paths[-1].write_bytes(encoded(pixels, case.kind, **case.options))
            peer = partial(pillow, lean=args.lean)
            figures[f"prepare_{case.name}"] = measure(case, paths, args.rounds, peer)
            show(case.name, figures[f"prepare_{case.name}"])
    if args.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
