"""The slow path: any list of torchvision v2 transforms, one view at a time.

For augmentations that ``AugmentationSpec`` cannot express. As YAML:

    - RandomResizedCrop: {size: 224, scale: [0.2, 1.0]}
    - RandomHorizontalFlip
    - RandomApply:
        p: 0.5
        transforms:
          - ElasticTransform: {alpha: 80.0}
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset
from torchvision.transforms import v2
from torchvision.tv_tensors import Image

from dermctl.errors import ConfigError
from dermctl.views.batches import Batch
from dermctl.views.draws import uniforms
from dermctl.views.images import Images, naming
from dermctl.views.packed import Tensors, new_batch

_WHERE = "augmentation"
_SEEDS = 2**31
_NOT_FOR_IMAGES = ("Transform", "Lambda", "CutMix", "MixUp")
"""A base class, one that wants a function, and those that mix whole batches with their labels."""
_OVERSHOOT = 0.25  # of floats beyond 0..1, as resizing leaves them; further off they are no pixels
_ERROR_LENGTH = 200  # characters of an error that is torchvision's


def build_transforms(steps: Sequence[object]) -> v2.Transform:
    """One transform out of a list of names, each alone or with its arguments.

    Raises:
        ConfigError: a name that torchvision.transforms.v2 lacks, or arguments it does not take.
    """
    return v2.Compose([_build(step) for step in steps])


def _build(step: object) -> v2.Transform:
    if isinstance(step, str):
        step = {step: None}
    if not (isinstance(step, dict) and len(step) == 1):
        raise ConfigError(
            f"a step is a name, or a name with its arguments, not {step!r}",
            where=_WHERE,
            hint="Write it as: - RandomRotation: {degrees: 20}",
        )
    ((name, arguments),) = step.items()
    kind = getattr(v2, str(name), None)
    if name in _NOT_FOR_IMAGES:
        raise ConfigError(f"{name} cannot be asked for by its name alone", where=_WHERE)
    if not (inspect.isclass(kind) and issubclass(kind, v2.Transform)):
        near = get_close_matches(str(name), dir(v2), n=1)
        raise ConfigError(
            f"torchvision has no transform '{name}'"
            + (f" (did you mean '{near[0]}'?)" if near else ""),
            where=_WHERE,
        )
    if not isinstance(arguments, dict | None):
        raise ConfigError(f"arguments of {name} need names, not {arguments!r}", where=_WHERE)
    return _call(kind, name, arguments or {})


def _call(kind: type[v2.Transform], name: str, arguments: dict[str, Any]) -> v2.Transform:
    try:
        given = {key: _VALUES.get(key, _as_it_is)(value) for key, value in arguments.items()}
        if "transforms" in given:  # of RandomApply, RandomChoice, RandomOrder
            given["transforms"] = [_build(step) for step in given["transforms"]]
        return kind(**given)
    except ConfigError:
        raise
    except Exception as error:  # each transform checks its arguments in its own way
        raise ConfigError(f"{name} cannot be made: {_in_short(error)}", where=_WHERE) from error


def _as_it_is(value: Any) -> Any:
    return value


def _dtype(name: Any) -> Any:
    return getattr(torch, str(name).removeprefix("torch."), name)


_VALUES = {"dtype": _dtype, "policy": v2.AutoAugmentPolicy}
"""Arguments whose values YAML has no words for."""


def _in_short(error: Exception) -> str:
    """The first line of what torchvision says, or the error's kind where it says nothing."""
    said = str(error).strip() or type(error).__name__
    first = said.splitlines()[0]
    return first if len(first) <= _ERROR_LENGTH else f"{first[:_ERROR_LENGTH]}…"


def try_transforms(steps: Sequence[object], size: int, side: int) -> None:
    """Make one view of a picture of noise, so that a fault is said before a training begins.

    Args:
        steps: of ``build_transforms``.
        size: side of a view in pixels.
        side: short side of the images in pixels.

    Raises:
        ConfigError: the transforms yield no view of that size, or no pixels.
    """
    noise = np.random.default_rng(0).integers(0, 256, (side, side * 4 // 3, 3), np.uint8)
    _slow_view(build_transforms(steps), noise, size, seed=0)


def _slow_view(
    transform: v2.Transform, pixels: npt.NDArray[np.uint8], size: int, *, seed: int
) -> torch.Tensor:
    """One view of a decoded image: uint8 [H, W, 3] -> [size, size, 3]."""
    image = Image(torch.from_numpy(pixels.copy()).permute(2, 0, 1))
    with torch.random.fork_rng(devices=[]):  # the training draws from the same generator
        torch.manual_seed(seed)
        try:
            made: object = transform(image)
        except Exception as error:  # whatever a transform of the user's choice has against images
            raise ConfigError(
                f"the transforms cannot be applied to an image ({_in_short(error)})", where=_WHERE
            ) from error
    if not isinstance(made, torch.Tensor):
        raise ConfigError(
            f"the transforms yield a {type(made).__name__}, not a tensor",
            where=_WHERE,
            hint="Add at its end: - ToImage",
        )
    if made.shape != (3, size, size):
        channels = made.ndim == 3 and made.shape[0] != 3
        raise ConfigError(
            f"the transforms yield {list(made.shape)}, not [3, {size}, {size}]",
            where=_WHERE,
            hint="Keep three channels, as: - Grayscale: {num_output_channels: 3}"
            if channels
            else f"Add a crop, as: - RandomResizedCrop: {{size: {size}}}",
        )
    return _bytes(made).permute(1, 2, 0)


def _bytes(made: torch.Tensor) -> torch.Tensor:
    """Pixels as uint8; floats are taken to be in 0..1.

    Raises:
        ConfigError: they are far from it.
    """
    if made.is_floating_point():
        least, most = made.min().item(), made.max().item()
        if not (least >= -_OVERSHOOT and most <= 1 + _OVERSHOOT):
            raise ConfigError(
                f"the transforms yield values from {least:.2f} to {most:.2f}, not from 0 to 1",
                where=_WHERE,
                hint="Leave Normalize out, as the training does it; scale to 0..1 by: "
                "- ToDtype: {dtype: float32, scale: true}",
            )
        made = made.clamp(0, 1)
    scaled: torch.Tensor = v2.functional.to_dtype(made, torch.uint8, scale=True)
    return scaled


class SlowViewsDataset(Dataset[Tensors]):
    """As ``ViewsDataset``, with views made by ``transform``.

    Args:
        images: to be read.
        transform: uint8 [3, H, W] -> [3, size, size], in 0..255 or, as floats, in 0..1.
        size: side of a view in pixels.
        seed: of the augmentation.
        count: views of each image.
    """

    in_process = False

    def __init__(
        self,
        images: Images,
        transform: v2.Transform,
        size: int,
        *,
        seed: int = 0,
        count: int = 2,
    ) -> None:
        self.images, self.size, self.seed, self.count = images, size, seed, count
        self._transform = transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitems__(self, batch: Batch) -> Tensors:
        """``views`` uint8 [count, B, size, size, 3] and ``index`` int64 [B].

        Raises:
            DataError: an image cannot be read; where it lies is said.
            ConfigError: the transform yields views of another size, or no pixels.
        """
        views = new_batch(self.count, len(batch.indices), self.size)
        seeds = self._seeds(batch)
        for place, index in enumerate(batch.indices):
            with naming(self.images, index):
                pixels = self.images.open(index).pixels()
            for view in range(self.count):
                seed = int(seeds[view, place])
                views[view, place] = _slow_view(self._transform, pixels, self.size, seed=seed)
        return {"views": views, "index": torch.tensor(batch.indices)}

    def _seeds(self, batch: Batch) -> npt.NDArray[np.int64]:
        keys = self.images.keys[batch.indices]
        drawn = uniforms(keys, seed=self.seed, epoch=batch.epoch, views=self.count, count=1)
        return (drawn[..., 0] * _SEEDS).astype(np.int64)
