"""256-bit codes of SIFT vectors, made so that a mirror image's codes are known too.

A SIFT vector (Lowe 2004) is square-rooted and normalised (RootSIFT, Arandjelović & Zisserman
2012), centred, and turned by a fixed pseudo-random rotation made of Hadamard matrices and sign
flips (Andoni et al. 2015, "Practical and Optimal LSH for Angular Distance"); the signs of the 128
coordinates are the first half of the code. The number of differing bits grows with the angle
between two vectors.

Mirroring a picture permutes the entries of a SIFT vector. The second half of the code is that of
the permuted vector, so the code of a mirrored keypoint is the same code with its halves swapped.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint32]
"""[k, 8]: eight words of 32 bits a keypoint."""

WORDS = 8
CODE_BITS = 32 * WORDS

_DIMENSIONS = 128
_ROTATION_ROUNDS = 3

# Mean RootSIFT vector of 10,013 dermoscopic and 353 clinical photographs, in thousandths: without
# it most bits would be nearly constant. Rows: the first two of the 4 × 4 cells' rows, cell by
# cell; columns: the eight directions. The other two rows are the mirror image of these.
_MEAN_UPPER_HALF = (
    (73, 76, 64, 55, 50, 40, 38, 51),
    (107, 97, 67, 52, 47, 40, 44, 69),
    (113, 89, 53, 41, 41, 42, 51, 80),
    (82, 61, 39, 36, 40, 43, 49, 67),
    (94, 79, 64, 66, 68, 53, 46, 62),
    (147, 108, 72, 70, 70, 55, 52, 91),
    (160, 107, 58, 51, 55, 55, 58, 99),
    (106, 67, 42, 44, 52, 52, 53, 75),
)


def encode(vectors: NDArray[np.float32]) -> Codes:
    """Codes [k, 8] of SIFT vectors [k, 128]; words 0 to 3 are as is, 4 to 7 mirrored."""
    total = np.maximum(vectors.sum(axis=1, keepdims=True), 1e-6)
    centred = np.sqrt(vectors / total) - _mean()
    rotation = _rotation()
    halves = (centred @ rotation.T, centred[:, _mirror()] @ rotation.T)
    bits = np.packbits(np.concatenate(halves, axis=1) > 0, axis=1)
    return bits.view(">u4").astype(np.uint32).reshape(len(vectors), WORDS)


def mirrored(codes: Codes) -> Codes:
    """The codes that the same keypoints have in the mirror image."""
    return np.roll(codes, WORDS // 2, axis=1)


def distances(codes: Codes, others: Codes) -> NDArray[np.int64]:
    """Number of differing bits between every code [k, 8] and every other [l, 8]: [k, l]."""
    wide = np.ascontiguousarray(codes).view(np.uint64)
    wide_others = np.ascontiguousarray(others).view(np.uint64)
    differing = np.bitwise_count(wide[:, None] ^ wide_others[None])
    return np.asarray(differing.sum(axis=2, dtype=np.int64))


@cache
def _mirror() -> NDArray[np.intp]:
    """The permutation of a SIFT vector's entries that mirrors it: rows back, directions negated."""
    entries = np.arange(_DIMENSIONS).reshape(4, 4, 8)
    return entries[::-1][:, :, -np.arange(8) % 8].reshape(-1)


@cache
def _mean() -> NDArray[np.float32]:
    upper = np.array(_MEAN_UPPER_HALF, dtype=np.float32).reshape(2, 4, 8) / 1000
    lower = upper[::-1][:, :, -np.arange(8) % 8]
    return np.concatenate([upper, lower]).reshape(-1)


@cache
def _rotation() -> NDArray[np.float32]:
    """A fixed rotation [128, 128]; its signs come from a hash, so they are alike everywhere."""
    hadamard: NDArray[np.floating] = np.ones((1, 1))
    while len(hadamard) < _DIMENSIONS:
        hadamard = np.kron(hadamard, [[1, 1], [1, -1]])
    rotation: NDArray[np.floating] = np.eye(_DIMENSIONS)
    for turn in range(_ROTATION_ROUNDS):
        digest = hashlib.blake2b(f"rot{turn}".encode(), digest_size=_DIMENSIONS // 8).digest()
        signs = np.unpackbits(np.frombuffer(digest, np.uint8)).astype(np.float64) * 2 - 1
        rotation = hadamard @ (signs[:, None] * rotation) / np.sqrt(_DIMENSIONS)
    return rotation.astype(np.float32)
