"""The whole decoded dataset on the device: crops, turns, colour and blur in one batched pass there.

Input then costs the CPU only the drawing of parameters, some five microseconds a view.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dermctl.views.batches import Batch
from dermctl.views.decoded import DecodedImages
from dermctl.views.device import finish
from dermctl.views.device_crop import Crops, crop_views
from dermctl.views.packed import Tensors, finishing
from dermctl.views.parameters import sample
from dermctl.views.spec import AugmentationSpec
from dermctl.views.transfer import to_device


class ResidentDataset(Dataset[Tensors]):
    """As ``ViewsDataset``, with every batch made on the device that the images lie on.

    ``BatchLoader`` makes its batches in the training's own process.

    Args:
        images: decoded; on the device, or moved there before the first batch.
        spec, size, seed, count: as in ``ViewsDataset``.
        fused: by ``dermctl.views.fused``, on a GPU.
    """

    in_process = True

    def __init__(
        self,
        images: DecodedImages,
        spec: AugmentationSpec,
        size: int,
        *,
        seed: int = 0,
        count: int = 2,
        fused: bool = False,
    ) -> None:
        self.images, self.spec, self.size, self.seed = images, spec, size, seed
        self.count, self.fused = count, fused

    def __len__(self) -> int:
        return len(self.images)

    @property
    def device(self) -> torch.device:
        """Where batches are made."""
        return self.images.block.device

    def __getitems__(self, batch: Batch) -> Tensors:
        """``views`` uint8 [count, B, size, size, 3] and ``index`` int64 [B], on the device."""
        indices = np.array(batch.indices)
        sizes = self.images.sizes[indices]
        drawn = sample(
            self.spec,
            sizes,
            self.images.keys[indices],
            seed=self.seed,
            epoch=batch.epoch,
            views=self.count,
        )
        crops = Crops(
            start=self._there(np.tile(self.images.starts[indices], self.count)),
            stride=self._there(np.tile(sizes[:, 0], self.count)),
            box=self._there(drawn.box),
            horizontal_flip=self._there(drawn.horizontal_flip),
            vertical_flip=self._there(drawn.vertical_flip),
            quarter_turn=self._there(drawn.quarter_turn),
        )
        views = crop_views(self.images.block, crops, drawn.box, self.size, fused=self.fused)
        rest = finishing(drawn, self.spec, self.size, self.count)
        made = {name: to_device(value, self.device) for name, value in rest.items()}
        made["views"] = views.view(self.count, len(indices), *views.shape[1:])
        return finish(made, fused=self.fused) | {"index": self._there(indices)}

    def _there(self, values: np.ndarray) -> Tensor:
        return to_device(torch.from_numpy(values), self.device)
