"""Named augmentations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from dermctl.errors import ConfigError
from dermctl.views.spec import AugmentationSpec

SIMCLR = AugmentationSpec()
"""SimCLR on ImageNet (arXiv 2002.05709, appendix A, colour strength 1.0): operations, order,
probabilities and strengths are the paper's. As in its PyTorch listing, brightness is a factor, and
brightness, contrast, saturation and hue come in a random order, drawn anew for each view. How the
colours are computed differs in two points from torchvision: ``dermctl.views.colour`` says how much.
Blur kernels end at three standard deviations, within the paper's tenth of the side."""

DERM = AugmentationSpec(vertical_flip=0.5, quarter_turn=0.5, hue=0.05)
"""SimCLR for skin: a lesion has no up and down, so all eight symmetries are alike; hue turns by at
most 18 degrees, since 72 make skin green and blue, and colour is a diagnostic sign. Greyscale keeps
the paper's probability of 0.2, against matching views by their colour histogram alone. A short
ablation on HAM10000 shows no difference: kNN balanced accuracy with it less without it −0.005, 95 %
[−0.022, +0.012] (tests/benchmarks/augmentation_ablation.py, RESULTS.md)."""

SUPERVISED = AugmentationSpec(
    crop_scale=(0.35, 1.0),
    vertical_flip=0.5,
    quarter_turn=0.5,
    brightness=0.2,
    contrast=0.2,
    saturation=0.2,
    hue=0.02,
    greyscale=0.0,
    blur=0.0,
)
"""For learning from labels: the lesion stays in the crop and keeps its colours. In all eight
orientations, as a dermatoscope sees it."""

CLINICAL = replace(SUPERVISED, vertical_flip=0.0, quarter_turn=0.0)
"""As ``SUPERVISED``, for photographs of a part of the body: they have an up, so that only left and
right are alike."""

PRESETS = {"simclr": SIMCLR, "derm": DERM, "supervised": SUPERVISED, "clinical": CLINICAL}
"""Of ``dermctl.config.shared``'s names, each with its augmentation."""


def preset(name: str, offered: Sequence[str] = tuple(PRESETS)) -> AugmentationSpec:
    """The augmentation of that name.

    Args:
        name: any of ``PRESETS``.
        offered: those that an error names.

    Raises:
        ConfigError: there is none.
    """
    if name not in PRESETS:
        near = get_close_matches(name, PRESETS, n=1)
        raise ConfigError(
            f"there is no augmentation '{name}'"
            + (f" (did you mean '{near[0]}'?)" if near else ""),
            where="augmentation",
            hint=f"Take one of: {', '.join(offered)}",
        )
    return PRESETS[name]
