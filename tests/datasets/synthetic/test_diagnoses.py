"""The cues that tell the diagnoses apart, measured on many lesions of each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest

from dermctl.datasets.synthetic.diagnoses import DIAGNOSES
from dermctl.datasets.synthetic.layers import Layers
from dermctl.datasets.synthetic.paint import paint_lesion
from dermctl.datasets.synthetic.photograph import Scene
from dermctl.datasets.synthetic.scenes import draw_scene
from dermctl.datasets.synthetic.skin import TYPE_MELANIN, skin_layers
from dermctl.datasets.synthetic.view import View

VIEW = View.looking(160, 8.0)
LESIONS = 30


@dataclass(frozen=True)
class Cues:
    """Means over lesions of one diagnosis on skin of type 2, of numbers defined here and only here.

    Attributes:
        asymmetry: share of the mask that its half turn about its centre of mass does not cover.
        raggedness: perimeter² / (4 π area); 1 for a disc.
        area_mm2: size.
        colours: spread of colour within the mask, in CIE Lab.
        redness: a* within the mask less a* of the skin.
        darkness: L* of the skin less L* within the mask.
        border_mm: distance over which the border fades.
        horn: share of the mask under keratin or crust.
        height_mm: of its middle over the skin.
        roughness: of its surface.
    """

    asymmetry: float
    raggedness: float
    area_mm2: float
    colours: float
    redness: float
    darkness: float
    border_mm: float
    horn: float
    height_mm: float
    roughness: float


def scene_of(diagnosis: str, index: int, fitzpatrick: int) -> Scene:
    rng = np.random.default_rng([DIAGNOSES.index(diagnosis), index])
    return draw_scene(
        rng,
        diagnosis=diagnosis,
        region="BACK",
        fitzpatrick=fitzpatrick,
        melanin=TYPE_MELANIN[fitzpatrick],
        age=60,
    )


def layers_of(scene: Scene) -> Layers:
    layers = skin_layers(VIEW, scene.skin)
    paint_lesion(VIEW, scene.lesion, layers)
    return layers


def lab(layers: Layers) -> np.ndarray:
    srgb = np.clip(layers.albedo(), 0, 1) ** (1 / 2.2)
    return cv2.cvtColor(np.asarray(srgb, np.float32), cv2.COLOR_RGB2Lab)


def measure(scene: Scene) -> Cues:
    depth = scene.lesion.outline.depth_mm(VIEW)
    mask, cover = depth > 0, scene.lesion.outline.cover(depth)
    layers = layers_of(scene)
    colour, skin = lab(layers), lab(skin_layers(VIEW, scene.skin))
    inside, bare = colour[mask], skin[mask].mean(axis=0)
    outline, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(outline, key=cv2.contourArea)
    area, perimeter = cv2.contourArea(largest), cv2.arcLength(largest, True)
    return Cues(
        asymmetry=half_turn_asymmetry(mask),
        raggedness=perimeter**2 / (4 * np.pi * area),
        area_mm2=mask.sum() / VIEW.px_per_mm**2,
        colours=float(inside.std(axis=0).sum()),
        redness=float(inside[:, 1].mean() - bare[1]),
        darkness=float(bare[0] - inside[:, 0].mean()),
        border_mm=float(((cover > 0.1) & (cover < 0.9)).sum() / perimeter / VIEW.px_per_mm),
        horn=float(((layers.keratin[mask] + layers.crust[mask]) > 0.3).mean()),
        height_mm=float(layers.relief[depth > 0.6 * depth.max()].mean()),
        roughness=float(cv2.Laplacian(layers.relief, cv2.CV_32F)[depth > 0.3].std()),
    )


def half_turn_asymmetry(mask: np.ndarray) -> float:
    y, x = np.nonzero(mask)
    turned_y, turned_x = np.rint(2 * y.mean() - y), np.rint(2 * x.mean() - x)
    within = (turned_y >= 0) & (turned_y < mask.shape[0])
    within &= (turned_x >= 0) & (turned_x < mask.shape[1])
    covered = mask[turned_y[within].astype(int), turned_x[within].astype(int)]
    return 1 - covered.sum() / len(x)


@pytest.fixture(scope="module")
def cues() -> dict[str, Cues]:
    means = {}
    for diagnosis in DIAGNOSES:
        measured = [measure(scene_of(diagnosis, index, 2)) for index in range(LESIONS)]
        means[diagnosis] = Cues(
            *(np.mean([getattr(cue, name) for cue in measured]) for name in Cues.__annotations__)
        )
    return means


def test_melanoma_breaks_the_abcd_rules_and_a_nevus_keeps_them(cues: dict[str, Cues]) -> None:
    melanoma, nevus = cues["MEL"], cues["NEV"]
    assert melanoma.asymmetry > 1.5 * nevus.asymmetry
    assert melanoma.raggedness > 1.2 * nevus.raggedness
    assert melanoma.colours > 1.3 * nevus.colours
    assert melanoma.area_mm2 > 1.8 * nevus.area_mm2


def test_pigmented_lesions_are_dark_and_the_others_red(cues: dict[str, Cues]) -> None:
    for pigmented in ("NEV", "SEK", "MEL"):
        for red in ("BCC", "ACK", "SCC"):
            assert cues[pigmented].darkness > cues[red].darkness + 5
            assert cues[red].redness > cues[pigmented].redness + 5


def test_seborrhoeic_keratosis_is_sharp_and_rough(cues: dict[str, Cues]) -> None:
    assert cues["SEK"].border_mm == min(cue.border_mm for cue in cues.values())
    assert cues["SEK"].roughness > 2 * cues["NEV"].roughness


def test_actinic_keratosis_is_flat_ill_defined_and_scaly(cues: dict[str, Cues]) -> None:
    assert cues["ACK"].border_mm == max(cue.border_mm for cue in cues.values())
    assert cues["ACK"].height_mm < 0.5 * cues["SCC"].height_mm
    assert cues["ACK"].horn > cues["BCC"].horn


def test_squamous_cell_carcinoma_is_raised_red_and_horny(cues: dict[str, Cues]) -> None:
    assert cues["SCC"].height_mm == max(cue.height_mm for cue in cues.values())
    assert cues["SCC"].horn > 2 * cues["BCC"].horn


def test_basal_cell_carcinoma_has_a_rolled_rim_vessels_and_shine() -> None:
    rims, others = [], []
    for index in range(LESIONS):
        basal = scene_of("BCC", index, 2).lesion
        assert basal.vessels
        rims.append(basal.rim_mm)
        others.append(scene_of("SCC", index, 2).lesion.rim_mm)
        without = replace(basal, vessels=())
        scene = scene_of("BCC", index, 2)
        bare = layers_of(replace(scene, lesion=without)).blood
        assert (layers_of(scene).blood - bare).max() > 0.2
    assert np.mean(rims) > 0.1 > max(others)


def test_diagnoses_overlap(cues: dict[str, Cues]) -> None:
    areas = {
        name: [measure(scene_of(name, i, 2)).area_mm2 for i in range(12)] for name in ("NEV", "MEL")
    }
    assert max(areas["NEV"]) > min(areas["MEL"])
    assert cues["MEL"].darkness < 2 * cues["NEV"].darkness


@pytest.mark.parametrize("diagnosis", DIAGNOSES)
@pytest.mark.parametrize("fitzpatrick", [1, 6])
def test_lesions_are_visible_on_every_skin(diagnosis: str, fitzpatrick: int) -> None:
    """The median lesion differs from its skin by over 5 CIE76 units: twice what an eye can tell."""
    differences = []
    for index in range(12):
        scene = scene_of(diagnosis, index, fitzpatrick)
        mask = scene.lesion.outline.depth_mm(VIEW) > 0
        with_lesion, without = lab(layers_of(scene)), lab(skin_layers(VIEW, scene.skin))
        differences.append(np.linalg.norm((with_lesion - without)[mask], axis=1).mean())
    assert np.median(differences) > 5
