"""Run the kernels in Triton's interpreter, which needs no GPU; print how far they are from torch.

A process of its own: Triton reads TRITON_INTERPRET when kernels are defined. Usage: FOLDER.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from dermctl.views.batches import Batch
from dermctl.views.decoded import DecodedImages, decode_all
from dermctl.views.device import finish
from dermctl.views.fused import crop as crop_module
from dermctl.views.fused import finish as finish_module
from dermctl.views.fused.check import fault_of_kernels
from dermctl.views.packed import ViewsDataset
from dermctl.views.parameters import sample
from dermctl.views.presets import DERM, SIMCLR
from dermctl.views.resample import NO_SMOOTHING, smoothing
from dermctl.views.resident import ResidentDataset
from tests.views.pictures import stored

PICTURES = [(64, 48), (48, 66), (100, 48)]
ALL = Batch(3, list(range(len(PICTURES))))
SIZES = (24, 8)  # of views: enlarged, reduced with three taps, and averaged in squares of 2 and 4
BLOCK = 1024  # the interpreter takes its time a program, whatever its length


def factors(images: DecodedImages, size: int) -> set[int]:
    """Sides of the squares that are averaged first; 0: not smoothed."""
    drawn = sample(DERM, images.sizes, images.keys, seed=0, epoch=ALL.epoch, views=2)
    plans = [smoothing(width, height, size) for _, _, width, height in drawn.box.tolist()]
    return {0 if plan is NO_SMOOTHING else plan.factor for plan in plans}


def apart(one: torch.Tensor, other: torch.Tensor) -> dict[str, float]:
    """Greatest difference, and the share of values that differ."""
    difference = (one.int() - other.int()).abs()
    return {"most": int(difference.max()), "share": float((difference > 0).float().mean())}


def main(folder: Path) -> None:
    """Compare views made from decoded images, and views whose crops came from loaders."""
    crop_module._BLOCK = finish_module._BLOCK = BLOCK
    images = stored(folder, PICTURES)
    decoded = decode_all(images)
    found: dict[str, object] = {"factors": set()}
    for size in SIZES:
        plain, fused = (
            ResidentDataset(decoded, DERM, size, fused=fused).__getitems__(ALL)["views"]
            for fused in (False, True)
        )
        found["factors"] |= factors(decoded, size)
        found[f"made at {size}"] = apart(fused, plain)
    crops = ViewsDataset(images, DERM, SIZES[0], finish=False).__getitems__(ALL)
    done = finish(crops)["views"]
    found["finished"] = apart(finish(crops, fused=True)["views"], done)
    found["changed"] = apart(crops["views"], done)
    found["fault"] = fault_of_kernels(SIMCLR, 16, torch.device("cpu"))
    print(json.dumps(found | {"factors": sorted(found["factors"])}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
