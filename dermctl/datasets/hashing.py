"""Perceptual hashes: 64 bits that stay nearly the same when a picture is re-encoded or resized.

The DCT hash of Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions":
the luma is averaged over 32 × 32 cells, the 8 × 8 lowest frequencies of its DCT-II are kept, and
each bit says whether a coefficient lies above their median. A picture larger than packed pictures
are is first shrunk as they are, so that original and packed picture have the same hash.

Turning or mirroring a picture transposes the coefficients and flips the signs of odd frequencies,
so the hashes of all eight orientations come from one transform.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from dermctl.datasets.packing import PACKED_SIDE, shrink

HASH_BITS = 64
_SIDE = 32
_SAMPLES = 4 * _SIDE  # 4 × 4 bilinear samples a cell: within two levels of the exact average
_FREQUENCIES = 8
# Coefficients are of the order of 1 to 1000 grey levels. Rounding makes those that are zero but for
# floating-point noise (flat or symmetric pictures) exactly zero on every machine.
_DECIMALS = 3

Coefficients = npt.NDArray[np.float64]


def perceptual_hash(pixels: npt.NDArray[np.uint8]) -> int:
    """The 64-bit hash of ``pixels`` (uint8 [H, W, 3], RGB), as an unsigned integer.

    Two pictures are compared by the number of bits in which their hashes differ. Bit 63 is the
    lowest frequency, then row by row (vertical frequency first).
    """
    return hash_of_coefficients(dct_coefficients(pixels))


def dct_coefficients(pixels: npt.NDArray[np.uint8]) -> Coefficients:
    """The 8 × 8 lowest DCT-II coefficients of the luma of ``pixels`` (uint8 [H, W, 3], RGB)."""
    luma = cv2.cvtColor(shrink(pixels, PACKED_SIDE), cv2.COLOR_RGB2GRAY)
    samples = cv2.resize(luma, (_SAMPLES, _SAMPLES), interpolation=cv2.INTER_LINEAR)
    cells = cv2.resize(samples, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    basis = _dct_basis()
    return np.asarray((basis @ cells @ basis.T).round(_DECIMALS))


def hash_of_coefficients(coefficients: Coefficients) -> int:
    """The hash that 8 × 8 DCT coefficients stand for."""
    ordered = np.sort(coefficients, axis=None)
    median = (ordered[HASH_BITS // 2 - 1] + ordered[HASH_BITS // 2]) / 2
    bits = coefficients > median
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def orientation_hashes(pixels: npt.NDArray[np.uint8]) -> tuple[int, ...]:
    """The hashes of ``pixels`` in its eight orientations; the first is ``perceptual_hash``.

    The order: as it is, mirrored, upside down, turned by 180°, and the transposes of these four.
    """
    as_is = dct_coefficients(pixels)
    odd = np.where(np.arange(_FREQUENCIES) % 2, -1.0, 1.0)
    flips = (as_is, as_is * odd, as_is * odd[:, None], as_is * odd * odd[:, None])
    both = (*flips, *(flip.T for flip in flips))
    return tuple(hash_of_coefficients(coefficients) for coefficients in both)


@cache
def _dct_basis() -> Coefficients:
    """The first 8 rows of the orthonormal DCT-II of length 32: [8, 32]."""
    frequency = np.arange(_FREQUENCIES)[:, None]
    position = np.arange(_SIDE)[None, :]
    basis = np.cos(np.pi * frequency * (2 * position + 1) / (2 * _SIDE)) * np.sqrt(2 / _SIDE)
    basis[0] /= np.sqrt(2)
    return np.asarray(basis)
