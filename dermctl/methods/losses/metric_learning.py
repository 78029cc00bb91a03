"""The losses of pytorch-metric-learning that take (embeddings, labels), by name.

The package is imported when one is asked for: it takes seconds, and our own losses do without.
"""

from __future__ import annotations

import inspect

from torch import Tensor, nn

from dermctl.methods.losses.checks import check_labelled_rows
from dermctl.methods.losses.gather import all_labels, all_rows
from dermctl.methods.losses.precision import full_precision, working_dtype

NOT_LABELLED = {"BaseMetricLossFunction", "GenericPairLoss", "ManifoldLoss", "VICRegLoss"}
"""Two foundations for losses, and two that refuse labels."""
EVEN_CLASSES = {"SmoothAPLoss"}
"""Losses that refuse a batch with more images of one class than of another."""
OBJECTS = {
    *("collect_stats", "distance", "reducer", "mat_based_loss", "weight_init_func"),
    *("embedding_regularizer", "embedding_reg_weight"),
    *("weight_regularizer", "weight_reg_weight"),
}
"""Parameters that hold objects or bookkeeping: nothing that a configuration could write down."""


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
            value: Tensor = self.loss(embeddings, labels)
            return value
