"""``demo``: the whole path on the synthetic sample, in a workspace of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dermctl.config.trainings import FinetuneConfig, PretrainConfig
from dermctl.core.data.prepare import PrepareRequest, prepare
from dermctl.core.data.sample import sample
from dermctl.core.evaluate import Evaluated, evaluate
from dermctl.core.export import Exported, export_onnx
from dermctl.core.finetune import finetune
from dermctl.core.pretrain import pretrain
from dermctl.progress import SILENT, Progress
from dermctl.workspace import Workspace

NAME = "sample"
# Small enough for two cores and five minutes, large enough to learn something.
IMAGES = 600
ENCODER = "vit_tiny_patch16_224"
IMAGE_SIZE = 64
STORE_SIZE = 96
PRETRAIN_EPOCHS = 10
FINETUNE_EPOCHS = 32
PRETRAIN_BATCH = 64
FINETUNE_BATCH = 32
FINETUNE_LR = 5e-4

Result = TypeVar("Result")


@dataclass(frozen=True)
class Demo:
    """What came of it: the last results, and a line a step."""

    workspace: Path
    evaluated: Evaluated
    exported: Exported
    steps: tuple[tuple[str, str, str], ...]
    chance: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "workspace": str(self.workspace),
            "chance": self.chance,
            "steps": [list(step) for step in self.steps],
            "evaluation": self.evaluated.to_json(),
            "export": self.exported.to_json(),
        }


def demo(root: Path, *, seed: int = 0, progress: Progress = SILENT) -> Demo:
    """Draw the sample, prepare it, pretrain, fine-tune, evaluate and export."""
    workspace = Workspace(root)
    steps: list[tuple[str, str, str]] = []

    def step(title: str, work: Callable[[], Result], told: Callable[[Result], str]) -> Result:
        progress.say(f"\n{len(steps) + 1}/6  {title}")
        started = time.monotonic()
        result = work()
        steps.append((title, told(result), f"{time.monotonic() - started:.0f}"))
        return result

    raw = workspace.raw / NAME
    step(
        "draw the sample",
        lambda: sample(raw, images=IMAGES, seed=seed, progress=progress),
        lambda s: (
            f"{s.images} images of {s.patients} drawn patients, {sum(s.defects.values())} "
            "of them with a defect"
        ),
    )
    request = PrepareRequest(source="padufes", raw=raw, name=NAME, size=STORE_SIZE, seed=seed)
    step(
        "prepare",
        lambda: prepare(workspace, request, progress),
        lambda p: f"{p.kept} kept, {sum(p.rejected.values())} rejected, split by patient",
    )
    pretraining = PretrainConfig(
        data=(NAME,),
        encoder=ENCODER,
        image_size=IMAGE_SIZE,
        batch_size=PRETRAIN_BATCH,
        epochs=PRETRAIN_EPOCHS,
        seed=seed,
    )
    pretrained = step(
        "pretrain (SimCLR)",
        lambda: pretrain(workspace, pretraining, progress),
        lambda p: f"{p.encoder}, {p.steps} steps, loss {p.train_loss:.2f}",
    )
    finetuning = FinetuneConfig(
        data=NAME,
        from_checkpoint=str(pretrained.checkpoint),
        epochs=FINETUNE_EPOCHS,
        batch_size=FINETUNE_BATCH,
        lr=FINETUNE_LR,
        seed=seed,
    )
    finetuned = step(
        "fine-tune",
        lambda: finetune(workspace, finetuning, progress),
        lambda f: f"best validation balanced accuracy {f.best:.3f}",
    )
    evaluated = step(
        "evaluate",
        lambda: evaluate(workspace, finetuned.checkpoint, data=NAME, progress=progress),
        lambda e: (
            f"balanced accuracy {e.evaluation.balanced_accuracy:.3f}, "
            f"AUROC {e.evaluation.auroc:.3f} on the test split"
        ),
    )
    exported = step(
        "export to ONNX",
        lambda: export_onnx(workspace, finetuned.checkpoint, progress=progress),
        lambda x: f"{x.size_bytes / 1e6:.1f} MB, differs from PyTorch by {x.max_difference:.0e}",
    )
    return Demo(root, evaluated, exported, tuple(steps), 1 / len(finetuned.classes))
