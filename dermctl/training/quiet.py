"""Lightning kept quiet about what the user cannot act on."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytorch_lightning as pl

# Lightning's advice that does not hold here, or that says what the bar already shows.
_NOISE = (
    r".*does not have many workers.*",
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",
    r".*Checkpoint directory .* exists and is not empty.*",
    r".*The number of training batches .* is smaller than the logging interval.*",
    r".*Experiment logs directory .* exists and is not empty.*",
    r".*torch.distributed.nn.functional.all_gather is deprecated.*",
    r".*Total length of `list` across ranks is zero.*",  # no validation split, which is said
    r".*Using a non-tuple sequence for multidimensional indexing is deprecated.*",  # of a loss
    r".*lr_scheduler.step\(\).* before .*optimizer.step\(\).*",
)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Lightning's banners and advice off, its errors on."""
    loggers = [
        logging.getLogger(name)
        for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "lightning")
    ]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for noise in _NOISE:
                warnings.filterwarnings("ignore", noise)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def seed_everything(seed: int, *, deterministic: bool = False) -> None:
    """Seed Python's, numpy's and torch's generators: what initialises and drops out.

    Args:
        deterministic: cuBLAS will be asked for the same bits each time. It reads how much memory it
            may have for that at its first product, which can come before there is a Trainer.
    """
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with quiet_lightning():
        pl.seed_everything(seed, workers=False, verbose=False)
