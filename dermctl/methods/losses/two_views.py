"""Labelled losses without labels: every image of a batch is a class of its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dermctl.errors import ConfigError
from dermctl.methods.losses.checks import check_at_least_two, check_two_views
from dermctl.methods.losses.gather import all_rows, shared_draws


class ImagesAsClasses(nn.Module):
    """Calls a labelled loss with two views of N images as 2N rows of N classes.

    Args:
        loss: called with embeddings [2N, D] and labels [2N]; it must not gather itself, for the
            classes of two processes would be taken for one.
        name: what errors call the loss.
        gather: compare with the images of all processes, where there are several.
    """

    def __init__(self, loss: nn.Module, *, name: str, gather: bool = True) -> None:
        super().__init__()
        self.loss = loss
        self.name = name
        self.gather = gather

    def forward(self, z0: Tensor, z1: Tensor, groups: Tensor | None = None) -> Tensor:
        """Two views' projections, [N, D] each -> the loss, a scalar.

        Raises:
            ConfigError: ``groups`` is given; a labelled loss cannot leave out negatives.
        """
        if groups is not None:
            raise ConfigError(
                f"{self.name} cannot leave images of one group out of the negatives",
                where="loss",
                hint="Use nt_xent, or train without groups",
            )
        check_two_views(z0, z1, where=self.name)
        if self.gather:
            z0, z1 = all_rows(z0, where=self.name), all_rows(z1, where=self.name)
        check_at_least_two(len(z0), where=self.name)
        with shared_draws(z0.device, self.gather):
            value: Tensor = self.loss(
                torch.cat([z0, z1]), torch.arange(len(z0), device=z0.device).repeat(2)
            )
        return value
