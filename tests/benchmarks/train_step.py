"""A whole training step: ``dermctl pretrain`` against the same model in lightly's example loop.

vit_tiny_patch16_224 at 96 px with NT-Xent, fp32, the same batch, projector and AdamW on both sides,
one thread, loading in the training's own process: CPU seconds an image are then those of one core,
whatever else the machine does. lightly reads the original 600x450 JPEGs through LightlyDataset and
SimCLRTransform and sends one view after the other through the model, as its documentation does;
ours is ``dermctl pretrain`` itself, Lightning included, on the same photographs as ``prepare``
packs them. The two take turns.

Beside them stand our parts alone: the model's step on made views (forward, backward, AdamW) and
the input path. What is left is Lightning, logging and normalisation.

    python -m tests.benchmarks.train_step --rounds 5 --json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import torch
from torch import nn
from torch.utils.data import DataLoader

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
from tests.benchmarks.input_path import write_originals
from tests.benchmarks.step_watch import StepWatch

ENCODER, SIZE, TEMPERATURE = "vit_tiny_patch16_224", 96, 0.2
HIDDEN, OUT = 1024, 128
NAME = "bench"


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


def new_model() -> nn.Module:
    """Encoder and projector."""
    encoder = build_encoder(ENCODER, SIZE)
    return nn.Sequential(encoder, Projector(feature_width(encoder), HIDDEN, OUT)).train()


def ours(workspace: Workspace, batch: int, compiled: str) -> float:
    """Seconds a step of ``dermctl pretrain``."""
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
    model, criterion, clock = new_model(), LightlyLoss(temperature=TEMPERATURE), Clock()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
    for views, *_ in loader:
        x0, x1 = views
        loss = criterion(model(x0), model(x1))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        clock.advance()
    return clock.a_step()


def step_alone(batch: int, steps: int) -> float:
    """Seconds a step of the model on views that are there already."""
    model, loss, clock = new_model(), NTXentLoss(temperature=TEMPERATURE), Clock()
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
    parser.add_argument("--compile", default="off", help="as dermctl pretrain takes it")
    parser.add_argument("--data", type=Path, default=os.environ.get("DERMCTL_TEST_DATA"))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    times: dict[str, list[float]] = {"pretrain": [], "lightly": [], "step": [], "input": []}
    with tempfile.TemporaryDirectory() as name:
        raw, workspace = Path(name) / "raw", Workspace(Path(name) / "workspace")
        raw.mkdir()
        images = args.steps * args.batch_size
        source = None if args.data is None else Path(args.data)
        write_originals(raw / "skin", source, images, 600, 450, 0.0)
        prepare(
            workspace,
            PrepareRequest(
                source="folder", raw=raw, name=NAME, val=0.0, test=0.0, workers=1,
                near_duplicates=False,
            ),
        )  # fmt: skip
        for number in range(args.rounds):
            times["pretrain"].append(ours(workspace, args.batch_size, args.compile))
            times["lightly"].append(lightlys(raw, args.batch_size))
            times["step"].append(step_alone(args.batch_size, args.steps))
            times["input"].append(input_alone(workspace, args.batch_size))
            print(
                f"round {number + 1}: "
                + ", ".join(
                    f"{name} {1000 * seconds[-1] / args.batch_size:.2f}"
                    for name, seconds in times.items()
                )
                + " CPU-ms an image",
                flush=True,
            )
    report(times, args)


def report(times: dict[str, list[float]], args: argparse.Namespace) -> None:
    """Ratios of the rounds, and where our time goes."""
    ms = {
        name: 1000 * statistics.median(seconds) / args.batch_size for name, seconds in times.items()
    }
    ratios = [p / o for p, o in zip(times["lightly"], times["pretrain"], strict=True)]
    ratio = statistics.median(ratios)
    print(
        f"pretrain {1000 / ms['pretrain']:.1f} images/s, "
        f"lightly's loop {1000 / ms['lightly']:.1f}: "
        f"{ratio:.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
    )
    rest = ms["pretrain"] - ms["step"] - ms["input"]
    for name, value in (("model's step", ms["step"]), ("input", ms["input"]), ("rest", rest)):
        print(f"  {name:12} {value:6.2f} ms an image, {value / ms['pretrain']:.0%}")
    if args.json:
        figure = {
            "ratio": round(ratio, 3), "ours": round(1000 / ms["pretrain"], 2),
            "peer": round(1000 / ms["lightly"], 2), "unit": "images/s on one core",
            "rounds": len(ratios), "min": round(min(ratios), 3), "max": round(max(ratios), 3),
            "step_ms": round(ms["step"], 3), "input_ms": round(ms["input"], 3),
            "rest_ms": round(rest, 3),
        }  # fmt: skip
        print(json.dumps({"pretrain": figure}))


if __name__ == "__main__":
    main()
