"""The two-stage recipe (VQRAE section 3.3, Table 7), one loop for both.

    stage 1: the encoder is frozen and its features cached; quantizer and decoder learn to give the pixels back
    stage 2: everything learns; self-distillation holds the encoder's features to those of its frozen copy

    python -m vqrae_training.train --stage 1 --encoder runs/foundation/encoder --data train.tar coco.tar*16 \
        --val val.tar --perceptual mobilenet_v1.tflite --out runs/stage1 --steps 2000

A killed run continues from `last.pt` under --out when started again with the same arguments.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from .losses.adversarial import LeCam, PatchDiscriminator, adaptive_weight, hinge_loss
from .data.cache import FeatureCache, build_cache, make_views
from .models.checkpoint import load_encoder, save_checkpoint
from .models.decoder import DecoderConfig, pixel_patches
from .data.images import Item, centre_crop, normalise, read_source, to_uint8
from .evaluate.metrics import blocking, psnr
from .losses.mobilenet import MobileNetV1, perceptual_distance
from .models.vqrae import VQRAE, CodebookConfig, VQRAEConfig


class Validation:
    """Fixed images: centre crops for the encoder, the same at the decoder's size as targets."""

    def __init__(self, items: list[Item], size: int, target: int):
        crops = [centre_crop(i.open(), size) for i in items]
        self.pixels = torch.stack([to_uint8(c) for c in crops])
        self.targets = torch.stack([to_uint8(c.resize((target, target), Image.Resampling.BICUBIC)) for c in crops])

    @torch.no_grad()
    def run(self, model: VQRAE, teacher: nn.Module | None, bf16: bool) -> tuple[dict, Tensor]:
        """PSNR per image on 8-bit values (mean, worst), codes used, perplexity; and the reconstructions, uint8."""
        pixels, ids, drift = [], [], []
        device = model.quantizer.codebook.weight.device
        for i in range(0, len(self.pixels), 32):
            x = normalise(self.pixels[i : i + 32].to(device))
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                out = model(x)
                if teacher is not None:
                    reference = teacher(x, (model.config.encoder.num_hidden_layers,))[-1]
                    drift.append(F.cosine_similarity(out.hidden[-1].float(), reference.float(), dim=-1).mean())
            pixels.append((out.pixels.clamp(0, 1) * 255).round().byte().cpu())
            ids.append(out.quantized.ids.cpu())
        y = torch.cat(pixels)
        ratios = psnr(y, self.targets)
        counts = torch.bincount(torch.cat(ids).flatten(), minlength=model.config.codebook.size)
        p = counts / counts.sum()
        perplexity = math.exp(-(p[p > 0] * p[p > 0].log()).sum().item())
        result = {"val_psnr": ratios.mean().item(), "val_psnr_worst": ratios.min().item()}
        result["val_blocking"] = blocking(y, model.config.decoder.patch_size)
        result |= {"val_codes": int((counts > 0).sum()), "val_perplexity": perplexity}
        if drift:
            result["teacher_cosine"] = torch.stack(drift).mean().item()
        return result, y


def gradient_error(a: Tensor, b: Tensor) -> Tensor:
    """MSE of the differences between neighbouring pixels: what shows as a seam between two tokens' squares."""
    d = a - b
    return d.diff(dim=-1).square().mean() + d.diff(dim=-2).square().mean()


def save_grid(path: Path, originals: Tensor, reconstructions: Tensor, columns: int = 8) -> None:
    """Pairs of rows: originals above their reconstructions."""
    rows = []
    for i in range(0, len(originals), columns):
        for images in (originals, reconstructions):
            rows.append(torch.cat(list(images[i : i + columns]), 2))
    grid = torch.cat(rows, 1).permute(1, 2, 0).numpy()
    Image.fromarray(grid).resize((grid.shape[1] * 2, grid.shape[0] * 2), Image.Resampling.NEAREST).save(path)


def build_model(args: argparse.Namespace) -> VQRAE:
    encoder = load_encoder(args.encoder)
    width = encoder.config.hidden_size
    layers = encoder.config.num_hidden_layers
    config = VQRAEConfig(
        encoder.config,
        CodebookConfig(args.codebook_size, args.codebook_dim, layers=tuple(args.codebook_layers or (layers,))),
        DecoderConfig(
            hidden_size=width,
            intermediate_size=encoder.config.intermediate_size,
            heads=encoder.config.num_attention_heads,
            layers=args.decoder_layers or layers,
            patch_size=args.decoder_patch,
        ),
    )
    model = VQRAE(config)
    model.encoder.load_state_dict(encoder.state_dict())
    return model


def parameter_groups(model: VQRAE, args: argparse.Namespace) -> list[dict]:
    """Quantizer and decoder at `lr`; the encoder, in stage 2, at a tenth of it. No decay on vectors and embeddings."""

    def split(module: nn.Module, rate: float) -> list[dict]:
        named = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
        plain = [p for n, p in named if p.ndim < 2 or "embeddings" in n]
        decayed = [p for n, p in named if not (p.ndim < 2 or "embeddings" in n)]
        return [
            {"params": decayed, "rate": rate, "weight_decay": args.weight_decay},
            {"params": plain, "rate": rate, "weight_decay": 0.0},
        ]

    groups = split(model.quantizer, args.lr) + split(model.decoder, args.lr)
    return groups + split(model.encoder, args.lr * args.encoder_lr_factor) if args.stage == 2 else groups


def schedule(step: int, args: argparse.Namespace) -> float:
    """Linear warm-up, then cosine to `end_factor`."""
    if step < args.warmup:
        return (step + 1) / args.warmup
    progress = (step - args.warmup) / max(1, args.steps - args.warmup)
    return args.end_factor + (1 - args.end_factor) * 0.5 * (1 + math.cos(math.pi * progress))


def train(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    device = torch.device(args.device)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    model = build_model(args).to(device)
    grid, size = model.config.encoder.grid, model.config.encoder.image_size
    target = grid * model.config.decoder.patch_size

    items: list[Item] = []
    repeats: list[int] = []
    for spec in args.data:  # PATH or PATH*N for N views of each image
        path, _, times = spec.partition("*")
        source = read_source(path)
        items += source
        repeats += [int(times or 1)] * len(source)
    validation = Validation(read_source(args.val)[:: args.val_every], size, target)
    perceptual = MobileNetV1(args.perceptual).to(device) if args.perceptual else None

    teacher = None
    if args.stage == 1:
        if args.init:
            model.load_state_dict(torch.load(args.init, map_location=device)["model"])
        model.encoder.requires_grad_(False)
        cache_folder = Path(args.cache or out / "cache")
        build_cache(model, items, repeats, cache_folder, target, args.seed, args.bf16)
        cache = FeatureCache(cache_folder)
    else:
        if not args.init:
            raise SystemExit("Expected --init (a stage-1 checkpoint) for stage 2 but received none")
        model.load_state_dict(torch.load(args.init, map_location=device)["model"])
        # T: the encoder as stage 1 froze it. The position of the pairs is fixed: views are drawn anew every step.
        teacher = copy.deepcopy(model.encoder).requires_grad_(False)

    groups = parameter_groups(model, args)
    parameters = [p for g in groups for p in g["params"]]
    optimiser = torch.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.95))
    discriminator = lecam = None
    if args.gan_weight:
        discriminator, lecam = PatchDiscriminator(args.gan_width).to(device), LeCam().to(device)
        gan_optimiser = torch.optim.AdamW(discriminator.parameters(), lr=args.gan_lr, betas=(0.5, 0.9), weight_decay=1e-4)
    step, last = 0, out / "last.pt"
    if last.exists():
        state = torch.load(last, map_location=device)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        if teacher is not None:
            teacher.load_state_dict(state["teacher"])
        if discriminator is not None:
            for name, part in (("d", discriminator), ("lecam", lecam), ("d_optimiser", gan_optimiser)):
                part.load_state_dict(state[name])
        step = state["step"]
        print(f"resumed at step {step}", flush=True)
    elif args.stage == 1 and not args.init:
        tokens, y = cache.sample(0, 512, args.seed + 1)  # about 100,000 tokens
        patches = pixel_patches(y.to(device).float() / 127.5 - 1, model.config.decoder.patch_size)
        linear = model.quantizer.initialise_from_data(tokens.to(device).float().flatten(0, 1), patches.flatten(0, 1))
        print(f"codebook initialised; pixels linearly in the features: {linear:.2f} dB", flush=True)

    log = (out / "metrics.jsonl").open("a")

    def report(values: dict) -> None:
        line = json.dumps({"step": step, **{k: round(v, 5) if isinstance(v, float) else v for k, v in values.items()}})
        for stream in (log, None):
            print(line, file=stream, flush=True)

    def save() -> None:
        state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step}
        if teacher is not None:
            state["teacher"] = teacher.state_dict()
        if discriminator is not None:
            state |= {"d": discriminator.state_dict(), "lecam": lecam.state_dict()}
            state["d_optimiser"] = gan_optimiser.state_dict()
        torch.save(state, out / "last.tmp")
        (out / "last.tmp").replace(last)

    def validate() -> None:
        result, y = validation.run(model, teacher, args.bf16)
        report(result)
        shown = torch.linspace(0, len(y) - 1, 16).long()
        save_grid(out / f"val_{step:06d}.png", validation.targets[shown], y[shown])

    used = torch.zeros(model.config.codebook.size, dtype=torch.long)
    running: list[list[float]] = []
    started = time.time()
    while step < args.steps:
        for group in optimiser.param_groups:
            group["lr"] = group["rate"] * schedule(step, args)
        if args.stage == 1:
            tokens, y = cache.sample(step, args.batch, args.seed)
        else:
            rng = random.Random(args.seed * 7919 + step)
            x, y = make_views(rng.choices(items, weights=repeats, k=args.batch), size, target, rng)
        y = y.to(device).float() / 255
        distill = torch.zeros((), device=device)
        with torch.autocast(device.type, torch.bfloat16, enabled=args.bf16):
            if args.stage == 1:
                quantized = model.quantizer(tokens.to(device))
            else:
                x = normalise(x.to(device))
                hidden = model.encoder(x, model.taps)
                quantized = model.quantizer(model.quantizer_input(hidden))
                with torch.no_grad():
                    reference = teacher.layernorm(teacher(x, (model.taps[-1],))[-1])
                distill = F.mse_loss(model.encoder.layernorm(hidden[-1]).float(), reference.float())
            pixels = model.decoder(quantized.vectors)
            perceived = torch.zeros((), device=device)
            if perceptual is not None:
                part = slice(0, max(1, round(args.batch * args.perceptual_fraction)))
                with torch.no_grad():
                    wanted = perceptual(y[part])
                perceived = perceptual_distance(perceptual(pixels[part]), wanted)
        # Pixels in [-1, 1] for the loss, as decoders of this kind are trained: 4x the MSE of [0, 1].
        mse = 4 * F.mse_loss(pixels, y)
        loss = mse + args.perceptual_weight * perceived + quantized.loss + args.distill_weight * distill
        if args.gradient_weight:
            loss = loss + args.gradient_weight * 4 * gradient_error(pixels, y)
        generator, d_loss = torch.zeros((), device=device), torch.zeros((), device=device)
        # The discriminator learns from `gan_start`; the decoder answers to it `gan_wait` steps later.
        if discriminator is not None and step >= args.gan_start + args.gan_wait:
            discriminator.requires_grad_(False)
            with torch.autocast(device.type, torch.bfloat16, enabled=args.bf16):
                generator = -discriminator(pixels).float().mean()
            discriminator.requires_grad_(True)
            loss = loss + args.gan_weight * adaptive_weight(mse, generator, model.decoder.head.weight) * generator
        if not torch.isfinite(loss):
            raise SystemExit(f"Expected a finite loss but received {loss.item()} at step {step}; last.pt is kept")
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        if discriminator is not None and step >= args.gan_start:
            with torch.autocast(device.type, torch.bfloat16, enabled=args.bf16):
                real, fake = discriminator(y).float(), discriminator(pixels.detach().clamp(0, 1)).float()
            d_loss = hinge_loss(real, fake)
            gan_optimiser.zero_grad(set_to_none=True)
            (d_loss + args.lecam_weight * lecam(real, fake)).backward()
            gan_optimiser.step()
        step += 1
        used += torch.bincount(quantized.ids.flatten().cpu(), minlength=len(used))
        running.append([loss.item(), mse.item(), perceived.item(), quantized.loss.item(), distill.item()]
                       + [generator.item(), d_loss.item()])
        if step % args.log_every == 0:
            names = ("loss", "mse", "perceptual", "quantizer", "distill", "generator", "discriminator")
            rate = len(running) * args.batch / (time.time() - started)
            codes = {"train_codes": int((used > 0).sum()), "images_per_s": rate}
            report(dict(zip(names, np.mean(running, 0).tolist(), strict=True)) | codes)
            used.zero_()
            running, started = [], time.time()
        if step % args.eval_every == 0 or step == args.steps:
            validate()
            save()
            started = time.time()
    save_checkpoint(model, out / "checkpoint")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--stage", type=int, choices=(1, 2), required=True)
    add("--encoder", required=True, help="folder of a Hugging Face `vit` encoder, such as foundation's OUT/encoder")
    add("--init", help="last.pt to start from: of stage 1 for stage 2, of stage 2 to train the decoder longer")
    add("--data", nargs="+", required=True, help="tars or folders; PATH*N takes N views of each image")
    add("--val", required=True)
    add("--val-every", type=int, default=4, help="validate on every n-th image")
    add("--perceptual", help="MobileNetV1 .tflite for the perceptual taps; none without it")
    add("--perceptual-weight", type=float, default=0.03)
    add("--perceptual-fraction", type=float, default=0.25, help="share of the batch that the taps see")
    add("--gradient-weight", type=float, default=0.0, help="of the MSE between neighbouring pixels' differences")
    add("--gan-weight", type=float, default=0.0, help="of the adversarial term, times VQGAN's adaptive weight; 0: none")
    add("--gan-start", type=int, default=0, help="step from which the discriminator learns")
    add("--gan-wait", type=int, default=100, help="steps that it learns alone")
    add("--gan-width", type=int, default=32)
    add("--gan-lr", type=float, default=4e-4)
    add("--lecam-weight", type=float, default=0.001)
    add("--distill-weight", type=float, default=1.0)
    add("--out", required=True)
    add("--cache", help="folder of cached features (default: OUT/cache)")
    add("--codebook-size", type=int, default=4096)
    add("--codebook-dim", type=int, default=256)
    add("--codebook-layers", type=int, nargs="+", help="blocks the codebook sees, 1-based (default: the last)")
    add("--decoder-layers", type=int, help="default: as many as the encoder's")
    add("--decoder-patch", type=int, default=8, help="q: pixels of one token's square")
    add("--steps", type=int, default=2000)
    add("--batch", type=int, default=32)
    add("--lr", type=float, default=1e-3)
    add("--encoder-lr-factor", type=float, default=0.1)
    add("--end-factor", type=float, default=0.02)
    add("--warmup", type=int, default=100)
    add("--weight-decay", type=float, default=1e-4)
    add("--log-every", type=int, default=25)
    add("--eval-every", type=int, default=250)
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--threads", type=int, default=2, help="of the CPU")
    add("--seed", type=int, default=0)
    add("--bf16", action="store_true")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
