"""Vocabulary `[text][boi][eoi][visual ids]`, and batches of `prompt, boi, ids in raster order, eoi`.

The loss counts the ids that follow boi, and the eoi that closes them. A batch depends on the seed and the step alone: a continued
run sees what an undisturbed one sees.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor

from ..language.tokenizer import PAD, train_tokenizer
from .config import TrainSection
from .corpus import Corpus, Photo
from .drawn import Drawing
from .prompts import all_prompts, class_prompt, drawn_prompt
from .shards import Captioned

BOI, EOI = "<|boi|>", "<|eoi|>"


@dataclass(frozen=True)
class Vocabulary:
    tokenizer: Tokenizer
    boi: int
    eoi: int
    first: int  # token of visual id 0
    size: int  # visual ids

    def text(self, prompt: str) -> list[int]:
        return self.tokenizer.encode(prompt).ids


def make_vocabulary(texts: list[str], text_size: int, codebook_size: int) -> Vocabulary:
    """Train the text tokenizer on `texts` and append the visual tokens. text_size: at most so many entries for bytes, merges and
    chat tokens."""
    visual = [BOI, EOI, *(f"<|visual_{i}|>" for i in range(codebook_size))]
    return describe_vocabulary(train_tokenizer(texts, text_size + len(visual), visual))


def corpus_prompts(corpus: Corpus) -> list[str]:
    """Return every text that training can show. The text tokenizer learns its merges from them."""
    shown = {item.name for item in corpus.items if isinstance(item, Captioned) and item.split == "train"}
    return all_prompts(corpus.labels) + [caption for name in sorted(shown) for caption in corpus.captions[name]]


def describe_vocabulary(tokenizer: Tokenizer) -> Vocabulary:
    boi, eoi, first = (tokenizer.token_to_id(token) for token in (BOI, EOI, "<|visual_0|>"))
    return Vocabulary(tokenizer, boi, eoi, first, tokenizer.get_vocab_size() - first)


class Batch(NamedTuple):
    tokens: Tensor  # int64 [n, length], padded at the end
    predicting: Tensor  # int64 [n, t + 1]: positions of boi and of the ids
    labels: Tensor  # int64 [n, t + 1]: the tokens that follow them, ids and eoi

    def to(self, device: torch.device) -> Batch:
        return Batch(*(part.to(device) for part in self))


class Sequences:
    """Draws training batches. A share of `prompt_dropout` has no words."""

    def __init__(self, corpus: Corpus, vocabulary: Vocabulary, options: TrainSection):
        self.corpus, self.vocabulary, self.options = corpus, vocabulary, options
        combinations: dict[tuple[str, str, str, str], list[int]] = {}
        for row in corpus.rows(Drawing, "train"):
            combinations.setdefault(corpus.items[row].combination, []).append(row)
        self.drawings = list(combinations.values())  # by combination: a large shape has fewer places than a small one
        self.captioned = corpus.rows(Captioned, "train")
        self.classes = [corpus.rows(Photo, "train", label) for label in corpus.labels]
        self.weights = [len(rows) ** options.balance for rows in self.classes]
        longest = max(len(text.ids) for text in vocabulary.tokenizer.encode_batch(corpus_prompts(corpus)))
        self.length = longest + 1 + corpus.ids.shape[1]

    def batch(self, step: int) -> Batch:
        rng = random.Random(f"{self.options.seed} {step}")
        rows, prompts = [], []
        for _ in range(self.options.batch):
            row = self._row(rng)
            rows.append(row)
            prompt = self.prompt(row, rng)
            prompts.append("" if rng.random() < self.options.prompt_dropout else prompt)
        return self.collate(rows, prompts)

    def _row(self, rng: random.Random) -> int:
        draw, o = rng.random(), self.options
        if self.drawings and (draw < o.drawn_share or not (self.classes or self.captioned)):
            return rng.choice(rng.choice(self.drawings))
        if self.captioned and (draw < o.drawn_share + o.captioned_share or not self.classes):
            return rng.choice(self.captioned)
        return rng.choice(rng.choices(self.classes, self.weights)[0])

    def prompt(self, row: int, rng: random.Random | None = None) -> str:
        item = self.corpus.items[row]
        if isinstance(item, Captioned):
            said = self.corpus.captions[item.name]
            return rng.choice(said) if rng else said[0]
        return drawn_prompt(item, rng) if isinstance(item, Drawing) else class_prompt(item.label, rng)

    def collate(self, rows: list[int], prompts: list[str]) -> Batch:
        v, t = self.vocabulary, self.corpus.ids.shape[1]
        ids = torch.from_numpy(self.corpus.ids[rows].astype("int64")) + v.first
        tokens = torch.full((len(rows), self.length), v.tokenizer.token_to_id(PAD))
        predicting = torch.empty(len(rows), t + 1, dtype=torch.long)
        for i, prompt in enumerate(prompts):
            words = v.text(prompt)
            tokens[i, : len(words) + 1 + t] = torch.tensor([*words, v.boi, *ids[i].tolist()])
            predicting[i] = torch.arange(len(words), len(words) + t + 1)
        return Batch(tokens, predicting, torch.cat([ids, torch.full((len(rows), 1), v.eoi)], 1))
