"""Verifying a proposed pair: do the keypoints of both lie in the same arrangement?

Keypoints are matched by code, then one similarity transform (shift, turn, scale, and mirroring
where proposed) must carry many of them onto their partners. Each match proposes a transform of its
own (a keypoint has a place, a size and a direction), so all are tried, with no random draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dermctl.datasets.near_duplicates.codes import CODE_BITS, distances, mirrored
from dermctl.datasets.near_duplicates.describe import Description

MIN_MATCHES = 8
"""Matches at different places that make a near-duplicate."""
_MAX_DISTANCE = 90
"""Bits of 256 in which matched codes may differ; unrelated ones differ in about 128."""
_RATIO = 0.85
"""A match must be nearer than this times the nearest keypoint elsewhere (Lowe's ratio test)."""
_ELSEWHERE = 0.02
"""Distance, in long sides, from which on a keypoint lies elsewhere."""
_TOLERANCE = 0.03
"""How far, in long sides, a matched keypoint may land from its partner; skin stretches."""
_SCALES = (0.4, 2.5)
_SCALE_TOLERANCE = 0.6
"""In octaves."""
_TURN_TOLERANCE = np.cos(np.deg2rad(35))
_CELLS = 32
"""Matches count once for each cell of a grid of this many cells a side."""

Matches = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Points [g, 4] of one picture, and those of the other that they match."""


@dataclass(frozen=True)
class Alignment:
    """How one picture lies on another.

    Args:
        matches: matched keypoints at different places that the transform explains.
        scale: size in the other picture over size in this one.
        turn: degrees by which this picture is turned, in (-180, 180].
        mirrored: whether it is mirrored left to right before it is turned.
        residual: root mean square distance of matches, in long sides.
    """

    matches: int
    scale: float
    turn: float
    mirrored: bool
    residual: float


def verify(one: Description, other: Description, *, mirror: bool = False) -> Alignment | None:
    """Align ``one`` (mirrored first, with ``mirror``) to ``other``.

    Returns:
        the alignment, or ``None`` where fewer than :data:`MIN_MATCHES` keypoints agree on one.
    """
    points, partners = _match(one, other, mirror)
    if len(points) < MIN_MATCHES:
        return None
    explained = _largest_agreement(points, partners)
    for _ in range(2):
        if explained.sum() < MIN_MATCHES:
            return None
        transform = _fit(points[explained], partners[explained])
        if not _SCALES[0] <= abs(transform.factor) <= _SCALES[1]:
            return None
        explained = _explained(transform, points, partners)
    matches = min(_places(points[explained]), _places(partners[explained]))
    if matches < MIN_MATCHES:
        return None
    missed = transform.apply(points[explained]) - _complex(partners[explained])
    return Alignment(
        matches=matches,
        scale=float(abs(transform.factor)),
        turn=float(np.rad2deg(np.angle(transform.factor))),
        mirrored=mirror,
        residual=float(np.sqrt(np.mean(np.abs(missed) ** 2))),
    )


@dataclass(frozen=True)
class _Similarity:
    """``z -> factor * z + shift`` on points x + iy; |factor| scales, its angle turns."""

    factor: complex
    shift: complex

    def apply(self, points: NDArray[np.float32]) -> NDArray[np.complex64]:
        return np.asarray(self.factor * _complex(points) + self.shift)


def _complex(points: NDArray[np.float32]) -> NDArray[np.complex64]:
    return np.asarray(points[..., 0] + 1j * points[..., 1])


def _match(one: Description, other: Description, mirror: bool) -> Matches:
    """Keypoints of ``one`` and the clearly nearest keypoint of ``other`` to each."""
    points = one.points.astype(np.float32)
    others = other.points.astype(np.float32)
    if min(len(points), len(others)) < MIN_MATCHES:
        return points[:0], others[:0]
    codes = one.codes
    if mirror:
        points = points * np.array([-1, 1, 1, -1], np.float32) + np.array(
            [0, 0, 0, np.pi], np.float32
        )
        codes = mirrored(codes)
    bits = distances(codes, other.codes)
    nearest = bits.argmin(axis=1)
    near = bits[np.arange(len(bits)), nearest]
    places = _complex(others)
    elsewhere = np.abs(places[nearest][:, None] - places[None]) > _ELSEWHERE
    rival = np.where(elsewhere, bits, CODE_BITS).min(axis=1)
    clear = (near <= _MAX_DISTANCE) & (near < _RATIO * rival)
    return points[clear], others[nearest[clear]]


def _steps(points: NDArray[np.float32], partners: NDArray[np.float32]) -> NDArray[np.complex64]:
    """The factor of the similarity that each match alone stands for: [g]."""
    octaves = partners[:, 2] - points[:, 2]
    return np.asarray(np.exp2(octaves) * np.exp(1j * (partners[:, 3] - points[:, 3])))


def _largest_agreement(
    points: NDArray[np.float32], partners: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Matches [g] explained by that one match's similarity which explains the most."""
    factors = _steps(points, partners)
    z, w = _complex(points), _complex(partners)
    landed = factors[:, None] * (z[None] - z[:, None]) + w[:, None]
    relative = factors[None] / factors[:, None]
    size = np.abs(factors)
    agree = (
        (np.abs(landed - w[None]) < 1.5 * _TOLERANCE)
        & _alike(relative)
        & ((size >= _SCALES[0]) & (size <= _SCALES[1]))[:, None]
    )
    return np.asarray(agree[agree.sum(axis=1).argmax()])


def _alike(relative: NDArray[np.complex64]) -> NDArray[np.bool_]:
    """Whether factors, relative to that of a transform, are near 1 in size and direction."""
    size = np.abs(relative)
    return np.asarray(
        (np.abs(np.log2(size)) < _SCALE_TOLERANCE) & (relative.real > _TURN_TOLERANCE * size)
    )


def _fit(points: NDArray[np.float32], partners: NDArray[np.float32]) -> _Similarity:
    """The least-squares similarity from points [g, 4] to partners [g, 4]."""
    z, w = _complex(points), _complex(partners)
    from_middle, to_middle = z - z.mean(), w - w.mean()
    spread = float(np.sum(np.abs(from_middle) ** 2))
    factor = complex(np.sum(to_middle * from_middle.conj()) / max(spread, 1e-12))
    return _Similarity(factor, complex(w.mean() - factor * z.mean()))


def _explained(
    transform: _Similarity, points: NDArray[np.float32], partners: NDArray[np.float32]
) -> NDArray[np.bool_]:
    missed = np.abs(transform.apply(points) - _complex(partners))
    relative = _steps(points, partners) / np.complex64(transform.factor)
    return np.asarray((missed < _TOLERANCE) & _alike(relative))


def _places(points: NDArray[np.float32]) -> int:
    """Number of different grid cells among points [g, 4]."""
    cells = np.floor(points[:, :2] * _CELLS).astype(np.int64)
    return len(set(map(tuple, cells.tolist())))
