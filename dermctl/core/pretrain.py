"""``pretrain``: self-supervised training over the train manifests of prepared datasets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dermctl.config.resolve import to_yaml
from dermctl.config.trainings import PretrainConfig
from dermctl.core.inputs import Inputs, settle_inputs
from dermctl.core.left_out import LeftOut, held_out, leave_out, workspace_datasets
from dermctl.core.loading import LoaderSettings, TrainingData
from dermctl.core.pretraining_module import pretraining_module, with_numbers, with_partners
from dermctl.datasets.pictures import Pictures
from dermctl.datasets.prepared import Split, load_split
from dermctl.errors import DataError
from dermctl.exposure import Exposure
from dermctl.models.encoder import parameter_count
from dermctl.progress import SILENT, Progress
from dermctl.runs import finish_run, new_run_folder, start_run
from dermctl.training import (
    BEST,
    LAST,
    Hardware,
    fit,
    loader_workers,
    make_trainer,
    resolve_hardware,
    seed_everything,
)
from dermctl.views.packed import MakesViews
from dermctl.views.pairs import NumberedViews
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

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "run": str(self.run),
            "checkpoint": str(self.checkpoint),
            "encoder": self.encoder,
            "parameters": self.parameters,
            "images": self.images,
            "left_out": self.left_out,
            "datasets": list(self.datasets),
            "steps": self.steps,
            "hardware": self.hardware,
            "train_loss": self.train_loss,
            "val_loss": self.val_loss,
        }


def pretrain(
    workspace: Workspace, config: PretrainConfig, progress: Progress = SILENT
) -> Pretrained:
    """Train an encoder by the method that is asked for; the encoder in ``best.ckpt`` has the least validation loss.

    Images tied to the validation or test images of any dataset in the workspace are left out.

    Raises:
        DataError: no dataset, an empty train split, a batch larger than it.
        TrainingError: devices that are not there, a loss that is no number.
        ConfigError, CheckpointError: an encoder or checkpoint that cannot be used.
    """
    hardware = resolve_hardware(config.accelerator, config.devices, config.nodes, config.precision)
    folders = _datasets(workspace, config.data, progress)
    train = [load_split(folder, "train") for folder in folders]
    val = [split for folder in folders if len(split := load_split(folder, "val"))]
    train, val, left_out = _without_held_out(workspace, train, val, progress)
    val = val if sum(map(len, val)) > 1 else []  # one image has no negatives
    images = sum(map(len, train))
    _check_batch(images, config.batch_size, train)
    seed_everything(config.seed)
    module = pretraining_module(config, train, hardware, progress)
    module.exposure = Exposure.of(train, val).merged(module.exposure or Exposure.nothing())
    settings = LoaderSettings(
        config.batch_size,
        loader_workers(config.workers, hardware),
        config.seed,
        hardware.accelerator == "cuda",
    )
    inputs = settle_inputs(
        config.augmentation,
        config.cache,
        [*train, *val],
        size=config.image_size,
        epochs=config.epochs,
        workers=settings.workers,
        hardware=hardware,
        progress=progress,
    )
    views = _views(train, config, inputs)
    val_views = _views(val, config, inputs) if val else None
    data = TrainingData(views, val_views, settings, resident=inputs.resident)
    run = new_run_folder(workspace.runs, config.name or f"pretrain-{config.encoder}")
    start_run(run, "pretrain", to_yaml(config), _facts(config, hardware, train, val, left_out) | inputs.to_json())
    left_out.write(run)
    progress.say(
        f"pretraining {config.encoder} on {images:,} images of {', '.join(module.about.datasets)} "
        f"({hardware}) into {run}"
    )
    trainer = make_trainer(
        run,
        hardware,
        epochs=config.epochs,
        progress=progress,
        monitor="val/loss" if val else None,
    )
    fit(trainer, module, data)
    checkpoints = run / "checkpoints"
    metrics = trainer.callback_metrics
    result = Pretrained(
        run=run,
        checkpoint=checkpoints / f"{BEST if val else LAST}.ckpt",
        encoder=config.encoder,
        parameters=parameter_count(module.encoder),
        images=images,
        left_out=len(left_out),
        datasets=module.about.datasets,
        steps=trainer.global_step,
        hardware=str(hardware),
        train_loss=float(metrics["train/loss"]),
        val_loss=float(metrics["val/loss"]) if "val/loss" in metrics else None,
    )
    finish_run(run, result.to_json())
    return result


def _datasets(workspace: Workspace, names: Sequence[str], progress: Progress) -> list[Path]:
    """The datasets named; otherwise every one, real ones never together with synthetic ones."""
    if names:
        return [workspace.dataset(name) for name in dict.fromkeys(names)]
    folders = workspace.datasets() or [workspace.newest_dataset()]
    synthetic = [folder for folder in folders if _is_synthetic(folder)]
    if synthetic and len(synthetic) < len(folders):
        left_out = ", ".join(folder.name for folder in synthetic)
        progress.say(f"left out, as it is synthetic: {left_out} (name it with --data to use it)")
        folders = [folder for folder in folders if folder not in synthetic]
    progress.say(f"no --data given: {', '.join(folder.name for folder in folders)}")
    return folders


def _is_synthetic(folder: Path) -> bool:
    return bool(load_split(folder, "train").description["synthetic"])


def _without_held_out(
    workspace: Workspace, train: Sequence[Split], val: Sequence[Split], progress: Progress
) -> tuple[list[Split], list[Split], LeftOut]:
    folders = workspace_datasets(workspace, [split.folder for split in train])
    watched = held_out(folders, ("val", "test"))
    train, val, left_out = leave_out(train, val, watched, Pictures(folders), progress)
    left_out.say(progress)
    return train, [split for split in val if len(split)], left_out


def _check_batch(images: int, batch_size: int, train: Sequence[Split]) -> None:
    if not images:
        raise DataError(
            "the train split is empty",
            where=", ".join(str(split.folder) for split in train),
            hint="Prepare it again with smaller --val and --test",
        )
    if images < batch_size:
        raise DataError(
            f"a batch of {batch_size} images is larger than the {images} images there are",
            where="--batch-size",
            hint=f"Take --batch-size {images} or less",
        )


def _views(splits: Sequence[Split], config: PretrainConfig, inputs: Inputs) -> NumberedViews:
    images = inputs.images(splits)

    def make(count: int, seed: int) -> MakesViews:
        return inputs.views(images, count=count, seed=seed)

    if config.positives == "image":
        return with_numbers(config, splits, make(2, config.seed))
    other = config.seed + 2**32  # no training has this seed: other views of the same image
    pairs = with_partners(splits, make(1, config.seed), make(1, other), seed=config.seed)
    return with_numbers(config, splits, pairs)


def _facts(
    config: PretrainConfig,
    hardware: Hardware,
    train: Sequence[Split],
    val: Sequence[Split],
    left_out: LeftOut,
) -> dict[str, Any]:
    return {
        "seed": config.seed,
        "hardware": str(hardware),
        "manifests": {
            f"{split.folder.name}/{split.name}": split.sha256 for split in (*train, *val)
        },
        "left_out": left_out.to_json(),
        "synthetic": any(bool(split.description["synthetic"]) for split in train),
    }
