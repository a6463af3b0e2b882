"""What the encoder's own classifier calls a picture, read from the class token that is kept with its features."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ..models.encoder import Encoder

ANIMALS = 398  # ImageNet's first so many classes


class Names:
    """A folder of transformers' ViTForImageClassification with its labels. `all`: each label, and whether it is an animal's."""

    def __init__(self, folder: Path, encoder: Encoder):
        labels = json.loads((folder / "config.json").read_text())["id2label"]
        self.all = [(_name(labels[str(i)]), i < ANIMALS and len(labels) == 1000) for i in range(len(labels))]
        tensors = load_file(folder / "model.safetensors")
        self.weight, self.bias = tensors["classifier.weight"].float(), tensors["classifier.bias"].float()
        self.norm = encoder.final_norm

    @staticmethod
    def read(folder: Path, encoder: Encoder) -> Names | None:
        """Return None where the folder has no labels or no classifier."""
        config, file = folder / "config.json", folder / "model.safetensors"
        if "id2label" not in json.loads(config.read_text()) or not file.is_file() or "classifier.weight" not in load_file(file):
            return None
        return Names(folder, encoder)

    def shares(self, class_tokens: Tensor) -> Tensor:
        """Return each label's probability. class_tokens: [.., d] of the last block."""
        return (self.norm(class_tokens.float()) @ self.weight.T + self.bias).softmax(-1)

    @torch.no_grad()
    def of(self, class_token: Tensor, sure: float) -> tuple[str, bool] | None:
        """Return the likeliest label, or None where its probability is below `sure`. class_token: [d] of the last block."""
        shares = self.shares(class_token)
        best = int(shares.argmax())
        return self.all[best] if shares[best] >= sure else None


def _name(label: str) -> str:
    """Choose one of a label's words: `tabby, tabby cat` is a tabby cat, `tench, Tinca tinca` a tench."""
    first, *others = [word.strip() for word in label.split(",")]
    return next((other for other in others if other.lower().startswith(f"{first.lower()} ")), first)
