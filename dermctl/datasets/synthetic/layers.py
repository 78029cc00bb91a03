"""What skin is made of, pixel by pixel, and the colour that follows.

Colour is not painted but follows from absorbers, as in skin: light that comes back from the dermis
is weakened by melanin and by blood (Beer-Lambert; Tsumura et al. 2003, "Image-based skin color and
texture analysis/synthesis by extracting hemoglobin and melanin information"). So a brown or red
lesion has its right colour on every skin type.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dermctl.datasets.synthetic.view import Field, Picture

Colour = tuple[float, float, float]
"""Linear RGB."""

# Fitted to six typical skin tones (sRGB 250,210,191 to 78,50,41), with melanin as in
# `skin.TYPE_MELANIN`: what comes back without melanin, how strongly each absorber takes red, green
# and blue, and the light that the surface turns back before any absorber.
DERMIS: Colour = (0.98, 0.70, 0.60)
MELANIN: Colour = (0.71, 1.0, 1.43)
BLOOD: Colour = (0.16, 1.0, 0.88)
DEEP_PIGMENT: Colour = (1.25, 1.0, 0.80)  # Melanin in the dermis looks blue-grey (Tyndall).
SURFACE = 0.02

KERATIN: Colour = (0.70, 0.61, 0.46)
CRUST: Colour = (0.16, 0.065, 0.03)


@dataclass
class Layers:
    """Maps (height, width) of one scene through one view.

    Attributes:
        melanin: pigment of the epidermis; 0.1 in the fairest skin, 4 in the darkest.
        blood: haemoglobin beyond that of calm skin; may be slightly negative.
        deep: pigment in the dermis.
        relief: height in millimetres.
        gloss: strength of mirror-like reflection.
        keratin: how far whitish horn covers the pixel, 0 to 1.
        crust: how far dried blood and serum cover the pixel, 0 to 1.
        keratin_colour: linear RGB.
        crust_colour: linear RGB.
    """

    melanin: Field
    blood: Field
    deep: Field
    relief: Field
    gloss: Field
    keratin: Field
    crust: Field
    keratin_colour: Colour = KERATIN
    crust_colour: Colour = CRUST

    def window(self, where: tuple[slice, slice]) -> Layers:
        """A part of the layers that shares their memory."""
        return Layers(
            melanin=self.melanin[where],
            blood=self.blood[where],
            deep=self.deep[where],
            relief=self.relief[where],
            gloss=self.gloss[where],
            keratin=self.keratin[where],
            crust=self.crust[where],
        )

    def albedo(self) -> Picture:
        """The share of light that each pixel sends back, before any shading."""
        picture = np.empty((*self.melanin.shape, 3), np.float32)
        for channel in range(3):
            absorbed = (
                np.float32(MELANIN[channel]) * self.melanin
                + np.float32(BLOOD[channel]) * self.blood
                + np.float32(DEEP_PIGMENT[channel]) * self.deep
            )
            value = np.float32(DERMIS[channel]) * np.exp(-absorbed) + np.float32(SURFACE)
            value += self.keratin * (np.float32(self.keratin_colour[channel]) - value)
            crust = np.float32(self.crust_colour[channel]) * (1.4 - 0.8 * self.crust)
            value += self.crust * (crust - value)
            picture[:, :, channel] = value
        return picture
