"""The settings of the trainings: what each means, its unit and its range stand here only."""

from __future__ import annotations

from dataclasses import dataclass

from dermctl.config import shared
from dermctl.config.fields import setting
from dermctl.config.shared import (
    DATA,
    IMBALANCE,
    LEARNING,
    MODEL,
    REGULARISATION,
    RUN,
)

METHODS = ("simclr", "supcon", "vicreg", "barlowtwins")
SCHEDULES = ("cosine", "cosine-restarts", "constant")
MODES = ("full", "linear", "lp-ft", "knn")
LOSSES = ("cross_entropy", "focal", "logit_adjusted")

NOT_KEPT = ("resume", "anew", "dry_run")
"""Settings of one start of a training, which a run does not keep."""
FREE_ON_RESUME = (
    *("name", "workers", "cache", "accelerator", "devices", "nodes", "compile", "precision"),
    *("checkpoint_every", "probe_every", "micro_batch_size", "gradient_checkpointing"),
)
"""Settings in which a run may differ from what it was started with, and still go on."""

OF_STEPS = (
    *("augmentation", "epochs", "lr", "weight_decay", "warmup", "optimizer", "layer_decay", "ema"),
    *("patience", "drop_path", "label_smoothing", "mixup", "cutmix", "compile"),
    *("gradient_checkpointing", "checkpoint_every"),
)
"""Settings of a fine-tuning in steps: without meaning where a head is fitted on embeddings."""


@dataclass(frozen=True)
class PretrainConfig:
    """Pretraining: SimCLR and its kin (arXiv 2002.05709, 2004.11362, 2105.04906, 2103.03230)."""

    data: tuple[str, ...] = setting(
        (), "prepared dataset; repeatable; none named: every one", group=DATA, metavar="NAME"
    )
    image_size: int = setting(224, "pixels a side of a view", low=16, high=1024, group=DATA)
    augmentation: str = shared.augmentation(shared.PAIR_PRESETS, "both views")
    cache: str = shared.cache()
    workers: int = shared.workers()

    encoder: str = setting("vit_small_patch16_224", "any timm model", group=MODEL)
    init: str | None = setting(
        None,
        "what the encoder starts from: 'imagenet', a checkpoint, a safetensors or torch file, a "
        "name in the zoo",
        group=MODEL,
        metavar="CKPT|NAME",
    )
    method: str = setting("simclr", "how to learn", choices=METHODS, group=MODEL)
    loss: str | None = setting(
        None,
        "loss in place of the method's own; pytorch-metric-learning's too, as "
        "'TripletMarginLoss(margin=0.1)'",
        group=MODEL,
        metavar="LOSS",
    )
    temperature: float = setting(
        0.2, "temperature of nt_xent and supcon", low=0.01, high=10.0, group=MODEL
    )
    positives: str = setting(
        "image",
        "what makes a positive pair: two views of an image, or of two images of a lesion (MICLe)",
        choices=("image", "lesion"),
        group=MODEL,
    )
    mask_group: bool = setting(
        True, "leave an image's own patient and lesion out of its negatives", group=MODEL
    )
    projector_hidden: int = setting(1024, "hidden width of the projector", low=1, group=MODEL)
    projector_dim: int = setting(128, "width in which the loss compares", low=2, group=MODEL)
    projector_norm: str = setting(
        "layer", "norm in the projector", choices=("layer", "batch"), group=MODEL
    )

    batch_size: int = setting(256, "images a step, over all devices", low=2, group=LEARNING)
    micro_batch_size: int = setting(
        0,
        "images in the encoder at once, on each device, at the same gradient; 0: all",
        low=0,
        group=LEARNING,
    )
    allow_inexact: bool = setting(
        False, "go on where batch norm makes the gradient another one", group=LEARNING
    )
    epochs: int = setting(100, "passes over the images", low=1, group=LEARNING)
    lr: float = setting(5e-4, "peak learning rate", low=0.0, group=LEARNING)
    weight_decay: float = shared.weight_decay()
    warmup: float = shared.warmup()
    optimizer: str = shared.optimizer()
    schedule: str = setting(
        "cosine", "course of lr after it has risen", choices=SCHEDULES, group=LEARNING
    )
    cycles: int = setting(4, "cosines of cosine-restarts", low=1, group=LEARNING)
    patience: int = setting(
        0, "looks without a better probe after which to stop; 0: never", low=0, group=LEARNING
    )

    accelerator: str = shared.accelerator()
    devices: int = shared.devices()
    nodes: int = shared.nodes()
    precision: str = shared.precision()
    compile: str = shared.compiled()
    gradient_checkpointing: bool = shared.gradient_checkpointing()
    deterministic: bool = shared.deterministic()

    seed: int = shared.seed()
    name: str | None = shared.name()
    probe_every: int = setting(
        1, "epochs between two looks at the embeddings; 0: none", low=0, group=RUN
    )
    checkpoint_every: float = shared.checkpoint_every()
    resume: str | None = shared.resume()
    anew: bool = shared.anew()
    dry_run: bool = shared.dry_run()


@dataclass(frozen=True)
class FinetuneConfig:
    """Supervised training, from a pretrained encoder or from none."""

    data: str | None = setting(
        None, "prepared dataset; none named: the newest", group=DATA, metavar="NAME"
    )
    image_size: int = setting(
        0, "pixels a side; 0: as pretrained, or 224", low=0, high=1024, group=DATA
    )
    metadata: tuple[str, ...] = setting(
        (), "columns fused with the image, as age,sex,site", group=DATA, metavar="COLUMN,..."
    )
    label_fraction: float = setting(
        1.0, "share of the training labels used: whole groups", low=0.001, high=1.0, group=DATA
    )
    augmentation: str = shared.augmentation(shared.LABEL_PRESETS, "training images")
    cache: str = shared.cache()
    workers: int = shared.workers()

    from_checkpoint: str | None = setting(
        None,
        "checkpoint of the encoder, or a name in the zoo; none named: the newest pretraining; "
        "'none': random",
        group=MODEL,
        flag="--from",
        metavar="CKPT|NAME",
    )
    mode: str = setting(
        "full",
        "full: encoder and head; linear: an exact probe; lp-ft: the probe, then all; knn: a vote",
        choices=MODES,
        group=MODEL,
    )
    encoder: str | None = setting(None, "any timm model, where there is no checkpoint", group=MODEL)

    batch_size: int = setting(64, "images a step, over all devices", low=1, group=LEARNING)
    epochs: int = setting(30, "passes over the images", low=1, group=LEARNING)
    lr: float = setting(3e-4, "peak learning rate", low=0.0, group=LEARNING)
    weight_decay: float = shared.weight_decay()
    warmup: float = shared.warmup()
    optimizer: str = shared.optimizer()
    layer_decay: float = setting(
        1.0, "factor on lr a layer, from the head down", low=0.1, high=1.0, group=LEARNING
    )
    ema: float = setting(
        0.0, "decay of the weights' moving average; 0: none", low=0.0, high=0.99999, group=LEARNING
    )
    patience: int = setting(
        0, "epochs without a better one until it stops; 0: never", low=0, group=LEARNING
    )
    monitor: str = setting(
        "val/balanced_accuracy",
        "what chooses the best epoch, C or k",
        choices=("val/balanced_accuracy", "val/auc", "val/acc", "val/loss"),
        group=LEARNING,
    )

    loss: str = setting("cross_entropy", "what is minimised", choices=LOSSES, group=IMBALANCE)
    class_weights: str = setting(
        "auto",
        "auto: inverse frequency, unless loss or sampling makes up for it",
        choices=("auto", "inverse", "effective", "none"),
        group=IMBALANCE,
    )
    sampling: str = setting(
        "shuffled",
        "balanced: each class is drawn as often as the others",
        choices=("shuffled", "balanced"),
        group=IMBALANCE,
    )
    focal_gamma: float = setting(2.0, "of the focal loss", low=0.0, high=10.0, group=IMBALANCE)
    logit_tau: float = setting(
        1.0, "of the logit-adjusted loss", low=0.0, high=10.0, group=IMBALANCE
    )
    drop_path: float = setting(
        0.0, "stochastic depth of the encoder", low=0.0, high=0.9, group=REGULARISATION
    )
    label_smoothing: float = setting(
        0.0, "smoothing of the targets", low=0.0, high=0.9, group=REGULARISATION
    )
    mixup: float = setting(
        0.0, "alpha of mixup, such as 0.2; 0: off", low=0.0, high=10.0, group=REGULARISATION
    )
    cutmix: float = setting(
        0.0, "alpha of CutMix, such as 1; 0: off", low=0.0, high=10.0, group=REGULARISATION
    )

    accelerator: str = shared.accelerator()
    devices: int = shared.devices()
    nodes: int = shared.nodes()
    precision: str = shared.precision()
    compile: str = shared.compiled()
    gradient_checkpointing: bool = shared.gradient_checkpointing()
    deterministic: bool = shared.deterministic()

    seed: int = shared.seed()
    seeds: int = setting(1, "trainings, with one seed after another", low=1, high=100, group=RUN)
    folds: int = setting(
        0, "folds of a cross-validation over train and validation; 0: none", low=0, group=RUN
    )
    allow_leak: bool = setting(
        False, "go on where the encoder has seen test images; every result says so", group=RUN
    )
    name: str | None = shared.name()
    checkpoint_every: float = shared.checkpoint_every()
    resume: str | None = shared.resume()
    anew: bool = shared.anew()
    dry_run: bool = shared.dry_run()


CONFIGS: dict[str, type[PretrainConfig] | type[FinetuneConfig]] = {
    "pretrain": PretrainConfig,
    "finetune": FinetuneConfig,
}
"""Command -> its configuration."""
