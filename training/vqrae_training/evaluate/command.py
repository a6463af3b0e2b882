"""Measure a checkpoint: its reconstruction, its codebook, and what its features know, continuous against discrete.

    python -m vqrae_training evaluate --checkpoint runs/stage2/checkpoint --encoder frozen=runs/foundation/encoder \
        --train train.tar --val val.tar --vqa easy-vqa.tar --mobilenet mobilenet_v1.tflite --json figures.json

--train and --val hold images by class (the parent folder's name). The command prints Markdown tables in the form of VQRAE's
Table 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import torch

from ..data.easy_vqa import read_easy_vqa
from ..data.sources import read_source, spread
from ..errors import UserError
from ..losses.mobilenet import MobileNetV1
from ..models.checkpoint import load_checkpoint
from ..models.encoder import load_encoder
from .model import evaluate_discrete, evaluate_encoder, evaluate_reconstruction
from .vqa import vqa_baselines


def reconstruction_table(figures: dict) -> str:
    names = [("psnr", "PSNR dB", ".2f"), ("psnr_worst", "worst", ".2f"), ("ssim", "SSIM 7x7 uniform", ".4f")]
    names += [("blocking", "blocking", ".3f"), ("frechet_mobilenet", "Frechet distance on MobileNetV1 features", ".3f")]
    shown = [(title, format(figures[key], spec)) for key, title, spec in names if key in figures]
    return _table(["val images", *(t for t, _ in shown)], [[f"{figures['images']:,}", *(v for _, v in shown)]])


def codebook_table(figures: dict) -> str:
    use = f"{figures['codes']:,} of {figures['size']:,}"
    row = [use, _percent(figures["utilization"]), f"{figures['perplexity']:,.0f}"]
    return _table(["codes used on val", "utilization", "perplexity"], [row])


def probe_table(probes: dict[str, dict], baselines: dict | None) -> str:
    """Write one row for each way to pool. VQA reads all tokens, so it stands in the patches' row. baselines: those of
    `vqa_baselines`."""
    rows = []
    for name, figures in probes.items():
        for key, title in (("class_token", "class token"), ("mean_patch", "mean patch")):
            if key in figures:
                f = figures[key]
                probe = f"{_percent(f['linear_probe'])} (C {f['linear_probe_C']:g})"
                vqa = figures.get("vqa", {}).get("accuracy") if key == "mean_patch" else None
                cells = [_percent(f["nn1"]), _percent(f["nn1_leave_one_out"]), probe]
                rows.append([f"{name}, {title}", *cells, _percent(vqa) if vqa is not None else ""])
    for name, share in (baselines or {}).items():
        rows.append([f"no image ({name})", "", "", "", _percent(share)])
    head = ["features", "1-NN, val in train", "1-NN, val leave-one-out", "linear probe", "easy-VQA, all tokens"]
    return _table(head, rows)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True, help="a VQRAE folder, as `export` writes")
    parser.add_argument("--encoder", action="append", default=[], metavar="NAME=FOLDER", help="to compare with; repeatable")
    parser.add_argument("--train", required=True, help="tar or folder of images by class")
    parser.add_argument("--val", required=True)
    parser.add_argument("--vqa", help="easy-vqa.tar")
    parser.add_argument("--vqa-images", type=int, default=1500, help="train images of easy-VQA that the head learns from")
    parser.add_argument("--mobilenet", help="mobilenet_v1_1.0_224 .tflite, for the Frechet distance")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--limit", type=int, help="at most so many images of each source, for a quick look")
    parser.add_argument("--seed", type=int, default=0, help="of the VQA head")
    parser.add_argument("--threads", type=int, help="of the CPU")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args(argv)
    if args.limit is not None and args.limit < 2:
        raise UserError(f"Expected at least 2 images for --limit but received {args.limit}")
    if malformed := [spec for spec in args.encoder if not all(spec.partition("=")[::2])]:
        raise UserError(f"Expected NAME=FOLDER for --encoder but received {malformed[0]!r}")
    if args.threads:
        torch.set_num_threads(args.threads)

    started = time.time()
    say = lambda what: print(f"{time.time() - started:6.0f} s  {what}", file=sys.stderr, flush=True)
    train, val = (spread(read_source(path), args.limit) for path in (args.train, args.val))
    if len({item.label for item in train}) < 2:
        raise UserError(f"Expected images of at least two classes (parent folders) for --train but received {args.train}")
    counts = (min(args.vqa_images, args.limit or args.vqa_images), args.limit)
    vqa = read_easy_vqa(args.vqa, *counts) if args.vqa else None
    mobilenet = MobileNetV1(args.mobilenet).to(args.device) if args.mobilenet else None
    encoders = {name: load_encoder(folder).to(args.device) for name, _, folder in (s.partition("=") for s in args.encoder)}
    model = load_checkpoint(args.checkpoint).to(args.device)

    say("reconstruction")
    figures: dict = {"reconstruction": evaluate_reconstruction(model, val, mobilenet), "probes": {}}
    probes = figures["probes"]
    for name, encoder in encoders.items():
        say(f"probes of {name}")
        probes[name] = evaluate_encoder(encoder, train, val, vqa, args.seed)
    say("probes of the checkpoint's features")
    probes["checkpoint, continuous"] = evaluate_encoder(model.encoder, train, val, vqa, args.seed)
    say("probes of the checkpoint's codes")
    probes["checkpoint, discrete"] = evaluate_discrete(model, train, val, vqa, args.seed)
    if vqa is not None:
        figures["vqa_baselines"] = vqa_baselines(vqa, args.seed)
    say("done")

    print(reconstruction_table(figures["reconstruction"]), codebook_table(figures["reconstruction"]), sep="\n\n", end="\n\n")
    print(probe_table(probes, figures.get("vqa_baselines")))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
