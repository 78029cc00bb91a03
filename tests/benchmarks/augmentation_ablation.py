"""What an augmentation is worth: short pretraining with each, then nearest neighbours.

Two questions on real HAM10000. Does our fused augmentation (colour as one matrix, hue as a turn in
YIQ, OpenCV's crops) teach an encoder as much as torchvision's own transforms with the same
parameters? And does the preset ``derm`` want its greyscale, without which two views can be matched
by their colours alone?

Each arm and seed: SimCLR on the same lesions, then a kNN vote (k = 20, cosine, weights
exp(similarity / 0.07), arXiv 1805.01978, over the frequency of the class) for every image of a
lesion that was not pretrained on, among the images of all other such lesions. Balanced accuracies
are means over the seeds; their differences have a paired bootstrap interval over lesions.

    python -m tests.benchmarks.augmentation_ablation --raw HAM10000 --workspace DIR --json

Goes on where it stopped: the embeddings of each arm and seed are kept in the workspace.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dermctl.core.data.prepare import PrepareRequest, prepare
from dermctl.core.loading import stored_images
from dermctl.datasets.manifest import SPLITS
from dermctl.datasets.prepared import load_split
from dermctl.methods.losses.nt_xent import NTXentLoss
from dermctl.methods.optim import parameter_groups
from dermctl.methods.schedules import warmup_cosine
from dermctl.metrics.bootstrap import bootstrap
from dermctl.metrics.inputs import encode_clusters
from dermctl.models.encoder import build_encoder, feature_width
from dermctl.models.heads import Projector
from dermctl.views.batches import Batch, EpochBatchSampler
from dermctl.views.decoded import DecodedImages, decode_all
from dermctl.views.evaluation import EvaluationDataset, EvaluationTransform
from dermctl.views.normalization import to_float
from dermctl.views.packed import MakesViews, ViewsDataset
from dermctl.views.presets import DERM, SIMCLR
from dermctl.views.slow import SlowViewsDataset, build_transforms
from dermctl.workspace import Workspace

NAME = "ham10000"
NEIGHBOURS, TEMPERATURE = 20, 0.07
RANDOM, TORCHVISION, OURS, COLOUR, GREY = (
    "random", "torchvision", "simclr", "derm_without_greyscale", "derm",
)  # fmt: skip
ARMS = (TORCHVISION, OURS, COLOUR, GREY)
PAIRS = ((OURS, TORCHVISION), (GREY, COLOUR), (GREY, OURS))
"""(one, other): the figure is the balanced accuracy of one less that of the other."""


def torchvision_steps(size: int) -> list[object]:
    """SimCLR's augmentation as torchvision's own transforms."""
    kernel = 2 * (int(size * SIMCLR.blur_kernel) // 2) + 1
    jitter = {"brightness": 0.8, "contrast": 0.8, "saturation": 0.8, "hue": 0.2}
    blur = {"GaussianBlur": {"kernel_size": kernel, "sigma": [0.1, 2.0]}}
    return [
        {"RandomResizedCrop": {"size": size, "scale": [0.08, 1.0], "antialias": True}},
        "RandomHorizontalFlip",
        {"RandomApply": {"p": 0.8, "transforms": [{"ColorJitter": jitter}]}},
        {"RandomGrayscale": {"p": 0.2}},
        {"RandomApply": {"p": 0.5, "transforms": [blur]}},
    ]


def views_of(arm: str, images: DecodedImages, size: int, seed: int) -> MakesViews:
    """What makes the batches of one arm."""
    if arm == TORCHVISION:
        transform = build_transforms(torchvision_steps(size))
        return SlowViewsDataset(images, transform, size, seed=seed)
    spec = {OURS: SIMCLR, GREY: DERM, COLOUR: replace(DERM, greyscale=0.0)}[arm]
    return ViewsDataset(images, spec, size, seed=seed)


class Data:
    """The images that are pretrained on and those that are voted on, lesion by lesion."""

    def __init__(self, folder: Path, images: int) -> None:
        splits = [load_split(folder, name) for name in SPLITS]
        labels = np.concatenate([split.column("label") for split in splits])
        groups = np.concatenate([split.column("group_id") for split in splits])
        chosen = _whole_groups(groups, images)
        decoded = decode_all(stored_images(splits))
        self.pretrained_on = _subset(decoded, np.flatnonzero(chosen))
        self.voted_on = _subset(decoded, np.flatnonzero(~chosen))
        self.classes, self.labels = np.unique(labels[~chosen], return_inverse=True)
        self.lesions = encode_clusters(groups[~chosen].tolist(), int((~chosen).sum()))


def _whole_groups(groups: np.ndarray, images: int) -> np.ndarray:
    """Groups drawn at random until they have ``images`` images: bool [N]."""
    names = np.unique(groups)
    order = np.random.default_rng(0).permutation(len(names))
    rank = dict(zip(names[order].tolist(), range(len(names)), strict=True))
    ranks = np.array([rank[group] for group in groups.tolist()])
    last = np.sort(ranks)[min(images, len(ranks)) - 1]
    return ranks <= last


def _subset(images: DecodedImages, which: np.ndarray) -> DecodedImages:
    lengths = images.sizes.prod(axis=1)
    parts = [images.block[images.starts[i] : images.starts[i] + lengths[i]] for i in which]
    return DecodedImages(torch.cat(parts), images.sizes[which], images.keys[which])


def batches(views: MakesViews, sampler: EpochBatchSampler, epochs: int) -> Iterator[Tensor]:
    """All views of a training, step by step: float32 [2 B, 3, S, S]."""
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        for batch in sampler:
            yield to_float(views.__getitems__(batch)["views"].flatten(0, 1))


def pretrain(views: MakesViews, args: argparse.Namespace, seed: int) -> nn.Module:
    """SimCLR as ``dermctl pretrain`` does it, without its run folder."""
    torch.manual_seed(seed)
    encoder = build_encoder(args.encoder, args.image_size)
    model = nn.Sequential(encoder, Projector(feature_width(encoder), 512, 128))
    model = model.to(memory_format=torch.channels_last).train()
    loss = NTXentLoss(temperature=0.2)
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.05), lr=args.lr, fused=True)
    sampler = EpochBatchSampler(len(views), args.batch_size, seed=seed)
    total = len(sampler) * args.epochs
    for step, images in enumerate(batches(views, sampler, args.epochs)):
        factor = warmup_cosine(step, total=total, warmup=total // 10)
        for group in optimizer.param_groups:
            group["lr"] = args.lr * factor
        value = loss(*model(images).chunk(2))
        value.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 0 or step == total - 1:
            print(f"    step {step + 1}/{total} loss {value.item():.3f}", flush=True)
    return encoder


@torch.inference_mode()
def embed(encoder: nn.Module, images: DecodedImages, size: int) -> np.ndarray:
    """Unit vectors of all images as they are evaluated: float32 [N, D]."""
    encoder = encoder.eval()
    dataset = EvaluationDataset(images, EvaluationTransform(size))
    found = []
    for start in range(0, len(images), 256):
        indices = list(range(start, min(start + 256, len(images))))
        pixels = dataset.__getitems__(Batch(0, indices))["images"]
        found.append(nn.functional.normalize(encoder(to_float(pixels)), dim=1))
    return torch.cat(found).numpy()


def vote(embeddings: np.ndarray, data: Data) -> np.ndarray:
    """The class of each image by its nearest neighbours in other lesions: [N]."""
    z, lesions = torch.from_numpy(embeddings), torch.from_numpy(data.lesions)
    labels = nn.functional.one_hot(torch.from_numpy(data.labels)).float()
    often = labels.sum(dim=0)
    votes = []
    for start in range(0, len(z), 1024):
        part = slice(start, start + 1024)
        similar = z[part] @ z.T
        similar[lesions[part, None] == lesions] = -torch.inf
        nearest, which = similar.topk(NEIGHBOURS, dim=1)
        weights = (nearest / TEMPERATURE).exp()
        votes.append(((weights[:, :, None] * labels[which]).sum(dim=1) / often).argmax(dim=1))
    return torch.cat(votes).numpy()


def right_by_lesion(predicted: np.ndarray, data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Images of each class that were told, and all of them, in each lesion: [lesions, C] each."""
    right, there = np.zeros((2, data.lesions.max() + 1, len(data.classes)))
    np.add.at(there, (data.lesions, data.labels), 1)
    np.add.at(right, (data.lesions, data.labels), predicted == data.labels)
    return right, there


def compare(
    predicted: dict[tuple[str, int], np.ndarray], data: Data, seeds: int, arms: list[str]
) -> dict[str, dict[str, object]]:
    """Balanced accuracy of each arm and the differences of pairs, with intervals over lesions."""
    counts = {key: right_by_lesion(value, data) for key, value in predicted.items()}

    def statistics(weights: np.ndarray) -> dict[str, np.ndarray]:
        found = {}
        for arm in arms:
            tables = [counts[arm, seed] for seed in range(seeds)]
            recalls = [(right.T @ weights) / (there.T @ weights) for right, there in tables]
            found[arm] = np.mean(recalls, axis=(0, 1))
        pairs = [(one, other) for one, other in PAIRS if one in arms and other in arms]
        return found | {f"{one} - {other}": found[one] - found[other] for one, other in pairs}

    lesions = len(next(iter(counts.values()))[0])
    distribution = bootstrap(statistics, lesions, seed=0)
    figures: dict[str, dict[str, object]] = {}
    for name in distribution.values:
        found = distribution.interval(name)
        figures[name] = {
            "ratio": None, "ours": round(found.value, 4), "peer": None,
            "unit": "kNN balanced accuracy", "rounds": seeds,
            "low": round(found.low, 4), "high": round(found.high, 4),
        }  # fmt: skip
        print(f"{name:34} {found.value:+.4f}  95 % [{found.low:+.4f}, {found.high:+.4f}]")
    for arm in arms:
        singles = []
        for seed in range(seeds):
            right, there = counts[arm, seed]
            singles.append(float((right.sum(0) / there.sum(0)).mean()))
        print(f"{arm:34} by seed: " + " ".join(f"{value:.4f}" for value in singles))
    return figures


def embeddings(data: Data, arm: str, seed: int, args: argparse.Namespace) -> np.ndarray:
    """Those of one arm and seed: trained now, or kept from before."""
    settings = f"{args.encoder}-{args.image_size}-{args.images}-{args.epochs}-{args.batch_size}"
    kept = args.workspace / "ablation" / f"{settings}-{args.lr:g}" / f"{arm}-{seed}.npy"
    if kept.exists():
        return np.load(kept)
    print(f"{arm}, seed {seed}", flush=True)
    start = time.process_time()
    if arm == RANDOM:
        torch.manual_seed(seed)
        encoder = build_encoder(args.encoder, args.image_size)
    else:
        views = views_of(arm, data.pretrained_on, args.image_size, seed)
        encoder = pretrain(views, args, seed)
    found = embed(encoder, data.voted_on, args.image_size)
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.save(kept, found)
    accuracy = np.divide(*(table.sum(0) for table in right_by_lesion(vote(found, data), data)))
    cpu = time.process_time() - start
    print(f"{arm}, seed {seed}: {accuracy.mean():.4f} in {cpu:.0f} CPU-seconds", flush=True)
    return found


def main() -> None:
    """Train what is missing, vote, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--raw", type=Path, help="folder of HAM10000, where it is not prepared")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--arms", nargs="+", choices=(RANDOM, *ARMS), default=[RANDOM, *ARMS])
    parser.add_argument("--encoder", default="vit_tiny_patch16_224")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--images", type=int, default=3000, help="that are pretrained on")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    workspace = Workspace(args.workspace)
    if not (workspace.data / NAME).is_dir():
        if args.raw is None:
            parser.error("name the folder of HAM10000 with --raw")
        prepare(workspace, PrepareRequest(source=NAME, raw=args.raw))
    data = Data(workspace.data / NAME, args.images)
    print(
        f"{len(data.pretrained_on):,} images pretrained on, {len(data.voted_on):,} voted on "
        f"in {data.lesions.max() + 1:,} lesions"
    )
    predicted = {
        (arm, seed): vote(embeddings(data, arm, seed, args), data)
        for seed in range(args.seeds)
        for arm in args.arms
    }
    figures = compare(predicted, data, args.seeds, args.arms)
    if args.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
