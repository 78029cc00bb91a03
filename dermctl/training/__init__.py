"""Trainings: hardware, the Trainer and its callbacks. One idea a module; these are the names."""

from dermctl.training.hardware import (
    Hardware,
    Loaders,
    resolve_hardware,
    settle_loaders,
)
from dermctl.training.quiet import quiet_lightning, seed_everything
from dermctl.training.rehearsal import DryRun, peak_memory, rehearse
from dermctl.training.resume import Opened, check_resume, open_run
from dermctl.training.speed import check_replay, speed_up
from dermctl.training.stopping import Interrupted
from dermctl.training.trainer import csv_logger, fit, kept, make_trainer, tensorboard_logger

__all__ = [
    "DryRun",
    "Hardware",
    "Interrupted",
    "Loaders",
    "Opened",
    "check_replay",
    "check_resume",
    "csv_logger",
    "fit",
    "kept",
    "make_trainer",
    "open_run",
    "peak_memory",
    "quiet_lightning",
    "rehearse",
    "resolve_hardware",
    "seed_everything",
    "settle_loaders",
    "speed_up",
    "tensorboard_logger",
]
