"""A whole training step: ``dermctl pretrain`` against the same model in its peers' loops.

vit_tiny_patch16_224 at 96 px with NT-Xent, fp32, the same batch, projector and AdamW on all sides,
one thread, loading in the training's own process: CPU seconds an image are then those of one core,
whatever else the machine does. The peers read the original 600x450 JPEGs and send one view after
the other through the model: lightly's example loop with LightlyDataset, SimCLRTransform and its
loss; and one as solo-learn has it, torchvision's transforms on PIL images and the loss over the
whole matrix of similarities with masks. Ours is ``dermctl pretrain`` itself, Lightning included, on
the same photographs as ``prepare`` packs them. They take turns.

Beside them stand our parts alone: the model's step on made views (forward, backward, AdamW) and
the input path. What is left is Lightning, logging and normalisation.

    python -m tests.benchmarks.train_step --rounds 5 --json
    python -m tests.benchmarks.train_step --compile on --json

With ``--compile on`` our side is compiled, and stands beside itself uncompiled too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import cv2
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from dermctl.config.trainings import PretrainConfig
from dermctl.core.data.prepare import PrepareRequest, prepare
from dermctl.core.loading import stored_images
from dermctl.core.pretrain import pretrain
from dermctl.datasets.prepared import load_split
from dermctl.methods.losses.nt_xent import NTXentLoss
from dermctl.models.encoder import build_encoder, feature_width
from dermctl.models.heads import Projector
from dermctl.views.batches import Batch
from dermctl.views.packed import ViewsDataset
from dermctl.views.presets import SIMCLR
from dermctl.workspace import Workspace
from tests.benchmarks.input_path import solo_learn_transform, write_originals
from tests.benchmarks.step_watch import StepWatch

ENCODER, SIZE, TEMPERATURE = "vit_tiny_patch16_224", 96, 0.2
HIDDEN, OUT = 1024, 128
NAME = "bench"
PEERS = {
    "lightly": "lightly's loop",
    "solo_learn": "solo-learn's way",
    "uncompiled": "pretrain --compile off",
}
Loss = Callable[[Tensor, Tensor], Tensor]
Times = dict[str, list[float]]


class Clock(StepWatch):
    """Notes the CPU time at each step of the training."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def advance(self, amount: float = 1) -> None:
        """A step is over."""
        self.times.append(time.process_time())

    def a_step(self) -> float:
        """Seconds a step, without the first."""
        return (self.times[-1] - self.times[0]) / (len(self.times) - 1)


def new_model() -> nn.Sequential:
    """Encoder and projector."""
    encoder = build_encoder(ENCODER, SIZE)
    return nn.Sequential(encoder, Projector(feature_width(encoder), HIDDEN, OUT)).train()


def ours(workspace: Workspace, batch: int, compiled: str) -> float:
    """Seconds a step of ``dermctl pretrain``."""
    torch.compiler.reset()  # each training compiles its own
    clock = Clock()
    config = PretrainConfig(
        data=(NAME,), encoder=ENCODER, image_size=SIZE, batch_size=batch, epochs=1, workers=0,
        accelerator="cpu", precision="fp32", temperature=TEMPERATURE, projector_hidden=HIDDEN,
        projector_dim=OUT, cache="none", probe_every=0, compile=compiled,
    )  # fmt: skip
    pretrain(workspace, config, clock)
    return clock.a_step()


def lightlys(folder: Path, batch: int) -> float:
    """Seconds a step of lightly's example loop."""
    from lightly.data import LightlyDataset
    from lightly.loss import NTXentLoss as LightlyLoss
    from lightly.transforms import SimCLRTransform

    dataset = LightlyDataset(str(folder), transform=SimCLRTransform(input_size=SIZE))
    loader = DataLoader(dataset, batch_size=batch, shuffle=True, drop_last=True)
    return a_step_of((views for views, *_ in loader), LightlyLoss(temperature=TEMPERATURE))


def solo_learns(folder: Path, batch: int) -> float:
    """Seconds a step of a loop as solo-learn has it."""
    loader = DataLoader(PairsOfViews(folder), batch_size=batch, shuffle=True, drop_last=True)
    return a_step_of(loader, masked_nt_xent)


class PairsOfViews(Dataset[list[Tensor]]):
    """Two views of each JPEG in a folder, by Pillow and torchvision."""

    def __init__(self, folder: Path) -> None:
        self.paths = sorted(folder.rglob("*.jpg"))
        self.transform = solo_learn_transform(SIZE)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> list[Tensor]:
        with Image.open(self.paths[index]) as file:
            image = file.convert("RGB")
        return [self.transform(image), self.transform(image)]


def masked_nt_xent(z0: Tensor, z1: Tensor) -> Tensor:
    """NT-Xent over the whole matrix, with a mask of the positives and one of the negatives."""
    rows = F.normalize(torch.cat([z0, z1]), dim=-1)
    similarity = torch.exp(rows @ rows.T / TEMPERATURE)
    image = torch.arange(len(z0)).repeat(2)
    same = image[:, None] == image
    negatives = (similarity * ~same).sum(1)
    positives = (similarity * same.fill_diagonal_(False)).sum(1)
    return -torch.log(positives / (positives + negatives)).mean()


def a_step_of(batches: Iterable[Sequence[Tensor]], loss: Loss) -> float:
    """Seconds a step of a plain loop over pairs of views, one after the other through the model."""
    model, clock = new_model(), Clock()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
    for x0, x1 in batches:
        loss(model(x0), model(x1)).backward()
        optimizer.step()
        optimizer.zero_grad()
        clock.advance()
    return clock.a_step()


def step_alone(batch: int, steps: int, compiled: str) -> float:
    """Seconds a step of the model on views that are there already."""
    torch.compiler.reset()
    model, loss, clock = new_model(), NTXentLoss(temperature=TEMPERATURE), Clock()
    if compiled == "on":
        model[0].compile()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, fused=True)
    images = torch.randn(2 * batch, SIZE, SIZE, 3).movedim(-1, -3)
    for _ in range(steps):
        loss(*model(images).chunk(2)).backward()
        optimizer.step()
        optimizer.zero_grad()
        clock.advance()
    return clock.a_step()


def input_alone(workspace: Workspace, batch: int) -> float:
    """Seconds that a batch of views takes."""
    images = stored_images([load_split(workspace.dataset(NAME), "train")])
    views, clock = ViewsDataset(images, SIMCLR, SIZE), Clock()
    for start in range(0, len(images) - batch + 1, batch):
        views.__getitems__(Batch(0, list(range(start, start + batch))))
        clock.advance()
    return clock.a_step()


def main() -> None:
    """Measure, print, and with --json end in one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=4, help="of each side in a round")
    parser.add_argument("--compile", default="off", choices=("on", "off"), help="of our side")
    parser.add_argument("--data", type=Path, default=os.environ.get("DERMCTL_TEST_DATA"))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        raw, workspace = Path(name) / "raw", Workspace(Path(name) / "workspace")
        raw.mkdir()
        source = None if args.data is None else Path(args.data)
        write_originals(raw / "skin", source, args.steps * args.batch_size, 600, 450, 0.0)
        prepare(
            workspace,
            PrepareRequest(
                source="folder", raw=raw, name=NAME, val=0.0, test=0.0, workers=1,
                near_duplicates=False,
            ),
        )  # fmt: skip
        times = measure(raw, workspace, args)
    figures = report(times, args)
    if args.json:
        print(json.dumps(figures))


def measure(raw: Path, workspace: Workspace, args: argparse.Namespace) -> Times:
    """Milliseconds an image of each side and of our parts, in each round."""
    batch = args.batch_size
    sides: dict[str, Callable[[], float]] = {
        "pretrain": lambda: ours(workspace, batch, args.compile),
        "lightly": lambda: lightlys(raw, batch),
        "solo_learn": lambda: solo_learns(raw, batch),
        "step": lambda: step_alone(batch, args.steps, args.compile),
        "input": lambda: input_alone(workspace, batch),
    }
    if args.compile == "on":
        sides["uncompiled"] = lambda: ours(workspace, batch, "off")
    times: Times = {name: [] for name in sides}
    for number in range(args.rounds):
        for name, run in sides.items():
            times[name].append(1000 * run() / batch)
        shown = ", ".join(f"{name} {taken[-1]:.2f}" for name, taken in times.items())
        print(f"round {number + 1}: {shown} CPU-ms an image", flush=True)
    return times


def report(times: Times, args: argparse.Namespace) -> dict[str, dict[str, object]]:
    """Ratios of the rounds, and where our time goes."""
    ms = {name: statistics.median(taken) for name, taken in times.items()}
    rest = ms["pretrain"] - ms["step"] - ms["input"]
    figures: dict[str, dict[str, object]] = {}
    for peer, title in PEERS.items():
        if peer not in times:
            continue
        ratios = [p / o for p, o in zip(times[peer], times["pretrain"], strict=True)]
        ratio, least, most = statistics.median(ratios), min(ratios), max(ratios)
        print(
            f"pretrain {1000 / ms['pretrain']:.1f} images/s, {title} {1000 / ms[peer]:.1f}: "
            f"{ratio:.2f} x ({least:.2f} to {most:.2f})"
        )
        name = "pretrain" if peer == "lightly" else f"pretrain_vs_{peer}"
        figures[name if args.compile == "off" else f"{name}_compiled"] = {
            "ratio": round(ratio, 3), "ours": round(1000 / ms["pretrain"], 2),
            "peer": round(1000 / ms[peer], 2), "unit": "images/s on one core",
            "rounds": len(ratios), "min": round(least, 3), "max": round(most, 3),
            "batch_size": args.batch_size, "step_ms": round(ms["step"], 3),
            "input_ms": round(ms["input"], 3), "rest_ms": round(rest, 3),
        }  # fmt: skip
    for name, value in (("model's step", ms["step"]), ("input", ms["input"]), ("rest", rest)):
        print(f"  {name:12} {value:6.2f} ms an image, {value / ms['pretrain']:.0%}")
    return figures


if __name__ == "__main__":
    main()
