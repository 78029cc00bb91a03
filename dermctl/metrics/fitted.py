"""What is fitted on validation images once and then only applied: temperature and thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dermctl.metrics.results import plain_fields
from dermctl.metrics.temperature import Temperature, apply_temperature, fit_temperature
from dermctl.metrics.thresholds import Threshold, choose_thresholds

AIMS: tuple[tuple[str, float], ...] = (("specificity", 0.9), ("sensitivity", 0.9))
"""What thresholds are chosen for: the least value of one rate."""


@dataclass(frozen=True)
class Fitted:
    """Chosen on the validation split of the training dataset; never fitted on what is evaluated.

    Attributes:
        temperature: for the logits.
        thresholds: class name → one threshold for each of `AIMS`, on uncalibrated probabilities.
        images: that they were fitted on.
        where: those images in words ("ham10000/val").
        manifest_sha256: of their manifest.
    """

    temperature: Temperature
    thresholds: dict[str, tuple[Threshold, ...]]
    images: int
    where: str
    manifest_sha256: str

    def to_plain(self) -> dict[str, Any]:
        """JSON-plain values, None for NaN: what a checkpoint keeps."""
        return {
            "temperature": plain_fields(self.temperature),
            "thresholds": {
                name: [plain_fields(each) for each in thresholds]
                for name, thresholds in self.thresholds.items()
            },
            "images": self.images,
            "where": self.where,
            "manifest_sha256": self.manifest_sha256,
        }

    @staticmethod
    def from_plain(plain: Mapping[str, Any]) -> Fitted:
        """The reverse of `to_plain`.

        Raises:
            LookupError, TypeError: values are missing or unknown.
        """
        return Fitted(
            temperature=Temperature(**_numbers(plain["temperature"], Temperature)),
            thresholds={
                name: tuple(Threshold(**_numbers(each, Threshold)) for each in thresholds)
                for name, thresholds in plain["thresholds"].items()
            },
            images=int(plain["images"]),
            where=str(plain["where"]),
            manifest_sha256=str(plain["manifest_sha256"]),
        )


def fit(
    logits: npt.ArrayLike,
    labels: npt.ArrayLike,
    class_names: Sequence[str],
    *,
    where: str,
    manifest_sha256: str,
) -> Fitted:
    """Fit the temperature and choose the thresholds on validation images.

    Args:
        logits: [n, C], finite.
        labels: [n] class indices.
        class_names: [C].
        where: the images in words.
        manifest_sha256: of their manifest.

    Raises:
        DataError: if the inputs do not fit one another.
    """
    temperature = fit_temperature(logits, labels)
    uncalibrated = apply_temperature(logits, 1.0)
    chosen = [
        choose_thresholds(labels, uncalibrated, class_names, **{aim: target})
        for aim, target in AIMS
    ]
    return Fitted(
        temperature=temperature,
        thresholds={name: tuple(each[name] for each in chosen) for name in class_names},
        images=len(np.asarray(labels)),
        where=where,
        manifest_sha256=manifest_sha256,
    )


def _numbers(plain: Mapping[str, Any], kind: type[Temperature] | type[Threshold]) -> dict[str, Any]:
    """Plain fields of a record, with NaN for the numbers that were None."""
    floats = {name for name, type_ in kind.__annotations__.items() if type_ == "float"}
    return {name: np.nan if name in floats and v is None else v for name, v in plain.items()}
