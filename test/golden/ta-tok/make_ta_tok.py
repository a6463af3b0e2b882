"""Writes what csuhan/Tar's own code makes of three pictures, with a tiny TA-Tok.

    pip install torch torchvision numpy pillow safetensors transformers
    python make_ta_tok.py <checkout of csuhan/Tar at 47da8e1> [--full-size <file>]

Made with torch 2.13, torchvision 0.28, transformers 5.18 and Pillow 12.3. Weights are those of `weight` of
../tokenizers/originals.py, a formula that the test has too: the fixture holds the tensors' names and shapes alone. Names are those
of transformers 4.50, which Tar pins: there the decoder's begin with "decoder.vision_model.". With --full-size the model has the sizes of
SigLIP2-so400m and the paper's 65536 codes of 1536 numbers, and the file is for scripts/full-size/tokenizers.ts.
"""

import json
import re
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import save_file

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "tokenizers"))
from originals import weight  # noqa: E402

repository = Path(sys.argv[1])
FULL = Path(sys.argv[3]) if "--full-size" in sys.argv else None
TINY = dict(hidden_size=48, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4)
SO400M = dict(hidden_size=1152, intermediate_size=4304, num_hidden_layers=27, num_attention_heads=16)
SIDE, PATCH, SIZES, CODES, CODE_DIM = (384, 14, SO400M, 65536, 1536) if FULL else (50, 6, TINY, 64, 24)


def rearrange(x, pattern, **sizes):
    """The patterns of einops that the tokenizer uses."""
    if pattern == "... -> (...)":
        return x.reshape(-1)
    if pattern == "b n d -> (b n) d":
        return x.reshape(-1, x.shape[-1])
    if pattern == "n d -> d n":
        return x.T
    if pattern == "b (p1 p2) c -> b c p1 p2":
        return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], sizes["p1"], sizes["p2"])
    if pattern == "b (h w) c -> b c h w":
        return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], sizes["h"], sizes["w"])
    if pattern == "b c p1 p2 -> b (p1 p2) c":
        return x.flatten(2).transpose(1, 2)
    raise ValueError(pattern)


def tokenizer_class():
    sys.modules.setdefault("einops", types.ModuleType("einops")).rearrange = rearrange
    sys.path.insert(0, str(repository))
    for name in ("tok", "tok.ar_dtok"):  # without their __init__, which would import the decoders of pixels
        package = types.ModuleType(name)
        package.__path__ = [str(repository / name.replace(".", "/"))]
        sys.modules[name] = package
    import tok.ar_dtok.bottleneck  # registers the two classes by name
    import tok.ta_tok

    return tok.ta_tok.TextAlignedTokenizer


def published(name: str) -> str:
    """The name in a file that transformers 4.50 wrote."""
    return re.sub(r"^decoder\.(?!vision_model\.)", "decoder.vision_model.", name)


@torch.no_grad()
def main():
    random = np.random.default_rng(3)
    sizes = ((300, 400),) if FULL else ((50, 50), (45, 70), (131, 40))
    images = [random.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in sizes]
    vision = dict(SIZES, image_size=SIDE, patch_size=PATCH)
    text = dict(TINY, vocab_size=16, max_position_embeddings=8, bos_token_id=0, eos_token_id=1, pad_token_id=1)
    simvq = dict(codebook_size=CODES, l2_normalized=True, stochastic=True, stochastic_temperature=0.03)
    regularizer = {"name": "simvq", "args": simvq}
    bottleneck = {"name": "bottleneck", "args": {"bottleneck_dim": CODE_DIM, "regularizer": regularizer}}
    with tempfile.TemporaryDirectory() as folder:
        transformers.SiglipConfig(text_config=text, vision_config=vision).save_pretrained(folder)
        model = tokenizer_class()(bottleneck=bottleneck, input_size=SIDE, teacher=folder, input_type="indices").eval()
    model.set_vq_eval_deterministic(True)
    shapes = {}
    for key, parameter in model.named_parameters():
        shapes[published(key)] = list(parameter.shape)
        parameter.copy_(torch.from_numpy(weight(published(key), tuple(parameter.shape))))
    shapes |= {name: [1, 3, 1, 1] for name in ("scale_layer.shift", "scale_layer.scale")}
    # As the tower of llava/model/multimodal_encoder/ta_tok_encoder.py, which trains and evaluates.
    processor = transformers.SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    prepared = processor([Image.fromarray(image) for image in images], return_tensors="pt")["pixel_values"]
    if FULL:
        model.scale_layer = type(model.scale_layer)(mean=[0.0] * 3, std=[1.0] * 3)
        encoded = model.encode(prepared)
        ids = encoded["bottleneck_rep"]
        tensors = {"image.0": torch.from_numpy(images[0]), "ta_tok.features": encoded["vq_feats"].contiguous()}
        tensors |= {"ta_tok.ids": ids.int(), "ta_tok.decoded_features": model.decode_from_bottleneck(ids).contiguous()}
        save_file(tensors, FULL)
        FULL.with_suffix(".json").write_text(json.dumps({"ta_tok": {"weights": {"model.safetensors": shapes}}}) + "\n")
        return
    own_scale, no_scale = model.scale_layer, type(model.scale_layer)(mean=[0.0] * 3, std=[1.0] * 3)
    tensors = {f"image.{i}": torch.from_numpy(image) for i, image in enumerate(images)}
    tensors["prepared"] = ((prepared + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()
    for scale in (1, 2, 3):
        model.scale_layer = no_scale
        encoded = model.encode(prepared, pool_scale=scale)
        ids = encoded["bottleneck_rep"]
        tensors[f"{scale}.features"] = encoded["vq_feats"].contiguous()
        tensors[f"{scale}.ids"] = ids.int()
        tensors[f"{scale}.decoded"] = model.decode_from_bottleneck(ids).contiguous()
        # As i2t_inference.py: a picture as a tensor, which torchvision resizes without rounding.
        model.scale_layer = own_scale
        pixels = [torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255 for image in images]
        own = [model.encode(one, pool_scale=scale)["bottleneck_rep"] for one in pixels]
        tensors[f"{scale}.inference_ids"] = torch.cat(own).int()
        print(scale, "of features", float(encoded["vq_feats"].std()), "ids", ids.unique().numel())
    save_file(tensors, here / "expected.safetensors")
    (here / "shapes.json").write_text(json.dumps(shapes, indent=1) + "\n")


main()
