"""Barlow Twins: the cross-correlation of two views' features is to be the identity.

Zbontar et al., Barlow Twins: Self-Supervised Learning via Redundancy Reduction,
arXiv:2103.03230, equation 1 and algorithm 1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dermctl.methods.losses.checks import check_at_least_two, check_two_views, check_weight
from dermctl.methods.losses.gather import all_rows
from dermctl.methods.losses.precision import full_precision, working_dtype

WHERE = "barlow_twins"


class BarlowTwinsLoss(nn.Module):
    """Squared distance of the cross-correlation matrix [D, D] from the identity.

    Args:
        redundancy: weight of the entries off the diagonal (λ of the paper), at least 0.
        gather: correlate over the images of all processes, where there are several.
    """

    def __init__(self, redundancy: float = 5e-3, gather: bool = True) -> None:
        super().__init__()
        check_weight(redundancy, name="redundancy", where=WHERE)
        self.redundancy = redundancy
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
            correlation = _standardised(z0).t() @ _standardised(z1) / len(z0)
            on_diagonal = correlation.diagonal()
            oneself = torch.eye(len(correlation), dtype=torch.bool, device=z0.device)
            off_diagonal = correlation.masked_fill(oneself, 0)
            return (on_diagonal - 1).square().sum() + self.redundancy * off_diagonal.square().sum()


def _standardised(z: Tensor) -> Tensor:
    """Every feature with mean 0 and variance 1 over the batch; 0 where it does not vary."""
    return F.batch_norm(z, None, None, training=True)
