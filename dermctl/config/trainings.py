"""The settings of the trainings: what each means, its unit and its range stand here only."""

from __future__ import annotations

from dataclasses import dataclass

from dermctl.config.fields import setting

ACCELERATORS = ("auto", "cpu", "gpu", "mps")
PRECISIONS = ("auto", "fp32", "bf16")
AUGMENTATIONS = ("simclr", "derm")
OPTIMIZERS = ("adamw", "sgd")


DATA, MODEL, LEARNING, HARDWARE, RUN = (
    "Data",
    "Model and objective",
    "Optimisation",
    "Hardware",
    "Run",
)
"""The panels of ``--help``, in this order."""


@dataclass(frozen=True)
class PretrainConfig:
    """Self-supervised pretraining (SimCLR, arXiv 2002.05709)."""

    data: tuple[str, ...] = setting(
        (), "prepared dataset; repeatable; none named: every one", group=DATA, metavar="NAME"
    )
    image_size: int = setting(224, "pixels a side of a view", low=16, high=1024, group=DATA)
    augmentation: str = setting("simclr", "preset of both views", choices=AUGMENTATIONS, group=DATA)
    workers: int = setting(
        -1, "loader processes a device; -1: as the cores allow", low=-1, group=DATA
    )

    encoder: str = setting("vit_small_patch16_224", "any timm model", group=MODEL)
    init: str | None = setting(
        None, "checkpoint to start the encoder from", group=MODEL, metavar="CKPT"
    )
    loss: str = setting("nt_xent", "loss over the two views", choices=("nt_xent",), group=MODEL)
    temperature: float = setting(0.2, "temperature of NT-Xent", low=0.01, high=10.0, group=MODEL)
    projector_hidden: int = setting(1024, "hidden width of the projector", low=1, group=MODEL)
    projector_dim: int = setting(128, "width in which the loss compares", low=2, group=MODEL)

    batch_size: int = setting(256, "images a step, over all devices", low=2, group=LEARNING)
    epochs: int = setting(100, "passes over the images", low=1, group=LEARNING)
    lr: float = setting(5e-4, "peak learning rate", low=0.0, group=LEARNING)
    weight_decay: float = setting(0.05, "spares biases and norms", low=0.0, group=LEARNING)
    warmup: float = setting(
        0.1, "share of all steps in which lr rises", low=0.0, high=1.0, group=LEARNING
    )
    optimizer: str = setting("adamw", "optimiser", choices=OPTIMIZERS, group=LEARNING)

    accelerator: str = setting("auto", "where to train", choices=ACCELERATORS, group=HARDWARE)
    devices: int = setting(0, "devices to train on; 0: all GPUs, or one CPU", low=0, group=HARDWARE)
    nodes: int = setting(1, "machines to train on", low=1, group=HARDWARE)
    precision: str = setting(
        "auto", "auto: bf16 where the hardware has it", choices=PRECISIONS, group=HARDWARE
    )

    seed: int = setting(0, "seed of all randomness", low=0, high=2**32 - 1, group=RUN)
    name: str | None = setting(None, "name of the run", group=RUN)


@dataclass(frozen=True)
class FinetuneConfig:
    """Supervised training, from a pretrained encoder or from none."""

    data: str | None = setting(
        None, "prepared dataset; none named: the newest", group=DATA, metavar="NAME"
    )
    image_size: int = setting(
        0, "pixels a side; 0: as pretrained, or 224", low=0, high=1024, group=DATA
    )
    workers: int = setting(
        -1, "loader processes a device; -1: as the cores allow", low=-1, group=DATA
    )

    from_checkpoint: str | None = setting(
        None,
        "checkpoint of the encoder; none named: the newest pretraining; 'none': random",
        group=MODEL,
        flag="--from",
        metavar="CKPT",
    )
    mode: str = setting("full", "what is trained", choices=("full", "linear"), group=MODEL)
    encoder: str | None = setting(None, "any timm model, where there is no checkpoint", group=MODEL)
    drop_path: float = setting(
        0.0, "stochastic depth of the encoder", low=0.0, high=0.9, group=MODEL
    )

    batch_size: int = setting(64, "images a step, over all devices", low=1, group=LEARNING)
    epochs: int = setting(30, "passes over the images", low=1, group=LEARNING)
    lr: float = setting(3e-4, "peak learning rate", low=0.0, group=LEARNING)
    weight_decay: float = setting(0.05, "spares biases and norms", low=0.0, group=LEARNING)
    warmup: float = setting(
        0.1, "share of all steps in which lr rises", low=0.0, high=1.0, group=LEARNING
    )
    optimizer: str = setting("adamw", "optimiser", choices=OPTIMIZERS, group=LEARNING)
    class_weights: str = setting(
        "inverse", "weights of the cross-entropy", choices=("inverse", "none"), group=LEARNING
    )
    label_smoothing: float = setting(
        0.0, "smoothing of the targets", low=0.0, high=0.9, group=LEARNING
    )
    monitor: str = setting(
        "val/balanced_accuracy",
        "what chooses the best epoch",
        choices=("val/balanced_accuracy", "val/auc", "val/acc", "val/loss"),
        group=LEARNING,
    )

    accelerator: str = setting("auto", "where to train", choices=ACCELERATORS, group=HARDWARE)
    devices: int = setting(0, "devices to train on; 0: all GPUs, or one CPU", low=0, group=HARDWARE)
    nodes: int = setting(1, "machines to train on", low=1, group=HARDWARE)
    precision: str = setting(
        "auto", "auto: bf16 where the hardware has it", choices=PRECISIONS, group=HARDWARE
    )

    seed: int = setting(0, "seed of all randomness", low=0, high=2**32 - 1, group=RUN)
    allow_leak: bool = setting(
        False, "go on where the encoder has seen test images; every result says so", group=RUN
    )
    name: str | None = setting(None, "name of the run", group=RUN)


CONFIGS: dict[str, type[PretrainConfig] | type[FinetuneConfig]] = {
    "pretrain": PretrainConfig,
    "finetune": FinetuneConfig,
}
"""Command -> its configuration."""
