"""A training step on a GPU: ``dermctl pretrain`` against lightly's own loop on the same card.

Ours is ``dermctl pretrain`` itself, Lightning included, as it comes on a GPU: bf16, torch.compile,
fused AdamW, the decoded pictures on the device. The peer is lightly's example loop (LightlyDataset,
SimCLRTransform, one view after the other through the model), with bf16 and loader processes that
stay. Both see the same made photographs, and take turns within each round; a figure is the median
of the rounds. Beside them, in the same rounds: the rate of a large bf16 matrix product on this card
(the model's operations a second as a share of it is what is called MFU), and the making of the
views alone (as a share of the whole step). A table of the profiler says where the rest goes.

    python -m tests.benchmarks.gpu_step --rounds 5 --json
    python -m tests.benchmarks.gpu_step --encoders vit_small_patch16_224 --batch-size 512

Where ten minutes must do, one encoder a call and fewer pictures:

    python -m tests.benchmarks.gpu_step --encoders vit_small_patch16_224 --images 2048 --json
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import profile
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from dermctl.config.trainings import PretrainConfig
from dermctl.core.data.prepare import PrepareRequest, prepare
from dermctl.core.loading import stored_images
from dermctl.core.pretrain import pretrain
from dermctl.datasets.prepared import load_split
from dermctl.models.encoder import build_encoder, feature_width
from dermctl.models.heads import Projector
from dermctl.views.batches import Batch
from dermctl.views.decoded import decode_all
from dermctl.views.presets import SIMCLR
from dermctl.views.resident import ResidentDataset
from dermctl.workspace import Workspace
from tests.benchmarks.input_path import write_originals
from tests.benchmarks.step_watch import StepWatch

NAME, LIGHTLY = "bench", "lightly"
HIDDEN, OUT, TEMPERATURE = 1024, 128, 0.2
WARM = 3
"""Steps, products or batches that are not timed."""
Figure = dict[str, object]


@dataclass
class Rounds:
    """What each round measured: images/s, seconds a batch, operations/s."""

    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)
    views: list[float] = field(default_factory=list)
    product: list[float] = field(default_factory=list)


class Clock(StepWatch):
    """Times the steps of a training's last epoch but for its first, the device's work included."""

    def __init__(self, steps: int, epochs: int, profiler: profile | None = None) -> None:
        self.first, self.last = steps * (epochs - 1) + 1, steps * epochs
        self.done, self.began, self.ended = 0, 0.0, 0.0
        self.profiler = profiler

    def advance(self, amount: float = 1) -> None:
        """A step is over, as far as the host knows."""
        self.done += 1
        if self.done == self.first:
            wait()
            if self.profiler is not None:
                self.profiler.start()
            self.began = time.perf_counter()
        elif self.done == self.last:
            wait()
            self.ended = time.perf_counter()
            if self.profiler is not None:
                self.profiler.stop()

    def a_step(self) -> float:
        """Seconds."""
        return (self.ended - self.began) / (self.last - self.first)


def wait() -> None:
    """Until the device has done its work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def device_of(args: argparse.Namespace) -> torch.device:
    """Where everything is measured."""
    return torch.device("cuda" if args.accelerator == "gpu" else "cpu")


def ours(
    workspace: Workspace, encoder: str, args: argparse.Namespace, profiler: profile | None = None
) -> float:
    """Images/s of ``dermctl pretrain`` in the second of two epochs; the first warms up."""
    torch._dynamo.reset()  # each training compiles a model of its own
    clock = Clock(args.images // args.batch_size, 2, profiler)
    config = PretrainConfig(
        data=(NAME,), encoder=encoder, image_size=args.image_size, batch_size=args.batch_size,
        epochs=2, workers=0, accelerator=args.accelerator, devices=1, temperature=TEMPERATURE,
        projector_hidden=HIDDEN, projector_dim=OUT, cache="device", probe_every=0,
        compile=args.compile, checkpoint_every=0.0,
    )  # fmt: skip
    pretrain(workspace, config, clock)
    return args.batch_size / clock.a_step()


def model_of(encoder: str, size: int) -> nn.Module:
    """Encoder and projector."""
    built = build_encoder(encoder, size)
    return nn.Sequential(built, Projector(feature_width(built), HIDDEN, OUT)).train()


def lightly_loop(folder: Path, encoder: str, args: argparse.Namespace) -> Callable[[], float]:
    """Images/s of lightly's loop over all pictures; its loader processes are there already."""
    from lightly.data import LightlyDataset
    from lightly.loss import NTXentLoss
    from lightly.transforms import SimCLRTransform

    device = device_of(args)
    dataset = LightlyDataset(str(folder), transform=SimCLRTransform(input_size=args.image_size))
    loader = DataLoader(
        dataset,
        batch_size=args.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=args.workers,
        persistent_workers=args.workers > 0,
        pin_memory=device.type == "cuda",
    )
    model = model_of(encoder, args.image_size).to(device)
    criterion = NTXentLoss(temperature=TEMPERATURE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)

    def train(steps: int) -> float:
        wait()
        began = time.perf_counter()
        for views, *_ in islice(loader, steps):
            x0, x1 = (view.to(device, non_blocking=True) for view in views)
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                loss = criterion(model(x0), model(x1))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        wait()
        return steps * args.batch_size / (time.perf_counter() - began)

    train(min(WARM, len(loader)))
    return lambda: train(len(loader))


def views_alone(workspace: Workspace, args: argparse.Namespace) -> Callable[[], float]:
    """Seconds a batch that the views take on the device, nothing else running there."""
    images = stored_images([load_split(workspace.dataset(NAME), "train")])
    there = decode_all(images, threads=max(1, args.workers)).to(device_of(args))
    fused = args.accelerator == "gpu" and args.compile != "off"  # as dermctl pretrain does it
    dataset = ResidentDataset(there, SIMCLR, args.image_size, fused=fused)
    starts = range(0, len(images) - args.batch_size + 1, args.batch_size)

    def make(batches: int, epoch: int) -> float:
        wait()
        began = time.perf_counter()
        for start in list(starts)[:batches]:
            dataset.__getitems__(Batch(epoch, list(range(start, start + args.batch_size))))
        wait()
        return (time.perf_counter() - began) / batches

    make(min(WARM, len(starts)), 0)
    return lambda: make(len(starts), 1)


def matrix_product(args: argparse.Namespace) -> Callable[[], float]:
    """Operations/s of a large square bf16 product: what the card can do."""
    side = args.matrix
    one, other = (
        torch.randn(side, side, device=device_of(args), dtype=torch.bfloat16) for _ in range(2)
    )

    def multiply(times: int) -> float:
        wait()
        began = time.perf_counter()
        for _ in range(times):
            one @ other
        wait()
        return times * 2 * side**3 / (time.perf_counter() - began)

    multiply(WARM)
    return lambda: multiply(args.products)


def operations(encoder: str, size: int) -> float:
    """Operations that the model takes an image: both views, forward and backward.

    Counted by torch, two a multiplication and addition; attention as the products that it is, in
    whichever kernel it runs. Recomputation and the loss do not count.
    """
    model, image = model_of(encoder, size), torch.zeros(1, 3, size, size)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(image).sum().backward()
    return 2.0 * counter.get_total_flops()


def measure(encoder: str, workspace: Workspace, raw: Path, args: argparse.Namespace) -> Rounds:
    """All rounds of one encoder; ways take turns."""
    found = Rounds()
    try:
        peer = lightly_loop(raw, encoder, args)
    except ImportError:
        peer = None
        print(f"{LIGHTLY} is not installed: left out")
    views, product = views_alone(workspace, args), matrix_product(args)
    for number in range(args.rounds):
        found.ours.append(ours(workspace, encoder, args))
        if peer is not None:
            found.peer.append(peer())
        found.views.append(views())
        found.product.append(product())
        beside = f", {LIGHTLY} {found.peer[-1]:,.0f}" if peer is not None else ""
        print(
            f"round {number + 1}: {encoder} {found.ours[-1]:,.0f} images/s{beside}; views alone "
            f"{1000 * found.views[-1]:.1f} ms a batch; {found.product[-1] / 1e12:,.1f} TFLOP/s",
            flush=True,
        )
    return found


def figure(ratios: list[float], mine: list[float], others: list[float], unit: str) -> Figure:
    """One figure of the JSON line."""
    return {
        "ratio": round(statistics.median(ratios), 4),
        "min": round(min(ratios), 4),
        "max": round(max(ratios), 4),
        "ours": round(statistics.median(mine), 4),
        "peer": round(statistics.median(others), 4),
        "unit": unit,
        "rounds": len(ratios),
    }


def figures_of(encoder: str, found: Rounds, args: argparse.Namespace) -> dict[str, Figure]:
    """Speed against lightly, share of the matrix rate, share of the input."""
    per_image = operations(encoder, args.image_size)
    steps = [args.batch_size / speed for speed in found.ours]
    done = [speed * per_image / 1e12 for speed in found.ours]
    rate = [product / 1e12 for product in found.product]
    figures = {
        f"{encoder}_share_of_matrix_rate": figure(
            [mine / whole for mine, whole in zip(done, rate, strict=True)], done, rate, "TFLOP/s"
        ),
        f"{encoder}_input_share": figure(
            [part / whole for part, whole in zip(found.views, steps, strict=True)],
            [1000 * part for part in found.views],
            [1000 * step for step in steps],
            "ms a batch, of a step",
        ),
    }
    if found.peer:
        ratios = [mine / other for mine, other in zip(found.ours, found.peer, strict=True)]
        figures[f"{encoder}_vs_{LIGHTLY}"] = figure(ratios, found.ours, found.peer, "images/s")
    return figures


def show(figures: dict[str, Figure]) -> None:
    """One line a figure."""
    for name, f in figures.items():
        print(
            f"{name:48} {f['ratio']:8.3f} [{f['min']:.3f}–{f['max']:.3f}]  "
            f"ours {f['ours']:,.2f}, peer {f['peer']:,.2f} {f['unit']}"
        )


def where_the_rest_goes(workspace: Workspace, encoder: str, args: argparse.Namespace) -> str:
    """The profiler's table of one training's last epoch."""
    on_gpu = args.accelerator == "gpu"
    kinds = [torch.profiler.ProfilerActivity.CPU]
    if on_gpu:
        kinds.append(torch.profiler.ProfilerActivity.CUDA)
    profiler = profile(activities=kinds)
    ours(workspace, encoder, args, profiler)
    order = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    table: str = profiler.key_averages().table(
        sort_by=order, row_limit=args.profile, max_name_column_width=60
    )
    return table


def made_pictures(folder: Path, args: argparse.Namespace) -> tuple[Workspace, Path]:
    """Photographs made by code, as files and as ``data prepare`` packs them."""
    raw, workspace = folder / "raw", Workspace(folder / "workspace")
    raw.mkdir()
    write_originals(raw / "skin", None, args.images, 600, 450, 0.0)
    prepare(
        workspace,
        PrepareRequest(
            source="folder", raw=raw, name=NAME, val=0.0, test=0.0, near_duplicates=False,
            workers=max(1, args.workers),
        ),
    )  # fmt: skip
    return workspace, raw


def parsed(words: list[str] | None) -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--encoders", nargs="+", default=["vit_small_patch16_224", "vit_tiny_patch16_224"]
    )
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--images", type=int, default=8192, help="made pictures of 600x450")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=16, help="of lightly's loader")
    parser.add_argument("--compile", default="auto", help="as dermctl pretrain takes it")
    parser.add_argument("--matrix", type=int, default=8192, help="side of the bf16 product")
    parser.add_argument("--products", type=int, default=50, help="in a round")
    parser.add_argument("--profile", type=int, default=15, help="rows of the table; 0: none")
    parser.add_argument(
        "--accelerator", choices=("gpu", "cpu"), default="gpu", help="cpu: tries the script only"
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(words)
    if args.images < 2 * args.batch_size:
        parser.error("--images must be at least two batches")
    return args


def main(words: list[str] | None = None) -> None:
    """Measure, print, and with --json end in one line of JSON."""
    args = parsed(words)
    if args.accelerator == "gpu" and not torch.cuda.is_available():
        print("no CUDA device here: nothing is measured")
        return
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory() as name:
        workspace, raw = made_pictures(Path(name), args)
        for encoder in args.encoders:
            figures |= figures_of(encoder, measure(encoder, workspace, raw, args), args)
            if args.profile:
                print(where_the_rest_goes(workspace, encoder, args))
    show(figures)
    if args.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
