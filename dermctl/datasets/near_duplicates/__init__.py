"""Near-duplicates: copies of a picture, and further photographs of the same skin.

Three steps: describe each picture once by its keypoints (``describe``), propose pairs that share
rare ones (``propose``), verify that they lie in the same arrangement (``verify``).
"""

from dermctl.datasets.near_duplicates.describe import Description, Descriptions, describe
from dermctl.datasets.near_duplicates.find import (
    COPY,
    MAX_LESIONS,
    REPHOTOGRAPHED,
    Pair,
    find_near_duplicates,
    large_components,
)

__all__ = [
    "COPY",
    "MAX_LESIONS",
    "REPHOTOGRAPHED",
    "Description",
    "Descriptions",
    "Pair",
    "describe",
    "find_near_duplicates",
    "large_components",
]
