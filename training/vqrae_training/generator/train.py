"""Train a small language model on visual tokens: next-token prediction (VQRAE, section 4 and Table 9, scaled down).

    python -m vqrae_training generator train --tokenizer models/vqrae-tiny --ids runs/ids --out runs/generator

A killed run goes on from `last.pt` under --out when you start it again with the same arguments, bit for bit on a CPU.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import Qwen3ForCausalLM

from ..config import load_sections, to_dict
from ..engine.distributed import alone
from ..engine.monitor import Monitor
from ..engine.resume import read_state, restore, save_state
from ..engine.schedule import Schedule, set_learning_rates
from ..errors import UserError
from ..language.gguf_file import copy_weights, read_gguf
from ..language.muon import Muon
from ..models.checkpoint import load_checkpoint
from .config import GeneratorConfig, TrainSection
from .corpus import Photo, read_corpus
from .drawn import Drawing
from .model import build_generator, visual_loss
from .sequences import BOI, Sequences, Vocabulary, corpus_prompts, describe_vocabulary, make_vocabulary
from .shards import Captioned

VALIDATION_ROWS = 24  # of photos, and of drawings


def make_optimisers(model: Qwen3ForCausalLM, o: TrainSection) -> list[torch.optim.Optimizer]:
    """AdamW (Table 9) for all weights, with a peak of its own for the embeddings. With `muon`, Muon for the matrices inside."""
    embeddings = model.model.embed_tokens.weight
    rest = [p for p in model.parameters() if p is not embeddings]
    by_muon = lambda p: o.muon and p.ndim == 2
    others = {"params": [p for p in rest if not by_muon(p)], "peak": o.lr}
    groups = [others, {"params": [embeddings], "peak": o.embedding_lr}]
    optimisers: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, o.lr, o.betas, o.eps, o.weight_decay, fused=True)]
    if matrices := list(filter(by_muon, rest)):
        optimisers.append(Muon([{"params": matrices, "peak": o.lr}], o.lr, weight_decay=o.weight_decay, bf16=o.bf16))
    return optimisers


@torch.no_grad()
def validation_losses(model: Qwen3ForCausalLM, sequences: Sequences) -> dict[str, float]:
    """Return the loss in nats a token on held-out photos, drawings of held-out combinations and held-out captioned photos, with
    words and without."""
    model.eval()
    losses = {}
    for name, kind in (("photos", Photo), ("drawings", Drawing), ("captioned", Captioned)):
        rows = sequences.corpus.rows(kind, "val")
        if not rows:
            continue
        rows = rows[:: max(1, len(rows) // VALIDATION_ROWS)]
        told = [sequences.prompt(row) for row in rows]
        for suffix, prompts in (("", told), ("_without_words", [""] * len(rows))):
            batches = [sequences.collate(rows[i : i + 8], prompts[i : i + 8]) for i in range(0, len(rows), 8)]
            parts = [visual_loss(model, batch.to(model.device)) for batch in batches]
            losses[f"val_{name}{suffix}"] = torch.stack(parts).mean().item()
    model.train()
    return losses


def prepare(config: GeneratorConfig) -> tuple[Qwen3ForCausalLM, Sequences]:
    """Return the model as it starts, and the data."""
    corpus, init = read_corpus(config.ids), config.train.init
    quantizer = load_checkpoint(config.tokenizer).quantizer
    if init:
        started, tokenizer = read_gguf(init)
        vocabulary = _vocabulary_of(tokenizer, init, quantizer.size)
    else:
        vocabulary = make_vocabulary(corpus_prompts(corpus), config.language.vocabulary, quantizer.size)
    with torch.no_grad():
        codes = quantizer.effective_codebook()
    model = build_generator(config.language, vocabulary, codes)
    if init:
        copy_weights(started, model, init)
    return model, Sequences(corpus, vocabulary, config.train)


def _vocabulary_of(tokenizer: Tokenizer, file: str, codebook_size: int) -> Vocabulary:
    """Return an exported model's vocabulary. Its merges stay what they are, whatever the new prompts."""
    vocabulary = describe_vocabulary(tokenizer) if tokenizer.token_to_id(BOI) is not None else None
    visual = vocabulary.size if vocabulary else 0
    if visual != codebook_size:
        raise UserError(f"Expected {codebook_size} visual ids, as the tokenizer has, for {file} but received {visual}")
    return vocabulary


def train(config: GeneratorConfig, out: Path, allow_changes: bool = False) -> None:
    """Train into the folder `out`, or go on from its last.pt. Raises UserError for what you can mend."""
    o = config.train
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    device = alone(o.device, "train.device")
    out.mkdir(parents=True, exist_ok=True)
    last = out / "last.pt"
    state = read_state(last, config, allow_changes)
    model, sequences = prepare(config)
    model.to(device)
    optimisers = make_optimisers(model, o)
    schedule = Schedule(o.steps, o.warmup, falls_from=o.steps - o.cooldown, curve="line")  # constant until then, as in Table 9
    step_loss = torch.compile(visual_loss) if o.compile else visual_loss
    step = 0
    if state is not None:
        restore(state, model, optimisers)
        step = state["step"]
        print(f"resumed at step {step}", flush=True)
    (out / "config.json").write_text(json.dumps(to_dict(config), indent=2) + "\n")
    seen: list[torch.Tensor] = []
    with Monitor(out, o.steps, step) as monitor:
        while step < o.steps:
            rate = set_learning_rates(optimisers, schedule, step)
            batch = sequences.batch(step)
            with torch.autocast(device.type, torch.bfloat16, enabled=o.bf16):
                loss = step_loss(model, batch.to(device))
            if not torch.isfinite(loss):
                raise UserError(f"Expected a finite loss but received {loss.item()} at step {step}; try a lower train.lr")
            model.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), o.clip or math.inf)
            for optimiser in optimisers:
                optimiser.step()
            step += 1
            seen.append(loss.detach())
            if step % o.log_every == 0:
                monitor.scalars(step, {"loss": torch.stack(seen).mean().item(), "lr": rate})
                seen = []
            if step % o.eval_every == 0 or step == o.steps:
                monitor.scalars(step, validation_losses(model, sequences))
                save_state(last, config, model, optimisers, {"step": step})


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="generator/tiny", help="a file under presets/, or a .toml file")
    parser.add_argument("--tokenizer", required=True, help="the vision tokenizer's checkpoint folder")
    parser.add_argument("--ids", required=True, help="the folder that `generator ids` wrote")
    parser.add_argument("--out", required=True, help="folder of the run; one that holds last.pt goes on from there")
    parser.add_argument("--init", help="an exported .gguf file that a new run starts from (train.init)")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="section.key=value")
    parser.add_argument("--allow-changes", action="store_true", help="go on from last.pt although the configuration differs")
    args = parser.parse_args(argv)
    paths = [f"ids={json.dumps(args.ids)}", f"tokenizer={json.dumps(args.tokenizer)}"]
    paths += [f"train.init={json.dumps(args.init)}"] if args.init else []
    train(load_sections(GeneratorConfig, args.preset, paths + args.set), Path(args.out), args.allow_changes)
