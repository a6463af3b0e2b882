"""Writes what FoundationVision/UniTok's own code makes of three pictures, on a tiny model.

    pip install torch numpy pillow safetensors timm
    python make_unitok.py <checkout of FoundationVision/UniTok at bb8012e> [--full-size <file>]

Made with torch 2.13, timm 1.0.29 and Pillow 12.3. The sizes of ViTamin-B are replaced in its source, and nothing else is. Weights are those of
`weight` of ../tokenizers/originals.py, a formula that the test has too: the fixture holds the tensors' names and shapes alone.
With --full-size the model has the published sizes, of ViTamin-L, and the file is for scripts/full-size/tokenizers.ts.
"""

import inspect
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
SIDE = 256 if FULL else 64
SIZES = {
    "embed_dim=(128, 256, 768)": "embed_dim=(16, 32, 128)",
    "stem_width=128": "stem_width=16",
    "embed_dim=768, depth=14, num_heads=12": "embed_dim=128, depth=2, num_heads=2",
    "'vitamin_base': (768, 256, 128)": "'vitamin_base': (128, 32, 16)",
}


def module(name: str, **members):
    made = types.ModuleType(name)
    made.__dict__.update(members)
    sys.modules[name] = made
    return made


def own(name: str, replacements: dict[str, str] = {}):
    """A module of the repository, its sizes replaced."""
    source = (repository / "models" / f"{name}.py").read_text()
    for old, new in replacements.items():
        assert old in source, old
        source = source.replace(old, new)
    made = module(f"models.{name}")
    exec(compile(source, f"models/{name}.py", "exec"), made.__dict__)
    return made


def without_unknown(kind: type) -> None:
    """Lets a class be made by a newer timm, which hands its layers more (a device and a dtype) than they take."""
    init = kind.__init__
    known = inspect.signature(init).parameters
    kind.__init__ = lambda self, *args, **kwargs: init(self, *args, **{k: v for k, v in kwargs.items() if k in known})


class Text(torch.nn.Module):
    """In the place of the text tower, which makes no picture."""

    context_length = vocab_size = 1

    def set_grad_checkpointing(self, _):
        pass


def unitok():
    module("models").__path__ = []
    module("utils", dist=None)
    module("utils.config", Args=None)
    module("open_clip")
    module("open_clip.model", _build_text_tower=lambda *_: Text())
    vitamin = own("vitamin", {} if FULL else SIZES)
    without_unknown(vitamin.HybridEmbed)
    without_unknown(vitamin.GeGluMlp)
    own("quant")
    own("vqvae")
    args = types.SimpleNamespace(
        num_query=0, model="vitamin_large" if FULL else "vitamin_base", img_size=SIDE, drop_path=0.0, quant_proj="attn",
        vocab_width=64 if FULL else 32, vocab_size=32768 if FULL else 64, num_codebooks=8 if FULL else 4, vq_beta=0.25, le=0.0,
        e_temp=0.01, grad_ckpt=False, text_width=1, text_heads=1, text_layers=1, text_vocab_size=1, text_context_length=1,
        embed_dim=768 if FULL else 8,
    )  # fmt: skip
    return own("unitok").UniTok(args).eval()


def prepare(image: Image.Image) -> np.ndarray:
    return resized_centre(image, int(SIDE * 1.125), SIDE, Image.BILINEAR)


@torch.no_grad()
def main():
    model = unitok()
    tensors = {}
    shapes = {}
    for key, value in model.state_dict().items():
        if key.endswith(("vocab_usage", "zero_k_bias", "pos_embed")):
            value.zero_()
        else:
            value.copy_(torch.from_numpy(weight(key, tuple(value.shape))))
        shapes[key] = list(value.shape)
    random = np.random.default_rng(3)
    sizes = ((300, 400),) if FULL else ((64, 64), (45, 70), (129, 90))
    images = [random.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in sizes]
    tensors |= {f"image.{i}": torch.from_numpy(image) for i, image in enumerate(images)}
    crops = torch.from_numpy(np.stack([prepare(Image.fromarray(image)) for image in images]))
    pixels = crops.permute(0, 3, 1, 2).float() / 255 * 2 - 1
    features = model.encoder(pixels)
    ids = model.img_to_idx(pixels)  # [n, codebooks, tokens]
    decoded = model.idx_to_img(ids)
    shown = decoded.add(1).mul(0.5 * 255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
    z = model.quant_proj(features).unflatten(-1, (-1, 8))
    for k, codebook in enumerate(model.quantizer.codebooks):
        best = (torch.nn.functional.normalize(z[:, :, k], dim=-1) @ codebook.codebook.get_norm_weight().T).topk(2).values
        print("codebook", k, "in use", len(ids[:, k].unique()), "least margin", float((best[..., 0] - best[..., 1]).min()))
    print("of features", float(features.std()), "of pixels", float(decoded.std()))
    name = "unitok." if FULL else ""
    if not FULL:
        tensors["crops"] = crops
    tensors[f"{name}features"] = features.contiguous()
    tensors[f"{name}ids"] = ids.transpose(1, 2).reshape(len(images), -1).int().contiguous()
    tensors[f"{name}decoded"] = shown.contiguous()
    save_file(tensors, FULL or here / "expected.safetensors")
    if FULL:
        model = {"weights": {"model.safetensors": shapes}, "zeros": ["zero_k_bias", "pos_embed", "vocab_usage"]}
        FULL.with_suffix(".json").write_text(json.dumps({"unitok": model}) + "\n")
    else:
        (here / "shapes.json").write_text(json.dumps(shapes) + "\n")


main()
