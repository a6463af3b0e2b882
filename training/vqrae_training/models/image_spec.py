"""How an encoder's images are prepared, read from its Hugging Face folder as sdk/families/image/preprocessor-config.ts does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError

HALF = (0.5, 0.5, 0.5)
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
FILTERS = {1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box"}  # PIL.Image.Resampling
NUMBERS = {name: number for number, name in FILTERS.items()}


@dataclass(frozen=True)
class ImageSpec:
    """The checkpoint's `image` section. Resize to `resize_to`, then cut the centre `size` pixels."""

    size: int
    resize_to: int
    resample: str = "bicubic"
    geometry: str = "crop"  # the shortest edge, aspect ratio kept; "stretch": into a square
    mean: tuple[float, float, float] = HALF  # of pixel values in [0, 1]
    std: tuple[float, float, float] = HALF

    def to_json(self) -> dict:
        section = {"size": self.size, "resample": self.resample, "geometry": self.geometry}
        section |= {"mean": list(self.mean), "std": list(self.std)}
        return section if self.resize_to == self.size else section | {"resizeTo": self.resize_to}

    @classmethod
    def from_json(cls, section: dict) -> ImageSpec:
        known = {k: section[k] for k in ("size", "resample", "geometry")}
        resize_to = section.get("resizeTo", section["size"])
        return cls(**known, resize_to=resize_to, mean=tuple(section["mean"]), std=tuple(section["std"]))

    def to_processor(self) -> dict:
        """Return the contents of preprocessor_config.json, which transformers and the SDK read."""
        fields = {"do_resize": True, "do_rescale": True, "do_normalize": True, "resample": NUMBERS[self.resample]}
        fields |= {"rescale_factor": 1 / 255, "image_mean": list(self.mean), "image_std": list(self.std)}
        square = {"height": self.resize_to, "width": self.resize_to}
        if self.geometry == "stretch" and self.resize_to == self.size:
            return {"image_processor_type": "ViTImageProcessor", **fields, "size": square}
        crops = {"do_center_crop": True, "crop_size": {"height": self.size, "width": self.size}}
        size = square if self.geometry == "stretch" else {"shortest_edge": self.resize_to}
        return {"image_processor_type": "DeiTImageProcessor", **fields, "size": size, **crops}


@dataclass(frozen=True)
class Processor:
    """The defaults of one of transformers' image processors (transformers/models/<family>/image_processing_*)."""

    resample: str
    size: int | None = None  # of the square, or the shortest edge where it crops; None: the encoder's own
    crop: int | None = None
    shortest_edge: bool = False
    mean: tuple[float, float, float] = HALF
    std: tuple[float, float, float] = HALF


PROCESSORS = {
    "ViTImageProcessor": Processor("bilinear"),
    "DeiTImageProcessor": Processor("bicubic", size=256, crop=224),
    "SiglipImageProcessor": Processor("bicubic"),
    "CLIPImageProcessor": Processor("bicubic", size=224, crop=224, shortest_edge=True, mean=CLIP_MEAN, std=CLIP_STD),
    "BitImageProcessor": Processor("bicubic", size=224, crop=224, shortest_edge=True, mean=CLIP_MEAN, std=CLIP_STD),
    "GotOcr2ImageProcessor": Processor("bicubic", size=384, mean=CLIP_MEAN, std=CLIP_STD),
}


def read_image_spec(folder: Path, default: str, image_size: int) -> ImageSpec:
    """Read processor_config.json (transformers 5) or preprocessor_config.json. Without either, take the defaults of the family's
    processor `default` at the encoder's own size.

    Raises UserError for an unknown processor, for a shape that is no square, and for another size than the encoder's: positions
    are not interpolated.
    """
    file, stored = _read(folder)
    name = stored.get("image_processor_type") or stored.get("feature_extractor_type") or default
    name = name.removesuffix("Fast").removesuffix("Pil").replace("FeatureExtractor", "ImageProcessor")
    if name not in PROCESSORS:
        raise UserError(f"Expected one of {', '.join(PROCESSORS)} for image_processor_type in {file} but received {name!r}")
    p = PROCESSORS[name]
    given = {k: v for k, v in stored.items() if v is not None}
    own = not given and not file.is_file()
    size, edge = _extent(given.get("size"), image_size if own or p.size is None else p.size, p.shortest_edge)
    crops = given.get("do_center_crop", p.crop is not None)
    if edge and not crops:
        received = given.get("size")
        raise UserError(f"Expected {{height, width}} for size in {file}, where nothing is cropped, but received {received!r}")
    final = _extent(given.get("crop_size"), size if own else p.crop or size, False)[0] if crops else size
    if final != image_size or final > size:
        field = "crop_size" if crops else "size"
        raise UserError(
            f"Expected {image_size} pixels, the encoder's image_size, for {field} in {file} but received {final} of {size}. "
            "Positions are not interpolated: write the encoder's own size there"
        )
    resample = given.get("resample", NUMBERS[p.resample])
    if resample not in FILTERS:
        known = ", ".join(f"{number} ({name})" for number, name in FILTERS.items())
        raise UserError(f"Expected one of {known} for resample in {file} but received {resample!r}")
    normalise = given.get("do_normalize", True)
    mean, std = given.get("image_mean", p.mean), given.get("image_std", p.std)
    mean, std = (tuple(mean), tuple(std)) if normalise else ((0.0,) * 3, (1.0,) * 3)
    return ImageSpec(final, size, FILTERS[resample], "crop" if edge else "stretch", mean, std)


def _read(folder: Path) -> tuple[Path, dict]:
    combined, plain = folder / "processor_config.json", folder / "preprocessor_config.json"
    if combined.is_file() and isinstance(section := json.loads(combined.read_text()).get("image_processor"), dict):
        return combined, section
    return plain, json.loads(plain.read_text()) if plain.is_file() else {}


def _extent(size: object, default: int, shortest_edge: bool) -> tuple[int, bool]:
    """Return (pixels, whether they are the shortest edge's)."""
    if size is None or isinstance(size, int):
        return size or default, shortest_edge
    if isinstance(size, dict) and "shortest_edge" in size:
        return size["shortest_edge"], True
    if isinstance(size, dict) and size.get("height") == size.get("width") is not None:
        return size["height"], False
    raise UserError(f"Expected a number, a square {{height, width}} or {{shortest_edge}} for an image size but received {size!r}")
