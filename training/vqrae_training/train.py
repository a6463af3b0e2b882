"""The two-stage recipe (VQRAE section 3.3, Table 7), one loop for both.

    stage 1: the encoder is frozen; quantizer and decoder learn to give the pixels back
    stage 2: everything learns; self-distillation holds the encoder's features to those of its frozen copy

    python -m vqrae_training train --preset tiny-cpu --stage 1 --encoder runs/foundation/encoder --out runs/stage1 \
        --data "train.tar*2" "photos.tar*12" --val val.tar --set loss.mobilenet=mobilenet_v1.tflite
    torchrun --nproc_per_node=8 -m vqrae_training train --preset vqrae-siglip2-256 --stage 2 --init runs/stage1/last.pt ...

A killed run goes on from `last.pt` under --out when you start it again with the same arguments, bit for bit on a CPU.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import RunConfig, load_config, preset_names, to_dict
from .data.cache import CachedViews, build_cache
from .data.images import normalise
from .data.sources import read_source, read_sources
from .data.views import ViewOptions, Views, stack, view_batches
from .engine import distributed
from .engine.checks import check_images, check_run
from .engine.ema import EMA
from .engine.estimate import print_estimate
from .engine.monitor import Monitor, pairs_grid
from .engine.optimiser import make_optimiser, parameter_groups
from .engine.precision import bfloat16_products
from .engine.resume import read_state, restore, save_state, whole_weights
from .engine.runs import build_model, load_weights
from .engine.schedule import Schedule, set_learning_rates
from .engine.validation import Validation
from .errors import UserError
from .losses.adversary import Adversary
from .losses.perceptual import perceptual_loss
from .losses.pixels import gradient_error, pixel_error, seam_error
from .models.checkpoint import load_start, save_checkpoint
from .models.decoder import pixel_patches
from .models.encoder import load_encoder
from .models.quantizer import Quantized
from .models.vqrae import VQRAE

INIT_VIEWS = 512  # from which the codebook starts; more where its size asks for it
TERMS = ("loss", "mse", "perceptual", "quantizer", "distill", "generator", "discriminator")


class Forward(nn.Module):
    """Everything that a step runs through the network, in one module that DDP or FSDP wraps."""

    def __init__(self, model: VQRAE, cached: bool, train_encoder: bool, frozen_codebook: bool):
        super().__init__()
        self.model, self.cached, self.train_encoder, self.frozen_codebook = model, cached, train_encoder, frozen_codebook

    def forward(self, x: Tensor) -> tuple[Tensor, Quantized, Tensor | None]:
        """Take cached tokens (ids, of a frozen codebook), or pixels uint8 [n, 3, H, W]. Return pixels [n, 3, H', W'], the
        quantizer's output, and the features that distillation holds [n, prefix + t, d], or None where the encoder is frozen."""
        model, features = self.model, None
        if not self.cached:
            pixels = normalise(x, model.encoder.mean, model.encoder.std)
            with torch.set_grad_enabled(self.train_encoder and torch.is_grad_enabled()):
                hidden = model.encoder(pixels, model.taps)
                features = model.encoder.final_norm(hidden[-1]) if self.train_encoder else None
            x = model.quantizer_input(hidden)
        quantized = self._looked_up(x) if self.frozen_codebook else model.quantizer(x)
        return model.decoder(quantized.vectors), quantized, features

    def _looked_up(self, x: Tensor) -> Quantized:
        """Only what follows ids has a gradient."""
        with torch.no_grad():
            ids = x if self.cached else self.model.quantizer(x).ids
        return Quantized(self.model.quantizer.lookup(ids), ids, torch.zeros((), device=ids.device))


def batch_indices(start: int, steps: int, batch: int, micro: int, rank: int, ranks: int) -> Iterator[list[int]]:
    """Yield the views of every micro-batch of one rank. View n of a run is the same for any `micro` and `ranks`."""
    for first in range(start * batch, steps * batch, micro * ranks):
        yield list(range(first + rank * micro, first + (rank + 1) * micro))


def initialise_codebook(model: VQRAE, source: Views | CachedViews, cached: bool, device: torch.device) -> float:
    """Start the quantizer from as many views as give some rows for every code. Returns the PSNR of pixels regressed on the
    features."""
    tokens_per_view = model.encoder.grid**2
    wanted = max(INIT_VIEWS, math.ceil(4 * model.quantizer.size / tokens_per_view))
    rows, patches = [], []
    for first in range(0, min(wanted, len(source)), 32):
        x, y = stack([source[i] for i in range(first, min(first + 32, wanted, len(source)))])
        with torch.no_grad():
            if not cached:
                pixels = normalise(x.to(device), model.encoder.mean, model.encoder.std)
                x = model.quantizer_input(model.encoder(pixels, model.taps))
        rows.append(x.to(device).float().flatten(0, 1))
        squares = pixel_patches(y.to(device).float() / 127.5 - 1, model.decoder.config.patch_size)
        patches.append(squares.flatten(0, 1))
    return model.quantizer.initialise_from_data(torch.cat(rows), torch.cat(patches))


def train(config: RunConfig, out: Path, allow_changes: bool = False) -> None:
    """Train one stage into the folder `out`, or go on from its last.pt. Raises UserError for what you can mend."""
    run, loss_options = config.run, config.loss
    if run.threads:
        torch.set_num_threads(run.threads)
    torch.manual_seed(run.seed)
    ranks = distributed.start(run.device)
    device = ranks.device
    encoder = load_encoder(config.encoder.folder)
    items, repeats = read_sources(config.data.train)
    check_run(config, encoder, ranks.count, sum(repeats))
    if ranks.first:
        items, repeats = check_images(items, repeats, config.data.skip_unreadable)
    items, repeats = ranks.same((items, repeats))
    model = build_model(config, encoder).to(device)
    target = encoder.grid * model.decoder.config.patch_size
    out.mkdir(parents=True, exist_ok=True)
    last = out / "last.pt"
    state = read_state(last, config, allow_changes)

    # --- weights to start from, and the frozen copy ---
    if config.from_run:
        load_weights(model, Path(config.init))
    teacher = copy.deepcopy(model.encoder).requires_grad_(False) if config.stage == 2 else None
    model.encoder.requires_grad_(config.stage == 2)
    if config.codebook.frozen:
        model.quantizer.freeze_ids()
    if run.checkpointing:
        model.decoder.enable_checkpointing()
        if config.stage == 2:
            model.encoder.enable_checkpointing()

    # --- data ---
    options = ViewOptions(encoder.image_size, target, config.data.crop, config.data.flip, run.seed)
    views: Views | CachedViews = Views(items, repeats, options)
    cached = config.stage == 1 and config.data.cache
    if cached:
        folder = Path(config.data.cache_folder or out / "cache")
        if ranks.first:
            build_cache(model, views, folder, run.bf16, config.codebook.frozen)
        ranks.barrier()
        views = CachedViews(folder, run.seed)
    validation = Validation(read_source(config.data.val)[:: config.data.val_every], encoder.image, target)

    # --- losses ---
    files = {"mobilenet": loss_options.mobilenet, "lpips_vgg": loss_options.lpips_vgg}
    files |= {"lpips_linear": loss_options.lpips_linear, "convnext": loss_options.convnext}
    perceptual = None
    if loss_options.perceptual != "none":
        perceptual = perceptual_loss(loss_options.perceptual, files, loss_options.perceptual_size).to(device)
    adversary = Adversary(config.gan, device, run.bf16) if config.gan.weight else None
    if adversary is not None:
        adversary.try_side(target)

    # --- the network over ranks, optimiser, and what a stopped run left ---
    if state is None and config.codebook.init == "data" and not config.from_run:
        linear = initialise_codebook(model, views, cached, device)
        if ranks.first:
            print(f"codebook initialised; pixels linearly in the features: {linear:.2f} dB", flush=True)
    if state is None and config.imported:
        kept_as_is = load_start(model, config.init)
        if ranks.first:
            print(f"{config.init} leaves {len(kept_as_is)} tensors of quantizer and decoder as they start", flush=True)
    network = Forward(model, cached, config.stage == 2, config.codebook.frozen)
    network = distributed.parallelise(torch.compile(network) if run.compile else network, model, ranks, run.parallel)
    optimiser = make_optimiser(parameter_groups(model, config.optimiser, config.stage == 2), config.optimiser)
    warmup = config.optimiser.warmup
    schedule = Schedule(run.steps, warmup, falls_from=warmup, curve="cosine")  # VQRAE Table 7
    ema = EMA(model, config.optimiser.ema) if config.optimiser.ema else None
    parts = {"ema": ema, "teacher": teacher, "adversary": adversary}
    parts = {name: part for name, part in parts.items() if part is not None}
    step = 0
    if state is not None:
        restore(state, model, [optimiser], parts)
        step = state["step"]
        if ranks.first:
            print(f"resumed at step {step}", flush=True)
    if ranks.first:
        (out / "config.json").write_text(json.dumps(to_dict(config), indent=2) + "\n")

    micro = run.micro_batch or run.batch // ranks.count
    accumulate = run.batch // (micro * ranks.count)
    indices = batch_indices(step, run.steps, run.batch, micro, ranks.rank, ranks.count)
    batches = view_batches(views, indices, config.data.workers, pin=device.type == "cuda")
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    used = torch.zeros(model.quantizer.size, dtype=torch.long)
    seen: list[Tensor] = []
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=run.bf16)

    fast = bfloat16_products(run.bf16 and device.type == "cpu")
    with Monitor(out, run.steps, step, enabled=ranks.first) as monitor, fast:

        def validate_and_save() -> None:
            with ema.swap(model) if ema else contextlib.nullcontext():
                result, pixels = validation.run(model, teacher, run.bf16)
            monitor.scalars(step, result)
            shown = torch.linspace(0, len(pixels) - 1, min(16, len(pixels))).long()
            monitor.images(step, "val", pairs_grid(validation.targets[shown], pixels[shown], 8))
            save_state(last, config, model, [optimiser], {"step": step}, parts)

        started = time.time()
        while step < run.steps:
            rate = set_learning_rates([optimiser], schedule, step)
            optimiser.zero_grad(set_to_none=True)
            terms = dict.fromkeys(TERMS, torch.zeros((), device=device))
            for part in range(accumulate):
                x, y = next(batches)
                x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True).float() / 255
                alone = run.parallel == "ddp" and ranks.count > 1 and part + 1 < accumulate
                with network.no_sync() if alone else contextlib.nullcontext():
                    with autocast:
                        pixels, quantized, features = network(x)
                    # Pixels in [-1, 1] for the loss, as decoders of this kind are trained: 4x the MSE of [0, 1].
                    now = {"mse": 4 * pixel_error(pixels, y), "quantizer": quantized.loss}
                    reconstruction = now["mse"]
                    if loss_options.gradient_weight:
                        reconstruction = reconstruction + loss_options.gradient_weight * 4 * gradient_error(pixels, y)
                    if loss_options.seam_weight:
                        square = model.decoder.config.patch_size
                        reconstruction = reconstruction + loss_options.seam_weight * 4 * seam_error(pixels, y, square)
                    if perceptual is not None:
                        some = slice(0, max(1, round(micro * loss_options.perceptual_fraction)))
                        with autocast:
                            now["perceptual"] = perceptual(pixels[some], y[some])
                        reconstruction = reconstruction + loss_options.perceptual_weight * now["perceptual"]
                    total = reconstruction + now["quantizer"]
                    if teacher is not None:
                        with torch.no_grad(), autocast:
                            frozen = teacher(normalise(x, teacher.mean, teacher.std), (teacher.num_layers,))
                            reference = teacher.final_norm(frozen[-1])
                        now["distill"] = F.mse_loss(features.float(), reference.float())
                        total = total + loss_options.distill_weight * now["distill"]
                    if adversary is not None:
                        last_layer = model.decoder.head.weight
                        now["generator"] = adversary.generator_term(pixels, reconstruction, last_layer, step)
                        total = total + now["generator"]
                    (total / accumulate).backward()
                for name, value in (now | {"loss": total}).items():
                    terms[name] = terms[name] + value.detach() / accumulate
                used += torch.bincount(quantized.ids.flatten().cpu(), minlength=len(used))
            if adversary is not None:  # on the last micro-batch
                terms["discriminator"] = adversary.update(y, pixels.detach(), step)
            averaged = ranks.mean(torch.stack([terms[name] for name in TERMS]))
            if not torch.isfinite(averaged).all():
                raise UserError(
                    f"Expected a finite loss but received {dict(zip(TERMS, averaged.tolist(), strict=True))} at step {step}. "
                    f"{last.name} keeps the last good weights; try a lower optimiser.lr or a longer optimiser.warmup"
                )
            nn.utils.clip_grad_norm_(parameters, config.optimiser.clip or math.inf)
            optimiser.step()
            step += 1
            if ema:
                ema.update(model)
            seen.append(averaged)
            if step % run.log_every == 0:
                means = torch.stack(seen).mean(0).tolist()
                codes = int((ranks.sum(used) > 0).sum())
                speed = len(seen) * run.batch / (time.time() - started)
                rates = {"lr": rate, "train_codes": codes, "images_per_s": speed}
                monitor.scalars(step, dict(zip(TERMS, means, strict=True)) | rates)
                used, seen, started = torch.zeros_like(used), [], time.time()
            if step % run.eval_every == 0 or step == run.steps:
                validate_and_save()
                started = time.time()
        with ema.swap(model) if ema else contextlib.nullcontext():
            weights = whole_weights(model)  # gathered over ranks
        if ranks.first:
            save_checkpoint(model, out / "checkpoint", weights=weights)
    distributed.finish(ranks)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--preset", default="tiny-cpu", help=f"{', '.join(preset_names())}, or a .toml file")
    add("--stage", type=int, choices=(1, 2), required=True)
    add("--encoder", help="folder of a pretrained vision tower (encoder.folder)")
    add("--init", help="start from: a last.pt (stage 1's for stage 2), a checkpoint folder, what `import` wrote; none (init)")
    add("--data", nargs="+", help="folders, tars or globs of tars; PATH*N takes N views of each image (data.train)")
    add("--val", help="folder or tar (data.val)")
    add("--out", help="folder of the run")
    add("--set", nargs="+", action="extend", default=[], metavar="section.key=value", help="any other field of the preset")
    add("--dry-run", action="store_true", help="print parameters, memory and time of a step, and stop")
    add("--allow-changes", action="store_true", help="go on from last.pt although the configuration differs")
    args = parser.parse_args(argv)
    start = args.init if args.init and Path(args.init).is_dir() else None  # a checkpoint holds its encoder
    named = {"encoder.folder": args.encoder or start, "init": args.init, "data.val": args.val}
    overrides = [f"{name}={json.dumps(value)}" for name, value in named.items() if value is not None]
    overrides += [f"data.train={json.dumps(args.data)}"] if args.data else []
    config = load_config(args.preset, args.stage, overrides + args.set)
    if args.dry_run:
        print_estimate(config)
        return
    if not args.out:
        raise UserError("Expected --out, the folder of the run, but received none")
    train(config, Path(args.out), args.allow_changes)
