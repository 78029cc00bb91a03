"""What every loss asks of its input: one clear error instead of a wrong number."""

from __future__ import annotations

import math

from torch import Tensor

from dermctl.errors import ConfigError, TrainingError


def check_two_views(z0: Tensor, z1: Tensor, *, where: str) -> None:
    """Raise ``TrainingError`` unless both views are floating point of one shape [N, D], D >= 1."""
    if z0.dim() != 2 or z0.shape != z1.shape or z0.shape[1] == 0:
        raise TrainingError(
            f"two views of shape [N, D] are needed, not {list(z0.shape)} and {list(z1.shape)}",
            where=where,
            hint="Pass the projections of view 0 and view 1 of the same images, row by row",
        )
    if not (z0.is_floating_point() and z1.is_floating_point()):
        raise TrainingError(
            f"projections must be floating point, not {z0.dtype} and {z1.dtype}",
            where=where,
            hint="Pass the projector's output, not indices or pixels",
        )


def check_labelled_rows(embeddings: Tensor, labels: Tensor, *, where: str) -> None:
    """Raise ``TrainingError`` unless embeddings are [R, D] floating point and labels [R]."""
    if embeddings.dim() != 2 or embeddings.shape[1] == 0 or not embeddings.is_floating_point():
        raise TrainingError(
            f"floating point embeddings of shape [R, D] are needed, not {embeddings.dtype} of "
            f"{list(embeddings.shape)}",
            where=where,
            hint="Pass the encoder's or projector's output, one row an image",
        )
    check_one_per_row(labels, len(embeddings), name="labels", where=where)


def check_at_least_two(images: int, *, where: str) -> None:
    """Raise ``TrainingError`` for a batch of fewer than two images: nothing to compare with."""
    if images < 2:
        raise TrainingError(
            f"a batch of {images} image(s) has no negatives",
            where=where,
            hint="Use a batch size of at least 2 and drop a last batch of one image",
        )


def check_one_per_row(values: Tensor, rows: int, *, name: str, where: str) -> None:
    """Raise ``TrainingError`` unless ``values`` holds one entry for each of ``rows`` rows."""
    if values.shape != (rows,):
        raise TrainingError(
            f"{name} must have shape [{rows}], one per image, not {list(values.shape)}",
            where=where,
            hint=f"Pass {name} of the same batch as the projections",
        )


def check_positive(value: float, *, name: str, where: str) -> None:
    """Raise ``ConfigError`` unless ``value`` is a finite number above zero."""
    if not (_is_number(value) and value > 0):
        raise ConfigError(
            f"{name} must be above 0, not {value}", where=where, hint=f"Use for example {name}=0.1"
        )


def check_weight(value: float, *, name: str, where: str) -> None:
    """Raise ``ConfigError`` unless ``value`` is a finite number of at least zero."""
    if not (_is_number(value) and value >= 0):
        raise ConfigError(
            f"{name} must be at least 0, not {value}",
            where=where,
            hint=f"Use {name}=0 to leave that term out",
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
