"""Expected outputs of the shipped model on the example photos, by PyTorch and Pillow.

    python test/golden/model/make.py

Writes expected.safetensors beside this file. For each photo:
    <name>.ids        [t] int32        the nearest codes
    <name>.others     [t] int32        the second nearest codes
    <name>.gaps       [t]              how much farther those are: difference of squared distances over the smaller one
    <name>.pixels     [H, W, 3] uint8  decoded from the ids
and for the first photo, of the last layer after the final LayerNorm:
    <name>.features   [t, d]
    <name>.class_token [d]
Run it again whenever models/vqrae-tiny changes.
"""

import sys
from pathlib import Path

import PIL
import torch
from PIL import Image
from safetensors.torch import save_file

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "training"))

from vqrae_training.models.checkpoint import load_checkpoint  # noqa: E402
from vqrae_training.data.images import centre_crop, normalise, to_uint8  # noqa: E402


def runners_up(x: torch.Tensor, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Quantizer input [t, layers * d] and its ids [t] -> the nearest code that is another, and its gap, in float64."""
    q = model.quantizer
    distances = torch.cdist(q.in_proj(x).double(), q.effective_codebook().double()).square()
    own = distances.gather(1, ids[:, None])[:, 0]
    other = distances.scatter(1, ids[:, None], torch.inf).min(1)
    return other.indices.int(), ((other.values - own) / own).float()


model = load_checkpoint(ROOT / "models" / "vqrae-tiny").eval()
tensors = {}
with torch.no_grad():
    for i, path in enumerate(sorted((ROOT / "examples" / "images").glob("*.jpg"))):
        view = centre_crop(Image.open(path).convert("RGB"), model.encoder.image_size)
        hidden = model.encoder(normalise(to_uint8(view)[None], model.encoder.mean, model.encoder.std), model.taps)
        x = model.quantizer_input(hidden)
        ids = model.quantizer(x).ids
        pixels = (model.decode(ids)[0].permute(1, 2, 0) * 255).round().byte()
        tensors[f"{path.stem}.ids"] = ids[0].int()
        tensors[f"{path.stem}.others"], tensors[f"{path.stem}.gaps"] = runners_up(x[0], ids[0])
        tensors[f"{path.stem}.pixels"] = pixels.contiguous()
        if i == 0:
            tokens = model.encoder.final_norm(hidden[-1])[0]
            tensors[f"{path.stem}.class_token"] = tokens[0].contiguous()
            tensors[f"{path.stem}.features"] = tokens[1:].contiguous()
save_file(tensors, HERE / "expected.safetensors", {"torch": torch.__version__, "pillow": PIL.__version__})
