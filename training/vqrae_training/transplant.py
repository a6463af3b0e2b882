"""Start a tokenizer on another encoder with the decoder of a trained one, so that stage 1 need not learn to draw again.

    python -m vqrae_training transplant --from models/vqrae-tiny --encoder deit-tiny --data train.tar --out start.safetensors \
        --set codebook.size=16384
    python -m vqrae_training train --stage 1 --encoder deit-tiny --init start.safetensors --set codebook.init=default ...

The codebook starts from the new encoder's features and pixels, as stage 1 starts it. The projection after it is the ridge
regression of the old decoder's input on the new codes, over the same pictures. The decoder's sizes, the grid of tokens and the
output's size must be the old model's.
"""

from __future__ import annotations

import argparse
import json

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from .config import RunConfig, load_config
from .data.images import normalise
from .data.sources import read_sources
from .data.views import ViewOptions, Views, stack
from .engine.precision import bfloat16_products
from .engine.runs import build_model
from .errors import UserError
from .models.checkpoint import load_checkpoint
from .models.encoder import load_encoder
from .models.quantizer import nearest, ridge
from .models.vqrae import VQRAE
from .train import initialise_codebook

BATCH = 32


@torch.no_grad()
def transplant(config: RunConfig, old: VQRAE, images: int) -> tuple[VQRAE, float]:
    """Return the new model, and the share of the old decoder's input that the new codes explain (R squared).

    images: how many views the regression sees. Raises UserError where the decoders differ in their sizes.
    """
    new = build_model(config, load_encoder(config.encoder.folder)).eval()
    if new.decoder.config != old.decoder.config or new.encoder.grid != old.encoder.grid:
        raise UserError(f"Expected a decoder as the new one, {new.decoder.config}, but received {old.decoder.config}")
    if new.encoder.image_size != old.encoder.image_size:
        raise UserError(f"Expected an encoder at {new.encoder.image_size} pixels but received {old.encoder.image_size}")
    target = new.encoder.grid * new.decoder.config.patch_size
    options = ViewOptions(new.encoder.image_size, target, config.data.crop, config.data.flip, config.run.seed)
    views = Views(*read_sources(config.data.train), options)
    initialise_codebook(new, views, False, torch.device("cpu"))
    new.decoder.load_state_dict(old.decoder.state_dict())
    codes = new.quantizer.effective_codebook()
    chosen, wanted = [], []
    for first in range(0, min(images, len(views)), BATCH):
        x, _ = stack([views[i] for i in range(first, min(first + BATCH, images, len(views)))])
        wanted.append(_vectors(old, x).flatten(0, 1))
        z = new.quantizer.in_proj(_features(new, x)).flatten(0, 1)
        chosen.append(F.embedding(nearest(z, codes), codes))
    x, y = torch.cat(chosen), torch.cat(wanted)
    weight = ridge(x - x.mean(0), y - y.mean(0))
    new.quantizer.out_proj.weight.copy_(weight)
    new.quantizer.out_proj.bias.copy_(y.mean(0) - weight @ x.mean(0))
    left = (new.quantizer.out_proj(x) - y).square().mean() / (y - y.mean(0)).square().mean()
    return new, 1 - left.item()


def _features(model: VQRAE, pixels: Tensor) -> Tensor:
    """Return the quantizer's input for uint8 pixels [n, 3, H, W]."""
    encoder = model.encoder
    return model.quantizer_input(encoder(normalise(pixels, encoder.mean, encoder.std), model.taps))


def _vectors(model: VQRAE, pixels: Tensor) -> Tensor:
    """Return the decoder's input for uint8 pixels [n, 3, H, W]."""
    return model.quantizer(_features(model, pixels)).vectors


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="tiny-cpu", help="of the new model's stage 1")
    parser.add_argument("--from", dest="source", required=True, help="checkpoint folder of the trained tokenizer")
    parser.add_argument("--encoder", required=True, help="folder of the new encoder")
    parser.add_argument("--data", nargs="+", required=True, help="folders or tars; the first views decide")
    parser.add_argument("--images", type=int, default=512, help="views that the regression sees")
    parser.add_argument("--out", required=True, help="a .safetensors file for `train --init`")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="section.key=value")
    args = parser.parse_args(argv)
    named = [f"encoder.folder={json.dumps(args.encoder)}", f"data.train={json.dumps(args.data)}"]
    config = load_config(args.preset, 1, named + args.set)
    torch.manual_seed(config.run.seed)
    with bfloat16_products(config.run.bf16):
        model, explained = transplant(config, load_checkpoint(args.source).eval(), args.images)
    parts = {name: t.contiguous() for name, t in model.state_dict().items() if not name.startswith("encoder.")}
    save_file(parts, args.out, metadata={"format": "pt"})
    print(f"{args.out}: the new codes explain {100 * explained:.1f} % of the old decoder's input")
