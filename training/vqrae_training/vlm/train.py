"""LLaVA's recipe for a language model that starts from nothing: three phases and a fourth for captions, one loop.

    text:       the language model alone; a description in words stands where the image will
    projector:  LLaVA's step 1: the image takes that place, the language model is frozen
    both:       LLaVA's step 2: projector and language model
    captions:   both again, and a share of the steps is self-critical: captions that the model draws are scored by CIDEr-D
    The encoder is frozen throughout: its features are cached on disk before the second phase.

    python -m vqrae_training vlm train --encoder models/vqrae-tiny --easy-vqa easy-vqa.tar --nlvr nlvr --out runs/vlm

A killed run goes on from `last.pt` under --out when you start it again with the same arguments, bit for bit on a CPU.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from ..config import load_sections, to_dict
from ..engine.distributed import alone
from ..engine.monitor import Monitor
from ..engine.resume import read_state, restore, save_state
from ..engine.schedule import Schedule, set_learning_rates
from ..errors import UserError
from ..language.gguf_file import copy_weights, read_gguf
from ..language.muon import Muon
from ..language.qwen3 import build_language_model
from ..language.tokenizer import train_tokenizer
from ..models.encoder import Encoder, load_encoder
from .batches import Batch, make_batch
from .captions.self_critical import Captions, self_critical_loss, write_captions
from .config import CaptionSection, PhaseSection, RunSection, VlmConfig
from .data import KINDS, Corpus
from .features import FeatureSets, build_features
from .model import Projector, Vlm, right_answers
from .names import Names
from .talk import CAPTION_ASKED

PHASES = ("text", "projector", "both", "captions")
MONITOR_BATCH = 20


def train(config: VlmConfig, out: Path, allow_changes: bool = False) -> None:
    """Train all phases into the folder `out`, or go on from its last.pt. Raises UserError for what you can mend."""
    run = config.run
    device = alone(run.device, "run.device")
    torch.set_num_threads(run.threads)
    torch.manual_seed(run.seed)
    out.mkdir(parents=True, exist_ok=True)
    last = out / "last.pt"
    state = read_state(last, config, allow_changes)
    vision = config.vision
    encoder = load_encoder(vision.encoder).eval()
    corpus = Corpus(config.data, Names.read(Path(vision.encoder), encoder))
    tokenizer = _tokenizer(config, corpus, out)
    llm = build_language_model(config.language, tokenizer.get_vocab_size())
    model = Vlm(Projector(encoder.hidden_size * len(vision.layers), config.language.hidden_size), llm)
    if run.compile:
        llm.model.compile(dynamic=True)
    if run.init and (state is None or run.keep):
        start = Path(run.init) / "llm.gguf"
        copy_weights(read_gguf(start)[0], llm, start)
        model.projector.load_state_dict(load_file(Path(run.init) / "model.safetensors"))
    model.to(device)
    teacher = Teacher(model if run.init else None, run.keep)
    first = state["phase"] if state is not None else 0
    done = state["done"] if state is not None else 0  # steps, over all phases
    total = sum(getattr(config, phase).steps for phase in PHASES)
    (out / "config.json").write_text(json.dumps(to_dict(config), indent=2) + "\n")

    with Monitor(out, total, done) as monitor:
        for number, phase in enumerate(PHASES[first:], start=first):
            options: PhaseSection = getattr(config, phase)
            if phase != "text" and corpus.features is None:
                corpus.look_at(features_of(config, corpus, encoder, out))
            model.llm.requires_grad_(phase != "projector")
            model.projector.requires_grad_(phase != "text")
            optimisers = make_optimisers(model, options, run)
            schedule = Schedule(options.steps, options.warmup, falls_from=options.warmup, curve="cosine")
            step = 0
            if state is not None and number == first:
                restore(state, model, optimisers)
                step = state["step"]
                print(f"resumed at step {step} of {phase}", flush=True)
            written = Captions(corpus.photos.photos) if phase == "captions" and options.steps else None
            losses, strayed, rewards, started = [], [], [], time.time()
            while step < options.steps:
                rate = set_learning_rates(optimisers, schedule, step)
                rng = random.Random(f"{run.seed}:{phase}:{step}")
                if phase == "captions" and rng.random() < config.captions.share:
                    loss, reward = self_critical_loss(model, written, corpus.features, tokenizer, config.captions, rng, run.bf16)
                    rewards.append(reward)
                else:
                    kind, pictures = corpus.draw(phase, step, run.seed)
                    batch = make_batch(pictures, tokenizer).to(device)
                    with torch.autocast(device.type, torch.bfloat16, enabled=run.bf16):
                        logits = model(batch)
                        known = teacher.knows(kind, batch)
                    loss = turn_loss(logits.float(), batch, known)
                    (losses if known is None else strayed).append(loss.item())
                if not torch.isfinite(loss):
                    raise UserError(f"Expected a finite loss but received {loss.item()} at step {step}; try a lower {phase}.lr")
                model.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), run.clip)
                for optimiser in optimisers:
                    optimiser.step()
                step += 1
                done += 1
                if step % run.log_every == 0:
                    values = {"phase": number, "lr": rate, "steps_per_s": run.log_every / (time.time() - started)}
                    means = {"loss": losses, "strayed": strayed, "cider": rewards}
                    monitor.scalars(done, values | {name: sum(of) / len(of) for name, of in means.items() if of})
                    losses, strayed, rewards, started = [], [], [], time.time()
                if step % run.eval_every == 0 or step == options.steps:
                    if phase != "text":
                        monitor.scalars(done, {"phase": number} | evaluate(model, corpus, tokenizer, phase == "captions"))
                    save_state(last, config, model, optimisers, {"step": step, "phase": number, "done": done})
                    started = time.time()


def features_of(config: VlmConfig, corpus: Corpus, encoder: Encoder, out: Path, only: str = "") -> FeatureSets:
    """Compute the features of all pictures, or read them where they are kept. only: the name of one group of pictures."""
    v, folder = config.vision, Path(config.data.features or out / "features")
    every = corpus.groups()
    if only and only not in every:
        raise UserError(f"Expected one of {', '.join(every)} for --features but received {only!r}")
    groups = {name: items for name, items in every.items() if only in ("", name)}
    working = copy.deepcopy(encoder).to(alone(config.run.device, "run.device"))  # the corpus names pictures by the other one
    return FeatureSets([build_features(working, v.layers, v.most_tiles, i, folder / g, v.bf16) for g, i in groups.items()])


class Teacher:
    """Learning without forgetting (Li and Hoiem 2016): on steps of the kinds `keep` the weights that a run began with say how
    likely each token is, and not the data. Raises UserError for a kind that there is not, or where no weights were given."""

    def __init__(self, start: Vlm | None, keep: Sequence[str]):
        if unknown := set(keep) - set(KINDS):
            raise UserError(f"Expected {', '.join(KINDS)} for run.keep but received {', '.join(sorted(unknown))}")
        if keep and start is None:
            raise UserError("Expected --init for run.keep but received none: name the model whose answers shall stay")
        self.keep = keep
        self.model = copy.deepcopy(start).requires_grad_(False) if keep else None

    @torch.no_grad()
    def knows(self, kind: str, batch: Batch) -> Tensor | None:
        """Return logits [answer tokens, vocabulary], or None for a kind that is learnt from the data."""
        return self.model(batch).float() if kind in self.keep else None


def turn_loss(logits: Tensor, batch: Batch, known: Tensor | None = None) -> Tensor:
    """Return the mean over turns of the mean over a turn's tokens, in nats: a long description then does not drown a yes or no.
    A token's loss is its cross-entropy, or with a teacher's logits `known` the divergence from them."""
    if known is None:
        losses = F.cross_entropy(logits, batch.targets, reduction="none")
    else:
        losses = F.kl_div(logits.log_softmax(-1), known.log_softmax(-1), reduction="none", log_target=True).sum(-1)
    sums = losses.new_zeros(batch.turns).index_add(0, batch.turn_of, losses)
    return (sums / batch.turn_of.bincount(minlength=batch.turns)).mean()


def evaluate(model: Vlm, corpus: Corpus, tokenizer: Tokenizer, written: bool = False) -> dict[str, float]:
    """Return the shares of right answers on the pictures that are monitored, and the loss of captions. written: the CIDEr-D of
    greedy captions too, over few photos and so not a benchmark's figure."""
    found = {"val_cider": val_cider(model, corpus, tokenizer)} if written else {}
    for name, pictures in corpus.monitored().items():
        if not pictures:
            continue
        parts = [pictures[i : i + MONITOR_BATCH] for i in range(0, len(pictures), MONITOR_BATCH)]
        batches = [make_batch(part, tokenizer).to(model.device) for part in parts]
        if name == "captions":
            with torch.no_grad():
                losses = [turn_loss(model(batch).float(), batch).item() * batch.turns for batch in batches]
            found["val_caption_loss"] = sum(losses) / sum(batch.turns for batch in batches)
        else:
            right = [r for batch in batches for r in right_answers(model, batch)]
            found[f"val_{name}"] = sum(right) / len(right)
    return found


def val_cider(model: Vlm, corpus: Corpus, tokenizer: Tokenizer) -> float:
    captions = Captions(corpus.photos.val)
    seen = [corpus.features.of(photo.item.name) for photo in captions.photos]
    said = write_captions(model, seen, CAPTION_ASKED[0], tokenizer, CaptionSection.most_tokens)
    return sum(captions.reward(p, text) for p, (text,) in zip(captions.photos, said, strict=True)) / len(said)


def make_optimisers(model: Vlm, phase: PhaseSection, run: RunSection) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside, since it needs fewer steps than AdamW. AdamW, at the same rates, for embeddings, norms and
    biases."""
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    matrices = [p for n, p in named if p.ndim == 2 and "embed_tokens" not in n]
    others = [p for n, p in named if p.ndim != 2 or "embed_tokens" in n]
    rates = {"peak": phase.lr, "end": phase.end_lr}
    muon = Muon([{"params": matrices} | rates], weight_decay=run.weight_decay, bf16=run.bf16)
    return [muon, torch.optim.AdamW([{"params": others} | rates], betas=(0.9, 0.95), weight_decay=0.0)]


def _tokenizer(config: VlmConfig, corpus: Corpus, out: Path) -> Tokenizer:
    file = out / "tokenizer.json"
    if not file.exists():
        init = Path(config.run.init) / "llm.gguf"
        known = read_gguf(init)[1] if config.run.init else None
        (known or train_tokenizer(corpus.texts(config.run.seed), config.language.vocabulary)).save(str(file))
    return Tokenizer.from_file(str(file))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="vlm/tiny", help="a file under presets/, or a .toml file")
    parser.add_argument("--encoder", help="the frozen tokenizer's checkpoint folder (vision.encoder)")
    parser.add_argument("--easy-vqa", help="the tar of easy-VQA's repository (data.easy_vqa)")
    parser.add_argument("--nlvr", help="the folder of NLVR's repository, with dev and hidden (data.nlvr)")
    parser.add_argument("--photos", nargs="+", help="tars of photos, each with a table of captions beside it (data.photos)")
    parser.add_argument("--named", nargs="+", help="pictures of one thing, which the encoder's classifier names (data.named)")
    parser.add_argument("--rooms", help="DAQUAR's folder, with train.csv and train.tar (data.rooms)")
    parser.add_argument("--sentences", help="captions without photos, a line each (data.sentences)")
    parser.add_argument("--out", required=True, help="folder of the run")
    parser.add_argument("--init", help="a folder that `vlm export` wrote, whose weights a new run starts from (run.init)")
    parser.add_argument("--features", help="only compute one group's features: photos-NAME, val-photos, named, rooms or shapes")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="section.key=value")
    parser.add_argument("--allow-changes", action="store_true", help="go on from last.pt although the configuration differs")
    args = parser.parse_args(argv)
    named = {
        "vision.encoder": args.encoder,
        "data.easy_vqa": args.easy_vqa,
        "data.nlvr": args.nlvr,
        "data.photos": args.photos,
        "data.named": args.named,
        "data.rooms": args.rooms,
        "data.sentences": args.sentences,
        "run.init": args.init,
    }
    overrides = [f"{name}={json.dumps(value)}" for name, value in named.items() if value is not None]
    config, out = load_sections(VlmConfig, args.preset, overrides + args.set), Path(args.out)
    if args.features:
        torch.set_num_threads(config.run.threads)
        features_of(config, Corpus(config.data), load_encoder(config.vision.encoder).eval(), out, args.features)
    else:
        train(config, out, args.allow_changes)
