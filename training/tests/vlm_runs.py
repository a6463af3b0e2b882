"""The VLM's trainer on a miniature encoder, drawn easy-VQA pictures and drawn NLVR boxes."""

from __future__ import annotations

import json
import random
from pathlib import Path

import torch
from conftest import CROP, VIT
from PIL import Image, ImageDraw
from test_vqa import write_set
from tokenizers import Tokenizer

from vqrae_training.__main__ import main
from vqrae_training.config import load_sections
from vqrae_training.language.qwen3 import build_language_model
from vqrae_training.language.tokenizer import train_tokenizer
from vqrae_training.models.checkpoint import save_encoder
from vqrae_training.models.encoder import Encoder
from vqrae_training.vlm.config import VlmConfig
from vqrae_training.vlm.model import Projector, Vlm
from vqrae_training.vlm.scene import ORDERS

SMALL = ["language.hidden_size=32", "language.intermediate_size=48", "language.layers=2", "language.heads=2", "language.head_dim=16",
         "language.vocabulary=400", "vision.layers=[2]", "data.easy_pictures=3", "data.nlvr_pairs=1", "data.statements=2", "data.questions=2",
         "run.bf16=false", "run.compile=false", "text.steps=4", "projector.steps=4", "both.steps=6", "run.eval_every=2", "run.log_every=2"]  # fmt: skip
HEX = {"yellow": "Yellow", "black": "Black", "blue": "#0099ff"}


def thing(colour: str, kind: str = "square", size: int = 20, x: int = 40, y: int = 80) -> dict:
    return {"color": HEX[colour], "type": kind, "size": size, "x_loc": x, "y_loc": y}


def tower(*colours: str) -> list[dict]:
    return [thing(colour, y=80 - 21 * i) for i, colour in enumerate(colours)]


def draw(boxes: list[list[dict]], order: tuple[int, ...]) -> Image.Image:
    image = Image.new("RGB", (400, 100), (128, 128, 128))
    pen = ImageDraw.Draw(image)
    for place, i in enumerate(order):
        pen.rectangle((150 * place, 0, 150 * place + 99, 99), fill=(211, 211, 211))
        for t in boxes[i]:
            x, y = 150 * place + t["x_loc"], t["y_loc"]
            pen.rectangle((x, y, x + t["size"] - 1, y + t["size"] - 1), fill=t["color"])
    return image


def write_data(root: Path) -> dict[str, Path]:
    """Ten presentations of two examples in each part; some sentences are used in several."""
    rng = random.Random(0)
    torch.manual_seed(0)
    save_encoder(Encoder(VIT, CROP), root / "encoder")
    write_set(root / "easy.tar", {"train": 8, "test": 4})
    for part in ("dev", "hidden"):
        rows = []
        for i in range(20):
            boxes = [tower(*rng.choices(list(HEX), k=rng.randint(1, 4))) for _ in range(3)]
            row = {
                "identifier": f"{i // 2}-{i % 2}",
                "directory": "0",
                "structured_rep": boxes,
                "label": rng.choice(["true", "false"]),
            }
            rows.append(row | {"sentence": f"There is sentence {i // 4}{part if i > 7 else ''}" + "." * (i % 2)})
            for k, order in enumerate(ORDERS):
                file = root / f"nlvr/{part}/images/0/{part}-{row['identifier']}-{k}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                draw(boxes, order).save(file)
        (root / f"nlvr/{part}/{part}.json").write_text("\n".join(map(json.dumps, rows)) + "\n")
    return {"encoder": root / "encoder", "easy": root / "easy.tar", "nlvr": root / "nlvr"}


def small_vlm() -> tuple[Vlm, Tokenizer]:
    """A model of random weights, for features of 16 numbers a token."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer(["what is it? a blue circle, yes or no"] * 3, 320)
    config = load_sections(VlmConfig, "vlm/tiny", SMALL)
    return Vlm(Projector(16, 32), build_language_model(config.language, tokenizer.get_vocab_size())).eval(), tokenizer


def train(data: dict[str, Path], out: Path, *changes: str) -> dict:
    arguments = ["--encoder", str(data["encoder"]), "--easy-vqa", str(data["easy"]), "--nlvr", str(data["nlvr"]), "--out", str(out)]
    main(["vlm", "train", *arguments, "--set", *SMALL, *changes])
    return torch.load(out / "last.pt", weights_only=True)
