"""``pretrain``: self-supervised training over the train manifests of prepared datasets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dermctl.checkpoint import Description
from dermctl.config.trainings import PretrainConfig
from dermctl.core.inputs import Inputs, settle_inputs
from dermctl.core.left_out import LeftOut, held_out, leave_out, workspace_datasets
from dermctl.core.loading import LoaderSettings, TrainingData, stored_images
from dermctl.core.named import check_names
from dermctl.core.pretraining_module import (
    check_batch_norms,
    pretraining_module,
    with_numbers,
    with_partners,
)
from dermctl.core.watching import PROBE, Watch
from dermctl.datasets.pictures import Pictures
from dermctl.datasets.places import check_split
from dermctl.datasets.prepared import (
    TRAINING_COLUMNS,
    Split,
    load_split,
    release_memory,
    split_description,
)
from dermctl.errors import ConfigError, DataError
from dermctl.exposure import Exposure
from dermctl.methods.joint_embedding import JointEmbedding
from dermctl.models.encoder import parameter_count
from dermctl.models.initial import IMAGENET, start_encoder
from dermctl.models.zoo.shelf import zoo_origin
from dermctl.progress import SILENT, Progress
from dermctl.runs import finish_run
from dermctl.training import (
    BEST,
    LAST,
    DryRun,
    Hardware,
    check_resume,
    fit,
    kept,
    loader_workers,
    make_trainer,
    open_run,
    rehearse,
    resolve_hardware,
    seed_everything,
    speed_up,
)
from dermctl.views.batches import check_shares
from dermctl.views.images import ImageNames, StoredImages
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
    monitor: str | None  # what chose ``best.ckpt``; None: there is none
    best: float | None  # its value there
    best_step: int | None  # steps done by then

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        paths = {"run": str(self.run), "checkpoint": str(self.checkpoint)}
        return asdict(self) | paths | {"datasets": list(self.datasets)}


@dataclass(frozen=True)
class _Plan:
    """All that a pretraining needs, checked, before anything is written.

    Nothing of a manifest but the numbers that batches are drawn by: memory is for the images.
    """

    hardware: Hardware
    module: JointEmbedding
    data: TrainingData
    watch: Watch | None
    images: ImageNames
    monitor: str | None
    left_out: LeftOut
    facts: dict[str, Any]


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
    plan = _plan(workspace, config, progress)
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
        checkpoint=run / "checkpoints" / f"{BEST if plan.monitor else LAST}.ckpt",
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
    plan = _plan(workspace, config, progress)
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
    )


def _plan(workspace: Workspace, config: PretrainConfig, progress: Progress) -> _Plan:
    hardware = resolve_hardware(config.accelerator, config.devices, config.nodes, config.precision)
    check_shares(config.batch_size, hardware.devices * hardware.nodes)
    check_names(config)
    source = zoo_origin(config.init, workspace.zoo)
    if source is not None:
        progress.say(f"starting from {source}")
    if config.init == IMAGENET:
        progress.say(
            f"starting from timm's weights for {config.encoder}, fetched where they are not here"
        )
    seed_everything(config.seed)
    start = start_encoder(config.encoder, config.image_size, config.init, workspace.zoo)
    check_batch_norms(start.encoder, hardware, config)
    folders = _datasets(workspace, config.data, progress)
    train = [load_split(folder, "train", TRAINING_COLUMNS) for folder in folders]
    _check_batch(sum(map(len, train)), config.batch_size, train)
    val = [load_split(folder, "val", TRAINING_COLUMNS) for folder in folders]
    val = [split for split in val if len(split)]
    for split in (*train, *val):
        check_split(split)  # before the gate looks at pictures, and keeps what it sees in them
    train, val, left_out = _without_held_out(workspace, train, val, progress)
    val = val if sum(map(len, val)) > 1 else []  # one image has no negatives
    if config.patience and not val:
        raise ConfigError(
            "without validation images no epoch is better than another",
            where="--patience",
            hint="Leave it out, or prepare the dataset with --val 0.1",
        )
    _check_batch(sum(map(len, train)), config.batch_size, train)
    module = pretraining_module(config, start, train, hardware, progress)
    compiled = speed_up(
        module.encoder,
        hardware,
        compiled=config.compile,
        gradient_checkpointing=config.gradient_checkpointing,
        progress=progress,
    )
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
        compiled=compiled,
        progress=progress,
    )
    stored = stored_images(train)
    views = _views(train, stored, config, inputs)
    val_views = _views(val, stored_images(val), config, inputs) if val else None
    data = TrainingData(
        views, val_views, settings, resident=inputs.resident, fused=inputs.fused, fill_val=False
    )
    watch = _watch(config, train, val, val_views or views, module.about, progress)
    facts = _facts(config, hardware, train, val, left_out) | inputs.to_json()
    if source is not None:
        facts["init"] = source
    monitor = _monitor(watch) if val else None
    return _Plan(hardware, module, data, watch, ImageNames(stored), monitor, left_out, facts)


def _monitor(watch: Watch | None) -> str:
    """What chooses the best epoch: a probe where there are labels, else the loss."""
    return PROBE if watch is not None and watch.labelled else "val/loss"


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
    return bool(split_description(folder, "train")["synthetic"])


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
            hint=f"Take --batch-size {images} or less"
            if images > 1
            else "Prepare a dataset with more images: views of one have none to be told from",
        )


def _views(
    splits: Sequence[Split], stored: StoredImages, config: PretrainConfig, inputs: Inputs
) -> NumberedViews:
    images = inputs.images(stored)

    def make(count: int, seed: int) -> MakesViews:
        return inputs.views(images, count=count, seed=seed)

    if config.positives == "image":
        return with_numbers(config, splits, make(2, config.seed))
    other = config.seed + 2**32  # no training has this seed: other views of the same image
    pairs = with_partners(splits, make(1, config.seed), make(1, other), seed=config.seed)
    return with_numbers(config, splits, pairs)


def _watch(
    config: PretrainConfig,
    train: Sequence[Split],
    val: Sequence[Split],
    views: MakesViews,
    about: Description,
    progress: Progress,
) -> Watch | None:
    if not config.probe_every:
        return None
    return Watch(
        train, val, views, about, every=config.probe_every, progress=progress, seed=config.seed
    )


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
