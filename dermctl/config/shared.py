"""The settings that all trainings have in common: each one's meaning, default and range.

Each name makes a new field: ``seed: int = shared.seed()`` in a training's dataclass.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from dermctl.config.fields import setting

ACCELERATORS = ("auto", "cpu", "gpu", "mps")
PRECISIONS = ("auto", "fp32", "bf16")
CACHES = ("auto", "device", "ram", "none")
COMPILE = ("auto", "on", "off")

DATA, MODEL, LEARNING, IMBALANCE, REGULARISATION, HARDWARE, RUN = (
    "Data",
    "Model and objective",
    "Optimisation",
    "Imbalance",
    "Regularisation",
    "Hardware",
    "Run",
)
"""The panels of ``--help``, in this order."""

PAIR_PRESETS = ("simclr", "derm")
"""Augmentations for learning from two views of an image, the default first."""
LABEL_PRESETS = ("supervised", "clinical")
"""Augmentations for learning from labels, the default first."""


def augmentation(presets: Sequence[str], of: str) -> Any:
    """A setting that takes one of ``presets``, the first of them by default, or a file."""
    return setting(
        presets[0],
        f"of {of}: {', '.join(presets)}, or a YAML file of settings or of torchvision transforms",
        group=DATA,
        metavar="NAME|FILE",
    )


cache = partial(setting, "auto", "where decoded images are kept", choices=CACHES, group=DATA)
workers = partial(
    setting, -1, "loader processes a device; -1: as the cores allow", low=-1, group=DATA
)

weight_decay = partial(setting, 0.05, "spares biases and norms", low=0.0, group=LEARNING)
warmup = partial(
    setting, 0.1, "share of all steps in which lr rises", low=0.0, high=1.0, group=LEARNING
)
optimizer = partial(
    setting, "adamw", "any optimiser of timm: adamw, lars, lamb, sgd, …", group=LEARNING
)

accelerator = partial(setting, "auto", "where to train", choices=ACCELERATORS, group=HARDWARE)
devices = partial(setting, 0, "devices to train on; 0: all GPUs, or one CPU", low=0, group=HARDWARE)
nodes = partial(setting, 1, "machines to train on", low=1, group=HARDWARE)
precision = partial(
    setting, "auto", "auto: bf16 where the hardware has it", choices=PRECISIONS, group=HARDWARE
)
compiled = partial(
    setting,
    "auto",
    "torch.compile; auto: on a GPU with a compiler",
    choices=COMPILE,
    group=HARDWARE,
)
gradient_checkpointing = partial(
    setting, False, "less memory for a third more time", group=HARDWARE
)
deterministic = partial(
    setting, False, "the same bits each time, also on a GPU; slower", group=HARDWARE
)

seed = partial(setting, 0, "seed of all randomness", low=0, high=2**32 - 1, group=RUN)
name = partial(setting, None, "name of the run", group=RUN)
checkpoint_every = partial(
    setting,
    10.0,
    "minutes between checkpoints; 0: at the end of each epoch only",
    low=0.0,
    group=RUN,
)
resume = partial(
    setting, None, "stopped run to go on with: folder, or name in runs/", group=RUN, metavar="RUN"
)
anew = partial(
    setting,
    False,
    "start anew where a run of these settings was stopped",
    group=RUN,
    flag="--no-resume",
)
dry_run = partial(
    setting, False, "check everything, run a few steps, say what it will take; no run", group=RUN
)
