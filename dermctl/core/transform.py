"""The evaluation transform that belongs to a checkpoint, and what a checkpoint says of it."""

from __future__ import annotations

from typing import TypedDict

from dermctl.checkpoint import Description
from dermctl.views.evaluation import EvaluationTransform, border_colour, evaluation_transform
from dermctl.views.normalization import IMAGENET_MEAN, IMAGENET_STD


class Preprocessing(TypedDict):
    """The fields of a checkpoint's description that say how its images were prepared."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop_pct: float
    interpolation: str
    crop_mode: str


def preprocessing(
    encoder: str, mean: tuple[float, ...] | None = None, std: tuple[float, ...] | None = None
) -> Preprocessing:
    """timm's crop for the encoder; ImageNet's normalisation unless its weights have another."""
    transform = evaluation_transform(encoder)
    return Preprocessing(
        mean=IMAGENET_MEAN if mean is None else mean,
        std=IMAGENET_STD if std is None else std,
        crop_pct=transform.crop_pct,
        interpolation=transform.interpolation,
        crop_mode=transform.crop_mode,
    )


def transform_of(about: Description) -> EvaluationTransform:
    """Resize and centre crop as timm does for the model, at the size that it was trained at."""
    return EvaluationTransform(
        about.image_size,
        about.crop_pct,
        about.interpolation,
        about.crop_mode,
        border_colour(about.mean),
    )
