"""Recover an ordinary float ViT from the 3-bit DeiT-tiny: fold its tables into weights, then distil.

    python -m vqrae_training foundation --teacher deit_tiny_3bit.safetensors --data train.tar coco.tar \
        --val val.tar --out runs/foundation

Three phases, each resumable: cache the integer teacher's tokens on augmented views, train, evaluate.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data.images import centre_crop, normalise, to_uint8
from ..data.sources import read_source, read_sources
from ..engine.schedule import Schedule, set_learning_rates
from ..metrics.probes import nearest_neighbour
from ..models.checkpoint import save_encoder
from . import integer_teacher as it
from .dequantise import dequantise
from .model import LOGIT_STD, TAPS, FoundationModel
from .teacher_cache import cache_teacher

WARMUP = 50
FEATURE_SCALE = 32.0  # its last norm gives 8-bit values; the encoder is exported with features of about unit scale


def standardise(tokens: Tensor) -> Tensor:
    """LayerNorm without affine: the scale of the integer stream is arbitrary."""
    return F.layer_norm(tokens, tokens.shape[-1:])


def standardise_logits(logits: Tensor) -> Tensor:
    return (logits - logits.mean(-1, keepdim=True)) / logits.std(-1, keepdim=True) * LOGIT_STD


@torch.no_grad()
def evaluate(model: FoundationModel, pixels: Tensor, labels: list[str], reference: tuple[Tensor, Tensor]) -> dict:
    """Token cosine to the teacher, logit agreement, and leave-one-out 1-NN on the class token of val images."""
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


def train(args: argparse.Namespace) -> None:
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    teacher = it.IntegerDeiT(args.teacher)
    device = torch.device(args.device)  # the integer teacher stays on the CPU: its tables are look-ups
    model = FoundationModel(dequantise(teacher.params)).to(device)

    items, repeats = read_sources(args.data)
    cache_teacher(teacher, items, repeats, out, args.seed)
    val = read_source(args.val)
    pixels = torch.stack([to_uint8(centre_crop(v.open(), it.GRID * it.PATCH)) for v in val])
    labels = [v.label for v in val]
    reference_file = out / "reference.pt"
    if not reference_file.exists():
        batches = [teacher.forward(normalise(pixels[i : i + 50])) for i in range(0, len(pixels), 50)]
        torch.save((torch.cat([b[0][0] for b in batches]), torch.cat([b[1] for b in batches])), reference_file)
    reference = torch.load(reference_file)

    views, taps, teacher_logits = (np.load(out / f"{k}.npy", mmap_mode="r") for k in ("views", "taps", "logits"))
    group = {"params": list(model.parameters()), "peak": args.lr}
    optimiser = torch.optim.AdamW([group], weight_decay=0.0, betas=(0.9, 0.99))
    schedule = Schedule(args.steps, WARMUP, falls_from=0, curve="cosine")
    step, checkpoint = 0, out / "last.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        step = state["step"]
    log = (out / "metrics.jsonl").open("a")

    def report(extra: dict) -> None:
        line = json.dumps({"step": step, **{k: round(v, 5) for k, v in extra.items()}})
        print(line, file=log, flush=True)
        print(line, flush=True)

    if step == 0:
        report(evaluate(model, pixels, labels, reference))
    running, started = [], time.time()
    while step < args.steps:
        rng = np.random.default_rng((args.seed, step))
        batch = np.sort(rng.choice(len(views), args.batch, replace=False))
        x = normalise(torch.from_numpy(views[batch]).to(device))
        t = torch.from_numpy(taps[batch]).to(device).float()
        tl = standardise_logits(torch.from_numpy(teacher_logits[batch]).to(device))
        set_learning_rates([optimiser], schedule, step)
        with torch.autocast(device.type, torch.bfloat16, enabled=args.bf16):
            s, logits = model(x)
        hints = [F.mse_loss(standardise(a.float()), standardise(t[:, k])) for k, a in enumerate(s)]
        # 1 - cosine of the raw last tokens keeps the mean that standardising removes.
        raw = (1 - F.cosine_similarity(s[-1].float(), t[:, -1], dim=-1)).mean()
        kl = F.kl_div(logits.float().log_softmax(-1), tl.log_softmax(-1), log_target=True, reduction="batchmean")
        loss = hints[-1] + 0.5 * sum(hints[:-1]) / len(hints[:-1]) + raw + 0.1 * kl
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        running.append([loss.item(), *(h.item() for h in hints), raw.item(), kl.item()])
        if step % 25 == 0:
            mean = np.mean(running, 0)
            names = ["loss", *(f"mse{k}" for k in TAPS), "one_minus_cosine", "kl"]
            report(dict(zip(names, mean.tolist(), strict=True)) | {"views_per_s": 25 * args.batch / (time.time() - started)})
            running, started = [], time.time()
        if step % args.eval_every == 0 or step == args.steps:
            report(evaluate(model, pixels, labels, reference))
            torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step}, checkpoint)
            started = time.time()
    with torch.no_grad():
        model.vit.final_norm.weight.div_(FEATURE_SCALE)
        model.vit.final_norm.bias.div_(FEATURE_SCALE)
    save_encoder(model.vit, out / "encoder")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--data", nargs="+", required=True, help="tars or folders; PATH*N takes N views of each image")
    parser.add_argument("--val", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2, help="of the CPU")
    parser.add_argument("--eval-every", type=int, default=250)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bf16", action="store_true")
    train(parser.parse_args(argv))
