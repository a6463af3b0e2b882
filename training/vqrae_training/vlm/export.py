"""Write a run as the folder that `loadVlm` reads: config.json and model.safetensors (the projector), llm.gguf.

python -m vqrae_training vlm export runs/vlm --out my-vlm --name my-vlm
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from safetensors.torch import save_file
from tokenizers import Tokenizer

from ..engine.resume import read_last
from ..errors import UserError
from ..language.gguf_file import write_gguf
from ..language.qwen3 import LanguageSection, build_language_model
from ..language.tokenizer import IMAGE_END, IMAGE_START
from ..models.encoder import load_encoder
from .model import EPS, Projector, Vlm


def export(run: Path, out: Path, name: str, licence: str, about: str) -> None:
    """Write the run's projector and language model into `out`. Raises UserError where `run` has no last.pt."""
    if not (run / "last.pt").is_file():
        raise UserError(f"Expected a run's folder with last.pt but received {run}")
    state = read_last(run / "last.pt")
    config, tokenizer = state["config"], Tokenizer.from_file(str(run / "tokenizer.json"))
    width, vision = config["language"]["hidden_size"], config["vision"]
    each, layers = load_encoder(vision["encoder"]).hidden_size, vision["layers"]
    dim = each * len(layers)
    llm = build_language_model(LanguageSection(**config["language"]), tokenizer.get_vocab_size())
    model = Vlm(Projector(dim, width), llm)
    model.load_state_dict(state["model"])
    out.mkdir(parents=True, exist_ok=True)
    described = {
        "model_type": "vqrae_projector",
        "projector_type": "internvl",
        "hidden_size": each,
        "text_hidden_size": width,
        "downsample_ratio": 0.5,
        "layer_norm_eps": EPS,
        "features": {"layer": layers[0] if len(layers) == 1 else list(layers), "postNorm": False},
        "image_prefix": IMAGE_START,
        "image_suffix": IMAGE_END,
        "tiles": {"min": 1, "max": vision["most_tiles"], "thumbnail": False},
    }
    (out / "config.json").write_text(json.dumps(described, indent=2) + "\n")
    tensors = {k: (t.half() if t.ndim == 2 else t.float()).contiguous() for k, t in model.projector.state_dict().items()}
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    write_gguf(out / "llm.gguf", model.llm, tokenizer, name, licence=licence, about=about)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="folder of the run")
    parser.add_argument("--out", required=True, help="folder to write")
    parser.add_argument("--name", required=True, help="the model's name in its GGUF file")
    parser.add_argument("--licence", default="apache-2.0", help="an SPDX identifier, or the terms of the data in words")
    parser.add_argument("--about", default="", help="what the model knows, in a sentence: `vqrae ask` says it")
    args = parser.parse_args(argv)
    export(Path(args.run), Path(args.out), args.name, args.licence, args.about)
