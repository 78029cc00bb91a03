"""What near-duplicates are found by: a picture's strongest keypoints, about 4 KB a picture.

Keypoints rather than one hash of the whole picture: dermoscopic photographs all show a dark blob
in the middle, so hashes of different lesions are often alike and hashes of two photographs of one
lesion often are not; the fine structure tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from dermctl.datasets.near_duplicates.codes import WORDS, Codes, encode
from dermctl.errors import DataError

LONG_SIDE = 160
"""Pictures are shrunk or enlarged to this long side, in pixels, before keypoints are sought."""
MAX_KEYPOINTS = 100
_CONTRAST = 0.005
"""SIFT's contrast threshold, an eighth of the usual: smooth skin has little contrast."""
_BLACK = 16
"""Luma up to which a region at the edge is the black surround of a dermatoscope's view."""
_SURROUND_MARGIN = 6
"""Pixels around the black surround where keypoints would describe its rim, not the skin."""

Points = NDArray[np.float16]
"""[k, 4]: x and y from the picture's centre in units of the long side, log2 of the keypoint's
size in these units, and its direction in radians."""


@dataclass(frozen=True, eq=False)
class Description:
    """The keypoints of one picture, strongest first.

    Args:
        points: [k, 4] where the keypoints lie.
        codes: [k, 8] what they look like.
    """

    points: Points
    codes: Codes

    def __len__(self) -> int:
        return len(self.points)


def describe(pixels: NDArray[np.uint8]) -> Description:
    """Describe a picture (uint8 [H, W, 3], RGB) by its strongest SIFT keypoints."""
    luma = _small_luma(pixels)
    detector = cv2.SIFT.create(nfeatures=MAX_KEYPOINTS, contrastThreshold=_CONTRAST)
    keypoints, vectors = detector.detectAndCompute(luma, _inside(luma))
    if not keypoints:
        return Description(np.empty((0, 4), np.float16), np.empty((0, WORDS), np.uint32))
    strongest = np.argsort([-point.response for point in keypoints], kind="stable")[:MAX_KEYPOINTS]
    height, width = luma.shape
    points = [
        (
            (point.pt[0] - (width - 1) / 2) / LONG_SIDE,
            (point.pt[1] - (height - 1) / 2) / LONG_SIDE,
            np.log2(point.size / LONG_SIDE),
            np.deg2rad(point.angle),
        )
        for point in (keypoints[i] for i in strongest)
    ]
    return Description(np.array(points, np.float16), encode(vectors[strongest].astype(np.float32)))


def _small_luma(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    scale = LONG_SIDE / max(luma.shape)
    size = (max(8, round(luma.shape[1] * scale)), max(8, round(luma.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(luma, size, interpolation=how), dtype=np.uint8)


def _inside(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mask [h, w] that is 0 in and next to black regions that reach a corner, else 255."""
    black = (luma <= _BLACK).astype(np.uint8)
    _, regions = cv2.connectedComponents(black)
    corners = regions[[0, 0, -1, -1], [0, -1, 0, -1]]
    surround = np.isin(regions, corners[corners > 0]).astype(np.uint8)
    side = 2 * _SURROUND_MARGIN + 1
    near = cv2.dilate(surround, np.ones((side, side), np.uint8))
    return np.where(near > 0, 0, 255).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Descriptions:
    """The descriptions of many pictures in three arrays.

    Args:
        points: [m, 4] keypoints of all pictures, one picture after the other.
        codes: [m, 8] their codes.
        offsets: [n + 1] where each picture's keypoints begin; the last is m.
    """

    points: Points
    codes: Codes
    offsets: NDArray[np.int64]

    @classmethod
    def gather(cls, descriptions: Iterable[Description]) -> Descriptions:
        """Put single descriptions together, in order."""
        each = list(descriptions)
        return cls(
            np.concatenate([np.empty((0, 4), np.float16), *(d.points for d in each)]),
            np.concatenate([np.empty((0, WORDS), np.uint32), *(d.codes for d in each)]),
            np.cumsum([0, *(len(d) for d in each)], dtype=np.int64),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Descriptions]) -> Descriptions:
        """Join the descriptions of several sets of pictures, in order."""
        sizes = np.concatenate([[0], *(np.diff(part.offsets) for part in parts)])
        return cls(
            np.concatenate([np.empty((0, 4), np.float16), *(part.points for part in parts)]),
            np.concatenate([np.empty((0, WORDS), np.uint32), *(part.codes for part in parts)]),
            np.cumsum(sizes, dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> Description:
        start, end = self.offsets[row], self.offsets[row + 1]
        return Description(self.points[start:end], self.codes[start:end])

    def save(self, path: Path) -> None:
        """Write the arrays to an ``.npz`` file."""
        with path.open("wb") as file:
            np.savez(file, points=self.points, codes=self.codes, offsets=self.offsets)

    @classmethod
    def load(cls, path: Path) -> Descriptions:
        """Read what :meth:`save` wrote.

        Raises:
            DataError: the file is missing or is not one of these.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(arrays["points"], arrays["codes"], arrays["offsets"])
        except (OSError, EOFError, BadZipFile, ValueError, KeyError) as error:
            raise DataError(
                "the file of near-duplicate descriptions cannot be read",
                where=path,
                hint="Prepare the dataset again",
            ) from error
