"""The evaluation transform: resize and centre crop, antialiased, as timm does it for a model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from dermctl.errors import ConfigError

Pixels = npt.NDArray[np.uint8]

CROP_MODES = ("center", "squash")
_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class EvaluationSpec:
    """How an image is brought to a model's input size; names and defaults as in timm.

    Args:
        size: side of the model's input in pixels.
        crop_pct: side of the crop as a share of the resized image's short side.
        interpolation: nearest, bilinear, bicubic or lanczos.
        crop_mode: center (the aspect ratio is kept, the ends of the long side are lost) or squash.

    Raises:
        ConfigError: an interpolation or crop mode that is not offered.
    """

    size: int = 224
    crop_pct: float = 0.875
    interpolation: str = "bilinear"
    crop_mode: str = "center"

    def __post_init__(self) -> None:
        if self.interpolation not in _FILTERS:
            raise ConfigError(
                f"there is no interpolation '{self.interpolation}'",
                hint=f"Take one of: {', '.join(_FILTERS)}",
            )
        if self.crop_mode not in CROP_MODES:
            raise ConfigError(
                f"the crop mode '{self.crop_mode}' is not offered",
                hint=f"Take one of: {', '.join(CROP_MODES)}",
            )

    @classmethod
    def from_timm(
        cls, data_config: Mapping[str, object], size: int | None = None
    ) -> EvaluationSpec:
        """From ``timm.data.resolve_model_data_config``; ``size`` overrides the model's own."""
        input_size = data_config["input_size"]
        assert isinstance(input_size, tuple | list)
        return cls(
            size=size or int(input_size[-1]),
            crop_pct=float(data_config.get("crop_pct") or cls.crop_pct),  # type: ignore[arg-type]
            interpolation=str(data_config.get("interpolation") or cls.interpolation),
            crop_mode=str(data_config.get("crop_mode") or cls.crop_mode),
        )


def evaluation_view(pixels: Pixels, spec: EvaluationSpec) -> Pixels:
    """Resize and crop one decoded image: uint8 [H, W, 3] -> [size, size, 3].

    Pillow resamples, as in timm and torchvision: the result is theirs to the last bit.
    """
    height, width = pixels.shape[:2]
    target = math.floor(spec.size / spec.crop_pct)
    if spec.crop_mode == "squash":
        new = (target, target)
    elif width <= height:
        new = (target, int(target * height / width))
    else:
        new = (int(target * width / height), target)
    image = Image.fromarray(pixels)
    if new != image.size:
        image = image.resize(new, _FILTERS[spec.interpolation])
    left, top = round((new[0] - spec.size) / 2), round((new[1] - spec.size) / 2)
    return np.asarray(image.crop((left, top, left + spec.size, top + spec.size)))
