"""Small tensors on their way to the device, without making anyone wait."""

from __future__ import annotations

import torch
from torch import Tensor


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """``values`` on the device; the host goes on while a GPU fetches them.

    A copy to a GPU out of ordinary memory waits until the device has done all work before it; out
    of page-locked memory the device fetches by itself. torch keeps such memory and reuses it.
    """
    on_gpu = device.type == "cuda"
    if on_gpu and values.device.type == "cpu" and torch.cuda.is_available():
        values = values.pin_memory()
    return values.to(device, non_blocking=on_gpu)
