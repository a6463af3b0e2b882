"""Recover an ordinary float ViT from the 3-bit DeiT-tiny: fold its tables into weights, then distil.

    python -m vqrae_training foundation --teacher deit_tiny_3bit.safetensors --data train.tar coco.tar \
        --val val.tar --out runs/foundation

Three phases, each resumable: cache the integer teacher's tokens on augmented views, train, evaluate.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import least_squares
from scipy.special import erf
from torch import Tensor, nn

from ..data.images import IMAGENET_MEAN, IMAGENET_STD, centre_crop, normalise, random_view, to_uint8
from ..data.sources import Item, read_source, read_sources
from ..metrics.probes import nearest_neighbour
from ..models.checkpoint import save_encoder
from ..models.encoder import Encoder
from ..models.image_spec import ImageSpec
from . import integer_teacher as it

TAPS = (3, 6, 9, 12)  # blocks whose tokens are distilled: hints keep the early layers on course
STREAM_SCALE = 256.0  # the integer residual stream has RMS near 500; the float model runs at about 2
FEATURE_SCALE = 32.0  # its last norm gives 8-bit values; the encoder is exported with features of about unit scale
LOGIT_STD = 2.0  # the integer logits carry no scale of their own
CONFIG = {
    "model_type": "vit",
    "hidden_size": it.WIDTH,
    "intermediate_size": 4 * it.WIDTH,
    "num_hidden_layers": it.DEPTH,
    "num_attention_heads": it.HEADS,
    "image_size": it.GRID * it.PATCH,
    "patch_size": it.PATCH,
    "num_channels": 3,
    "layer_norm_eps": 1e-6,
    "hidden_act": "gelu",
    "qkv_bias": True,
}


class FoundationModel(nn.Module):
    """The encoder plus the 1,000-class head that only distillation uses; starts from `dequantise`'s tensors."""

    def __init__(self, tensors: dict[str, Tensor]):
        super().__init__()
        size = CONFIG["image_size"]
        image = ImageSpec(size, size, "bicubic", "crop", IMAGENET_MEAN, IMAGENET_STD)
        self.vit = Encoder(CONFIG, image, {k.removeprefix("vit."): v for k, v in tensors.items() if k.startswith("vit.")})
        self.classifier = nn.Linear(it.WIDTH, 1000)
        self.classifier.load_state_dict({name: tensors[f"classifier.{name}"] for name in ("weight", "bias")})

    def forward(self, pixels: Tensor) -> tuple[list[Tensor], Tensor]:
        taps = self.vit(pixels, TAPS)
        return taps, self.classifier(self.vit.final_norm(taps[-1][:, 0]))


# --- de-quantisation ---------------------------------------------------------------------------------------


def _fit_line(scalars: Tensor, table: Tensor, low: int, high: int) -> tuple[float, float]:
    """The affine map whose rounding the lookup table tabulates, from the positions of its steps."""
    bias, shift, bound = (int(v) for v in scalars)
    t = table.numpy()[: bound + 1]
    steps, inputs = [], []
    for k in range(low + 1, high + 1):
        at = np.nonzero(t >= k)[0]
        if len(at) and at[0] > 0:
            steps.append(k - 0.5)
            inputs.append(at[0] * 2.0**shift - bias)
    slope, offset = np.polyfit(inputs, steps, 1)
    return float(slope), float(offset)


def _fit_norm(p: dict[str, Tensor], prefix: str) -> tuple[Tensor, Tensor]:
    """LayerNorm's float weight and bias from the integer ones and the reciprocal-root table."""
    _, _, bias, shift, bound, out_shift, _ = (int(v) for v in p[prefix + "scalars"])
    table = p[prefix + "rsqrt_table_m"].numpy().astype(float)
    index = np.arange(bound + 1)
    squares = (index + 0.5) * 2.0**shift - bias
    ok = (squares > 0) & (table > 0) & (index > 0) & (index < bound)
    slope, _ = np.polyfit(squares[ok], 1 / table[ok] ** 2, 1, w=table[ok] ** 2)
    gain = math.sqrt(1 / slope / it.WIDTH) / 2.0**out_shift
    return p[prefix + "lnw_m"].float() * gain, p[prefix + "lnb_m"].float() / 2.0**out_shift - 0.5


def _fit_gelu(scalars: Tensor, table: Tensor) -> tuple[float, float, float, float]:
    """(beta, gain, shift, offset) of gain * gelu(beta * x + shift) + offset nearest to the activation table."""
    bias, shift, bound = (int(v) for v in scalars)
    t = table.numpy().astype(float)[: bound + 1]
    x = (np.arange(bound + 1) + 0.5) * 2.0**shift - bias
    use = (t < 7) & (np.arange(bound + 1) > 0)

    def residual(q: np.ndarray) -> np.ndarray:
        u = np.exp(q[0]) * x + q[2]
        y = np.exp(q[1]) * u * 0.5 * (1 + erf(u / math.sqrt(2))) + q[3]
        return (np.clip(y, -0.5, 7) - t)[use]

    starts = [(math.log(beta), math.log(3.0), 0.0, z) for beta in (0.01, 0.02, 0.05, 0.1) for z in (0.0, 0.5, 1.0)]
    best = min((least_squares(residual, s) for s in starts), key=lambda r: r.cost).x
    return math.exp(best[0]), math.exp(best[1]), float(best[2]), float(best[3])


def _softmax_fit(p: dict[str, Tensor], prefix: str) -> tuple[float, float]:
    """(temperature of the scores, factor of the probabilities) that the exp and reciprocal tables stand for."""
    s = [int(v) for v in p[prefix + "s"]]
    e = p[prefix + "e"].numpy().astype(float)
    index = np.nonzero(e > e[0] * 1e-3)[0]
    decay = -np.polyfit(index, np.log(e[index] / e[0]), 1)[0]
    bias, shift, bound, out_shift = s[8], s[9], s[10], s[12]
    r = p[prefix + "r2"].numpy().astype(float)[: bound + 1]
    total = (np.arange(bound + 1) + 0.5) * 2.0**shift - bias
    ok = (total > 0) & (r < 255) & (r > 8)
    return decay / 2.0 ** s[1], float(np.median(r[ok] * total[ok]) / 2.0**out_shift)


def dequantise(p: dict[str, Tensor]) -> dict[str, Tensor]:
    """The integer network's parameters -> a `FoundationModel`'s tensors under HF's names on disk (`vit.*`, `classifier.*`).
    Rounding and clamps are what is lost."""
    out: dict[str, Tensor] = {}
    patch_scale = 2.0 ** -int(p["pe.s"][0]) / STREAM_SCALE
    e = "vit.embeddings."
    conv = p["pe.w"].float() * patch_scale * it.INPUT_SCALE
    out[e + "patch_embeddings.projection.weight"] = conv.view(it.WIDTH, 3, it.PATCH, it.PATCH)
    positions = p["pe.b"].float() * patch_scale
    out[e + "patch_embeddings.projection.bias"] = positions.mean(0)
    out[e + "cls_token"] = (p["pe.cls"].float() * patch_scale).view(1, 1, -1)
    out[e + "position_embeddings"] = torch.cat([torch.zeros(1, it.WIDTH), positions - positions.mean(0)])[None]
    stream = 1 / STREAM_SCALE  # grows block by block: the integer stream is rescaled at every residual
    root = math.sqrt(it.WIDTH // it.HEADS)
    for i in range(it.DEPTH):
        a, m, b = f"a{i}.", f"m{i}.", f"vit.encoder.layer.{i}."
        out[b + "layernorm_before.weight"], out[b + "layernorm_before.bias"] = _fit_norm(p, a + "ln.")
        temperature, probability = _softmax_fit(p, a + "sm.")
        for c, name in zip("qkv", ("query", "key", "value"), strict=True):
            slope, offset = _fit_line(p[a + c + "q.s"], p[a + c + "q.t"], -4, 3)
            gain = temperature * root if c == "q" else 1.0
            out[b + f"attention.attention.{name}.weight"] = p[a + c + ".w"].float() * slope * gain
            out[b + f"attention.attention.{name}.bias"] = (p[a + c + ".b"].float() * slope + offset) * gain
        slope, offset = _fit_line(p[a + "aq.s"], p[a + "aq.t"], -4, 3)
        scale, shift = (int(v) for v in p[a + "s"])
        stream *= 2.0**shift / scale
        w = p[a + "o.w"].float() * stream
        out[b + "attention.output.dense.weight"] = w * slope * probability
        out[b + "attention.output.dense.bias"] = p[a + "o.b"].float() * stream + w.sum(1) * offset
        out[b + "layernorm_after.weight"], out[b + "layernorm_after.bias"] = _fit_norm(p, m + "ln.")
        beta, gain, start, base = _fit_gelu(p[m + "g.s"], p[m + "g.t"])
        out[b + "intermediate.dense.weight"] = p[m + "1.w"].float() * beta
        out[b + "intermediate.dense.bias"] = p[m + "1.b"].float() * beta + start
        scale, shift = (int(v) for v in p[m + "s"])
        stream *= 2.0**shift / scale
        w = p[m + "2.w"].float() * stream
        out[b + "output.dense.weight"] = w * gain
        out[b + "output.dense.bias"] = p[m + "2.b"].float() * stream + w.sum(1) * base
    out["vit.layernorm.weight"], out["vit.layernorm.bias"] = _fit_norm(p, "h.ln.")
    logit_scale = LOGIT_STD / float(p["h.w"].float().norm(dim=1).mean() * out["vit.layernorm.weight"].norm() / it.WIDTH**0.5)
    out["classifier.weight"], out["classifier.bias"] = p["h.w"].float() * logit_scale, p["h.b"].float() * logit_scale
    return out


# --- distillation ------------------------------------------------------------------------------------------


def standardise(tokens: Tensor) -> Tensor:
    """LayerNorm without affine: the scale of the integer stream is arbitrary."""
    return F.layer_norm(tokens, tokens.shape[-1:])


def standardise_logits(logits: Tensor) -> Tensor:
    return (logits - logits.mean(-1, keepdim=True)) / logits.std(-1, keepdim=True) * LOGIT_STD


def cache_teacher(teacher: it.IntegerDeiT, items: list[Item], repeats: list[int], out: Path, seed: int) -> None:
    """Writes views.npy (uint8), taps.npy (float16: integers below 2,048 exact) and logits.npy under `out`."""
    order = [i for i, r in enumerate(repeats) for _ in range(r)]
    random.Random(seed).shuffle(order)
    n, done_file = len(order), out / "cached.json"
    done = json.loads(done_file.read_text())["views"] if done_file.exists() else 0
    mode = "r+" if done else "w+"
    size = it.GRID * it.PATCH
    open_npy = np.lib.format.open_memmap
    views = open_npy(out / "views.npy", mode, np.uint8, (n, 3, size, size))
    taps = open_npy(out / "taps.npy", mode, np.float16, (n, len(TAPS), it.GRID**2 + 1, it.WIDTH))
    logits = open_npy(out / "logits.npy", mode, np.float32, (n, 1000))
    start, first = time.time(), done
    while done < n:
        rng = random.Random(seed * 1_000_003 + done)
        batch = order[done : done + 32]
        x = torch.stack([to_uint8(random_view(items[i].open(), size, rng, (0.35, 1.0), 0.3)) for i in batch])
        t, scores = teacher.forward(normalise(x), TAPS)
        views[done : done + len(batch)] = x.numpy()
        taps[done : done + len(batch)] = torch.stack(t, 1).clamp(-65000, 65000).half().numpy()
        logits[done : done + len(batch)] = scores.numpy()
        done += len(batch)
        done_file.write_text(json.dumps({"views": done, "of": n}))
        if (done // 32) % 20 == 0:
            print(f"teacher {done}/{n} {(done - first) / (time.time() - start):.1f} views/s", flush=True)


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
    optimiser = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.0, betas=(0.9, 0.99))
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
        rate = args.lr * min(1, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * step / args.steps))
        for group in optimiser.param_groups:
            group["lr"] = rate
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
