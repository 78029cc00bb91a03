"""What a fine-tuning minimises: the loss, its class weights, and how often each image is drawn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from dermctl.methods.class_weights import effective_number, inverse_frequency
from dermctl.methods.losses.imbalanced import FocalLoss, LogitAdjustedLoss

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_WEIGHTS = {"inverse": inverse_frequency, "effective": effective_number}


def settle_class_weights(asked: str, loss: str, sampling: str) -> str:
    """``auto``: inverse frequency, unless loss or sampling makes up for the imbalance already."""
    if asked != "auto":
        return asked
    return "none" if sampling == "balanced" or loss == "logit_adjusted" else "inverse"


def build_supervised_loss(
    loss: str,
    numbers: IntArray,
    classes: int,
    *,
    class_weights: str,
    label_smoothing: float = 0.0,
    gamma: float = 2.0,
    tau: float = 1.0,
) -> nn.Module:
    """A loss of logits [B, C] and class numbers [B] or shares [B, C].

    Args:
        loss: ``cross_entropy``, ``focal`` or ``logit_adjusted``.
        numbers: [n] class of each training image.
        classes: C.
        class_weights: ``inverse``, ``effective`` or ``none``.
        label_smoothing: 0..1.
        gamma: of the focal loss.
        tau: of the logit adjustment.
    """
    counts = np.bincount(numbers, minlength=classes)
    weight = None
    if class_weights != "none":
        weight = torch.tensor(_WEIGHTS[class_weights](counts), dtype=torch.float32)
    if loss == "focal":
        return FocalLoss(gamma, weight, label_smoothing)
    if loss == "logit_adjusted":
        return LogitAdjustedLoss(torch.tensor(counts), tau, weight, label_smoothing)
    return nn.CrossEntropyLoss(weight, label_smoothing=label_smoothing)


def balanced_chances(numbers: IntArray) -> FloatArray:
    """[n] chance of each image to be drawn, so that each class is drawn as often as the others."""
    counts = np.bincount(numbers)
    chances = 1.0 / counts[numbers]
    return np.asarray(chances / chances.sum())
