"""VICReg: views agree, every feature varies over the batch, no two features go together.

Bardes et al., VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised
Learning, arXiv:2105.04906. As in the authors' code, the variance term is the mean of the two
views' (the paper's equation 6 has their sum, and so half the weight here).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dermctl.methods.losses.checks import check_at_least_two, check_two_views, check_weight
from dermctl.methods.losses.gather import all_rows
from dermctl.methods.losses.precision import full_precision, working_dtype

WHERE = "vicreg"
SMALLEST_VARIANCE = 1e-4
"""Added to variances, as in the paper, so that the square root has a gradient at 0."""


class VICRegLoss(nn.Module):
    """Weighted sum of invariance, variance and covariance terms.

    Args:
        invariance: weight of the squared distance between views, at least 0.
        variance: weight of the hinge that holds standard deviations at 1, at least 0.
        covariance: weight of the squared covariances of features, at least 0.
        gather: take statistics over the images of all processes, where there are several.
    """

    def __init__(
        self,
        invariance: float = 25.0,
        variance: float = 25.0,
        covariance: float = 1.0,
        gather: bool = True,
    ) -> None:
        super().__init__()
        for name, weight in (
            ("invariance", invariance),
            ("variance", variance),
            ("covariance", covariance),
        ):
            check_weight(weight, name=name, where=WHERE)
        self.invariance = invariance
        self.variance = variance
        self.covariance = covariance
        self.gather = gather

    def forward(self, z0: Tensor, z1: Tensor, groups: Tensor | None = None) -> Tensor:
        """Two views' projections, [N, D] each -> the loss, a scalar.

        ``groups`` is there for losses with negatives; here images are not compared.
        """
        check_two_views(z0, z1, where=WHERE)
        dtype = working_dtype(z0, z1)
        with full_precision(z0.device):
            z0, z1 = z0.to(dtype), z1.to(dtype)
            if self.gather:
                z0, z1 = all_rows(z0, where=WHERE), all_rows(z1, where=WHERE)
            check_at_least_two(len(z0), where=WHERE)
            loss = self.invariance * F.mse_loss(z0, z1)
            loss = loss + self.variance * (_lack_of_variance(z0) + _lack_of_variance(z1)) / 2
            return loss + self.covariance * (_squared_covariance(z0) + _squared_covariance(z1))


def _lack_of_variance(z: Tensor) -> Tensor:
    deviation = torch.sqrt(z.var(dim=0) + SMALLEST_VARIANCE)
    return F.relu(1 - deviation).mean()


def _squared_covariance(z: Tensor) -> Tensor:
    n, dim = z.shape
    centred = z - z.mean(dim=0)
    covariance = centred.t() @ centred / (n - 1)
    oneself = torch.eye(dim, dtype=torch.bool, device=z.device)
    return covariance.masked_fill(oneself, 0).square().sum() / dim
