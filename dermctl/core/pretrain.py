"""``pretrain``: self-supervised training over the train manifests of prepared datasets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dermctl.config.trainings import PretrainConfig
from dermctl.core.pretraining_plan import plan_pretraining
from dermctl.datasets.prepared import release_memory
from dermctl.models.encoder import parameter_count
from dermctl.progress import SILENT, Progress
from dermctl.run_folder import BEST, LAST, checkpoint_path
from dermctl.runs import finish_run
from dermctl.training import (
    DryRun,
    check_resume,
    fit,
    kept,
    make_trainer,
    open_run,
    rehearse,
)
from dermctl.workspace import Workspace


@dataclass(frozen=True)
class Pretrained:
    """What came of it."""

    run: Path
    checkpoint: Path
    encoder: str
    parameters: int
    images: int
    left_out: int
    datasets: tuple[str, ...]
    steps: int
    hardware: str
    train_loss: float
    val_loss: float | None
    monitor: str | None  # what chose ``best.ckpt``; None: there is none
    best: float | None  # its value there
    best_step: int | None  # steps done by then

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        paths = {"run": str(self.run), "checkpoint": str(self.checkpoint)}
        return asdict(self) | paths | {"datasets": list(self.datasets)}


def pretrain(
    workspace: Workspace, config: PretrainConfig, progress: Progress = SILENT
) -> Pretrained:
    """Train an encoder by the method asked for; ``best.ckpt`` is the best by a probe, or by loss.

    Images tied to the validation or test images of any dataset in the workspace are left out. A
    run of the same settings that was stopped goes on.

    Raises:
        DataError: no dataset, an empty train split, a batch larger than it.
        TrainingError: devices that are not there, a loss that is no number.
        Interrupted: a signal stopped it; it is saved.
        ConfigError, CheckpointError: an encoder or checkpoint that cannot be used.
    """
    check_resume(workspace.runs, "pretrain", config)
    plan = plan_pretraining(workspace, config, progress)
    release_memory()
    module, hardware = plan.module, plan.hardware
    run, resume = open_run(
        workspace.runs,
        config.name or f"pretrain-{config.encoder}",
        "pretrain",
        config,
        plan.facts,
        progress,
    )
    plan.left_out.write(run)
    progress.say(
        f"pretraining {config.encoder} on {len(plan.images):,} images of "
        f"{', '.join(module.about.datasets)} ({hardware}) into {run}"
    )
    trainer = make_trainer(
        run,
        hardware,
        epochs=config.epochs,
        progress=progress,
        monitor=plan.monitor,
        measures=() if plan.watch is None else (plan.watch,),
        seed=config.seed,
        checkpoint_minutes=config.checkpoint_every,
        patience=config.patience,
        image_names=plan.images,
        deterministic=config.deterministic,
    )
    fit(trainer, module, plan.data, resume=resume)
    keep = kept(trainer)
    result = Pretrained(
        run=run,
        checkpoint=checkpoint_path(run, BEST if plan.monitor else LAST),
        encoder=config.encoder,
        parameters=parameter_count(module.encoder),
        images=len(plan.images),
        left_out=len(plan.left_out),
        datasets=module.about.datasets,
        steps=trainer.global_step,
        hardware=str(hardware),
        train_loss=keep.newest("train/loss") or 0.0,
        val_loss=keep.newest("val/loss"),
        monitor=plan.monitor,
        best=keep.best,
        best_step=keep.best_step,
    )
    finish_run(run, result.to_json())
    return result


def rehearse_pretraining(
    workspace: Workspace, config: PretrainConfig, progress: Progress = SILENT
) -> DryRun:
    """Check all that ``pretrain`` would, run a few steps, and leave nothing behind.

    Raises:
        DermctlError: as ``pretrain``.
    """
    plan = plan_pretraining(workspace, config, progress)
    return rehearse(
        plan.module,
        plan.data,
        plan.hardware,
        what=f"pretrain {config.encoder} ({config.method}) on {len(plan.images):,} images of "
        f"{', '.join(plan.module.about.datasets)}, {config.epochs} epochs",
        epochs=config.epochs,
        batch_size=config.batch_size,
        seed=config.seed,
        deterministic=config.deterministic,
        progress=progress,
    )
