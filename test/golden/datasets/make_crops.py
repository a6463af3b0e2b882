"""LlamaGen's views of an image, for `crops: "flip"` and `crops: "ten"`.

center_crop_arr is LlamaGen's (dataset/augmentation.py, from openai/guided-diffusion); the crops are torchvision's, as in
autoregressive/train/extract_codes_c2i.py: with --ten-crop `TenCrop(image_size)` of `center_crop_arr(image, int(image_size * crop_range))`,
without it `center_crop_arr(image, image_size)` and torch.flip of it.

Pillow 12, torchvision 0.28. Writes crops.json: SHA-256 of each view's RGB bytes. The images are made by a formula, which the test has too.
"""

import hashlib
import json
from pathlib import Path

import tvfix  # noqa: F401
import numpy as np
from PIL import Image
from torchvision.transforms import TenCrop


def center_crop_arr(pil_image, image_size):
    while min(*pil_image.size) >= 2 * image_size:
        pil_image = pil_image.resize(tuple(x // 2 for x in pil_image.size), resample=Image.BOX)
    scale = image_size / min(*pil_image.size)
    pil_image = pil_image.resize(tuple(round(x * scale) for x in pil_image.size), resample=Image.BICUBIC)
    arr = np.array(pil_image)
    crop_y = (arr.shape[0] - image_size) // 2
    crop_x = (arr.shape[1] - image_size) // 2
    return Image.fromarray(arr[crop_y : crop_y + image_size, crop_x : crop_x + image_size])


def picture(width, height):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return Image.fromarray(((x * 7 + y * 13 + c * 50 + x * y) % 256).astype(np.uint8))


def digest(image):
    return hashlib.sha256(np.asarray(image).tobytes()).hexdigest()


cases = []
for width, height, size, crop_range in [(61, 47, 32, 1.1), (150, 97, 32, 1.1), (40, 33, 30, 1.1), (64, 64, 31, 1.25)]:
    image = picture(width, height)
    square = center_crop_arr(image, size)
    flip = [square, Image.fromarray(np.asarray(square)[:, ::-1])]
    ten = TenCrop(size)(center_crop_arr(image, int(size * crop_range)))
    cases.append(
        {
            "width": width,
            "height": height,
            "size": size,
            "cropRange": crop_range,
            "flip": [digest(view) for view in flip],
            "ten": [digest(view) for view in ten],
        }
    )
Path(__file__).with_name("crops.json").write_text(json.dumps(cases, indent=1) + "\n")
