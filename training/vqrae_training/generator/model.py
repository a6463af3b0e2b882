"""The language model of a generator: Qwen3 whose visual embeddings start from the codebook."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import Qwen3ForCausalLM

from ..language.qwen3 import LanguageSection, build_language_model
from .sequences import Batch, Vocabulary


def build_generator(section: LanguageSection, vocabulary: Vocabulary, codes: Tensor | None) -> Qwen3ForCausalLM:
    """Build the model. codes [K, e]: the codebook's effective vectors, or None for random embeddings."""
    model = build_language_model(section, vocabulary.tokenizer.get_vocab_size())
    if codes is not None:
        with torch.no_grad():
            model.model.embed_tokens.weight[vocabulary.first :] = codebook_embeddings(codes, section.hidden_size)
    return model


def codebook_embeddings(codes: Tensor, width: int) -> Tensor:
    """Project codebook vectors [K, e] onto their `width` first principal axes: codes that look alike start alike, as input and as
    answer. The square root of each axis's deviation keeps the largest axes from drowning the rest. Rows have about unit
    length."""
    centred = (codes - codes.mean(0)).double()
    deviation, axes = torch.linalg.eigh(centred.T @ centred / len(codes))
    deviation, axes = deviation.flip(0)[:width].clamp_min(1e-12).sqrt(), axes.flip(1)[:, :width]
    rows = (centred @ axes) / deviation.sqrt()
    rows = F.pad(rows, (0, width - rows.shape[1]))
    return (rows / rows.square().sum(1).mean().sqrt()).float()


def visual_loss(model: Qwen3ForCausalLM, batch: Batch) -> Tensor:
    """Return the mean next-token loss in nats over ids and eoi."""
    hidden = model.model(batch.tokens, use_cache=False).last_hidden_state
    rows = torch.arange(len(hidden), device=hidden.device)[:, None]
    logits = model.lm_head(hidden[rows, batch.predicting])
    return F.cross_entropy(logits.flatten(0, 1).float(), batch.labels.flatten())
