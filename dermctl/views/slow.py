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
    given = dict(arguments)
    try:
        if "transforms" in given:  # of RandomApply, RandomChoice, RandomOrder
            given["transforms"] = [_build(step) for step in given["transforms"]]
        return kind(**given)
    except ConfigError:
        raise
    except Exception as error:  # each transform checks its arguments in its own way
        raise ConfigError(f"{name} cannot be made: {error}", where=_WHERE) from error


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
        self._transform = v2.Compose([transform, v2.ToDtype(torch.uint8, scale=True)])

    def __len__(self) -> int:
        return len(self.images)

    def __getitems__(self, batch: Batch) -> Tensors:
        """``views`` uint8 [count, B, size, size, 3] and ``index`` int64 [B].

        Raises:
            DataError: an image cannot be read; where it lies is said.
            ConfigError: the transform yields views of another size.
        """
        views = new_batch(self.count, len(batch.indices), self.size)
        seeds = self._seeds(batch)
        for place, index in enumerate(batch.indices):
            with naming(self.images, index):
                pixels = self.images.open(index).pixels()
            for view in range(self.count):
                views[view, place] = self._view(pixels, int(seeds[view, place]))
        return {"views": views, "index": torch.tensor(batch.indices)}

    def _seeds(self, batch: Batch) -> npt.NDArray[np.int64]:
        keys = self.images.keys[batch.indices]
        drawn = uniforms(keys, seed=self.seed, epoch=batch.epoch, views=self.count, count=1)
        return (drawn[..., 0] * _SEEDS).astype(np.int64)

    def _view(self, pixels: npt.NDArray[np.uint8], seed: int) -> torch.Tensor:
        image = Image(torch.from_numpy(pixels.copy()).permute(2, 0, 1))
        with torch.random.fork_rng(devices=[]):  # the training draws from the same generator
            torch.manual_seed(seed)
            made = self._transformed(image)
        if made.shape != (3, self.size, self.size):
            raise ConfigError(
                f"the transforms yield {list(made.shape)}, not [3, {self.size}, {self.size}]",
                where=_WHERE,
                hint=f"Add a crop, as: - RandomResizedCrop: {{size: {self.size}}}",
            )
        return made.permute(1, 2, 0)

    def _transformed(self, image: Image) -> torch.Tensor:
        try:
            made: torch.Tensor = self._transform(image)
        except Exception as error:  # whatever a transform of the user's choice has against images
            raise ConfigError(
                f"the transforms cannot be applied to an image ({error})", where=_WHERE
            ) from error
        return made
