"""How many pixels should a token give back? Compare the same tokens at q = 4, 8 and 16, without training a decoder.

    python -m vqrae_training probe-output-size --encoder runs/foundation/encoder --data train.tar --photos examples/images \
        --picture output-size.png

Each q gets a codebook as stage 1 starts it, and every code is decoded as the mean training patch of its tokens. The command
prints the photos' PSNR at the output's own size, and after bicubic enlargement against the encoder's whole view, which is what
a person compares. The picture has the photos in a row, then one row for each q.
"""

from __future__ import annotations

import argparse
import random

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..data.images import centre_crop, normalise, random_view, to_uint8
from ..data.sources import read_source
from ..metrics.pixels import psnr
from ..models.decoder import pixel_patches
from ..models.encoder import load_encoder
from ..models.quantizer import SimVQ, nearest
from ..models.vqrae import quantizer_input


def resized(views: Tensor, side: int) -> Tensor:
    """Resize uint8 [n, 3, H, W] to [n, 3, side, side] with Pillow."""
    images = [Image.fromarray(v.permute(1, 2, 0).numpy()).resize((side, side), Image.Resampling.BICUBIC) for v in views]
    return torch.stack([to_uint8(i) for i in images])


@torch.no_grad()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--photos", required=True)
    parser.add_argument("--picture", required=True)
    parser.add_argument("--layers", type=int, nargs="+", default=[2, 12])
    parser.add_argument("--codes", type=int, default=8192)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    encoder = load_encoder(args.encoder).eval()
    size, grid, layers = encoder.image_size, encoder.grid, tuple(args.layers)

    def tokens(views: Tensor) -> Tensor:
        hidden = [encoder(normalise(part, encoder.mean, encoder.std), layers) for part in views.split(32)]
        return torch.cat([quantizer_input(h, encoder.prefix, normalize=True) for h in hidden]).flatten(0, 1)

    rng = random.Random(0)
    items = read_source(args.data)
    rng.shuffle(items)
    train = torch.stack([to_uint8(random_view(i.open(), size, rng, (0.6, 1.0), 0.0)) for i in items[: args.images]])
    photos = torch.stack([to_uint8(centre_crop(i.open(), size)) for i in read_source(args.photos)])
    train_tokens, photo_tokens = tokens(train), tokens(photos)

    rows = [photos]
    print("| q | output | PSNR at that size (dB) | PSNR enlarged to the encoder's view (dB) |\n|---|---|---|---|")
    for q in (4, 8, 16):
        side = grid * q
        patches = pixel_patches(resized(train, side).float() / 127.5 - 1, q).flatten(0, 1)
        quantizer = SimVQ(args.codes, min(256, patches.shape[1]), train_tokens.shape[1], 1)
        quantizer.initialise_from_data(train_tokens, patches)
        codes = quantizer.codebook.weight
        ids = torch.cat([nearest(z, codes) for z in quantizer.in_proj(train_tokens).split(8192)])
        counts = torch.bincount(ids, minlength=len(codes))[:, None]
        means = torch.zeros(len(codes), patches.shape[1]).index_add_(0, ids, patches) / counts.clamp_min(1)
        decoded = means[nearest(quantizer.in_proj(photo_tokens), codes)].view(len(photos), grid**2, -1)
        pixels = F.fold(decoded.transpose(1, 2), (side, side), q, stride=q)
        pixels = ((pixels + 1) * 127.5).round().clamp(0, 255).byte()
        enlarged = resized(pixels, size)
        own, seen = psnr(pixels, resized(photos, side)).mean(), psnr(enlarged, photos).mean()
        print(f"| {q} | {side} x {side} | {own:.2f} | {seen:.2f} |", flush=True)
        rows.append(enlarged)
    picture = torch.cat([torch.cat(list(row), 2) for row in rows], 1)
    Image.fromarray(picture.permute(1, 2, 0).numpy()).save(args.picture)
