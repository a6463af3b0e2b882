"""Make six of one NLVR example: rotate its colours (yellow -> black -> blue -> yellow) and mirror its boxes.

Picture, scene and sentence change together: what was true stays true.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..data.sources import Item
from .scene import BOX, COLOUR_NAMES, SIZES, Box, Thing

PIXELS = {"yellow": (255, 255, 0), "black": (0, 0, 0), "blue": (0, 153, 255)}
BACKGROUND = (211, 211, 211)
BOX_STARTS = (0, 150, 300)  # columns of the three boxes in a picture, each BOX wide
_SIDE = {name: pixels for pixels, name in SIZES.items()}
_MIRROR = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Variant:
    rotation: int = 0  # of the colours
    mirrored: bool = False

    def colour(self, name: str) -> str:
        return COLOUR_NAMES[(COLOUR_NAMES.index(name) + self.rotation) % len(COLOUR_NAMES)]

    def box(self, box: Box) -> Box:
        return tuple(sorted(map(self._thing, box), key=lambda t: (-t.y, t.x)))

    def sentence(self, text: str) -> str:
        text = re.sub("|".join(COLOUR_NAMES), lambda m: self.colour(m[0]), text)
        return re.sub(r"\b(left|right)\b", lambda m: _MIRROR[m[0]], text) if self.mirrored else text

    def picture(self, image: Image.Image) -> Image.Image:
        pixels = np.asarray(image.convert("RGB")).copy()
        for start in BOX_STARTS:
            box = pixels[:, start : start + BOX]
            box = box[:, ::-1] if self.mirrored else box
            pixels[:, start : start + BOX] = self._recoloured(box) if self.rotation else box
        return Image.fromarray(pixels)

    def _thing(self, t: Thing) -> Thing:
        x, walls = t.x, t.walls
        if self.mirrored:
            x, walls = BOX - t.x - _SIDE[t.size], frozenset(_MIRROR.get(wall, wall) for wall in walls)
        return Thing(self.colour(t.colour), t.shape, t.size, x, t.y, walls)

    def _recoloured(self, box: np.ndarray) -> np.ndarray:
        """A pixel lies on the line from the background to one of the colours: edges are blended."""
        grey = np.array(BACKGROUND, np.float32)
        off = box.astype(np.float32) - grey
        ways = np.array([PIXELS[name] for name in COLOUR_NAMES], np.float32) - grey
        shares = (off @ ways.T) / (ways * ways).sum(1)  # [height, width, 3]
        far = ((off[..., None, :] - shares[..., None] * ways) ** 2).sum(-1)
        nearest = far.argmin(-1)
        share = np.take_along_axis(shares, nearest[..., None], -1)
        new = np.array([PIXELS[self.colour(name)] for name in COLOUR_NAMES], np.float32) - grey
        return np.rint(grey + share * new[nearest]).clip(0, 255).astype(np.uint8)


VARIANTS = tuple(Variant(rotation, mirrored) for mirrored in (False, True) for rotation in range(3))


@dataclass(frozen=True)
class VariantPicture:
    """A picture of NLVR in another variant; what an Item is to `build_features`."""

    item: Item
    variant: Variant

    @property
    def name(self) -> str:
        return f"{self.item.name} {VARIANTS.index(self.variant)}"

    def open(self) -> Image.Image:
        return self.variant.picture(self.item.open())
