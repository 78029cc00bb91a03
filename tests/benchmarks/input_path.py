"""The input path against the usual per-image PIL pipelines: two 224-px SimCLR views an image.

All augmentations, one core, from the same photographs. The peers read the original JPEG, as their
users do: lightly's LightlyDataset with SimCLRTransform, and torchvision's PIL transforms arranged
as in solo-learn. Ways take turns within each round, and a figure is the median of the rounds'
ratios. What runs in this process is timed in CPU seconds, which another load on the machine
disturbs less; the loader, which has a process of its own, and what it is compared with, by the
clock.

    python -m tests.benchmarks.input_path --rounds 5 --json
    python -m tests.benchmarks.input_path --only packed loader --images 64
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from dermctl.datasets.packing import pack
from dermctl.datasets.store import Store, StoreWriter
from dermctl.views.batches import Batch, EpochBatchSampler
from dermctl.views.cpu import make_views, normalised
from dermctl.views.decoded import decode_all
from dermctl.views.images import EncodedFiles, Images, Part, StoredImages
from dermctl.views.loader import BatchLoader
from dermctl.views.packed import ViewsDataset
from dermctl.views.parameters import sample
from dermctl.views.presets import SIMCLR
from dermctl.views.resident import ResidentDataset
from tests.views.pictures import picture

SIZE = 224
BATCH = 64
LARGE = {"3000x2000": 12, "6000x4000": 12}  # images a round
Way = Callable[[], None]
Clock = Callable[[], float]


def photographs(folder: Path | None, count: int, width: int) -> Iterator[np.ndarray]:
    """Real images where there are any, HAM10000's or larger ones for a large ``width``.

    Yields:
        uint8 [H, W, 3]; made ones where there are no real ones.
    """
    files: list[Path] = []
    if folder and width <= 600:
        files = sorted((folder / "ham10000" / "images").glob("*.jpg"))
    elif folder:
        found = sorted((folder / "pad-ufes-20").rglob("*.png"))
        files = sorted(found, key=lambda path: -Image.open(path).width)[:count]
    step = max(1, len(files) // count)
    for number in range(count):
        if files:
            yield np.asarray(Image.open(files[number * step % len(files)]).convert("RGB"))
        else:
            yield picture(600, 450, seed=number)


def original(pixels: np.ndarray, width: int, height: int, noise: float, seed: int) -> np.ndarray:
    """Enlarged, with a sensor's noise where that is asked for."""
    large = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(seed).normal(0, noise, large.shape).astype(np.float32)
    return np.clip(large + grain, 0, 255).astype(np.uint8)


def write_originals(
    folder: Path, source: Path | None, count: int, width: int, height: int, noise: float
) -> list[Path]:
    """JPEG files of quality 90."""
    folder.mkdir()
    paths = []
    for number, pixels in enumerate(photographs(source, count, width)):
        paths.append(folder / f"{number:04}.jpg")
        image = Image.fromarray(original(pixels, width, height, noise, number))
        image.save(paths[-1], quality=90)
    mean = sum(path.stat().st_size for path in paths) / len(paths)
    print(f"{count} originals of {width}x{height}, {mean / 1024:.0f} KiB on average")
    return paths


def packed(folder: Path, originals: list[Path]) -> StoredImages:
    """The same photographs as ``dermctl data prepare`` packs them."""
    with StoreWriter(folder) as writer:
        places = [writer.add(path.name, pack(np.asarray(Image.open(path)))) for path in originals]
    shard, row = np.array(places).T
    return StoredImages(Part(Store(folder), shard, row, [path.name for path in originals]))


def lightly_way(folder: Path, count: int) -> Way:
    """LightlyDataset and SimCLRTransform, image by image: float32."""
    from lightly.data import LightlyDataset
    from lightly.transforms import SimCLRTransform

    dataset = LightlyDataset(str(folder), transform=SimCLRTransform(input_size=SIZE))

    def run() -> None:
        for index in range(count):
            dataset[index]

    return run


def solo_learn_transform(size: int) -> Callable[[Image.Image], torch.Tensor]:
    """torchvision's transforms on PIL images in solo-learn's arrangement: float32."""
    from PIL import ImageFilter
    from torchvision import transforms as T

    def blur(image: Image.Image) -> Image.Image:
        return image.filter(ImageFilter.GaussianBlur(random.uniform(0.1, 2.0)))

    return T.Compose(
        [
            T.RandomResizedCrop(size, (0.08, 1.0), interpolation=T.InterpolationMode.BICUBIC),
            T.RandomApply([T.ColorJitter(0.8, 0.8, 0.8, 0.2)], p=0.8),
            T.RandomGrayscale(p=0.2),
            T.RandomApply([T.Lambda(blur)], p=0.5),
            T.RandomHorizontalFlip(p=0.5),
            T.ToTensor(),
            T.Normalize((0.485, 0.456, 0.406), (0.228, 0.224, 0.225)),
        ]
    )


def solo_learn_way(paths: list[Path]) -> Way:
    """Two views by ``solo_learn_transform``, image by image."""
    transform = solo_learn_transform(SIZE)

    def run() -> None:
        for path in paths:
            with Image.open(path) as file:
                image = file.convert("RGB")
            transform(image)
            transform(image)

    return run


def sample_way(images: Images, *, drawn_together: int = BATCH) -> Way:
    """Ours, image by image: both views in float32, normalised."""
    epoch = 0

    def run() -> None:
        nonlocal epoch
        epoch += 1
        for start in range(0, len(images), drawn_together):
            indices = range(start, min(start + drawn_together, len(images)))
            opened = [images.open(index) for index in indices]
            sizes = np.array([(image.width, image.height) for image in opened])
            keys = images.keys[list(indices)]
            views = sample(SIMCLR, sizes, keys, seed=0, epoch=epoch).views(SIMCLR, SIZE)
            for place, image in enumerate(opened):
                for view in make_views(image, views[place :: len(opened)], SIZE):
                    normalised(view)

    return run


def batch_way(images: Images, *, finish: bool) -> Way:
    """Ours, batch by batch in place: uint8, with colour and blur or without."""
    dataset = ViewsDataset(images, SIMCLR, SIZE, finish=finish)
    epoch = 0

    def run() -> None:
        nonlocal epoch
        epoch += 1
        for start in range(0, len(images), BATCH):
            indices = list(range(start, min(start + BATCH, len(images))))
            dataset.__getitems__(Batch(epoch, indices))

    return run


def loader_way(images: Images, *, finish: bool = True) -> Way:
    """Ours through the training's loader with one process, uint8 batches."""
    sampler = EpochBatchSampler(len(images), BATCH)
    dataset = ViewsDataset(images, SIMCLR, SIZE, finish=finish)
    loader = BatchLoader(dataset, sampler, workers=1)

    def run() -> None:
        sampler.set_epoch(sampler.epoch + 1)
        for _ in loader:
            pass

    run()  # starts the process, once for the whole training
    return run


def resident_way(images: Images, device: str) -> Way:
    """Ours from the whole dataset on the device, uint8 batches."""
    dataset = ResidentDataset(decode_all(images).to(torch.device(device)), SIMCLR, SIZE)

    def run() -> None:
        for start in range(0, len(images), BATCH):
            dataset.__getitems__(Batch(0, list(range(start, min(start + BATCH, len(images))))))
        torch.cuda.synchronize()

    return run


def measure(
    ours: dict[str, Way], peers: dict[str, Way], counts: dict[str, int], rounds: int, clock: Clock
) -> dict[str, list[float]]:
    """Milliseconds an image of each way in each round; ways take turns."""
    times: dict[str, list[float]] = {name: [] for name in (*peers, *ours)}
    for _ in range(rounds):
        for name, run in (peers | ours).items():
            start = clock()
            run()
            times[name].append((clock() - start) / counts[name] * 1000)
    return times


def report(
    times: dict[str, list[float]], ours: dict[str, Way], peers: dict[str, Way]
) -> dict[str, dict[str, object]]:
    """Print each way's time and ratio to each peer; return them as figures."""
    figures: dict[str, dict[str, object]] = {}
    for name in ours:
        for peer in peers:
            ratios = [p / o for p, o in zip(times[peer], times[name], strict=True)]
            ratio = statistics.median(ratios)
            figure = name if peer == "lightly" else f"{name}_vs_{peer}"
            figures[figure] = {
                "ratio": round(ratio, 2),
                "ours": round(statistics.median(times[name]), 3),
                "peer": round(statistics.median(times[peer]), 3),
                "unit": "ms/image",
                "rounds": len(ratios),
                "min": round(min(ratios), 2),
                "max": round(max(ratios), 2),
            }
            print(
                f"{figure:42} {ratio:6.2f} x  ({min(ratios):.2f} to {max(ratios):.2f})  "
                f"{statistics.median(times[name]):8.3f} ms an image, "
                f"{peer} {statistics.median(times[peer]):.3f}"
            )
    return figures


def run_small(
    folder: Path, args: argparse.Namespace, wanted: set[str]
) -> dict[str, dict[str, object]]:
    """What starts from 600x450, packed or not."""
    paths = write_originals(folder / "600x450", args.data, args.images, 600, 450, args.noise)
    store = packed(folder / "store", paths)
    peers = {
        "lightly": lightly_way(folder / "600x450", args.peer_images),
        "solo_learn": solo_learn_way(paths[: args.peer_images]),
    }
    offered: dict[str, Callable[[], Way]] = {
        "packed": lambda: sample_way(store),
        "packed_alone": lambda: sample_way(store, drawn_together=1),
        "packed_uint8": lambda: batch_way(store, finish=True),
        "crops_uint8": lambda: batch_way(store, finish=False),
        "ram_uint8": lambda: batch_way(decode_all(store), finish=True),
        "original_600x450": lambda: sample_way(EncodedFiles(paths)),
    }
    if torch.cuda.is_available():
        offered["resident"] = lambda: resident_way(store, "cuda")
    ours = {name: make() for name, make in offered.items() if name in wanted}
    counts = dict.fromkeys(peers, args.peer_images) | dict.fromkeys(ours, len(paths))
    clock = time.perf_counter if "resident" in ours else time.process_time
    figures = report(measure(ours, peers, counts, args.rounds, clock), ours, peers)
    if "loader" in wanted:
        ours = {
            "loader": loader_way(store),
            "loader_crops": loader_way(store, finish=False),
        }
        counts |= dict.fromkeys(ours, len(paths) // BATCH * BATCH)
        times = measure(ours, peers, counts, args.rounds, time.perf_counter)
        figures |= report(times, ours, peers)
    return figures


def run_large(folder: Path, name: str, args: argparse.Namespace) -> dict[str, dict[str, object]]:
    """What starts from a large original."""
    width, height = (int(side) for side in name.split("x"))
    count = LARGE[name]
    paths = write_originals(folder / name, args.data, count, width, height, args.noise)
    peers = {
        "lightly": lightly_way(folder / name, count),
        "solo_learn": solo_learn_way(paths),
    }
    ours = {f"original_{name}": sample_way(EncodedFiles(paths))}
    counts = dict.fromkeys([*peers, *ours], count)
    return report(measure(ours, peers, counts, args.rounds, time.process_time), ours, peers)


FIGURES = (
    "packed", "packed_alone", "packed_uint8", "crops_uint8", "ram_uint8", "original_600x450",
    "resident", "loader", *(f"original_{name}" for name in LARGE),
)  # fmt: skip


def main() -> None:
    """Measure, print, and with --json end in one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=256, help="of 600x450")
    parser.add_argument("--peer-images", type=int, default=32, help="that peers read in a round")
    parser.add_argument("--noise", type=float, default=0.0, help="of a sensor, in grey levels")
    parser.add_argument("--only", nargs="+", choices=FIGURES, default=list(FIGURES))
    parser.add_argument("--data", type=Path, default=_data(), help="folder of real images")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    figures: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = set(args.only) - {f"original_{large}" for large in LARGE}
        if small:
            figures |= run_small(folder, args, small)
        for large in LARGE:
            if f"original_{large}" in args.only:
                figures |= run_large(folder, large, args)
    if args.json:
        print(json.dumps(figures))


def _data() -> Path | None:
    folder = os.environ.get("DERMCTL_TEST_DATA")
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    found = Path(folder) if folder else beside
    return found if (found / "ham10000").is_dir() else None


if __name__ == "__main__":
    main()
