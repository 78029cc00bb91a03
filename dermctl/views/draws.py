"""Random numbers that depend on (seed, epoch, image, view) and on nothing else.

Philox 4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) is a function of
a key and a counter, so any image's numbers can be had at once, in any process and any order: the
views are the same whatever the number of workers or devices, and after a resume.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Uniforms = npt.NDArray[np.float64]

_WORDS_A_STEP = 4  # Philox 4x64 yields four words for each value of its counter
_MASK = 2**64 - 1


def image_keys(image_ids: Iterable[str], prefix: str = "") -> Keys:
    """One 64-bit key an image, from its identifier (BLAKE2b): uint64 [N].

    Args:
        image_ids: the identifiers.
        prefix: that all of them begin with, and that is not among them.
    """
    begun = hashlib.blake2b(prefix.encode(), digest_size=8)
    digests = bytearray()
    for name in image_ids:
        own = begun.copy()
        own.update(name.encode())
        digests += own.digest()
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def uniforms(keys: Keys, *, seed: int, epoch: int, views: int, count: int) -> Uniforms:
    """``count`` numbers uniform in [0, 1) for each view of each image: float64 [views, B, count].

    View v's numbers are the same however many views are asked for.

    Args:
        keys: uint64 [B], see ``image_keys``.
        seed: of the training, any whole number.
        epoch: counted from 0.
    """
    length = -(-count // _WORDS_A_STEP) * _WORDS_A_STEP
    generator = np.random.Philox(key=np.zeros(2, np.uint64))
    state = generator.state
    state["buffer_pos"] = _WORDS_A_STEP  # nothing is left over from another image
    counter, key = state["state"]["counter"], state["state"]["key"]
    key[1] = seed & _MASK
    words = np.empty((len(keys), views * length), np.uint64)
    for place, image_key in enumerate(keys):
        counter[:] = (0, 0, epoch, 0)
        key[0] = image_key
        generator.state = state
        words[place] = generator.random_raw(views * length)
    numbers: Uniforms = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return numbers.reshape(len(keys), views, length)[..., :count].swapaxes(0, 1)
