"""All images of a training decoded once, in one block of memory: in RAM or on the device."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch

from dermctl.progress import SILENT, Progress
from dermctl.views.draws import Keys
from dermctl.views.images import Images, naming

Pixels = npt.NDArray[np.uint8]


class DecodedImage:
    """One image out of the block: size in pixels, and its pixels without a copy.

    Args:
        pixels: uint8 [H, W, 3].
    """

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels
        self.height, self.width = pixels.shape[:2]

    def pixels(
        self, reduction: float = 1.0, *, exact: bool = False, rows: int | None = None
    ) -> Pixels:
        """uint8 [H, W, 3]; always whole, and decoded as for training."""
        return self._pixels


class DecodedImages:
    """The pixels of all images, one after another.

    Args:
        block: uint8 [P, 3], the pixels of all images, row by row.
        sizes: int64 [N, 2], width and height.
        keys: uint64 [N], as those of the images that were decoded.
    """

    def __init__(self, block: torch.Tensor, sizes: npt.NDArray[np.int64], keys: Keys) -> None:
        self.block, self.sizes, self.keys = block, sizes, keys
        self.starts = np.concatenate([[0], np.cumsum(sizes.prod(axis=1))[:-1]]).astype(np.int64)

    def __len__(self) -> int:
        return len(self.sizes)

    def open(self, index: int) -> DecodedImage:
        """Image number ``index``; the block must lie in RAM."""
        width, height = self.sizes[index].tolist()
        start = int(self.starts[index])
        pixels = self.block[start : start + width * height].numpy()
        return DecodedImage(pixels.reshape(height, width, 3))

    def place(self, index: int) -> str:
        """Its number: the pixels have left their file."""
        return f"decoded image {index}"

    def mending(self, index: int) -> str:
        """To decode it anew, which tells where it lies."""
        return "Run the same command again with --cache none"

    def to(self, device: torch.device) -> DecodedImages:
        """The same with its block on another device."""
        return DecodedImages(self.block.to(device), self.sizes, self.keys)

    def move(self, device: torch.device) -> None:
        """Put the block on another device, for all that read from it."""
        self.block = self.block.to(device)


def decoded_sizes(images: Images) -> npt.NDArray[np.int64]:
    """Width and height of each image: int64 [N, 2]. Reads headers only, where there are any."""
    sizes = np.empty((len(images), 2), np.int64)
    for index in range(len(images)):
        with naming(images, index):
            image = images.open(index)
        sizes[index] = image.width, image.height
    return sizes


def _new_block(pixels: int, *, shared: bool) -> torch.Tensor:
    """uint8 [pixels, 3], where it is to stay: a block that moves later takes its space twice."""
    if not shared:
        return torch.empty((pixels, 3), dtype=torch.uint8)
    memory = torch.UntypedStorage._new_shared(3 * pixels, device="cpu")  # type: ignore[no-untyped-call]
    return torch.empty(0, dtype=torch.uint8).set_(memory).view(pixels, 3)


def decode_all(
    images: Images,
    sizes: npt.NDArray[np.int64] | None = None,
    *,
    threads: int = 1,
    shared: bool = False,
    progress: Progress = SILENT,
) -> DecodedImages:
    """Decode every image, as for training (``EncodedImage.pixels`` with ``exact=False``).

    Args:
        sizes: of ``decoded_sizes``, where they are known already.
        threads: decoders at work; they hold the interpreter only between images.
        shared: into shared memory: loader processes then all read this one block.

    Raises:
        DataError: an image cannot be read; where it lies is said.
    """
    sizes = decoded_sizes(images) if sizes is None else sizes
    block = _new_block(int(sizes.prod(axis=1).sum()), shared=shared)
    decoded = DecodedImages(block, sizes, images.keys)

    def fill(index: int) -> None:
        with naming(images, index):
            decoded.open(index).pixels()[...] = images.open(index).pixels()

    with ThreadPoolExecutor(threads) as pool, progress.task("decode", len(images)) as task:
        for _ in pool.map(fill, range(len(images))):
            task.advance()
    return decoded
