"""The losses of pytorch-metric-learning that take (embeddings, labels), by name.

The package is imported when one is asked for: it takes seconds, and our own losses do without.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from dermctl.errors import TrainingError
from dermctl.methods.losses.checks import check_labelled_rows
from dermctl.methods.losses.gather import all_labels, all_rows, shared_draws
from dermctl.methods.losses.precision import full_precision, working_dtype

NOT_LABELLED = {"BaseMetricLossFunction", "GenericPairLoss", "ManifoldLoss", "VICRegLoss"}
"""Two foundations for losses, and two that refuse labels."""
EVEN_CLASSES = {"SmoothAPLoss"}
"""Losses that refuse a batch with more images of one class than of another."""
CARRIED_ON = {"DynamicSoftMarginLoss"}
"""Losses that keep something of one step for the next, which no checkpoint would hold."""
OBJECTS = {
    *("collect_stats", "distance", "reducer", "mat_based_loss", "weight_init_func"),
    *("embedding_regularizer", "embedding_reg_weight"),
    *("weight_regularizer", "weight_reg_weight"),
}
"""Parameters that hold objects or bookkeeping: nothing that a configuration could write down."""
_TRIED = 8  # classes, of two rows each, of the batch that a loss is tried on


def metric_learning_losses() -> dict[str, type[nn.Module]]:
    """Class name -> class."""
    from pytorch_metric_learning import losses

    return {
        name: loss
        for name, loss in inspect.getmembers(losses, inspect.isclass)
        if issubclass(loss, nn.Module)
        and issubclass(loss, losses.BaseMetricLossFunction)
        and name not in NOT_LABELLED
    }


def accepted_parameters(loss: type[nn.Module]) -> dict[str, bool]:
    """Parameter name -> whether it is required; constructors hand on what they do not know."""
    found: dict[str, bool] = {}
    for ancestor in loss.__mro__:
        if ancestor is nn.Module:
            break
        for parameter in inspect.signature(ancestor.__init__).parameters.values():  # type: ignore[misc]
            named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            if named and parameter.name not in {"self", *OBJECTS}:
                found.setdefault(parameter.name, parameter.default is parameter.empty)
    return found


def works_without_labels(name: str) -> bool:
    """Whether a loss makes sense with every image of a batch as a class of its own."""
    from pytorch_metric_learning.losses import SelfSupervisedLoss

    return name in SelfSupervisedLoss.supported_losses()


class MetricLearningLoss(nn.Module):
    """A loss of pytorch-metric-learning, in full precision and over all processes.

    Args:
        loss: called with embeddings [R, D] and labels [R].
        gather: hand it the rows of all processes, where there are several.
    """

    def __init__(self, loss: nn.Module, *, gather: bool = True) -> None:
        super().__init__()
        self.loss = loss
        self.gather = gather

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Rows [R, D] and their classes [R] -> the loss, a scalar."""
        where = type(self.loss).__name__
        check_labelled_rows(embeddings, labels, where=where)
        with full_precision(embeddings.device):
            embeddings = embeddings.to(working_dtype(embeddings))
            if self.gather:
                embeddings = all_rows(embeddings, where=where)
                labels = all_labels(labels, where=where)
            with shared_draws(embeddings.device, self.gather):  # some draw triplets
                value: Tensor = _called(self.loss, embeddings, labels)
            return value


def _called(loss: nn.Module, embeddings: Tensor, labels: Tensor) -> Any:
    try:
        return loss(embeddings, labels)
    except (AssertionError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if "memory" in str(error):
            raise  # that is no fault of the loss, and is said elsewhere
        raise TrainingError(
            f"{type(loss).__name__} fails on this batch ({type(error).__name__}: {error})",
            where="loss",
            hint="Take another --loss; where all embeddings have become alike, a smaller --lr",
        ) from error


def try_loss(loss: nn.Module) -> None:
    """Call a loss twice, back and forth: some values are found out only there.

    Args:
        loss: called with embeddings [R, D] and labels [R]; not to be used afterwards.

    Raises:
        Exception: whatever the loss has against its parameters.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(2):
            rows = torch.randn(2 * _TRIED, _TRIED, requires_grad=True)
            value = loss(rows, torch.arange(_TRIED).repeat(2))
            if value.requires_grad:
                value.backward()
