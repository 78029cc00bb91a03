"""All that a pretraining needs, checked, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from dermctl.datasets.prepared import TRAINING_COLUMNS, Split, load_split, split_description
from dermctl.errors import ConfigError, DataError
from dermctl.exposure import Exposure
from dermctl.methods.joint_embedding import JointEmbedding
from dermctl.models.initial import IMAGENET, start_encoder
from dermctl.models.zoo.shelf import zoo_origin
from dermctl.progress import Progress
from dermctl.training import (
    Hardware,
    check_replay,
    resolve_hardware,
    seed_everything,
    settle_loaders,
    speed_up,
)
from dermctl.views.batches import check_shares
from dermctl.views.images import ImageNames, StoredImages
from dermctl.views.packed import MakesViews
from dermctl.views.pairs import NumberedViews
from dermctl.workspace import Workspace


@dataclass(frozen=True)
class PretrainPlan:
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


def plan_pretraining(
    workspace: Workspace, config: PretrainConfig, progress: Progress
) -> PretrainPlan:
    """Settle and check everything; nothing is written.

    Raises:
        DermctlError: as ``dermctl.core.pretrain.pretrain``.
    """
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
    seed_everything(config.seed, deterministic=config.deterministic)
    start = start_encoder(config.encoder, config.image_size, config.init, workspace.zoo)
    check_batch_norms(start.encoder, hardware, config)
    if config.micro_batch_size:
        check_replay(start.encoder, hardware, "--micro-batch-size")
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
    loaders = settle_loaders(
        config.workers, hardware, images=2 * config.batch_size, size=config.image_size
    )
    settings = LoaderSettings(
        config.batch_size,
        loaders.workers,
        config.seed,
        hardware.accelerator == "cuda",
        loaders.shared,
    )
    inputs = settle_inputs(
        config.augmentation,
        config.cache,
        [*train, *val],
        size=config.image_size,
        epochs=config.epochs,
        workers=settings.workers,
        shared=settings.shared,
        hardware=hardware,
        compiled=compiled,
        progress=progress,
    )
    if loaders.note and inputs.cache.kind != "device":
        progress.say(loaders.note)
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
    return PretrainPlan(hardware, module, data, watch, ImageNames(stored), monitor, left_out, facts)


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
