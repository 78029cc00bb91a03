"""Colour and blur of whole batches on the device, with each view's own parameters.

The same sums as on the CPU (``dermctl.views.cpu``), rounded at the same places, and elementwise
throughout: neither autocast nor TF32 changes a bit of them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_CHUNK = 128  # views at a time: some 0.4 GB of scratch memory at 224 pixels


def finish(batch: dict[str, Tensor], *, fused: bool = False) -> dict[str, Tensor]:
    """Colour and blur a batch that ``ViewsDataset(finish=False)`` made, wherever it lies.

    Args:
        batch: of tensors.
        fused: by ``dermctl.views.fused``, on a GPU.

    Returns:
        The batch without ``colour`` and ``kernels``, its ``views`` (``images``, where
        ``LabelledDataset`` made it) as the CPU path makes them. Any other batch comes back as it
        is.
    """
    if "colour" not in batch:
        return batch
    rest = {name: value for name, value in batch.items() if name not in ("colour", "kernels")}
    name = "views" if "views" in batch else "images"
    views, colour, kernels = batch[name], batch["colour"], batch["kernels"]
    flat = views.reshape(-1, *views.shape[-3:])
    done = finish_views(flat, colour.flatten(0, 1), kernels.flatten(0, 1), fused=fused)
    return rest | {name: done.view_as(views)}


def finish_views(views: Tensor, colour: Tensor, kernels: Tensor, *, fused: bool = False) -> Tensor:
    """Colour, then blur.

    Args:
        views: uint8 [N, S, S, 3].
        colour: float32 [N, 3, 6], see ``dermctl.views.colour.fused_matrices``.
        kernels: float32 [N, K], K odd; see ``dermctl.views.blur.gaussian_kernels``.
        fused: by ``dermctl.views.fused``, on a GPU.

    Returns:
        uint8 [N, S, S, 3].
    """
    offset = _offset(views, colour)
    if fused:
        from dermctl.views.fused.finish import finish as finish_fused

        return finish_fused(views, colour[:, :, :3], offset, kernels)
    parts = (torch.split(part, _CHUNK) for part in (views, colour, offset, kernels))
    return torch.cat(
        [_to_uint8(_blur(_recolour(v.float(), c, o), k)) for v, c, o, k in zip(*parts, strict=True)]
    )


def _offset(views: Tensor, colour: Tensor) -> Tensor:
    """float32 [N, 3], what is added to a view's channels: by contrast, a share of their means."""
    means = views.sum(dim=(1, 2), dtype=torch.int64).float() / (views.shape[1] * views.shape[2])
    return (colour[:, :, 3:] * means[:, None, :]).sum(dim=2)


def _recolour(views: Tensor, colour: Tensor, offset: Tensor) -> Tensor:
    """float32 [N, S, S, 3] in 0..255, whole numbers -> the same."""
    channels = views.unbind(dim=3)
    mixed = [
        sum(
            (colour[:, out, c, None, None] * channels[c] for c in range(3)),
            start=offset[:, out, None, None],
        )
        for out in range(3)
    ]
    return torch.stack(mixed, dim=3).round_().clamp_(0, 255)


def _blur(views: Tensor, kernels: Tensor) -> Tensor:
    """Separable convolution of [N, S, S, 3] with each view's kernel, mirrored at the border."""
    for axis in (1, 2):
        length, radius = views.shape[axis], kernels.shape[1] // 2
        padded = _mirrored(views, axis, radius)
        views = torch.zeros_like(views)
        for tap, weight in enumerate(kernels.unbind(dim=1)):
            views.addcmul_(padded.narrow(axis, tap, length), weight[:, None, None, None])
    return views


def _mirrored(views: Tensor, axis: int, radius: int) -> Tensor:
    """Continue an axis on both sides by its mirror image, the border pixel not repeated."""
    pads = (0, 0, radius, radius) if axis == 1 else (radius, radius, 0, 0)
    return F.pad(views.movedim(3, 1), pads, mode="reflect").movedim(1, 3)


def _to_uint8(views: Tensor) -> Tensor:
    return views.round_().clamp_(0, 255).to(torch.uint8)
