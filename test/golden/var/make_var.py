"""Writes what FoundationVision/VAR's own code makes of three pictures, with a tiny multi-scale tokenizer.

    pip install torch numpy pillow safetensors
    python make_var.py <checkout of FoundationVision/VAR at 78b9539> [--full-size <file>]

Made with torch 2.13 and Pillow 12.3. Weights are those of `weight` of ../tokenizers/originals.py, a formula that the test has too: the
fixture holds the tensors' names and shapes alone. With --full-size the model has the sizes of vae_ch160v4096z32.pth, and the file
is for scripts/full-size/tokenizers.ts.
"""

import json
import sys
import types
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "tokenizers"))
from originals import resized_centre, weight  # noqa: E402

repository = Path(sys.argv[1])
FULL = Path(sys.argv[3]) if "--full-size" in sys.argv else None
SCALES = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16) if FULL else (1, 2, 3, 4, 5)
SIDE = 16 * SCALES[-1]
SIZES = dict(ch=160, vocab_size=4096, z_channels=32) if FULL else dict(ch=32, vocab_size=64, z_channels=8)


def vqvae():
    sys.modules["dist"] = types.ModuleType("dist")  # of training alone
    package = types.ModuleType("models")  # without its __init__, which imports the transformer
    package.__path__ = [str(repository / "models")]
    sys.modules["models"] = package
    import models.quant
    import models.vqvae

    return models.vqvae.VQVAE(v_patch_nums=SCALES, **SIZES), models.quant.PhiPartiallyShared


def prepare(image: Image.Image) -> np.ndarray:
    # utils/data.py
    return resized_centre(image, round(1.125 * SIDE), SIDE, Image.LANCZOS)


@torch.no_grad()
def main():
    model, shared = vqvae()
    shapes = {}
    for key, value in model.named_parameters():
        value.copy_(torch.from_numpy(weight(key, tuple(value.shape))))
        shapes[key] = list(value.shape)
    random = np.random.default_rng(4)
    sizes = ((300, 400),) if FULL else ((80, 80), (45, 70), (131, 92))
    images = [random.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in sizes]
    tensors = {f"image.{i}": torch.from_numpy(image) for i, image in enumerate(images)}
    crops = torch.from_numpy(np.stack([prepare(Image.fromarray(image)) for image in images]))
    pixels = crops.permute(0, 3, 1, 2).float() / 255 * 2 - 1
    ids = model.img_to_idxBl(pixels)
    # As VAR.autoregressive_infer_cfg and demo_sample.ipynb bring them to bytes.
    decoded = model.idxBl_to_img(ids, same_shape=True, last_one=True)
    shown = decoded.add(1).mul(0.5).mul(255).permute(0, 2, 3, 1).to(torch.uint8)
    print("in use", [len(one.unique()) for one in ids], "of pixels", float(decoded.std()))
    name = "var." if FULL else ""
    if not FULL:
        tensors["crops"] = crops
    tensors[f"{name}ids"] = torch.cat(ids, 1).int()
    tensors[f"{name}decoded"] = shown.contiguous()
    save_file(tensors, FULL or here / "expected.safetensors")
    if FULL:
        FULL.with_suffix(".json").write_text(json.dumps({"var": {"weights": {"model.safetensors": shapes}}}) + "\n")
        return
    # Which of the four convolutions each scale has, by how many scales there are.
    partly = shared(torch.nn.ModuleList([torch.nn.Identity() for _ in range(4)]))
    place = lambda at: next(i for i, one in enumerate(partly.qresi_ls) if one is partly[at])
    phis = {count: [place(i / (count - 1)) for i in range(count)] for count in range(2, 17)}
    (here / "shapes.json").write_text(json.dumps({"tensors": shapes, "phis": phis}) + "\n")


main()
