"""``finetune``: supervised training, from a pretrained encoder or from none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dermctl.config.trainings import FinetuneConfig
from dermctl.core.calibrate import calibrate
from dermctl.core.finetuning.beside_image import compare_with_image_alone
from dermctl.core.finetuning.frozen import FITS, embed, fit_linear, train_frozen
from dermctl.core.finetuning.full import train_full
from dermctl.core.finetuning.objective import settle_class_weights
from dermctl.core.finetuning.plan import FinetunePlan, plan_finetuning
from dermctl.core.finetuning.rehearsal import rehearse_plan
from dermctl.core.finetuning.rows import Fold
from dermctl.metrics.bootstrap import Interval
from dermctl.progress import SILENT, Progress
from dermctl.run_folder import BEST, checkpoint_path
from dermctl.runs import finish_run, is_main_process
from dermctl.training import DryRun, check_resume, open_run
from dermctl.views.augmentation import read_augmentation, to_plain
from dermctl.workspace import Workspace


@dataclass(frozen=True)
class Finetuned:
    """What came of it."""

    run: Path
    checkpoint: Path
    source: str
    dataset: str
    mode: str
    classes: tuple[str, ...]
    images: int
    monitor: str
    best: float
    scores: dict[str, float]
    leak_check: str = ""
    metadata_gain: dict[str, Interval] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "run": str(self.run),
            "checkpoint": str(self.checkpoint),
            "from": self.source,
            "dataset": self.dataset,
            "mode": self.mode,
            "classes": list(self.classes),
            "images": self.images,
            "monitor": self.monitor,
            "best": self.best,
            "leak_check": self.leak_check,
            "metadata_gain": None
            if self.metadata_gain is None
            else {name: each.to_json() for name, each in self.metadata_gain.items()},
            **self.scores,
        }


def finetune(
    workspace: Workspace,
    config: FinetuneConfig,
    progress: Progress = SILENT,
    *,
    fold: Fold | None = None,
    suffix: str = "",
) -> Finetuned:
    """Train a classifier; the best epoch (C, k) is chosen on validation, never on test.

    Args:
        workspace: where dataset and run lie.
        config: of the training.
        progress: where it is reported.
        fold: validation is this part of train and validation together; None: the split that was
            prepared.
        suffix: of the run's name.

    Raises:
        DataError: no dataset, an empty split, a single class.
        CheckpointError: a checkpoint that is missing or does not fit.
        TrainingError: devices that are not there, a loss that is no number.
        LeakError: the encoder has seen test images, and that is not allowed.
    """
    check_resume(workspace.runs, "finetune", config)
    plan = plan_finetuning(workspace, config, progress, fold)
    run, resume = open_run(
        workspace.runs,
        (config.name or f"finetune-{plan.dataset}") + suffix,
        "finetune",
        config,
        _facts(plan, config, fold),
        progress,
    )
    plan.left_out.write(run)
    progress.say(f"fine-tuning ({config.mode}) {plan} ({plan.hardware}) into {run}")
    scores = _train(run, plan, config, progress, resume)
    best = checkpoint_path(run, BEST)
    where = plan.settings, plan.hardware.accelerator
    calibrate(best, plan.val, *where, progress)
    gain = None
    if plan.about.head and is_main_process():
        gain = compare_with_image_alone(best, plan.val, *where, progress)
    result = Finetuned(
        run=run,
        checkpoint=best,
        source=plan.start.source,
        dataset=plan.dataset,
        mode=config.mode,
        classes=plan.about.classes,
        images=len(plan.train),
        monitor=config.monitor,
        best=scores[config.monitor],
        scores=scores,
        leak_check=plan.leak_check,
        metadata_gain=gain,
    )
    finish_run(run, result.to_json())
    return result


def rehearse_finetuning(
    workspace: Workspace,
    config: FinetuneConfig,
    progress: Progress = SILENT,
    *,
    fold: Fold | None = None,
) -> DryRun:
    """Check all that ``finetune`` would, run a little of it, and leave nothing behind.

    Raises:
        DermctlError: as ``finetune``.
    """
    plan = plan_finetuning(workspace, config, progress, fold)
    return rehearse_plan(plan, config, progress)


def _facts(plan: FinetunePlan, config: FinetuneConfig, fold: Fold | None) -> dict[str, Any]:
    return {
        "seed": config.seed,
        "hardware": str(plan.hardware),
        "from": plan.start.source,
        "manifests": dict(plan.about.manifests),
        "synthetic": plan.about.synthetic,
        "leak_check": plan.leak_check,
        "left_out": plan.left_out.to_json(),
        "label_fraction": config.label_fraction,
        "augmentation": "none"
        if config.mode in FITS
        else to_plain(read_augmentation(config.augmentation)),
        "fold": None if fold is None else str(fold),
    }


def _train(
    run: Path,
    plan: FinetunePlan,
    config: FinetuneConfig,
    progress: Progress,
    resume: Path | None,
) -> dict[str, float]:
    """Learn as ``config.mode`` says; the validation scores of what was chosen."""
    start, train, val = plan.start, plan.train, plan.val
    device = plan.hardware.accelerator
    monitor = config.monitor.removeprefix("val/")
    balanced = settle_class_weights(config.class_weights, config.loss, config.sampling) != "none"
    if config.mode in FITS:
        return train_frozen(
            config.mode,
            run,
            start.encoder,
            plan.about,
            train,
            val,
            exposure=plan.exposure,
            settings=plan.settings,
            device=device,
            monitor=monitor,
            balanced=balanced,
            progress=progress,
        )
    head = None
    if config.mode == "lp-ft" and resume is None:
        # The probe first, then all from there (arXiv 2202.10054).
        embedded = embed(start.encoder, plan.about, train, val, plan.settings, device, progress)
        fitted = fit_linear(embedded.fused(), monitor=monitor, balanced=balanced, progress=progress)
        progress.say(f"linear probe: {config.monitor} {fitted.scores[monitor]:.4f}")
        start.encoder.train()
        head = fitted.state
    return train_full(run, plan, config, progress, head, resume)
