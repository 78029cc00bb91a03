"""NT-Xent, the loss of SimCLR: exact, in memory linear in the batch.

Chen et al., A Simple Framework for Contrastive Learning of Visual Representations,
arXiv:2002.05709, equation 1 and algorithm 1.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from dermctl.errors import ConfigError
from dermctl.methods.losses.checks import (
    check_at_least_two,
    check_one_per_row,
    check_positive,
    check_two_views,
)
from dermctl.methods.losses.gather import process_count
from dermctl.methods.losses.kernels.many_processes import nt_xent_of_many_processes
from dermctl.methods.losses.kernels.one_process import nt_xent_of_one_process
from dermctl.methods.losses.kernels.ready_gradient import LossWithReadyGradient
from dermctl.methods.losses.kernels.tiles import chunk_for

WHERE = "nt_xent"


class NTXentLoss(nn.Module):
    """Normalised temperature-scaled cross entropy over all pairs of a batch.

    Args:
        temperature: what cosine similarities are divided by, above 0.
        chunk: side of the tiles that the similarities are computed in (None: by device).
        gather: compare with the images of all processes, where there are several. Each then gets
            the loss of all images, and a gradient that, averaged over processes as distributed
            training does, is the one of a single process with all images. Every process must
            call the loss equally often; their numbers of images may differ.
    """

    def __init__(
        self, temperature: float = 0.1, chunk: int | None = None, gather: bool = True
    ) -> None:
        super().__init__()
        check_positive(temperature, name="temperature", where=WHERE)
        if chunk is not None and not (isinstance(chunk, int) and chunk >= 1):
            raise ConfigError(
                f"chunk must be a whole number of at least 1, not {chunk}",
                where=WHERE,
                hint="Leave it out: it is then chosen by device",
            )
        self.temperature = temperature
        self.chunk = chunk
        self.gather = gather

    def forward(self, z0: Tensor, z1: Tensor, groups: Tensor | None = None) -> Tensor:
        """Mean loss of the 2N rows, a scalar.

        Args:
            z0: [N, D] projections of view 0; any length, any floating point type.
            z1: [N, D] projections of view 1 of the same images.
            groups: [N] integers; other images of an image's group are not its negatives.
        """
        check_two_views(z0, z1, where=WHERE)
        if groups is not None:
            check_one_per_row(groups, len(z0), name="groups", where=WHERE)
        gathers = self.gather and process_count() > 1
        if not gathers:
            check_at_least_two(len(z0), where=WHERE)
        loss: Tensor = LossWithReadyGradient.apply(
            z0,
            z1,
            partial(
                nt_xent_of_many_processes if gathers else nt_xent_of_one_process,
                groups=groups,
                temperature=self.temperature,
                chunk=self.chunk or chunk_for(z0.device),
            ),
        )
        return loss
