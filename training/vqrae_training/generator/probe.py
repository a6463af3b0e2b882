"""A linear probe that says which class a picture shows. It is trained on the encoder's class tokens of real photos."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from ..metrics.probes import fit_logistic
from ..models.vqrae import VQRAE
from .corpus import BATCH, Corpus, Photo, encode

STRENGTH = 1.0  # C, as in the SDK's probe


class ClassProbe:
    """Multinomial logistic regression on standardised features of the corpus's train photos."""

    def __init__(self, corpus: Corpus):
        rows = corpus.rows(Photo, "train")
        self.labels = corpus.labels
        x = torch.from_numpy(corpus.features[rows]).double()
        self.mean, self.deviation = x.mean(0), x.std(0, correction=0).clamp_min(1e-6)
        targets = torch.tensor([self.labels.index(corpus.items[row].label) for row in rows])
        self.parameters = fit_logistic(self._scaled(x), targets, len(self.labels), STRENGTH).parameters

    def _scaled(self, features: torch.Tensor) -> torch.Tensor:
        return (features.double() - self.mean) / self.deviation

    def classify(self, features: np.ndarray) -> list[str]:
        """Return the labels of class-token features [n, d]."""
        answers = (self._scaled(torch.from_numpy(features)) @ self.parameters[:-1] + self.parameters[-1]).argmax(1)
        return [self.labels[i] for i in answers.tolist()]


def embed(tokenizer: VQRAE, images: list[Image.Image]) -> tuple[np.ndarray, np.ndarray]:
    """Return ids [n, t] and class-token features [n, d] of pictures of any size."""
    parts = [encode(tokenizer, images[i : i + BATCH]) for i in range(0, len(images), BATCH)]
    return tuple(np.concatenate(p) for p in zip(*parts, strict=True))
