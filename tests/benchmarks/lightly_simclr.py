"""SimCLR as lightly's documentation writes it, on a prepared dataset: the peer of ``pretrain``.

lightly's transform (with its own defaults, which are the strengths of our preset ``simclr``), its
projection head (with batch norm, as it comes), its loss; the encoder, images, steps, batch,
optimiser and schedule are ours. The encoder is saved as a checkpoint of dermctl, so that the same
probe can be fitted on it.

    python -m tests.benchmarks.lightly_simclr --dataset WORKSPACE/data/ham10000 --run DIR --seed 0
"""

from __future__ import annotations

import argparse
import io
import json
import time
from pathlib import Path

import torch
from lightly.loss import NTXentLoss
from lightly.models.modules.heads import SimCLRProjectionHead
from lightly.transforms import SimCLRTransform
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from dermctl.checkpoint import Description, save_checkpoint
from dermctl.core.transform import preprocessing
from dermctl.datasets.prepared import Split, load_split
from dermctl.datasets.store import STORE_FOLDER, Store
from dermctl.exposure import Exposure
from dermctl.files import write_json
from dermctl.methods.optim import build_optimizer, parameter_groups
from dermctl.methods.schedules import warmup_cosine
from dermctl.models.encoder import build_encoder, feature_width

ENCODER = "vit_tiny_patch16_224"
HIDDEN, OUT = 1024, 128
TEMPERATURE, WEIGHT_DECAY, WARMUP = 0.2, 0.05, 0.1
"""As ``dermctl pretrain`` has them by default."""


class Photographs(Dataset[list[Tensor]]):
    """Two views of each image of a split, by Pillow and lightly's transform."""

    def __init__(self, split: Split, size: int) -> None:
        self.store = Store(split.folder / STORE_FOLDER)
        self.places = list(zip(split.column("shard"), split.column("row"), strict=True))
        self.transform = SimCLRTransform(input_size=size)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> list[Tensor]:
        encoded = bytes(self.store.read(*self.places[index]))
        return self.transform(Image.open(io.BytesIO(encoded)).convert("RGB"))


class Model(nn.Module):
    """Encoder and lightly's projection head."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.projection_head = SimCLRProjectionHead(feature_width(encoder), HIDDEN, OUT)

    def forward(self, images: Tensor) -> Tensor:
        return self.projection_head(self.encoder(images))


def train(split: Split, args: argparse.Namespace) -> tuple[Model, list[float]]:
    """The loop of lightly's tutorial, with a schedule; the model and the loss of each step."""
    torch.manual_seed(args.seed)
    model = Model(build_encoder(args.encoder, args.image_size)).train()
    loss = NTXentLoss(temperature=TEMPERATURE)
    optimizer = build_optimizer(parameter_groups(model, WEIGHT_DECAY), "adamw", lr=args.lr)
    loader = DataLoader(
        Photographs(split, args.image_size),
        batch_size=args.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=args.workers,
        persistent_workers=args.workers > 0,
    )
    total = len(loader) * args.epochs
    losses: list[float] = []
    for epoch in range(args.epochs):
        for view0, view1 in loader:
            factor = warmup_cosine(len(losses), total=total, warmup=round(total * WARMUP))
            for group in optimizer.param_groups:
                group["lr"] = args.lr * factor
            value = loss(model(view0), model(view1))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            losses.append(float(value.detach()))
        print(f"epoch {epoch + 1}/{args.epochs}, loss {losses[-1]:.3f}", flush=True)
    return model, losses


def save(model: Model, split: Split, args: argparse.Namespace) -> Path:
    """The encoder as a checkpoint of dermctl."""
    about = Description(
        kind="pretrain",
        encoder=args.encoder,
        image_size=args.image_size,
        **preprocessing(args.encoder),
        store_size=int(split.description["size"]),
        datasets=(str(split.description["name"]),),
        manifests={str(split.description["name"]): split.sha256},
    )
    path = args.run / "checkpoints" / "best.ckpt"
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {f"encoder.{key}": value for key, value in model.encoder.state_dict().items()}
    save_checkpoint(path, about, state, Exposure.of([split], []))
    return path


def main() -> None:
    """Train, save, and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", type=Path, required=True, help="a prepared dataset")
    parser.add_argument("--run", type=Path, required=True, help="folder for the checkpoint")
    parser.add_argument("--encoder", default=ENCODER)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    split = load_split(args.dataset, "train")
    start = time.perf_counter()
    model, losses = train(split, args)
    checkpoint = save(model, split, args)
    done = {
        "checkpoint": str(checkpoint),
        "images": len(split),
        "steps": len(losses),
        "train_loss": losses[-1],
        "seconds": time.perf_counter() - start,
    }
    write_json(args.run / "done.json", done)
    print(json.dumps(done))


if __name__ == "__main__":
    main()
