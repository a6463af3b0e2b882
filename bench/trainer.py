"""Where the time of a training step goes, in the parts of training/vqrae_training/train.py:

    python bench/trainer.py --preset tiny-cpu --stage 2 --encoder runs/foundation/encoder --data photos --set gan.weight=0.1

Every part runs by itself on one batch of the given images, forward and, where it has gradients, backward; then all of them
as one step. Rounds alternate between the parts; each figure is the median of --rounds. `training/` has to be installed.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import resource
import time
from datetime import UTC, datetime
from statistics import median

import torch
import torch.nn.functional as F
from torch import nn
from vqrae_training.config import load_config
from vqrae_training.data.images import normalise
from vqrae_training.data.sources import read_sources
from vqrae_training.data.views import ViewOptions, Views, stack
from vqrae_training.engine.estimate import estimate, matmul_rate
from vqrae_training.engine.optimiser import make_optimiser, parameter_groups
from vqrae_training.engine.runs import build_model
from vqrae_training.losses.adversary import Adversary
from vqrae_training.losses.perceptual import perceptual_loss
from vqrae_training.losses.pixels import gradient_error, pixel_error
from vqrae_training.models.encoder import load_encoder

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--preset", default="tiny-cpu")
parser.add_argument("--stage", type=int, choices=(1, 2), default=1)
parser.add_argument("--encoder", required=True)
parser.add_argument("--data", nargs="+", required=True)
parser.add_argument("--set", nargs="+", action="extend", default=[])
parser.add_argument("--rounds", type=int, default=5)
args = parser.parse_args()

named = [f"encoder.folder={json.dumps(args.encoder)}", f"data.train={json.dumps(args.data)}"]
config = load_config(args.preset, args.stage, named + args.set)
run, options = config.run, config.loss
device = torch.device("cuda" if torch.cuda.is_available() and run.device in ("auto", "cuda") else "cpu")
encoder = load_encoder(args.encoder)
model = build_model(config, encoder).to(device)
model.encoder.requires_grad_(args.stage == 2)
teacher = copy.deepcopy(model.encoder).requires_grad_(False)
items, repeats = read_sources(config.data.train)
target = encoder.grid * model.decoder.config.patch_size
views = Views(items, repeats, ViewOptions(encoder.image_size, target, config.data.crop, config.data.flip, run.seed))
micro = run.micro_batch or run.batch
files = {name: getattr(options, name) for name in ("mobilenet", "lpips_vgg", "lpips_linear", "convnext")}
perceptual = None if options.perceptual == "none" else perceptual_loss(options.perceptual, files).to(device)
adversary = Adversary(config.gan, device, run.bf16) if config.gan.weight else None
optimiser = make_optimiser(parameter_groups(model, config.optimiser, args.stage == 2), config.optimiser)
parameters = [p for group in optimiser.param_groups for p in group["params"]]
autocast = torch.autocast(device.type, torch.bfloat16, enabled=run.bf16)
past_start = config.gan.start + config.gan.wait
drawn = 0


def data():
    global drawn
    batch = stack([views[i % len(views)] for i in range(drawn, drawn + micro)])
    drawn += micro
    return batch


x, y = (t.to(device) for t in data())
target_pixels = y.float() / 255
pixels_in = normalise(x, encoder.mean, encoder.std)
with torch.no_grad(), autocast:
    hidden = model.encoder(pixels_in, model.taps)
    tokens = model.quantizer_input(hidden)
    vectors = model.quantizer(tokens).vectors
    rebuilt = model.decoder(vectors).float()


def encode():
    with torch.set_grad_enabled(args.stage == 2), autocast:
        features = model.encoder(pixels_in, model.taps)[-1]
    if args.stage == 2:
        features.float().square().mean().backward()


def teach():
    with torch.no_grad(), autocast:
        teacher(pixels_in, (teacher.num_layers,))


def quantize():
    with autocast:
        out = model.quantizer(tokens.requires_grad_(args.stage == 2))
    (out.loss + out.vectors.float().square().mean()).backward()


def decode():
    with autocast:
        out = model.decoder(vectors.requires_grad_())
    pixel_error(out, target_pixels).backward()


def perceive():
    some = slice(0, max(1, round(micro * options.perceptual_fraction)))
    leaf = rebuilt.detach().requires_grad_()
    with autocast:
        loss = perceptual(leaf[some], target_pixels[some])
    loss.backward()


def oppose():
    leaf = rebuilt.detach().requires_grad_()  # stands for the last layer too, which the adaptive weight looks at
    adversary.generator_term(leaf, pixel_error(leaf, target_pixels), leaf, past_start).backward()
    adversary.update(target_pixels, rebuilt, past_start)


def optimise():
    nn.utils.clip_grad_norm_(parameters, config.optimiser.clip or float("inf"))
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)


def whole():
    """The step of train.py on a batch at hand; with stage 1's cache, on tokens."""
    with autocast:
        if args.stage == 1 and config.data.cache:
            quantized, features = model.quantizer(tokens.detach()), None
        else:
            with torch.set_grad_enabled(args.stage == 2):
                taps = model.encoder(pixels_in, model.taps)
            quantized = model.quantizer(model.quantizer_input(taps))
            features = model.encoder.final_norm(taps[-1])
        out = model.decoder(quantized.vectors)
    error = pixel_error(out, target_pixels)
    total = 4 * error + quantized.loss + options.gradient_weight * 4 * gradient_error(out, target_pixels)
    if perceptual is not None:
        some = slice(0, max(1, round(micro * options.perceptual_fraction)))
        with autocast:
            total = total + options.perceptual_weight * perceptual(out[some], target_pixels[some])
    if args.stage == 2:
        with torch.no_grad(), autocast:
            reference = teacher.final_norm(teacher(pixels_in, (teacher.num_layers,))[-1])
        total = total + F.mse_loss(features.float(), reference.float())
    if adversary is not None:
        total = total + adversary.generator_term(out, error, model.decoder.head.weight, past_start)
    total.backward()
    if adversary is not None:
        adversary.update(target_pixels, out.detach(), past_start)
    optimise()


parts = {"data (one process)": data}
if args.stage == 2 or not config.data.cache:
    parts["encoder"] = encode
if args.stage == 2:
    parts["frozen copy"] = teach
parts |= {"quantizer": quantize, "decoder": decode}
if perceptual is not None:
    parts["perceptual"] = perceive
if adversary is not None:
    parts["adversary"] = oppose
if args.stage == 1 and config.data.cache:
    del parts["data (one process)"]  # the cache is read, nothing is decoded
parts |= {"clip and AdamW": optimise, "whole step": whole}

times: dict[str, list[float]] = {name: [] for name in parts}
for turn in range(args.rounds + 1):
    for name, part in parts.items():
        started = time.perf_counter()
        part()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if turn:  # the first warms up
            times[name].append(time.perf_counter() - started)
seconds = {name: median(values) for name, values in times.items()}

where = torch.cuda.get_device_name() if device.type == "cuda" else f"{platform.processor() or platform.machine()}"
cores = len(os.sched_getaffinity(0))
print(f"{where}, {cores} cores; Python {platform.python_version()}, PyTorch {torch.__version__}; {datetime.now(UTC).date()}")
print(f"{args.preset}, stage {args.stage}, {micro} images a batch, {'bfloat16' if run.bf16 else 'float32'}\n")
step = seconds.pop("whole step")
alone = sum(seconds.values())
print("| part | ms | share of the parts |\n|---|---|---|")
for name, value in seconds.items():
    print(f"| {name} | {1000 * value:.0f} | {value / alone:.0%} |")
waiting = seconds.get("data (one process)", 0.0)
print(f"| all of them | {1000 * alone:.0f} | |\n| a whole step, data at hand | {1000 * step:.0f} | |\n")
print(f"{micro / (step + waiting):.1f} images/s with data in the same process, {micro / step:.1f} with data decoded ahead")
flops = estimate(config, 1).flops * micro
rows, width, inner = micro * encoder.grid**2, encoder.hidden_size, encoder.intermediate_size
rate = matmul_rate(device, run.bf16, rows, width, inner)
print(
    f"{flops / 1e9:,.0f} GFLOP a step, {flops / step / 1e12:.2f} TFLOP/s: {flops / step / rate:.0%} of what a [{rows}, {width}] x "
    f"[{width}, {inner}] product reaches here ({rate / 1e12:.2f} TFLOP/s)"
)
peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(f"peak memory {peak / 2**30:.2f} GiB ({'of the GPU' if device.type == 'cuda' else 'resident'})")
