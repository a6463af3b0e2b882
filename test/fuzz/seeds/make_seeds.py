"""Small WebP files: lossy, lossless with alpha, animated. `python make_seeds.py` writes them beside itself; Pillow 12. The AVIF files are an odd picture that is turned, and a sequence.
"""
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parent
image = Image.linear_gradient("L").resize((37, 29)).convert("RGB")
image.save(FOLDER / "lossy.webp", quality=60)
image.convert("RGBA").save(FOLDER / "lossless.webp", lossless=True)
image.save(FOLDER / "animated.webp", save_all=True, append_images=[image.rotate(90)], duration=50)
