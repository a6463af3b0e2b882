"""Writes what FoundationVision/VAR's own code makes of three pictures, with a tiny multi-scale tokenizer.

    pip install torch numpy pillow safetensors
    python make_var.py <checkout of FoundationVision/VAR at 78b9539> [--full-size <file>]

Made with torch 2.13 and Pillow 12.3. Weights are those of `weight` of ../tokenizers/make_tokenizers.py, a formula that the test has too: the
fixture holds the tensors' names and shapes alone. With --full-size the model has the sizes of vae_ch160v4096z32.pth, and the file
is for scripts/full-size/tokenizers.ts.
"""

import ast
import json
import math
import sys
import types
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

here = Path(__file__).resolve().parent
repository = Path(sys.argv[1])
FULL = Path(sys.argv[3]) if "--full-size" in sys.argv else None
SCALES = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16) if FULL else (1, 2, 3, 4, 5)
SIDE = 16 * SCALES[-1]
SIZES = dict(ch=160, vocab_size=4096, z_channels=32) if FULL else dict(ch=32, vocab_size=64, z_channels=8)


def function(path: Path, name: str, **scope):
    """One function of a script, which imports or does more than is wanted here."""
    node = next(node for node in ast.parse(path.read_text()).body if getattr(node, "name", "") == name)
    exec(compile(ast.Module([node], []), name, "exec"), scope)
    return scope[name]


weight = function(here.parent / "tokenizers/make_tokenizers.py", "weight", np=np, math=math, zlib=zlib)


def vqvae():
    sys.modules["dist"] = types.ModuleType("dist")  # of training alone
    package = types.ModuleType("models")  # without its __init__, which imports the transformer
    package.__path__ = [str(repository / "models")]
    sys.modules["models"] = package
    import models.quant
    import models.vqvae

    return models.vqvae.VQVAE(v_patch_nums=SCALES, **SIZES), models.quant.PhiPartiallyShared


def prepare(image: Image.Image) -> np.ndarray:
    # utils/data.py: torchvision's Resize(round(1.125 * SIDE), LANCZOS) and CenterCrop(SIDE) on Pillow images.
    edge = round(1.125 * SIDE)
    width, height = image.size
    short = min(width, height)
    image = image.resize((int(edge * width / short), int(edge * height / short)), Image.LANCZOS)
    left, top = (int(round((own - SIDE) / 2.0)) for own in image.size)
    return np.asarray(image.crop((left, top, left + SIDE, top + SIDE)))


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
