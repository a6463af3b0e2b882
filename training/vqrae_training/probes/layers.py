"""Which blocks hold pixels? Closed-form answers before any training. They help you choose `codebook.layers`.

    python -m vqrae_training probe-layers --encoder runs/foundation/encoder --data train.tar --codes 4096

For each choice of blocks it prints three PSNRs on held-out images: (1) of the ridge regression of a token's q x q pixels on its
features; (2) of the mean patch of the nearest code, with the regression as projection, as `SimVQ.initialise_from_data` sets it
up; (3) of the same, with the features themselves as the space of the codes.
"""

from __future__ import annotations

import argparse
import random

import torch
from torch import Tensor

from ..data.images import normalise
from ..data.sources import read_source
from ..data.views import ViewOptions, make_view, stack
from ..models.decoder import pixel_patches
from ..models.encoder import load_encoder
from ..models.quantizer import SimVQ, k_means, nearest, ridge
from ..models.vqrae import quantizer_input


def patch_psnr(a: Tensor, b: Tensor) -> float:
    """Return the PSNR in dB over all patches of pixels in [-1, 1]."""
    return (10 * torch.log10(4 / (a - b).square().mean())).item()


def code_mean_psnr(z: Tensor, y: Tensor, codes: Tensor, train: int) -> float:
    """Decode each held-out token as the mean training patch of its code."""
    ids = torch.cat([nearest(part, codes) for part in z.split(8192)])
    counts = torch.bincount(ids[:train], minlength=len(codes))[:, None]
    sums = torch.zeros(len(codes), y.shape[1]).index_add_(0, ids[:train], y[:train])
    means = torch.where(counts > 0, sums / counts.clamp_min(1), y[:train].mean(0))
    return patch_psnr(means[ids[train:]], y[train:])


@torch.no_grad()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--images", type=int, default=700)
    parser.add_argument("--patch", type=int, default=8, help="q: pixels of one token's square")
    parser.add_argument("--codes", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    encoder = load_encoder(args.encoder).eval()
    blocks = tuple(range(1, encoder.num_layers + 1))
    items = read_source(args.data)
    random.Random(0).shuffle(items)
    options = ViewOptions(encoder.image_size, encoder.grid * args.patch)
    x, y = stack([make_view(item, options, i) for i, item in enumerate(items[: args.images])])
    hidden = [encoder(normalise(part, encoder.mean, encoder.std), blocks) for part in x.split(32)]
    taps = [torch.cat([h[k] for h in hidden]) for k in range(len(blocks))]
    patches = pixel_patches(y.float() / 127.5 - 1, args.patch).flatten(0, 1)
    train = int(0.85 * len(x)) * encoder.grid**2

    last = blocks[-1]
    print(f"{len(x)} images, q = {args.patch}, K = {args.codes}; PSNR in dB\n")
    print("| blocks | linear | codes, regression as projection | codes, features as they are |\n|---|---|---|---|")
    single = sorted({k for k in (1, 2, 3, 4, 6, 9, last) if k <= last})
    for chosen in [(k,) for k in single] + [(k, last) for k in (1, 2, 3) if k < last]:
        features = quantizer_input([taps[k - 1] for k in chosen], encoder.prefix, normalize=True).flatten(0, 1)
        quantizer = SimVQ(args.codes, patches.shape[1], features.shape[1], 1)
        quantizer.initialise_from_data(features[:train], patches[:train])
        z = quantizer.in_proj(features)
        centred, wanted = features - features[:train].mean(0), patches - patches[:train].mean(0)
        linear = patch_psnr(centred[train:] @ ridge(centred[:train], wanted[:train]).T, wanted[train:])
        with_projection = code_mean_psnr(z, patches, quantizer.codebook.weight, train)
        plain = k_means(features[:train], features[:train][torch.randperm(train)[: args.codes]], 2)
        as_they_are = code_mean_psnr(features, patches, plain, train)
        print(f"| {' + '.join(map(str, chosen))} | {linear:.2f} | {with_projection:.2f} | {as_they_are:.2f} |", flush=True)
