"""Recover an ordinary float ViT from the 3-bit DeiT-tiny: fold its tables into weights, then distil.

    python -m vqrae_training foundation --teacher deit_tiny_3bit.safetensors --data train.tar coco.tar \
        --val val.tar --out runs/foundation

The command caches the integer teacher's tokens of augmented views, trains on them, and writes an encoder. A killed run goes on
when you start it again with the same arguments: the cache from its last batch, the training from `last.pt`, bit for bit on a CPU.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data.images import centre_crop, normalise, to_uint8
from ..data.sources import read_source, read_sources
from ..engine.monitor import Monitor
from ..engine.resume import read_state, restore, save_state, write_whole
from ..engine.schedule import Schedule, set_learning_rates
from ..errors import UserError
from ..metrics.probes import nearest_neighbour
from ..models.checkpoint import save_encoder
from . import integer_teacher as it
from .config import FoundationConfig
from .dequantise import dequantise
from .model import LOGIT_STD, TAPS, FoundationModel
from .teacher_cache import cache_teacher

FEATURE_SCALE = 32.0  # its last norm gives 8-bit values; the encoder is exported with features of about unit scale


def standardise(tokens: Tensor) -> Tensor:
    """Apply LayerNorm without affine: the scale of the integer stream is arbitrary."""
    return F.layer_norm(tokens, tokens.shape[-1:])


def standardise_logits(logits: Tensor) -> Tensor:
    """Bring each row's logits to mean 0 and one deviation: the integer logits carry no scale of their own."""
    return (logits - logits.mean(-1, keepdim=True)) / logits.std(-1, keepdim=True) * LOGIT_STD


@torch.no_grad()
def evaluate(model: FoundationModel, pixels: Tensor, labels: list[str], reference: tuple[Tensor, Tensor]) -> dict:
    """Return the tokens' cosine to the teacher's, the agreement of logits, and leave-one-out 1-NN on the class token of val
    images."""
    tokens, logits = [], []
    device = model.classifier.weight.device
    for i in range(0, len(pixels), 50):
        t, scores = model(normalise(pixels[i : i + 50].to(device)))
        tokens.append(t[-1].cpu())
        logits.append(scores.cpu())
    s, sl, (t, tl) = torch.cat(tokens), torch.cat(logits), reference
    return {
        "token_cosine": F.cosine_similarity(s, t, dim=-1).mean().item(),
        "token_cosine_normalised": F.cosine_similarity(standardise(s), standardise(t), dim=-1).mean().item(),
        "top1_agreement": (sl.argmax(-1) == tl.argmax(-1)).float().mean().item(),
        "nn1": nearest_neighbour(s[:, 0], labels),
        "nn1_teacher": nearest_neighbour(t[:, 0], labels),
        "nn1_mean_patch": nearest_neighbour(standardise(s)[:, 1:].mean(1), labels),
        "nn1_mean_patch_teacher": nearest_neighbour(standardise(t)[:, 1:].mean(1), labels),
    }


def train(config: FoundationConfig, out: Path, allow_changes: bool = False) -> None:
    """Distil into the folder `out`, or go on from its last.pt. Raises UserError for what you can mend."""
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    out.mkdir(parents=True, exist_ok=True)
    last = out / "last.pt"
    state = read_state(last, config, allow_changes)
    teacher = it.IntegerDeiT(config.teacher)
    device = torch.device(config.device)  # the integer teacher stays on the CPU: its tables are look-ups
    model = FoundationModel(dequantise(teacher.params)).to(device)

    # --- data: the teacher's tokens of augmented views, and of the val images ---
    items, repeats = read_sources(config.data)
    cache_teacher(teacher, items, repeats, out, config.seed)
    val = read_source(config.val)
    pixels = torch.stack([to_uint8(centre_crop(v.open(), it.GRID * it.PATCH)) for v in val])
    labels = [v.label for v in val]
    reference_file = out / "reference.pt"
    if not reference_file.exists():
        batches = [teacher.forward(normalise(pixels[i : i + 50])) for i in range(0, len(pixels), 50)]
        write_whole(reference_file, (torch.cat([b[0][0] for b in batches]), torch.cat([b[1] for b in batches])))
    reference = torch.load(reference_file)
    views, taps, teacher_logits = (np.load(out / f"{k}.npy", mmap_mode="r") for k in ("views", "taps", "logits"))

    # --- optimiser, and what a stopped run left ---
    group = {"params": list(model.parameters()), "peak": config.lr}
    optimiser = torch.optim.AdamW([group], weight_decay=0.0, betas=(0.9, 0.99))
    schedule = Schedule(config.steps, config.warmup, falls_from=0, curve="cosine")
    step = 0
    if state is not None:
        restore(state, model, [optimiser])
        step = state["step"]
        print(f"resumed at step {step}", flush=True)

    with Monitor(out, config.steps, step) as monitor:
        if step == 0:
            monitor.scalars(step, evaluate(model, pixels, labels, reference))
        seen, started = [], time.time()
        while step < config.steps:
            rate = set_learning_rates([optimiser], schedule, step)
            rng = np.random.default_rng((config.seed, step))
            batch = np.sort(rng.choice(len(views), config.batch, replace=False))
            x = normalise(torch.from_numpy(views[batch]).to(device))
            t = torch.from_numpy(taps[batch]).to(device).float()
            tl = standardise_logits(torch.from_numpy(teacher_logits[batch]).to(device))
            with torch.autocast(device.type, torch.bfloat16, enabled=config.bf16):
                s, logits = model(x)
            hints = [F.mse_loss(standardise(a.float()), standardise(t[:, k])) for k, a in enumerate(s)]
            # 1 - cosine of the raw last tokens keeps the mean that standardising removes.
            raw = (1 - F.cosine_similarity(s[-1].float(), t[:, -1], dim=-1)).mean()
            kl = F.kl_div(logits.float().log_softmax(-1), tl.log_softmax(-1), log_target=True, reduction="batchmean")
            loss = hints[-1] + 0.5 * sum(hints[:-1]) / len(hints[:-1]) + raw + 0.1 * kl
            if not torch.isfinite(loss):
                raise UserError(f"Expected a finite loss but received {loss.item()} at step {step}; try a lower --lr")
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            step += 1
            seen.append([loss.item(), *(h.item() for h in hints), raw.item(), kl.item()])
            if step % config.log_every == 0:
                names = ["loss", *(f"mse{k}" for k in TAPS), "one_minus_cosine", "kl"]
                means = dict(zip(names, np.mean(seen, 0).tolist(), strict=True))
                speed = len(seen) * config.batch / (time.time() - started)
                monitor.scalars(step, means | {"lr": rate, "views_per_s": speed})
                seen, started = [], time.time()
            if step % config.eval_every == 0 or step == config.steps:
                monitor.scalars(step, evaluate(model, pixels, labels, reference))
                save_state(last, config, model, [optimiser], {"step": step})
                started = time.time()
    with torch.no_grad():
        model.vit.final_norm.weight.div_(FEATURE_SCALE)
        model.vit.final_norm.bias.div_(FEATURE_SCALE)
    save_encoder(model.vit, out / "encoder")


def main(argv: list[str] | None = None) -> None:
    defaults = FoundationConfig()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--data", nargs="+", required=True, help="tars or folders; PATH*N takes N views of each image")
    parser.add_argument("--val", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=defaults.steps)
    parser.add_argument("--batch", type=int, default=defaults.batch)
    parser.add_argument("--lr", type=float, default=defaults.lr)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=defaults.threads, help="of the CPU")
    parser.add_argument("--eval-every", type=int, default=defaults.eval_every)
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--allow-changes", action="store_true", help="go on from last.pt although the configuration differs")
    options = vars(parser.parse_args(argv))
    out, allow_changes = Path(options.pop("out")), options.pop("allow_changes")
    train(FoundationConfig(**options | {"data": tuple(options["data"])}), out, allow_changes)
