"""Self-critical sequence training (Rennie et al. 2017): captions that the model itself draws are made likelier or less likely by
how well they agree with what people wrote.

A caption's reward is its CIDEr-D. What it is held against is the mean of the same photo's other captions (Luo 2020), so that no
greedy caption is needed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor
from transformers import DynamicCache

from ...errors import UserError
from ...language.tokenizer import END, IMAGE_PAD
from ..batches import Picture, after_image, before_image, image_ids, make_batch, question_ids
from ..config import CaptionSection
from ..features import FeatureSets
from ..model import Vlm
from ..photos import ENOUGH, Photo
from ..talk import CAPTION_ASKED
from .cider import CiderD


class Captions:
    """The photos that have several captions, and how well a caption agrees with theirs."""

    def __init__(self, photos: Sequence[Photo]):
        self.photos = [photo for photo in photos if len(photo.facts.captions) >= ENOUGH]
        self.written = {photo.item.name: [_scored(c) for c in photo.facts.captions] for photo in self.photos}
        self.cider = CiderD(list(self.written.values()))

    def reward(self, photo: Photo, caption: str) -> float:
        return self.cider.score(_scored(caption), self.written[photo.item.name])

    def draw(self, features: FeatureSets, most: int, rng: random.Random) -> list[Photo]:
        """Draw photos that have as many tiles as the first one, so that their prompts are equally long."""
        drawn = rng.sample(self.photos, min(most, len(self.photos)))
        tiles = lambda photo: len(features.of(photo.item.name))
        return [photo for photo in drawn if tiles(photo) == tiles(drawn[0])]


def self_critical_loss(
    model: Vlm,
    captions: Captions,
    features: FeatureSets,
    tokenizer: Tokenizer,
    options: CaptionSection,
    rng: random.Random,
    bf16: bool = False,
) -> tuple[Tensor, float]:
    """Return a step's loss, and the mean CIDEr-D of the captions that were drawn. Both depend on `rng` alone. Raises
    UserError where there is no other caption to hold one against."""
    if options.samples < 2 or not captions.photos:
        raise UserError(
            f"Expected captions.samples of 2 or more and photos with {ENOUGH} captions or more, but received "
            f"{options.samples} and {len(captions.photos)} such photos"
        )
    photos = captions.draw(features, options.photos, rng)
    question = rng.choice(CAPTION_ASKED)
    seen = [features.of(photo.item.name) for photo in photos]
    device = model.device
    products = torch.autocast(device.type, torch.bfloat16, enabled=bf16)
    with products:
        said = write_captions(model, seen, question, tokenizer, options.most_tokens, options.samples, rng.getrandbits(32))
    rewards = torch.tensor([[captions.reward(p, text) for text in some] for p, some in zip(photos, said, strict=True)])
    others = (rewards.sum(1, keepdim=True) - rewards) / (options.samples - 1)
    gain = rewards - others
    gain = (gain / gain.std().clamp_min(1e-6)).flatten().to(device)
    pictures = [Picture(s, [[(question, text)] for text in some]) for s, some in zip(seen, said, strict=True)]
    batch = make_batch(pictures, tokenizer).to(device)
    with products:
        logits = model(batch)
    losses = F.cross_entropy(logits.float(), batch.targets, reduction="none")
    return (losses * gain[batch.turn_of]).mean(), rewards.mean().item()


@torch.no_grad()
def write_captions(
    model: Vlm, seen: Sequence[Tensor], question: str, tokenizer: Tokenizer, most: int, samples: int = 0, seed: int = 0
) -> list[list[str]]:
    """Write captions of at most `most` tokens. seen: features [tiles, t, d] of each picture, with equally many tiles. samples:
    how many are drawn of each picture by the model's own probabilities; 0: the greedy one alone."""
    pad, end = tokenizer.token_to_id(IMAGE_PAD), tokenizer.token_to_id(END)
    prompt = before_image(tokenizer) + image_ids(seen[0], tokenizer) + after_image(tokenizer) + question_ids(question, tokenizer)
    device = model.device
    ids = torch.tensor([prompt] * len(seen), device=device)
    embed = model.llm.get_input_embeddings()
    image = model.projector(torch.cat([features.float() for features in seen]).to(device))
    x = embed(ids)
    x = x.masked_scatter((ids == pad)[:, :, None], image.to(x.dtype))
    cache, each = DynamicCache(), max(1, samples)
    # `forward`, and not a call: a compiled model would be compiled again for every length.
    hidden = model.llm.model.forward(inputs_embeds=x, past_key_values=cache, use_cache=True).last_hidden_state[:, -1]
    hidden = hidden.repeat_interleave(each, 0)
    cache.batch_repeat_interleave(each)
    drawn = torch.Generator(device).manual_seed(seed)
    said, going = [], torch.ones(len(hidden), dtype=torch.bool, device=device)
    for _ in range(most):
        logits = model.llm.lm_head(hidden).float()
        token = torch.multinomial(logits.softmax(-1), 1, generator=drawn)[:, 0] if samples else logits.argmax(-1)
        token = torch.where(going, token, end)
        said.append(token)
        going = going & (token != end)
        if not going.any():
            break
        hidden = model.llm.model.forward(inputs_embeds=embed(token[:, None]), past_key_values=cache, use_cache=True)
        hidden = hidden.last_hidden_state[:, -1]
    rows = torch.stack(said, 1).tolist()
    texts = [tokenizer.decode(row[: row.index(end)] if end in row else row) for row in rows]
    return [texts[i : i + each] for i in range(0, len(texts), each)]


def _scored(caption: str) -> list[str]:
    """Return a caption's words and its end: without the end, captions that break off would be liked."""
    return [*re.findall(r"[a-z0-9'-]+", caption.lower()), END]
