"""The evaluation transform: resize and centre crop, antialiased, as timm does it for a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.utils.data import Dataset

from dermctl.errors import ConfigError
from dermctl.views.batches import Batch
from dermctl.views.images import Images, naming
from dermctl.views.packed import Tensors, new_batch

Pixels = npt.NDArray[np.uint8]

CROP_MODES = ("center", "squash", "border")
_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class EvaluationTransform:
    """Brings an image to a model's input size; names and defaults as in timm.

    Args:
        size: side of the model's input in pixels.
        crop_pct: side of the crop as a share of the resized image's short side.
        interpolation: nearest, bilinear, bicubic or lanczos.
        crop_mode: center (the aspect ratio is kept, the ends of the long side are lost), squash, or
            border (the aspect ratio is kept, nothing is lost, ``fill`` is round it).
        fill: red, green and blue of that border; in other modes it is black where there is one.

    Raises:
        ConfigError: an interpolation or crop mode that is not offered.
    """

    size: int = 224
    crop_pct: float = 0.875
    interpolation: str = "bilinear"
    crop_mode: str = "center"
    fill: tuple[int, ...] = (0, 0, 0)

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

    def __call__(self, pixels: Pixels) -> Pixels:
        """Resize and crop one decoded image: uint8 [H, W, 3] -> [size, size, 3].

        Pillow resamples, as in timm and torchvision: the result is theirs to the last bit.
        """
        image = Image.fromarray(pixels)
        new = self._resized(*image.size)
        if new != image.size:
            image = image.resize(new, _FILTERS[self.interpolation])
        left, top = _margin(new[0], self.size), _margin(new[1], self.size)
        if min(left, top) >= 0:
            return np.asarray(image.crop((left, top, left + self.size, top + self.size)))
        around = self.fill if self.crop_mode == "border" else (0, 0, 0)
        filled = Image.new("RGB", (self.size, self.size), around)
        filled.paste(image, (-left, -top))
        return np.asarray(filled)

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        """Width and height before the crop."""
        target = math.floor(self.size / self.crop_pct)
        if self.crop_mode == "squash":
            return target, target
        if self.crop_mode == "border":
            ratio = max(width, height) / target
            return max(1, round(width / ratio)), max(1, round(height / ratio))
        if width <= height:
            return target, int(target * height / width)
        return int(target * width / height), target


def _margin(length: int, size: int) -> int:
    """Where a centre crop of ``size`` pixels begins; beyond the image, as in torchvision, where it
    is smaller than the crop.
    """
    return round((length - size) / 2) if length >= size else -((size - length) // 2)


def evaluation_transform(encoder: str, size: int | None = None) -> EvaluationTransform:
    """The transform that timm evaluates ``encoder`` with.

    Args:
        encoder: timm name; of a name without published settings, timm's defaults are taken.
        size: side of the input in pixels, where it is not the model's own.
    """
    from timm.models import get_pretrained_cfg

    published = get_pretrained_cfg(encoder, allow_unregistered=True)
    if published is None:
        return EvaluationTransform(size or EvaluationTransform.size)
    return EvaluationTransform(
        size=size or published.input_size[-1],
        crop_pct=published.crop_pct or EvaluationTransform.crop_pct,
        interpolation=published.interpolation or EvaluationTransform.interpolation,
        crop_mode=published.crop_mode or EvaluationTransform.crop_mode,
        fill=border_colour(published.mean),
    )


def border_colour(mean: Sequence[float]) -> tuple[int, ...]:
    """What timm lays round an image in the crop mode ``border``: the mean that it subtracts."""
    return tuple(round(255 * channel) for channel in mean)


class EvaluationDataset(Dataset[Tensors]):
    """Each image as it is evaluated, with its label where there are labels; no randomness.

    Args:
        images: to be read.
        transform: how they are brought to the model's input size.
        labels: int [N], class numbers.
        metadata: float32 [N, M], of a model that takes it.
    """

    def __init__(
        self,
        images: Images,
        transform: EvaluationTransform,
        labels: npt.NDArray[np.integer] | None = None,
        metadata: npt.NDArray[np.float32] | None = None,
    ) -> None:
        if labels is not None and len(labels) != len(images):
            raise ValueError("one label an image is needed")
        self.images, self.transform = images, transform
        self.labels = None if labels is None else torch.as_tensor(labels, dtype=torch.int64)
        self.metadata = None if metadata is None else torch.as_tensor(metadata)

    def __len__(self) -> int:
        return len(self.images)

    def __getitems__(self, batch: Batch | Sequence[int]) -> Tensors:
        """``images`` uint8 [B, size, size, 3], ``index`` int64 [B], ``labels`` likewise.

        ``metadata`` float32 [B, M] stands beside them where there is any.

        Raises:
            DataError: an image cannot be read; where it lies is said.
        """
        indices = batch.indices if isinstance(batch, Batch) else list(batch)
        pixels = new_batch(1, len(indices), self.transform.size)[0]
        places = pixels.numpy()
        for place, index in enumerate(indices):
            with naming(self.images, index):
                image = self.images.open(index).pixels(exact=True)
            places[place] = self.transform(image)
        made = {"images": pixels, "index": torch.tensor(indices)}
        if self.labels is not None:
            made["labels"] = self.labels[made["index"]]
        if self.metadata is not None:
            made["metadata"] = self.metadata[made["index"]]
        return made
