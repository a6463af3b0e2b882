"""Write a run as one GGUF file that llama.cpp runs and `vqrae generate` reads.

    python -m vqrae_training generator export runs/generator --out models/vqrae-tiny-generator/llm.gguf
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

from transformers import Qwen3ForCausalLM

from ..config import from_dict
from ..engine.resume import read_last
from ..errors import UserError
from ..language.gguf_file import write_gguf
from .config import GeneratorConfig
from .sequences import Sequences, Vocabulary
from .train import prepare


@dataclass(frozen=True)
class Sampling:
    """How to draw ids. The file carries these defaults."""

    guidance_scale: float = 2.0  # conditional logits c, unconditional u: u + scale * (c - u); 1 is no guidance
    temperature: float = 1.0
    top_p: float = 0.9
    top_k: int = 0  # 0: all


def load_run(folder: str | Path) -> tuple[Qwen3ForCausalLM, Sequences, GeneratorConfig]:
    """Read a run's model from its last.pt, in evaluation mode. Returns it with the run's data and configuration."""
    file = Path(folder) / "last.pt"
    if not file.is_file():
        raise UserError(f"Expected a folder that `generator train` wrote but received {folder}, which has no last.pt")
    state = read_last(file)
    config = from_dict(state["config"], GeneratorConfig)
    model, sequences = prepare(config)
    model.load_state_dict(state["model"])
    return model.eval(), sequences, config


@dataclass(frozen=True)
class Card:
    """What the file says of the model: an SPDX identifier or the terms of its data in words, and what it knows, in a sentence."""

    licence: str = "apache-2.0"
    about: str = ""


def export(
    model: Qwen3ForCausalLM, vocabulary: Vocabulary, path: Path, tokens: int, tokenizer: str, s: Sampling, card: Card
) -> None:
    """Write the file. tokens: the number of ids of one image, a square. tokenizer: the vision tokenizer's name."""
    side = math.isqrt(tokens)
    facts = {
        "codebook_size": vocabulary.size,
        "first_token": vocabulary.first,
        "boi_token": vocabulary.boi,
        "eoi_token": vocabulary.eoi,
        "rows": side,
        "columns": tokens // side,
        "tokenizer": tokenizer,
        "prompt_format": "{prompt}",
        "prompt_case": "sentence",  # prompts.sentence_case
        "unconditional_prompt": "",
        "guidance_scale": float(s.guidance_scale),
        "temperature": float(s.temperature),
        "top_p": float(s.top_p),
        "top_k": s.top_k,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    extra = {f"vqrae.visual.{k}": v for k, v in facts.items()}
    write_gguf(path, model, vocabulary.tokenizer, path.parent.name, extra, **vars(card))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="folder of a run")
    parser.add_argument("--out", required=True, help="the .gguf file")
    parser.add_argument("--licence", default=Card.licence, help="an SPDX identifier, or the terms of the data in words")
    parser.add_argument("--about", default=Card.about, help="what the model draws, in a sentence")
    for name, value in vars(Sampling()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    args = parser.parse_args(argv)
    model, sequences, config = load_run(args.run)
    sampling = Sampling(args.guidance_scale, args.temperature, args.top_p, args.top_k)
    tokens, tokenizer = sequences.corpus.ids.shape[1], Path(config.tokenizer).name
    card = Card(args.licence, args.about)
    export(model, sequences.vocabulary, Path(args.out), tokens, tokenizer, sampling, card)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{args.out}: {parameters:,} parameters, {Path(args.out).stat().st_size / 2**20:.1f} MiB")
