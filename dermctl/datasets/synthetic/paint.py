"""Paint a lesion into the layers of skin: pigment, blood, relief, horn and crust."""

from __future__ import annotations

import cv2
import numpy as np

from dermctl.datasets.synthetic.curves import draw_curves
from dermctl.datasets.synthetic.layers import Layers
from dermctl.datasets.synthetic.lesion import Lesion, Patch
from dermctl.datasets.synthetic.textures import sample, textures
from dermctl.datasets.synthetic.view import Field, View, smoothstep


class Painter:
    """Adds one lesion to the layers of one view.

    Args:
        view: the camera.
        lesion: what to paint.
        layers: the skin, changed in place.
    """

    def __init__(self, view: View, lesion: Lesion, layers: Layers) -> None:
        self.view = view
        self.lesion = lesion
        self.layers = layers
        self.depth_mm = lesion.outline.depth_mm(view)
        self.cover = lesion.outline.cover(self.depth_mm)
        self.inner = np.clip(self.depth_mm / np.float32(lesion.outline.radius_mm), 0, 1)
        maps, anchor = textures(), lesion.outline.anchor
        self.cloud = sample(maps.cloud, view, anchor, layer=1, stretch=0.6)
        self.coarse = sample(maps.cloud, view, anchor, layer=3, stretch=1.5)
        self.grain = sample(maps.grain, view, anchor, layer=2)

    def paint(self) -> None:
        """Paint what the lesion has, from the depth to the surface."""
        self._colour()
        for patch in self.lesion.patches:
            self._patch(patch)
        self._vessels()
        self._shape()
        self._roughness()
        self._ulcer()
        self._flakes()
        self._plug()
        self._crust()

    def _colour(self) -> None:
        lesion, layers = self.lesion, self.layers
        uneven = 1 + lesion.uneven * (0.25 * self.cloud + 0.2 * self.coarse + 0.1 * self.grain)
        layers.melanin *= 1 - lesion.fade * self.cover
        if lesion.pigment:
            rim = 1 - lesion.paler_rim * (1 - smoothstep(0.0, 0.7, self.inner))
            layers.melanin += lesion.pigment * rim * np.maximum(uneven, 0.1) * self.cover
        if lesion.dots:
            dots = smoothstep(0.9, 1.6, self.grain)
            layers.melanin += lesion.dots * dots * self.cover
        layers.blood += lesion.redness * np.maximum(uneven, 0.1) * self.cover
        if lesion.halo:
            halo = smoothstep(-self.lesion.halo_mm, 0.0, self.depth_mm + 0.3 * self.cloud)
            layers.blood += lesion.halo * halo * (1 - 0.7 * self.cover)

    def _patch(self, patch: Patch) -> None:
        x, y = self.view.grid_mm
        reach = cv2.magnitude(x - np.float32(patch.x_mm), y - np.float32(patch.y_mm))
        radius = np.float32(patch.radius_mm)
        inside = radius - reach + np.float32(0.25 * patch.radius_mm) * (self.coarse + self.cloud)
        cover = smoothstep(-0.25 * patch.radius_mm, 0.25 * patch.radius_mm, inside) * self.cover
        layers = self.layers
        if patch.fade:
            layers.melanin *= 1 - patch.fade * cover
            layers.deep *= 1 - patch.fade * cover
        layers.melanin += patch.pigment * cover
        layers.deep += patch.deep * cover
        layers.blood += patch.redness * cover

    def _vessels(self) -> None:
        if self.lesion.vessels:
            lines = draw_curves(self.view, self.lesion.vessels, 0.11)
            self.layers.blood += 0.7 * lines * self.cover

    def _shape(self) -> None:
        lesion, layers = self.lesion, self.layers
        layers.relief *= 1 - lesion.smooth * self.cover
        if lesion.height_mm:
            rise = smoothstep(0.0, 1.0, np.minimum(self.inner / np.float32(lesion.slope), 1))
            layers.relief += lesion.height_mm * rise
        if lesion.rim_mm:
            ridge = np.exp(-(((self.inner - 0.22) / 0.16) ** 2)) * self.cover
            layers.relief += lesion.rim_mm * ridge * (1 + 0.3 * self.coarse)
        layers.gloss += lesion.gloss * self.cover

    def _roughness(self) -> None:
        lesion, layers = self.lesion, self.layers
        if lesion.rough_mm:
            anchor = lesion.outline.anchor
            furrow = sample(textures().furrow, self.view, anchor, stretch=1.5, layer=1)
            bumps = 0.18 * self.grain - 0.8 * furrow + 0.5 * self.cloud
            layers.relief += lesion.rough_mm * bumps * self.cover
            layers.melanin += 2.5 * lesion.rough_mm * lesion.pigment * furrow * self.cover
        if lesion.cysts:
            pores = sample(textures().pores, self.view, lesion.outline.anchor, stretch=1.6)
            self._cover_with_keratin(lesion.cysts * smoothstep(0.3, 0.8, pores) * self.cover)

    def _ulcer(self) -> None:
        lesion, layers = self.lesion, self.layers
        if lesion.ulcer:
            raw = self._centre(lesion.ulcer)
            layers.melanin *= 1 - 0.8 * raw
            layers.blood += raw * (1.9 + 0.5 * self.cloud)
            layers.relief -= raw * (0.25 + 0.04 * self.cloud)
            layers.gloss += 0.6 * raw

    def _flakes(self) -> None:
        if self.lesion.scale:
            flaky = 0.7 * self.coarse + 0.35 * self.cloud + 0.6 * self.grain
            # The share of a standard normal above `start` is about the share to cover.
            start = 1.1 - 1.9 * self.lesion.scale
            flakes = smoothstep(start, start + 1.3, flaky) * smoothstep(0.0, 0.35, self.inner)
            self._cover_with_keratin(flakes * np.clip(0.5 + 0.12 * self.grain, 0.2, 0.8))
            self.layers.relief += 0.10 * flakes

    def _plug(self) -> None:
        if self.lesion.plug:
            plug = self._centre(self.lesion.plug)
            self._cover_with_keratin(
                plug * np.clip(0.72 + 0.16 * self.cloud + 0.08 * self.grain, 0.3, 0.95)
            )
            self.layers.relief += plug * (0.5 + 0.16 * self.cloud + 0.03 * self.grain)

    def _crust(self) -> None:
        if self.lesion.crust:
            start = 1.3 - 2.2 * self.lesion.crust
            where = 0.8 * self.coarse + 0.2 * self.cloud + 1.5 * self.inner - 0.5
            crust = smoothstep(start, start + 1.3, where) * self.cover
            layers = self.layers
            # The colour goes from honey to nearly black with the thickness of the crust.
            np.maximum(
                layers.crust, crust * np.clip(0.82 + 0.08 * self.cloud, 0, 1), out=layers.crust
            )
            layers.keratin *= 1 - crust
            layers.relief += crust * (0.25 + 0.07 * self.cloud + 0.02 * self.grain)

    def _centre(self, share: float) -> Field:
        """1 in the middle of the lesion, up to a ragged border at ``share`` of its radius."""
        start = 1 - share
        return smoothstep(start, start + 0.2, self.inner + 0.08 * self.coarse) * self.cover

    def _cover_with_keratin(self, cover: Field) -> None:
        np.maximum(self.layers.keratin, cover, out=self.layers.keratin)


def paint_lesion(view: View, lesion: Lesion, layers: Layers) -> None:
    """Add a lesion to the layers of a view, in place."""
    layers.keratin_colour = lesion.keratin_colour
    layers.crust_colour = lesion.crust_colour
    part, where = view.window(lesion.outline.reach_mm + lesion.halo_mm)
    Painter(part, lesion, layers.window(where)).paint()
