"""The figures of one encoder or checkpoint. Each function takes images and gives a dict of plain numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..data.easy_vqa import EasyVQA
from ..data.images import encoder_view, normalise, to_uint8
from ..data.sources import Item
from ..losses.mobilenet import MobileNetV1
from ..metrics.pixels import blocking, psnr, ssim
from ..metrics.probes import linear_probe, nearest_neighbour, nearest_neighbour_accuracy
from ..models.encoder import Encoder
from ..models.quantizer import code_statistics
from ..models.vqrae import VQRAE
from .frechet import feature_statistics, frechet_distance
from .vqa import pool_tokens, vqa_accuracy

BATCH = 32

# Normalised pixels [n, 3, H, W] -> (class token [n, d] or None, patch tokens [n, t, d])
Tokenise = Callable[[Tensor], tuple[Tensor | None, Tensor]]


def _views(encoder: Encoder, items: list[Item]) -> list[Image.Image]:
    return [encoder_view(item.open(), encoder.image) for item in items]


def _pixels(encoder: Encoder, views: list[Image.Image]) -> Tensor:
    device = next(encoder.parameters()).device
    return normalise(torch.stack([to_uint8(v) for v in views]).to(device), encoder.mean, encoder.std)


@torch.no_grad()
def evaluate_reconstruction(model: VQRAE, items: list[Item], mobilenet: MobileNetV1 | None = None) -> dict:
    """Compare 8-bit reconstructions with the encoder's views, resized to the decoder's size (bicubic).

    Returns PSNR in dB (mean, worst), SSIM, blocking, the codebook's use and, with `mobilenet`, the Frechet distance on its
    features.
    """
    model.eval()
    originals, reconstructions, ids = [], [], []
    for start in range(0, len(items), BATCH):
        views = _views(model.encoder, items[start : start + BATCH])
        out = model(_pixels(model.encoder, views))
        side = out.pixels.shape[-1]
        originals.append(torch.stack([to_uint8(v.resize((side, side), Image.Resampling.BICUBIC)) for v in views]))
        reconstructions.append((out.pixels.float().clamp(0, 1) * 255).round().byte().cpu())
        ids.append(out.quantized.ids.cpu())
    a, b = torch.cat(originals), torch.cat(reconstructions)
    ratios = psnr(a, b)
    similarity = torch.cat([ssim(p, q) for p, q in zip(a.split(BATCH), b.split(BATCH), strict=True)])
    result = {"images": len(items), "psnr": ratios.mean().item(), "psnr_worst": ratios.min().item()}
    result |= {"ssim": similarity.mean().item(), "blocking": blocking(b, model.decoder.config.patch_size)}
    if mobilenet is not None:
        result["frechet_mobilenet"] = frechet_distance(*feature_statistics(mobilenet, a), *feature_statistics(mobilenet, b))
    size = model.quantizer.size
    used, perplexity = code_statistics(torch.bincount(torch.cat(ids).flatten(), minlength=size))
    return result | {"codes": used, "size": size, "utilization": used / size, "perplexity": perplexity}


def evaluate_encoder(
    encoder: Encoder, train: list[Item], val: list[Item], vqa: EasyVQA | None = None, seed: int = 0
) -> dict:
    """Run the probes on the encoder's continuous features: its last block's tokens after the final norm."""

    def features(pixels: Tensor) -> tuple[Tensor | None, Tensor]:
        hidden = encoder.final_norm(encoder(pixels, (encoder.num_layers,))[-1]).float()
        return (hidden[:, 0] if encoder.prefix else None), hidden[:, encoder.prefix :]

    return _probe(features, encoder.eval(), train, val, vqa, seed)


def evaluate_discrete(model: VQRAE, train: list[Item], val: list[Item], vqa: EasyVQA | None = None, seed: int = 0) -> dict:
    """Run the same probes on the codebook's vectors [t, e] of an image's ids. There is no class token."""
    with torch.no_grad():
        codes = model.quantizer.effective_codebook().float()

    def vectors(pixels: Tensor) -> tuple[None, Tensor]:
        ids = model.quantizer(model.quantizer_input(model.encoder(pixels, model.taps))).ids
        return None, F.embedding(ids, codes)

    model.eval()
    return _probe(vectors, model.encoder, train, val, vqa, seed)


class Embedded(NamedTuple):
    pooled: dict[str, Tensor]  # "class_token" where there is one, "mean_patch": float32 [n, d]
    tokens: Tensor | None  # float16 [n, t, d], at most 14 x 14 a side


@torch.no_grad()
def embed(tokenise: Tokenise, encoder: Encoder, items: list[Item], keep_tokens: bool) -> Embedded:
    """Return every image's vectors and, with `keep_tokens`, its tokens for a head to learn from."""
    pooled: dict[str, list[Tensor]] = {}
    kept = []
    for start in range(0, len(items), BATCH):
        class_token, patches = tokenise(_pixels(encoder, _views(encoder, items[start : start + BATCH])))
        pooled.setdefault("mean_patch", []).append(patches.mean(1).cpu())
        if class_token is not None:
            pooled.setdefault("class_token", []).append(class_token.cpu())
        if keep_tokens:
            kept.append(pool_tokens(patches).half().cpu())
    return Embedded({name: torch.cat(parts) for name, parts in pooled.items()}, torch.cat(kept) if kept else None)


def _probe(
    tokenise: Tokenise, encoder: Encoder, train: list[Item], val: list[Item], vqa: EasyVQA | None, seed: int
) -> dict:
    """Return {"class_token": {...} (where there is one), "mean_patch": {...}, "vqa": {...}}, all shares from 0 to 1."""
    labels, wanted = [i.label for i in train], [i.label for i in val]
    gallery, queries = (embed(tokenise, encoder, items, keep_tokens=False).pooled for items in (train, val))
    result: dict = {}
    for name in sorted(gallery):
        g, q = gallery[name], queries[name]
        probe = linear_probe(g, labels, q, wanted)
        result[name] = {
            "nn1": nearest_neighbour_accuracy(g, labels, q, wanted),
            "nn1_leave_one_out": nearest_neighbour(q, wanted),
            "linear_probe": probe["accuracy"],
            "linear_probe_C": probe["C"],
        }
    if vqa is not None:
        seen, unseen = (embed(tokenise, encoder, split.images, keep_tokens=True).tokens for split in (vqa.train, vqa.test))
        result["vqa"] = vqa_accuracy(seen, unseen, vqa, seed)
    return result
