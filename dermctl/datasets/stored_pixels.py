"""The pixels of a packed picture, or which picture is damaged."""

from __future__ import annotations

from dermctl.datasets.colour_conversion import Pixels
from dermctl.datasets.decoding import decode_rgb
from dermctl.datasets.reasons import ImageFault
from dermctl.datasets.store import Store


def stored_pixels(store: Store, shard: int, row: int) -> Pixels:
    """The packed pixels (RGB) of an image.

    Raises:
        ShardError: they cannot be read; the image is named.
    """
    try:
        return decode_rgb(bytes(store.read(shard, row))).pixels
    except ImageFault as error:
        fault = f"a packed picture is damaged ({error.detail})"
        raise store.error(fault, shard, row) from error
