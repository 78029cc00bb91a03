"""What a pretraining trains: encoder, projector and objective, as the configuration asks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import nn

from dermctl.checkpoint import Description
from dermctl.config.trainings import PretrainConfig
from dermctl.core.pretraining_rows import group_numbers, label_numbers, lesion_numbers
from dermctl.core.transform import preprocessing
from dermctl.datasets.prepared import Split
from dermctl.errors import ConfigError
from dermctl.exposure import Exposure
from dermctl.methods.in_parts import batch_norms
from dermctl.methods.joint_embedding import JointEmbedding
from dermctl.methods.objective import Objective, build_objective
from dermctl.models.encoder import feature_width
from dermctl.models.heads import Projector
from dermctl.models.initial import Start
from dermctl.progress import Progress
from dermctl.training import Hardware
from dermctl.views.packed import MakesViews
from dermctl.views.pairs import NumberedViews, PairedViews

_WITHOUT_BATCH_NORM = "Take an encoder without batch norm (a ViT, a ConvNeXt)"


def pretraining_module(
    config: PretrainConfig,
    start: Start,
    train: Sequence[Split],
    hardware: Hardware,
    progress: Progress,
) -> JointEmbedding:
    """The module, with the images that its weights have seen before as its ``exposure``.

    Args:
        config: of the training.
        start: the encoder, and where its weights come from.
        train: what is trained on.
        hardware: it runs on.
        progress: where it is said what is made of the data.

    Raises:
        ConfigError: a loss or optimiser that cannot be built.
    """
    objective = pretraining_objective(config)
    width = feature_width(start.encoder)
    module = JointEmbedding(
        start.encoder,
        Projector(width, config.projector_hidden, config.projector_dim, norm=config.projector_norm),
        objective.loss,
        _description(config, train, start),
        labelled=objective.labelled,
        micro_batch=config.micro_batch_size,
        optimizer=config.optimizer,
        lr=config.lr,
        weight_decay=config.weight_decay,
        warmup=config.warmup,
        schedule=config.schedule,
        cycles=config.cycles,
    )
    module.exposure = _seen_before(start)
    _share_statistics(module, hardware)
    _say(objective, config, train, progress)
    return module


def _say(
    objective: Objective, config: PretrainConfig, train: Sequence[Split], progress: Progress
) -> None:
    """What the data or the loss make of what was asked for."""
    if config.positives == "lesion":
        numbers = lesion_numbers(train)
        _, place, sizes = np.unique(numbers, return_inverse=True, return_counts=True)
        paired = int((sizes[place] > 1).sum())
        progress.say(
            f"{paired:,} of {len(numbers):,} images share their lesion with another image; of each "
            "of the others two views are a pair"
        )
    if objective.labelled:
        images = sum(map(len, train))
        known = images - sum(split.table.column("label").null_count for split in train)
        progress.say(f"{known:,} of {images:,} images have a label; the others are each alone")
    if config.mask_group and not objective.takes_groups:
        progress.say(f"{objective.name} cannot leave images of one group out of the negatives")


def pretraining_objective(config: PretrainConfig) -> Objective:
    """The loss that the configuration names, or its method's own."""
    return build_objective(config.method, config.loss, temperature=config.temperature)


def with_partners(
    splits: Sequence[Split], first: MakesViews, second: MakesViews, *, seed: int
) -> PairedViews:
    """Two images of one lesion as a pair, where there are two."""
    return PairedViews(first, second, lesion_numbers(splits), seed=seed)


def with_numbers(
    config: PretrainConfig, splits: Sequence[Split], views: MakesViews
) -> NumberedViews:
    """The views with what the objective needs to know of them: ``labels``, ``groups``.

    Where two images of a lesion make a pair, other images of that lesion are never negatives.
    """
    objective = pretraining_objective(config)
    numbers = {}
    if objective.labelled:
        numbers["labels"] = label_numbers(splits)
    if objective.takes_groups and config.mask_group:
        numbers["groups"] = group_numbers(splits)
    elif objective.takes_groups and config.positives == "lesion":
        numbers["groups"] = lesion_numbers(splits)
    return NumberedViews(views, numbers)


def _description(config: PretrainConfig, train: Sequence[Split], start: Start) -> Description:
    before = None if start.checkpoint is None else start.checkpoint.about
    drawn = any(bool(split.description["synthetic"]) for split in train)
    return Description(
        kind="pretrain",
        encoder=config.encoder,
        image_size=config.image_size,
        **preprocessing(config.encoder, start.mean, start.std),
        store_size=max(int(split.description["size"]) for split in train),
        datasets=tuple(str(split.description["name"]) for split in train),
        manifests={str(split.description["name"]): split.sha256 for split in train},
        synthetic=drawn or (before is not None and before.synthetic),
        leaks=() if before is None else before.leaks,
    )


def _seen_before(start: Start) -> Exposure:
    if start.checkpoint is not None:
        return start.checkpoint.exposure
    return Exposure.unknown() if start.foreign else Exposure.nothing()


def check_batch_norms(encoder: nn.Module, hardware: Hardware, config: PretrainConfig) -> None:
    """Refuse batch norm where its statistics would not be those of the whole batch.

    Raises:
        ConfigError: an encoder with batch norm in parts, or batch norm in several processes on
            CPUs, without ``allow_inexact``.
    """
    if config.allow_inexact:
        return
    in_encoder = bool(batch_norms(encoder))
    if in_encoder and 0 < config.micro_batch_size < config.batch_size:
        raise ConfigError(
            f"{config.encoder} has batch norm, whose statistics would be those of a micro-batch: "
            "the gradient would not be the large batch's",
            where="--micro-batch-size",
            hint=f"{_WITHOUT_BATCH_NORM}, or --allow-inexact",
        )
    if hardware.devices * hardware.nodes == 1 or hardware.accelerator == "cuda":
        return
    cures = {}
    if in_encoder:
        cures["encoder"] = "an encoder without batch norm (a ViT, a ConvNeXt)"
    if config.projector_norm == "batch":
        cures["projector"] = "--projector-norm layer"
    if cures:
        raise ConfigError(
            f"batch norm (in the {' and '.join(cures)}) takes its statistics over all devices "
            "by SyncBatchNorm, which there is on GPUs only",
            where=f"--devices {hardware.devices}",
            hint=f"Take --devices 1, or {' and '.join(cures.values())}, or --allow-inexact",
        )


def _share_statistics(module: JointEmbedding, hardware: Hardware) -> None:
    """Batch norm over the images of all GPUs, in place."""
    if hardware.devices * hardware.nodes == 1 or hardware.accelerator != "cuda":
        return
    from timm.layers.norm_act import convert_sync_batchnorm

    for name, part in {"encoder": module.encoder, "projector": module.projector}.items():
        if batch_norms(part):
            setattr(module, name, convert_sync_batchnorm(part))  # type: ignore[no-untyped-call]
