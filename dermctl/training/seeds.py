"""The model's randomness: a function of seed, rank and step, and of nothing that came before.

No generator's state has to be saved then: a step draws the same dropout whether the training was
stopped before it or not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback


class StepSeeds(Callback):
    """Seeds torch's generators, on all devices, before each step.

    Args:
        seed: of the training.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed this rank's step."""
        torch.manual_seed(step_seed(self._seed, trainer.global_rank, trainer.global_step))


def step_seed(seed: int, rank: int, step: int) -> int:
    """63 well-mixed bits from three small numbers (numpy's SeedSequence)."""
    words = np.random.SeedSequence((seed, rank, step)).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))
