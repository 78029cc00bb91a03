"""Pictures with fine structure, and the copies of them that come back from elsewhere."""

from __future__ import annotations

import cv2
import numpy as np


def draw(seed: int, height: int = 180, width: int = 240) -> np.ndarray:
    """A dark blob on mottled skin, different for every seed: uint8 [H, W, 3], RGB."""
    rng = np.random.default_rng(seed)
    noise = sum(
        cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), sigma) * sigma
        for sigma in (1.5, 4, 10)
    )
    y, x = np.mgrid[-1 : 1 : height * 1j, -1.3 : 1.3 : width * 1j]
    blob = np.clip(1.5 - 3 * np.hypot(x, y) + 0.3 * noise, 0, 1)
    colour = np.array([200, 160, 140]) - blob[..., None] * np.array([110, 100, 90])
    return np.clip(colour + 30 * noise[..., None], 0, 255).astype(np.uint8)


def copies(picture: np.ndarray) -> dict[str, np.ndarray]:
    """One copy of each kind that counts as a near-duplicate."""
    height, width = picture.shape[:2]
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 40])
    grey = picture.mean(axis=2, keepdims=True)
    return {
        "re-encoded": cv2.imdecode(jpeg, cv2.IMREAD_COLOR),
        "halved": cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA),
        "brightened": np.clip(picture * 1.2 + 10, 0, 255).astype(np.uint8),
        "desaturated": (0.8 * grey + 0.2 * picture).astype(np.uint8),
        "mirrored": np.ascontiguousarray(picture[:, ::-1]),
        "turned": np.ascontiguousarray(np.rot90(picture)),
        "transposed": np.ascontiguousarray(picture.transpose(1, 0, 2)),
        "cropped": np.ascontiguousarray(picture[9:-2, 12:-4]),
    }
