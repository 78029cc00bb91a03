"""What can happen to a view, as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches

from dermctl.errors import ConfigError

Range = tuple[float, float]

_PROBABILITIES = ("horizontal_flip", "vertical_flip", "quarter_turn", "jitter", "greyscale", "blur")
_STRENGTHS = ("brightness", "contrast", "saturation")
_RANGES = ("crop_scale", "crop_ratio", "blur_sigma")


@dataclass(frozen=True)
class AugmentationSpec:
    """The distribution from which each view's parameters are drawn.

    Applied in this order: crop and resize, flips and turn, colour jitter, greyscale, blur.

    Args:
        crop_scale: share of the image's area that a crop covers, uniform in this range.
        crop_ratio: width / height of a crop, log-uniform in this range.
        horizontal_flip: probability.
        vertical_flip: probability.
        quarter_turn: probability of a turn by 90 degrees. With both flips and this at 0.5 the eight
            symmetries of the square are equally likely.
        jitter: probability that brightness, contrast, saturation and hue change, in random order.
        brightness: factor uniform in [max(0, 1 - x), 1 + x].
        contrast: likewise.
        saturation: likewise.
        hue: turn uniform in [-x, x], in turns of the colour circle, at most 0.5.
        greyscale: probability.
        blur: probability.
        blur_sigma: standard deviation in pixels of the view, uniform in this range.
        blur_kernel: side of the kernel as a share of the view's side.

    Raises:
        ConfigError: a value is out of range; all such faults are listed at once.
    """

    crop_scale: Range = (0.08, 1.0)
    crop_ratio: Range = (3 / 4, 4 / 3)
    horizontal_flip: float = 0.5
    vertical_flip: float = 0.0
    quarter_turn: float = 0.0
    jitter: float = 0.8
    brightness: float = 0.8
    contrast: float = 0.8
    saturation: float = 0.8
    hue: float = 0.2
    greyscale: float = 0.2
    blur: float = 0.5
    blur_sigma: Range = (0.1, 2.0)
    blur_kernel: float = 0.1

    def __post_init__(self) -> None:
        faults = [fault for name in _RANGES if (fault := self._range_fault(name))]
        faults += [
            f"{name} is a probability, in 0..1, not {getattr(self, name)}"
            for name in _PROBABILITIES
            if not 0 <= getattr(self, name) <= 1
        ]
        faults += [
            f"{name} cannot be negative, as {getattr(self, name)} is"
            for name in _STRENGTHS
            if not 0 <= getattr(self, name) < math.inf
        ]
        if not 0 <= self.hue <= 0.5:
            faults.append(f"hue lies in 0..0.5 turns, not at {self.hue}")
        if self.crop_scale[1] > 1:
            faults.append(f"crop_scale is a share of the image, at most 1, not {self.crop_scale}")
        if not 0 < self.blur_kernel <= 1:
            faults.append(f"blur_kernel is a share of the view's side, not {self.blur_kernel}")
        if faults:
            raise ConfigError("; ".join(faults), where="augmentation")

    def _range_fault(self, name: str) -> str | None:
        low, high = getattr(self, name)
        if 0 < low <= high < math.inf:
            return None
        return f"{name} must be two positive numbers, the lower first, not ({low}, {high})"

    @classmethod
    def from_dict(
        cls, values: Mapping[str, object], base: AugmentationSpec | None = None
    ) -> AugmentationSpec:
        """A spec from plain values, as read from YAML; what is not named is as in ``base``.

        Raises:
            ConfigError: unknown names or values that are no numbers; all are listed at once.
        """
        defaults = {field.name: field.default for field in fields(cls)}
        if base is not None:
            defaults = {name: getattr(base, name) for name in defaults}
        taken: dict[str, float | Range] = {}
        faults: list[str] = []
        for name, value in values.items():
            if name not in defaults:
                near = get_close_matches(name, defaults, n=1)
                faults.append(
                    f"unknown setting '{name}'" + (f" (did you mean '{near[0]}'?)" if near else "")
                )
                continue
            number = _numbers(value, pair=name in _RANGES)
            if number is None:
                wanted = "two numbers" if name in _RANGES else "a number"
                faults.append(f"{name} must be {wanted}, not {value!r}")
            else:
                taken[name] = number
        if faults:
            raise ConfigError("; ".join(faults), where="augmentation")
        return cls(**{**defaults, **taken})  # type: ignore[arg-type]


def _numbers(value: object, *, pair: bool) -> float | Range | None:
    """``value`` as one float, or as two; None where it is something else."""
    parts = list(value) if pair and isinstance(value, list | tuple) else [value]
    if len(parts) != (2 if pair else 1):
        return None
    floats = [
        float(part)
        for part in parts
        if isinstance(part, int | float) and not isinstance(part, bool)
    ]
    if len(floats) < len(parts):
        return None
    return (floats[0], floats[1]) if pair else floats[0]
