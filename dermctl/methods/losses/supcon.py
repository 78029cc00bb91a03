"""SupCon: every image of one's class is a positive.

Khosla et al., Supervised Contrastive Learning, arXiv:2004.11362, equation 2 (L_out).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dermctl.methods.losses.checks import (
    check_labelled_rows,
    check_one_per_row,
    check_positive,
)
from dermctl.methods.losses.gather import all_labels, all_rows
from dermctl.methods.losses.precision import full_precision, working_dtype

WHERE = "supcon"


class SupConLoss(nn.Module):
    """Cross entropy between the softmax over all other rows and the rows of one's class.

    Rows that are alone in their class have no positive and are left out of the mean; a batch of
    such rows only has loss 0. Memory grows with the square of the batch.

    Args:
        temperature: what cosine similarities are divided by, above 0.
        gather: compare with the rows of all processes, where there are several.
    """

    def __init__(self, temperature: float = 0.1, gather: bool = True) -> None:
        super().__init__()
        check_positive(temperature, name="temperature", where=WHERE)
        self.temperature = temperature
        self.gather = gather

    def forward(self, embeddings: Tensor, labels: Tensor, groups: Tensor | None = None) -> Tensor:
        """Rows [R, D] of any length and their classes [R] -> the mean loss, a scalar.

        Args:
            embeddings: rows.
            labels: their classes.
            groups: [R] integers; rows of one's group and of another class are no negatives.
        """
        check_labelled_rows(embeddings, labels, where=WHERE)
        if groups is not None:
            check_one_per_row(groups, len(embeddings), name="groups", where=WHERE)
        with full_precision(embeddings.device):
            z = F.normalize(embeddings.to(working_dtype(embeddings)), dim=1)
            if self.gather:
                z, labels = all_rows(z, where=WHERE), all_labels(labels, where=WHERE)
                groups = None if groups is None else all_labels(groups, where=WHERE)
            return self._of_unit_rows(z, labels, groups)

    def _of_unit_rows(self, z: Tensor, labels: Tensor, groups: Tensor | None) -> Tensor:
        oneself = torch.eye(len(z), dtype=torch.bool, device=z.device)
        alike = labels.unsqueeze(1) == labels
        left_out = (
            oneself if groups is None else oneself | ((groups.unsqueeze(1) == groups) & ~alike)
        )
        logits = (z @ z.t() / self.temperature).masked_fill(left_out, -torch.inf)
        positive = alike & ~oneself
        positives = positive.sum(dim=1)
        # A row without a positive counts for nothing, also where all others are left out.
        alone = (positives == 0).unsqueeze(1)
        log_probability = logits - logits.masked_fill(alone, 0).logsumexp(dim=1, keepdim=True)
        per_row = -log_probability.masked_fill(~positive, 0).sum(dim=1) / positives.clamp(min=1)
        return per_row.sum() / (positives > 0).sum().clamp(min=1)
