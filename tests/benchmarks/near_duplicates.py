"""Near-duplicates on real photographs: what is found, what is linked falsely, and the time.

Copies of HAM10000 pictures are planted among the real ones: re-encoded, halved, brightened or
desaturated, mirrored or turned, cropped by up to 5 % a side. Counted are the copies linked to
their originals, the published duplicate pairs found, the lesions that links tie to others, and the
largest component that links alone make. The peer is the usual way: 64-bit perceptual hashes in
eight orientations, at most 12 bits apart. Links between lesions are not false by themselves: the
source has lesions under two names, so ``--sheet`` paints them for the eye to judge.

    python -m tests.benchmarks.near_duplicates --json
    python -m tests.benchmarks.near_duplicates --images 3000 --copies 500 --sheet links.png
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from dermctl.datasets.groups import connected_groups
from dermctl.datasets.hashing import orientation_hashes, perceptual_hash
from dermctl.datasets.near_duplicates import Descriptions, describe, find_near_duplicates
from tests.conftest import ROOT

PEER_DISTANCE = 12
KINDS = ("re-encoded", "halved", "toned", "turned", "cropped")
PUBLISHED = "cleaning_lists/ham10000_newly_discovered_duplicates.csv"

Links = set[tuple[int, int]]


def read(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    _, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(packed, cv2.IMREAD_COLOR)


def toned(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightened by 10 to 40 %, or with at most half of its colour."""
    values = picture.astype(np.float32)
    if rng.random() < 0.5:
        values = values * rng.uniform(1.1, 1.4) + rng.uniform(0, 20)
    else:
        grey = values.mean(axis=2, keepdims=True)
        values = grey + rng.uniform(0, 0.5) * (values - grey)
    return np.clip(values, 0, 255).astype(np.uint8)


def turned(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One of the seven other orientations."""
    way = int(rng.integers(1, 8))
    mirrored = picture[:, ::-1] if way >= 4 else picture
    return np.ascontiguousarray(np.rot90(mirrored, way % 4))


def cropped(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Up to 5 % less on each side."""
    height, width = picture.shape[:2]
    top, bottom = (round(share * height) for share in rng.uniform(0, 0.05, 2))
    left, right = (round(share * width) for share in rng.uniform(0, 0.05, 2))
    return np.ascontiguousarray(picture[top : height - bottom, left : width - right])


def plant(picture: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """A copy of ``picture``, saved as a JPEG."""
    if kind == "re-encoded":
        return jpeg(picture, int(rng.integers(30, 91)))
    if kind == "halved":
        size = (picture.shape[1] // 2, picture.shape[0] // 2)
        return jpeg(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), 90)
    change = {"toned": toned, "turned": turned, "cropped": cropped}[kind]
    return jpeg(change(picture, rng), 90)


def pictures(
    paths: Sequence[Path], originals: Sequence[int], rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """The real pictures, then a copy of each original, kind after kind in turn."""
    for path in paths:
        yield read(path)
    for number, original in enumerate(originals):
        yield plant(read(paths[original]), KINDS[number % len(KINDS)], rng)


def peer_links(hashes: np.ndarray, oriented: np.ndarray) -> Links:
    """Pairs whose hashes [n] and [n, 8] are near in any orientation."""
    links: Links = set()
    for row in range(len(hashes)):
        bits = np.bitwise_count(oriented[row][:, None] ^ hashes[None, row + 1 :]).min(axis=0)
        links.update((row, row + 1 + int(j)) for j in np.flatnonzero(bits <= PEER_DISTANCE))
    return links


def recall(links: Links, images: int, originals: Sequence[int]) -> dict[str, float]:
    """Share of the copies of each kind that are linked to their original."""
    found: Counter[str] = Counter()
    for number, original in enumerate(originals):
        found[KINDS[number % len(KINDS)]] += (original, images + number) in links
    each = len(originals) / len(KINDS)
    return {kind: found[kind] / each for kind in KINDS}


def between_lesions(links: Links, lesions: Sequence[str]) -> list[tuple[int, int]]:
    """Links between real pictures of different lesions."""
    n = len(lesions)
    return sorted((i, j) for i, j in links if j < n and lesions[i] != lesions[j])


def largest_component(links: Links, lesions: Sequence[str]) -> int:
    """The most lesions that links between real pictures join."""
    real = [pair for pair in links if pair[1] < len(lesions)]
    groups = connected_groups(len(lesions), [real])
    members: dict[int, set[str]] = {}
    for group, lesion in zip(groups.tolist(), lesions, strict=True):
        members.setdefault(group, set()).add(lesion)
    return max(map(len, members.values()))


def summarise(
    links: Links, lesions: Sequence[str], originals: Sequence[int], published: Links
) -> dict[str, float]:
    figures = {
        f"recall, {kind}": share for kind, share in recall(links, len(lesions), originals).items()
    }
    strange = [pair for pair in between_lesions(links, lesions) if pair not in published]
    figures["published pairs found"] = len(published & links)
    figures["links between lesions, unpublished"] = len(strange)
    figures["lesions in such links"] = len({lesions[row] for pair in strange for row in pair})
    figures["lesions in the largest component"] = largest_component(links, lesions)
    return figures


def paint(pairs: Sequence[tuple[int, int]], paths: Sequence[Path], sheet: Path) -> None:
    """Pictures of linked lesions side by side, four pairs a row."""
    tiles = []
    for i, j in pairs:
        both = [cv2.resize(read(paths[row]), (200, 150)) for row in (i, j)]
        tiles.append(np.hstack([*both, np.zeros((150, 6, 3), np.uint8)]))
    tiles += [np.zeros((150, 406, 3), np.uint8)] * (-len(tiles) % 4)
    if tiles:
        rows = [np.hstack(tiles[start : start + 4]) for start in range(0, len(tiles), 4)]
        cv2.imwrite(str(sheet), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def published_pairs(data: Path, row_of: dict[str, int]) -> Links:
    with (data / PUBLISHED).open() as file:
        rows = [(row_of.get(r["from_img"]), row_of.get(r["to_img"])) for r in csv.DictReader(file)]
    return {(min(i, j), max(i, j)) for i, j in rows if i is not None and j is not None}


def measure(args: argparse.Namespace) -> dict[str, dict[str, object]]:
    """Ours and the peer on the same pictures; each figure with both values."""
    folder = args.data / "ham10000"
    paths = sorted((folder / "images").iterdir())[: args.images]
    with (folder / "HAM10000_metadata.csv").open() as file:
        lesion_of = {row["image_id"]: row["lesion_id"] for row in csv.DictReader(file)}
    lesions = [lesion_of[path.stem] for path in paths]
    rng = np.random.default_rng(args.seed)
    originals = rng.choice(len(paths), args.copies, replace=False).tolist()
    published = published_pairs(args.data, {path.name: row for row, path in enumerate(paths)})

    described, hashes, oriented = [], [], []
    seconds: Counter[str] = Counter()
    for picture in pictures(paths, originals, rng):
        start = time.process_time()
        described.append(describe(picture))
        seconds["describe"] += time.process_time() - start
        hashes.append(perceptual_hash(picture))
        oriented.append(orientation_hashes(picture))
    start = time.process_time()
    pairs = find_near_duplicates(Descriptions.gather(described))
    seconds["find"] = time.process_time() - start
    start = time.process_time()
    peer = peer_links(np.array(hashes, np.uint64), np.array(oriented, np.uint64))
    seconds["peer"] = time.process_time() - start

    links = {(pair.i, pair.j) for pair in pairs}
    ours = summarise(links, lesions, originals, published)
    theirs = summarise(peer, lesions, originals, published)
    ours["CPU ms a picture, describe"] = 1000 * seconds["describe"] / len(described)
    ours["CPU ms a picture, find"] = 1000 * seconds["find"] / len(described)
    theirs["CPU ms a picture, find"] = 1000 * seconds["peer"] / len(described)
    print(
        f"{len(paths)} pictures of {len(set(lesions))} lesions, {args.copies} copies planted, "
        f"{len(published)} published pairs"
    )
    if args.sheet:
        paint(between_lesions(links, lesions), paths, args.sheet)
    return {
        name: {
            "ratio": value / theirs[name] if theirs.get(name) else None,
            "ours": value,
            "peer": theirs.get(name),
            "unit": "64-bit DCT hash, 8 orientations, at most 12 bits",
            "rounds": 1,
        }
        for name, value in ours.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--images", type=int, default=None, help="real pictures (default: all)")
    parser.add_argument("--copies", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet", type=Path, help="paint the linked lesions into this PNG")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    figures = measure(args)
    print(f"{'':36s} {'ours':>9s} {'peer':>9s}")
    for name, figure in figures.items():
        peer = figure["peer"]
        shown = "" if peer is None else f"{peer:9.3f}"
        print(f"{name:36s} {figure['ours']:9.3f} {shown:>9s}")
    if args.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
