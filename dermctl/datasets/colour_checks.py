"""Is there colour in a picture, by its pixels?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

GREY_TOLERANCE = 6
"""Channel spread, in grey levels of 255, up to which a pixel counts as grey."""


def is_grey(pixels: npt.NDArray[np.uint8]) -> bool:
    """Whether ``pixels`` (uint8 [H, W, 3], RGB) hold no colour beyond compression noise."""
    spread = pixels.max(axis=2) - pixels.min(axis=2)
    return bool(np.percentile(spread, 99) <= GREY_TOLERANCE)
